use std::sync::Arc;

use clock::Clock;
use engine::{Kind, Used};
use jiff::Timestamp;
use lake::{Lake, Manifest, Run, RunId, RunSpec};
use serde_json::value::RawValue;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::checkpoint::{Checkpoint, Findings};
use crate::claim::{Claimed, claim, given_up};
use crate::course::{Course, Ending};
use crate::{Error, Refine, Span, Stops, Work};

/// Requests, or else rows, from which on what a failing leg read is worth keeping for the next one.
const WORTH_KEEPING: u64 = 20;
const ROWS_WORTH_KEEPING: u64 = 10_000;

/// One process's share of reading a stream into the lake.
#[derive(Debug)]
pub struct Pull<'a> {
    /// Where the rows go.
    pub lake: &'a Lake,
    /// Tells how long a busy run may be waited for.
    pub clock: &'a Arc<dyn Clock>,
    /// The run. One with a group ends parked, any other committed.
    pub spec: RunSpec,
    /// What the manifest says of it; of a run that goes on, that of its first leg counts.
    pub span: Span,
    /// When to stop reading.
    pub stops: Stops,
    /// Until when another process that is at the same run is waited for; not at all if it is past.
    pub ends_at: Timestamp,
}

/// What became of a run.
#[derive(Debug)]
pub enum Pulled {
    /// All is read and visible.
    Complete {
        /// The run.
        manifest: Manifest,
        /// What to keep for the next incremental run.
        state: State,
        /// All legs together.
        used: Used,
    },
    /// Time was up: pull again with the same [`RunSpec::request`], and it goes on.
    Partial {
        /// The run.
        run: RunId,
        /// Which of its legs this was, from 1.
        leg: u32,
        /// Rows of all legs.
        rows: u64,
        /// By all legs.
        used: Used,
        /// What the run covers.
        span: Span,
    },
    /// All of this part of a merge is read, and waits for [`Lake::gather`].
    Parked {
        /// Rows of all legs; none if it was parked before.
        rows: u64,
        /// By all legs; nothing if it was parked before.
        used: Used,
        /// What the part covers.
        span: Span,
    },
    /// This run was committed before, by this call's predecessor. What its reader's state was is
    /// not known: the next incremental run reads from the state that is kept, and so a bit again.
    Before(Manifest),
}

/// What to keep of a reader's state for the next incremental run.
#[derive(Debug)]
pub enum State {
    /// This.
    Next(Box<RawValue>),
    /// Nothing: the next run reads all.
    Nothing,
    /// What is kept already: rows are missing that another run may get.
    AsBefore,
}

/// Why a leg did not get to read.
enum NotBegun {
    /// What the leg before left is of no use.
    Stale,
    Failed(Error),
}

impl From<Error> for NotBegun {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Pull<'_> {
    /// Reads what `work` opens, through `refine`, into the run until the end or until time is up.
    ///
    /// On an error nothing new of the run is visible; what was read of a long one may be kept for
    /// the next call. If the future is dropped, the run is cleared away, or goes on from its last
    /// checkpoint, once [`RunSpec::expires_at`] has passed.
    pub async fn run(self, work: &mut dyn Work, refine: &mut dyn Refine) -> Result<Pulled, Error> {
        Box::pin(self.leg(work, refine)).await
    }

    async fn leg(mut self, work: &mut dyn Work, refine: &mut dyn Refine) -> Result<Pulled, Error> {
        let mut run = match claim(self.lake, self.clock, &self.spec, self.ends_at).await? {
            Claimed::Ours(run) => run,
            Claimed::Done(manifest) => return Ok(Pulled::Before(*manifest)),
            Claimed::Parked => {
                return Ok(Pulled::Parked {
                    rows: 0,
                    used: Used::default(),
                    span: self.span,
                });
            }
        };
        let mut course = match self.begin(&mut run, work, refine).await {
            Ok(course) => course,
            Err(NotBegun::Stale) => return Err(started_over(run).await),
            Err(NotBegun::Failed(error)) => return Err(given_up(run, error).await),
        };
        let rows_before = run.rows();
        let ending = match course.copy(&mut run, self.stops).await {
            Ok(ending) => ending,
            Err(error) => return Err(given_up(run, error).await),
        };
        let error = match ending {
            Ending::AtEnd => return finish(course, run, self.spec.group.is_some()).await,
            Ending::Stopped if course.advanced() => return pause(course, run).await,
            Ending::Stopped => Error::NoTime,
            Ending::Failed(error) if out_of_time(&error) && course.advanced() => {
                return pause(course, run).await;
            }
            Ending::Failed(error) if error.is_position_unknown() => {
                return Err(started_over(run).await);
            }
            Ending::Failed(error) => {
                let passing = error.is_transient() && !out_of_time(&error);
                let worth = course.reader.used().requests >= WORTH_KEEPING
                    || run.rows() - rows_before >= ROWS_WORTH_KEEPING;
                if passing && worth {
                    keep(course, run).await;
                    return Err(error.into());
                }
                error.into()
            }
        };
        Err(given_up(run, error).await)
    }

    /// From the beginning, or from where the leg before left it.
    async fn begin<'r>(
        &mut self,
        run: &mut Run,
        work: &mut dyn Work,
        refine: &'r mut dyn Refine,
    ) -> Result<Course<'r>, NotBegun> {
        let before = match run.progress() {
            None => None,
            Some(stored) => Some(Checkpoint::read(stored).ok_or(NotBegun::Stale)?),
        };
        if let Some(saved) = before.as_ref().and_then(|before| before.refine.as_deref())
            && !refine.restore(saved)
        {
            return Err(NotBegun::Stale);
        }
        let resume = before.as_ref().map(|before| before.position.as_ref());
        let opened = timeout(
            self.stops.now.remaining(),
            work.open(resume, run.started_at()),
        );
        let reader = match opened.await {
            Err(_elapsed) => return Err(NotBegun::Failed(Error::NoTime)),
            Ok(Err(error)) if resume.is_some() && is_stale(&error) => return Err(NotBegun::Stale),
            Ok(opened) => opened.map_err(Error::Source)?,
        };
        let course = match before {
            None => Course {
                begun_at: reader.position().ok(),
                reader,
                refine,
                span: self.span.clone(),
                findings: Findings::default(),
                used_before: Used::default(),
            },
            Some(before) => Course {
                begun_at: Some(before.position),
                reader,
                refine,
                span: before.span,
                findings: before.findings,
                used_before: before.used,
            },
        };
        info!(
            report = run.report(),
            run = run.id().as_str(),
            leg = run.leg(),
            mode = ?course.span.mode,
            since = course.span.since.map(|at| at.to_string()),
            until = course.span.until.to_string(),
            "run begins"
        );
        Ok(course)
    }
}

async fn finish(course: Course<'_>, run: Box<Run>, parks: bool) -> Result<Pulled, Error> {
    let used = course.used();
    if parks {
        let rows = run.rows();
        let stored = match course.stored() {
            Ok(stored) => stored,
            Err(error) => return Err(given_up(run, error).await),
        };
        let span = course.span;
        run.park(stored).await?;
        return Ok(Pulled::Parked { rows, used, span });
    }
    let state = match course.state() {
        Ok(state) => state,
        Err(error) => return Err(given_up(run, error).await),
    };
    let manifest = run
        .commit(course.findings.outcome(course.span, used))
        .await?;
    Ok(Pulled::Complete {
        manifest,
        state,
        used,
    })
}

/// Another process is to go on.
async fn pause(course: Course<'_>, run: Box<Run>) -> Result<Pulled, Error> {
    let stored = match course.stored() {
        Ok(stored) => stored,
        Err(error) => return Err(given_up(run, error).await),
    };
    let partial = Pulled::Partial {
        run: run.id().clone(),
        leg: run.leg(),
        rows: run.rows(),
        used: course.used(),
        span: course.span,
    };
    run.suspend(stored).await?;
    Ok(partial)
}

/// The leg fails, but what it read is good.
async fn keep(course: Course<'_>, run: Box<Run>) {
    let kept = match course.stored() {
        Ok(stored) => run.suspend(stored).await.map_err(Error::from),
        Err(error) => Err(given_up(run, error).await),
    };
    if let Err(error) = kept {
        warn!(error = %error, "what was read could not be kept; it is read again");
    }
}

/// Drops the run with all its legs.
async fn started_over(run: Box<Run>) -> Error {
    match run.discard().await {
        Ok(()) => Error::Checkpoint,
        Err(error) => error.into(),
    }
}

fn out_of_time(error: &engine::Error) -> bool {
    error.kind() == Kind::DeadlineExceeded
}

/// Whether a reader that was to go on cannot: its own defects end with the run that they spoiled.
fn is_stale(error: &engine::Error) -> bool {
    error.is_position_unknown() || error.kind() == Kind::Internal
}
