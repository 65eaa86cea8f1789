use std::sync::atomic::{AtomicU64, Ordering};

use crate::Error;

/// What one call cost, as the vendor said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Credits the call took.
    pub spent: u64,
    /// Credits left in the pool.
    pub remaining: Option<u64>,
}

const UNKNOWN: u64 = u64::MAX;

/// Keeps a share of the vendor's daily pool untouched, so that reports never starve ticket creation.
#[derive(Debug)]
pub struct Budget {
    reserve_percent: u64,
    /// Largest pool seen or told; the vendor never states it.
    pool: AtomicU64,
    remaining: AtomicU64,
}

impl Budget {
    /// Keeps `reserve_percent` (0 = none, at most 100) of the pool. `pool` is its known size, if
    /// any; it grows to the largest remainder seen.
    pub fn new(reserve_percent: u8, pool: Option<u64>) -> Self {
        Self {
            reserve_percent: u64::from(reserve_percent.min(100)),
            pool: AtomicU64::new(pool.unwrap_or(0)),
            remaining: AtomicU64::new(UNKNOWN),
        }
    }

    /// Credits left, as last heard.
    pub fn remaining(&self) -> Option<u64> {
        let remaining = self.remaining.load(Ordering::Relaxed);
        (remaining != UNKNOWN).then_some(remaining)
    }

    /// The size of the pool as far as known.
    pub fn pool(&self) -> Option<u64> {
        let pool = self.pool.load(Ordering::Relaxed);
        (pool > 0).then_some(pool)
    }

    /// Tells the size of the pool, e.g. from the account's edition.
    pub fn learn_pool(&self, pool: u64) {
        self.pool.fetch_max(pool, Ordering::Relaxed);
    }

    pub(crate) fn record(&self, cost: Cost) {
        if let Some(remaining) = cost.remaining {
            self.pool.fetch_max(remaining, Ordering::Relaxed);
            self.remaining.store(remaining, Ordering::Relaxed);
        }
    }

    /// Forgets what is left, so that a new invocation asks the vendor again.
    pub fn forget(&self) {
        self.remaining.store(UNKNOWN, Ordering::Relaxed);
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let reserve = self.pool.load(Ordering::Relaxed) * self.reserve_percent / 100;
        match self.remaining() {
            Some(remaining) if self.reserve_percent > 0 && remaining <= reserve => {
                Err(Error::Reserved { remaining, reserve })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(remaining: u64) -> Cost {
        Cost {
            spent: 3,
            remaining: Some(remaining),
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
                reserve: 5_000
            })
        ));
        budget.forget();
        assert!(budget.check().is_ok(), "a new day may have begun");
    }

    #[test]
    fn no_reserve_lets_the_last_credit_be_spent() {
        let budget = Budget::new(0, Some(50_000));
        budget.record(left(0));
        assert!(budget.check().is_ok());
    }
}
