use std::borrow::Cow;

use mysql_async::Value;

use crate::encode::Json;
use crate::table::{ColumnInfo, Shape};

/// Writes a value as JSON; `false`: it was a zero date, and is null now.
pub(super) fn write(json: &mut Json, column: &ColumnInfo, value: &Value) -> bool {
    match value {
        Value::NULL => json.null(),
        Value::Int(n) => whole(json, &column.shape, (*n).into()),
        Value::UInt(n) => whole(json, &column.shape, (*n).into()),
        Value::Float(n) => json.float(*n),
        Value::Double(n) => json.double(*n),
        Value::Bytes(bytes) => match column.shape {
            Shape::Bytes => json.bytes(bytes),
            Shape::Bits(bits) => json.bits(bytes, bits),
            Shape::Json => json.json(&text(bytes)),
            _ => json.text(&text(bytes)),
        },
        Value::Date(_, month, day, ..) if *month == 0 || *day == 0 => {
            json.null();
            return false;
        }
        Value::Date(..) if column.shape == Shape::Date => json.text(&date(value)),
        Value::Date(_, _, _, hour, minute, second, micros) => {
            let fraction = fraction(*micros, column.fraction);
            let zone = match column.shape {
                Shape::Timestamp => "Z",
                _ => "",
            };
            let date = date(value);
            json.text(&format!(
                "{date}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}"
            ));
        }
        Value::Time(..) => json.text(&time(value, column.fraction)),
    }
    true
}

fn whole(json: &mut Json, shape: &Shape, n: i128) {
    match shape {
        Shape::WideInteger => json.text(&n.to_string()),
        _ => json.whole(n),
    }
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn date(value: &Value) -> String {
    match value {
        Value::Date(year, month, day, ..) => format!("{year:04}-{month:02}-{day:02}"),
        _ => String::new(),
    }
}

/// With hours beyond 24 and a sign, as the server writes it.
fn time(value: &Value, digits: u8) -> String {
    match value {
        Value::Time(negative, days, hours, minutes, seconds, micros) => {
            let sign = if *negative { "-" } else { "" };
            let hours = days * 24 + u32::from(*hours);
            let fraction = fraction(*micros, digits);
            format!("{sign}{hours:02}:{minutes:02}:{seconds:02}{fraction}")
        }
        _ => String::new(),
    }
}

fn fraction(micros: u32, digits: u8) -> String {
    let digits = usize::from(digits.min(6));
    if digits == 0 && micros == 0 {
        return String::new();
    }
    let all = format!("{micros:06}");
    // More digits than the type has are never there, but would not be dropped.
    let shown = if digits == 0 { 6 } else { digits };
    format!(".{}", &all[..shown])
}

/// The value as it is bound again.
pub(super) fn key(column: Option<&ColumnInfo>, value: &Value) -> Option<sql::Value> {
    Some(match value {
        Value::NULL => return None,
        Value::Int(n) => sql::Value::Int(*n),
        Value::UInt(n) => i64::try_from(*n).map_or(sql::Value::UInt(*n), sql::Value::Int),
        Value::Float(n) => sql::Value::Real(f64::from(*n).to_bits()),
        Value::Double(n) => sql::Value::Real(n.to_bits()),
        Value::Bytes(bytes) if column.is_some_and(|c| c.shape == Shape::Bytes) => {
            sql::Value::Hex(hex::encode(bytes))
        }
        Value::Bytes(bytes) => sql::Value::Text(text(bytes).into_owned()),
        Value::Date(_, _, _, hour, minute, second, micros) => {
            let date = date(value);
            sql::Value::Text(format!(
                "{date} {hour:02}:{minute:02}:{second:02}.{micros:06}"
            ))
        }
        Value::Time(..) => sql::Value::Text(time(value, 6)),
    })
}

/// The value that is bound.
pub(super) fn parameter(value: &sql::Value) -> Value {
    match value {
        sql::Value::Text(text) | sql::Value::Hex(text) => Value::Bytes(text.clone().into_bytes()),
        sql::Value::Int(n) => Value::Int(*n),
        sql::Value::UInt(n) => Value::UInt(*n),
        sql::Value::Real(bits) => Value::Double(f64::from_bits(*bits)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::types::declared;
    use super::*;

    #[test]
    fn each_type_has_its_json() {
        for (data_type, fraction, value, expected) in [
            ("int", 0, Value::Int(-5), "-5"),
            (
                "bigint",
                0,
                Value::UInt(u64::MAX),
                "\"18446744073709551615\"",
            ),
            ("tinyint", 0, Value::Int(1), "1"),
            ("decimal", 0, Value::Bytes(b"1.10".to_vec()), "\"1.10\""),
            ("float", 0, Value::Float(1.1), "1.1"),
            (
                "date",
                0,
                Value::Date(2024, 2, 29, 0, 0, 0, 0),
                "\"2024-02-29\"",
            ),
            (
                "datetime",
                3,
                Value::Date(2024, 2, 29, 1, 2, 3, 40_000),
                "\"2024-02-29T01:02:03.040\"",
            ),
            (
                "timestamp",
                0,
                Value::Date(2024, 2, 29, 1, 2, 3, 0),
                "\"2024-02-29T01:02:03Z\"",
            ),
            (
                "time",
                0,
                Value::Time(true, 34, 22, 59, 59, 0),
                "\"-838:59:59\"",
            ),
            ("blob", 0, Value::Bytes(vec![0, 255]), "\"AP8=\""),
            (
                "json",
                0,
                Value::Bytes(b"{\"a\": 1.0}".to_vec()),
                "{\"a\":1.0}",
            ),
            ("varchar", 0, Value::Bytes("ü\n".into()), "\"ü\\n\""),
        ] {
            let mut json = Json::default();
            let column = declared("a".into(), data_type, data_type, fraction);
            assert!(write(&mut json, &column, &value));
            assert_eq!(json.0, expected, "{data_type}");
        }
    }

    #[test]
    fn zero_dates_become_null() {
        for value in [
            Value::Date(0, 0, 0, 0, 0, 0, 0),
            Value::Date(2024, 0, 0, 0, 0, 0, 0),
            Value::Date(2024, 5, 0, 0, 0, 0, 0),
        ] {
            let mut json = Json::default();
            assert!(!write(
                &mut json,
                &declared("a".into(), "date", "date", 0),
                &value
            ));
            assert_eq!(json.0, "null");
        }
    }
}
