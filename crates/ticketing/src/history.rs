use std::fmt;

use jiff::Timestamp;
use state::{Author, Message};

/// One message of a chat, as comments and mails show it. `Debug` does not show the text.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Its number within the chat, from 1.
    pub(crate) number: u32,
    pub(crate) from: Author,
    /// When it was said.
    pub(crate) at: Timestamp,
    pub(crate) text: String,
}

impl Line {
    pub(crate) fn speaker(&self) -> &'static str {
        match self.from {
            Author::Visitor => "Customer",
            Author::Bot => "Bot",
            Author::Agent => "Agent",
            Author::System => "Note",
        }
    }
}

/// The messages up to number `last`.
pub(crate) fn lines(messages: Vec<Message>, last: u32) -> Vec<Line> {
    messages
        .into_iter()
        .filter(|message| message.seq <= last)
        .map(|message| Line {
            number: message.seq,
            from: message.from,
            at: message.at,
            text: message.text,
        })
        .collect()
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line({}, {})", self.number, self.speaker())
    }
}
