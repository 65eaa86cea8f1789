use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use jiff::Timestamp;
use lake::{Begin, Format, Gathered, Lake, Manifest, Run, RunId, RunSpec, Status};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use tracing::{info, warn};
use vendor_http::Usage;
use zoho_desk::Desk;

use crate::backfill::{self, Planned};
use crate::leg::{Ending, Leg, Stops};
use crate::pieces::{Pieces, Position};
use crate::plan::{Plan, Scope, Settings, Span};
use crate::progress::{Findings, Progress, Used};
use crate::{Answer, Backfill, Error, Event, Finished, InvalidEvent, Occurrence, Report};

/// Runs reports: reads the vendor, writes the lake, commits.
#[derive(Debug)]
pub struct Runner {
    lake: Lake,
    clock: Arc<dyn Clock>,
    settings: Settings,
}

/// What only this invocation knows.
#[derive(Debug)]
pub struct Invocation<'a> {
    /// The vendor.
    pub desk: &'a Desk,
    /// Counts the vendor's requests and credits.
    pub http: &'a vendor_http::Client,
    /// What it had counted when the invocation began.
    pub used_before: Usage,
    /// Names the run, unless the event names its occurrence or its backfill.
    pub run: RunId,
    /// When to stop reading.
    pub stops: Stops,
    /// When the process is stopped at the latest.
    pub ends_at: Timestamp,
}

/// How often a run that another invocation is at is looked for.
const POLL: Duration = Duration::from_secs(2);

/// Requests from which on what a failing invocation read is worth keeping for the next one.
const WORTH_KEEPING: u64 = 20;

/// What becomes of a run whose rows are all read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Commit,
    /// Kept for the merge of its backfill.
    Park,
}

/// A run under way.
#[derive(Debug)]
struct Course {
    span: Span,
    pieces: Pieces,
    /// Where this invocation began.
    begun_at: Position,
    findings: Findings,
    used: Used,
}

enum Claimed {
    Ours(Box<Run>),
    Done(Box<Manifest>),
    Parked,
}

impl Runner {
    /// `settings` are those of the environment.
    pub fn new(lake: Lake, clock: Arc<dyn Clock>, settings: Settings) -> Self {
        Self {
            lake,
            clock,
            settings,
        }
    }

    /// Runs `report` as `event` asks, for as long as the invocation lasts. On an error nothing new
    /// of the run is visible; what was read of a long one may be kept for the next invocation.
    pub async fn run(
        &self,
        report: Report,
        event: &Event,
        invocation: Invocation<'_>,
    ) -> Result<Answer, Error> {
        let scope = Scope::new(report, event, &self.settings)?;
        let finished = match &event.backfill {
            None => Box::pin(self.report(scope, event, &invocation)).await,
            Some(Backfill::Plan { rows_per_window }) => {
                let planned = self
                    .plan_backfill(scope, event, &invocation, *rows_per_window)
                    .await?;
                return Ok(Answer::Plan(planned));
            }
            Some(Backfill::Window {
                run,
                index,
                mode,
                planned_at,
            }) => {
                let plan = backfill::window_plan(scope, event, *mode)?;
                let mut spec = self.spec(&plan.scope, event, &invocation)?;
                spec.run = backfill::window_run(run, *index)?;
                spec.group = Some(run.clone());
                spec.started_at = *planned_at;
                Box::pin(self.read(plan, spec, &invocation, End::Park)).await
            }
            Some(Backfill::Merge {
                run,
                windows,
                planned_at,
            }) => {
                let mut spec = self.spec(&scope, event, &invocation)?;
                spec.run = run.clone();
                spec.started_at = *planned_at;
                Box::pin(self.merge(scope, event, spec, *windows)).await
            }
        };
        finished.map(|finished| Answer::Run(Box::new(finished)))
    }

    async fn report(
        &self,
        scope: Scope,
        event: &Event,
        invocation: &Invocation<'_>,
    ) -> Result<Finished, Error> {
        let pointer = self
            .lake
            .pointer(scope.report.name(), &scope.partitions)
            .await?;
        let mut spec = self.spec(&scope, event, invocation)?;
        let plan = Plan::new(scope, event, pointer.as_ref(), spec.started_at)?;
        if let Some(occurrence) = &event.occurrence {
            spec.run = run_of(&plan.scope, occurrence)?;
        }
        Box::pin(self.read(plan, spec, invocation, End::Commit)).await
    }

    fn spec(
        &self,
        scope: &Scope,
        event: &Event,
        invocation: &Invocation<'_>,
    ) -> Result<RunSpec, Error> {
        let format = event
            .format
            .or(self.settings.format)
            .unwrap_or(Format::Json);
        Ok(RunSpec {
            report: scope.report.name().to_owned(),
            partitions: scope.partitions.clone(),
            run: invocation.run.clone(),
            group: None,
            request: request_of(scope, event)?,
            started_at: self.clock.now(),
            expires_at: invocation.ends_at,
            format,
        })
    }

    /// One invocation's share of a run.
    async fn read(
        &self,
        plan: Plan,
        spec: RunSpec,
        invocation: &Invocation<'_>,
        end: End,
    ) -> Result<Finished, Error> {
        let mut run = match self.claim(spec, invocation.ends_at).await? {
            Claimed::Ours(run) => run,
            Claimed::Done(manifest) => return Ok(Finished::from(*manifest)),
            Claimed::Parked => {
                let (report, bucket) = (plan.scope.report.name(), self.lake.bucket());
                let used = Used::default();
                return Ok(Finished::parked(report, bucket, &plan.span, used));
            }
        };
        let Some(mut course) = Course::of(plan, &run, invocation.desk) else {
            run.discard().await?;
            return Err(Error::Checkpoint);
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
        let leg = match Leg::copied(&mut course.pieces, &mut run, invocation.stops).await {
            Ok(leg) => leg,
            Err(error) => return Err(given_up(run, error).await),
        };
        let ours = Used::from(invocation.http.usage().since(invocation.used_before));
        course.findings = course.findings.and(leg.findings);
        course.used = course.used.and(ours);
        let error = match leg.ending {
            Ending::AtEnd => return course.finish(run, end).await,
            Ending::Stopped if !course.advanced() => Error::NoTime,
            Ending::Stopped => return course.pause(run).await,
            Ending::Failed(error) if out_of_time(&error) && course.advanced() => {
                return course.pause(run).await;
            }
            Ending::Failed(error) => {
                let passing = error.is_transient() && !out_of_time(&error);
                if passing && ours.requests >= WORTH_KEEPING {
                    course.keep(run).await;
                    return Err(error.into());
                }
                error.into()
            }
        };
        Err(given_up(run, error).await)
    }

    async fn claim(&self, spec: RunSpec, ends_at: Timestamp) -> Result<Claimed, Error> {
        loop {
            let until = match self.lake.begin(spec.clone()).await? {
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
            self.poll(until, ends_at).await?;
        }
    }

    async fn poll(&self, until: Timestamp, ends_at: Timestamp) -> Result<(), Error> {
        let next_look = self.clock.now().saturating_add(POLL);
        if next_look.unwrap_or(Timestamp::MAX) >= ends_at {
            return Err(Error::Busy { until });
        }
        tokio::time::sleep(POLL).await;
        Ok(())
    }

    async fn plan_backfill(
        &self,
        scope: Scope,
        event: &Event,
        invocation: &Invocation<'_>,
        rows_per_window: u64,
    ) -> Result<Planned, Error> {
        if event.since.is_none() && !event.full {
            return Err(InvalidEvent::new(
                "since",
                "is missing: a backfill needs the start of its period, or \"full\": true",
            )
            .into());
        }
        let now = self.clock.now();
        let plan = Plan::new(scope, event, None, now)?;
        let run = invocation.run.clone();
        backfill::planned(invocation.desk, &plan, event, run, now, rows_per_window).await
    }

    async fn merge(
        &self,
        scope: Scope,
        event: &Event,
        spec: RunSpec,
        windows: u32,
    ) -> Result<Finished, Error> {
        let pointer = self
            .lake
            .pointer(scope.report.name(), &scope.partitions)
            .await?;
        let plan = Plan::new(scope, event, pointer.as_ref(), self.clock.now())?;
        let parts = (0..windows)
            .map(|index| backfill::window_run(&spec.run, index))
            .collect::<Result<Vec<_>, _>>()?;
        let ends_at = spec.expires_at;
        let (run, stored) = loop {
            match self.lake.gather(spec.clone(), &parts).await? {
                Gathered::Claimed { run, progress } => break (run, progress),
                Gathered::Finished(manifest) => return Ok(Finished::from(*manifest)),
                Gathered::Busy { until } => self.poll(until, ends_at).await?,
            }
        };
        let (mut findings, mut used) = (Findings::default(), Used::default());
        for stored in &stored {
            let Some(progress) = Progress::read(stored) else {
                return Err(given_up(run, Error::Checkpoint).await);
            };
            findings = findings.and(progress.findings);
            used = used.and(progress.used);
        }
        let manifest = run.commit(findings.outcome(plan.span, used)).await?;
        Ok(Finished::from(manifest))
    }
}

impl Course {
    /// From the beginning, or from where an earlier invocation left it. `None` if that cannot be
    /// read.
    fn of(plan: Plan, run: &Run, desk: &Desk) -> Option<Self> {
        let Some(stored) = run.progress() else {
            let pieces = Pieces::of(desk, &plan);
            return Some(Self {
                begun_at: pieces.position(),
                pieces,
                span: plan.span,
                findings: Findings::default(),
                used: Used::default(),
            });
        };
        let progress = Progress::read(stored)?;
        let plan = Plan {
            span: progress.span,
            ..plan
        };
        Some(Self {
            pieces: Pieces::of(desk, &plan).resumed(progress.position.clone())?,
            begun_at: progress.position,
            span: plan.span,
            findings: progress.findings,
            used: progress.used,
        })
    }

    /// Whether this invocation was of any use.
    fn advanced(&self) -> bool {
        self.pieces.position() != self.begun_at
    }

    fn stored(&self) -> Result<Box<RawValue>, Error> {
        let position = self.pieces.position();
        let progress = Progress::new(
            self.span.clone(),
            position,
            self.findings.clone(),
            self.used,
        );
        Ok(progress.stored()?)
    }

    async fn finish(self, run: Box<Run>, end: End) -> Result<Finished, Error> {
        if end == End::Park {
            let hidden = Finished::hidden(&run, Status::Complete, &self.span, self.used);
            run.park(self.stored()?).await?;
            return Ok(hidden);
        }
        let outcome = self.findings.outcome(self.span, self.used);
        Ok(Finished::from(run.commit(outcome).await?))
    }

    /// Another invocation is to go on.
    async fn pause(self, run: Box<Run>) -> Result<Finished, Error> {
        let partial = Finished::hidden(&run, Status::Partial, &self.span, self.used);
        run.suspend(self.stored()?).await?;
        Ok(partial)
    }

    /// The invocation fails, but what it read is good.
    async fn keep(self, run: Box<Run>) {
        let kept = match self.stored() {
            Ok(stored) => run.suspend(stored).await.map_err(Error::from),
            Err(error) => Err(error),
        };
        if let Err(error) = kept {
            warn!(error = %error, "what was read could not be kept; it is read again");
        }
    }
}

fn out_of_time(error: &zoho_desk::Error) -> bool {
    matches!(
        error,
        zoho_desk::Error::Http(vendor_http::Error::Deadline { .. })
    )
}

/// Undoes this invocation's share of the run.
async fn given_up(run: Box<Run>, error: Error) -> Error {
    if let Err(left) = run.abandon().await {
        warn!(error = %left, "a failed run could not be cleared away; the next run will do it");
    }
    error
}

/// The same occurrence of the same schedule is the same run.
fn run_of(scope: &Scope, occurrence: &Occurrence) -> Result<RunId, lake::Error> {
    let mut hash = Sha256::new();
    for part in [scope.report.name(), &occurrence.id, &occurrence.time] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    for partition in &scope.partitions {
        hash.update(format!("{}={}\0", partition.key, partition.value));
    }
    Ok(RunId::from_bytes(&hash.finalize()[..8])?)
}

/// What was asked for, whoever asked and when: only such a run may be gone on with.
fn request_of(scope: &Scope, event: &Event) -> Result<String, lake::Error> {
    let mut hash = Sha256::new();
    let mut part = |text: &dyn std::fmt::Debug| hash.update(format!("{text:?}\0"));
    part(scope);
    part(&event.secret_id);
    part(&event.since);
    part(&event.until);
    part(&event.full);
    Ok(RunId::from_bytes(&hash.finalize()[..8])?.into())
}
