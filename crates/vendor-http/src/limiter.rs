use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Additive-increase, multiplicative-decrease limit on calls in flight.
///
/// It is shared by all calls of one process. The account's own limit is shared by other processes
/// too and is not known, so it is found: a refusal halves the limit, a clean stretch of
/// `CLEAN_CALLS_PER_SLOT` calls for each slot adds one.
#[derive(Debug, Clone)]
pub struct Limiter(Arc<Shared>);

const CLEAN_CALLS_PER_SLOT: u32 = 8;

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    limit: u32,
    ceiling: u32,
    in_flight: u32,
    clean: u32,
    /// Grows with every cut; a call that began before the last cut cannot cut again, so that one
    /// burst of refusals halves once.
    era: u64,
}

/// The right to have one call in flight; given back on drop.
#[derive(Debug)]
pub struct Permit {
    shared: Arc<Shared>,
    era: u64,
}

impl Limiter {
    /// At most `ceiling` calls at once (at least one), starting there.
    pub fn new(ceiling: u32) -> Self {
        let ceiling = ceiling.max(1);
        Self(Arc::new(Shared {
            state: Mutex::new(State {
                limit: ceiling,
                ceiling,
                in_flight: 0,
                clean: 0,
                era: 0,
            }),
            freed: Notify::new(),
        }))
    }

    /// The present limit.
    pub fn limit(&self) -> u32 {
        self.0.lock().limit
    }

    /// The most that is ever allowed.
    pub fn ceiling(&self) -> u32 {
        self.0.lock().ceiling
    }

    /// Waits for a free slot.
    pub async fn acquire(&self) -> Permit {
        loop {
            let freed = self.0.freed.notified();
            {
                let mut state = self.0.lock();
                if state.in_flight < state.limit {
                    state.in_flight += 1;
                    return Permit {
                        shared: Arc::clone(&self.0),
                        era: state.era,
                    };
                }
            }
            freed.await;
        }
    }
}

impl Permit {
    /// The call was answered without a complaint about concurrency.
    pub fn clean(&self) {
        let mut state = self.shared.lock();
        state.clean += 1;
        if state.limit < state.ceiling && state.clean >= state.limit * CLEAN_CALLS_PER_SLOT {
            state.clean = 0;
            state.limit += 1;
            self.shared.freed.notify_one();
        }
    }

    /// The vendor refused the call because of too many at once.
    pub fn crowded(&self) {
        let mut state = self.shared.lock();
        state.clean = 0;
        if self.era == state.era {
            state.limit = (state.limit / 2).max(1);
            state.era += 1;
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shared.lock().in_flight -= 1;
        self.shared.freed.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_burst_of_refusals_halves_once_and_clean_calls_climb_back() {
        let limiter = Limiter::new(8);
        let burst: Vec<_> = [limiter.acquire().await, limiter.acquire().await].into();
        burst.iter().for_each(Permit::crowded);
        assert_eq!(limiter.limit(), 4);
        drop(burst);

        for _ in 0..4 * CLEAN_CALLS_PER_SLOT {
            limiter.acquire().await.clean();
        }
        assert_eq!(limiter.limit(), 5);
        for _ in 0..10_000 {
            limiter.acquire().await.clean();
        }
        assert_eq!(limiter.limit(), 8, "never above the ceiling");
    }

    #[tokio::test]
    async fn the_limit_never_falls_below_one() {
        let limiter = Limiter::new(2);
        for _ in 0..5 {
            limiter.acquire().await.crowded();
        }
        assert_eq!(limiter.limit(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_calls_run_at_once_than_the_limit() {
        let limiter = Limiter::new(3);
        let (mut most, mut tasks) = (0, tokio::task::JoinSet::new());
        for _ in 0..20 {
            let limiter = limiter.clone();
            tasks.spawn(async move {
                let _permit = limiter.acquire().await;
                let at_once = limiter.0.lock().in_flight;
                tokio::time::sleep(Duration::from_millis(10)).await;
                at_once
            });
        }
        while let Some(at_once) = tasks.join_next().await {
            most = most.max(at_once.unwrap());
        }
        assert_eq!(most, 3);
    }
}
