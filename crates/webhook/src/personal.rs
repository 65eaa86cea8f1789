use std::fmt;

use serde::{Deserialize, Serialize};

/// Most characters of a visitor's message.
pub(crate) const MESSAGE_CHARS: usize = 4_000;
const NAME_CHARS: usize = 200;
const PHONE_CHARS: usize = 50;

/// What a visitor wrote: at most 4,000 characters, no control characters but line feeds. May be
/// empty, where a visitor sent a file. `Debug` shows its length only.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageText(String);

/// A visitor's name: one line, at most 200 characters. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonName(String);

/// A phone number as the visitor wrote it: one line, at most 50 characters. `Debug` shows nothing of
/// it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhoneNumber(String);

impl MessageText {
    /// The text without what is not text; `None` when it is too long.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.replace("\r\n", "\n");
        let kept: String = text
            .chars()
            .map(|c| if c == '\t' { ' ' } else { c })
            .filter(|c| *c == '\n' || !c.is_control())
            .collect();
        let kept = kept.trim();
        (kept.chars().count() <= MESSAGE_CHARS).then(|| Self(kept.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is left of it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl PersonName {
    /// The name on one line, cut at 200 characters; `None` when nothing is left of it.
    pub fn new(text: &str) -> Option<Self> {
        let line: String = one_line(text).chars().take(NAME_CHARS).collect();
        (!line.is_empty()).then_some(Self(line))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PhoneNumber {
    /// The number; `None` when it is empty or too long to be one.
    pub fn new(text: &str) -> Option<Self> {
        let line = one_line(text);
        let chars = line.chars().count();
        (1..=PHONE_CHARS).contains(&chars).then_some(Self(line))
    }

    /// The number.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

impl fmt::Debug for MessageText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageText({} bytes)", self.0.len())
    }
}

impl fmt::Debug for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonName(***)")
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneNumber(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_never_get_through() {
        let message = MessageText::new("a\u{0}b\r\nc\td\u{1b}[31m\u{85}\u{7f}").unwrap();
        assert_eq!(message.as_str(), "ab\nc d[31m");
        let name = PersonName::new(" Ann\r\nBcc: x \u{0} ").unwrap();
        assert_eq!(name.as_str(), "Ann Bcc: x");
        assert_eq!(PersonName::new("\u{0}\n "), None);
        assert_eq!(PhoneNumber::new("+49\t30 1").unwrap().as_str(), "+49 30 1");
    }

    #[test]
    fn lengths_count_characters() {
        assert!(MessageText::new(&"ü".repeat(4_000)).is_some());
        assert!(MessageText::new(&"ü".repeat(4_001)).is_none());
        assert_eq!(
            PersonName::new(&"ü".repeat(300))
                .unwrap()
                .as_str()
                .chars()
                .count(),
            200
        );
        assert!(PhoneNumber::new(&"1".repeat(50)).is_some());
        assert!(PhoneNumber::new(&"1".repeat(51)).is_none());
    }

    #[test]
    fn nothing_personal_is_in_debug_output() {
        let shown = format!(
            "{:?} {:?} {:?}",
            MessageText::new("planted"),
            PersonName::new("planted"),
            PhoneNumber::new("planted")
        );
        assert!(!shown.contains("planted"), "{shown}");
    }
}
