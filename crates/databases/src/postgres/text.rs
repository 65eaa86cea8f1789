use super::array::{self, Item};
use super::moment::iso;
use crate::encode::Json;
use crate::table::Shape;

/// Writes a value, as text of the session's styles, as JSON.
pub(super) fn write(json: &mut Json, shape: &Shape, text: &str) {
    match shape {
        // In arrays `t`, elsewhere `true`.
        Shape::Boolean => json.boolean(text.starts_with('t')),
        // `NaN` and the infinities, no numbers in JSON, become text of that name.
        Shape::Integer | Shape::Float => json.number(text),
        Shape::Date | Shape::Timestamp | Shape::LocalTimestamp => json.text(&iso(text)),
        Shape::Bytes => match text.strip_prefix("\\x").map(hex::decode) {
            Some(Ok(bytes)) => json.bytes(&bytes),
            _ => json.text(text),
        },
        Shape::Json => json.json(text),
        Shape::List(of) => match array::parse(text) {
            Some(items) => list(json, of, &items),
            None => json.text(text),
        },
        Shape::WideInteger
        | Shape::Decimal
        | Shape::Text
        | Shape::Time
        | Shape::Bits(_)
        | Shape::Any(_) => json.text(text),
    }
}

fn list(json: &mut Json, of: &Shape, items: &[Item]) {
    json.0.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            json.0.push(',');
        }
        match item {
            Item::Null => json.null(),
            Item::Value(text) => write(json, of, text),
            Item::List(items) => list(json, of, items),
        }
    }
    json.0.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shape_has_its_json() {
        let list = |shape| Shape::List(Box::new(shape));
        for (shape, text, expected) in [
            (Shape::Boolean, "true", "true"),
            (Shape::Boolean, "f", "false"),
            (Shape::Integer, "-5", "-5"),
            (
                Shape::WideInteger,
                "9007199254740993",
                "\"9007199254740993\"",
            ),
            (
                Shape::Decimal,
                "1.500000000000000000",
                "\"1.500000000000000000\"",
            ),
            (Shape::Float, "1e-07", "1e-07"),
            (Shape::Float, "-Infinity", "\"-Infinity\""),
            (Shape::Bytes, "\\x00ff10", "\"AP8Q\""),
            (Shape::Json, "{\"a\": [1.0, 2]}", "{\"a\":[1.0,2]}"),
            (list(Shape::Integer), "{1,NULL,3}", "[1,null,3]"),
            (list(Shape::Boolean), "{t,f}", "[true,false]"),
            (
                list(Shape::Text),
                "{{a,b},{c,\"d\\\"\"}}",
                "[[\"a\",\"b\"],[\"c\",\"d\\\"\"]]",
            ),
            (list(Shape::Text), "oops", "\"oops\""),
        ] {
            let mut json = Json::default();
            write(&mut json, &shape, text);
            assert_eq!(json.0, expected, "{shape:?} {text}");
        }
    }
}
