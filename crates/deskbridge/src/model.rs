//! Answers of the API, as far as people are shown them. Fields that a newer hub adds are ignored.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// One page of a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Page<T> {
    #[serde(
        alias = "integrations",
        alias = "templates",
        alias = "runs",
        alias = "streams"
    )]
    pub(crate) data: Vec<T>,
    #[serde(default, alias = "next_cursor")]
    pub(crate) next_cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Integration {
    pub(crate) id: u64,
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) platform: String,
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) config: Map<String, Value>,
    pub(crate) last_sync: Option<String>,
    pub(crate) sync_interval: Option<u64>,
    pub(crate) full_every: Option<u64>,
    #[serde(default)]
    pub(crate) streams: Vec<Value>,
    #[serde(default)]
    pub(crate) mapping: Map<String, Value>,
    pub(crate) error_message: Option<String>,
    pub(crate) created_at: Option<String>,
    pub(crate) updated_at: Option<String>,
    pub(crate) current_run: Option<Run>,
    #[serde(default)]
    pub(crate) consecutive_failures: u64,
    #[serde(default)]
    pub(crate) removing: bool,
}

/// Something to make an integration of: a platform with its settings, or a template that fills
/// them in but for the credentials.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Template {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) platform: String,
    #[serde(default)]
    pub(crate) aliases: Vec<String>,
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default)]
    pub(crate) documentation: String,
    #[serde(default)]
    pub(crate) settings: Vec<Setting>,
    #[serde(default)]
    pub(crate) actions: Vec<Action>,
    pub(crate) config: Option<Map<String, Value>>,
    #[serde(default)]
    pub(crate) credentials: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Setting {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) help: String,
    pub(crate) kind: Kind,
    #[serde(default)]
    pub(crate) choices: Vec<String>,
    #[serde(default)]
    pub(crate) required: bool,
    #[serde(default)]
    pub(crate) secret: bool,
}

/// What a setting looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Integer,
    Boolean,
    Choice,
    Json,
    Url,
    /// Text, and whatever a newer hub adds: it checks values itself.
    #[serde(other)]
    Text,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Action {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Run {
    pub(crate) id: String,
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) trigger: String,
    pub(crate) status: Status,
    #[serde(default)]
    pub(crate) stage: String,
    #[serde(default)]
    pub(crate) full: bool,
    pub(crate) created_at: Option<String>,
    pub(crate) started_at: Option<String>,
    pub(crate) ended_at: Option<String>,
    #[serde(default)]
    pub(crate) streams: Vec<StreamRun>,
    pub(crate) error: Option<RunError>,
    pub(crate) used: Option<Used>,
    pub(crate) result: Option<Value>,
}

impl Run {
    pub(crate) fn rows(&self) -> u64 {
        self.streams.iter().map(|stream| stream.rows).sum()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Queued,
    Running,
    /// A worker stopped before its deadline; the next one goes on.
    Partial,
    Succeeded,
    Failed,
}

impl Status {
    pub(crate) fn has_ended(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Partial => "partial",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StreamRun {
    pub(crate) name: String,
    pub(crate) stage: String,
    pub(crate) mode: Option<String>,
    #[serde(default)]
    pub(crate) rows: u64,
    #[serde(default)]
    pub(crate) pages: u64,
    #[serde(default)]
    pub(crate) failed_rows: u64,
    #[serde(default)]
    pub(crate) deleted: u64,
    #[serde(default)]
    pub(crate) drift: u64,
    pub(crate) error: Option<RunError>,
    #[serde(default)]
    pub(crate) warnings: Vec<String>,
}

impl StreamRun {
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.stage.as_str(), "done" | "failed")
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunError {
    #[serde(default)]
    pub(crate) error_type: String,
    pub(crate) message: String,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Used {
    #[serde(default)]
    pub(crate) requests: u64,
    #[serde(default)]
    pub(crate) credits: u64,
    #[serde(default)]
    pub(crate) retries: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    pub(crate) data_type: String,
    pub(crate) external_id: String,
    /// As text: numbers stay as the source wrote them.
    pub(crate) data: Option<Box<RawValue>>,
    pub(crate) sync_status: String,
    pub(crate) error: Option<String>,
    pub(crate) last_sync: Option<String>,
    pub(crate) deleted_at: Option<String>,
}

/// Names the run that an answer began.
#[derive(Debug, Deserialize)]
pub(crate) struct Started {
    pub(crate) run: Run,
}

/// What a test found.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tested {
    pub(crate) success: bool,
    #[serde(default)]
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) facts: Map<String, Value>,
    pub(crate) error_type: Option<String>,
}

/// What an action gave.
#[derive(Debug, Deserialize)]
pub(crate) struct Acted {
    #[serde(default)]
    pub(crate) message: String,
    pub(crate) data: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Imports {
    pub(crate) success: bool,
    pub(crate) imported: Vec<Imported>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Imported {
    pub(crate) name: String,
    pub(crate) id: Option<u64>,
    #[serde(default)]
    pub(crate) needs_credentials: Vec<String>,
    #[serde(default)]
    pub(crate) problems: Vec<Problem>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Problem {
    pub(crate) field: String,
    pub(crate) message: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metrics {
    pub(crate) start_date: String,
    pub(crate) end_date: String,
    pub(crate) totals: Figures,
    #[serde(default)]
    pub(crate) days: Vec<Day>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Day {
    pub(crate) date: String,
    #[serde(flatten)]
    pub(crate) figures: Figures,
}

/// What syncs did.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Figures {
    pub(crate) runs: u64,
    pub(crate) succeeded: u64,
    pub(crate) failed: u64,
    pub(crate) rows: u64,
    pub(crate) failed_rows: u64,
    pub(crate) deleted: u64,
    pub(crate) requests: u64,
    pub(crate) average_duration_ms: u64,
    pub(crate) p50_duration_ms: u64,
    pub(crate) p95_duration_ms: u64,
    pub(crate) streams: std::collections::BTreeMap<String, StreamFigures>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct StreamFigures {
    pub(crate) rows: u64,
    pub(crate) failed_rows: u64,
    pub(crate) deleted: u64,
    pub(crate) failed: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StreamView {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) primary_key: Vec<String>,
    pub(crate) cursor: Option<String>,
    #[serde(default)]
    pub(crate) fields: Vec<Value>,
    #[serde(default)]
    pub(crate) drift: Vec<Drift>,
    pub(crate) last_sync: Option<String>,
    pub(crate) last_full: Option<String>,
    pub(crate) counts: Option<Counts>,
}

/// A change of a stream's columns.
#[derive(Debug, Deserialize)]
pub(crate) struct Drift {
    pub(crate) at: Option<String>,
    pub(crate) field: String,
    pub(crate) change: String,
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(default)]
pub(crate) struct Counts {
    pub(crate) synced: u64,
    pub(crate) pending: u64,
    pub(crate) failed: u64,
    pub(crate) deleted: u64,
}
