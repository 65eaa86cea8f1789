use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clock::Clock;
use jiff::Timestamp;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tracing::Instrument;
use vendor_http::{AccessToken, Client, Deadline, Origin, TokenFuture, TokenSource};

use crate::grant::TokenEndpoint;
use crate::renewal::{Minted, Renewer, Unsaved, within};
use crate::store::Snapshot;
use crate::{DataCentre, Error, SecretId, SecretStore, ZohoSecret};

/// For how long a process that renews a token keeps the others waiting when it dies.
pub const LEASE_TTL: Duration = Duration::from_secs(15);

/// What a [`Broker`] works with.
#[derive(Debug, Clone)]
pub struct BrokerConfig {
    /// The secret.
    pub secret_id: SecretId,
    /// Where it is.
    pub store: SecretStore,
    /// S3 client and name of the bucket that holds `_locks/`.
    pub locks: (aws_sdk_s3::Client, String),
    /// Sends token requests. Not the client of the vendor's API: that one stops at its credit
    /// reserve, and tokens cost no credits.
    pub http: Client,
    /// Where tokens are issued.
    pub accounts: Origin,
    /// Where the account is expected to live; `None` takes any of Zoho's.
    pub data_centre: Option<DataCentre>,
    /// Tells when a token expires.
    pub clock: Arc<dyn Clock>,
    /// Makes the waits repeatable; give each process its own.
    pub seed: u64,
}

/// Hands out the access token of one secret and sees that of all processes exactly one renews it.
/// Clones share what they know.
#[derive(Clone)]
pub struct Broker(Arc<Inner>);

struct Inner {
    renewer: Renewer,
    memory: Arc<Mutex<Memory>>,
    invocation: AtomicU64,
}

/// What this process knows. Who holds its lock is the only one in the process to ask AWS or the
/// vendor.
#[derive(Default)]
pub(crate) struct Memory {
    invocation: u64,
    pub(crate) snapshot: Option<Snapshot>,
    /// A good token that is not in the secret, because a person changed the grant meanwhile.
    pub(crate) private: Option<Minted>,
    /// A token that could not be written yet. Kept across invocations: the refresh token that came
    /// with it exists nowhere else.
    pub(crate) unsaved: Option<Unsaved>,
    failure: Option<Error>,
}

impl Memory {
    fn usable_token(&self, now: Timestamp, rejected: Option<&AccessToken>) -> Option<&AccessToken> {
        let private = self.private.as_ref();
        private
            .and_then(|minted| minted.usable_token(now, rejected))
            .or_else(|| self.snapshot.as_ref()?.secret.usable_token(now, rejected))
    }
}

impl Broker {
    /// A broker that has not read anything yet.
    pub fn new(config: BrokerConfig) -> Self {
        let (s3, bucket) = config.locks;
        Self(Arc::new(Inner {
            renewer: Renewer {
                secret_id: config.secret_id,
                store: config.store,
                s3,
                bucket,
                endpoint: TokenEndpoint {
                    http: config.http,
                    accounts: config.accounts,
                    data_centre: config.data_centre,
                },
                clock: config.clock,
                lease_ttl: LEASE_TTL,
                random: fastrand::Rng::with_seed(config.seed).into(),
            },
            memory: Arc::default(),
            invocation: AtomicU64::new(0),
        }))
    }

    /// The same with another time to live of the lease than [`LEASE_TTL`]. It must be the same in
    /// all processes. Forgets what was read so far.
    #[must_use]
    pub fn with_lease_ttl(self, ttl: Duration) -> Self {
        Self(Arc::new(Inner {
            renewer: self.0.renewer.with_lease_ttl(ttl),
            memory: Arc::default(),
            invocation: AtomicU64::new(0),
        }))
    }

    /// Forgets failures and, lazily, what was read of the secret, so that what a person corrected
    /// since is seen.
    pub fn begin_invocation(&self) {
        self.0.invocation.fetch_add(1, Ordering::Relaxed);
    }

    /// The secret; read and checked once an invocation.
    pub async fn secret(&self, deadline: Deadline) -> Result<ZohoSecret, Error> {
        let mut memory = self.memory(deadline).await?;
        if let Some(snapshot) = &memory.snapshot {
            return Ok(snapshot.secret.clone());
        }
        let snapshot = self.0.renewer.read(deadline).await?;
        Ok(memory.snapshot.insert(snapshot).secret.clone())
    }

    async fn memory(&self, deadline: Deadline) -> Result<OwnedMutexGuard<Memory>, Error> {
        let lock = Arc::clone(&self.0.memory).lock_owned();
        let mut memory = within(deadline, "waiting for a token", async { Ok(lock.await) }).await?;
        let invocation = self.0.invocation.load(Ordering::Relaxed);
        if memory.invocation != invocation {
            *memory = Memory {
                invocation,
                unsaved: memory.unsaved.take(),
                ..Memory::default()
            };
        }
        Ok(memory)
    }

    /// A token that is fresh and not `rejected`.
    async fn fresh_token(
        &self,
        rejected: Option<AccessToken>,
        deadline: Deadline,
    ) -> Result<AccessToken, Error> {
        let mut memory = self.memory(deadline).await?;
        let now = self.0.renewer.clock.now();
        if let Some(token) = memory.usable_token(now, rejected.as_ref()) {
            return Ok(token.clone());
        }
        if let Some(failure) = &memory.failure {
            return Err(failure.clone());
        }
        let inner = Arc::clone(&self.0);
        let renewal = async move {
            let outcome = inner
                .renewer
                .renew(&mut memory, rejected.as_ref(), deadline)
                .await;
            memory.failure = outcome
                .as_ref()
                .err()
                .filter(|error| !error.is_transient())
                .cloned();
            outcome
        };
        // A task of its own: a caller who gives up must not take a minted token with him before it
        // is stored.
        let task = tokio::spawn(renewal.in_current_span());
        within(deadline, "renewing the access token", async {
            task.await.unwrap_or_else(|_| {
                Err(Error::Unavailable("the token's renewal was cut off".into()))
            })
        })
        .await
    }
}

impl TokenSource for Broker {
    fn token(&self, deadline: Deadline) -> TokenFuture<'_> {
        Box::pin(async move { Ok(self.fresh_token(None, deadline).await?) })
    }

    fn replace<'a>(&'a self, rejected: &'a AccessToken, deadline: Deadline) -> TokenFuture<'a> {
        Box::pin(async move { Ok(self.fresh_token(Some(rejected.clone()), deadline).await?) })
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Broker({})", self.0.renewer.secret_id)
    }
}
