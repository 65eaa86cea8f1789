use std::fmt;

use serde::{Deserialize, Serialize};

/// The id of a workflow: lower-case letters, digits and `_`, at most 40 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkflowId(pub(crate) String);

impl WorkflowId {
    /// The id of the workflow that a hand-over without another workflow belongs to.
    pub const HAND_OVER: &'static str = "hand_over";

    /// The id as text, such as `password_reset`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WorkflowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How urgent a ticket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Priority {
    /// Can wait.
    Low,
    /// The usual.
    Medium,
    /// Before others.
    High,
}

impl Priority {
    /// `Low`, `Medium` or `High`, as catalogue and Zoho Desk write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
        }
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The visitor's address for a ticket: always well-formed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactEmail {
    /// One plain address.
    pub address: String,
    /// Whether whoever called us knows that it is the visitor's. Never so if it was typed in chat.
    pub verified: bool,
}

impl fmt::Debug for ContactEmail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContactEmail")
            .field("verified", &self.verified)
            .finish_non_exhaustive()
    }
}

/// What a visitor answered to one step.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The step's field, such as `phone_last4`.
    pub field: String,
    /// What the field is called for readers of the ticket.
    pub label: String,
    /// The answer.
    pub value: String,
    /// Whether the form of the answer was checked. Free text never is.
    pub validated: bool,
    /// Whether it must stay out of mails and of comments that visitors see.
    pub sensitive: bool,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("field", &self.field)
            .field("validated", &self.validated)
            .field("sensitive", &self.sensitive)
            .finish_non_exhaustive()
    }
}

/// A ticket to be made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The workflow it came from.
    pub workflow: WorkflowId,
    /// The workflow's title in English, such as `Password Reset`.
    pub title: String,
    /// The ticket's subject, such as `Password Reset - John Doe`; at most 255 characters.
    pub subject: String,
    /// How urgent it is.
    pub priority: Priority,
    /// Such as `Account Management`.
    pub category: String,
    /// Whom it is for.
    pub email: ContactEmail,
    /// Language of the conversation, such as `en`.
    pub language: String,
    /// What the visitor said, in the order of the steps. Skipped steps are left out.
    pub answers: Vec<Answer>,
    /// Whether a person has to go on where the bot stopped.
    pub escalated: bool,
    /// Whether somebody has to approve before anything is done.
    pub approval_needed: bool,
    /// The text that the visitor agreed to, if the catalogue asks for consent.
    pub consent: Option<String>,
    /// Remarks for the support team, in English, such as `POC approval: pending`.
    pub notes: Vec<String>,
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("workflow", &self.workflow)
            .field("priority", &self.priority)
            .field("answers", &self.answers)
            .field("escalated", &self.escalated)
            .field("approval_needed", &self.approval_needed)
            .finish_non_exhaustive()
    }
}
