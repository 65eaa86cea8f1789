use std::borrow::Cow;

use aws_lc_rs::digest;
use serde_json::value::RawValue;

use crate::NoId;
use crate::row::{Field, Row, quoted, unquoted};

/// The field that each row in the lake begins with.
pub const EXTERNAL_ID: &str = "_external_id";

/// What makes a row the same row in another run.
///
/// One field: its text, a number's as the source wrote it. Several: their texts joined by `:`, with
/// `%` and `:` in them written `%25` and `%3A`. None: the SHA-256 of the row's bytes, in hex, so that
/// a changed row is another row.
///
/// To be taken from the row as the source gave it: rules may rename or hash its key.
pub fn external_id(row: &RawValue, primary_key: &[String]) -> Result<String, NoId> {
    if primary_key.is_empty() {
        let digest = digest::digest(&digest::SHA256, row.get().as_bytes());
        return Ok(hex::encode(digest.as_ref()));
    }
    let row = Row::read(row.get()).map_err(|_| NoId::NotAnObject)?;
    if let [field] = primary_key {
        return part(&row, field).map(Cow::into_owned);
    }
    let mut id = String::new();
    for (n, field) in primary_key.iter().enumerate() {
        if n > 0 {
            id.push(':');
        }
        let text = part(&row, field)?;
        id.push_str(&text.replace('%', "%25").replace(':', "%3A"));
    }
    Ok(id)
}

fn part<'r>(row: &'r Row<'_>, field: &str) -> Result<Cow<'r, str>, NoId> {
    let missing = || NoId::Missing {
        field: field.to_owned(),
    };
    let json = row.get(field).ok_or_else(missing)?.value.as_ref();
    match json.as_bytes().first() {
        Some(b'{' | b'[') => Err(NoId::NotScalar {
            field: field.to_owned(),
        }),
        _ if json == "null" || json == "\"\"" => Err(missing()),
        _ => Ok(unquoted(json).unwrap_or(Cow::Borrowed(json))),
    }
}

/// `row` with `_external_id` in front; all other bytes as they are.
///
/// Ours wins: a field of that name that the row has already becomes `_source_external_id` (or, if
/// that is taken too, gets `_source` in front again), and keeps its place and value.
pub fn with_external_id(row: &str, id: &str) -> String {
    let clash = row.contains(EXTERNAL_ID) || row.contains("\\u");
    let renamed = if clash { without_clash(row) } else { None };
    let row = renamed.as_deref().unwrap_or(row).trim();
    let id = quoted(id);
    // What is no object cannot carry a field; it is kept whole under a name.
    let Some(rest) = row.strip_prefix('{').map(str::trim_start) else {
        return format!(r#"{{"{EXTERNAL_ID}":{id},"value":{row}}}"#);
    };
    let comma = if rest == "}" { "" } else { "," };
    format!(r#"{{"{EXTERNAL_ID}":{id}{comma}{rest}"#)
}

/// The row with its own `_external_id` renamed, if it has one.
fn without_clash(row: &str) -> Option<String> {
    let mut row = Row::read(row).ok()?;
    row.get(EXTERNAL_ID)?;
    let mut name = format!("_source{EXTERNAL_ID}");
    while row.fields().iter().any(|field: &Field<'_>| field.is(&name)) {
        name.insert_str(0, "_source");
    }
    row.rename(EXTERNAL_ID, &name);
    Some(row.write())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn id(row: &str, key: &[&str]) -> Result<String, NoId> {
        let key: Vec<String> = key.iter().map(|&field| field.to_owned()).collect();
        external_id(serde_json::from_str(row).unwrap(), &key)
    }

    #[test]
    fn a_row_is_known_by_its_key_or_else_by_itself() {
        for (row, key, expected) in [
            (r#"{"id":"a-1"}"#, &["id"][..], "a-1"),
            (r#"{"id":42}"#, &["id"], "42"),
            (
                r#"{"id":12345678901234567890123}"#,
                &["id"],
                "12345678901234567890123",
            ),
            (r#"{"\u0069d":"\u00fc:%"}"#, &["id"], "ü:%"),
            (r#"{"a":1,"b":"x"}"#, &["a", "b"], "1:x"),
            (r#"{"a":"x:y","b":"50%"}"#, &["a", "b"], "x%3Ay:50%25"),
            (r#"{"a":true,"b":1}"#, &["b", "a"], "1:true"),
            (
                "{}",
                &[],
                "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
            ),
        ] {
            assert_eq!(id(row, key).as_deref(), Ok(expected), "{row}");
        }
    }

    #[test]
    fn a_key_that_is_not_there_is_an_error() {
        let missing = |field: &str| NoId::Missing {
            field: field.to_owned(),
        };
        for (row, error) in [
            ("{}", missing("id")),
            (r#"{"id":null}"#, missing("id")),
            (r#"{"id":""}"#, missing("id")),
            (r#"{"id":[1]}"#, NoId::NotScalar { field: "id".into() }),
            ("[]", NoId::NotAnObject),
        ] {
            assert_eq!(id(row, &["id"]), Err(error), "{row}");
        }
        assert_eq!(id(r#"{"id":1}"#, &["id", "line"]), Err(missing("line")));
    }

    #[test]
    fn the_id_goes_in_front_and_ours_wins() {
        for (row, expected) in [
            ("{}", r#"{"_external_id":"7"}"#),
            (r#"{ "a" : 1.0 }"#, r#"{"_external_id":"7","a" : 1.0 }"#),
            (
                r#"{"a":1,"_external_id":"x","b":2}"#,
                r#"{"_external_id":"7","a":1,"_source_external_id":"x","b":2}"#,
            ),
            (
                r#"{"\u005fexternal_id":1}"#,
                r#"{"_external_id":"7","_source_external_id":1}"#,
            ),
            (
                r#"{"_external_id":1,"_source_external_id":2}"#,
                r#"{"_external_id":"7","_source_source_external_id":1,"_source_external_id":2}"#,
            ),
            (
                r#"{"a":"_external_id"}"#,
                r#"{"_external_id":"7","a":"_external_id"}"#,
            ),
            ("[1]", r#"{"_external_id":"7","value":[1]}"#),
        ] {
            assert_eq!(with_external_id(row, "7"), expected);
        }
    }

    proptest! {
        #[test]
        fn rows_with_different_keys_have_different_ids(
            a in proptest::collection::vec("[ab:%3A5]{1,6}", 3),
            b in proptest::collection::vec("[ab:%3A5]{1,6}", 3),
        ) {
            let id = |key: &[String]| {
                let row = serde_json::json!({"x": key[0], "y": key[1], "z": key[2]}).to_string();
                id(&row, &["x", "y", "z"]).unwrap()
            };
            prop_assert_eq!(id(&a) == id(&b), a == b);
        }

        #[test]
        fn a_row_gains_its_id_and_loses_nothing(
            fields in proptest::collection::btree_map("\\PC{0,6}|_external_id|_source_external_id", "\\PC{0,9}", 0..6),
            id in "\\PC{1,12}",
        ) {
            let row = serde_json::to_string(&fields).unwrap();
            let written: serde_json::Map<String, Value> =
                serde_json::from_str(&with_external_id(&row, &id)).unwrap();
            prop_assert_eq!(written.keys().next().unwrap(), EXTERNAL_ID);
            prop_assert_eq!(&written[EXTERNAL_ID], &Value::from(id));
            prop_assert_eq!(written.len(), fields.len() + 1);
            let values: Vec<&str> = written.values().skip(1).filter_map(Value::as_str).collect();
            prop_assert_eq!(values, fields.values().map(String::as_str).collect::<Vec<_>>());
        }
    }
}
