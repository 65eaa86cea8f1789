mod share;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use share::Share;

/// The limit on calls in flight, which finds its share of a limit that nobody states.
///
/// All calls of one process go through one limiter; clones share it. The account's own limit is
/// shared with processes that know nothing of each other, so the only signal is a refusal. How the
/// limit follows from refusals is told in the crate's README.
#[derive(Debug, Clone)]
pub struct Limiter(Arc<Shared>);

/// What a process learnt of its neighbours is old news after this long without a call.
const FORGETS_AFTER: Duration = Duration::from_mins(1);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// As many permits as there are idle slots; it hands them out first come, first served.
    free: Semaphore,
}

#[derive(Debug)]
struct State {
    share: Share,
    /// Idle slots: the moment from which each may be used again, earliest first.
    idle: VecDeque<Instant>,
    /// Slots in all; above the limit while calls that began before a cut are in flight.
    slots: u32,
    /// No call starts before it.
    paused_until: Instant,
    last_used: Instant,
}

/// The right to have one call in flight; given back on drop.
#[derive(Debug)]
pub struct Permit {
    shared: Arc<Shared>,
    usable_from: Instant,
    /// When the wait was over and the call could start, and the era it started in.
    started: Option<(Instant, u64)>,
}

impl Limiter {
    /// At most `ceiling` calls at once (at least one). `seed` makes the waits repeatable; processes
    /// that share an account must have different ones.
    pub fn new(ceiling: u32, seed: u64) -> Self {
        let share = Share::new(ceiling, seed);
        let now = Instant::now();
        let mut state = State {
            share,
            idle: VecDeque::new(),
            slots: 0,
            paused_until: now,
            last_used: now,
        };
        let free = Semaphore::new(0);
        state.fit(&free, now);
        Self(Arc::new(Shared {
            state: Mutex::new(state),
            free,
        }))
    }

    /// The present limit.
    pub fn limit(&self) -> u32 {
        self.0.lock().share.limit()
    }

    /// The most that is ever allowed.
    pub fn ceiling(&self) -> u32 {
        self.0.lock().share.ceiling()
    }

    /// Waits for a free slot, and for the pause that refused calls ask for.
    pub async fn acquire(&self) -> Permit {
        self.0.forget_old_news();
        if let Ok(slot) = self.0.free.acquire().await {
            slot.forget();
        }
        let mut permit = {
            let mut state = self.0.lock();
            let now = Instant::now();
            Permit {
                usable_from: state.idle.pop_front().unwrap_or(now),
                shared: Arc::clone(&self.0),
                started: None,
            }
        };
        loop {
            let starts = permit.usable_from.max(self.0.lock().paused_until);
            if starts <= Instant::now() {
                break;
            }
            sleep_until(starts).await;
        }
        let era = self.0.lock().share.era();
        permit.started = Some((Instant::now(), era));
        permit
    }
}

impl Permit {
    /// The call was answered without a complaint about concurrency.
    pub fn clean(&self) {
        let Some((started, _)) = self.started else {
            return;
        };
        let now = Instant::now();
        let mut state = self.shared.lock();
        state.share.clean(now - started);
        state.fit(&self.shared.free, now);
    }

    /// The vendor refused the call because of too many at once. The pause until the next call is
    /// the limiter's; the caller asks for a slot again without waiting.
    pub fn crowded(&self) {
        let Some((started, era)) = self.started else {
            return;
        };
        let now = Instant::now();
        let mut state = self.shared.lock();
        if let Some(pause) = state.share.refused(era, now - started) {
            state.paused_until = state.paused_until.max(now + pause);
            state.fit(&self.shared.free, now);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let now = Instant::now();
        let mut state = self.shared.lock();
        state.last_used = now;
        let usable_from = match self.started {
            Some(_) => now + state.share.rest(),
            None => self.usable_from,
        };
        if state.slots > state.share.limit() {
            state.slots -= 1;
        } else {
            state.put(usable_from);
            self.shared.free.add_permits(1);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget_old_news(&self) {
        let now = Instant::now();
        let mut state = self.lock();
        let in_use = state.idle.len() < state.slots as usize;
        if !in_use && now - state.last_used > FORGETS_AFTER && state.share.start_over() {
            state.paused_until = now;
            state.fit(&self.free, now);
        }
    }
}

impl State {
    /// Makes as many slots as the limit says, as far as calls in flight allow.
    fn fit(&mut self, free: &Semaphore, now: Instant) {
        while self.slots < self.share.limit() {
            self.put(now);
            free.add_permits(1);
            self.slots += 1;
        }
        while self.slots > self.share.limit() && free.forget_permits(1) == 1 {
            self.idle.pop_back();
            self.slots -= 1;
        }
    }

    fn put(&mut self, usable_from: Instant) {
        let at = self.idle.partition_point(|&other| other <= usable_from);
        self.idle.insert(at, usable_from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_more_calls_run_at_once_than_the_limit() {
        let limiter = Limiter::new(3, 0);
        for _ in 0..20 {
            limiter.acquire().await.clean();
        }
        let (at_once, mut tasks) = (Arc::new(Mutex::new((0, 0))), tokio::task::JoinSet::new());
        for _ in 0..20 {
            let (limiter, at_once) = (limiter.clone(), Arc::clone(&at_once));
            tasks.spawn(async move {
                let _permit = limiter.acquire().await;
                {
                    let mut seen = at_once.lock().unwrap();
                    seen.0 += 1;
                    seen.1 = seen.1.max(seen.0);
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
                at_once.lock().unwrap().0 -= 1;
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        assert_eq!(*at_once.lock().unwrap(), (0, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_refusals_cuts_once() {
        let limiter = Limiter::new(8, 0);
        while limiter.limit() < 8 {
            limiter.acquire().await.clean();
        }
        let burst = [limiter.acquire().await, limiter.acquire().await];
        burst.iter().for_each(Permit::crowded);
        assert_eq!(limiter.limit(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn every_free_slot_has_its_waiter_even_if_others_gave_up() {
        let limiter = Limiter::new(2, 0);
        let held = [limiter.acquire().await, limiter.acquire().await];
        let waiting = |limiter: &Limiter| {
            let limiter = limiter.clone();
            tokio::spawn(async move { limiter.acquire().await })
        };
        let (given_up, first, second) = (waiting(&limiter), waiting(&limiter), waiting(&limiter));
        tokio::task::yield_now().await;
        given_up.abort();
        drop(held);
        let both = async { (first.await.unwrap(), second.await.unwrap()) };
        let _both = tokio::time::timeout(Duration::from_millis(1), both)
            .await
            .unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_given_up_in_its_pause_leaves_the_pause_to_the_next() {
        let limiter = Limiter::new(1, 0);
        limiter.acquire().await.crowded();
        let began = Instant::now();
        let impatient = tokio::time::timeout(Duration::from_millis(1), limiter.acquire()).await;
        assert!(impatient.is_err());
        let _permit = limiter.acquire().await;
        assert!(began.elapsed() >= Duration::from_millis(10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_rest_makes_it_forget_its_neighbours() {
        let limiter = Limiter::new(10, 0);
        for _ in 0..20 {
            limiter.acquire().await.crowded();
        }
        assert_eq!(limiter.limit(), 1);
        tokio::time::sleep(FORGETS_AFTER * 2).await;
        for _ in 0..10 {
            limiter.acquire().await.clean();
        }
        assert_eq!(limiter.limit(), 10);
    }
}
