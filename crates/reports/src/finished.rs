use engine::Used;
use ingest::Span;
use jiff::Timestamp;
use lake::{Manifest, Status};
use serde::Serialize;

use crate::backfill::Planned;

/// What an invocation answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// What became of a run.
    Run(Box<Finished>),
    /// The windows of a backfill.
    Plan(Planned),
}

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finished {
    /// The report.
    pub report: String,
    /// `partial`: stopped before its end, the same event goes on.
    pub status: Status,
    /// Whether the run has every row that it went for.
    pub complete: bool,
    /// Rows written so far.
    pub rows: u64,
    /// The bucket.
    pub bucket: String,
    /// The data object, the first if there are several; none before the run is at its end.
    pub key: Option<String>,
    /// The manifest; none before the run is at its end.
    pub manifest_key: Option<String>,
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

impl Finished {
    /// Of a run, or a backfill's window, that is not visible yet.
    pub(crate) fn hidden(
        status: Status,
        (report, bucket): (&str, &str),
        rows: u64,
        span: &Span,
        used: Used,
    ) -> Self {
        Self {
            report: report.to_owned(),
            status,
            complete: false,
            rows,
            bucket: bucket.to_owned(),
            key: None,
            manifest_key: None,
            since: span.since,
            until: span.until,
            requests: used.requests,
            credits: used.credits,
            reasons: Vec::new(),
            warnings: Vec::new(),
            retries: used.retries,
        }
    }
}

impl From<Manifest> for Finished {
    fn from(manifest: Manifest) -> Self {
        Self {
            report: manifest.report,
            status: manifest.status,
            complete: manifest.complete,
            rows: manifest.rows,
            bucket: manifest.bucket,
            key: Some(manifest.key),
            manifest_key: Some(manifest.manifest_key),
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
