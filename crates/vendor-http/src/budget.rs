use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::Error;

/// What one call cost, as the vendor said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Credits the call took.
    pub spent: u64,
    /// Credits left in the pool.
    pub remaining: Option<u64>,
}

/// The vendor's pool as one process last saw it, for another process to start from. The pool is
/// the account's, so whoever asked last knows most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credits {
    /// Credits left.
    pub remaining: u64,
    /// Size of the whole pool, as far as known: at least `remaining`.
    pub pool: u64,
    /// When `remaining` was heard.
    pub seen_at: Timestamp,
    /// When the vendor serves calls again, if it said that the pool is spent.
    pub exhausted_until: Option<Timestamp>,
}

/// The pool is filled once a day.
const PERIOD: SignedDuration = SignedDuration::from_hours(24);
/// How long another process's figure is good for when nobody knows when the pool is filled.
const TRUSTED_FOR: SignedDuration = SignedDuration::from_mins(10);

/// Answers overtake one another: a figure this much higher than the last one is an older one, not a
/// pool that was filled. 25 calls in flight of 100 credits each.
const OUT_OF_ORDER: u64 = 2_500;

/// Keeps a share of the vendor's daily pool untouched, so that reports never starve ticket creation.
#[derive(Debug)]
pub struct Budget {
    reserve_percent: u64,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Largest pool seen or told; the vendor never states it.
    pool: u64,
    remaining: Option<Heard>,
    /// The vendor refuses all calls until then.
    exhausted_until: Option<Instant>,
    /// The next time that the pool is filled.
    refilled_at: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Heard {
    remaining: u64,
    at: Instant,
    /// How old it was when it came to this process.
    age: Duration,
}

impl Budget {
    /// Keeps `reserve_percent` (0 = none, at most 100) of the pool. `pool` is its known size, if
    /// any; it grows to the largest remainder seen.
    pub fn new(reserve_percent: u8, pool: Option<u64>) -> Self {
        Self {
            reserve_percent: u64::from(reserve_percent.min(100)),
            known: Mutex::new(Known {
                pool: pool.unwrap_or(0),
                ..Known::default()
            }),
        }
    }

    /// Credits left, as last heard.
    pub fn remaining(&self) -> Option<u64> {
        self.lock().remaining.map(|heard| heard.remaining)
    }

    /// The size of the pool as far as known.
    pub fn pool(&self) -> Option<u64> {
        let pool = self.lock().pool;
        (pool > 0).then_some(pool)
    }

    /// Tells the size of the pool, e.g. from the account's edition.
    pub fn learn_pool(&self, pool: u64) {
        let mut known = self.lock();
        known.pool = known.pool.max(pool);
    }

    /// Forgets what is left and that it was spent, so that a new invocation asks the vendor again.
    /// The size of the pool stays known.
    pub fn forget(&self) {
        let mut known = self.lock();
        *known = Known {
            pool: known.pool,
            ..Known::default()
        };
    }

    /// What this process knows at `now`, for others; `None` until the vendor said what is left.
    pub fn snapshot(&self, now: Timestamp) -> Option<Credits> {
        let known = self.lock();
        let heard = known.remaining?;
        let seen_ago = signed(heard.at.elapsed() + heard.age);
        let exhausted_until = known.exhausted_until.and_then(|until| {
            let left = until.checked_duration_since(Instant::now())?;
            now.checked_add(signed(left)).ok()
        });
        Some(Credits {
            remaining: heard.remaining,
            pool: known.pool,
            seen_at: now.checked_sub(seen_ago).unwrap_or(Timestamp::MIN),
            exhausted_until,
        })
    }

    /// Starts from what another process saw. `resets_at` is the next time that the vendor fills
    /// the pool, where the caller knows it.
    ///
    /// - The size of the pool is always taken.
    /// - `exhausted_until` counts while it is in the future: no call is sent before it.
    /// - `remaining` counts if it was heard since the pool was last filled, a day before
    ///   `resets_at`. Where that is unknown it counts for ten minutes. It never replaces what this
    ///   process heard later.
    pub fn adopt(&self, seen: &Credits, resets_at: Option<Timestamp>, now: Timestamp) {
        let from_now = |at: Timestamp| {
            let left = Duration::try_from(at.duration_since(now)).ok()?;
            Instant::now().checked_add(left)
        };
        let exhausted_until = seen.exhausted_until.filter(|until| *until > now);
        // A spent pool comes back when it is filled, so the vendor's Retry-After tells that too.
        let resets_at = resets_at.filter(|at| *at > now).or(exhausted_until);
        let good_since = match resets_at {
            Some(at) => at.checked_sub(PERIOD),
            None => now.checked_sub(TRUSTED_FOR),
        };
        let is_current = good_since.is_ok_and(|since| seen.seen_at >= since);
        // A clock that runs ahead of ours makes a sight from the future; it is new.
        let age = Duration::try_from(now.duration_since(seen.seen_at)).unwrap_or_default();

        let mut known = self.lock();
        known.pool = known.pool.max(seen.pool).max(seen.remaining);
        known.refilled_at = resets_at.and_then(from_now).or(known.refilled_at);
        if let Some(until) = exhausted_until {
            known.exhausted_until = from_now(until);
        }
        let heard_later = known
            .remaining
            .is_some_and(|heard| heard.at.elapsed() + heard.age <= age);
        if is_current && !heard_later {
            known.remaining = Some(Heard {
                remaining: seen.remaining,
                at: Instant::now(),
                age,
            });
        }
    }

    pub(crate) fn record(&self, cost: Cost) {
        if let Some(remaining) = cost.remaining {
            let mut known = self.lock();
            known.pool = known.pool.max(remaining);
            let overtaken = |heard: &Heard| {
                remaining > heard.remaining && remaining - heard.remaining <= OUT_OF_ORDER
            };
            let earlier = known.remaining.filter(overtaken);
            known.remaining = Some(Heard {
                remaining: earlier.map_or(remaining, |heard| heard.remaining),
                at: Instant::now(),
                age: Duration::ZERO,
            });
        }
    }

    /// The vendor refused a call because the pool is spent.
    pub(crate) fn exhausted(&self, resume_after: Option<Duration>) {
        let now = Instant::now();
        let mut known = self.lock();
        known.remaining.get_or_insert(Heard {
            remaining: 0,
            at: now,
            age: Duration::ZERO,
        });
        if let Some(until) = resume_after.and_then(|after| now.checked_add(after)) {
            known.exhausted_until = Some(until);
            known.refilled_at = Some(until);
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let now = Instant::now();
        let left = |until: Option<Instant>| until?.checked_duration_since(now);
        let mut known = self.lock();
        if let Some(left) = left(known.exhausted_until).filter(|left| !left.is_zero()) {
            return Err(Error::Exhausted {
                resume_after: Some(left),
            });
        }
        if known.refilled_at.is_some_and(|at| at <= now) {
            known.refilled_at = None;
            known.exhausted_until = None;
            known.remaining = None;
        }
        let reserve = known.pool.saturating_mul(self.reserve_percent) / 100;
        match known.remaining {
            Some(Heard { remaining, .. }) if self.reserve_percent > 0 && remaining <= reserve => {
                Err(Error::Reserved {
                    remaining,
                    reserve,
                    resume_after: left(known.refilled_at),
                })
            }
            _ => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: &str = "2026-06-01T12:00:00Z";
    const MIDNIGHT: &str = "2026-06-02T00:00:00Z";

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    fn left(remaining: u64) -> Cost {
        Cost {
            spent: 3,
            remaining: Some(remaining),
        }
    }

    fn seen(remaining: u64, seen_at: &str) -> Credits {
        Credits {
            remaining,
            pool: 50_000,
            seen_at: at(seen_at),
            exhausted_until: None,
        }
    }

    #[test]
    fn calls_stop_when_only_the_reserve_is_left() {
        let budget = Budget::new(10, Some(50_000));
        assert!(budget.check().is_ok(), "nothing is known yet");
        budget.record(left(5_001));
        assert!(budget.check().is_ok());
        budget.record(left(5_000));
        assert!(matches!(
            budget.check(),
            Err(Error::Reserved {
                remaining: 5_000,
                reserve: 5_000,
                resume_after: None
            })
        ));
        budget.forget();
        assert!(budget.check().is_ok(), "a new day may have begun");
    }

    #[test]
    fn an_answer_that_was_overtaken_does_not_bring_credits_back() {
        let budget = Budget::new(10, Some(50_000));
        budget.record(left(4_998));
        budget.record(left(5_010));
        assert_eq!(budget.remaining(), Some(4_998));
        budget.record(left(49_997));
        assert_eq!(budget.remaining(), Some(49_997), "a new day");
    }

    #[test]
    fn no_reserve_lets_the_last_credit_be_spent() {
        let budget = Budget::new(0, Some(50_000));
        budget.record(left(0));
        assert!(budget.check().is_ok());
    }

    #[test]
    fn what_one_process_saw_another_starts_from() {
        let first = Budget::new(10, Some(50_000));
        assert_eq!(first.snapshot(at(NOON)), None);
        first.record(left(4_000));
        let snapshot = first.snapshot(at(NOON)).unwrap();
        assert_eq!((snapshot.remaining, snapshot.pool), (4_000, 50_000));

        let stored = serde_json::to_string(&snapshot).unwrap();
        let second = Budget::new(10, None);
        second.adopt(
            &serde_json::from_str(&stored).unwrap(),
            Some(at(MIDNIGHT)),
            at("2026-06-01T17:00:00Z"),
        );
        assert_eq!(second.pool(), Some(50_000));
        let refusal = second.check().unwrap_err();
        assert!(
            matches!(refusal, Error::Reserved { remaining: 4_000, reserve: 5_000, resume_after: Some(after) }
                if after > Duration::from_mins(7 * 60 - 1) && after <= Duration::from_hours(7)),
            "{refusal}"
        );
    }

    #[test]
    fn what_was_left_before_the_reset_is_ignored_but_for_the_size_of_the_pool() {
        let cases = [
            (Some(MIDNIGHT), "2026-06-01T00:00:00Z", Some(9)),
            (Some(MIDNIGHT), "2026-05-31T23:59:59Z", None),
            (None, "2026-06-01T11:50:00Z", Some(9)),
            (None, "2026-06-01T11:49:59Z", None),
            // A reset that is over tells nothing.
            (Some("2026-06-01T06:00:00Z"), "2026-06-01T11:00:00Z", None),
            (None, "2026-06-01T12:00:09Z", Some(9)),
        ];
        for (resets_at, seen_at, remaining) in cases {
            let budget = Budget::new(10, None);
            budget.adopt(&seen(9, seen_at), resets_at.map(at), at(NOON));
            assert_eq!(budget.remaining(), remaining, "{resets_at:?} {seen_at}");
            assert_eq!(budget.pool(), Some(50_000));
        }
    }

    #[test]
    fn a_pool_that_another_process_found_spent_is_not_asked() {
        let spent = Credits {
            exhausted_until: Some(at(MIDNIGHT)),
            ..seen(2, "2026-06-01T11:00:00Z")
        };
        let budget = Budget::new(0, None);
        budget.adopt(&spent, None, at(NOON));
        let refusal = budget.check().unwrap_err();
        assert!(
            matches!(refusal, Error::Exhausted { resume_after: Some(after) }
                if after > Duration::from_mins(12 * 60 - 1) && after <= Duration::from_hours(12)),
            "{refusal}"
        );
        let passed_on = budget.snapshot(at(NOON)).unwrap();
        let drift = passed_on
            .exhausted_until
            .unwrap()
            .duration_since(at(MIDNIGHT));
        assert!(drift.abs() < SignedDuration::from_secs(5), "{passed_on:?}");
        assert!(passed_on.seen_at < at("2026-06-01T11:00:01Z"));

        let tomorrow = Budget::new(10, None);
        tomorrow.adopt(&spent, None, at(MIDNIGHT));
        assert!(tomorrow.check().is_ok());
    }

    #[test]
    fn what_was_heard_later_stays() {
        let budget = Budget::new(0, None);
        budget.record(left(40_000));
        budget.adopt(&seen(45_000, "2026-06-01T11:59:00Z"), None, at(NOON));
        assert_eq!(budget.remaining(), Some(40_000));
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_reset_the_vendor_is_asked_again() {
        let budget = Budget::new(10, Some(50_000));
        budget.exhausted(Some(Duration::from_mins(1)));
        assert!(matches!(budget.check(), Err(Error::Exhausted { .. })));
        tokio::time::advance(Duration::from_mins(1)).await;
        assert!(budget.check().is_ok());
    }
}
