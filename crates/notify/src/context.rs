use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::{
    serialize_greeting, serialize_line, serialize_lines, serialize_message, serialize_name,
};
use crate::{EmailAddress, Link, ResolutionTime, SurveyLinks};

/// What a support alert names as the ticket's source, unless configured otherwise.
pub const SOURCE: &str = "AceBuddy (SalesIQ)";

/// Chat messages that a mail quotes at most; of a longer chat, the last ones.
const MAX_LINES: usize = 200;

/// The kinds of mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Tells the visitor that the ticket exists.
    VisitorConfirmation,
    /// Tells the support team of a new ticket.
    SupportAlert,
    /// Asks the visitor for 1 to 5 stars after the ticket was closed.
    Survey,
    /// Asks the point of contact (POC) to approve a request.
    ApprovalRequest,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::VisitorConfirmation,
        Self::SupportAlert,
        Self::Survey,
        Self::ApprovalRequest,
    ];

    /// The name in jobs, templates and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::VisitorConfirmation => "visitor_confirmation",
            Self::SupportAlert => "support_alert",
            Self::Survey => "survey",
            Self::ApprovalRequest => "approval_request",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What one mail says. The texts of visitors are put on one line, bounded and (in HTML) escaped
/// when the mail is rendered. `Debug` shows the kind only.
#[derive(Clone, Serialize)]
#[serde(untagged)]
pub enum Context {
    /// For [`Kind::VisitorConfirmation`].
    VisitorConfirmation(VisitorConfirmation),
    /// For [`Kind::SupportAlert`].
    SupportAlert(SupportAlert),
    /// For [`Kind::Survey`].
    Survey(Survey),
    /// For [`Kind::ApprovalRequest`].
    ApprovalRequest(ApprovalRequest),
}

impl Context {
    /// Which kind of mail this is for.
    pub fn kind(&self) -> Kind {
        match self {
            Self::VisitorConfirmation(_) => Kind::VisitorConfirmation,
            Self::SupportAlert(_) => Kind::SupportAlert,
            Self::Survey(_) => Kind::Survey,
            Self::ApprovalRequest(_) => Kind::ApprovalRequest,
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Context({})", self.kind())
    }
}

macro_rules! into_context {
    ($($kind:ident),*) => {$(
        impl From<$kind> for Context {
            fn from(mail: $kind) -> Self {
                Self::$kind(mail)
            }
        }
    )*};
}
into_context!(VisitorConfirmation, SupportAlert, Survey, ApprovalRequest);

/// A ticket as mails name it.
#[derive(Clone, Serialize)]
pub struct Ticket {
    /// Zoho Desk's id.
    #[serde(serialize_with = "serialize_line")]
    pub id: String,
    /// The number people use.
    #[serde(serialize_with = "serialize_line")]
    pub number: String,
    /// Where an agent opens it. Only the support team's mail shows it.
    pub link: Option<Link>,
}

/// Whose ticket it is.
#[derive(Clone, Serialize)]
pub struct Customer {
    /// As given in the chat.
    #[serde(serialize_with = "serialize_name")]
    pub name: Option<String>,
    /// As given in the chat.
    pub email: Option<EmailAddress>,
    /// Whether anybody showed that the address is theirs.
    pub email_verified: bool,
}

/// Whom a visitor can turn to.
#[derive(Clone, Serialize)]
pub struct SupportContact {
    /// The team's name, such as `Acme Support`; ends the mail.
    #[serde(serialize_with = "serialize_line")]
    pub team: String,
    /// Where the team reads mail.
    pub email: EmailAddress,
    /// Where it can be called.
    #[serde(serialize_with = "serialize_name")]
    pub phone: Option<String>,
}

/// What [`Kind::VisitorConfirmation`] says.
#[derive(Clone, Serialize)]
pub struct VisitorConfirmation {
    /// Greets the visitor, unless it looks like a link.
    #[serde(serialize_with = "serialize_greeting")]
    pub visitor_name: Option<String>,
    /// The new ticket.
    pub ticket: Ticket,
    /// The workflow's title, such as `Password Reset`. Not a visitor's text.
    #[serde(serialize_with = "serialize_line")]
    pub request: String,
    /// When to expect the end, by the ticket's priority.
    pub resolution: ResolutionTime,
    /// Whom to turn to.
    pub support: SupportContact,
    /// The privacy policy, if one is configured.
    pub privacy_policy: Option<Link>,
}

/// What [`Kind::SupportAlert`] says.
#[derive(Clone, Serialize)]
pub struct SupportAlert {
    /// The new ticket.
    pub ticket: Ticket,
    /// The ticket's subject, such as `Password Reset - John Doe`.
    #[serde(serialize_with = "serialize_line")]
    pub ticket_subject: String,
    /// Who asked for it.
    pub customer: Customer,
    /// As in Zoho Desk.
    #[serde(serialize_with = "serialize_line")]
    pub priority: String,
    /// As in Zoho Desk.
    #[serde(serialize_with = "serialize_line")]
    pub status: String,
    /// The workflow's title, such as `Password Reset`.
    #[serde(serialize_with = "serialize_line")]
    pub workflow: String,
    /// Where it came from; see [`SOURCE`].
    #[serde(serialize_with = "serialize_line")]
    pub source: String,
    /// What was said.
    pub history: History,
    /// What somebody has to do now; see [`support_action`].
    #[serde(serialize_with = "serialize_message")]
    pub action_required: String,
    /// Approvals to wait for, such as `Point of contact: 100 GB plan`.
    #[serde(serialize_with = "serialize_lines")]
    pub approvals_pending: Vec<String>,
}

/// Who said a line of a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Speaker {
    /// The visitor.
    Customer,
    /// The guided conversation.
    Bot,
    /// A person who took over.
    Agent,
}

/// One message of a chat. `Debug` does not show the text.
#[derive(Clone, Serialize)]
pub struct Line {
    /// Who said it.
    pub speaker: Speaker,
    /// What was said; up to 2,000 characters of it reach the mail, on one line.
    #[serde(serialize_with = "serialize_message")]
    pub text: String,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line({:?}, ***)", self.speaker)
    }
}

/// A chat so far: its last 200 messages and how many there were before.
#[derive(Debug, Clone, Default, Serialize)]
pub struct History {
    lines: Vec<Line>,
    left_out: usize,
}

impl History {
    /// Keeps the last 200 of `lines`, which are in the order they were said.
    pub fn new(mut lines: Vec<Line>) -> Self {
        let left_out = lines.len().saturating_sub(MAX_LINES);
        lines.drain(..left_out);
        Self { lines, left_out }
    }
}

/// What [`Kind::Survey`] says.
#[derive(Clone, Serialize)]
pub struct Survey {
    /// Greets the visitor, unless it looks like a link.
    #[serde(serialize_with = "serialize_greeting")]
    pub visitor_name: Option<String>,
    /// The closed ticket.
    pub ticket: Ticket,
    /// The workflow's title.
    #[serde(serialize_with = "serialize_line")]
    pub request: String,
    /// One link for each number of stars.
    pub ratings: SurveyLinks,
    /// Who asks.
    pub support: SupportContact,
    /// The privacy policy, if one is configured.
    pub privacy_policy: Option<Link>,
}

/// A fact for whoever approves, such as the plan chosen.
#[derive(Clone, Serialize)]
pub struct Detail {
    /// `Plan`.
    #[serde(serialize_with = "serialize_line")]
    pub label: String,
    /// `100 GB`; may be the visitor's text.
    #[serde(serialize_with = "serialize_message")]
    pub value: String,
}

/// What [`Kind::ApprovalRequest`] says.
#[derive(Clone, Serialize)]
pub struct ApprovalRequest {
    /// The point of contact's name.
    #[serde(serialize_with = "serialize_name")]
    pub approver_name: Option<String>,
    /// The ticket that waits.
    pub ticket: Ticket,
    /// What is to be approved, such as `Disk Space Upgrade`.
    #[serde(serialize_with = "serialize_line")]
    pub request: String,
    /// Who asked for it.
    pub customer: Customer,
    /// What was asked for.
    pub details: Vec<Detail>,
    /// Whom the answer goes to.
    pub support: SupportContact,
}

/// The `Action Required` line of a workflow: what the requirement says the team does, or
/// `Process <title> request` for a workflow that is not built in.
pub fn support_action(workflow: &str, title: &str) -> String {
    match workflow {
        "disk_upgrade" => {
            "Get the point of contact's approval, process the upgrade, provision the storage and notify the customer"
                .to_owned()
        }
        "server_slowness" => {
            "Investigate the root cause, apply fixes, monitor performance and update the ticket".to_owned()
        }
        _ => {
            let title = title.trim().to_lowercase();
            let title = title.strip_suffix(" request").unwrap_or(&title);
            format!("Process {title} request")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workflow_has_an_action() {
        for (workflow, title, action) in [
            (
                "password_reset",
                "Password Reset",
                "Process password reset request",
            ),
            ("general", "General Request", "Process general request"),
            ("badge", "New Badge", "Process new badge request"),
        ] {
            assert_eq!(support_action(workflow, title), action);
        }
        assert!(support_action("disk_upgrade", "Disk Space Upgrade").contains("approval"));
        assert!(
            support_action("server_slowness", "Server Performance Issue").contains("root cause")
        );
    }

    #[test]
    fn a_long_chat_keeps_its_last_messages() {
        let lines = (0..205).map(|n| Line {
            speaker: Speaker::Customer,
            text: n.to_string(),
        });
        let history = History::new(lines.collect());
        assert_eq!((history.lines.len(), history.left_out), (200, 5));
        assert_eq!(history.lines[0].text, "5");
        assert!(!format!("{history:?}").contains("204"));
    }

    #[test]
    fn a_kind_is_named_in_jobs_as_in_templates() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
