use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What a reader yields.
#[derive(Debug, Clone)]
pub enum Piece {
    /// Rows not yielded before by this reading, each a JSON object exactly as it is to be kept.
    Rows {
        /// The row that they were read for, where their stream has a parent.
        parent: Option<Parent>,
        /// The rows.
        rows: Vec<Box<RawValue>>,
    },
    /// Rows that are missing.
    Gap(Gap),
    /// The parent of rows to be read was deleted meanwhile.
    Vanished,
}

/// The parent of rows, whose id they gain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// The field that the rows gain, such as `ticketId`.
    pub key: String,
    /// The parent's id.
    pub id: String,
}

/// Why a reading cannot be complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// A sentence for people.
    pub why: String,
    /// Whether another reading of the same span would lack the same rows; if not, it is worth
    /// reading again.
    pub lasting: bool,
}

/// A row that a parent's id should go into is no JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not a JSON object")]
pub struct NotAnObject;

impl Parent {
    /// `row` with the parent's id put right after its opening brace, unless it has that field.
    /// Nothing else changes.
    pub fn put_into<'r>(&self, row: &'r RawValue) -> Result<Cow<'r, str>, NotAnObject> {
        let text = row.get();
        let object: Object<'_> = serde_json::from_str(text).map_err(|_| NotAnObject)?;
        if object.has(&self.key) {
            return Ok(Cow::Borrowed(text));
        }
        let (head, tail) = text.split_once('{').ok_or(NotAnObject)?;
        let (key, id) = (quoted(&self.key), quoted(&self.id));
        let comma = if object.0.is_empty() { "" } else { "," };
        Ok(Cow::Owned(format!("{head}{{{key}:{id}{comma}{tail}")))
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The keys of an object, without those of what it contains.
struct Object<'a>(Vec<Cow<'a, str>>);

impl Object<'_> {
    fn has(&self, key: &str) -> bool {
        self.0.iter().any(|name| name == key)
    }
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;

        impl<'de> Visitor<'de> for Keys {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut keys = Vec::new();
                while let Some((Key(key), IgnoredAny)) = map.next_entry()? {
                    keys.push(key);
                }
                Ok(Object(keys))
            }
        }

        deserializer.deserialize_map(Keys)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn put(row: &str) -> Result<String, NotAnObject> {
        let parent = Parent {
            key: "ticketId".to_owned(),
            id: "a\"7".to_owned(),
        };
        let row = RawValue::from_string(row.to_owned()).unwrap();
        parent.put_into(&row).map(Cow::into_owned)
    }

    #[test]
    fn a_parents_id_goes_in_front_and_nothing_else_changes() {
        for (row, expected) in [
            ("{}", r#"{"ticketId":"a\"7"}"#),
            ("{ \n}", "{\"ticketId\":\"a\\\"7\" \n}"),
            (
                r#"{"id": 1.0, "ü":"\u00fc"}"#,
                r#"{"ticketId":"a\"7","id": 1.0, "ü":"\u00fc"}"#,
            ),
            (
                r#"{"sub":{"ticketId":"1"}}"#,
                r#"{"ticketId":"a\"7","sub":{"ticketId":"1"}}"#,
            ),
            (r#"{"ticketId":null}"#, r#"{"ticketId":null}"#),
            (r#"{"ticket\u0049d":"8"}"#, r#"{"ticket\u0049d":"8"}"#),
        ] {
            assert_eq!(put(row).as_deref(), Ok(expected));
        }
        for row in ["[]", "1", "\"{\"", "null"] {
            assert_eq!(put(row), Err(NotAnObject), "{row}");
        }
    }

    proptest! {
        #[test]
        fn a_child_is_the_row_plus_its_parent(
            keys in proptest::collection::btree_map("[a-zA-Zé\"\\\\]{0,9}|ticketId", "\\PC{0,9}", 0..6),
        ) {
            let row = serde_json::to_string(&keys).unwrap();
            let written: Value = serde_json::from_str(&put(&row).unwrap()).unwrap();
            let mut expected: serde_json::Map<String, Value> =
                keys.into_iter().map(|(key, value)| (key, Value::from(value))).collect();
            expected.entry("ticketId").or_insert_with(|| "a\"7".into());
            prop_assert_eq!(written, Value::Object(expected));
        }
    }
}
