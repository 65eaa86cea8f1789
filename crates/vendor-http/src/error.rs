use std::time::Duration;

use thiserror::Error;

/// Why a call brought no final answer.
#[derive(Debug, Error)]
pub enum Error {
    /// The invocation's time ran out, before or while waiting to send again.
    #[error("time ran out after {attempts} attempts at {call}{}", because(.last.as_deref()))]
    Deadline {
        /// Method and path.
        call: String,
        /// Times it was sent.
        attempts: u32,
        /// What the last attempt ended with.
        last: Option<String>,
        /// Whether an attempt may have been carried out.
        may_have_happened: bool,
    },
    /// The vendor, or the way to it, failed to the end of the retries.
    #[error("{call} failed {attempts} times, last with {last}")]
    Failing {
        /// Method and path.
        call: String,
        /// Times it was sent.
        attempts: u32,
        /// What the last attempt ended with.
        last: String,
        /// Whether an attempt may have been carried out.
        may_have_happened: bool,
    },
    /// The vendor's pool is spent.
    #[error("the vendor's call credits are spent{}", resume(*.resume_after))]
    Exhausted {
        /// Time until the pool is filled again, if known.
        resume_after: Option<Duration>,
    },
    /// What is left of the pool is kept for others.
    #[error(
        "{remaining} call credits are left, which is within the reserve of {reserve}{}",
        resume(*.resume_after)
    )]
    Reserved {
        /// Credits left, as the vendor last said.
        remaining: u64,
        /// Credits that must stay.
        reserve: u64,
        /// Time until the pool is filled again, if known.
        resume_after: Option<Duration>,
    },
    /// The body is larger than any honest answer.
    #[error("the answer to {call} is over {limit} bytes")]
    TooLarge {
        /// Method and path.
        call: String,
        /// The limit, bytes.
        limit: usize,
    },
    /// The HTTP client could not be built.
    #[error("the HTTP client could not be set up: {0}")]
    Setup(String),
}

impl Error {
    /// Whether a later run may succeed without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Deadline { .. }
            | Self::Failing { .. }
            | Self::Exhausted { .. }
            | Self::Reserved { .. } => true,
            Self::TooLarge { .. } | Self::Setup(_) => false,
        }
    }

    /// Whether the vendor may have carried out the call although no answer was had. `false` is
    /// certain for a call sent with [`crate::Call::once`]: no connection was made, or the vendor
    /// turned the call away unread (HTTP 429). Everything else may have happened: a time-out, a
    /// connection that ended, HTTP 5xx, an answer that cannot be read.
    ///
    /// For a call that may be repeated, `Exhausted` and `Reserved` tell of the last attempt only.
    pub fn may_have_happened(&self) -> bool {
        match self {
            Self::Deadline {
                may_have_happened, ..
            }
            | Self::Failing {
                may_have_happened, ..
            } => *may_have_happened,
            Self::TooLarge { .. } => true,
            Self::Exhausted { .. } | Self::Reserved { .. } | Self::Setup(_) => false,
        }
    }
}

fn because(last: Option<&str>) -> String {
    last.map(|last| format!(", last with {last}"))
        .unwrap_or_default()
}

fn resume(after: Option<Duration>) -> String {
    after
        .map(|after| format!("; they are filled up again in {} s", after.as_secs()))
        .unwrap_or_default()
}
