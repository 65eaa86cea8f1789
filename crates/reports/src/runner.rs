use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use futures_util::StreamExt;
use jiff::Timestamp;
use lake::{Begin, Format, Lake, Manifest, Outcome, Run, RunId, RunSpec, Status};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tracing::{info, warn};
use vendor_http::Usage;
use zoho_desk::{Desk, Gap};

use crate::plan::{Plan, Scope, Settings};
use crate::rows::{self, Piece};
use crate::{Error, Event, Occurrence, Report};

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
    /// Names the run, unless the event names its occurrence.
    pub run: RunId,
    /// When the process is stopped at the latest.
    pub ends_at: Timestamp,
}

/// A run that is done: what the function answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finished {
    /// The report.
    pub report: String,
    /// Whether the run got everything.
    pub status: Status,
    /// The same as a flag.
    pub complete: bool,
    /// Rows written.
    pub rows: u64,
    /// The bucket.
    pub bucket: String,
    /// The data object.
    pub key: String,
    /// The manifest.
    pub manifest_key: String,
    /// Start of the time span read; none for everything.
    pub since: Option<Timestamp>,
    /// Its end.
    pub until: Timestamp,
    /// Requests sent.
    pub requests: u64,
    /// Credits used.
    pub credits: u64,
    /// Why rows are missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// What else is worth knowing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Requests sent again; for metrics.
    #[serde(skip)]
    pub retries: u64,
}

impl From<Manifest> for Finished {
    fn from(manifest: Manifest) -> Self {
        Self {
            report: manifest.report,
            status: manifest.status,
            complete: manifest.complete,
            rows: manifest.rows,
            bucket: manifest.bucket,
            key: manifest.key,
            manifest_key: manifest.manifest_key,
            since: manifest.since,
            until: manifest.until,
            requests: manifest.requests,
            credits: manifest.credits,
            reasons: manifest.reasons,
            warnings: manifest.warnings,
            retries: manifest.retries,
        }
    }
}

/// How often a run that another invocation is at is looked for.
const POLL: Duration = Duration::from_secs(2);

impl Runner {
    /// `settings` are those of the environment.
    pub fn new(lake: Lake, clock: Arc<dyn Clock>, settings: Settings) -> Self {
        Self {
            lake,
            clock,
            settings,
        }
    }

    /// Runs `report` as `event` asks. On an error nothing of the run is visible.
    pub async fn run(
        &self,
        report: Report,
        event: &Event,
        invocation: Invocation<'_>,
    ) -> Result<Finished, Error> {
        let scope = Scope::new(report, event, &self.settings)?;
        let pointer = self.lake.pointer(report.name(), &scope.partitions).await?;
        let now = self.clock.now();
        let plan = Plan::new(scope, event, pointer.as_ref(), now)?;
        let run_id = match &event.occurrence {
            Some(occurrence) => run_of(report, &plan, occurrence)?,
            None => invocation.run.clone(),
        };
        let spec = RunSpec {
            report: report.name().to_owned(),
            partitions: plan.scope.partitions.clone(),
            run: run_id.clone(),
            started_at: now,
            expires_at: invocation.ends_at,
            format: event
                .format
                .or(self.settings.format)
                .unwrap_or(Format::Json),
        };
        let mut run = match self.claim(spec, invocation.ends_at).await? {
            Claimed::Ours(run) => run,
            Claimed::Done(manifest) => return Ok(Finished::from(*manifest)),
        };
        info!(
            report = report.name(),
            run = run_id.as_str(),
            mode = ?plan.mode,
            since = plan.since.map(|at| at.to_string()),
            until = plan.until.to_string(),
            "run begins"
        );
        match copy(invocation.desk, &plan, &mut run).await {
            Ok(findings) => {
                let outcome = outcome(
                    plan,
                    findings,
                    invocation.http.usage().since(invocation.used_before),
                );
                let manifest = run.commit(outcome).await?;
                Ok(Finished::from(manifest))
            }
            Err(error) => {
                if let Err(left) = run.abandon().await {
                    warn!(error = %left, "a failed run could not be cleared away; the next run will do it");
                }
                Err(error)
            }
        }
    }

    async fn claim(&self, spec: RunSpec, ends_at: Timestamp) -> Result<Claimed, Error> {
        loop {
            let until = match self.lake.begin(spec.clone()).await? {
                Begin::Claimed(run) => return Ok(Claimed::Ours(run)),
                Begin::Finished(manifest) => {
                    info!(
                        run = spec.run.as_str(),
                        "this occurrence was run before; its result stands"
                    );
                    return Ok(Claimed::Done(manifest));
                }
                Begin::Busy { until } => until,
            };
            let next_look = self
                .clock
                .now()
                .saturating_add(POLL)
                .unwrap_or(Timestamp::MAX);
            if next_look >= ends_at {
                return Err(Error::Busy { until });
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

enum Claimed {
    Ours(Box<Run>),
    Done(Box<Manifest>),
}

/// What a copy found besides rows.
#[derive(Debug, Default)]
struct Findings {
    gaps: Vec<Gap>,
    vanished: u64,
}

/// Reasons kept; an account in trouble could give one for each ticket.
const MOST_REASONS: usize = 20;

async fn copy(desk: &Desk, plan: &Plan, run: &mut Run) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let mut pieces = rows::pieces(desk, plan);
    while let Some(piece) = pieces.next().await {
        match piece? {
            Piece::Rows { parent: None, rows } => {
                for row in rows {
                    run.write(&row.bytes).await?;
                }
            }
            Piece::Rows {
                parent: Some(parent),
                rows,
            } => {
                for row in rows {
                    run.write_child(&row.bytes, &[(parent.key, parent.id.as_str())])
                        .await?;
                }
            }
            Piece::Value(value) => run.write(&value).await?,
            Piece::Gap(gap) => findings.gaps.push(gap),
            Piece::Vanished => findings.vanished += 1,
        }
    }
    Ok(findings)
}

fn outcome(plan: Plan, findings: Findings, usage: Usage) -> Outcome {
    let complete = findings.gaps.is_empty();
    let mut warnings = plan.warnings;
    if findings.vanished > 0 {
        warnings.push(format!(
            "{} parent records were deleted while the report ran",
            findings.vanished
        ));
    }
    let more = findings.gaps.len().saturating_sub(MOST_REASONS);
    // Rows that another run may get must stay before the watermark; waiting for those that no run
    // can get would read the same span for ever.
    let settled = findings.gaps.iter().all(|gap| gap.lasting);
    let reasons = findings.gaps.into_iter().take(MOST_REASONS);
    let mut reasons: Vec<String> = reasons.map(|gap| gap.why).collect();
    if more > 0 {
        reasons.push(format!("and {more} more of the kind"));
    }
    Outcome {
        mode: plan.mode,
        since: plan.since,
        until: plan.until,
        status: if complete {
            Status::Complete
        } else {
            Status::Partial
        },
        complete,
        reasons,
        warnings,
        requests: usage.requests,
        credits: usage.credits,
        retries: usage.retries,
        watermark: plan.watermark.filter(|_| settled),
    }
}

/// The same occurrence of the same schedule is the same run.
fn run_of(report: Report, plan: &Plan, occurrence: &Occurrence) -> Result<RunId, lake::Error> {
    let mut hash = Sha256::new();
    for part in [report.name(), &occurrence.id, &occurrence.time] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    for partition in &plan.scope.partitions {
        hash.update(format!("{}={}\0", partition.key, partition.value));
    }
    Ok(RunId::from_bytes(&hash.finalize()[..8])?)
}
