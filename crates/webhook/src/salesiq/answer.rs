use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Format;

/// What to tell the caller, whatever its format. It can be stored, to answer a delivery that comes
/// again as it was answered before. `Debug` shows no text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// What the visitor is told, one text a bubble.
    pub text: Vec<String>,
    /// Answers to choose from.
    #[serde(default)]
    pub suggestions: Vec<String>,
    /// A person takes over.
    #[serde(default)]
    pub escalate: bool,
    /// The chat is over.
    #[serde(default)]
    pub ended: bool,
    /// Work goes on after this answer, such as the ticket that Desk has not made yet.
    #[serde(default)]
    pub pending: bool,
    /// The ticket exists.
    #[serde(default)]
    pub ticket_created: bool,
    /// Which ticket.
    #[serde(default)]
    pub ticket: Option<TicketReference>,
    /// When it was answered.
    pub at: Timestamp,
}

/// A ticket as its two names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketReference {
    /// The vendor's id, 17 to 19 digits.
    pub id: String,
    /// The number that people use.
    pub number: String,
}

impl Reply {
    /// A reply that says nothing yet.
    pub fn at(at: Timestamp) -> Self {
        Self {
            text: Vec::new(),
            suggestions: Vec::new(),
            escalate: false,
            ended: false,
            pending: false,
            ticket_created: false,
            ticket: None,
            at,
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("texts", &self.text.len())
            .field("suggestions", &self.suggestions.len())
            .field("escalate", &self.escalate)
            .field("ended", &self.ended)
            .field("pending", &self.pending)
            .field("ticket_created", &self.ticket_created)
            .field("ticket", &self.ticket)
            .field("at", &self.at)
            .finish()
    }
}

/// The body of the answer, status 200, in the caller's format.
pub fn answer(format: Format, reply: &Reply) -> Value {
    match format {
        Format::Flat => flat(reply),
        Format::Zobot => zobot(reply, true),
        Format::ZobotFailure => zobot(reply, false),
        Format::Event => json!({"status": "success"}),
    }
}

fn flat(reply: &Reply) -> Value {
    let mut answer = json!({
        "status": "success",
        "response": reply.text.join("\n\n"),
        "ticket_created": reply.ticket_created,
        "escalate": reply.escalate,
        "timestamp": whole_seconds(reply.at),
        "suggestions": reply.suggestions,
        "pending": reply.pending,
    });
    if let Some(ticket) = &reply.ticket {
        answer["ticket_id"] = json!(ticket.id);
        answer["ticket_number"] = json!(ticket.number);
    }
    answer
}

/// `pending` is only for answers without text: the bot would keep the visitor waiting for a text
/// that is already here.
fn zobot(reply: &Reply, may_forward: bool) -> Value {
    let action = match () {
        () if reply.escalate && may_forward => "forward",
        () if reply.ended => "end",
        () if reply.text.is_empty() => "pending",
        () => "reply",
    };
    let mut answer = Map::new();
    answer.insert("action".into(), json!(action));
    if !reply.text.is_empty() {
        answer.insert("replies".into(), json!(reply.text));
    }
    if action == "reply" && !reply.suggestions.is_empty() {
        answer.insert("suggestions".into(), json!(reply.suggestions));
    }
    Value::Object(answer)
}

fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
