use std::fmt;

use engine::Used;
use jiff::{SignedDuration, Timestamp};
use lake::RunId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::json_text;

/// What a run is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// Reads streams into the lake and the current records.
    Sync,
    /// Tests address and credentials.
    Check,
    /// Carries out an action of the platform, at most once.
    Act,
    /// Takes in rows that a caller sent.
    Import,
}

/// Who started a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A caller.
    Manual,
    /// The schedule.
    Schedule,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Waiting for a worker.
    Queued,
    /// A worker is at it.
    Running,
    /// A worker stopped before its deadline; the next one goes on.
    Partial,
    /// Everything was done.
    Succeeded,
    /// At least one stream, or the whole run, failed.
    Failed,
}

impl RunStatus {
    /// Whether nothing more will happen.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// Why a run or a stream failed, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunError {
    /// One of [`engine::Kind`]'s names.
    pub error_type: String,
    /// Cause and next step.
    pub message: String,
}

impl RunError {
    pub(crate) fn new(kind: engine::Kind, message: impl fmt::Display) -> Self {
        Self {
            error_type: kind.as_str().to_owned(),
            message: message.to_string(),
        }
    }
}

impl From<&engine::Error> for RunError {
    fn from(error: &engine::Error) -> Self {
        Self::new(error.kind(), error)
    }
}

/// How far a stream of a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamStage {
    /// Its turn has not come.
    Waiting,
    /// Rows are on their way into the lake.
    Reading,
    /// Its rows are stored; the current records are brought up to date.
    Merging,
    /// All of it is done.
    Done,
    /// It failed; what was good before still is.
    Failed,
}

/// What a run did with one stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamRun {
    /// The platform's name for the stream.
    pub name: String,
    /// How far it is.
    pub stage: StreamStage,
    /// Full or incremental; `None` until it is its turn.
    pub mode: Option<engine::Mode>,
    /// Rows read and written so far.
    pub rows: u64,
    /// Pages, or pieces, read so far.
    pub pages: u64,
    /// Rows that could not be mapped or have no id.
    pub failed_rows: u64,
    /// Records that the platform does not have any more.
    pub deleted: u64,
    /// Changes of its columns found by this run.
    pub drift: u64,
    /// Invocations that it took so far.
    pub legs: u32,
    /// Where its rows are listed, once they are stored.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub manifest_key: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<RunError>,
    /// What it used of the platform so far.
    #[serde(default)]
    pub used: Used,
    /// What somebody should know although it succeeded.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub warnings: Vec<String>,
}

impl StreamRun {
    pub(crate) fn waiting(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            stage: StreamStage::Waiting,
            mode: None,
            rows: 0,
            pages: 0,
            failed_rows: 0,
            deleted: 0,
            drift: 0,
            legs: 0,
            manifest_key: None,
            error: None,
            used: Used::default(),
            warnings: Vec::new(),
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.stage, StreamStage::Done | StreamStage::Failed)
    }
}

/// One run of an integration, kept for 90 days.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Sorts like the time it was made at.
    pub id: RunId,
    /// What it is about.
    pub kind: RunKind,
    /// Who started it.
    pub trigger: Trigger,
    /// How far it is.
    pub status: RunStatus,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When a worker began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When its record was written last: about every 2 s while a worker is at it.
    pub updated_at: Timestamp,
    /// What is going on, in a word or two for people.
    pub stage: String,
    /// Whether everything is to be read, whatever is known.
    pub full: bool,
    /// The streams, in the order of their turn; of a sync or import.
    pub streams: Vec<StreamRun>,
    /// Why it failed.
    pub error: Option<RunError>,
    /// What it used of the platform.
    pub used: Used,
    /// What came out of a check or an action.
    #[serde(with = "json_text::maybe")]
    pub result: Option<Value>,
    /// Of an action: which, and its parameters until it ended.
    pub(crate) action: Option<ActionOrder>,
    /// Of a sync: the streams to read; those of the integration if empty.
    #[serde(default)]
    pub(crate) only: Vec<String>,
}

/// An action to be carried out.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ActionOrder {
    pub(crate) name: String,
    #[serde(with = "json_text::maybe")]
    pub(crate) parameters: Option<Value>,
}

/// A worker writes every 2 s; one that has been silent for so long, and whose lease is over, died.
const SILENT: SignedDuration = SignedDuration::from_mins(20);
/// Jobs wait for a worker at most so long.
const WAITING: SignedDuration = SignedDuration::from_hours(6);

impl Run {
    pub(crate) fn queued(id: RunId, kind: RunKind, trigger: Trigger, now: Timestamp) -> Self {
        Self {
            id,
            kind,
            trigger,
            status: RunStatus::Queued,
            created_at: now,
            started_at: None,
            ended_at: None,
            updated_at: now,
            stage: "queued".to_owned(),
            full: false,
            streams: Vec::new(),
            error: None,
            used: Used::default(),
            result: None,
            action: None,
            only: Vec::new(),
        }
    }

    /// Rows of all streams so far.
    pub fn rows(&self) -> u64 {
        self.streams.iter().map(|stream| stream.rows).sum()
    }

    /// Whether whoever was at it is gone for certain.
    pub(crate) fn is_dead(&self, now: Timestamp) -> bool {
        let silent = now.duration_since(self.updated_at);
        match self.status {
            RunStatus::Queued | RunStatus::Partial => silent > WAITING,
            RunStatus::Running => silent > SILENT,
            RunStatus::Succeeded | RunStatus::Failed => false,
        }
    }

    pub(crate) fn begin(&mut self, now: Timestamp) {
        self.status = RunStatus::Running;
        self.started_at = self.started_at.or(Some(now));
        self.updated_at = now;
    }

    pub(crate) fn end(&mut self, error: Option<RunError>, now: Timestamp) {
        self.status = if error.is_some() {
            RunStatus::Failed
        } else {
            RunStatus::Succeeded
        };
        "ended".clone_into(&mut self.stage);
        self.error = error;
        self.ended_at = Some(now);
        self.updated_at = now;
        // Parameters may be personal, and nobody needs them any more.
        if let Some(action) = &mut self.action {
            action.parameters = None;
        }
    }
}

/// Without results and parameters, which may be personal.
impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("trigger", &self.trigger)
            .field("status", &self.status)
            .field("stage", &self.stage)
            .field("streams", &self.streams)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}
