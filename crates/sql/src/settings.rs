use std::ops::RangeInclusive;

use engine::Problem;
use serde_json::Value;

/// What was filled in, under any of the names that it may have, and what is wrong with it.
pub(crate) struct Settings<'a> {
    config: &'a Value,
    credentials: &'a Value,
    problems: Vec<Problem>,
}

/// Other spellings of settings.
pub(crate) const ALIASES: [(&str, &[&str]); 8] = [
    ("host", &["hostname", "server"]),
    ("database", &["databaseName", "dbName", "dbname"]),
    ("user", &["username", "userName"]),
    ("password", &["pass"]),
    ("tls", &["sslMode", "sslmode"]),
    ("ca", &["caCertificate", "sslRootCert"]),
    ("file", &["path"]),
    ("dialect", &["databaseType"]),
];

pub(crate) const fn aliases(name: &str) -> &'static [&'static str] {
    let mut at = 0;
    while at < ALIASES.len() {
        if same(ALIASES[at].0, name) {
            return ALIASES[at].1;
        }
        at += 1;
    }
    &[]
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

impl<'a> Settings<'a> {
    pub(crate) fn new(config: &'a Value, credentials: &'a Value) -> Self {
        Self {
            config,
            credentials,
            problems: Vec::new(),
        }
    }

    pub(crate) fn problem(&mut self, name: &str, message: &str) {
        self.problems
            .push(Problem::new(format!("config.{name}"), message));
    }

    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        let within = |object: &'a Value| {
            std::iter::once(name)
                .chain(aliases(name).iter().copied())
                .find_map(|name| object.get(name))
                .filter(|value| !value.is_null())
        };
        within(self.config).or_else(|| within(self.credentials))
    }

    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        match self.value(name)? {
            Value::String(text) if text.is_empty() => None,
            Value::String(text) if text.contains('\0') => {
                self.problem(name, "must not contain a NUL character");
                None
            }
            Value::String(text) => Some(text.clone()),
            _ => {
                self.problem(name, "must be text");
                None
            }
        }
    }

    pub(crate) fn required_text(&mut self, name: &str) -> Option<String> {
        let before = self.problems.len();
        let text = self.text(name);
        if text.is_none() && self.problems.len() == before {
            self.problem(name, "is required");
        }
        text
    }

    /// Numbers are taken as text too: forms send them so.
    pub(crate) fn number(&mut self, name: &str, default: u32, range: RangeInclusive<u32>) -> u32 {
        let Some(value) = self.value(name) else {
            return default;
        };
        let number = match value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        match number.and_then(|n| u32::try_from(n).ok()) {
            Some(number) if range.contains(&number) => number,
            _ => {
                let message = format!(
                    "must be a whole number from {} to {}",
                    range.start(),
                    range.end()
                );
                self.problem(name, &message);
                default
            }
        }
    }

    pub(crate) fn list(&mut self, name: &str) -> Vec<Value> {
        match self.value(name) {
            None => Vec::new(),
            Some(Value::Array(items)) => items.clone(),
            Some(_) => {
                self.problem(name, "must be a list");
                Vec::new()
            }
        }
    }

    pub(crate) fn none_unknown(&mut self, known: &[&str]) {
        let unknown: Vec<_> = self
            .config
            .as_object()
            .into_iter()
            .flat_map(serde_json::Map::keys)
            .filter(|key| {
                !known
                    .iter()
                    .any(|name| key == name || aliases(name).contains(&key.as_str()))
            })
            .cloned()
            .collect();
        for key in unknown {
            self.problem(&key, "is not a setting of databases");
        }
    }
}
