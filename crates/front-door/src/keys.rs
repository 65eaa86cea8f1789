use std::future::Future;
use std::pin::Pin;

use http::{HeaderMap, header};
use secrecy::{ExposeSecret as _, SecretString};
use state::{ApiKeys, Client, KeyRefusal};
use subtle::ConstantTimeEq as _;

/// A failure of what keys or counts are stored in; told to the log only.
pub type StoreError = Box<dyn std::error::Error + Send + Sync>;

/// The answer of a store, in a box so that stores are values.
pub type Stored<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Tells whose an API key is. Implementations compare digests, never the keys themselves, so that
/// the time taken tells nothing.
pub trait KeyRing: Send + Sync {
    /// Whose `key` is, or why it lets nobody in.
    fn client<'a>(&'a self, key: &'a SecretString) -> Stored<'a, Result<Client, KeyRefusal>>;
}

impl KeyRing for ApiKeys {
    fn client<'a>(&'a self, key: &'a SecretString) -> Stored<'a, Result<Client, KeyRefusal>> {
        Box::pin(async move {
            match self.verify(key).await {
                Ok(client) => Ok(Ok(client)),
                Err(state::Error::KeyRefused(refusal)) => Ok(Err(refusal)),
                Err(error) => Err(error.into()),
            }
        })
    }
}

/// Begins every key, so that scanners for leaked secrets know ours.
const PREFIX: &str = "dbk_";
const LONGEST: usize = 128;

/// The key in `Authorization: Bearer` or `x-api-key`. Two that differ are none.
pub(crate) fn presented(headers: &HeaderMap) -> Option<SecretString> {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| {
            let (scheme, key) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
        });
    let plain = headers
        .get("x-api-key")
        .and_then(|value| value.to_str().ok())
        .map(str::trim);
    let key = match (bearer, plain) {
        (Some(bearer), Some(plain)) => (bearer == plain).then_some(bearer),
        (one, other) => one.or(other),
    }?;
    let plausible = key.starts_with(PREFIX)
        && key.len() <= LONGEST
        && key.bytes().all(|b| b.is_ascii_graphic());
    plausible.then(|| key.to_owned().into())
}

/// Whether both are the same, in a time that depends on their lengths only.
pub fn same_secret(one: &SecretString, other: &SecretString) -> bool {
    let (one, other) = (one.expose_secret(), other.expose_secret());
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(pairs: &[(&'static str, &str)]) -> Option<String> {
        let headers = pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        presented(&headers).map(|key| key.expose_secret().to_owned())
    }

    #[test]
    fn a_key_comes_in_either_header_but_not_as_two() {
        let long = format!("dbk_{}", "x".repeat(200));
        for (headers, expected) in [
            (vec![("authorization", "Bearer dbk_a")], Some("dbk_a")),
            (vec![("authorization", "bearer  dbk_a ")], Some("dbk_a")),
            (vec![("x-api-key", "dbk_b")], Some("dbk_b")),
            (
                vec![("authorization", "Bearer dbk_a"), ("x-api-key", "dbk_a")],
                Some("dbk_a"),
            ),
            (
                vec![("authorization", "Bearer dbk_a"), ("x-api-key", "dbk_b")],
                None,
            ),
            (vec![("authorization", "Basic dbk_a")], None),
            (vec![("authorization", "dbk_a")], None),
            (vec![("x-api-key", "a")], None),
            (vec![("x-api-key", "dbk_a b")], None),
            (vec![("x-api-key", long.as_str())], None),
            (vec![], None),
        ] {
            assert_eq!(key(&headers).as_deref(), expected, "{headers:?}");
        }
    }

    #[test]
    fn secrets_are_the_same_only_byte_for_byte() {
        let of = |text: &str| SecretString::from(text.to_owned());
        assert!(same_secret(&of("a1"), &of("a1")));
        assert!(!same_secret(&of("a1"), &of("a2")));
        assert!(!same_secret(&of("a1"), &of("a")));
        assert!(!same_secret(&of(""), &of("a")));
    }
}
