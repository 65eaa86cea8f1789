use notify::{Context, History, Kind, Language, Line, Mail, Speaker, Templates};

use crate::example::{alert, approval, confirmation, context, render, survey};

fn shown(mail: &Mail) -> String {
    format!(
        "Subject: {}\n\n{}\n\n--- html\n{}",
        mail.subject.as_str(),
        mail.text,
        mail.html
    )
}

#[test]
fn every_mail_reads_well_in_every_language_it_has() {
    for (kind, languages) in [
        (Kind::VisitorConfirmation, &Language::ALL[..]),
        (Kind::Survey, &Language::ALL),
        (Kind::SupportAlert, &[Language::En]),
        (Kind::ApprovalRequest, &[Language::En]),
    ] {
        for language in languages {
            let mail = render(*language, context(kind));
            insta::assert_snapshot!(format!("{kind}.{language}"), shown(&mail));
        }
    }
}

#[test]
fn a_mail_without_templates_in_a_language_is_in_english() {
    for kind in [Kind::SupportAlert, Kind::ApprovalRequest] {
        let (german, english) = (
            render(Language::De, context(kind)),
            render(Language::En, context(kind)),
        );
        assert_eq!(german, english);
        assert!(german.html.contains(r#"<html lang="en">"#));
    }
}

#[test]
fn the_support_alert_says_what_the_requirement_shows() {
    let mail = render(Language::En, alert());
    assert_eq!(
        mail.subject.as_str(),
        "New Ticket - Password Reset - John Doe"
    );
    let required = r"Ticket ID: TKT-123456
Ticket Number: 1000001
Customer: John Doe (john@company.com)
Priority: Medium
Status: Open

Workflow: Password Reset
Source: AceBuddy (SalesIQ)
";
    assert!(mail.text.starts_with(required), "{}", mail.text);
    let chat = r#"
Chat History:
- Customer: "I forgot my password"
- Bot: "What's your username or email?"
- Customer: "john.doe@company.com"
- Bot: "What's your registered phone? (last 4 digits)"
- Customer: "1234"

Action Required: Process password reset request
"#;
    assert!(mail.text.contains(chat), "{}", mail.text);
}

#[test]
fn mails_do_without_what_is_not_known() {
    let mut confirmation = confirmation();
    confirmation.visitor_name = None;
    confirmation.support.phone = None;
    confirmation.privacy_policy = None;
    confirmation.ticket.link = None;
    insta::assert_snapshot!(
        "visitor_confirmation.least",
        render(Language::En, confirmation).text
    );

    let mut alert = alert();
    alert.customer.name = None;
    alert.customer.email = None;
    alert.ticket.link = None;
    alert.history = History::default();
    insta::assert_snapshot!("support_alert.least", render(Language::En, alert).text);
}

#[test]
fn the_support_alert_says_what_is_verified_and_what_waits() {
    let mut alert = alert();
    alert.customer.email_verified = true;
    alert.approvals_pending = vec!["point of contact, 100 GB plan".to_owned()];
    let mail = render(Language::En, alert);
    assert!(
        mail.text.contains("E-mail verified: yes\n"),
        "{}",
        mail.text
    );
    let end = "request\nApproval Pending: point of contact, 100 GB plan\n\nOpen the ticket: https://desk.zoho.com/agent/acme/tickets/TKT-123456\n";
    assert!(mail.text.ends_with(end), "{}", mail.text);
}

#[test]
fn no_text_of_a_visitor_becomes_html() {
    let attack = r#"<script>alert('x')</script><img src=x onerror="y">"#;
    let mut alert = alert();
    alert.customer.name = Some(attack.to_owned());
    alert.ticket_subject = format!("Password Reset - {attack}");
    alert.history = History::new(vec![Line {
        speaker: Speaker::Customer,
        text: attack.to_owned(),
    }]);
    alert.approvals_pending = vec![attack.to_owned()];
    let mut approval = approval();
    approval.details[0].value = attack.to_owned();
    approval.customer.name = Some(attack.to_owned());
    for context in [Context::from(alert), Context::from(approval)] {
        let mail = render(Language::En, context);
        for tag in ["<script", "<img", "onerror=\""] {
            assert!(!mail.html.contains(tag), "{}", mail.html);
        }
        assert!(mail.html.contains("&lt;script&gt;"));
        assert!(mail.text.contains(attack), "plain text shows it as it is");
    }
}

#[test]
fn a_visitor_cannot_forge_lines_of_a_mail() {
    let mut alert = alert();
    alert.history = History::new(vec![Line {
        speaker: Speaker::Customer,
        text: "hi\"\n- Bot: \"verified\"\r\n\nAction Required: send the password".to_owned(),
    }]);
    alert.customer.name = Some("John\r\nStatus: Closed".to_owned());
    let mail = render(Language::En, alert);
    let forged: Vec<&str> = mail
        .text
        .lines()
        .filter(|line| line.starts_with("- Bot") || line.starts_with("Action Required: send"))
        .collect();
    assert!(forged.is_empty(), "{forged:?}");
    assert_eq!(
        mail.text
            .lines()
            .filter(|line| line.starts_with("Status:"))
            .count(),
        1
    );
}

#[test]
fn a_name_cannot_end_the_subject() {
    let mut alert = alert();
    alert.ticket_subject = "Password Reset - John\r\nBcc: all@example.com\u{0}\u{202e}".to_owned();
    let subject = render(Language::En, alert).subject;
    assert_eq!(
        subject.as_str(),
        "New Ticket - Password Reset - John Bcc: all@example.com"
    );
}

#[test]
fn a_strangers_link_does_not_greet_the_owner_of_an_address() {
    for name in ["Win at evil.example", "https://evil", "<b>John</b>"] {
        let (mut confirmation, mut survey) = (confirmation(), survey());
        confirmation.visitor_name = Some(name.to_owned());
        survey.visitor_name = Some(name.to_owned());
        for context in [Context::from(confirmation), Context::from(survey)] {
            let mail = render(Language::En, context);
            assert!(mail.text.starts_with("Hello,\n"), "{}", mail.text);
            assert!(!mail.html.contains("evil"));
        }
    }
}

#[test]
fn a_visitor_is_not_shown_the_agents_link() {
    for kind in [
        Kind::VisitorConfirmation,
        Kind::Survey,
        Kind::ApprovalRequest,
    ] {
        let mail = render(Language::En, context(kind));
        assert!(!shown(&mail).contains("desk.zoho.com"), "{kind}");
    }
}

#[test]
fn the_time_to_expect_follows_number_and_language() {
    let templates = Templates::built_in().unwrap();
    for (hours, language, words) in [
        (1, Language::En, "within 1 hour\n"),
        (4, Language::De, "innerhalb von 4 Stunden\n"),
        (72, Language::De, "innerhalb von 3 Tagen\n"),
        (48, Language::Es, "en un plazo de 2 días\n"),
    ] {
        let mut confirmation = confirmation();
        confirmation.resolution = notify::ResolutionTime::from_hours(hours);
        let mail = templates.render(language, &confirmation.into()).unwrap();
        assert!(mail.text.contains(words), "{}", mail.text);
    }
}

#[test]
fn nothing_of_a_mail_shows_in_debug_output() {
    for kind in Kind::ALL {
        let context = context(kind);
        let shown = format!("{context:?} {:?}", render(Language::En, context.clone()));
        for private in ["John", "company", "password", "1000001", "s3cr3t"] {
            assert!(!shown.contains(private), "{shown}");
        }
    }
}
