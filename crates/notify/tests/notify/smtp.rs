use std::time::Duration;

use notify::{
    Error, Language, MessageId, Sender, Settings, SmtpCredentials, SmtpSettings, SmtpTls,
};
use secrecy::SecretString;

use crate::example::{VISITOR, alert, confirmation, envelope, render};
use crate::smtp_server::{Manner, SmtpServer};

fn credentials() -> SmtpCredentials {
    SmtpCredentials {
        username: SecretString::from("planted-user"),
        password: SecretString::from("planted-password"),
    }
}

async fn send(settings: SmtpSettings) -> Result<MessageId, Error> {
    let sender = Sender::from_settings(Settings::Smtp(settings)).unwrap();
    sender
        .send(&envelope(), &render(Language::De, confirmation()))
        .await
}

fn kind(error: &Error) -> &'static str {
    match error {
        Error::Busy { .. } => "busy",
        Error::Unreachable { .. } => "unreachable",
        Error::Tls { .. } => "tls",
        Error::AuthRequired { .. } => "auth",
        Error::SenderUnverified { .. } => "sender",
        Error::RecipientRefused { .. } => "recipient",
        Error::Refused { .. } => "refused",
        _ => "other",
    }
}

#[tokio::test]
async fn a_mail_reaches_the_server_in_mime_form() {
    let server = SmtpServer::start(Manner::Accept).await;
    let id = send(server.settings()).await.unwrap();
    assert_eq!(
        id.as_str(),
        "<visitor_confirmation.1.chat_123@acme.example>"
    );
    let (commands, mail) = server.heard();
    assert_eq!(
        commands,
        [
            "EHLO acme.example",
            "MAIL FROM:<support@acme.example>",
            "RCPT TO:<john@company.com>",
            "DATA",
            "QUIT"
        ]
    );
    insta::assert_snapshot!("mime", mail);
}

#[tokio::test]
async fn the_same_mail_is_the_same_bytes_whenever_it_is_sent() {
    let server = SmtpServer::start(Manner::Accept).await;
    send(server.settings()).await.unwrap();
    let (_, once) = server.heard();
    send(server.settings()).await.unwrap();
    let (_, twice) = server.heard();
    assert_eq!(twice, format!("{once}{once}"));
}

#[tokio::test]
async fn a_long_subject_in_any_script_stays_within_the_length_of_a_line() {
    let server = SmtpServer::start(Manner::Accept).await;
    let mut alert = alert();
    alert.ticket_subject = "Größe 測試 ".repeat(40);
    let sender = Sender::from_settings(Settings::Smtp(server.settings())).unwrap();
    let mail = render(Language::En, alert);
    sender.send(&envelope(), &mail).await.unwrap();
    let (_, heard) = server.heard();
    let longest = heard.lines().map(str::len).max();
    assert!(longest <= Some(78) && heard.is_ascii(), "{heard}");
}

#[tokio::test]
async fn no_text_of_a_visitor_ends_a_header_a_part_or_the_mail() {
    let server = SmtpServer::start(Manner::Accept).await;
    let mut alert = alert();
    let attack = "x\r\nBcc: all@example.com\r\n.\r\nMAIL FROM:<evil@example.com>\r\n--=_visitor_confirmation.1.chat_123\r\n";
    alert.ticket_subject = attack.to_owned();
    alert.customer.name = Some(attack.to_owned());
    let mut mail = render(Language::En, alert);
    mail.text = format!("{attack}{}", mail.text);
    let sender = Sender::from_settings(Settings::Smtp(server.settings())).unwrap();
    sender.send(&envelope(), &mail).await.unwrap();
    let (commands, heard) = server.heard();
    assert_eq!(commands.len(), 5, "{commands:?}");
    let (headers, body) = heard.split_once("\r\n\r\n").unwrap();
    assert!(
        !headers.lines().any(|line| line.starts_with("Bcc")),
        "{headers}"
    );
    let boundaries = body.lines().filter(|line| line.starts_with("--=_visitor"));
    assert_eq!(boundaries.count(), 3, "{body}");
}

#[tokio::test]
async fn what_a_server_answers_decides_whether_to_send_again() {
    use Manner::{Answer, HangUp};
    for (manner, expected, transient) in [
        (Answer("", "421 4.3.2 busy planted@x.example"), "busy", true),
        (
            Answer("", "554 5.3.2 no planted@x.example"),
            "refused",
            false,
        ),
        (Answer("AUTH", "454 4.7.0 later"), "busy", true),
        (
            Answer("AUTH", "535 5.7.8 planted-user is wrong"),
            "auth",
            false,
        ),
        (Answer("MAIL", "451 4.3.0 later"), "busy", true),
        (Answer("MAIL", "530 5.7.0 log in first"), "auth", false),
        (
            Answer("MAIL", "553 5.7.1 planted@x.example is not yours"),
            "sender",
            false,
        ),
        (Answer("RCPT", "450 4.2.1 greylisted"), "busy", true),
        (Answer("RCPT", "451 4.7.1 greylisted"), "busy", true),
        (
            Answer("RCPT", "550 5.1.1 planted@x.example unknown"),
            "recipient",
            false,
        ),
        (Answer("DATA", "451 4.3.0 later"), "busy", true),
        (Answer("DATA", "554 5.5.1 no"), "refused", false),
        (Answer(".", "452 4.3.1 full"), "busy", true),
        (Answer(".", "552 5.3.4 too large"), "refused", false),
        (
            Answer(
                ".",
                "554 Message rejected: Email address is not verified. planted@x.example",
            ),
            "sender",
            false,
        ),
        (Answer("RCPT", "who are you?"), "unreachable", true),
        (HangUp(""), "unreachable", true),
        (HangUp("EHLO"), "unreachable", true),
        (HangUp("RCPT"), "unreachable", true),
        (HangUp("."), "unreachable", true),
    ] {
        let server = SmtpServer::start(manner).await;
        let settings = SmtpSettings {
            credentials: Some(credentials()),
            ..server.settings()
        };
        let error = send(settings).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert_eq!(kind(&error), expected, "{shown}");
        assert_eq!(error.is_transient(), transient, "{shown}");
        for private in ["planted", VISITOR, "support@", "Password"] {
            assert!(!shown.contains(private), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_again_later() {
    let server = SmtpServer::start(Manner::Accept).await;
    let settings = server.settings();
    drop(server);
    tokio::task::yield_now().await;
    let error = send(settings).await.unwrap_err();
    assert!(
        matches!(error, Error::Unreachable { .. }) && error.is_transient(),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_stays_silent_is_left_in_time() {
    for place in ["", "EHLO", "DATA", "."] {
        let server = SmtpServer::start(Manner::Silence(place)).await;
        let settings = SmtpSettings {
            timeout: Duration::from_millis(50),
            ..server.settings()
        };
        let error = send(settings).await.unwrap_err();
        assert!(
            error.is_transient() && error.to_string().contains("timed out"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn nothing_is_said_in_the_clear_when_tls_is_asked_for() {
    for tls in [SmtpTls::StartTls, SmtpTls::Wrapper] {
        let server = SmtpServer::start(Manner::Accept).await;
        let settings = SmtpSettings {
            tls,
            credentials: Some(credentials()),
            ..server.settings()
        };
        let error = send(settings).await.unwrap_err();
        assert_eq!(kind(&error), "tls", "{error}");
        assert!(!error.is_transient() && error.is_misconfiguration());
        let (commands, mail) = server.heard();
        let secret = |line: &String| line.starts_with("AUTH") || line.starts_with("MAIL");
        assert!(!commands.iter().any(secret), "{commands:?}");
        assert!(mail.is_empty());
    }
}

#[test]
fn settings_that_cannot_work_are_refused_at_once() {
    let base = SmtpSettings::new("mail.acme.example");
    for (settings, setting) in [
        (
            SmtpSettings {
                tls: SmtpTls::None,
                ..base.clone()
            },
            "tls",
        ),
        (SmtpSettings::new("http://mail.acme.example"), "host"),
        (SmtpSettings::new(""), "host"),
        (
            SmtpSettings {
                timeout: Duration::ZERO,
                ..base.clone()
            },
            "timeout",
        ),
        (
            SmtpSettings {
                ca_certificate: Some("not PEM".to_owned()),
                ..base.clone()
            },
            "ca_certificate",
        ),
    ] {
        let error = Sender::from_settings(Settings::Smtp(settings)).unwrap_err();
        assert!(error.to_string().contains(setting), "{error}");
        assert!(error.is_misconfiguration(), "{error}");
    }
    assert!(Sender::from_settings(Settings::Smtp(base)).is_ok());
}

#[test]
fn a_tls_mode_is_named_by_a_word() {
    for (text, tls) in [
        ("starttls", SmtpTls::StartTls),
        ("TLS", SmtpTls::Wrapper),
        (" none ", SmtpTls::None),
    ] {
        assert_eq!(text.parse(), Ok(tls));
    }
    assert!("opportunistic".parse::<SmtpTls>().is_err());
}

#[test]
fn credentials_never_show_in_debug_output() {
    let settings = SmtpSettings {
        credentials: Some(credentials()),
        ..SmtpSettings::new("mail.acme.example")
    };
    let shown = format!("{settings:?}");
    let sender = Sender::from_settings(Settings::Smtp(settings)).unwrap();
    assert!(!format!("{shown} {sender:?}").contains("planted"));
}
