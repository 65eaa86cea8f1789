use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use vendor_http::{TokenError, TokenErrorKind};

/// Why there is no secret or no token. The message names cause and next step and holds no secret.
///
/// It can be written to the lease object, where waiting processes find what the owner ran into.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Error {
    /// A person must act at the vendor: new grant code, right client, right data centre.
    #[error("{0}")]
    AuthRequired(String),
    /// The secret is missing, unreadable, incomplete or malformed.
    #[error("{0}")]
    SecretInvalid(String),
    /// The vendor does not know a scope, or the client lacks it.
    #[error("{0}")]
    ScopeMissing(String),
    /// Too many tokens were asked for; waiting helps.
    #[error("{0}")]
    RateLimited(String),
    /// The store or the vendor failed for now.
    #[error("{0}")]
    Unavailable(String),
    /// The store refuses us: a permission or the bucket is missing.
    #[error("{0}")]
    StorageDenied(String),
    /// Time ran out.
    #[error("{0}")]
    Deadline(String),
}

impl Error {
    /// Whether a later run may succeed without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::RateLimited(_) | Self::Unavailable(_) | Self::Deadline(_)
        )
    }

    /// What vendor clients branch on.
    pub fn kind(&self) -> TokenErrorKind {
        match self {
            Self::AuthRequired(_) => TokenErrorKind::AuthRequired,
            Self::SecretInvalid(_) => TokenErrorKind::SecretInvalid,
            Self::ScopeMissing(_) => TokenErrorKind::ScopeMissing,
            Self::RateLimited(_) => TokenErrorKind::RateLimited,
            Self::Unavailable(_) => TokenErrorKind::Unavailable,
            Self::StorageDenied(_) => TokenErrorKind::StorageDenied,
            Self::Deadline(_) => TokenErrorKind::Deadline,
        }
    }
}

impl From<Error> for TokenError {
    fn from(error: Error) -> Self {
        Self {
            kind: error.kind(),
            message: error.to_string(),
        }
    }
}

/// What an AWS service said, or how the way to it failed. Leaves out the raw response, which may
/// hold the secret.
pub(crate) fn describe<E>(error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    if let Some(code) = error.code() {
        return format!("{code} {}", error.message().unwrap_or_default());
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}
