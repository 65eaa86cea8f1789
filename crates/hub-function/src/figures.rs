//! What CloudWatch counts of syncs, by platform.

use hub::{Hub, Job, Run, RunKind, RunStatus, Task};
use jiff::Timestamp;
use lambda_kit::{Metric, Unit};
use tracing::warn;

/// More runs than this do not end within one job.
const LOOKED_AT: u32 = 5;

/// Counts the sync that `job` has ended, if it did, since `began`. A figure that is lost is no
/// reason to repeat a job.
pub(crate) async fn tell(hub: &Hub, job: &Job, began: Timestamp, now: Timestamp) {
    match ended(hub, job, began).await {
        Ok(Some((platform, run))) => {
            lambda_kit::emit_by(&[("Platform", &platform)], now, &metrics(&run));
        }
        Ok(None) => {}
        Err(failure) => warn!(error = %failure, "a sync could not be counted"),
    }
}

async fn ended(
    hub: &Hub,
    job: &Job,
    began: Timestamp,
) -> Result<Option<(String, Run)>, hub::Error> {
    let (tenant, id) = (&job.owner.tenant, job.owner.integration);
    let run = match &job.task {
        Task::Run {
            run,
            kind: RunKind::Sync,
        } => Some(hub.run(tenant, id, run).await?),
        // The worker made the run; one runs at a time.
        Task::Scheduled => {
            let runs = hub.runs(tenant, id, LOOKED_AT, None).await?.items;
            runs.into_iter().find(|run| is_from(run, began))
        }
        Task::Run { .. } | Task::Settle => None,
    };
    match run.filter(|run| is_from(run, began)) {
        Some(run) => Ok(Some((hub.get(tenant, id).await?.platform, run))),
        None => Ok(None),
    }
}

/// A job that came twice finds the run ended before.
fn is_from(run: &Run, began: Timestamp) -> bool {
    run.kind == RunKind::Sync && run.ended_at.is_some_and(|ended| ended >= began)
}

fn metrics(run: &Run) -> [Metric; 5] {
    let count = |name, value| Metric {
        name,
        unit: Unit::Count,
        value,
    };
    let succeeded = run.status == RunStatus::Succeeded;
    let took = run.started_at.zip(run.ended_at);
    let took = took.map_or(0, |(from, to)| to.duration_since(from).as_millis());
    [
        count("SyncsSucceeded", u64::from(succeeded)),
        count("SyncsFailed", u64::from(!succeeded)),
        count("RowsSynced", run.rows()),
        count(
            "RowsFailed",
            run.streams.iter().map(|stream| stream.failed_rows).sum(),
        ),
        Metric {
            name: "SyncDurationMs",
            unit: Unit::Milliseconds,
            value: u64::try_from(took).unwrap_or(0),
        },
    ]
}
