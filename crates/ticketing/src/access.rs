use state::ChatId;

use crate::Error;
use crate::conversations::{self, NO_CHAT};

/// On whose behalf a change is made; goes into the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A client of the API, by the id of its key.
    Client(String),
    /// The visitor of a chat.
    Visitor,
    /// Deskbridge itself, from a queue.
    Worker,
    /// An event of Zoho Desk.
    Desk,
}

impl Actor {
    /// The name in the audit trail. Holds no personal data.
    pub fn name(&self) -> String {
        match self {
            Self::Client(key) => format!("client:{key}"),
            Self::Visitor => "visitor".to_owned(),
            Self::Worker => "worker".to_owned(),
            Self::Desk => "desk".to_owned(),
        }
    }
}

/// Who looks. What a viewer may not see is answered as if it were not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Viewer {
    /// A person or program with an API key: sees every ticket that the token may see in Zoho Desk,
    /// internal comments included.
    Staff(Actor),
    /// The visitor of one chat: sees that chat and its tickets, no internal comments.
    Visitor {
        /// The chat.
        chat_id: String,
    },
}

impl Viewer {
    /// The chat, if the viewer may see it.
    pub(crate) fn chat(&self, chat_id: &str) -> Result<ChatId, Error> {
        if self.may_see(chat_id) {
            conversations::chat_id(chat_id)
        } else {
            Err(NO_CHAT)
        }
    }

    pub(crate) fn may_see(&self, chat: &str) -> bool {
        match self {
            Self::Staff(_) => true,
            Self::Visitor { chat_id } => chat_id == chat,
        }
    }

    pub(crate) fn is_staff(&self) -> bool {
        matches!(self, Self::Staff(_))
    }

    pub(crate) fn actor(&self) -> Actor {
        match self {
            Self::Staff(actor) => actor.clone(),
            Self::Visitor { .. } => Actor::Visitor,
        }
    }
}
