use std::fmt;

use jiff::Timestamp;

use crate::text::one_line;
use crate::{EmailAddress, Kind, Mailbox};

/// Longest subject, characters.
const SUBJECT_CHARS: usize = 200;

/// A subject line: one line of at most 200 characters, without control characters, so that no text
/// of a visitor can end the header and begin another. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Subject(String);

impl Subject {
    /// Line breaks and control characters become spaces; a longer text is cut.
    pub fn new(text: &str) -> Self {
        Self(one_line(text, SUBJECT_CHARS))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subject(***)")
    }
}

/// A rendered mail. `Debug` shows sizes only.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// The subject.
    pub subject: Subject,
    /// The body for readers of plain text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail")
            .field("text_bytes", &self.text.len())
            .field("html_bytes", &self.html.len())
            .finish_non_exhaustive()
    }
}

/// What a mail is about. The same chat, ticket and kind always give the same reference, so that a
/// mail sent twice is recognised as a repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    kind: Kind,
    id: String,
}

impl Reference {
    /// Of the `ticket`-th ticket of a chat.
    pub fn new(chat_id: &str, ticket: u32, kind: Kind) -> Self {
        let id = format!("{kind}.{ticket}.{}", header_token(chat_id));
        Self { kind, id }
    }

    /// The kind of mail.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The `X-Entity-Ref-ID`, and the left side of the `Message-ID`: ASCII letters, digits, `.`, `-`,
    /// `_`, at most 200 characters.
    pub fn as_str(&self) -> &str {
        &self.id
    }
}

/// Other characters become `.` and their code point, so different chats stay different; a very
/// long id keeps its beginning and a checksum of all of it.
fn header_token(id: &str) -> String {
    const LONGEST: usize = 128;
    let as_token = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') {
            c.to_string()
        } else {
            format!(".{:x}.", u32::from(c))
        }
    };
    let mut token: String = id.chars().map(as_token).collect();
    if token.len() > LONGEST {
        token.truncate(LONGEST);
        token = format!("{token}.{:016x}", fnv_1a(id.as_bytes()));
    }
    token
}

/// [FNV-1a](https://www.rfc-editor.org/rfc/rfc9923), 64 bits.
fn fnv_1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// From whom to whom.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// The sender, as verified with the service. Its domain also ends the `Message-ID`.
    pub from: Mailbox,
    /// The one recipient.
    pub to: EmailAddress,
    /// Where answers go, if not to the sender.
    pub reply_to: Option<EmailAddress>,
    /// What the mail is about.
    pub reference: Reference,
    /// The `Date` of the mail.
    pub date: Timestamp,
}

/// What the service that took a mail calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageId(String);

impl MessageId {
    pub(crate) fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id: SES's own, or with SMTP the `Message-ID` header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_one_short_line() {
        let subject = Subject::new("New Ticket - a\r\nBcc: everybody@example.com\u{0}");
        assert_eq!(
            subject.as_str(),
            "New Ticket - a Bcc: everybody@example.com"
        );
        assert_eq!(
            Subject::new(&"x".repeat(1000)).as_str().chars().count(),
            200
        );
        assert!(!format!("{subject:?}").contains("everybody"));
    }

    #[test]
    fn a_repeat_has_the_same_reference_and_nothing_else_has() {
        let reference =
            |chat: &str, ticket, kind| Reference::new(chat, ticket, kind).as_str().to_owned();
        let first = reference("chat_123", 1, Kind::Survey);
        assert_eq!(first, "survey.1.chat_123");
        assert_eq!(first, reference("chat_123", 1, Kind::Survey));
        let long = "x".repeat(500);
        let others = [
            reference("chat_123", 2, Kind::Survey),
            reference("chat_123", 1, Kind::SupportAlert),
            reference("chat 123", 1, Kind::Survey),
            reference("chat>\r\n123", 1, Kind::Survey),
            reference(&long, 1, Kind::Survey),
            reference(&format!("{long}y"), 1, Kind::Survey),
        ];
        for (nth, other) in others.iter().enumerate() {
            assert_ne!(*other, first);
            assert!(!others[..nth].contains(other), "{other}");
            assert!(other.len() <= 200, "{other}");
            assert!(
                other
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
            );
            assert!(!other.contains('\r'));
        }
    }
}
