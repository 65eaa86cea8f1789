use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

use thiserror::Error;

/// The settings of a function, read once at start. An empty variable counts as not set, because a
/// template cannot leave one out.
#[derive(Debug, Clone, Default)]
pub struct Env(HashMap<String, String>);

/// A variable whose value makes no sense.
#[derive(Debug, Error)]
#[error("environment variable {name} is `{value}`: {why}")]
pub struct EnvError {
    /// The variable.
    pub name: String,
    /// Its value.
    pub value: String,
    /// What is wrong with it and what would be right.
    pub why: String,
}

impl Env {
    /// The process' environment.
    pub fn of_process() -> Self {
        std::env::vars().collect()
    }

    /// The value of `name`, trimmed, if there is any.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// The value of `name` as a `T`, if set.
    pub fn parsed<T>(&self, name: &str) -> Result<Option<T>, EnvError>
    where
        T: FromStr<Err: Display>,
    {
        self.text(name)
            .map(|value| {
                value.parse().map_err(|why: T::Err| EnvError {
                    name: name.to_owned(),
                    value: value.to_owned(),
                    why: why.to_string(),
                })
            })
            .transpose()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_is_not_set() {
        let env: Env = [("A", " "), ("B", " x ")].into_iter().collect();
        assert_eq!(env.text("A"), None);
        assert_eq!(env.text("B"), Some("x"));
        assert_eq!(env.text("C"), None);
    }

    #[test]
    fn a_value_that_makes_no_sense_names_its_variable() {
        let env: Env = [("MAX_CONCURRENCY", "many")].into_iter().collect();
        let error = env.parsed::<u32>("MAX_CONCURRENCY").unwrap_err();
        assert!(
            error.to_string().contains("MAX_CONCURRENCY is `many`"),
            "{error}"
        );
    }
}
