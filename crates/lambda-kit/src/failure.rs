use std::fmt;

use lambda_runtime::Diagnostic;

/// The stable names by which users, alarms and runbooks know what went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorType {
    /// A person must put a new grant code or the right client into the secret.
    AuthRequired,
    /// The grant code lacks a scope.
    ScopeMissing,
    /// The vendor's edition lacks the feature.
    PlanRequired,
    /// The vendor's daily credits, or all but the reserve, are spent.
    QuotaExhausted,
    /// Too many tokens or calls were asked for; waiting helps.
    RateLimited,
    /// The vendor failed, or answered nonsense, to the end of the retries.
    Upstream,
    /// The event, or a setting that stands in for it, makes no sense.
    InvalidEvent,
    /// The secret is missing, unreadable or incomplete.
    SecretInvalid,
    /// The bucket is missing or denies access.
    StorageDenied,
    /// Time ran out first.
    DeadlineExceeded,
    /// A defect of ours, or a fault with no better name.
    Internal,
}

impl ErrorType {
    /// The name as it appears in `errorType`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthRequired => "AuthRequired",
            Self::ScopeMissing => "ScopeMissing",
            Self::PlanRequired => "PlanRequired",
            Self::QuotaExhausted => "QuotaExhausted",
            Self::RateLimited => "RateLimited",
            Self::Upstream => "Upstream",
            Self::InvalidEvent => "InvalidEvent",
            Self::SecretInvalid => "SecretInvalid",
            Self::StorageDenied => "StorageDenied",
            Self::DeadlineExceeded => "DeadlineExceeded",
            Self::Internal => "Internal",
        }
    }
}

impl fmt::Display for ErrorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How an invocation failed: what Lambda answers as `errorType` and `errorMessage`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What users branch on.
    pub error_type: ErrorType,
    /// Cause and next step, without secrets or personal data.
    pub message: String,
}

impl Failure {
    /// A failure of `error_type` with `message`.
    pub fn new(error_type: ErrorType, message: impl fmt::Display) -> Self {
        Self {
            error_type,
            message: message.to_string(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.message)
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self {
            error_type: failure.error_type.as_str().to_owned(),
            error_message: failure.message,
        }
    }
}
