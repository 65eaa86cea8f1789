//! Text of strangers, made fit to stand on one line of a mail.

use serde::{Serialize as _, Serializer};

/// Longest chat message quoted in a mail, characters.
pub(crate) const MESSAGE_CHARS: usize = 2_000;
/// Longest name or label in a mail, characters.
pub(crate) const NAME_CHARS: usize = 120;

/// One line of at most `limit` characters: line breaks and control characters become single spaces,
/// characters that turn the reading direction around are dropped, a cut is shown by an ellipsis.
pub(crate) fn one_line(text: &str, limit: usize) -> String {
    let mut line = String::with_capacity(text.len().min(limit * 4));
    let mut length = 0;
    let mut gap = false;
    for c in text.chars().filter(|c| !changes_direction(*c)) {
        if c.is_whitespace() || c.is_control() {
            gap = length > 0;
            continue;
        }
        if length + usize::from(gap) >= limit {
            cut(&mut line);
            break;
        }
        if gap {
            line.push(' ');
            length += 1;
            gap = false;
        }
        line.push(c);
        length += 1;
    }
    line
}

fn cut(line: &mut String) {
    line.pop();
    line.truncate(line.trim_end().len());
    line.push('…');
}

fn changes_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Whether a name can greet a visitor: anybody can give any name and any address to a chat, so a
/// name that a mail client would turn into a link or an address does not go out to a stranger.
pub(crate) fn is_greetable(name: &str) -> bool {
    let suspicious = |c: char| matches!(c, '/' | '\\' | '@' | ':' | '<' | '>');
    !name.is_empty() && !name.contains(suspicious) && !name.split(' ').any(looks_like_domain)
}

fn looks_like_domain(word: &str) -> bool {
    let mut labels = word.split('.').peekable();
    while let Some(label) = labels.next() {
        let Some(next) = labels.peek() else {
            return false;
        };
        let begins_long = next.chars().take(2).filter(|c| c.is_alphanumeric()).count() == 2;
        if label.ends_with(char::is_alphanumeric) && begins_long {
            return true;
        }
    }
    false
}

pub(crate) fn serialize_line<S: Serializer>(text: &str, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&one_line(text, NAME_CHARS))
}

pub(crate) fn serialize_message<S: Serializer>(text: &str, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&one_line(text, MESSAGE_CHARS))
}

#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
pub(crate) fn serialize_name<S: Serializer>(
    name: &Option<String>,
    to: S,
) -> Result<S::Ok, S::Error> {
    name.as_deref()
        .map(|name| one_line(name, NAME_CHARS))
        .filter(|name| !name.is_empty())
        .serialize(to)
}

#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
pub(crate) fn serialize_greeting<S: Serializer>(
    name: &Option<String>,
    to: S,
) -> Result<S::Ok, S::Error> {
    name.as_deref()
        .map(|name| one_line(name, NAME_CHARS))
        .filter(|name| is_greetable(name))
        .serialize(to)
}

pub(crate) fn serialize_lines<S: Serializer>(lines: &[String], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(lines.iter().map(|line| one_line(line, MESSAGE_CHARS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_one_line_of_bounded_length() {
        for (text, limit, line) in [
            ("plain", 20, "plain"),
            (" a\r\nBcc: x@y\t\u{0}b ", 20, "a Bcc: x@y b"),
            ("\u{2028}a\u{2029}\u{85}b", 20, "a b"),
            ("\u{202e}gpj.exe", 20, "gpj.exe"),
            ("12345", 5, "12345"),
            ("123456", 5, "1234…"),
            ("1234 6", 5, "123…"),
            ("äöüäöü", 4, "äöü…"),
            (" \n ", 5, ""),
        ] {
            assert_eq!(one_line(text, limit), line, "{text:?}");
            assert!(one_line(text, limit).chars().count() <= limit);
        }
    }

    #[test]
    fn a_name_that_would_become_a_link_greets_nobody() {
        for good in [
            "John Doe",
            "J. R. Smith",
            "J.R. Ewing",
            "Zoë",
            "O'Neil",
            "王 小明",
        ] {
            assert!(is_greetable(good), "{good}");
        }
        for bad in [
            "",
            "http://evil",
            "win at evil.example now",
            "www.evil",
            "x@y",
            "<b>",
            "tel:123",
        ] {
            assert!(!is_greetable(bad), "{bad}");
        }
    }
}
