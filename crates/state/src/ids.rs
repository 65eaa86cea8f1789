use std::fmt;

use serde::{Deserialize, Serialize};

const MAX_BYTES: usize = 200;

/// A chat's id as `SalesIQ` gives it, or the idempotency key of a ticket made through the API
/// (`api-<uuid>`): 1 to 200 bytes without control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChatId(String);

/// Text that cannot be a chat's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a chat id has 1 to 200 bytes and no control characters: send the id that SalesIQ gave the chat"
)]
pub struct InvalidChatId;

impl ChatId {
    /// Checks length and characters.
    pub fn parse(id: impl Into<String>) -> Result<Self, InvalidChatId> {
        let id = id.into();
        let fits = (1..=MAX_BYTES).contains(&id.len()) && !id.chars().any(char::is_control);
        if fits {
            Ok(Self(id))
        } else {
            Err(InvalidChatId)
        }
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ChatId {
    type Error = InvalidChatId;

    fn try_from(id: String) -> Result<Self, InvalidChatId> {
        Self::parse(id)
    }
}

impl From<ChatId> for String {
    fn from(id: ChatId) -> Self {
        id.0
    }
}

impl std::str::FromStr for ChatId {
    type Err = InvalidChatId;

    fn from_str(id: &str) -> Result<Self, InvalidChatId> {
        Self::parse(id)
    }
}

impl fmt::Display for ChatId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for ChatId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_and_printable() {
        for good in ["c", "chat_123", "api-5f", "a#b/é", &"x".repeat(200)] {
            assert_eq!(ChatId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a\nb", "\u{0}", &"x".repeat(201)] {
            assert_eq!(ChatId::parse(bad), Err(InvalidChatId), "{bad:?}");
            assert!(serde_json::from_value::<ChatId>(bad.into()).is_err());
        }
    }
}
