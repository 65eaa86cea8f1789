use std::sync::Mutex;
use std::time::Duration;

/// Exponential backoff with full jitter: a wait drawn from `[0, min(cap, base * 2^attempt))`.
/// See "Exponential Backoff And Jitter", AWS Architecture Blog.
#[derive(Debug)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    random: Mutex<fastrand::Rng>,
}

impl Backoff {
    /// `seed` makes the waits of a test repeatable.
    pub fn new(base: Duration, cap: Duration, seed: u64) -> Self {
        Self {
            base,
            cap,
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
        }
    }

    /// The wait before retry number `retry` (0 = the first).
    pub fn wait(&self, retry: u32) -> Duration {
        let ceiling = self
            .base
            .saturating_mul(2_u32.saturating_pow(retry.min(20)))
            .min(self.cap);
        let draw = self
            .random
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .f64();
        ceiling.mul_f64(draw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_below_the_cap() {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2), 7);
        for retry in 0..60 {
            let ceiling = Duration::from_millis(100)
                .saturating_mul(2_u32.saturating_pow(retry.min(20)))
                .min(Duration::from_secs(2));
            assert!(backoff.wait(retry) < ceiling.max(Duration::from_nanos(1)));
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_waits() {
        let waits = |seed| {
            let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2), seed);
            (0..5).map(|n| backoff.wait(n)).collect::<Vec<_>>()
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
    }
}
