use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_s3::Client;
use clock::Clock;
use jiff::{SignedDuration, Timestamp};
use lambda_kit::{Env, ErrorType, Failure, Metric, Unit};
use lambda_runtime::Context;
use serde::Serialize;
use serde_json::Value;
use table::{Compacted, Compactor, Outcome, Table};
use tokio::time::Instant;
use tracing::{Instrument, error, info, info_span};

use crate::{event, failure};

/// The function `compact`: what lives as long as its process.
#[derive(Debug)]
pub struct Function {
    /// The deployed function's name, which tells two installations in one account apart.
    name: String,
    s3: Client,
    clock: Arc<dyn Clock>,
    warm: AtomicBool,
    /// Settings that make no sense fail every invocation with their name, not the start.
    settings: Result<Settings, Failure>,
}

#[derive(Debug, Clone)]
struct Settings {
    bucket: Option<String>,
    keep_deleted: Option<SignedDuration>,
}

/// What an invocation answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finished {
    /// The tables as they are now.
    pub tables: Vec<Compacted>,
    /// Reports without anything to make a table of.
    pub skipped: Vec<Skipped>,
}

/// A report that has no table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The report.
    pub report: &'static str,
    /// What to do for a table.
    pub why: &'static str,
}

/// Time kept for clearing away: a tenth of what there is, within these bounds.
const LEAST_RESERVE: Duration = Duration::from_millis(300);
const MOST_RESERVE: Duration = Duration::from_secs(15);

impl Function {
    /// Reads the settings, once.
    pub fn new(env: &Env, s3: Client, clock: Arc<dyn Clock>) -> Self {
        Self {
            name: env
                .text("AWS_LAMBDA_FUNCTION_NAME")
                .unwrap_or("compact")
                .to_owned(),
            s3,
            clock,
            warm: AtomicBool::new(false),
            settings: Settings::from_env(env),
        }
    }

    /// Answers one invocation; logs and counts its outcome.
    pub async fn invoke(&self, payload: Value, context: Context) -> Result<Finished, Failure> {
        let span = info_span!(
            "invocation",
            service = self.name,
            function_request_id = context.request_id,
            cold_start = !self.warm.swap(true, Ordering::Relaxed),
        );
        Box::pin(self.measured(payload, &context))
            .instrument(span)
            .await
    }

    async fn measured(&self, payload: Value, context: &Context) -> Result<Finished, Failure> {
        let began = self.clock.now();
        let outcome = self.run(&payload, context, began).await;
        let now = self.clock.now();
        let duration_ms = u64::try_from(now.duration_since(began).as_millis()).unwrap_or(0);
        match &outcome {
            Ok(finished) => info!(
                tables = finished.tables.len(),
                skipped = finished.skipped.len(),
                rows = finished.rows(),
                deleted = finished.deleted(),
                runs = finished.runs(),
                duration_ms,
                "run finished"
            ),
            Err(failure) => error!(
                error_type = failure.error_type.as_str(),
                error = failure.message,
                duration_ms,
                "run failed"
            ),
        }
        self.count(&outcome, now, duration_ms);
        outcome
    }

    fn count(&self, outcome: &Result<Finished, Failure>, now: Timestamp, duration_ms: u64) {
        let of = |value: fn(&Finished) -> u64| outcome.as_ref().map_or(0, value);
        let count = |name, value| Metric {
            name,
            unit: Unit::Count,
            value,
        };
        lambda_kit::emit(
            &self.name,
            now,
            &[
                count("Rows", of(Finished::rows)),
                count("RowsDeleted", of(Finished::deleted)),
                count("RunsCompacted", of(Finished::runs)),
                count("RunsCompleted", u64::from(outcome.is_ok())),
                count("RunsFailed", u64::from(outcome.is_err())),
                Metric {
                    name: "DurationMs",
                    unit: Unit::Milliseconds,
                    value: duration_ms,
                },
            ],
        );
    }

    async fn run(
        &self,
        payload: &Value,
        context: &Context,
        now: Timestamp,
    ) -> Result<Finished, Failure> {
        let settings = self.settings.as_ref().map_err(Clone::clone)?;
        let tables = event::tables_of(payload)?;
        let time_left = lambda_kit::time_left(context, now);
        let reserve = (time_left / 10).clamp(LEAST_RESERVE, MOST_RESERVE);
        let deadline = Instant::now() + time_left.saturating_sub(reserve);
        let bucket = settings.bucket(context)?;
        let compactor = Compactor::new(self.s3.clone(), &bucket, Arc::clone(&self.clock));
        let compactor = match settings.keep_deleted {
            Some(time) => compactor.keeping_deleted(time),
            None => compactor,
        };
        self.compact(&compactor, tables, deadline).await
    }

    /// One report after the other; a failure is answered after the others had their turn.
    async fn compact(
        &self,
        compactor: &Compactor,
        tables: &'static [Table],
        deadline: Instant,
    ) -> Result<Finished, Failure> {
        let mut finished = Finished {
            tables: Vec::new(),
            skipped: Vec::new(),
        };
        let mut failures = Vec::new();
        for table in tables {
            let report = table.report;
            match compactor.compact(table, deadline).await {
                Ok(Outcome::Table(table)) => {
                    info!(
                        report,
                        rows = table.rows,
                        deleted = table.deleted,
                        runs = table.runs,
                        bytes = table.bytes,
                        "report compacted"
                    );
                    finished.tables.push(table);
                }
                Ok(Outcome::Skipped { why }) => finished.skipped.push(Skipped { report, why }),
                Err(error) => {
                    let error_type = failure::type_of(&error);
                    failures.push(Failure::new(error_type, format!("{report}: {error}")));
                    // Time that has run out, and a closed bucket, are the same for all.
                    if matches!(
                        error_type,
                        ErrorType::DeadlineExceeded | ErrorType::StorageDenied
                    ) {
                        break;
                    }
                }
            }
        }
        match failures.split_first() {
            None => Ok(finished),
            Some((first, others)) => Err(also(first, others)),
        }
    }
}

/// The first failure, naming the others.
fn also(first: &Failure, others: &[Failure]) -> Failure {
    let messages: Vec<_> = std::iter::once(first)
        .chain(others)
        .map(|failure| failure.message.as_str())
        .collect();
    Failure::new(first.error_type, messages.join("; "))
}

impl Finished {
    fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    fn deleted(&self) -> u64 {
        self.tables.iter().map(|table| table.deleted).sum()
    }

    fn runs(&self) -> u64 {
        self.tables.iter().map(|table| table.runs as u64).sum()
    }
}

impl Settings {
    fn from_env(env: &Env) -> Result<Self, Failure> {
        let days: Option<u32> = env
            .parsed("KEEP_DELETED_DAYS")
            .map_err(|error| Failure::new(ErrorType::InvalidEvent, error))?;
        let days = days.filter(|days| *days > 0);
        Ok(Self {
            bucket: env.text("BUCKET").map(str::to_owned),
            keep_deleted: days.map(|days| SignedDuration::from_hours(24 * i64::from(days))),
        })
    }

    fn bucket(&self, context: &Context) -> Result<String, Failure> {
        if let Some(bucket) = &self.bucket {
            return Ok(bucket.clone());
        }
        lambda_kit::account_of(context)
            .map(|account| format!("zoho-reports-{account}"))
            .ok_or_else(|| {
                Failure::new(
                    ErrorType::StorageDenied,
                    "no bucket is configured; set the environment variable BUCKET",
                )
            })
    }
}
