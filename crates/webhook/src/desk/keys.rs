use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::DecodingKey;
use tracing::{info, warn};

use super::{KeySource, jwks};
use crate::Refusal;

/// For so long the keys are taken as they are.
const FRESH: SignedDuration = SignedDuration::from_hours(1);
/// For so long they serve while the vendor cannot be reached.
const USABLE: SignedDuration = SignedDuration::from_hours(24);
/// A token with an unknown `kid` makes us ask again, but not more often than this: anybody can make
/// up a `kid`.
const BETWEEN_FETCHES: SignedDuration = SignedDuration::from_mins(1);
/// The same after a fetch that failed, when good tokens are waiting too.
const AFTER_A_FAILURE: SignedDuration = SignedDuration::from_secs(5);

/// The vendor's keys, fetched when needed.
#[derive(Debug)]
pub(super) struct KeyCache {
    source: Arc<dyn KeySource>,
    known: Mutex<Known>,
    /// Held by the one who fetches; the others wait for what it brings.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    keys: BTreeMap<String, DecodingKey>,
    fetched_at: Option<Timestamp>,
    tried_at: Option<Timestamp>,
    failed: bool,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known")
            .field("kids", &self.keys.keys())
            .field("fetched_at", &self.fetched_at)
            .finish_non_exhaustive()
    }
}

impl Known {
    fn is_younger(at: Option<Timestamp>, than: SignedDuration, now: Timestamp) -> bool {
        // A clock that went back makes the moment of the future; that is not trusted for long.
        at.is_some_and(|at| now.duration_since(at).abs() < than)
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        Self::is_younger(self.fetched_at, FRESH, now)
    }

    fn is_usable(&self, now: Timestamp) -> bool {
        Self::is_younger(self.fetched_at, USABLE, now)
    }

    fn may_fetch(&self, now: Timestamp) -> bool {
        let pause = if self.failed {
            AFTER_A_FAILURE
        } else {
            BETWEEN_FETCHES
        };
        !Self::is_younger(self.tried_at, pause, now)
    }

    /// The answer without another fetch.
    fn settled(&self, kid: &str, now: Timestamp) -> Result<DecodingKey, Refusal> {
        if !self.is_usable(now) {
            return Err(Refusal::KeysUnavailable);
        }
        // While the vendor cannot be reached, an unknown key may be its newest.
        self.keys.get(kid).cloned().ok_or(if self.failed {
            Refusal::KeysUnavailable
        } else {
            Refusal::TokenKeyUnknown
        })
    }
}

impl KeyCache {
    pub(super) fn new(source: Arc<dyn KeySource>) -> Self {
        Self {
            source,
            known: Mutex::default(),
            fetching: tokio::sync::Mutex::new(()),
        }
    }

    /// The key named `kid`.
    pub(super) async fn key(&self, kid: &str, now: Timestamp) -> Result<DecodingKey, Refusal> {
        if let Some(answer) = self.without_fetching(kid, now) {
            return answer;
        }
        let _fetching = self.fetching.lock().await;
        if let Some(answer) = self.without_fetching(kid, now) {
            return answer;
        }
        self.fetch(now).await;
        self.lock().settled(kid, now)
    }

    /// `None` when only a fetch can tell, and one is allowed.
    fn without_fetching(&self, kid: &str, now: Timestamp) -> Option<Result<DecodingKey, Refusal>> {
        let known = self.lock();
        match known.keys.get(kid) {
            Some(key) if known.is_fresh(now) => Some(Ok(key.clone())),
            _ if known.may_fetch(now) => None,
            _ => Some(known.settled(kid, now)),
        }
    }

    async fn fetch(&self, now: Timestamp) {
        let fetched = self
            .source
            .fetch()
            .await
            .and_then(|document| jwks::read(&document));
        let mut known = self.lock();
        known.tried_at = Some(now);
        known.failed = fetched.is_err();
        match fetched {
            Ok(keys) => {
                info!(keys = keys.len(), "fetched the Desk host's signing keys");
                known.keys = keys;
                known.fetched_at = Some(now);
            }
            Err(error) => warn!(
                error = %error,
                has_keys = known.is_usable(now),
                "the Desk host's signing keys could not be fetched"
            ),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
