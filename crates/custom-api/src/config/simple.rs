//! The short form: a base URL, one endpoint, and whatever secret there is.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::auth::{Auth, KeyPlace};

/// The kind of authentication that fits the credentials.
pub(super) fn auth(credentials: &BTreeSet<&str>) -> Auth {
    if credentials.contains("token") {
        Auth::Bearer {
            scheme: "Bearer".into(),
        }
    } else if credentials.contains("apiKey") {
        Auth::ApiKey {
            place: KeyPlace::Header,
            name: "X-API-Key".into(),
            prefix: String::new(),
        }
    } else if credentials.contains("username") && credentials.contains("password") {
        Auth::Basic {}
    } else {
        Auth::None {}
    }
}

/// The stream of a single endpoint: its path, or a stream without the name.
pub(super) fn stream(endpoint: Option<Value>, method: Option<Value>) -> Option<Value> {
    let mut stream = match endpoint? {
        Value::String(path) => Map::from_iter([("path".to_owned(), json!(path))]),
        Value::Object(stream) => stream,
        // Reported as a stream that is none.
        other => return Some(other),
    };
    if let Some(method) = method {
        stream.entry("method").or_insert(method);
    }
    if !stream.contains_key("name") {
        let path = stream
            .get("path")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let last = path
            .trim_matches('/')
            .rsplit('/')
            .next()
            .unwrap_or_default();
        let name = if last.is_empty() { "records" } else { last };
        stream.insert("name".into(), json!(name));
    }
    Some(Value::Object(stream))
}
