use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::sha256_hex;

/// The text is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not an id; use 1 to 200 characters of A-Z a-z 0-9 . _ : @ -")]
pub struct NotAnId;

/// Names a chat: 1 to 200 characters of `A-Z a-z 0-9 . _ : @ -`, safe in keys, paths and searches.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChatId(String);

/// Names a visitor; the same characters as [`ChatId`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VisitorId(String);

impl ChatId {
    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl VisitorId {
    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ChatId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        text.to_owned().try_into()
    }
}

impl FromStr for VisitorId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        text.to_owned().try_into()
    }
}

impl TryFrom<String> for ChatId {
    type Error = NotAnId;

    fn try_from(text: String) -> Result<Self, NotAnId> {
        is_id(&text).then_some(Self(text)).ok_or(NotAnId)
    }
}

impl TryFrom<String> for VisitorId {
    type Error = NotAnId;

    fn try_from(text: String) -> Result<Self, NotAnId> {
        is_id(&text).then_some(Self(text)).ok_or(NotAnId)
    }
}

impl From<ChatId> for String {
    fn from(id: ChatId) -> Self {
        id.0
    }
}

impl From<VisitorId> for String {
    fn from(id: VisitorId) -> Self {
        id.0
    }
}

impl fmt::Display for ChatId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for VisitorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(super) fn is_id(text: &str) -> bool {
    (1..=200).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._:@-".contains(&byte))
}

/// An id that the vendor chose and whose alphabet is not documented: itself if it is safe, else its
/// digest, so that a delivery can always be recognised.
pub(super) fn recognisable(text: String) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    if is_id(&text) {
        return Some(text);
    }
    Some(format!("sha256:{}", sha256_hex(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_short_and_of_a_safe_alphabet() {
        let longest = "a".repeat(200);
        for good in ["chat_123", "a", "LD_7b.8:9@x-1", &longest] {
            assert_eq!(good.parse::<ChatId>().unwrap().as_str(), good);
        }
        let too_long = "a".repeat(201);
        for bad in ["", "a b", "a/b", "a#b", "ä", "a\n", "a*", &too_long] {
            assert!(bad.parse::<ChatId>().is_err(), "{bad}");
            assert!(
                serde_json::from_value::<VisitorId>(bad.into()).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn an_odd_delivery_id_becomes_its_digest() {
        assert_eq!(recognisable("r1".into()).as_deref(), Some("r1"));
        assert_eq!(recognisable(String::new()), None);
        let odd = recognisable("r/1 ä".into()).unwrap();
        assert!(is_id(&odd) && odd.starts_with("sha256:"), "{odd}");
        assert_ne!(recognisable("r/2 ä".into()).unwrap(), odd);
    }
}
