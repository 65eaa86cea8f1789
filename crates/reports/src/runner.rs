use std::sync::Arc;

use clock::Clock;
use ingest::{AsIs, Pull, Pulled, Stops};
use jiff::Timestamp;
use lake::{Format, Gathered, Lake, Run, RunId, RunSpec, Status};
use sha2::{Digest, Sha256};
use tracing::warn;
use vendor_http::Usage;
use zoho_desk::Desk;

use crate::backfill::{self, Planned};
use crate::plan::{Plan, Scope, Settings};
use crate::reader::Planning;
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
    /// What the vendor's client had counted when the invocation began.
    pub used_before: Usage,
    /// Names the run, unless the event names its occurrence or its backfill.
    pub run: RunId,
    /// When to stop reading.
    pub stops: Stops,
    /// When the process is stopped at the latest.
    pub ends_at: Timestamp,
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
                Box::pin(self.read(plan, spec, &invocation)).await
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
        Box::pin(self.read(plan, spec, invocation)).await
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
    ) -> Result<Finished, Error> {
        let report = plan.scope.report.name();
        let pull = Pull {
            lake: &self.lake,
            clock: &self.clock,
            spec,
            span: ingest::Span::from(&plan.span),
            stops: invocation.stops,
            ends_at: invocation.ends_at,
        };
        let mut planned = Planning {
            desk: invocation.desk,
            plan,
            used_before: invocation.used_before,
        };
        let hidden = |status, rows, span: &ingest::Span, used| {
            Finished::hidden(status, (report, self.lake.bucket()), rows, span, used)
        };
        Ok(match pull.run(&mut planned, &mut AsIs).await? {
            Pulled::Complete { manifest, .. } | Pulled::Before(manifest) => {
                Finished::from(manifest)
            }
            Pulled::Partial {
                rows, used, span, ..
            } => hidden(Status::Partial, rows, &span, used),
            Pulled::Parked { rows, used, span } => hidden(Status::Complete, rows, &span, used),
        })
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
                Gathered::Busy { until } => {
                    ingest::take_turns(&self.clock, until, ends_at).await?;
                }
            }
        };
        let outcome = match ingest::outcome_of_parts(&stored, (&plan.span).into()) {
            Ok(outcome) => outcome,
            Err(error) => return Err(given_up(run, error.into()).await),
        };
        Ok(Finished::from(run.commit(outcome).await?))
    }
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
