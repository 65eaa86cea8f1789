//! Texts as the vendor takes them. Lengths are UTF-16 units, the strictest way to count them.

use std::fmt;

use serde::Serialize;

const SUBJECT: usize = 1_000;
const DESCRIPTION: usize = 65_535;
const COMMENT: usize = 32_000;
/// Room for `(12/34)` and a line break in front of a part.
const PART_MARK: usize = 40;

macro_rules! text {
    ($name:ident) => {
        impl $name {
            /// The text as it is sent.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} bytes)"), self.0.len())
            }
        }
    };
}

/// A ticket's subject: one line, not empty, at most 1,000 characters.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Subject(String);

/// A ticket's description: HTML of at most 65,535 characters.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Description(String);

/// The text of one comment: not empty, at most 32,000 characters.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct CommentText(String);

text!(Subject);
text!(Description);
text!(CommentText);

impl Subject {
    /// Makes one line of `text`, and cuts it with `…` where it is too long.
    pub fn cut(text: &str) -> Self {
        let words: Vec<&str> = text.split_whitespace().collect();
        let line: String = words
            .join(" ")
            .chars()
            .filter(|c| !c.is_control())
            .collect();
        if line.is_empty() {
            return Self("(no subject)".to_owned());
        }
        Self(cut(&line, SUBJECT, "…"))
    }
}

impl Description {
    /// Escapes plain text; line breaks become `<br>`. What is too long is cut, with a mark that
    /// says so.
    pub fn of_text(text: &str) -> Self {
        const MARK: &str = "<br>[…]";
        let mut html = String::with_capacity(text.len() + 64);
        let mut length = 0;
        let most = DESCRIPTION - MARK.len();
        for c in text.chars() {
            let mut buffer = [0; 4];
            let piece = match c {
                '<' => "&lt;",
                '>' => "&gt;",
                '&' => "&amp;",
                '"' => "&quot;",
                '\'' => "&#39;",
                '\n' => "<br>",
                c if c.is_control() && c != '\t' => continue,
                c => c.encode_utf8(&mut buffer),
            };
            // Whole entities only.
            length += units(piece);
            if length > most {
                html.push_str(MARK);
                break;
            }
            html.push_str(piece);
        }
        Self(html)
    }
}

impl CommentText {
    /// Cuts `text` into comments, at line ends where there are some. Several parts begin with
    /// `(1/3)`; a text without content has none.
    ///
    /// The vendor reads `zsu[@user:…]zsu` as a mention, which notifies people; a visitor's text
    /// must not do that, so the mark is broken up.
    pub fn split(text: &str) -> Vec<Self> {
        let text = text.trim().replace("zsu[@", "zsu [@");
        if text.is_empty() {
            return Vec::new();
        }
        if units(&text) <= COMMENT {
            return vec![Self(text)];
        }
        let mut parts = Vec::new();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let most = prefix(rest, COMMENT - PART_MARK);
            let end = match rest[..most].rfind('\n') {
                Some(line_end) if most < rest.len() && line_end > most / 2 => line_end + 1,
                _ => most,
            };
            parts.push(&rest[..end]);
            rest = &rest[end..];
        }
        let of = parts.len();
        let numbered = parts.iter().zip(1..);
        numbered
            .map(|(part, nth)| Self(format!("({nth}/{of})\n{}", part.trim_end_matches('\n'))))
            .collect()
    }

    /// One comment of `text`: what is too long is cut with `[…]`; `None` if there is no content.
    pub fn cut(text: &str) -> Option<Self> {
        let text = text.trim().replace("zsu[@", "zsu [@");
        (!text.is_empty()).then(|| Self(cut(&text, COMMENT, "\n[…]")))
    }
}

pub(crate) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Bytes of the longest start of `text` of at most `most` UTF-16 units.
fn prefix(text: &str, most: usize) -> usize {
    let mut length = 0;
    let over = text.char_indices().find(|(_, c)| {
        length += c.len_utf16();
        length > most
    });
    over.map_or(text.len(), |(at, _)| at)
}

fn cut(text: &str, most: usize, mark: &str) -> String {
    if units(text) <= most {
        return text.to_owned();
    }
    let kept = &text[..prefix(text, most - units(mark))];
    format!("{kept}{mark}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_one_line_within_the_limit() {
        for (text, subject) in [
            ("Broken\r\n  mug ", "Broken mug"),
            (" \n", "(no subject)"),
            ("a\u{0}b", "ab"),
        ] {
            assert_eq!(Subject::cut(text).as_str(), subject);
        }
        let long = Subject::cut(&"😱".repeat(600));
        assert!(long.as_str().ends_with('…'));
        assert_eq!(units(long.as_str()), 999);
    }

    #[test]
    fn a_description_is_escaped_and_never_cut_inside_an_entity() {
        assert_eq!(
            Description::of_text("<b>\"1 & 2\"</b>\nit's").as_str(),
            "&lt;b&gt;&quot;1 &amp; 2&quot;&lt;/b&gt;<br>it&#39;s"
        );
        let long = Description::of_text(&"x<".repeat(20_000));
        let kept = long.as_str().strip_suffix("<br>[…]").unwrap();
        assert!(kept.ends_with('x') || kept.ends_with("&lt;"));
        assert!(units(long.as_str()) <= DESCRIPTION);
    }

    #[test]
    fn comments_are_cut_at_lines_and_lose_nothing() {
        assert!(CommentText::split(" \n").is_empty());
        let line = "é".repeat(99);
        let text = vec![line.as_str(); 1_000].join("\n");
        let parts = CommentText::split(&text);
        assert_eq!(parts.len(), 4);
        let bodies: Vec<&str> = parts
            .iter()
            .map(|part| part.as_str().split_once('\n').unwrap().1)
            .collect();
        assert_eq!(bodies.join("\n"), text);
        assert!(parts[3].as_str().starts_with("(4/4)\n"));
        assert!(parts.iter().all(|part| units(part.as_str()) <= COMMENT));
    }

    #[test]
    fn a_text_without_lines_is_cut_between_characters() {
        let text = "😱".repeat(40_000);
        let parts = CommentText::split(&text);
        let joined: String = parts
            .iter()
            .map(|part| part.as_str().split_once('\n').unwrap().1)
            .collect();
        assert_eq!(joined, text);
        assert!(parts.iter().all(|part| units(part.as_str()) <= COMMENT));
        assert!(units(CommentText::cut(&text).unwrap().as_str()) <= COMMENT);
    }

    #[test]
    fn a_visitor_cannot_mention_an_agent() {
        let comment = CommentText::cut("hello zsu[@user:12]zsu").unwrap();
        assert_eq!(comment.as_str(), "hello zsu [@user:12]zsu");
    }

    #[test]
    fn debug_output_shows_no_text() {
        let shown = format!(
            "{:?} {:?}",
            Subject::cut("planted"),
            CommentText::cut("planted")
        );
        assert!(!shown.contains("planted"), "{shown}");
    }
}
