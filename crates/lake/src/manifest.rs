use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::format::Format;
use crate::keys::{Partition, RunId};

/// Whether a run fetched everything or what changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// All records.
    Full,
    /// Records changed since the watermark.
    Incremental,
}

/// Whether a run is at its end. What it found is told by `complete` and `reasons`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is committed, as every run that has a manifest.
    Complete,
    /// It stopped before its deadline; the next invocation with the same request goes on.
    Partial,
}

/// What the caller knows at the end of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Full or incremental.
    pub mode: Mode,
    /// Start of the window, if it has one.
    pub since: Option<Timestamp>,
    /// End of the window.
    pub until: Timestamp,
    /// Whether the rows are all that the vendor holds for the window.
    pub complete: bool,
    /// Why not.
    pub reasons: Vec<String>,
    /// Remarks that do not touch completeness.
    pub warnings: Vec<String>,
    /// Vendor requests sent, retries included.
    pub requests: u64,
    /// Vendor API credits spent.
    pub credits: u64,
    /// How many of the requests were retries.
    pub retries: u64,
    /// Where the next incremental run may start; never moves the pointer's backwards.
    pub watermark: Option<Timestamp>,
}

/// One data object of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectEntry {
    /// Object key.
    pub key: String,
    /// Rows in it.
    pub rows: u64,
    /// Its size as stored.
    pub bytes: u64,
    /// SHA-256 of the stored bytes, lower-case hexadecimal.
    pub sha256: String,
}

/// The record of a run, stored as `<report>/_runs/<run>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Report name.
    pub report: String,
    /// Run id.
    pub run: RunId,
    /// What the run was limited to.
    pub partitions: Vec<Partition>,
    /// [`Status::Complete`].
    pub status: Status,
    /// Whether the rows are all that the vendor holds for the window.
    pub complete: bool,
    /// Why not.
    pub reasons: Vec<String>,
    /// Remarks that do not touch completeness.
    pub warnings: Vec<String>,
    /// Full or incremental.
    pub mode: Mode,
    /// Rows written, in all objects.
    pub rows: u64,
    /// Bytes stored, in all objects.
    pub bytes: u64,
    /// SHA-256 of the stored bytes, lower-case hexadecimal; none unless there is one object.
    pub sha256: Option<String>,
    /// How the rows are written.
    pub format: Format,
    /// Start of the window.
    pub since: Option<Timestamp>,
    /// End of the window.
    pub until: Timestamp,
    /// When the run began.
    pub started_at: Timestamp,
    /// When its data was stored.
    pub finished_at: Timestamp,
    /// Vendor requests sent, retries included.
    pub requests: u64,
    /// Vendor API credits spent.
    pub credits: u64,
    /// How many of the requests were retries.
    pub retries: u64,
    /// Bucket of the keys below.
    pub bucket: String,
    /// The first data object.
    pub key: String,
    /// All data objects, in the order of their rows.
    pub keys: Vec<ObjectEntry>,
    /// How many invocations the run took, those of merged parts included.
    #[serde(default = "one")]
    pub legs: u32,
    /// Where this manifest is stored.
    pub manifest_key: String,
}

fn one() -> u32 {
    1
}
