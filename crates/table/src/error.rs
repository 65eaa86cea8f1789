use std::io;

use parquet::errors::ParquetError;

/// What can go wrong between the runs of a report and its table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// S3 failed or refused.
    #[error(transparent)]
    Lake(#[from] lake::Error),
    /// A manifest names an object that is not there.
    #[error(
        "{key} is gone, although {manifest} names it: restore it, or run the report with {{\"full\": true}} and delete the table's object to start over"
    )]
    Missing {
        /// The data object.
        key: String,
        /// The manifest that names it.
        manifest: String,
    },
    /// An object is not what its manifest says.
    #[error(
        "{key} has {what} {found}, its manifest says {expected}: somebody changed it; restore it, or delete its manifest to leave the run out"
    )]
    Mismatch {
        /// The data object.
        key: String,
        /// What differs: `rows`, `bytes` or `sha256`.
        what: &'static str,
        /// As the manifest has it.
        expected: String,
        /// As the object has it.
        found: String,
    },
    /// An object does not hold rows in its format.
    #[error(
        "{key} is not readable after row {row}: {why}; restore it, or delete its manifest to leave the run out"
    )]
    Malformed {
        /// The data object.
        key: String,
        /// Rows read before.
        row: u64,
        /// What is wrong; never its content.
        why: String,
    },
    /// The stored table cannot be read.
    #[error(
        "{key} is not a table that this release wrote ({why}): restore its previous version, or delete it to start over from the newest full run"
    )]
    Stored {
        /// The table's object.
        key: String,
        /// Why it could not be read.
        why: String,
    },
    /// The new table could not be encoded.
    #[error("the table could not be written as Parquet: {0}")]
    Encoding(#[source] ParquetError),
    /// The local copy of the stored table failed.
    #[error(
        "the local copy of the table failed: {0}; if the disk is full, raise the function's ephemeral storage"
    )]
    Scratch(#[source] io::Error),
    /// Time ran out first.
    #[error(
        "{report} could not be compacted before the invocation ends, and its table is as before: raise the function's timeout or memory, or compact fewer reports at once with {{\"report\": …}}"
    )]
    Deadline {
        /// The report.
        report: &'static str,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes: {0}")]
    Entropy(getrandom::Error),
}

impl Error {
    /// Whether the same compaction may succeed when started again without anybody changing
    /// anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Lake(error) => error.is_transient(),
            Self::Entropy(_) => true,
            _ => false,
        }
    }

    /// Whether another compaction replaced the table meanwhile.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Lake(lake::Error::Conflict { .. }))
    }
}
