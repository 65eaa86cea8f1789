//! The part of JSON Schema that parameters of actions are described with.

use serde_json::{Map, Value};

use crate::Problem;

/// The one pattern that is checked: an id of digits.
const DIGITS: &str = "^[0-9]{1,20}$";

/// Adds what is wrong with `value`, which is at `at`.
pub(crate) fn check(schema: &Value, at: &str, value: &Value, problems: &mut Vec<Problem>) {
    let wanted = schema["type"].as_str().unwrap_or_default();
    if !is_a(wanted, value) {
        let message = format!("must be {}, not {}", named(wanted), kind(value));
        problems.push(Problem::new(at, message));
        return;
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        let message = format!("must be one of {}", allowed.join(", "));
        problems.push(Problem::new(at, message));
    }
    match value {
        Value::String(text) => {
            problems.extend(wrong_with_text(schema, text).map(|message| Problem::new(at, message)));
        }
        Value::Object(fields) => check_fields(schema, at, fields, problems),
        _ => {}
    }
}

fn check_fields(
    schema: &Value,
    at: &str,
    fields: &Map<String, Value>,
    problems: &mut Vec<Problem>,
) {
    let required = schema["required"].as_array().into_iter().flatten();
    for name in required.filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            problems.push(Problem::new(format!("{at}.{name}"), "is missing"));
        }
    }
    let others = &schema["additionalProperties"];
    for (name, value) in fields {
        let at = format!("{at}.{name}");
        match (schema["properties"].get(name), others) {
            (Some(schema), _) => check(schema, &at, value, problems),
            (None, Value::Bool(false)) => problems.push(Problem::new(at, unknown(schema))),
            (None, Value::Object(_)) => check(others, &at, value, problems),
            (None, _) => {}
        }
    }
}

fn unknown(schema: &Value) -> String {
    let known = schema["properties"].as_object();
    let known: Vec<&str> = known
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    format!("is not known here; known are {}", known.join(", "))
}

/// Lengths are in UTF-16 units, the strictest way to count characters.
fn wrong_with_text(schema: &Value, text: &str) -> Option<String> {
    let length = text.encode_utf16().count() as u64;
    let bound = |name: &str| schema[name].as_u64();
    if bound("minLength").is_some_and(|_| text.trim().is_empty()) {
        return Some("is empty".to_owned());
    }
    if let Some(least) = bound("minLength").filter(|least| length < *least) {
        return Some(format!("is shorter than {least} characters"));
    }
    if let Some(most) = bound("maxLength").filter(|most| length > *most) {
        return Some(format!("is longer than {most} characters"));
    }
    let digits = (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    (schema["pattern"] == DIGITS && !digits)
        .then(|| "must be an id: 1 to 20 digits, as a string".to_owned())
}

fn is_a(wanted: &str, value: &Value) -> bool {
    match wanted {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        _ => true,
    }
}

fn named(wanted: &str) -> &str {
    match wanted {
        "string" => "a string",
        "boolean" => "true or false",
        "integer" => "a whole number",
        "number" => "a number",
        "object" => "an object",
        "array" => "a list",
        other => other,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::Action;

    const ACTION: Action = Action {
        name: "paint",
        description: "Paints a thing.",
        parameters: r#"{"type": "object", "additionalProperties": false, "required": ["id"],
            "properties": {
                "id": {"type": "string", "pattern": "^[0-9]{1,20}$"},
                "colour": {"type": "string", "enum": ["red", "blue"]},
                "note": {"type": "string", "minLength": 1, "maxLength": 3},
                "dry": {"type": "boolean"},
                "coats": {"type": "integer"},
                "extra": {"type": "object", "additionalProperties": {"type": "string"}}}}"#,
    };

    #[test]
    fn what_fits_the_schema_is_well() {
        for parameters in [
            json!({"id": "12"}),
            json!({"id": "12", "colour": "red", "note": "abc", "dry": true, "coats": 2,
                "extra": {"any": "text"}}),
        ] {
            assert_eq!(ACTION.check(&parameters), []);
        }
    }

    #[test]
    fn what_does_not_fit_is_named_and_never_quoted() {
        for (parameters, field) in [
            (json!(null), "parameters"),
            (json!({}), "parameters.id"),
            (json!({"id": 12}), "parameters.id"),
            (json!({"id": "secret"}), "parameters.id"),
            (json!({"id": "1", "colour": "secret"}), "parameters.colour"),
            (json!({"id": "1", "note": "secret"}), "parameters.note"),
            (json!({"id": "1", "note": " "}), "parameters.note"),
            (json!({"id": "1", "dry": "secret"}), "parameters.dry"),
            (json!({"id": "1", "coats": 1.5}), "parameters.coats"),
            (
                json!({"id": "1", "extra": {"x": ["secret"]}}),
                "parameters.extra.x",
            ),
            (json!({"id": "1", "other": "secret"}), "parameters.other"),
        ] {
            let problems = ACTION.check(&parameters);
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert_eq!(problems[0].field, field);
            assert!(!problems[0].message.contains("secret"), "{problems:?}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        assert_eq!(ACTION.check(&json!({"dry": 1, "coats": "x"})).len(), 3);
    }
}
