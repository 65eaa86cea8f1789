use std::sync::Arc;

use aws_sdk_s3::Client;
use clock::Clock;
use jiff::Timestamp;

use crate::error::{Error, InvalidName};
use crate::format::Format;
use crate::keys::{Keys, Partition, Root, RunId};
use crate::manifest::{Manifest, ObjectEntry};
use crate::open::{self, About, Claim, Found, Held, Lease};
use crate::pointer::{self, Pointer};
use crate::rows::Rows;
use crate::run::Run;
use crate::store::Store;
use crate::sweep::{Standing, Sweeper};

/// Bytes that gather before they are sent as one part of a multipart upload: the least that AWS
/// takes. 10,000 parts of them are 50 GB in one leg.
const PART_BYTES: usize = 5 << 20;

/// How often a run is claimed anew when it turns out to be free again.
const CLAIMS: usize = 5;

/// The runs of all reports in one bucket, or below one root in it.
#[derive(Debug, Clone)]
pub struct Lake {
    pub(crate) store: Store,
    pub(crate) root: Root,
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
    /// The merge that this run is a part of: it ends with [`Run::park`], and shows when
    /// [`Lake::gather`] took it in. None for a run of its own.
    pub group: Option<RunId>,
    /// What was asked for, as a digest: only the same request goes on with a suspended run.
    pub request: String,
    /// Orders runs, and dates the objects; a run that is resumed keeps its own.
    pub started_at: Timestamp,
    /// When the process is dead for certain, such as the invocation's deadline. From then on
    /// others clear the leg away, and it refuses to commit or to be suspended.
    pub expires_at: Timestamp,
    /// How rows are laid out.
    pub format: Format,
}

/// How a run begins.
#[derive(Debug)]
pub enum Begin {
    /// It is this process's to do: anew, or from where [`Run::progress`] says. A run that is
    /// resumed has its own id, not necessarily the one asked for.
    Claimed(Box<Run>),
    /// It was committed before.
    Finished(Box<Manifest>),
    /// Another process is doing it.
    Busy {
        /// When it may be taken over, should that process have died.
        until: Timestamp,
    },
    /// This part of a merge is stored, and waits for [`Lake::gather`].
    Parked,
}

impl Lake {
    /// The lake in `bucket`. Timeouts and retries are those of the client.
    pub fn new(s3: Client, bucket: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store: Store::new(s3, bucket),
            root: Root::default(),
            clock,
            part_bytes: PART_BYTES,
        }
    }

    /// Sets how many bytes gather before they are sent; AWS wants at least 5 MiB, and a run
    /// holds about twice as many.
    #[must_use]
    pub fn with_part_bytes(self, part_bytes: usize) -> Self {
        Self { part_bytes, ..self }
    }

    /// The lake below `root`, such as `integrations/tenant=acme/`: every key of it begins so, and it
    /// neither sees nor touches anything else. Folders are of `A-Za-z0-9_.=-`, the last one ends
    /// with `/`, and none is `.` or `..`.
    pub fn under(self, root: &str) -> Result<Self, InvalidName> {
        let root = Root::parse(root)?;
        Ok(Self { root, ..self })
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        self.store.bucket()
    }

    /// The newest committed run of a report, limited to `partitions`.
    pub async fn pointer(
        &self,
        report: &str,
        partitions: &[Partition],
    ) -> Result<Option<Pointer>, Error> {
        let key = Keys::new(&self.root, report, partitions)?.pointer();
        let found = pointer::read(&self.store, &key).await?;
        Ok(found.map(|(pointer, _)| pointer))
    }

    /// The manifest of a run, if it was committed.
    pub async fn finished(&self, report: &str, run: &RunId) -> Result<Option<Manifest>, Error> {
        self.manifest_if_committed(&Keys::new(&self.root, report, &[])?, run)
            .await
    }

    pub(crate) async fn manifest_if_committed(
        &self,
        keys: &Keys,
        run: &RunId,
    ) -> Result<Option<Manifest>, Error> {
        let Some(manifest) = self.manifest(keys, run).await? else {
            return Ok(None);
        };
        if self.store.get(&keys.open(None, run)).await?.is_none() {
            return Ok(Some(manifest));
        }
        // Somewhere between the manifest and the end: the pointer decides.
        let pointer = self.pointer(&manifest.report, &manifest.partitions).await?;
        Ok(pointer
            .is_some_and(|pointer| pointer.run == *run)
            .then_some(manifest))
    }

    /// Begins a run, or goes on with one that was suspended.
    ///
    /// First what dead runs of this report left is cleared away. Then, in this order: a run with
    /// this id that is finished, or parked; the oldest suspended run of the same request; a new
    /// run. A part of a merge only looks at itself, and at the merge.
    pub async fn begin(&self, spec: RunSpec) -> Result<Begin, Error> {
        let starting = Starting::new(self, spec)?;
        let suspended = match &starting.about.group {
            None => self.sweeper(&starting).sweep().await?,
            Some(_) => match self.standing_of(&starting).await? {
                Standing::Parked(_) => {
                    let merged = self.done(&starting).await?;
                    return Ok(merged.map_or(Begin::Parked, |m| Begin::Finished(Box::new(m))));
                }
                Standing::Held(until) => return Ok(Begin::Busy { until }),
                Standing::Suspended(found) => vec![found],
                Standing::Gone => vec![],
            },
        };
        if let Some(manifest) = self.done(&starting).await? {
            return Ok(Begin::Finished(Box::new(manifest)));
        }
        if let Some(held) = self.resume(&starting, suspended).await? {
            return Ok(Begin::Claimed(Box::new(self.run(starting.keys, held))));
        }
        Ok(match self.claim(&starting).await? {
            Claimed::Won(held) => Begin::Claimed(Box::new(self.run(starting.keys, held))),
            Claimed::Busy(until) => Begin::Busy { until },
            Claimed::Done(manifest) => Begin::Finished(manifest),
        })
    }

    /// The rows of `entry`, which is one of `manifest.keys`.
    pub async fn rows<'m>(
        &self,
        manifest: &'m Manifest,
        entry: &'m ObjectEntry,
    ) -> Result<Rows<'m>, Error> {
        Rows::open(&self.store, manifest, entry).await
    }

    pub(crate) fn sweeper<'a>(&'a self, starting: &'a Starting) -> Sweeper<'a> {
        Sweeper {
            lake: self,
            keys: &starting.keys,
            now: self.clock.now(),
            lease: &starting.lease,
        }
    }

    async fn standing_of(&self, starting: &Starting) -> Result<Standing, Error> {
        let key = starting.about.open_key(&starting.keys);
        let sweeper = self.sweeper(starting);
        match sweeper.settle(&key).await? {
            Standing::Suspended(found) => {
                let found = sweeper.unless_too_old(found).await?;
                Ok(found.map_or(Standing::Gone, Standing::Suspended))
            }
            standing => Ok(standing),
        }
    }

    /// The manifest that the run, or the merge that it is a part of, ended with.
    async fn done(&self, starting: &Starting) -> Result<Option<Manifest>, Error> {
        let about = &starting.about;
        let run = about.group.as_ref().unwrap_or(&about.run);
        self.manifest_if_committed(&starting.keys, run).await
    }

    /// Takes over the first of the suspended runs that answers the request.
    async fn resume(
        &self,
        starting: &Starting,
        suspended: Vec<Found>,
    ) -> Result<Option<Box<Held>>, Error> {
        for found in suspended {
            let about = &found.record.about;
            if about.answers(&starting.about) {
                if let Some(held) = found
                    .take_over(&self.store, &self.root, &starting.lease)
                    .await?
                {
                    return Ok(Some(Box::new(held)));
                }
            } else if about.run == starting.about.run {
                // The occurrence is the same, what is asked for is not: nobody will go on with it.
                self.sweeper(starting).give_up(found).await?;
            }
        }
        Ok(None)
    }

    pub(crate) async fn claim(&self, starting: &Starting) -> Result<Claimed, Error> {
        let Starting { about, keys, lease } = starting;
        for _ in 0..CLAIMS {
            match open::claim(&self.store, keys, about.clone(), lease).await? {
                Claim::Busy(until) => return Ok(Claimed::Busy(until)),
                Claim::Changed => {}
                Claim::Won(held) => {
                    // Another process may have committed the run, and closed it, just before.
                    return Ok(match self.manifest(keys, &about.run).await? {
                        None => Claimed::Won(held),
                        Some(manifest) => {
                            self.store.delete(&about.open_key(keys)).await?;
                            Claimed::Done(Box::new(manifest))
                        }
                    });
                }
            }
            if let Some(manifest) = self.done(starting).await? {
                return Ok(Claimed::Done(Box::new(manifest)));
            }
        }
        Err(self.store.conflict(&about.open_key(keys)))
    }

    pub(crate) fn run(&self, keys: Keys, held: Box<Held>) -> Run {
        Run::new(self.clone(), keys, *held)
    }

    pub(crate) async fn manifest(
        &self,
        keys: &Keys,
        run: &RunId,
    ) -> Result<Option<Manifest>, Error> {
        let key = keys.manifest(run);
        match self.store.get(&key).await? {
            Some(found) => found.parse(&key).map(Some),
            None => Ok(None),
        }
    }
}

/// What a claim ended with.
#[derive(Debug)]
pub(crate) enum Claimed {
    Won(Box<Held>),
    Busy(Timestamp),
    Done(Box<Manifest>),
}

/// A run that is about to begin.
#[derive(Debug)]
pub(crate) struct Starting {
    pub(crate) about: About,
    pub(crate) keys: Keys,
    pub(crate) lease: Lease,
}

impl Starting {
    pub(crate) fn new(lake: &Lake, spec: RunSpec) -> Result<Self, Error> {
        let keys = Keys::new(&lake.root, &spec.report, &spec.partitions)?;
        if spec.expires_at <= lake.clock.now() {
            return Err(Error::Expired {
                run: spec.run,
                expires_at: spec.expires_at,
            });
        }
        Ok(Self {
            keys,
            lease: Lease::until(spec.expires_at)?,
            about: About {
                report: spec.report,
                run: spec.run,
                group: spec.group,
                request: spec.request,
                partitions: spec.partitions,
                format: spec.format,
                started_at: spec.started_at,
            },
        })
    }
}
