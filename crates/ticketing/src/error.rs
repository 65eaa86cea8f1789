use jiff::SignedDuration;
use thiserror::Error;

use crate::OutboxError;

/// Why an operation failed.
#[derive(Debug, Error)]
pub enum Error {
    /// No such chat, ticket or survey, or not for this viewer (HTTP 404).
    #[error("there is no such {what}")]
    NotFound {
        /// `chat`, `ticket`, `survey`.
        what: &'static str,
    },
    /// The request cannot be done as it is (HTTP 400).
    #[error("{field}: {why}")]
    Invalid {
        /// The field of the request.
        field: &'static str,
        /// What is wrong and what would do; never the value.
        why: String,
    },
    /// Zoho Desk does not take the ticket as it is (HTTP 422).
    #[error("Zoho Desk does not take this ticket: {why}")]
    Refused {
        /// Which field, and what is wrong with it.
        why: String,
    },
    /// The key was used for another request (HTTP 409).
    #[error("this Idempotency-Key was used with another request; use a new key for a new request")]
    KeyReused,
    /// Others kept changing the same chat (HTTP 503; send again).
    #[error("chat state kept changing while it was written; send the request again")]
    Contended,
    /// The chat said more than it may in a minute (HTTP 429).
    #[error("this chat says too much; it may go on in {} s", retry_after.as_secs())]
    TooMany {
        /// How long until the next minute, at least a second.
        retry_after: SignedDuration,
    },
    /// The state could not be read or written (HTTP 503 if transient).
    #[error(transparent)]
    State(#[from] state::Error),
    /// Zoho Desk refused or failed (HTTP 502 or 503).
    #[error(transparent)]
    Desk(#[from] zoho_desk::Error),
    /// A queue refused (HTTP 503).
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// A template failed.
    #[error("the mail could not be written: {0}")]
    Mail(#[from] notify::Error),
    /// A stored value is not what this version reads.
    #[error("stored {what} of a chat cannot be read; it was written by another version: {why}")]
    Stored {
        /// E.g. `conversation`.
        what: &'static str,
        /// Never the content.
        why: String,
    },
}

impl Error {
    pub(crate) fn invalid(field: &'static str, why: impl Into<String>) -> Self {
        Self::Invalid {
            field,
            why: why.into(),
        }
    }

    pub(crate) fn stored(what: &'static str, error: &serde_json::Error) -> Self {
        Self::Stored {
            what,
            why: format!("{:?} error at column {}", error.classify(), error.column()),
        }
    }

    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::State(error) if error.is_conflict())
    }

    /// Whether the same request may succeed later without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Contended | Self::Outbox(_) | Self::TooMany { .. } => true,
            Self::State(error) => error.is_transient(),
            Self::Desk(error) => error.is_transient(),
            _ => false,
        }
    }
}
