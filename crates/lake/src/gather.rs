use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::error::Error;
use crate::keys::RunId;
use crate::lake::{Claimed, Lake, RunSpec, Starting};
use crate::manifest::Manifest;
use crate::open::{self, Checkpoint, State};
use crate::run::Run;

/// Records read at the same time.
const READS: usize = 16;

/// How a merge begins.
#[derive(Debug)]
pub enum Gathered {
    /// It is this process's to do.
    Claimed {
        /// The run that all rows of the parts belong to.
        run: Box<Run>,
        /// What each part handed to [`Run::park`], in the order of the parts.
        progress: Vec<Box<RawValue>>,
    },
    /// It was committed before.
    Finished(Box<Manifest>),
    /// Another process is doing it.
    Busy {
        /// When it may be taken over, should that process have died.
        until: Timestamp,
    },
}

/// A part that a merge took in.
#[derive(Debug)]
pub(crate) struct Gathering {
    pub(crate) run: RunId,
    pub(crate) checkpoint: Checkpoint,
}

impl Lake {
    /// Begins the merge of `parts`: a run of their rows, in this order, which [`Run::commit`]
    /// makes visible all at once. `spec.run` is the group that the parts name.
    ///
    /// A part that is not parked is [`Error::NotParked`]. A merge that dies or fails leaves the
    /// parts parked, to be merged again.
    pub async fn gather(&self, spec: RunSpec, parts: &[RunId]) -> Result<Gathered, Error> {
        if spec.group.is_some() {
            return Err(Error::WrongEnd {
                run: spec.run,
                why: "a part of a merge cannot gather parts itself: give the merge no group",
            });
        }
        let starting = Starting::new(self, spec)?;
        self.sweeper(&starting).sweep().await?;
        if let Some(manifest) = self
            .manifest_if_committed(&starting.keys, &starting.about.run)
            .await?
        {
            return Ok(Gathered::Finished(Box::new(manifest)));
        }
        let held = match self.claim(&starting).await? {
            Claimed::Won(held) => held,
            Claimed::Busy(until) => return Ok(Gathered::Busy { until }),
            Claimed::Done(manifest) => return Ok(Gathered::Finished(manifest)),
        };
        // Not before the claim: from here on nobody gives the parts up for their age.
        match self.parked(&starting, parts).await {
            Ok(gathered) => {
                let progress = gathered.iter().map(|part| part.checkpoint.progress.clone());
                let progress = progress.collect();
                let run = self.run(starting.keys, held).with_parts(gathered);
                Ok(Gathered::Claimed {
                    run: Box::new(run),
                    progress,
                })
            }
            Err(error) => {
                let run = self.run(starting.keys, held);
                if let Err(left) = run.abandon().await {
                    tracing::warn!(error = %left, "left the open record of a merge");
                }
                Err(error)
            }
        }
    }

    async fn parked(&self, starting: &Starting, parts: &[RunId]) -> Result<Vec<Gathering>, Error> {
        stream::iter(parts.to_vec())
            .map(|part| self.parked_part(starting, part))
            .buffered(READS)
            .try_collect()
            .await
    }

    async fn parked_part(&self, starting: &Starting, part: RunId) -> Result<Gathering, Error> {
        let group = &starting.about.run;
        let key = starting.keys.open(Some(group), &part);
        let found = open::read(&self.store, &key).await?;
        let not_parked = |part, why| Err(Error::NotParked { part, why });
        match found.map(|found| found.record) {
            None => not_parked(
                part,
                "it was not begun, or given up: run it, then merge again",
            ),
            Some(record) => match record.state {
                State::Held { .. } | State::Suspended(_) => {
                    not_parked(part, "it is not done: run it to its end, then merge again")
                }
                State::Parked(_)
                    if record.about.partitions != starting.about.partitions
                        || record.about.format != starting.about.format =>
                {
                    not_parked(
                        part,
                        "it has another format or other partitions: merge with the same",
                    )
                }
                State::Parked(checkpoint) => Ok(Gathering {
                    run: part,
                    checkpoint,
                }),
            },
        }
    }
}
