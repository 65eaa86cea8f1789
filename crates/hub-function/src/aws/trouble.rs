use std::error::Error;
use std::fmt;

use aws_sdk_sqs::error::ProvideErrorMetadata;
use hub::PortError;

/// Why a call of AWS failed: cause and next step on one line, nothing of what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) message: String,
    /// Whether the same call may succeed later.
    pub(crate) transient: bool,
}

impl Trouble {
    /// `what` could not be done; `right` is what the role needs for it.
    pub(crate) fn of<E>(error: &E, what: &str, right: &str) -> Self
    where
        E: ProvideErrorMetadata + Error,
    {
        match error.code() {
            Some("AccessDenied" | "AccessDeniedException" | "AuthorizationError") => Self {
                message: format!("{what} is not allowed; allow the function's role {right}"),
                transient: false,
            },
            Some(
                code @ ("ValidationException"
                | "InvalidParameterException"
                | "InvalidParameter"
                | "LimitExceededException"
                | "ServiceQuotaExceededException"
                | "ResourceNotFoundException"
                | "NotFound"
                | "QueueDoesNotExist"
                | "AWS.SimpleQueueService.NonExistentQueue"),
            ) => Self {
                message: format!(
                    "{what} failed: AWS answered {code}; look at the function's settings and quotas"
                ),
                transient: false,
            },
            Some(code) => Self {
                message: format!("{what} failed: AWS answered {code}"),
                transient: true,
            },
            None => Self {
                message: format!("{what} failed: {}", lambda_kit::causes(error)),
                transient: true,
            },
        }
    }

    /// `variable` is not set.
    pub(crate) fn unset(variable: &str) -> Self {
        Self {
            message: format!("set the environment variable {variable}"),
            transient: false,
        }
    }
}

impl From<Trouble> for PortError {
    fn from(trouble: Trouble) -> Self {
        if trouble.transient {
            Self::transient(trouble)
        } else {
            Self::lasting(trouble)
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
