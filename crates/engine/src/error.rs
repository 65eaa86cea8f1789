use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What went wrong with a platform, as users, alarms and the hub branch on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// The credentials are refused, or have ended: a person must put new ones.
    AuthRequired,
    /// The credentials lack a scope or a right.
    ScopeMissing,
    /// The platform's plan lacks the feature.
    PlanRequired,
    /// The calls of the day are spent.
    QuotaExhausted,
    /// Too many calls; waiting helps.
    RateLimited,
    /// The platform failed, or answered nonsense, to the end of the retries.
    Upstream,
    /// Nothing answers at the address.
    Unreachable,
    /// The configuration makes no sense.
    InvalidConfig,
    /// Deskbridge, or the platform, does not do this as it is asked for: a private address, a
    /// statement that writes, an unknown action, an action on a record that is not there.
    Refused,
    /// What was configured is not there any more: a table, a column, a field.
    SchemaChanged,
    /// Time ran out first.
    DeadlineExceeded,
    /// A defect of ours, or a fault with no better name.
    Internal,
}

/// Why a platform could not be read or written. The message is fit for users: cause and next step,
/// no secrets, no personal data.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: Kind,
    message: String,
    retry_after: Option<Duration>,
    may_have_happened: bool,
    lasting: bool,
    position_unknown: bool,
    // Not `source`: the message says it all, and a cause may quote what must not be shown.
    cause: Option<Arc<dyn Any + Send + Sync>>,
}

impl Error {
    /// An error of `kind` with `message`.
    pub fn new(kind: Kind, message: impl fmt::Display) -> Self {
        Self {
            kind,
            message: message.to_string(),
            retry_after: None,
            may_have_happened: false,
            lasting: false,
            position_unknown: false,
            cause: None,
        }
    }

    /// The reading cannot go on at the position that it was given: an older version wrote it, or
    /// the platform has forgotten it. From the beginning it may be read.
    pub fn position_unknown() -> Self {
        Self {
            position_unknown: true,
            ..Self::new(
                Kind::Internal,
                "reading cannot go on where it stopped: it has to begin anew; run it again",
            )
        }
    }

    /// Keeps the platform's own error, for who knows the platform.
    #[must_use]
    pub fn caused_by(mut self, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    /// The platform's own error, if it is a `T`.
    pub fn cause<T: std::error::Error + 'static>(&self) -> Option<&T> {
        self.cause.as_ref()?.downcast_ref()
    }

    /// Takes out the platform's own error, if it is a `T` and no clone of this error is left.
    pub fn into_cause<T: std::error::Error + Send + Sync + 'static>(mut self) -> Result<T, Self> {
        let Some(cause) = self.cause.take() else {
            return Err(self);
        };
        let shared = match cause.downcast::<T>() {
            Ok(shared) => shared,
            Err(other) => {
                self.cause = Some(other);
                return Err(self);
            }
        };
        Arc::try_unwrap(shared).map_err(|shared| {
            self.cause = Some(shared);
            self
        })
    }

    /// Of a kind that usually passes, which this one does not: the same call fails again until
    /// somebody does something.
    #[must_use]
    pub fn lasting(mut self) -> Self {
        self.lasting = true;
        self
    }

    /// When the platform asks to be called again.
    #[must_use]
    pub fn retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// Marks a write whose answer never came.
    #[must_use]
    pub fn unsettled(mut self) -> Self {
        self.may_have_happened = true;
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How long the platform asked to be left alone.
    pub fn wait(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether a write may have been carried out although it failed.
    pub fn may_have_happened(&self) -> bool {
        self.may_have_happened
    }

    /// Whether this is [`Error::position_unknown`].
    pub fn is_position_unknown(&self) -> bool {
        self.position_unknown
    }

    /// Whether the same call may succeed later without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        let passes = matches!(
            self.kind,
            Kind::RateLimited
                | Kind::QuotaExhausted
                | Kind::Upstream
                | Kind::Unreachable
                | Kind::DeadlineExceeded
        );
        passes && !self.lasting
    }
}

impl Kind {
    /// The stable name, as in `errorType`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthRequired => "AuthRequired",
            Self::ScopeMissing => "ScopeMissing",
            Self::PlanRequired => "PlanRequired",
            Self::QuotaExhausted => "QuotaExhausted",
            Self::RateLimited => "RateLimited",
            Self::Upstream => "Upstream",
            Self::Unreachable => "Unreachable",
            Self::InvalidConfig => "InvalidConfig",
            Self::Refused => "Refused",
            Self::SchemaChanged => "SchemaChanged",
            Self::DeadlineExceeded => "DeadlineExceeded",
            Self::Internal => "Internal",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, thiserror::Error)]
    #[error("the vendor's own words")]
    struct Vendors(u8);

    fn failed() -> Error {
        Error::new(Kind::Upstream, "the platform failed").caused_by(Vendors(7))
    }

    #[test]
    fn the_platforms_own_error_can_be_had_back_by_who_knows_it() {
        assert_eq!(failed().cause::<Vendors>(), Some(&Vendors(7)));
        assert!(failed().cause::<fmt::Error>().is_none());
        let kept = failed().into_cause::<fmt::Error>().unwrap_err();
        assert_eq!(kept.into_cause::<Vendors>().unwrap(), Vendors(7));
        let (one, other) = (failed(), failed());
        let copy = one.clone();
        assert!(one.into_cause::<Vendors>().is_err(), "a copy holds it too");
        assert!(copy.into_cause::<Vendors>().is_ok());
        assert!(!format!("{other} {other:?}").contains("own words"));
    }

    #[test]
    fn only_what_passes_by_itself_is_transient() {
        assert!(failed().is_transient());
        assert!(!failed().lasting().is_transient());
        assert!(!Error::new(Kind::AuthRequired, "").is_transient());
        let unknown = Error::position_unknown();
        assert!(unknown.is_position_unknown() && !unknown.is_transient());
    }
}
