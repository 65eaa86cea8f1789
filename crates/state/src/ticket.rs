use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::ChatId;
use crate::json_text;

/// Whom a ticket is for.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Full name.
    pub name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Phone number.
    pub phone: Option<String>,
}

/// How far a ticket has come.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum TicketState {
    /// To be made.
    Due,
    /// A request to make it is on its way, or its answer got lost.
    Sending {
        /// When it was sent.
        sent_at: Timestamp,
        /// The how-manieth attempt, from 1.
        attempt: u32,
    },
    /// Zoho Desk has it.
    Made {
        /// Desk's id.
        id: String,
        /// The number that people see.
        number: String,
        /// Its page.
        web_url: Option<String>,
        /// When it was made.
        made_at: Timestamp,
    },
    /// Zoho Desk refused it for good.
    Failed {
        /// Why, without personal data.
        why: String,
        /// When.
        at: Timestamp,
    },
}

/// How far a mail has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailState {
    /// Put on the queue.
    Queued,
    /// Being sent, or its answer got lost.
    Sending,
    /// The mail server has it.
    Sent,
    /// Refused for good.
    Failed,
}

/// A mail about a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// How far it has come.
    pub state: MailState,
    /// Since when.
    pub at: Timestamp,
}

/// Where a ticket comes from: what it is about, to be given to [`TicketRecord::due`].
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// What made it, such as `AceBuddy` or `api`.
    pub source: String,
    /// The workflow's id, such as `password_reset`.
    pub workflow: String,
    /// The workflow's name, such as "Password Reset".
    pub title: String,
    /// The ticket's subject.
    pub subject: String,
    /// Its priority in Desk's words.
    pub priority: String,
    /// Its category.
    pub category: String,
    /// What the visitor answered, and anything else about the draft.
    #[serde(with = "json_text")]
    pub answers: Value,
    /// Whether the workflow was cut short by a hand-over to a person.
    pub escalated: bool,
    /// The state of an approval, where the workflow needs one.
    pub approval: Option<String>,
    /// Whom it is for.
    pub contact: Contact,
}

/// A ticket of a chat.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct TicketRecord {
    /// The chat, or the idempotency key of a ticket made through the API.
    pub chat_id: ChatId,
    /// Its number among the chat's tickets, from 1.
    pub n: u32,
    /// What it is about.
    #[serde(flatten)]
    pub origin: Origin,
    /// How far it has come.
    pub state: TicketState,
    /// The status as last seen, such as "Waiting on vendor".
    pub status: Option<String>,
    /// The kind of status as last seen: `Open`, `On Hold` or `Closed`.
    pub status_type: Option<String>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Messages up to this number are comments of the ticket.
    pub comments_posted: u32,
    /// Mails by kind, such as `visitor_confirmation`.
    #[serde(default)]
    pub mails: BTreeMap<String, Mail>,
    /// When it became due.
    pub created_at: Timestamp,
    /// When the contact's data was erased.
    #[serde(default)]
    pub erased_at: Option<Timestamp>,
    /// Counts changes; 0 before the first.
    #[serde(skip)]
    pub version: u64,
}

impl TicketRecord {
    /// A ticket to be made.
    pub fn due(chat_id: ChatId, n: u32, origin: Origin, now: Timestamp) -> Self {
        Self {
            chat_id,
            n,
            origin,
            state: TicketState::Due,
            status: None,
            status_type: None,
            closed_at: None,
            comments_posted: 0,
            mails: BTreeMap::new(),
            created_at: now,
            erased_at: None,
            version: 0,
        }
    }

    /// Desk's id, once there is one.
    pub fn desk_id(&self) -> Option<&str> {
        match &self.state {
            TicketState::Made { id, .. } => Some(id),
            _ => None,
        }
    }

    /// What is left when the contact's data goes: that the ticket was, and what became of it.
    pub(crate) fn anonymous(&self, now: Timestamp) -> Self {
        Self {
            origin: Origin {
                subject: self.origin.title.clone(),
                answers: Value::Null,
                contact: Contact::default(),
                ..self.origin.clone()
            },
            erased_at: Some(now),
            ..self.clone()
        }
    }
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contact").finish_non_exhaustive()
    }
}

impl fmt::Debug for TicketState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Due => f.write_str("Due"),
            Self::Sending { sent_at, attempt } => f
                .debug_struct("Sending")
                .field("sent_at", sent_at)
                .field("attempt", attempt)
                .finish(),
            Self::Made {
                id,
                number,
                made_at,
                ..
            } => f
                .debug_struct("Made")
                .field("id", id)
                .field("number", number)
                .field("made_at", made_at)
                .finish_non_exhaustive(),
            Self::Failed { why, at } => f
                .debug_struct("Failed")
                .field("why", why)
                .field("at", at)
                .finish(),
        }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin")
            .field("source", &self.source)
            .field("workflow", &self.workflow)
            .field("priority", &self.priority)
            .field("escalated", &self.escalated)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TicketRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketRecord")
            .field("chat_id", &self.chat_id)
            .field("n", &self.n)
            .field("origin", &self.origin)
            .field("state", &self.state)
            .field("version", &self.version)
            .field("comments_posted", &self.comments_posted)
            .field("mails", &self.mails)
            .finish_non_exhaustive()
    }
}
