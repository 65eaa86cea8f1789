use chat::Conversation;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use state::Session;

use crate::Error;
use crate::pace::Pace;

/// What a session remembers beside its own fields; stored as its `conversation`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// Where the conversation stands.
    pub(crate) chat: Conversation,
    /// Numbers of messages that were given up on, as ranges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) missed: Vec<(u32, u32)>,
    /// Tickets whose number the visitor was not told yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) untold: Vec<u32>,
    /// Messages up to this one belong to the tickets that there are.
    #[serde(default)]
    pub(crate) covered: u32,
    /// The last thing the visitor said, to recognise a delivery that comes again without an id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<Last>,
    /// How fast the visitor talks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pace: Option<Pace>,
    /// A digest of the request, for a ticket made through the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) request: Option<String>,
}

/// The last delivery with a text of the visitor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Last {
    /// SHA-256 of the text, hex.
    pub(crate) digest: String,
    pub(crate) at: jiff::Timestamp,
    /// The name its answer is remembered under.
    pub(crate) answer: String,
    /// Whether it was only written down, by an event webhook, and not answered.
    #[serde(default)]
    pub(crate) noted: bool,
}

impl Memory {
    /// A chat without any is one that begins, or one whose data was erased.
    pub(crate) fn of(session: &Session) -> Result<Self, Error> {
        match &session.conversation {
            Value::Null => Ok(Self {
                chat: Conversation::new(session.visitor.language.as_deref()),
                ..Self::default()
            }),
            stored => serde_json::from_value(stored.clone())
                .map_err(|error| Error::stored("conversation", &error)),
        }
    }

    pub(crate) fn store(&self, session: &mut Session) -> Result<(), Error> {
        session.conversation =
            serde_json::to_value(self).map_err(|error| Error::stored("conversation", &error))?;
        Ok(())
    }
}
