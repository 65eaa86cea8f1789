use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use clock::Clock;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::Error;
use crate::error::describe;

/// Clocks of two processes may differ by this much.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(2);
/// A lease object is some hundred bytes.
const MAX_RECORD: i64 = 16 * 1024;

/// A lock that one process at a time holds, kept in the S3 object `_locks/<name>.json` by
/// conditional writes. Who dies holding it loses it after the time to live.
///
/// The object stays when the lock is free, so that an owner can leave a [`Memo`] to the next.
pub struct Lock {
    s3: Client,
    bucket: String,
    key: String,
    ttl: Duration,
    clock: Arc<dyn Clock>,
    owner: String,
    sighting: Option<Sighting>,
}

/// Proof of holding a [`Lock`].
#[derive(Debug)]
pub struct Lease {
    etag: String,
    acquired: Instant,
    ttl: Duration,
    memo: Memo,
}

/// What [`Lock::try_acquire`] came to.
#[derive(Debug)]
pub enum Attempt {
    /// The lock is ours.
    Held(Lease),
    /// Somebody else has it.
    Busy,
}

/// What an owner leaves to the next one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memo {
    /// The last mint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) minted: Option<Mint>,
    /// What the last attempt failed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failed: Option<Failure>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mint {
    pub(crate) at: Timestamp,
    /// Beginning of the token's SHA-256.
    pub(crate) token: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) at: Timestamp,
    /// The version of the secret it happened with.
    pub(crate) version_id: String,
    pub(crate) error: Error,
}

/// A lease of somebody else, and since when it has been seen unchanged.
struct Sighting {
    etag: String,
    since: Instant,
}

#[derive(Serialize, Deserialize)]
struct Record {
    owner: Option<String>,
    expires_at: Option<Timestamp>,
    #[serde(default)]
    memo: Memo,
}

/// How the lock stood when it was looked at.
pub(crate) struct Sight {
    found: Found,
    standing: Standing,
    asked: Instant,
}

#[derive(Clone, Copy)]
enum Standing {
    Free,
    Ours,
    Others,
}

impl Sight {
    /// What the last owner to give the lock back left.
    pub(crate) fn memo(&self) -> Option<&Memo> {
        match &self.found {
            Found::Record(record, _) => Some(&record.memo),
            Found::Nothing | Found::Denied(_) => None,
        }
    }
}

enum Found {
    Record(Record, String),
    Nothing,
    Denied(Error),
}

enum Condition<'a> {
    Absent,
    Unchanged(&'a str),
}

impl Lease {
    /// What the owner before left.
    pub fn memo(&self) -> &Memo {
        &self.memo
    }

    /// Time for which nobody else can take the lock.
    pub fn remaining(&self) -> Duration {
        self.ttl.saturating_sub(self.acquired.elapsed())
    }
}

impl Lock {
    /// The lock `name` in `bucket`. Each instance is an owner of its own.
    pub fn new(
        s3: Client,
        bucket: &str,
        name: &str,
        ttl: Duration,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let mut owner = [0; 16];
        // From the system, not from a seed: two owners of one id would both hold the lock.
        getrandom::fill(&mut owner)
            .map_err(|error| Error::Unavailable(format!("no random numbers: {error}")))?;
        Ok(Self {
            s3,
            bucket: bucket.into(),
            // No secret's name holds a tilde, so two names never share a key.
            key: format!("_locks/{}.json", name.replace('/', "~")),
            ttl,
            clock,
            owner: hex::encode(owner),
            sighting: None,
        })
    }

    /// Takes the lock if it is free or its owner's time is up. One read and at most one write.
    pub async fn try_acquire(&mut self) -> Result<Attempt, Error> {
        let sight = self.look().await?;
        self.take(sight).await
    }

    /// Reads who has the lock.
    pub(crate) async fn look(&mut self) -> Result<Sight, Error> {
        let asked = Instant::now();
        let found = self.read().await?;
        let standing = match &found {
            // Our own write, whose answer was lost.
            Found::Record(record, _) if record.owner.as_deref() == Some(&self.owner) => {
                Standing::Ours
            }
            Found::Record(record, etag)
                if record.owner.is_some() && !self.is_abandoned(record, etag) =>
            {
                Standing::Others
            }
            _ => Standing::Free,
        };
        Ok(Sight {
            found,
            standing,
            asked,
        })
    }

    /// Takes the lock if it is still as it was seen.
    pub(crate) async fn take(&self, sight: Sight) -> Result<Attempt, Error> {
        let asked = sight.asked;
        match (sight.standing, sight.found) {
            (Standing::Others, _) => Ok(Attempt::Busy),
            (Standing::Ours, Found::Record(record, etag)) => {
                Ok(Attempt::Held(self.lease(etag, asked, record.memo)))
            }
            (_, Found::Record(record, etag)) => {
                let condition = Condition::Unchanged(&etag);
                self.claim(condition, record.memo, asked).await
            }
            (_, Found::Nothing) => self.create(asked).await,
            (_, Found::Denied(error)) => self.create_unseen(error, asked).await,
        }
    }

    /// Gives the lock back and leaves `memo`. A lease that was taken over meanwhile stays with its
    /// new owner.
    pub async fn release(&self, lease: Lease, memo: Memo) -> Result<(), Error> {
        let free = Record {
            owner: None,
            expires_at: None,
            memo,
        };
        self.write(&free, &Condition::Unchanged(&lease.etag))
            .await
            .map(drop)
    }

    async fn create(&self, asked: Instant) -> Result<Attempt, Error> {
        self.claim(Condition::Absent, Memo::default(), asked).await
    }

    /// Without `s3:ListBucket` a missing object is answered as denied. If it is there after all, the
    /// denial was meant.
    async fn create_unseen(&self, denial: Error, asked: Instant) -> Result<Attempt, Error> {
        let attempt = self.create(asked).await?;
        match attempt {
            Attempt::Busy if matches!(self.read().await?, Found::Denied(_)) => Err(denial),
            attempt => Ok(attempt),
        }
    }

    /// By its own word, or because nobody has touched it for a whole time to live.
    fn is_abandoned(&mut self, record: &Record, etag: &str) -> bool {
        let now = self.clock.now();
        if record
            .expires_at
            .is_none_or(|at| now.duration_since(at) > CLOCK_SKEW)
        {
            return true;
        }
        match &self.sighting {
            Some(sighting) if sighting.etag == etag => sighting.since.elapsed() >= self.ttl,
            _ => {
                self.sighting = Some(Sighting {
                    etag: etag.into(),
                    since: Instant::now(),
                });
                false
            }
        }
    }

    async fn claim(
        &self,
        condition: Condition<'_>,
        memo: Memo,
        asked: Instant,
    ) -> Result<Attempt, Error> {
        let ttl = SignedDuration::try_from(self.ttl).unwrap_or(SignedDuration::MAX);
        let expires_at = self
            .clock
            .now()
            .saturating_add(ttl)
            .unwrap_or(Timestamp::MAX);
        let record = Record {
            owner: Some(self.owner.clone()),
            expires_at: Some(expires_at),
            memo,
        };
        Ok(match self.write(&record, &condition).await? {
            Some(etag) => Attempt::Held(self.lease(etag, asked, record.memo)),
            None => Attempt::Busy,
        })
    }

    fn lease(&self, etag: String, acquired: Instant, memo: Memo) -> Lease {
        Lease {
            etag,
            acquired,
            ttl: self.ttl,
            memo,
        }
    }

    async fn read(&self) -> Result<Found, Error> {
        let request = self.s3.get_object().bucket(&self.bucket).key(&self.key);
        let answer = match Box::pin(request.send()).await {
            Ok(answer) => answer,
            Err(error) => {
                return match error.code() {
                    Some("NoSuchKey") => Ok(Found::Nothing),
                    Some("AccessDenied") => Ok(Found::Denied(self.error("GetObject", &error))),
                    _ => Err(self.error("GetObject", &error)),
                };
            }
        };
        let broken = |what: &str| {
            Error::Unavailable(format!(
                "the lock s3://{}/{} {what}; delete the object",
                self.bucket, self.key
            ))
        };
        if answer.content_length().unwrap_or(0) > MAX_RECORD {
            return Err(broken("is too large"));
        }
        let etag = answer.e_tag().unwrap_or_default().to_owned();
        let body = answer
            .body
            .collect()
            .await
            .map_err(|error| Error::Unavailable(format!("a lock could not be read: {error}")))?
            .into_bytes();
        // What nobody can read is nobody's lease.
        let record = serde_json::from_slice(&body).unwrap_or(Record {
            owner: None,
            expires_at: None,
            memo: Memo::default(),
        });
        Ok(Found::Record(record, etag))
    }

    /// The new `ETag`, or `None` if the condition did not hold.
    async fn write(
        &self,
        record: &Record,
        condition: &Condition<'_>,
    ) -> Result<Option<String>, Error> {
        let body = serde_json::to_vec(record)
            .map_err(|error| Error::Unavailable(format!("a lock could not be written: {error}")))?;
        let request = self
            .s3
            .put_object()
            .bucket(&self.bucket)
            .key(&self.key)
            .content_type("application/json")
            .body(ByteStream::from(body));
        let request = match condition {
            Condition::Absent => request.if_none_match("*"),
            Condition::Unchanged(etag) => request.if_match(*etag),
        };
        match Box::pin(request.send()).await {
            Ok(answer) => Ok(Some(answer.e_tag().unwrap_or_default().to_owned())),
            Err(error) => match error.code() {
                Some("PreconditionFailed" | "ConditionalRequestConflict" | "NoSuchKey") => Ok(None),
                _ => Err(self.error("PutObject", &error)),
            },
        }
    }

    fn error<E>(&self, action: &str, error: &SdkError<E>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let (bucket, key) = (&self.bucket, &self.key);
        match error.code() {
            Some("NoSuchBucket") => Error::StorageDenied(format!(
                "bucket `{bucket}` does not exist; create it (the template does) or set BUCKET"
            )),
            Some("AccessDenied") => Error::StorageDenied(format!(
                "s3://{bucket}/{key} is denied: allow the function's role s3:{action} on \
                 {bucket}/_locks/*"
            )),
            _ => Error::Unavailable(format!(
                "S3 failed at {action} of s3://{bucket}/{key}: {}",
                describe(error)
            )),
        }
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lock(s3://{}/{})", self.bucket, self.key)
    }
}
