use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::{Refusal, invalid};

/// An item in `DynamoDB` JSON: `{"pk": {"S": "…"}, …}`.
pub(super) type Item = Map<String, Value>;

const MOST_ITEM_BYTES: usize = 400 * 1024;
const DEEPEST: usize = 32;

/// Type and content of an attribute value.
pub(super) fn parts(value: &Value) -> Option<(&str, &Value)> {
    let object = value.as_object()?;
    let mut fields = object.iter();
    let (kind, content) = fields.next()?;
    fields.next().is_none().then_some((kind.as_str(), content))
}

/// A string attribute of an item.
pub(super) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.get("S")?.as_str()
}

/// Whether the value is well formed, all the way down.
pub(super) fn check(value: &Value, depth: usize) -> Result<(), Refusal> {
    let malformed =
        || invalid("Supplied AttributeValue is empty or not of a type that the stand-in knows");
    if depth > DEEPEST {
        return Err(invalid(
            "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit",
        ));
    }
    let (kind, content) = parts(value).ok_or_else(malformed)?;
    match (kind, content) {
        ("S" | "B", Value::String(_)) | ("BOOL", Value::Bool(_)) | ("NULL", Value::Bool(true)) => {
            Ok(())
        }
        ("N", Value::String(number)) => match number.parse::<f64>() {
            Ok(parsed) if parsed.is_finite() && digits(number) <= 38 => Ok(()),
            _ => Err(invalid(
                "The parameter cannot be converted to a numeric value",
            )),
        },
        ("L", Value::Array(values)) => values.iter().try_for_each(|v| check(v, depth + 1)),
        ("M", Value::Object(values)) => values.values().try_for_each(|v| check(v, depth + 1)),
        _ => Err(malformed()),
    }
}

fn digits(number: &str) -> usize {
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    mantissa.bytes().filter(u8::is_ascii_digit).count()
}

/// Refuses what is larger than an item may be.
pub(super) fn check_size(item: &Item) -> Result<(), Refusal> {
    if bytes(item) > MOST_ITEM_BYTES {
        return Err(invalid("Item size has exceeded the maximum allowed size"));
    }
    Ok(())
}

/// An item's size by the documented rules.
pub(super) fn bytes(item: &Item) -> usize {
    item.iter()
        .map(|(name, value)| name.len() + value_bytes(value))
        .sum()
}

fn value_bytes(value: &Value) -> usize {
    match parts(value) {
        Some(("S", Value::String(text))) => text.len(),
        Some(("B", Value::String(base64))) => base64.len() / 4 * 3,
        Some(("N", Value::String(number))) => digits(number).div_ceil(2) + 1,
        Some(("L", Value::Array(values))) => {
            3 + values.iter().map(|v| 1 + value_bytes(v)).sum::<usize>()
        }
        Some(("M", Value::Object(values))) => {
            let inner = values.iter().map(|(k, v)| 1 + k.len() + value_bytes(v));
            3 + inner.sum::<usize>()
        }
        _ => 1,
    }
}

/// The order of two values of one type that has an order.
pub(super) fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (parts(a)?, parts(b)?) {
        (("S", a), ("S", b)) => Some(a.as_str()?.cmp(b.as_str()?)),
        (("N", a), ("N", b)) => {
            let (a, b) = (a.as_str()?, b.as_str()?);
            match (a.parse::<i128>(), b.parse::<i128>()) {
                (Ok(a), Ok(b)) => Some(a.cmp(&b)),
                _ => a.parse::<f64>().ok()?.partial_cmp(&b.parse().ok()?),
            }
        }
        _ => None,
    }
}

pub(super) fn equal(a: &Value, b: &Value) -> bool {
    compare(a, b).map_or_else(|| a == b, Ordering::is_eq)
}
