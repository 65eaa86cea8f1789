use std::fmt;
use std::future::Future;
use std::pin::Pin;

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use crate::Deadline;

/// A short-lived OAuth2 access token. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct AccessToken(SecretString);

impl AccessToken {
    /// Wraps a token as the vendor issued it.
    pub fn new(token: impl Into<String>) -> Self {
        Self(SecretString::from(token.into()))
    }

    /// An `Authorization` value of `scheme` and this token, marked sensitive; `None` when the token
    /// holds bytes that no header can carry.
    pub fn header(&self, scheme: &str) -> Option<HeaderValue> {
        let mut value =
            HeaderValue::from_str(&format!("{scheme} {}", self.0.expose_secret())).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// The token itself, for storing it where secrets are kept.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for AccessToken {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for AccessToken {}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(***)")
    }
}

/// What callers branch on when no token can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenErrorKind {
    /// A person must act: new grant code, right client.
    AuthRequired,
    /// The stored credentials are incomplete or malformed.
    SecretInvalid,
    /// The account lacks a scope.
    ScopeMissing,
    /// Too many tokens were asked for; waiting helps.
    RateLimited,
    /// The store or the vendor failed for now.
    Unavailable,
    /// The store refuses us.
    StorageDenied,
    /// Time ran out.
    Deadline,
}

/// Why no access token can be had; the message says what to do next.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct TokenError {
    /// What to branch on.
    pub kind: TokenErrorKind,
    /// One sentence of cause and next step. Holds no secret.
    pub message: String,
}

/// The future of a [`TokenSource`].
pub type TokenFuture<'a> =
    Pin<Box<dyn Future<Output = Result<AccessToken, TokenError>> + Send + 'a>>;

/// Where a vendor client gets its access token from.
pub trait TokenSource: Send + Sync + fmt::Debug {
    /// A token that is valid as far as is known.
    fn token(&self, deadline: Deadline) -> TokenFuture<'_>;

    /// A token other than `rejected`, which the vendor refused although it looked valid.
    fn replace<'a>(&'a self, rejected: &'a AccessToken, deadline: Deadline) -> TokenFuture<'a>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_never_shows_in_debug_output() {
        let token = AccessToken::new("1000.planted");
        let header = token.header("Zoho-oauthtoken");
        assert!(!format!("{token:?} {header:?}").contains("planted"));
        assert!(AccessToken::new("line\nbreak").header("Bearer").is_none());
    }
}
