//! The requirement's visitor and ticket.

use notify::{
    ApprovalRequest, Context, Customer, Detail, EmailAddress, Envelope, History, Kind, Language,
    Line, Link, Mail, Reference, ResolutionTimes, SOURCE, Speaker, SupportAlert, SupportContact,
    Survey, SurveyLinks, Templates, Ticket, VisitorConfirmation, support_action,
};
use secrecy::SecretString;

pub(crate) const VISITOR: &str = "john@company.com";

pub(crate) fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

fn link(text: &str) -> Link {
    Link::parse(text).unwrap()
}

fn ticket() -> Ticket {
    Ticket {
        id: "TKT-123456".to_owned(),
        number: "1000001".to_owned(),
        link: Some(link("https://desk.zoho.com/agent/acme/tickets/TKT-123456")),
    }
}

pub(crate) fn customer() -> Customer {
    Customer {
        name: Some("John Doe".to_owned()),
        email: Some(address(VISITOR)),
        email_verified: false,
    }
}

fn support() -> SupportContact {
    SupportContact {
        team: "Acme Support".to_owned(),
        email: address("support@acme.example"),
        phone: Some("+1 555 0100".to_owned()),
    }
}

pub(crate) fn confirmation() -> VisitorConfirmation {
    VisitorConfirmation {
        visitor_name: customer().name,
        ticket: ticket(),
        request: "Password Reset".to_owned(),
        resolution: ResolutionTimes::default().of("Medium"),
        support: support(),
        privacy_policy: Some(link("https://acme.example/privacy")),
    }
}

pub(crate) fn alert() -> SupportAlert {
    SupportAlert {
        ticket: ticket(),
        ticket_subject: "Password Reset - John Doe".to_owned(),
        customer: customer(),
        priority: "Medium".to_owned(),
        status: "Open".to_owned(),
        workflow: "Password Reset".to_owned(),
        source: SOURCE.to_owned(),
        history: history(),
        action_required: support_action("password_reset", "Password Reset"),
        approvals_pending: vec![],
    }
}

fn history() -> History {
    let said = [
        (Speaker::Customer, "I forgot my password"),
        (Speaker::Bot, "What's your username or email?"),
        (Speaker::Customer, "john.doe@company.com"),
        (
            Speaker::Bot,
            "What's your registered phone? (last 4 digits)",
        ),
        (Speaker::Customer, "1234"),
    ];
    let line = |(speaker, text): (Speaker, &str)| Line {
        speaker,
        text: text.to_owned(),
    };
    History::new(said.map(line).to_vec())
}

pub(crate) fn survey() -> Survey {
    Survey {
        visitor_name: customer().name,
        ticket: ticket(),
        request: "Server Performance Issue".to_owned(),
        ratings: SurveyLinks::new(
            link("https://api.acme.example/survey"),
            SecretString::from("s3cr3t"),
        ),
        support: support(),
        privacy_policy: Some(link("https://acme.example/privacy")),
    }
}

pub(crate) fn approval() -> ApprovalRequest {
    let detail = |label: &str, value: &str| Detail {
        label: label.to_owned(),
        value: value.to_owned(),
    };
    ApprovalRequest {
        approver_name: Some("Jane Roe".to_owned()),
        ticket: ticket(),
        request: "Disk Space Upgrade".to_owned(),
        customer: customer(),
        details: vec![detail("Plan", "100 GB"), detail("Current usage", "95 %")],
        support: support(),
    }
}

pub(crate) fn context(kind: Kind) -> Context {
    match kind {
        Kind::VisitorConfirmation => confirmation().into(),
        Kind::SupportAlert => alert().into(),
        Kind::Survey => survey().into(),
        Kind::ApprovalRequest => approval().into(),
    }
}

pub(crate) fn render(language: Language, context: impl Into<Context>) -> Mail {
    let templates = Templates::built_in().unwrap();
    templates.render(language, &context.into()).unwrap()
}

pub(crate) fn envelope() -> Envelope {
    Envelope {
        from: "Acme Support <support@acme.example>".parse().unwrap(),
        to: address(VISITOR),
        reply_to: Some(address("helpdesk@acme.example")),
        reference: Reference::new("chat_123", 1, Kind::VisitorConfirmation),
        date: "2025-11-26T16:50:00Z".parse().unwrap(),
    }
}
