use std::error::Error as StdError;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::api_keys::KeyRefusal;

/// What can go wrong between a caller and the table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Somebody changed the item since it was read, or made it first.
    #[error("{key} was changed meanwhile: read it again and repeat the change")]
    Conflict {
        /// The first item whose condition did not hold.
        key: String,
    },
    /// `DynamoDB` did not answer, or not usefully, to the end of the client's retries.
    #[error("DynamoDB did not complete {action} on table {table}: run again later ({detail})")]
    Unavailable {
        /// The API action.
        action: &'static str,
        /// The table's name.
        table: String,
        /// The HTTP status, if an answer came.
        status: Option<u16>,
        /// The causes on one line.
        detail: String,
    },
    /// The role lacks a permission.
    #[error(
        "dynamodb:{action} on table {table} was denied: allow it for the table{} in the function's role, and check the key of an encrypted table ({detail})",
        index_hint(.action)
    )]
    Denied {
        /// The IAM action without its service prefix.
        action: &'static str,
        /// The table's name.
        table: String,
        /// What `DynamoDB` said.
        detail: String,
    },
    /// No such table, or no such index.
    #[error(
        "table {table} or its index `listing` does not exist: deploy the stack that creates it, or correct STATE_TABLE"
    )]
    TableMissing {
        /// The table's name.
        table: String,
    },
    /// `DynamoDB` refused the call for a reason that trying again does not cure.
    #[error("DynamoDB refused {action} on table {table} with {code}: {detail}")]
    Refused {
        /// The API action.
        action: &'static str,
        /// The table's name.
        table: String,
        /// Its error code.
        code: String,
        /// What `DynamoDB` said.
        detail: String,
    },
    /// An item is not what this crate writes, or cannot be written.
    #[error("{key} cannot be used: {why}; restore it from a backup, or delete it")]
    Malformed {
        /// The item's key.
        key: String,
        /// Why, never with its content.
        why: &'static str,
    },
    /// More than one call can carry.
    #[error("{what} is larger than DynamoDB takes: {limit}")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The limit.
        limit: &'static str,
    },
    /// A cursor that is none, or one of another list.
    #[error("the cursor is not one of this list: ask again without it")]
    InvalidCursor,
    /// An API key that lets nobody in.
    #[error(transparent)]
    KeyRefused(#[from] KeyRefusal),
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes: {0}")]
    Entropy(#[source] std::io::Error),
}

impl Error {
    /// Whether the same call may succeed later without anybody changing anything. A conflict
    /// needs a fresh read first, so it is not transient.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Entropy(_))
    }

    /// Whether a condition did not hold.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }
}

fn index_hint(action: &str) -> &'static str {
    if action == "Query" {
        " and for its index, <table>/index/listing,"
    } else {
        ""
    }
}

/// A call in words, for the messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) action: &'static str,
    pub(crate) table: &'a str,
}

impl Call<'_> {
    pub(crate) fn failure<E>(self, error: &SdkError<E, HttpResponse>) -> Error
    where
        E: StdError + ProvideErrorMetadata + Send + Sync + 'static,
    {
        let status = error.raw_response().map(|raw| raw.status().as_u16());
        let code = error.code().unwrap_or_default();
        let message = error.message().unwrap_or("no reason given");
        let table = self.table.to_owned();
        match (status, code) {
            (_, "ResourceNotFoundException") => Error::TableMissing { table },
            (
                _,
                "AccessDeniedException"
                | "UnrecognizedClientException"
                | "KMSAccessDeniedException",
            ) => Error::Denied {
                action: self.action,
                table,
                detail: message.to_owned(),
            },
            (Some(413), _) => Error::TooLarge {
                what: format!("the request of {}", self.action),
                limit: "16 MB in a request",
            },
            (_, "ValidationException") if message.contains("size has exceeded") => {
                Error::TooLarge {
                    what: "an item".to_owned(),
                    limit: "400 KB in an item",
                }
            }
            (Some(400..=499), refused) if !refused.is_empty() && !is_passing(refused) => {
                Error::Refused {
                    action: self.action,
                    table,
                    code: refused.to_owned(),
                    detail: message.to_owned(),
                }
            }
            _ => Error::Unavailable {
                action: self.action,
                table,
                status,
                detail: causes(error),
            },
        }
    }

    pub(crate) fn unavailable(self, detail: impl Into<String>) -> Error {
        Error::Unavailable {
            action: self.action,
            table: self.table.to_owned(),
            status: None,
            detail: detail.into(),
        }
    }
}

/// Client errors that `DynamoDB` documents as passing by themselves.
fn is_passing(code: &str) -> bool {
    matches!(
        code,
        "ThrottlingException"
            | "ProvisionedThroughputExceededException"
            | "RequestLimitExceeded"
            | "TransactionConflictException"
            | "TransactionInProgressException"
            | "LimitExceededException"
            | "ExpiredTokenException"
            | "RequestTimeout"
    )
}

/// The chain of causes without debug output, which may hold an answer's body.
fn causes(error: &(dyn StdError + 'static)) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        next = cause.source();
    }
    line
}
