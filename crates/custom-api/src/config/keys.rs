use engine::Problem;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Collects what is wrong, with the path of each setting.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    pub(crate) fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem::new(path, message));
    }

    pub(crate) fn into_result<T>(self, value: Option<T>) -> Result<T, Vec<Problem>> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.0),
        }
    }

    /// Reads `value` at `path`; a key that is unknown is named with its path.
    pub(crate) fn parse<T: DeserializeOwned>(&mut self, path: &str, value: &Value) -> Option<T> {
        match T::deserialize(value) {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                let text = error.to_string();
                let key = between(&text, "unknown field `").or(between(&text, "missing field `"));
                let path = key.map_or_else(|| path.to_owned(), |key| format!("{path}.{key}"));
                self.add(path, explained(&text));
                None
            }
        }
    }

    /// `value` if it is one, else a problem.
    pub(crate) fn check<T, E: std::fmt::Display>(
        &mut self,
        path: impl Into<String>,
        outcome: Result<T, E>,
    ) -> Option<T> {
        outcome
            .map_err(|error| self.add(path, error.to_string()))
            .ok()
    }
}

fn between<'t>(text: &'t str, start: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(start)?;
    Some(rest.split_once('`')?.0)
}

/// What serde says, without the values, which may be secrets in the wrong place.
fn explained(text: &str) -> String {
    if let Some(rest) = text.strip_prefix("invalid type: ") {
        let expected = rest
            .split_once(", expected ")
            .map_or("", |(_, expected)| expected);
        return format!("must be {expected}");
    }
    if let Some((_, expected)) = text.split_once(", expected ") {
        let what = if text.starts_with("unknown field") {
            "is unknown"
        } else {
            "has an unknown value"
        };
        return format!("{what}; use {expected}");
    }
    if text.starts_with("missing field") {
        return "is missing".into();
    }
    if text.starts_with("unknown field") {
        return "is unknown".into();
    }
    text.to_owned()
}
