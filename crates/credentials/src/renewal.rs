use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clock::Clock;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use tracing::{info, warn};
use vendor_http::{AccessToken, Deadline};

use crate::broker::Memory;
use crate::grant::{Failed, Grant, Issued, Refusal, TokenEndpoint, new_code_advice};
use crate::lease::{Attempt, Failure, Lease, Lock, Memo, Mint};
use crate::store::{Snapshot, SwapError};
use crate::zoho_secret::{Renewal, ZohoSecret, fingerprint, is_fresh};
use crate::{Error, SecretId, SecretStore};

/// Waits between looks at a lease somebody else holds.
const POLL_BASE: Duration = Duration::from_millis(100);
const POLL_CAP: Duration = Duration::from_secs(1);
/// Times a renewal is begun anew when vendor or store fail for now.
const ROUNDS: u32 = 3;
/// Times a minted token is written before giving up, other people's edits included.
const WRITES: u32 = 5;
/// A minted token is written and the lease given back even if the caller's time is up: the next
/// process could not repeat the exchange of a code.
const WRITE_GRACE: Duration = Duration::from_secs(5);
const RELEASE_GRACE: Duration = Duration::from_secs(2);
/// The vendor refusing a token this young means that another one would fare no better.
const YOUNG: SignedDuration = SignedDuration::from_secs(60);

/// Renews the access token under the lease.
pub(crate) struct Renewer {
    pub(crate) secret_id: SecretId,
    pub(crate) store: SecretStore,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) bucket: String,
    pub(crate) endpoint: TokenEndpoint,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) lease_ttl: Duration,
    pub(crate) random: Mutex<fastrand::Rng>,
}

/// A token fresh from the vendor.
#[derive(Clone)]
pub(crate) struct Minted {
    at: Timestamp,
    renewal: Renewal,
}

/// A minted token and the secret it was minted for.
pub(crate) struct Unsaved {
    minted: Minted,
    base: ZohoSecret,
}

/// One caller's wish.
#[derive(Clone, Copy)]
struct Ask<'a> {
    since: Timestamp,
    /// Whether somebody else was seen holding the lease since.
    waited: bool,
    rejected: Option<&'a AccessToken>,
    deadline: Deadline,
}

impl Ask<'_> {
    /// The failure that another process ran into on our behalf: with the same secret, since we
    /// asked.
    fn answer(&self, memo: &Memo, version_id: &str) -> Option<Error> {
        let failure = memo.failed.as_ref()?;
        let since = failure.at > self.since || self.waited && failure.at == self.since;
        (since && failure.version_id == version_id).then(|| failure.error.clone())
    }
}

impl Minted {
    pub(crate) fn usable_token(
        &self,
        now: Timestamp,
        rejected: Option<&AccessToken>,
    ) -> Option<&AccessToken> {
        let token = &self.renewal.access_token;
        (is_fresh(self.renewal.expires_at, now) && Some(token) != rejected).then_some(token)
    }
}

impl Unsaved {
    fn for_secret(self, secret: &ZohoSecret, now: Timestamp, ask: Ask<'_>) -> Option<Minted> {
        let usable = self.minted.usable_token(now, ask.rejected).is_some();
        (usable && self.base.same_grant(secret)).then_some(self.minted)
    }
}

impl Renewer {
    pub(crate) fn with_lease_ttl(&self, lease_ttl: Duration) -> Self {
        Self {
            secret_id: self.secret_id.clone(),
            store: self.store.clone(),
            s3: self.s3.clone(),
            bucket: self.bucket.clone(),
            endpoint: self.endpoint.clone(),
            clock: Arc::clone(&self.clock),
            lease_ttl,
            random: self.with_random(fastrand::Rng::fork).into(),
        }
    }

    pub(crate) async fn read(&self, deadline: Deadline) -> Result<Snapshot, Error> {
        within(
            deadline,
            "reading the secret",
            self.store.read(&self.secret_id),
        )
        .await
    }

    /// Waits until the secret holds a usable token, or gets the lease and sees to it.
    pub(crate) async fn renew(
        &self,
        memory: &mut Memory,
        rejected: Option<&AccessToken>,
        deadline: Deadline,
    ) -> Result<AccessToken, Error> {
        let mut ask = Ask {
            since: self.clock.now(),
            waited: false,
            rejected,
            deadline,
        };
        let mut lock = None;
        let (mut polls, mut rounds) = (0, 0);
        loop {
            let snapshot = self.read(deadline).await?;
            let lock = match &mut lock {
                Some(lock) => lock,
                None => lock.insert(self.lock(&snapshot.name)?),
            };
            let version_id = snapshot.version_id.clone();
            if let Some(token) = self.adopt(memory, snapshot, ask) {
                return Ok(token);
            }
            let attempt = async {
                let sight = lock.look().await?;
                if let Some(failure) = sight.memo().and_then(|memo| ask.answer(memo, &version_id)) {
                    return Err(failure);
                }
                lock.take(sight).await
            };
            let outcome = match within(deadline, "asking for the lease", attempt).await {
                Ok(Attempt::Busy) => None,
                Ok(Attempt::Held(lease)) => Some(self.hold(memory, lock, lease, ask).await),
                Err(error) => Some(Err(error)),
            };
            match outcome {
                None => {
                    polls += 1;
                    ask.waited = true;
                }
                Some(Err(Error::Unavailable(_))) if rounds + 1 < ROUNDS => {
                    rounds += 1;
                    polls = rounds;
                }
                Some(outcome) => return outcome,
            }
            if !deadline.sleep(self.pause(polls)).await {
                return Err(out_of_time(
                    "waiting for another process to renew the token",
                ));
            }
        }
    }

    fn lock(&self, name: &str) -> Result<Lock, Error> {
        Lock::new(
            self.s3.clone(),
            &self.bucket,
            name,
            self.lease_ttl,
            Arc::clone(&self.clock),
        )
    }

    /// Keeps `snapshot`, and returns its token if that is usable.
    fn adopt(&self, memory: &mut Memory, snapshot: Snapshot, ask: Ask<'_>) -> Option<AccessToken> {
        let snapshot = memory.snapshot.insert(snapshot);
        let token = snapshot
            .secret
            .usable_token(self.clock.now(), ask.rejected)
            .cloned();
        if token.is_some() {
            memory.private = None;
        }
        token
    }

    async fn hold(
        &self,
        memory: &mut Memory,
        lock: &Lock,
        lease: Lease,
        ask: Ask<'_>,
    ) -> Result<AccessToken, Error> {
        let mut memo = lease.memo().clone();
        let outcome = self.under_lease(memory, &lease, &mut memo, ask).await;
        let release = lock.release(lease, memo);
        let grace = Deadline::after(RELEASE_GRACE);
        if let Err(error) = within(grace, "giving the lease back", release).await {
            warn!(secret_id = %self.secret_id, %error, "the lease is left to expire");
        }
        outcome
    }

    async fn under_lease(
        &self,
        memory: &mut Memory,
        lease: &Lease,
        memo: &mut Memo,
        ask: Ask<'_>,
    ) -> Result<AccessToken, Error> {
        let snapshot = self.read(ask.deadline).await?;
        if let Some(token) = self.adopt(memory, snapshot.clone(), ask) {
            return Ok(token);
        }
        self.refuse_mint_loop(memo, ask)?;
        let version_id = snapshot.version_id.clone();
        let outcome = self
            .mint_and_store(memory, snapshot, lease, memo, ask)
            .await;
        memo.failed = match &outcome {
            Ok(_) | Err(Error::Unavailable(_) | Error::Deadline(_)) => None,
            Err(error) => Some(Failure {
                at: self.clock.now(),
                version_id,
                error: error.clone(),
            }),
        };
        outcome
    }

    fn refuse_mint_loop(&self, memo: &Memo, ask: Ask<'_>) -> Result<(), Error> {
        let (Some(rejected), Some(mint)) = (ask.rejected, &memo.minted) else {
            return Ok(());
        };
        let age = self.clock.now().duration_since(mint.at);
        if mint.token != mark(rejected) || age >= YOUNG {
            return Ok(());
        }
        Err(Error::AuthRequired(format!(
            "Zoho Desk refuses a token that was issued {} s ago for secret `{}`: check that \
             ZOHO_DATA_CENTER (or ZOHO_DESK_URL) and `org_id` belong to the account the grant code \
             was generated in",
            age.as_secs().max(0),
            self.secret_id
        )))
    }

    async fn mint_and_store(
        &self,
        memory: &mut Memory,
        snapshot: Snapshot,
        lease: &Lease,
        memo: &mut Memo,
        ask: Ask<'_>,
    ) -> Result<AccessToken, Error> {
        let now = self.clock.now();
        let kept = memory
            .unsaved
            .take()
            .and_then(|unsaved| unsaved.for_secret(&snapshot.secret, now, ask));
        let minted = match kept {
            Some(minted) => minted,
            None => self.mint(&snapshot.secret, lease, ask).await?,
        };
        memo.minted = Some(Mint {
            at: minted.at,
            token: mark(&minted.renewal.access_token),
        });
        self.persist(memory, snapshot, minted, ask).await
    }

    /// Trades the new code, if there is one, or the refresh token.
    async fn mint(
        &self,
        secret: &ZohoSecret,
        lease: &Lease,
        ask: Ask<'_>,
    ) -> Result<Minted, Error> {
        // A third of the lease is left for storing what was minted.
        let deadline = ask
            .deadline
            .min(Deadline::after(lease.remaining().mul_f64(2.0 / 3.0)));
        let outcome = match (secret.new_code(), secret.refresh_token()) {
            (Some(code), refresh_token) => {
                self.exchange(secret, code, refresh_token, deadline).await
            }
            (None, Some(token)) => {
                let grant = Grant::RefreshToken(token);
                self.request(secret, grant, None, deadline).await
            }
            (None, None) => Err(Failed::Error(Error::AuthRequired(new_code_advice(
                &self.secret_id,
            )))),
        };
        outcome.map_err(|failed| match failed {
            Failed::Refused(refusal) => self.endpoint.explain(&refusal, &self.secret_id, secret),
            Failed::Error(Error::Deadline(text)) if !ask.deadline.has_passed() => {
                Error::Unavailable(text)
            }
            Failed::Error(error) => error,
        })
    }

    /// Trades `code`; if it is refused and the refresh token of an earlier one still works, goes on
    /// with that.
    async fn exchange(
        &self,
        secret: &ZohoSecret,
        code: &SecretString,
        refresh_token: Option<&SecretString>,
        deadline: Deadline,
    ) -> Result<Minted, Failed> {
        let code_used = Some(fingerprint(code.expose_secret()));
        let exchanged = self
            .request(secret, Grant::Code(code), code_used.clone(), deadline)
            .await;
        let (refusal, token) = match (exchanged, refresh_token) {
            (Err(Failed::Refused(refusal)), Some(token)) if !refusal.is_passing() => {
                (refusal, token)
            }
            (exchanged, _) => return exchanged,
        };
        // A dead code is remembered and not sent again; one that a corrected setting may still
        // bring to life is.
        let remembered = code_used.filter(|_| refusal == Refusal::DeadGrant);
        let grant = Grant::RefreshToken(token);
        match self.request(secret, grant, remembered, deadline).await {
            Ok(minted) => {
                let reason = self.endpoint.explain(&refusal, &self.secret_id, secret);
                warn!(
                    secret_id = %self.secret_id,
                    %reason,
                    "the new `code` was refused; going on with the earlier grant"
                );
                Ok(minted)
            }
            // Both are refused for good: the newer one is what a person wants to hear of.
            Err(Failed::Refused(other)) if !other.is_passing() => Err(Failed::Refused(refusal)),
            Err(failed) => Err(failed),
        }
    }

    async fn request(
        &self,
        secret: &ZohoSecret,
        grant: Grant<'_>,
        code_used: Option<String>,
        deadline: Deadline,
    ) -> Result<Minted, Failed> {
        let (at, began) = (self.clock.now(), Instant::now());
        let issued = self.endpoint.request(secret, grant, deadline).await?;
        info!(
            secret_id = %self.secret_id,
            expires_in_s = issued.expires_in_s,
            duration_ms = began.elapsed().as_millis() as u64,
            "access token minted"
        );
        if issued.refresh_token.is_none() && secret.refresh_token().is_none() {
            warn!(
                secret_id = %self.secret_id,
                "the grant code brought no refresh token: a new code is needed when the access \
                 token expires; generate it as Self Client, or with access_type=offline"
            );
        }
        Ok(minted(issued, at, code_used))
    }

    /// Writes `minted` into the secret without losing what people changed since `target` was read.
    async fn persist(
        &self,
        memory: &mut Memory,
        mut target: Snapshot,
        minted: Minted,
        ask: Ask<'_>,
    ) -> Result<AccessToken, Error> {
        let base = target.secret.clone();
        let deadline = ask.deadline.max(Deadline::after(WRITE_GRACE));
        let mut last = out_of_time("storing the new token");
        for write in 0..WRITES {
            if write > 0 && !deadline.sleep(self.pause(write)).await {
                break;
            }
            last = match self.write(&target, &minted, deadline).await {
                Ok(stored) => {
                    memory.private = None;
                    memory.snapshot = Some(stored);
                    return Ok(minted.renewal.access_token);
                }
                Err(error) => error,
            };
            if !last.is_transient() {
                break;
            }
            let current = match self.read(deadline).await {
                Ok(current) => current,
                Err(error) if error.is_transient() => continue,
                Err(error) => {
                    last = error;
                    break;
                }
            };
            // The write took effect and only its answer was lost.
            if current.secret.access_token() == Some(&minted.renewal.access_token) {
                memory.snapshot = Some(current);
                return Ok(minted.renewal.access_token);
            }
            if !current.secret.same_grant(&base) {
                return give_way(memory, current, minted, &base);
            }
            // Another process stored a token: its is as good as ours.
            if current.secret.access_token() != base.access_token()
                && let Some(token) = self.adopt(memory, current.clone(), ask)
            {
                return Ok(token);
            }
            target = current;
        }
        memory.unsaved = Some(Unsaved { minted, base });
        Err(last)
    }

    /// One write on top of `target`.
    async fn write(
        &self,
        target: &Snapshot,
        minted: &Minted,
        deadline: Deadline,
    ) -> Result<Snapshot, Error> {
        let unwritable = |error: serde_json::Error| Error::Unavailable(error.to_string());
        let secret = target.secret.renewed(&minted.renewal).map_err(unwritable)?;
        let text = secret.to_json().map_err(unwritable)?;
        let swap = self.store.swap(&self.secret_id, &target.version_id, &text);
        // A write that hangs must not outlive the lease.
        let bound = deadline.min(Deadline::after(WRITE_GRACE));
        let swapped = within(bound, "storing the new token", async { Ok(swap.await) }).await;
        let version_id = match swapped {
            Ok(Ok(version_id)) => version_id,
            Ok(Err(SwapError::Overtaken)) => {
                return Err(Error::Unavailable(format!(
                    "secret `{}` was edited again and again while a new token was to be stored",
                    self.secret_id
                )));
            }
            Err(Error::Deadline(text)) if !deadline.has_passed() => {
                return Err(Error::Unavailable(text));
            }
            Ok(Err(SwapError::Failed(error))) | Err(error) => return Err(error),
        };
        Ok(Snapshot {
            name: target.name.clone(),
            version_id,
            secret,
        })
    }

    /// A wait that doubles with `round`, jittered by half.
    fn pause(&self, round: u32) -> Duration {
        let ceiling = POLL_BASE.saturating_mul(1 << round.min(8)).min(POLL_CAP);
        ceiling.mul_f64(self.with_random(|random| 0.5 + random.f64() / 2.0))
    }

    fn with_random<T>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        draw(&mut self.random.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The secret became another grant's while we minted: the person's values win. Our token still
/// serves this invocation if it is the same client's.
fn give_way(
    memory: &mut Memory,
    current: Snapshot,
    minted: Minted,
    base: &ZohoSecret,
) -> Result<AccessToken, Error> {
    let same_client = current.secret.same_client(base);
    memory.snapshot = Some(current);
    if !same_client {
        return Err(Error::Unavailable(
            "the secret was given another client while a token was being renewed".into(),
        ));
    }
    let token = minted.renewal.access_token.clone();
    memory.private = Some(minted);
    Ok(token)
}

fn minted(issued: Issued, at: Timestamp, code_used: Option<String>) -> Minted {
    let life = SignedDuration::from_secs(issued.expires_in_s.cast_signed());
    let expires_at = at.saturating_add(life).unwrap_or(Timestamp::MAX);
    let whole_seconds = Timestamp::from_second(expires_at.as_second()).unwrap_or(expires_at);
    Minted {
        at,
        renewal: Renewal {
            access_token: issued.access_token,
            expires_at: whole_seconds,
            refresh_token: issued.refresh_token,
            code_used,
        },
    }
}

/// Enough of a token's hash to recognise it.
fn mark(token: &AccessToken) -> String {
    let mut mark = fingerprint(token.expose());
    mark.truncate(16);
    mark
}

/// Runs `work` until `deadline`.
pub(crate) async fn within<T>(
    deadline: Deadline,
    doing: &str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::time::timeout(deadline.remaining(), work)
        .await
        .unwrap_or_else(|_| Err(out_of_time(doing)))
}

fn out_of_time(doing: &str) -> Error {
    Error::Deadline(format!(
        "time ran out while {doing}; give the function a longer timeout if this recurs"
    ))
}
