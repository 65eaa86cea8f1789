use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use clock::Clock;
use hub::{Error, Hub, Job, Shift, Task, Worked, Worker, WorkerKind};
use ingest::Stops;
use jiff::{SignedDuration, Timestamp};
use lambda_kit::{Env, Failure};
use lambda_runtime::Context;
use sqs_batch::{Patience, Verdict, each, job};
use tracing::{Instrument as _, error, info, info_span, warn};
use vendor_http::Deadline;

use crate::aws::SqsQueues;
use crate::env::{at_least_one, invalid, name};
use crate::figures;
use crate::setup::Setup;

/// The function `integrations-worker` or `database-worker`: what lives as long as its process.
///
/// | variable | default |
/// |---|---|
/// | `WORKER_CONCURRENCY` | integrations worked at once, 1 |
/// | `SYNC_LEG_SECONDS` | longest time of an invocation, then the next goes on; what Lambda leaves |
#[derive(Debug)]
pub struct HubWorker {
    name: String,
    kind: WorkerKind,
    hub: Hub,
    worker: Worker,
    queues: SqsQueues,
    patience: Patience,
    clock: Arc<dyn Clock>,
    at_once: u32,
    longest: Option<Duration>,
    warm: AtomicBool,
}

/// Kept of the time for committing and for telling SQS: a tenth, within these bounds.
const LEAST_RESERVE: Duration = Duration::from_millis(500);
const MOST_RESERVE: Duration = Duration::from_secs(15);
/// Time to finish what was begun, before nothing more is sent.
const MOST_WIND_DOWN: Duration = Duration::from_secs(30);
/// Below this a leg would spend all its time on beginning and ending.
const SHORTEST_LEG_S: u32 = 5;

impl HubWorker {
    pub(crate) fn new(
        setup: &Setup,
        kind: WorkerKind,
        hub: Hub,
        worker: Worker,
    ) -> Result<Self, Failure> {
        let urls = &setup.settings.queue_urls;
        let (usual, url) = match kind {
            WorkerKind::Http => ("integrations-worker", &urls.integrations),
            WorkerKind::Database => ("database-worker", &urls.databases),
        };
        Ok(Self {
            name: name(&setup.env, usual),
            kind,
            hub,
            worker,
            queues: setup.queues(),
            patience: Patience::new(setup.clients.sqs.clone(), url.as_deref()),
            clock: Arc::clone(&setup.clock),
            at_once: at_least_one(&setup.env, "WORKER_CONCURRENCY", 1)?,
            longest: longest(&setup.env)?,
            warm: AtomicBool::new(false),
        })
    }

    /// Carries out a batch of jobs and tells SQS which messages to deliver again.
    pub async fn invoke(
        &self,
        event: SqsEvent,
        context: Context,
    ) -> Result<SqsBatchResponse, Failure> {
        let span = info_span!(
            "invocation",
            service = self.name,
            function_request_id = context.request_id,
            cold_start = !self.warm.swap(true, Ordering::Relaxed),
        );
        let shift = self.shift(&context);
        let ends = shift.stops.now;
        let work = each(
            &event,
            self.at_once as usize,
            ends,
            |job: Job| job.owner.to_string(),
            |message| self.handle(message, shift),
        );
        let response = Box::pin(work).instrument(span).await?;
        self.patience.put_off(&event, &response).await;
        Ok(response)
    }

    /// By when work is to stop, of what Lambda leaves.
    fn shift(&self, context: &Context) -> Shift {
        let now = self.clock.now();
        let left = lambda_kit::time_left(context, now);
        let span = self.longest.map_or(left, |longest| longest.min(left));
        let reserve = (span / 10).clamp(LEAST_RESERVE, MOST_RESERVE);
        let deadline = Deadline::after(span.saturating_sub(reserve));
        Shift {
            stops: Stops {
                soon: deadline.minus((span / 10).min(MOST_WIND_DOWN)),
                now: deadline,
            },
            ends_at: now
                .saturating_add(SignedDuration::try_from(left).unwrap_or_default())
                .unwrap_or(Timestamp::MAX),
        }
    }

    async fn handle(&self, message: &SqsMessage, shift: Shift) -> Verdict {
        let Some(job) = job::<Job>(message) else {
            return Verdict::Done;
        };
        let span = info_span!(
            "job",
            tenant = job.owner.tenant.as_str(),
            integration = job.owner.integration.0,
            run = run_of(&job),
        );
        Box::pin(self.carry_out(&job, shift)).instrument(span).await
    }

    async fn carry_out(&self, job: &Job, shift: Shift) -> Verdict {
        let began = self.clock.now();
        let outcome = Box::pin(self.worker.work(job, shift)).await;
        let duration_ms = u64::try_from(self.clock.now().duration_since(began).as_millis());
        let duration_ms = duration_ms.unwrap_or_default();
        match outcome {
            Ok(Worked::Done) => {
                info!(duration_ms, "a job is done");
                figures::tell(&self.hub, job, began, self.clock.now()).await;
                Verdict::Done
            }
            Ok(Worked::Again(delay)) => {
                info!(duration_ms, delay_s = delay.as_secs(), "a job is put off");
                self.pass_on(job, delay).await
            }
            Ok(Worked::Continue(next)) => {
                info!(duration_ms, "the next invocation goes on with a run");
                self.pass_on(&next, Duration::ZERO).await
            }
            Err(Error::NotFound(what)) => {
                warn!(
                    duration_ms,
                    what, "a job is about something that is gone; it is dropped"
                );
                Verdict::Done
            }
            Err(failure) if failure.is_transient() => {
                warn!(duration_ms, error = %failure, "a job cannot be carried out for now");
                Verdict::Again
            }
            // It ends in the dead-letter queue, from which it is sent back once this is mended.
            Err(failure) => {
                error!(duration_ms, error = %failure, "a job cannot be carried out until a person mends this");
                Verdict::Again
            }
        }
    }

    /// Puts a job on this worker's own queue. The message that it stands for goes only once SQS
    /// has it.
    async fn pass_on(&self, job: &Job, delay: Duration) -> Verdict {
        match self.queues.hand_over(job, self.kind, delay).await {
            Ok(()) => Verdict::Done,
            Err(trouble) => {
                error!(error = %trouble, "a job could not be passed on; it comes again");
                Verdict::Again
            }
        }
    }
}

fn run_of(job: &Job) -> Option<&str> {
    match &job.task {
        Task::Run { run, .. } => Some(run.as_str()),
        Task::Scheduled | Task::Settle => None,
    }
}

fn longest(env: &Env) -> Result<Option<Duration>, Failure> {
    const VARIABLE: &str = "SYNC_LEG_SECONDS";
    let seconds: Option<u32> = env.parsed(VARIABLE).map_err(invalid)?;
    match seconds {
        Some(seconds) if seconds < SHORTEST_LEG_S => Err(invalid(format!(
            "environment variable {VARIABLE} is `{seconds}`: use {SHORTEST_LEG_S} or more"
        ))),
        seconds => Ok(seconds.map(|seconds| Duration::from_secs(seconds.into()))),
    }
}
