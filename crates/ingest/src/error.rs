use jiff::Timestamp;

/// Why a stream was not read to its end. Nothing new of the run is visible then; what was read may
/// be kept for the next call.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The platform gave no rows.
    #[error(transparent)]
    Source(#[from] engine::Error),
    /// The bucket took none.
    #[error(transparent)]
    Lake(#[from] lake::Error),
    /// Another process is at the same run and did not finish in time.
    #[error("another process is at the same run until {until}; run again later")]
    Busy {
        /// When it will be over at the latest.
        until: Timestamp,
    },
    /// Time was over before the platform gave anything.
    #[error("time was over before the platform gave a row; allow more time, or run again")]
    NoTime,
    /// What an earlier process kept of the run cannot be gone on from: another version wrote it, or
    /// the platform forgot the place.
    #[error(
        "what an earlier process kept of this run is of no use any more and was dropped: run again, it starts over"
    )]
    Checkpoint,
    /// What is to be kept of the run cannot be written down.
    #[error("the run's checkpoint cannot be written: {0}")]
    Unwritable(#[from] serde_json::Error),
}

impl Error {
    /// Whether the same run may succeed when started again without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Source(error) => error.is_transient(),
            Self::Lake(error) => error.is_transient(),
            Self::Busy { .. } | Self::NoTime | Self::Checkpoint => true,
            Self::Unwritable(_) => false,
        }
    }
}
