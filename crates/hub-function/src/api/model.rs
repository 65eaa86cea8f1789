//! What the document says of the hub's own types: they are read and written by the crate `hub`,
//! which knows nothing of HTTP. A test holds every answer against these.

#![allow(dead_code, reason = "only their schemas are used")]

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A stream to sync: its name, or with `fields` only some of its fields.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(example = json!("leads"))]
pub(crate) enum StreamChoice {
    /// The whole stream.
    Name(String),
    /// Some of its fields.
    Fields(StreamFields),
}

/// A stream and the fields to sync of it.
#[derive(Deserialize, Serialize, ToSchema)]
pub(crate) struct StreamFields {
    /// The platform's name for the stream.
    #[schema(min_length = 1, max_length = 500)]
    name: String,
    /// Only these; all if absent or empty.
    #[serde(default)]
    #[schema(required = false)]
    fields: Vec<String>,
}

/// Whether an integration syncs.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Switch {
    Active,
    Inactive,
}

/// An integration to make: `type` and `config` with the secrets in it, or `platform`, `config` and
/// `credentials`. `GET /api/integrations/templates` lists platforms and their settings.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "name": "Orders", "type": "postgresql", "syncInterval": 60, "streams": ["public.orders"],
    "config": {"host": "db.example.com", "database": "shop", "username": "reader", "password": "your-password"}
}))]
pub(crate) struct NewIntegration {
    /// For people.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// The platform's name, or an alias of it; needed unless `platform` is there.
    #[serde(rename = "type")]
    platform_type: Option<String>,
    /// The same as `type`.
    platform: Option<String>,
    /// Settings. Spelling does not matter: `baseUrl` is `base_url`. Secrets may be here too.
    config: Option<Map<String, Value>>,
    /// Secret settings.
    credentials: Option<Map<String, Value>>,
    /// Minutes between two syncs.
    #[schema(minimum = 1, maximum = 10080, default = 60)]
    sync_interval: Option<u32>,
    /// Whether it syncs.
    status: Option<Switch>,
    /// The streams to sync; the platform's default ones if absent.
    #[schema(max_items = 500)]
    streams: Option<Vec<StreamChoice>>,
    /// How rows are changed on their way in: rules by stream, such as
    /// `{"leads": {"steps": [{"hash": {"fields": ["email"]}}]}}`.
    mapping: Option<Map<String, Value>>,
    /// Hours after which a stream with a cursor is read in full again; 0 for never.
    #[schema(minimum = 0, maximum = 8760, default = 24)]
    full_every: Option<u32>,
}

/// What is to change of an integration; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"syncInterval": 15, "config": {"password": "your-new-password"}}))]
pub(crate) struct Patch {
    /// For people.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// Settings to put over those that are there; `null` removes one, `***` leaves a secret.
    config: Option<Map<String, Value>>,
    /// Secret settings, likewise.
    credentials: Option<Map<String, Value>>,
    /// Minutes between two syncs.
    #[schema(minimum = 1, maximum = 10080)]
    sync_interval: Option<u32>,
    /// Whether it syncs.
    status: Option<Switch>,
    /// The streams to sync; an empty list for the platform's default ones.
    #[schema(max_items = 500)]
    streams: Option<Vec<StreamChoice>>,
    /// Rules by stream, in place of those that are there.
    mapping: Option<Map<String, Value>>,
    /// Hours after which a stream with a cursor is read in full again; 0 for never.
    #[schema(minimum = 0, maximum = 8760)]
    full_every: Option<u32>,
}

/// How an integration is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum IntegrationStatus {
    /// It works.
    Active,
    /// It is switched off, or lacks credentials.
    Inactive,
    /// Its last sync or test failed.
    Error,
}

/// An integration.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": 1, "name": "My Zoho Integration", "type": "zoho_desk", "status": "active",
    "config": {"data_center": "us", "client_secret": "***"}, "lastSync": "2026-01-15T10:30:00Z",
    "syncInterval": 60, "errorMessage": null, "createdAt": "2026-01-01T00:00:00Z",
    "updatedAt": "2026-01-15T10:30:00Z", "streams": [], "mapping": {}, "fullEvery": 24,
    "currentRun": null, "consecutiveFailures": 0, "removing": false, "version": 1
}))]
pub(crate) struct Integration {
    /// Names it among yours.
    id: u64,
    /// For people.
    name: String,
    /// Its platform.
    #[serde(rename = "type")]
    platform: String,
    /// How it is.
    status: IntegrationStatus,
    /// Its settings, with `***` for each secret that is stored.
    config: Map<String, Value>,
    /// When a sync last succeeded.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_sync: Option<Timestamp>,
    /// Minutes between two syncs.
    sync_interval: u32,
    /// Why the last sync or test failed, and what to do.
    error_message: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it, or what is known of it, last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// The streams to sync; the platform's default ones if empty.
    streams: Vec<StreamFields>,
    /// How rows are changed on their way in, by stream.
    mapping: Map<String, Value>,
    /// Hours after which a stream with a cursor is read in full again; 0 for never.
    full_every: u32,
    /// The sync or import that is queued or under way; of a single integration only.
    current_run: Option<Run>,
    /// Syncs failed in a row.
    consecutive_failures: u32,
    /// Whether it is on its way out.
    removing: bool,
    /// For `If-Match`.
    version: u64,
}

/// What a run is about.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RunKind {
    Sync,
    Check,
    Act,
    Import,
}

/// Who started a run.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Trigger {
    Manual,
    Schedule,
}

/// How far a run is. A long sync takes several invocations; between two it is `partial`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RunStatus {
    Queued,
    Running,
    Partial,
    Succeeded,
    Failed,
}

/// One run of an integration; kept for 90 days.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Run)]
pub(crate) struct Run {
    /// Its id.
    id: String,
    /// What it is about.
    kind: RunKind,
    /// Who started it.
    trigger: Trigger,
    /// How far it is.
    status: RunStatus,
    /// What is going on, for people.
    stage: String,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When a worker began.
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    /// When this was written: every 2 s or so while a worker is at it.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// Whether everything is read, whatever is known.
    full: bool,
    /// Its streams, in the order of their turn.
    streams: Vec<StreamRun>,
    /// Why it failed.
    error: Option<RunError>,
    /// What it used of the platform.
    used: Used,
    /// What came out of a test or an action.
    #[schema(value_type = Option<Object>)]
    result: Option<Value>,
}

/// Why a run or a stream failed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RunError {
    /// Stable, for programs: e.g. `AuthRequired`.
    error_type: String,
    /// Cause and next step.
    message: String,
}

/// What a run used of the platform.
#[derive(Serialize, ToSchema)]
pub(crate) struct Used {
    /// Requests or statements.
    requests: u64,
    /// The platform's own unit of cost.
    credits: u64,
    /// Requests that were sent again.
    retries: u64,
}

/// How far a stream of a run is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StreamStage {
    Waiting,
    Reading,
    Merging,
    Done,
    Failed,
}

/// How much of a stream is read.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mode {
    Full,
    Incremental,
}

/// What a run did with one stream.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StreamRun {
    /// The platform's name for the stream.
    name: String,
    /// How far it is.
    stage: StreamStage,
    /// How much is read; `null` until it is its turn.
    mode: Option<Mode>,
    /// Rows so far.
    rows: u64,
    /// Pages so far.
    pages: u64,
    /// Rows that could not be taken in.
    failed_rows: u64,
    /// Records that the platform does not have any more.
    deleted: u64,
    /// Changes of its columns.
    drift: u64,
    /// Invocations so far.
    legs: u32,
    /// Where its rows are listed in the bucket, once they are stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest_key: Option<String>,
    /// What it used of the platform.
    used: Used,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<RunError>,
    /// What somebody should know although it succeeded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<String>,
}

/// What syncs did over some days, in UTC.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metrics {
    /// First day.
    #[schema(value_type = String, format = Date)]
    start_date: Date,
    /// Last day, included.
    #[schema(value_type = String, format = Date)]
    end_date: Date,
    /// All days together.
    totals: Figures,
    /// Days with at least one run, oldest first.
    days: Vec<Day>,
}

/// What syncs did.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Figures {
    /// Syncs ended.
    runs: u64,
    /// Of these, those that did everything.
    succeeded: u64,
    /// Of these, those that did not.
    failed: u64,
    /// Rows read.
    rows: u64,
    /// Rows that could not be taken in.
    failed_rows: u64,
    /// Records found to be gone.
    deleted: u64,
    /// Requests and statements.
    requests: u64,
    /// Time of all runs together.
    duration_ms: u64,
    /// Of one run on average.
    average_duration_ms: u64,
    /// Half of the runs took no longer, to within a factor of two.
    p50_duration_ms: u64,
    /// 95 of 100 runs took no longer, to within a factor of two.
    p95_duration_ms: u64,
    /// By stream.
    streams: BTreeMap<String, StreamFigures>,
}

/// What syncs did with one stream.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StreamFigures {
    /// Rows read.
    rows: u64,
    /// Rows that could not be taken in.
    failed_rows: u64,
    /// Records found to be gone.
    deleted: u64,
    /// Runs in which the stream failed.
    failed: u64,
}

/// What syncs did on one day.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Day {
    /// In UTC.
    #[schema(value_type = String, format = Date)]
    date: Date,
    #[serde(flatten)]
    figures: Figures,
}

/// A record of an integration.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": 5_012_345_678_901_234_u64, "integrationId": 1, "dataType": "leads", "externalId": "12345",
    "data": {"id": "12345", "name": "John Doe", "company": "Example Corp"}, "syncStatus": "synced",
    "lastSync": "2026-01-15T10:30:00Z", "createdAt": "2026-01-15T10:30:00Z",
    "updatedAt": "2026-01-15T10:30:00Z"
}))]
pub(crate) struct DataObject {
    /// The same for the same record always.
    id: u64,
    /// The integration.
    integration_id: u64,
    /// The stream.
    data_type: String,
    /// The platform's id of the row.
    external_id: String,
    /// The row; `null` if it failed before it was ever taken in.
    data: Option<Map<String, Value>>,
    /// Whether it is taken in.
    sync_status: SyncStatus,
    /// When it was last seen.
    #[schema(value_type = String, format = DateTime)]
    last_sync: Timestamp,
    /// When it was first taken in.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// Since when the platform does not have it any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    deleted_at: Option<Timestamp>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Whether a row is taken in.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SyncStatus {
    /// It is.
    Synced,
    /// It waits for its turn.
    Pending,
    /// It could not be; `error` says why.
    Failed,
}

/// What is known of a stream.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StreamView {
    /// The platform's name for it; the `dataType` of its records.
    name: String,
    /// The fields that make a row the same row.
    primary_key: Vec<String>,
    /// The field by which changed rows are found; `null` if every sync reads everything.
    cursor: Option<String>,
    /// What its rows have.
    fields: Vec<Field>,
    /// How its fields changed, oldest first.
    drift: Vec<Drift>,
    /// When it was last synced.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_sync: Option<Timestamp>,
    /// When it was last read in full.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_full: Option<Timestamp>,
    /// How many records there are.
    counts: Counts,
}

/// A field of a stream's rows.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Field {
    /// Its name.
    name: String,
    /// What its values are: `text`, `integer`, `decimal`, `timestamp` …
    kind: String,
    /// Whether it may be null or missing.
    nullable: bool,
    /// The platform's own name of its type, such as `numeric(38,18)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    native: Option<String>,
}

/// A change of a stream's fields.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Drift {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The run that found it.
    run: String,
    /// The field.
    field: String,
    /// What became of it.
    change: Drifted,
    /// What its values were, if that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// What they are now, if that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
}

/// What became of a field.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Drifted {
    Added,
    Removed,
    KindChanged,
    BecameNullable,
}

/// Records of a stream.
#[derive(Serialize, ToSchema)]
pub(crate) struct Counts {
    /// Taken in.
    synced: u64,
    /// Waiting.
    pending: u64,
    /// Not taken in.
    failed: u64,
    /// Gone at the platform.
    deleted: u64,
}

/// A row to take in.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"externalId": "12345", "data": {"id": "12345", "name": "John Doe"}}))]
pub(crate) struct Row {
    /// Names it among those of its stream.
    #[schema(min_length = 1, max_length = 500)]
    external_id: String,
    /// What is to be kept.
    data: Map<String, Value>,
}

impl SyncStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::Pending => "pending",
            Self::Failed => "failed",
        }
    }
}
