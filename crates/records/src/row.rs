use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

/// The field of a run's rows that says whose row it is; the first one, put there on the way into
/// the lake.
pub const ROW_ID: &str = "_external_id";

/// A row taken apart. The data is `before` followed by `after`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row<'r> {
    pub(crate) external_id: Cow<'r, str>,
    pub(crate) before: &'r [u8],
    pub(crate) after: &'r [u8],
}

/// Why a row cannot be taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoRow {
    #[error("it is not a JSON object")]
    NotAnObject,
    #[error("it has no text in the field _external_id")]
    NoId,
}

impl<'r> Row<'r> {
    /// Finds the id, and the data around it. Whether the data is valid JSON is not looked at.
    pub(crate) fn parse(row: &'r [u8]) -> Result<Self, NoRow> {
        match Self::with_id_in_front(row) {
            Some(row) => Ok(row),
            None => Self::with_id_anywhere(row),
        }
    }

    fn with_id_in_front(row: &'r [u8]) -> Option<Self> {
        let rest = row.strip_prefix(b"{")?;
        let rest = without_space(rest).strip_prefix(b"\"_external_id\"")?;
        let rest = without_space(without_space(rest).strip_prefix(b":")?);
        let length = text_length(rest)?;
        let external_id = serde_json::from_slice::<Text<'_>>(&rest[..length]).ok()?.0;
        let after = &rest[length..];
        let after = without_space(after).strip_prefix(b",").unwrap_or(after);
        Some(Self {
            external_id,
            before: &row[..1],
            after,
        })
    }

    fn with_id_anywhere(row: &'r [u8]) -> Result<Self, NoRow> {
        let found: Found<'r> = serde_json::from_slice(row).map_err(|_| NoRow::NotAnObject)?;
        Ok(Self {
            external_id: found.0.ok_or(NoRow::NoId)?,
            before: row,
            after: &[],
        })
    }
}

fn without_space(text: &[u8]) -> &[u8] {
    let space = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
    let end = text.iter().position(|b| !space(b)).unwrap_or(text.len());
    &text[end..]
}

/// How long the JSON text is that `rest` begins with, its quotes included.
fn text_length(rest: &[u8]) -> Option<usize> {
    let mut escaped = false;
    if rest.first() != Some(&b'"') {
        return None;
    }
    for (n, byte) in rest.iter().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(n + 1),
            _ => {}
        }
    }
    None
}

#[derive(serde::Deserialize)]
struct Text<'r>(#[serde(borrow)] Cow<'r, str>);

/// The id of an object that has it anywhere.
struct Found<'r>(Option<Cow<'r, str>>);

impl<'de> Deserialize<'de> for Found<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Found<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut found = None;
                while let Some(Text(key)) = map.next_key()? {
                    if key == ROW_ID {
                        let value: &serde_json::value::RawValue = map.next_value()?;
                        let text = serde_json::from_str::<Text<'de>>(value.get()).ok();
                        found = text.map(|text| text.0);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Found(found))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(row: &str) -> Result<(String, String), NoRow> {
        let row = Row::parse(row.as_bytes())?;
        let data = [row.before, row.after].concat();
        Ok((
            row.external_id.into_owned(),
            String::from_utf8(data).unwrap(),
        ))
    }

    #[test]
    fn the_data_is_the_row_without_its_id() {
        for (row, id, data) in [
            (r#"{"_external_id":"1","id":1}"#, "1", r#"{"id":1}"#),
            (r#"{"_external_id":"1"}"#, "1", "{}"),
            (r#"{"_external_id":"1" }"#, "1", "{ }"),
            (
                r#"{"_external_id":"1", "id": 1.0 }"#,
                "1",
                r#"{ "id": 1.0 }"#,
            ),
            (
                "{ \"_external_id\" : \"1\" ,\n \"a\":{}}",
                "1",
                "{\n \"a\":{}}",
            ),
            (r#"{"_external_id":"a\"\\","b":2}"#, "a\"\\", r#"{"b":2}"#),
            (r#"{"_external_id":"\u00fc","b":2}"#, "ü", r#"{"b":2}"#),
            (
                r#"{"b":2,"_external_id":"x"}"#,
                "x",
                r#"{"b":2,"_external_id":"x"}"#,
            ),
        ] {
            assert_eq!(parsed(row), Ok((id.to_owned(), data.to_owned())), "{row}");
        }
    }

    #[test]
    fn what_has_no_id_is_refused() {
        for (row, why) in [
            ("{}", NoRow::NoId),
            (r#"{"id":"1"}"#, NoRow::NoId),
            (r#"{"_external_id":1}"#, NoRow::NoId),
            (r#"{"a":{"_external_id":"1"}}"#, NoRow::NoId),
            ("[]", NoRow::NotAnObject),
            ("1", NoRow::NotAnObject),
            (r#"{"_external_id":"1"#, NoRow::NotAnObject),
        ] {
            assert_eq!(parsed(row), Err(why), "{row}");
        }
    }

    proptest! {
        #[test]
        fn any_id_and_any_object_come_out_as_they_went_in(
            id in "\\PC{0,12}",
            fields in proptest::collection::btree_map("[a-z]{1,4}", "\\PC{0,6}", 0..4),
        ) {
            let data = serde_json::to_string(&fields).unwrap();
            let comma = if fields.is_empty() { "" } else { "," };
            let quoted = serde_json::to_string(&id).unwrap();
            let row = format!("{{\"_external_id\":{quoted}{comma}{}", &data[1..]);
            prop_assert_eq!(parsed(&row), Ok((id, data)));
        }
    }
}
