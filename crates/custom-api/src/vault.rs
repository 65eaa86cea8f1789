//! Where OAuth tokens are kept between processes.

use std::fmt;
use std::sync::Arc;

use engine::Error;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, OwnedMutexGuard};
use vendor_http::Deadline;

/// Tokens as they are kept. `Debug` shows none; [`Tokens::to_json`] is for the store alone.
#[derive(Clone, Default)]
pub struct Tokens {
    /// The access token.
    pub access_token: Option<SecretString>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// The refresh token that the last refresh gave, if it gave one.
    pub refresh_token: Option<SecretString>,
    /// When the last refresh failed, if nothing has succeeded since.
    pub failed_at: Option<Timestamp>,
    /// Digest of the configured credentials that these tokens come from. Others make them void.
    pub origin: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<std::borrow::Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<std::borrow::Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_at: Option<Timestamp>,
    #[serde(default)]
    origin: std::borrow::Cow<'a, str>,
}

impl Tokens {
    /// The text to be stored, secrets and all.
    pub fn to_json(&self) -> SecretString {
        let text = |secret: &Option<SecretString>| {
            secret
                .as_ref()
                .map(|secret| secret.expose_secret().to_owned().into())
        };
        let stored = Stored {
            access_token: text(&self.access_token),
            expires_at: self.expires_at,
            refresh_token: text(&self.refresh_token),
            failed_at: self.failed_at,
            origin: self.origin.as_str().into(),
        };
        SecretString::from(serde_json::to_string(&stored).unwrap_or_default())
    }

    /// Reads what [`Tokens::to_json`] wrote; `None` if it is something else.
    pub fn from_json(text: &str) -> Option<Self> {
        let stored: Stored<'_> = serde_json::from_str(text).ok()?;
        let secret = |text: std::borrow::Cow<'_, str>| SecretString::from(text.into_owned());
        Some(Self {
            access_token: stored.access_token.map(secret),
            expires_at: stored.expires_at,
            refresh_token: stored.refresh_token.map(secret),
            failed_at: stored.failed_at,
            origin: stored.origin.into_owned(),
        })
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("expires_at", &self.expires_at)
            .field("failed_at", &self.failed_at)
            .finish_non_exhaustive()
    }
}

/// Keeps the tokens of one integration, and lets one process at a time renew them: two that refresh
/// at once with a refresh token that works only once would lock each other out.
pub trait TokenVault: Send + Sync {
    /// What is kept, as it is just now; empty tokens if there are none.
    fn load(&self, deadline: Deadline) -> BoxFuture<'_, Result<Tokens, Error>>;

    /// Waits until nobody else renews, and keeps others from it until the lease is dropped, or its
    /// time is over (it must outlast a token request: 60 s are good).
    fn lease(&self, deadline: Deadline) -> BoxFuture<'_, Result<Box<dyn TokenLease>, Error>>;
}

/// The right to renew the tokens. Given back with [`TokenLease::release`]; one that was dropped
/// instead ends by itself.
pub trait TokenLease: Send {
    /// What is kept, read after the lease was had.
    fn load(&mut self, deadline: Deadline) -> BoxFuture<'_, Result<Tokens, Error>>;

    /// Replaces what is kept. On `Ok` it is durable.
    fn store<'a>(
        &'a mut self,
        tokens: &'a Tokens,
        deadline: Deadline,
    ) -> BoxFuture<'a, Result<(), Error>>;

    /// Gives it back.
    fn release(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// Keeps tokens as long as the process lives: for checks before anything is saved, and tests.
#[derive(Debug, Clone, Default)]
pub struct MemoryVault(Arc<Kept>);

#[derive(Debug, Default)]
struct Kept {
    tokens: std::sync::Mutex<Tokens>,
    lease: Arc<Mutex<()>>,
}

impl MemoryVault {
    /// One that holds `tokens`.
    pub fn holding(tokens: Tokens) -> Self {
        let vault = Self::default();
        vault.0.put(tokens);
        vault
    }
}

impl Kept {
    fn get(&self) -> Tokens {
        let tokens = self.tokens.lock();
        tokens
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    fn put(&self, new: Tokens) {
        let tokens = self.tokens.lock();
        *tokens.unwrap_or_else(std::sync::PoisonError::into_inner) = new;
    }
}

impl TokenVault for MemoryVault {
    fn load(&self, _: Deadline) -> BoxFuture<'_, Result<Tokens, Error>> {
        Box::pin(async { Ok(self.0.get()) })
    }

    fn lease(&self, deadline: Deadline) -> BoxFuture<'_, Result<Box<dyn TokenLease>, Error>> {
        Box::pin(async move {
            let lock = self.0.lease.clone().lock_owned();
            let held = tokio::time::timeout(deadline.remaining(), lock).await;
            let held = held.map_err(|_| {
                Error::new(
                    engine::Kind::DeadlineExceeded,
                    "time ran out while another run renews the access token; run it again",
                )
            })?;
            Ok(Box::new(MemoryLease {
                kept: self.0.clone(),
                _held: held,
            }) as Box<dyn TokenLease>)
        })
    }
}

struct MemoryLease {
    kept: Arc<Kept>,
    _held: OwnedMutexGuard<()>,
}

impl TokenLease for MemoryLease {
    fn load(&mut self, _: Deadline) -> BoxFuture<'_, Result<Tokens, Error>> {
        Box::pin(async { Ok(self.kept.get()) })
    }

    fn store<'a>(
        &'a mut self,
        tokens: &'a Tokens,
        _: Deadline,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            self.kept.put(tokens.clone());
            Ok(())
        })
    }

    fn release(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move { drop(self) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_the_store_and_show_in_no_log() {
        let tokens = Tokens {
            access_token: Some("planted-a".into()),
            expires_at: Some(Timestamp::UNIX_EPOCH),
            refresh_token: Some("planted-r".into()),
            failed_at: None,
            origin: "o".into(),
        };
        assert!(!format!("{tokens:?}").contains("planted"));
        let again = Tokens::from_json(tokens.to_json().expose_secret()).unwrap();
        assert_eq!(again.refresh_token.unwrap().expose_secret(), "planted-r");
        assert_eq!(
            (again.expires_at, again.origin),
            (tokens.expires_at, "o".into())
        );
        assert!(Tokens::from_json("[]").is_none());
    }
}
