use notify::{Error, Language, MessageId, Sender, SesSettings, Settings};
use serde_json::json;

use crate::example::{VISITOR, confirmation, envelope, render};
use crate::ses_server::{SesServer, settings};

async fn send(settings: SesSettings) -> Result<MessageId, Error> {
    let sender = Sender::from_settings(Settings::Ses(settings)).unwrap();
    sender
        .send(&envelope(), &render(Language::En, confirmation()))
        .await
}

fn kind(error: &Error) -> &'static str {
    match error {
        Error::Busy { .. } => "busy",
        Error::Unreachable { .. } => "unreachable",
        Error::AuthRequired { .. } => "auth",
        Error::SenderUnverified { .. } => "sender",
        Error::SendingStopped { .. } => "stopped",
        Error::NoConfigurationSet { .. } => "set",
        Error::RecipientRefused { .. } => "recipient",
        Error::Refused { .. } => "refused",
        _ => "other",
    }
}

#[tokio::test]
async fn a_mail_goes_to_ses_as_raw_mime_with_its_envelope() {
    let server = SesServer::start(None).await;
    let id = send(server.settings(Some("deskbridge"))).await.unwrap();
    assert_eq!(id.as_str(), "0100-ses");
    let mut request = server.only_request();
    let data = request["Content"]["Raw"]["Data"].take();
    assert_eq!(
        request,
        json!({
            "FromEmailAddress": "support@acme.example",
            "Destination": {"ToAddresses": ["john@company.com"]},
            "Content": {"Raw": {"Data": null}},
            "EmailTags": [{"Name": "kind", "Value": "visitor_confirmation"}],
            "ConfigurationSetName": "deskbridge",
        })
    );
    let mime = String::from_utf8(base64_decode(data.as_str().unwrap())).unwrap();
    for header in [
        "From: \"Acme Support\" <support@acme.example>",
        "To: john@company.com",
        "Reply-To: helpdesk@acme.example",
        "Subject: Your request has been logged: ticket 1000001",
        "Date: Wed, 26 Nov 2025 16:50:00 +0000",
        "Message-ID: <visitor_confirmation.1.chat_123@acme.example>",
        "X-Entity-Ref-ID: visitor_confirmation.1.chat_123",
        "Auto-Submitted: auto-generated",
        "X-Auto-Response-Suppress: All",
        "Precedence: bulk",
    ] {
        assert!(mime.lines().any(|line| line == header), "{header}\n{mime}");
    }
}

#[tokio::test]
async fn without_a_configuration_set_none_is_named() {
    let server = SesServer::start(None).await;
    send(server.settings(None)).await.unwrap();
    assert!(server.only_request().get("ConfigurationSetName").is_none());
}

#[tokio::test]
async fn what_ses_answers_decides_whether_to_send_again() {
    const UNVERIFIED: &str = "Email address is not verified. The following identities failed the check: planted@x.example";
    for (status, code, message, expected, transient) in [
        (
            429,
            "TooManyRequestsException",
            "Maximum sending rate exceeded",
            "busy",
            true,
        ),
        (400, "ThrottlingException", "Rate exceeded", "busy", true),
        (
            400,
            "LimitExceededException",
            "Daily message quota exceeded",
            "busy",
            true,
        ),
        (500, "InternalFailure", "planted@x.example", "busy", true),
        (503, "ServiceUnavailable", "", "busy", true),
        (400, "MessageRejected", UNVERIFIED, "sender", false),
        (
            400,
            "MailFromDomainNotVerifiedException",
            "planted",
            "sender",
            false,
        ),
        (400, "MessageRejected", "contains a virus", "refused", false),
        (400, "AccountSuspendedException", "", "stopped", false),
        (400, "SendingPausedException", "", "stopped", false),
        (
            404,
            "NotFoundException",
            "Configuration set <planted> does not exist",
            "set",
            false,
        ),
        (
            403,
            "AccessDeniedException",
            "User planted is not authorized",
            "auth",
            false,
        ),
        (403, "UnrecognizedClientException", "", "auth", false),
        (403, "SomethingNew", "", "auth", false),
        (
            400,
            "BadRequestException",
            "Missing final '@domain' planted",
            "recipient",
            false,
        ),
        (400, "BadRequestException", "planted", "refused", false),
    ] {
        let server = SesServer::start(Some((status, code, message))).await;
        let error = send(server.settings(None)).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert_eq!(kind(&error), expected, "{code}: {shown}");
        assert_eq!(error.is_transient(), transient, "{shown}");
        assert!(shown.contains(code), "{shown}");
        for private in ["planted", VISITOR, "support@", "logged"] {
            assert!(!shown.contains(private), "{shown}");
        }
    }
}

#[tokio::test]
async fn an_unverified_sender_is_told_where_to_verify_it() {
    let refusal = (400, "MessageRejected", "Email address is not verified.");
    let server = SesServer::start(Some(refusal)).await;
    let error = send(server.settings(None)).await.unwrap_err();
    assert!(error.to_string().contains("Identities"), "{error}");
    assert!(error.is_misconfiguration());
}

#[tokio::test]
async fn ses_that_is_not_there_is_tried_again_later() {
    let error = send(settings("http://127.0.0.1:1", None))
        .await
        .unwrap_err();
    assert!(
        matches!(error, Error::Unreachable { .. }) && error.is_transient(),
        "{error}"
    );
}

fn base64_decode(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sextets: Vec<u32> = text
        .bytes()
        .filter(|byte| *byte != b'=')
        .map(|byte| ALPHABET.iter().position(|letter| *letter == byte).unwrap() as u32)
        .collect();
    let mut bytes = Vec::new();
    for group in sextets.chunks(4) {
        let bits =
            group.iter().fold(0, |bits, sextet| bits << 6 | sextet) << (6 * (4 - group.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    bytes
}
