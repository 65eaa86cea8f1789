use std::io;

use parquet::errors::ParquetError;

/// What can go wrong between the runs of a report and its table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// S3 failed or refused.
    #[error(transparent)]
    Lake(#[from] lake::Error),
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
