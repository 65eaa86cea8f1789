use std::fmt;

use serde::{Deserialize, Serialize};

use crate::conversation::Conversation;
use crate::draft::{Draft, WorkflowId};

/// What happened in the chat.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Input<'a> {
    /// The chat was opened; nothing was said yet.
    Opened,
    /// The visitor said something.
    Text(&'a str),
    /// The chat could not be passed to a person.
    Failed,
    /// The visitor agreed, or refused, outside of the conversation, such as on a form.
    Consent(bool),
}

impl fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Opened => "Opened",
            Self::Text(_) => "Text(..)",
            Self::Failed => "Failed",
            Self::Consent(true) => "Consent(true)",
            Self::Consent(false) => "Consent(false)",
        })
    }
}

/// What is known about the visitor from elsewhere.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Visitor {
    /// Full name.
    pub name: Option<String>,
    /// E-mail address; one that is not well-formed counts as none.
    pub email: Option<String>,
    /// Whether somebody made sure that the address is the visitor's.
    pub email_verified: bool,
}

impl fmt::Debug for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visitor")
            .field("has_name", &self.name.is_some())
            .field("has_email", &self.email.is_some())
            .field("email_verified", &self.email_verified)
            .finish()
    }
}

/// What one step of a conversation comes to.
#[derive(Clone)]
pub struct Turn {
    /// The conversation after the step: to be stored in place of the one before.
    pub conversation: Conversation,
    /// What the bot says, at least one text.
    pub replies: Vec<String>,
    /// Answers to offer as buttons; each is understood as if typed.
    pub suggestions: Vec<String>,
    /// What the caller has to do, if anything.
    pub outcome: Option<Outcome>,
    /// What to count.
    pub events: Vec<Event>,
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn")
            .field("replies", &self.replies.len())
            .field("outcome", &self.outcome)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

/// What the caller has to do after a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Make this ticket and tell the visitor with [`Catalogue::logged`](crate::Catalogue::logged).
    TicketDue(Draft),
    /// Pass the chat to a person; with a ticket, make that too.
    HandOver(Option<Draft>),
    /// The visitor is done.
    Ended,
}

/// Why a person has to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The visitor asked for one.
    Asked,
    /// No usable answer after all retries.
    WrongAnswers,
}

impl Reason {
    /// `asked` or `wrong_answers`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::WrongAnswers => "wrong_answers",
        }
    }
}

/// What happened in a step, for statistics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A workflow began.
    Started(WorkflowId),
    /// A workflow came to its ticket.
    Completed(WorkflowId),
    /// A workflow needs a person.
    Escalated(WorkflowId, Reason),
    /// A workflow was left without a ticket.
    Cancelled(WorkflowId),
    /// The visitor agreed, or refused, to have the request logged.
    Consent(bool),
    /// Nobody took over a chat.
    ForwardFailed,
    /// The stored conversation could not be gone on with.
    Restarted,
}
