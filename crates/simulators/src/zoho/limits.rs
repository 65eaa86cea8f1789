//! The two limits of a portal: requests in flight and credits per day.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

const DAY_MS: i64 = 86_400_000;

/// Counts requests in flight.
#[derive(Debug)]
pub(super) struct Concurrency {
    in_flight: Arc<AtomicUsize>,
    seen: AtomicUsize,
    limit: AtomicUsize,
}

/// One request in flight; it lands when dropped.
#[derive(Debug)]
pub(super) struct Flight(Arc<AtomicUsize>);

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Concurrency {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            in_flight: Arc::default(),
            seen: AtomicUsize::new(0),
            limit: AtomicUsize::new(limit),
        }
    }

    /// Requests in flight already stay there.
    pub(super) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::SeqCst);
    }

    /// `None` if too many are in flight already.
    pub(super) fn take_off(&self) -> Option<Flight> {
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        let flight = Flight(Arc::clone(&self.in_flight));
        self.seen.fetch_max(now, Ordering::SeqCst);
        (now <= self.limit.load(Ordering::SeqCst)).then_some(flight)
    }

    /// The most requests that ever were in flight at once, refused ones included.
    pub(super) fn most_seen(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }

    pub(super) fn forget(&self) {
        self.seen.store(0, Ordering::SeqCst);
    }
}

/// The pool of credits, refilled at midnight UTC.
#[derive(Debug)]
pub(super) struct Credits {
    pool: u64,
    spent: Mutex<Spent>,
}

#[derive(Debug, Default)]
struct Spent {
    day: i64,
    today: u64,
    ever: u64,
}

/// What is left after paying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Payment {
    Paid { remaining: u64 },
    PoolEmpty { retry_after_s: u64 },
}

impl Credits {
    pub(super) fn new(pool: u64) -> Self {
        Self {
            pool,
            spent: Mutex::default(),
        }
    }

    pub(super) fn pay(&self, cost: u64, now_ms: i64) -> Payment {
        let mut spent = self.today(now_ms);
        if spent.today + cost > self.pool {
            let left_ms = (DAY_MS - now_ms.rem_euclid(DAY_MS)).cast_unsigned();
            return Payment::PoolEmpty {
                retry_after_s: left_ms.div_ceil(1_000),
            };
        }
        spent.today += cost;
        spent.ever += cost;
        Payment::Paid {
            remaining: self.pool - spent.today,
        }
    }

    pub(super) fn remaining(&self, now_ms: i64) -> u64 {
        self.pool - self.today(now_ms).today
    }

    /// Credits spent since the start or the last [`Credits::forget`].
    pub(super) fn spent(&self) -> u64 {
        self.lock().ever
    }

    pub(super) fn forget(&self) {
        self.lock().ever = 0;
    }

    fn today(&self, now_ms: i64) -> std::sync::MutexGuard<'_, Spent> {
        let mut spent = self.lock();
        let day = now_ms.div_euclid(DAY_MS);
        if spent.day != day {
            spent.day = day;
            spent.today = 0;
        }
        spent
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Spent> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a list, search or thread request costs at this offset.
pub(super) const fn list_cost(offset: u64) -> u64 {
    match offset {
        0..=2_000 => 3,
        2_001..=10_000 => 5,
        10_001..=50_000 => 10,
        50_001..=100_000 => 50,
        _ => 100,
    }
}
