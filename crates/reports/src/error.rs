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
}
