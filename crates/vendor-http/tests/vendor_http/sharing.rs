//! Processes that share an account's limit without knowing it or each other, on a clock that jumps.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use vendor_http::Limiter;

const CEILING: u32 = 10;
/// A call takes 60 to 180 ms in the portal.
const FASTEST_MS: u64 = 60;
const SLOWEST_MS: u64 = 180;
const MEAN_S: f64 = 0.12;
/// From the answer's last byte to the next request's first.
const BETWEEN: Duration = Duration::from_millis(2);

/// An account with a limit on calls at once.
#[derive(Debug)]
struct Portal {
    limit: AtomicU32,
    in_flight: AtomicU32,
    began: Instant,
    settled: Duration,
    served: AtomicU64,
    refused: AtomicU64,
    served_settled: AtomicU64,
    refused_settled: AtomicU64,
}

impl Portal {
    fn of(limit: u32, settled: Duration) -> Arc<Self> {
        Arc::new(Self {
            limit: AtomicU32::new(limit),
            in_flight: AtomicU32::new(0),
            began: Instant::now(),
            settled,
            served: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            served_settled: AtomicU64::new(0),
            refused_settled: AtomicU64::new(0),
        })
    }

    async fn serve(&self, takes: Duration) -> bool {
        let has_settled = self.began.elapsed() >= self.settled;
        let count = |all: &AtomicU64, settled: &AtomicU64| {
            all.fetch_add(1, Ordering::Relaxed);
            if has_settled {
                settled.fetch_add(1, Ordering::Relaxed);
            }
        };
        let at_once = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        let served = at_once <= self.limit.load(Ordering::Relaxed);
        if served {
            sleep(takes).await;
            count(&self.served, &self.served_settled);
        }
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        if !served {
            count(&self.refused, &self.refused_settled);
            sleep(Duration::from_millis(10)).await;
        }
        served
    }

    /// Refusals among all calls since the portal settled.
    fn refused_share(&self) -> f64 {
        let refused = self.refused_settled.load(Ordering::Relaxed) as f64;
        refused / (refused + self.served_settled.load(Ordering::Relaxed) as f64)
    }

    /// Calls served since the portal settled, as a share of what the limit allows.
    fn used_share(&self) -> f64 {
        let possible = f64::from(self.limit.load(Ordering::Relaxed)) / MEAN_S
            * (self.began + self.settled).elapsed().as_secs_f64();
        self.served_settled.load(Ordering::Relaxed) as f64 / possible
    }
}

/// A function that always has calls to make.
struct Process {
    limiter: Limiter,
    served: Arc<AtomicU64>,
    callers: JoinSet<()>,
}

impl Process {
    fn start(portal: &Arc<Portal>, seed: u64, calls: u64) -> Self {
        let limiter = Limiter::new(CEILING, seed);
        let (served, started) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let mut callers = JoinSet::new();
        for caller in 0..u64::from(CEILING) {
            let (portal, limiter) = (Arc::clone(portal), limiter.clone());
            let (served, started) = (Arc::clone(&served), Arc::clone(&started));
            let mut random = fastrand::Rng::with_seed(seed * 1_000 + caller);
            callers.spawn(async move {
                // Lambda starts them within a moment of each other.
                if caller == 0 {
                    sleep(Duration::from_millis(random.u64(0..300))).await;
                } else {
                    sleep(Duration::from_millis(300)).await;
                }
                while started.fetch_add(1, Ordering::Relaxed) < calls {
                    loop {
                        let permit = limiter.acquire().await;
                        let takes = Duration::from_millis(random.u64(FASTEST_MS..SLOWEST_MS));
                        let was_served = portal.serve(takes).await;
                        if was_served {
                            permit.clean();
                            served.fetch_add(1, Ordering::Relaxed);
                            sleep(BETWEEN).await;
                            break;
                        }
                        permit.crowded();
                    }
                }
            });
        }
        Self {
            limiter,
            served,
            callers,
        }
    }

    fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }

    async fn finish(mut self) {
        while let Some(done) = self.callers.join_next().await {
            done.unwrap();
        }
    }
}

fn processes(count: u64, portal: &Arc<Portal>, round: u64, calls: u64) -> Vec<Process> {
    (0..count)
        .map(|nth| Process::start(portal, round * 100 + nth, calls))
        .collect()
}

const ENDLESS: u64 = u64::MAX;

#[tokio::test(start_paused = true)]
async fn a_lone_process_is_at_its_ceiling_within_a_second_and_stays_there() {
    let portal = Portal::of(CEILING, Duration::from_secs(1));
    let process = Process::start(&portal, 1, ENDLESS);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(process.limiter.limit(), CEILING);
    sleep(Duration::from_mins(1)).await;
    assert_eq!(process.limiter.limit(), CEILING);
    assert_eq!(portal.refused.load(Ordering::Relaxed), 0);
    assert!(portal.used_share() > 0.95, "{}", portal.used_share());
}

#[tokio::test(start_paused = true)]
async fn ten_processes_on_a_limit_of_ten_use_it_and_are_hardly_ever_refused() {
    for round in 0..20 {
        let portal = Portal::of(10, Duration::from_secs(10));
        let all = processes(10, &portal, round, ENDLESS);
        for (until_s, least_share_of_mean) in [(20, 0.1), (60, 0.25)] {
            sleep_until(portal.began + Duration::from_secs(until_s)).await;
            let (refused, used) = (portal.refused_share(), portal.used_share());
            let served: Vec<u64> = all.iter().map(Process::served).collect();
            assert!(refused < 0.02, "round {round}, {until_s} s: {refused}");
            assert!(used >= 0.8, "round {round}, {until_s} s: {used}");
            let mean = served.iter().sum::<u64>() as f64 / 10.0;
            let least = *served.iter().min().unwrap() as f64;
            assert!(
                least >= mean * least_share_of_mean,
                "round {round}: one starves: {served:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_even_one_call_each_is_too_many_all_finish_and_refusals_are_bounded() {
    for round in 0..4 {
        let portal = Portal::of(5, Duration::from_secs(10));
        let calls = 100;
        let finished = processes(15, &portal, round, calls);
        for process in finished {
            process.finish().await;
        }
        let took = portal.began.elapsed();
        let (served, refused) = (
            portal.served.load(Ordering::Relaxed),
            portal.refused.load(Ordering::Relaxed),
        );
        assert_eq!(served, 15 * calls);
        assert!(refused * 3 < served, "round {round}: {refused}");
        let ideal_s = 15.0 * calls as f64 * MEAN_S / 5.0;
        assert!(
            took.as_secs_f64() < ideal_s * 2.5,
            "round {round}: {took:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_falls_is_followed_at_once_and_one_that_rises_is_found_again() {
    for round in 0..4 {
        let portal = Portal::of(10, Duration::from_secs(25));
        let process = Process::start(&portal, round, ENDLESS);
        sleep(Duration::from_secs(20)).await;
        assert_eq!(process.limiter.limit(), 10);
        portal.limit.store(3, Ordering::Relaxed);
        sleep(Duration::from_mins(1)).await;
        let (refused, used) = (portal.refused_share(), portal.used_share());
        assert!(refused < 0.02, "round {round}: {refused}");
        assert!(used > 0.7, "round {round}: {used}");
        portal.limit.store(10, Ordering::Relaxed);
        sleep(Duration::from_mins(2)).await;
        assert!(
            process.limiter.limit() >= 8,
            "round {round}: {}",
            process.limiter.limit()
        );
    }
}
