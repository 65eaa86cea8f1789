use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Checks that `row` is one JSON value.
pub(crate) fn check(row: &[u8]) -> Result<(), String> {
    serde_json::from_slice::<&RawValue>(row)
        .map(|_| ())
        .map_err(|error| position(&error))
}

/// `row` with the pairs of `parent` that it does not carry put right after its opening brace.
pub(crate) fn with_parent<'a>(
    row: &'a [u8],
    parent: &[(&str, &str)],
) -> Result<Cow<'a, [u8]>, String> {
    let TopLevel(carried) = serde_json::from_slice(row).map_err(|error| position(&error))?;
    let missing = parent
        .iter()
        .filter(|(name, _)| !carried.iter().any(|key| key.0 == *name));

    let mut pairs = Vec::new();
    for (name, value) in missing {
        if !pairs.is_empty() {
            pairs.push(b',');
        }
        push_string(&mut pairs, name)?;
        pairs.push(b':');
        push_string(&mut pairs, value)?;
    }
    if pairs.is_empty() {
        return Ok(Cow::Borrowed(row));
    }
    if !carried.is_empty() {
        pairs.push(b',');
    }

    let brace = row
        .iter()
        .position(|b| *b == b'{')
        .ok_or("not a JSON object")?;
    let (head, tail) = row.split_at(brace + 1);
    Ok(Cow::Owned([head, &pairs, tail].concat()))
}

fn push_string(out: &mut Vec<u8>, text: &str) -> Result<(), String> {
    serde_json::to_writer(out, text).map_err(|error| position(&error))
}

/// Where and what, without quoting the row.
fn position(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "it ends early",
        serde_json::error::Category::Data => "it is not a JSON object",
        _ => "it is not one JSON value",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// The keys of an object, without those of what it contains.
struct TopLevel<'a>(Vec<Key<'a>>);

impl<'de> Deserialize<'de> for TopLevel<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;

        impl<'de> Visitor<'de> for Keys {
            type Value = TopLevel<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry()? {
                    keys.push(key);
                }
                Ok(TopLevel(keys))
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

    const PARENT: [(&str, &str); 2] = [("ticketId", "7"), ("agentId", "a\"b")];

    #[test]
    fn a_parent_goes_in_front_and_nothing_else_changes() {
        for (row, expected) in [
            ("{}", r#"{"ticketId":"7","agentId":"a\"b"}"#),
            (" { } ", r#" {"ticketId":"7","agentId":"a\"b" } "#),
            (
                r#"{"id": 1.0, "ü":"\u00fc"}"#,
                r#"{"ticketId":"7","agentId":"a\"b","id": 1.0, "ü":"\u00fc"}"#,
            ),
            (
                r#"{"ticketId":null,"sub":{"agentId":"1"}}"#,
                r#"{"agentId":"a\"b","ticketId":null,"sub":{"agentId":"1"}}"#,
            ),
            (
                r#"{"ticket\u0049d":"8","agentId":9}"#,
                r#"{"ticket\u0049d":"8","agentId":9}"#,
            ),
        ] {
            let written = with_parent(row.as_bytes(), &PARENT).unwrap();
            assert_eq!(std::str::from_utf8(&written).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_not_one_value_is_refused_without_being_quoted() {
        for row in ["", "{", "{} {}", "{\"secret\":\"a\nb\"}", "secret", "[1,]"] {
            let why = check(row.as_bytes()).unwrap_err();
            assert!(!why.contains("secret"), "{why}");
        }
        assert!(check(b"\"\xff\"").is_err(), "text that is not UTF-8");
        for row in ["[]", "1", "\"{\"", "null"] {
            assert!(check(row.as_bytes()).is_ok());
            assert!(with_parent(row.as_bytes(), &PARENT).is_err(), "{row}");
        }
    }

    proptest! {
        #[test]
        fn a_child_is_the_row_plus_its_parent(
            keys in proptest::collection::btree_map("[a-zA-Zé\"\\\\]{0,9}|ticketId|agentId", "\\PC{0,9}", 0..6),
        ) {
            let row = serde_json::to_vec(&keys).unwrap();
            let written: Value = serde_json::from_slice(&with_parent(&row, &PARENT).unwrap()).unwrap();
            let mut expected: serde_json::Map<String, Value> =
                keys.into_iter().map(|(k, v)| (k, Value::from(v))).collect();
            for (name, id) in PARENT {
                expected.entry(name).or_insert_with(|| id.into());
            }
            prop_assert_eq!(written, Value::Object(expected));
        }
    }
}
