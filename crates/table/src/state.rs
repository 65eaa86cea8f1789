use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use lake::{Manifest, Mode, RunId};
use serde::{Deserialize, Serialize};

/// The name of [`State`] in the footer of a table.
pub(crate) const STATE: &str = "deskbridge.state";

/// The present meaning of a state; another one's tables are not touched.
pub(crate) const VERSION: u32 = 1;

/// Which runs a table holds. It is part of the object, so the two cannot disagree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) version: u32,
    pub(crate) report: String,
    /// The columns, to tell a table of an older release.
    pub(crate) layout: String,
    /// All runs that need not be looked at again.
    pub(crate) known: HashSet<RunId>,
    /// The newest run in the table.
    pub(crate) newest: Moment,
    /// The newest complete full run in the table.
    pub(crate) full: Option<Moment>,
    pub(crate) rows: u64,
    pub(crate) deleted: u64,
    /// The least `_deleted_seen_at`.
    pub(crate) oldest_deleted: Option<Timestamp>,
    pub(crate) compacted_at: Timestamp,
}

/// What orders runs: when they began, and between equals their ids.
///
/// Milliseconds, because that is what a table keeps of each row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Moment {
    pub(crate) started_at: Timestamp,
    pub(crate) run: String,
}

impl Moment {
    pub(crate) fn new(started_at: Timestamp, run: &str) -> Self {
        Self {
            started_at: Timestamp::from_millisecond(started_at.as_millisecond())
                .unwrap_or(started_at),
            run: run.to_owned(),
        }
    }

    pub(crate) fn of(manifest: &Manifest) -> Self {
        Self::new(manifest.started_at, manifest.run.as_str())
    }
}

/// How long before its start a run that reads to the present may stop reading.
const PRESENT: SignedDuration = SignedDuration::from_mins(1);

/// Whether what a run lacks is gone from the vendor: it was to read everything there was when it
/// began, and did.
pub(crate) fn holds_everything(manifest: &Manifest) -> bool {
    manifest.mode == Mode::Full
        && manifest.complete
        && manifest.since.is_none()
        && manifest.started_at.duration_since(manifest.until) <= PRESENT
}
