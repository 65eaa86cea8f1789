use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// A record as it is now.
#[derive(Clone, Serialize)]
pub struct Record {
    /// What makes it the same record in all runs.
    pub external_id: String,
    /// The source's bytes, without `_external_id`. None if its row failed each time.
    pub data: Option<Box<RawValue>>,
    /// How things stand with it.
    pub status: Status,
    /// Why its newest row was not taken in; none unless `failed`.
    pub error: Option<String>,
    /// When a run last had it, or an import.
    pub last_sync: Timestamp,
    /// When it was first taken in.
    pub created_at: Timestamp,
    /// When its data, status, error or deletion last changed.
    pub updated_at: Timestamp,
    /// The start of the full run that found it gone.
    pub deleted_at: Option<Timestamp>,
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("status", &self.status)
            .field("last_sync", &self.last_sync)
            .field("updated_at", &self.updated_at)
            .field("deleted_at", &self.deleted_at)
            .finish_non_exhaustive()
    }
}

/// How things stand with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is as the source, or the import, had it.
    Synced,
    /// It was handed in and waits to be taken in.
    Pending,
    /// Its newest row could not be taken in; its data is that of the row before.
    Failed,
}

/// Text that names no [`Status`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("status {0:?} is unknown: use synced, pending or failed")]
pub struct UnknownStatus(pub String);

impl Status {
    /// Its name, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::Pending => "pending",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(name: &str) -> Result<Self, UnknownStatus> {
        [Self::Synced, Self::Pending, Self::Failed]
            .into_iter()
            .find(|status| status.as_str() == name)
            .ok_or_else(|| UnknownStatus(name.to_owned()))
    }
}

/// How many records a stream has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Records that are as the source had them, and not deleted.
    pub synced: u64,
    /// Rows that were handed in and wait to be taken in.
    pub pending: u64,
    /// Records whose newest row failed, and that are not deleted.
    pub failed: u64,
    /// Records that the source does not have any more.
    pub deleted: u64,
}

impl Counts {
    /// All but the deleted ones.
    pub fn total(&self) -> u64 {
        self.synced + self.pending + self.failed
    }
}

/// A row of a run that was not taken into it.
#[derive(Clone)]
pub struct FailedRow {
    /// Whose row it is.
    pub external_id: String,
    /// Why it failed, for people; must not quote the row.
    pub error: String,
}

impl fmt::Debug for FailedRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailedRow")
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

/// A row to be imported.
#[derive(Clone)]
pub struct ImportRow {
    /// Whose row it is.
    pub external_id: String,
    /// A JSON object, of which every byte is kept.
    pub data: Box<RawValue>,
}

impl fmt::Debug for ImportRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImportRow").finish_non_exhaustive()
    }
}

/// How far a merge came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merged {
    /// The run is in the records, since now or before.
    Done(Counts),
    /// The deadline came first. The same call goes on where this one stopped.
    Unfinished,
    /// A newer run is in the records, or on its way there: this one changes nothing any more, and what
    /// its reader would go on from must not replace that of the newer one.
    Superseded,
}
