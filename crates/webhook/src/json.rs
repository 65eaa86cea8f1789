use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::Refusal;

/// Bounds on a body, checked before any value is built from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Largest body, bytes.
    pub(crate) bytes: usize,
    /// Deepest nesting of arrays and objects.
    pub(crate) nesting: usize,
}

impl Limits {
    pub(crate) fn check_size(self, body: &[u8]) -> Result<(), Refusal> {
        if body.len() > self.bytes {
            return Err(Refusal::BodyTooLarge { limit: self.bytes });
        }
        Ok(())
    }

    /// The body as text that is safe to parse.
    pub(crate) fn text(self, body: &[u8]) -> Result<&str, Refusal> {
        self.check_size(body)?;
        let text = std::str::from_utf8(body).map_err(|_| Refusal::NotUtf8)?;
        if nesting(text) > self.nesting {
            return Err(Refusal::TooDeep {
                limit: self.nesting,
            });
        }
        Ok(text)
    }
}

/// Parses `text`, which has passed [`Limits::text`].
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Refusal> {
    serde_json::from_str(text).map_err(|error| Refusal::NotJson {
        line: error.line(),
        column: error.column(),
    })
}

/// The deepest nesting of `text` if it is JSON, and no less than a parser would meet before it finds
/// out that it is not.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Any JSON value, as far as webhooks need it.
///
/// Not `serde_json::Value`: with the `raw_value` feature that one parses the string in an object
/// with a certain key as JSON again, past the bound on nesting.
#[derive(Clone, PartialEq, Default)]
pub(crate) enum Node {
    #[default]
    Null,
    Bool(bool),
    Integer(i128),
    Fraction(f64),
    Text(String),
    List(Vec<Node>),
    Object(BTreeMap<String, Node>),
}

static NULL: Node = Node::Null;

impl Node {
    /// The value at `path`; null where there is none.
    pub(crate) fn at(&self, path: &[&str]) -> &Node {
        path.iter().fold(self, |node, key| match node {
            Node::Object(fields) => fields.get(*key).unwrap_or(&NULL),
            _ => &NULL,
        })
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Node::Null)
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A text, or a whole number as text: senders write ids both ways.
    pub(crate) fn scalar(&self) -> Option<String> {
        match self {
            Node::Text(text) => Some(text.clone()),
            Node::Integer(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// A whole number, or text of one.
    pub(crate) fn integer(&self) -> Option<i128> {
        match self {
            Node::Integer(number) => Some(*number),
            Node::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }
}

/// Shapes only: a body may hold anything about a person.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Node::Null => "null",
            Node::Bool(_) => "a boolean",
            Node::Integer(_) | Node::Fraction(_) => "a number",
            Node::Text(_) => "a text",
            Node::List(_) => "a list",
            Node::Object(_) => "an object",
        })
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Integer(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Fraction(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Node, E> {
        Ok(Node::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((key, value)) = entries.next_entry()? {
            fields.insert(key, value);
        }
        Ok(Node::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        bytes: 1_000,
        nesting: 32,
    };

    #[test]
    fn nesting_is_counted_outside_of_strings() {
        let cases = [
            ("1", 0),
            ("[]", 1),
            (r#"{"a":[{"b":{}}]}"#, 4),
            (r#"["[[[[", "\"[[", "\\"]"#, 1),
            ("[[[", 3),
            ("]]][", 1),
        ];
        for (text, depth) in cases {
            assert_eq!(nesting(text), depth, "{text}");
        }
    }

    #[test]
    fn limits_are_inclusive_and_checked_before_parsing() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(LIMITS.text(nested(32).as_bytes()).is_ok());
        assert_eq!(
            LIMITS.text(nested(33).as_bytes()),
            Err(Refusal::TooDeep { limit: 32 })
        );
        assert!(LIMITS.text(&[b' '; 1_000]).is_ok());
        assert_eq!(
            LIMITS.text(&[b' '; 1_001]),
            Err(Refusal::BodyTooLarge { limit: 1_000 })
        );
        assert_eq!(LIMITS.text(b"\"\xff\""), Err(Refusal::NotUtf8));
    }

    #[test]
    fn a_string_is_never_parsed_as_json_again() {
        let body = r#"{"$serde_json::private::RawValue": "[[[[]]]]"}"#;
        let node: Node = parse(body).unwrap();
        assert_eq!(
            node.at(&["$serde_json::private::RawValue"]).as_text(),
            Some("[[[[]]]]")
        );
    }

    #[test]
    fn ids_may_be_texts_or_whole_numbers() {
        let node: Node = parse(r#"{"a":18446744073709551615,"b":"x","c":1.5,"d":null}"#).unwrap();
        assert_eq!(
            node.at(&["a"]).scalar().as_deref(),
            Some("18446744073709551615")
        );
        assert_eq!(node.at(&["b"]).scalar().as_deref(), Some("x"));
        assert_eq!(node.at(&["c"]).scalar(), None);
        assert!(node.at(&["d"]).is_null() && node.at(&["e", "f"]).is_null());
    }
}
