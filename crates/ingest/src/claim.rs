use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use jiff::Timestamp;
use lake::{Begin, Lake, Manifest, Run, RunSpec};
use tracing::{info, warn};

use crate::Error;

/// How often a run that another process is at is looked for.
const POLL: Duration = Duration::from_secs(2);

/// Whose a run is.
#[derive(Debug)]
pub(crate) enum Claimed {
    Ours(Box<Run>),
    /// It was committed before.
    Done(Box<Manifest>),
    /// This part of a merge was stored before.
    Parked,
}

/// Begins a run or goes on with it; waits for another process that is at it.
pub(crate) async fn claim(
    lake: &Lake,
    clock: &Arc<dyn Clock>,
    spec: &RunSpec,
    ends_at: Timestamp,
) -> Result<Claimed, Error> {
    loop {
        let until = match lake.begin(spec.clone()).await? {
            Begin::Claimed(run) => return Ok(Claimed::Ours(run)),
            Begin::Parked => return Ok(Claimed::Parked),
            Begin::Finished(manifest) => {
                info!(
                    run = spec.run.as_str(),
                    "this occurrence was run before; its result stands"
                );
                return Ok(Claimed::Done(manifest));
            }
            Begin::Busy { until } => until,
        };
        take_turns(clock, until, ends_at).await?;
    }
}

/// Waits a little for a process that holds a run `until` then, or fails with [`Error::Busy`] if
/// that would last until `ends_at`.
pub async fn take_turns(
    clock: &Arc<dyn Clock>,
    until: Timestamp,
    ends_at: Timestamp,
) -> Result<(), Error> {
    let next_look = clock.now().saturating_add(POLL);
    if next_look.unwrap_or(Timestamp::MAX) >= ends_at {
        return Err(Error::Busy { until });
    }
    tokio::time::sleep(POLL).await;
    Ok(())
}

/// Undoes this leg of the run.
pub(crate) async fn given_up(run: Box<Run>, error: impl Into<Error>) -> Error {
    if let Err(left) = run.abandon().await {
        warn!(error = %left, "a failed run could not be cleared away; the next run will do it");
    }
    error.into()
}
