use std::time::Duration;

use tokio::time::Instant;

/// The moment by which an invocation must have answered. Copied into every call and wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// A deadline `budget` from now.
    pub fn after(budget: Duration) -> Self {
        let now = Instant::now();
        // An absurd budget (Duration::MAX) becomes a century rather than an overflow.
        Self(
            now.checked_add(budget)
                .unwrap_or(now + Duration::from_hours(24 * 36_525)),
        )
    }

    /// Time left; zero once it has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    pub fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }

    /// An earlier deadline, `reserve` before this one: time to clean up in.
    #[must_use]
    pub fn minus(self, reserve: Duration) -> Self {
        Self(self.0.checked_sub(reserve).unwrap_or(self.0))
    }

    pub(crate) fn instant(self) -> Instant {
        self.0
    }

    /// Sleeps for `wait`; `false`, at once, when that would end after the deadline.
    pub async fn sleep(self, wait: Duration) -> bool {
        if wait >= self.remaining() {
            return false;
        }
        tokio::time::sleep(wait).await;
        true
    }
}
