use std::sync::Arc;

use aws_sdk_s3::Client;
use clock::Clock;
use jiff::Timestamp;

use crate::error::Error;
use crate::format::Format;
use crate::keys::{Keys, Partition, RunId};
use crate::manifest::Manifest;
use crate::open::{self, Claim, OpenRecord};
use crate::pointer::{self, Pointer};
use crate::run::Run;
use crate::store::Store;

/// Bytes that gather before they are sent as one part of a multipart upload.
const PART_BYTES: usize = 8 << 20;

/// How often a run is claimed anew when it turns out to be free again.
const CLAIMS: usize = 5;

/// The runs of all reports in one bucket.
#[derive(Debug, Clone)]
pub struct Lake {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) part_bytes: usize,
}

/// A run to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSpec {
    /// Report name: `a-z`, `0-9`, `-` and `_`.
    pub report: String,
    /// What the run is limited to; each limit has a pointer of its own.
    pub partitions: Vec<Partition>,
    /// The same occurrence of a schedule gives the same id.
    pub run: RunId,
    /// Orders runs, and dates the object.
    pub started_at: Timestamp,
    /// When the process is dead for certain, such as the invocation's deadline. From then on
    /// others clear the run away, and it refuses to commit.
    pub expires_at: Timestamp,
    /// How rows are laid out.
    pub format: Format,
}

/// How a run begins.
#[derive(Debug)]
pub enum Begin {
    /// It is this process's to do.
    Claimed(Box<Run>),
    /// It was committed before.
    Finished(Box<Manifest>),
    /// Another process is doing it.
    Busy {
        /// When it may be taken over, should that process have died.
        until: Timestamp,
    },
}

impl Lake {
    /// The lake in `bucket`. Timeouts and retries are those of the client.
    pub fn new(s3: Client, bucket: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store: Store::new(s3, bucket.into()),
            clock,
            part_bytes: PART_BYTES,
        }
    }

    /// Sets how many bytes gather before they are sent; AWS wants at least 5 MiB, and a run
    /// holds about three times as many.
    #[must_use]
    pub fn with_part_bytes(self, part_bytes: usize) -> Self {
        Self { part_bytes, ..self }
    }

    /// The newest committed run of a report, limited to `partitions`.
    pub async fn pointer(
        &self,
        report: &str,
        partitions: &[Partition],
    ) -> Result<Option<Pointer>, Error> {
        let key = Keys::new(report, partitions)?.pointer();
        let found = pointer::read(&self.store, &key).await?;
        Ok(found.map(|(pointer, _)| pointer))
    }

    /// The manifest of a run, if it was committed.
    pub async fn finished(&self, report: &str, run: &RunId) -> Result<Option<Manifest>, Error> {
        let keys = Keys::new(report, &[])?;
        let Some(manifest) = self.manifest(&keys, run).await? else {
            return Ok(None);
        };
        if open::read(&self.store, &keys, run).await?.is_none() {
            return Ok(Some(manifest));
        }
        // Somewhere between the manifest and the end: the pointer decides.
        let pointer = self.pointer(report, &manifest.partitions).await?;
        Ok(pointer
            .is_some_and(|pointer| pointer.run == *run)
            .then_some(manifest))
    }

    /// Clears away what dead runs of this report left, then claims the run.
    pub async fn begin(&self, spec: RunSpec) -> Result<Begin, Error> {
        let keys = Keys::new(&spec.report, &spec.partitions)?;
        let now = self.clock.now();
        if spec.expires_at <= now {
            return Err(Error::Expired {
                run: spec.run,
                expires_at: spec.expires_at,
            });
        }
        let attempt = open::new_attempt()?;
        open::settle_expired(&self.store, &keys, now, &attempt, spec.expires_at).await?;

        let record = OpenRecord {
            report: spec.report.clone(),
            run: spec.run.clone(),
            attempt,
            partitions: spec.partitions.clone(),
            object_key: keys.object(spec.started_at, &spec.run, spec.format),
            started_at: spec.started_at,
            expires_at: spec.expires_at,
        };
        for _ in 0..CLAIMS {
            if let Some(manifest) = self.finished(&spec.report, &spec.run).await? {
                return Ok(Begin::Finished(Box::new(manifest)));
            }
            match record.claim(&self.store, &keys).await? {
                Claim::Vanished => {}
                Claim::Lost(until) => return Ok(Begin::Busy { until }),
                Claim::Won => return self.claimed(spec, keys, record).await,
            }
        }
        Err(self.store.conflict(&keys.open(&spec.run)))
    }

    async fn claimed(&self, spec: RunSpec, keys: Keys, record: OpenRecord) -> Result<Begin, Error> {
        // Another process may have committed the run, and closed it, just before the claim.
        if let Some(manifest) = self.manifest(&keys, &spec.run).await? {
            self.store.delete(&keys.open(&spec.run)).await?;
            return Ok(Begin::Finished(Box::new(manifest)));
        }
        let run = Run::new(self.clone(), keys, record, spec.format);
        Ok(Begin::Claimed(Box::new(run)))
    }

    async fn manifest(&self, keys: &Keys, run: &RunId) -> Result<Option<Manifest>, Error> {
        let key = keys.manifest(run);
        match self.store.get(&key).await? {
            Some(found) => found.parse(&key).map(Some),
            None => Ok(None),
        }
    }
}
