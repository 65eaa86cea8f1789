use thiserror::Error;

/// A key of the event, or the setting that stands in for it, makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{key}` {why}")]
pub struct InvalidEvent {
    /// The key.
    pub key: &'static str,
    /// What is wrong with it and what would be right.
    pub why: String,
}

impl InvalidEvent {
    pub(crate) fn new(key: &'static str, why: impl Into<String>) -> Self {
        Self {
            key,
            why: why.into(),
        }
    }
}

/// Why a run failed. A failed run leaves no visible object and the pointer where it was.
#[derive(Debug, Error)]
pub enum Error {
    /// The event makes no sense.
    #[error(transparent)]
    Event(#[from] InvalidEvent),
    /// The vendor gave no rows.
    #[error(transparent)]
    Desk(#[from] zoho_desk::Error),
    /// The bucket took none.
    #[error(transparent)]
    Lake(#[from] lake::Error),
    /// Another process is at the same scheduled occurrence and did not finish in time.
    #[error(
        "the same scheduled occurrence is being run by another invocation until {until}; its result stands"
    )]
    Busy {
        /// When it will be over at the latest.
        until: jiff::Timestamp,
    },
    /// The invocation ended before the vendor gave anything.
    #[error(
        "the time of the invocation was over before Zoho answered; give the function more time (template parameter Timeout), or send the event again"
    )]
    NoTime,
    /// What an earlier invocation left of the run was not written by this version.
    #[error(
        "what an earlier invocation of this run kept cannot be read by this version; it was dropped: send the event again, the run starts over"
    )]
    Checkpoint,
    /// What is to be kept of the run cannot be written down.
    #[error("the run's checkpoint cannot be written: {0}")]
    Unwritable(#[from] serde_json::Error),
}

impl From<ingest::Error> for Error {
    fn from(error: ingest::Error) -> Self {
        match error {
            ingest::Error::Source(error) => Self::from(error),
            ingest::Error::Lake(error) => Self::Lake(error),
            ingest::Error::Busy { until } => Self::Busy { until },
            ingest::Error::NoTime => Self::NoTime,
            ingest::Error::Checkpoint => Self::Checkpoint,
            ingest::Error::Unwritable(error) => Self::Unwritable(error),
        }
    }
}

/// The vendor's own error is in what the reader said; but for it, only its checkpoint can fail.
impl From<engine::Error> for Error {
    fn from(error: engine::Error) -> Self {
        let unwritable = |error: engine::Error| match error.into_cause::<serde_json::Error>() {
            Ok(error) => Self::Unwritable(error),
            Err(other) => Self::Unwritable(serde::ser::Error::custom(other)),
        };
        error
            .into_cause::<zoho_desk::Error>()
            .map_or_else(unwritable, Self::Desk)
    }
}
