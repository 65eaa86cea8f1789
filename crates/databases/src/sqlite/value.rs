use rusqlite::types::{ToSqlOutput, Value as Owned, ValueRef};
use sql::Value;

use crate::encode::Json;
use crate::table::Shape;

/// Whole numbers up to this are exact wherever JSON is read.
const EXACT: i64 = 1 << 53;

/// Writes a value as JSON, by its own type, not its column's: the type of a column is only a wish
/// in `SQLite`.
pub(super) fn write(json: &mut Json, shape: &Shape, value: ValueRef<'_>) {
    match (value, shape) {
        (ValueRef::Null, _) => json.null(),
        (ValueRef::Integer(n @ (0 | 1)), Shape::Boolean) => json.boolean(n == 1),
        (ValueRef::Integer(n), _) if (-EXACT..=EXACT).contains(&n) => json.whole(n),
        (ValueRef::Integer(n), _) => json.text(&n.to_string()),
        (ValueRef::Real(n), _) => json.double(n),
        (ValueRef::Text(text), Shape::Json) => json.json(&String::from_utf8_lossy(text)),
        (ValueRef::Text(text), _) => json.text(&String::from_utf8_lossy(text)),
        (ValueRef::Blob(bytes), _) => json.bytes(bytes),
    }
}

/// The value as it is bound again.
pub(super) fn key(value: ValueRef<'_>) -> Option<Value> {
    Some(match value {
        ValueRef::Null => return None,
        ValueRef::Integer(n) => Value::Int(n),
        ValueRef::Real(n) => Value::Real(n.to_bits()),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Hex(hex::encode(bytes)),
    })
}

/// The value that is bound.
pub(super) fn parameter(value: &Value) -> ToSqlOutput<'static> {
    ToSqlOutput::Owned(match value {
        Value::Text(text) => Owned::Text(text.clone()),
        Value::Int(n) => Owned::Integer(*n),
        // Never comes from a SQLite file.
        Value::UInt(n) => Owned::Text(n.to_string()),
        Value::Real(bits) => Owned::Real(f64::from_bits(*bits)),
        Value::Hex(text) => Owned::Blob(hex::decode(text).unwrap_or_default()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_its_json() {
        for (shape, value, expected) in [
            (Shape::Text, ValueRef::Integer(EXACT), "9007199254740992"),
            (
                Shape::Text,
                ValueRef::Integer(EXACT + 1),
                "\"9007199254740993\"",
            ),
            (Shape::Boolean, ValueRef::Integer(1), "true"),
            (Shape::Boolean, ValueRef::Integer(2), "2"),
            (Shape::Text, ValueRef::Real(0.1), "0.1"),
            (Shape::Text, ValueRef::Real(f64::INFINITY), "\"Infinity\""),
            (Shape::Json, ValueRef::Text(b"[1, 2]"), "[1,2]"),
            (Shape::Text, ValueRef::Text(b"[1, 2]"), "\"[1, 2]\""),
            (Shape::Text, ValueRef::Blob(&[0, 255]), "\"AP8=\""),
        ] {
            let mut json = Json::default();
            write(&mut json, &shape, value);
            assert_eq!(json.0, expected);
        }
    }
}
