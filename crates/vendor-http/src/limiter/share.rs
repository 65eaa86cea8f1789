use std::time::Duration;

/// How much of an account's limit one process takes, decided by clean calls and refusals alone.
#[derive(Debug)]
pub(super) struct Share {
    ceiling: u32,
    limit: u32,
    /// No refusal yet.
    slow_start: bool,
    /// Clean calls since the limit last changed.
    clean: u32,
    /// Clean calls after which it grows.
    needed: u32,
    /// The limit that was refused last; from there on growing is a probe.
    wall: u32,
    /// Doublings of the stretch before a probe.
    caution: u32,
    /// Clean calls until a probe counts as passed.
    probation: u32,
    /// Pause between calls when even one at a time is too much.
    gap: Duration,
    /// Smoothed time of a call.
    latency: Option<Duration>,
    /// Grows with every refusal heeded; a call that started before it says nothing new.
    era: u64,
    random: fastrand::Rng,
}

const FIRST_LIMIT: u32 = 2;
const NO_WALL: u32 = u32::MAX;
/// Clean calls for each slot before the limit grows, with no caution.
const STRETCH: u32 = 16;
/// Makes the longest stretch 256 calls for up to two slots. One failed probe costs a few refusals,
/// its own and its neighbours', so ten processes stay below one in a hundred.
const MOST_CAUTION: u32 = 4;
/// Each refusal makes the stretch before a probe four times as long, each probe that passes a quarter.
const CAUTION_STEP: u32 = 2;
/// Clean calls for each slot that a probe has to survive.
const PROBATION: u32 = 64;
/// How much of a call's time a slot rests, at most, once neighbours are known: what lets a starved
/// process in. A larger share rests longer, so it is the one that finds its place taken.
const REST: f64 = 0.1;
const REST_PER_SLOT: f64 = 0.1;
const MOST_REST: f64 = 0.3;
const LEAST_LATENCY: Duration = Duration::from_millis(20);
const MOST_GAP: Duration = Duration::from_secs(2);

impl Share {
    pub(super) fn new(ceiling: u32, seed: u64) -> Self {
        let ceiling = ceiling.max(1);
        Self {
            ceiling,
            limit: FIRST_LIMIT.min(ceiling),
            slow_start: true,
            clean: 0,
            needed: 0,
            wall: NO_WALL,
            caution: 0,
            probation: 0,
            gap: Duration::ZERO,
            latency: None,
            era: 0,
            random: fastrand::Rng::with_seed(seed),
        }
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    pub(super) fn ceiling(&self) -> u32 {
        self.ceiling
    }

    pub(super) fn era(&self) -> u64 {
        self.era
    }

    /// Forgets all refusals; whether there was one.
    pub(super) fn start_over(&mut self) -> bool {
        if self.slow_start {
            return false;
        }
        let seed = self.random.u64(..);
        *self = Self {
            latency: self.latency,
            era: self.era + 1,
            ..Self::new(self.ceiling, seed)
        };
        true
    }

    /// A call was answered without complaint after `took`.
    pub(super) fn clean(&mut self, took: Duration) {
        let before = self.latency.unwrap_or(took);
        self.latency = Some((before * 7 + took) / 8);
        self.clean += 1;
        if self.probation > 0 {
            self.probation -= 1;
            if self.probation == 0 {
                self.caution = self.caution.saturating_sub(CAUTION_STEP);
            }
        }
        if !self.gap.is_zero() {
            self.gap = self.gap * 11 / 12;
            if self.gap < self.latency() / 50 {
                self.gap = Duration::ZERO;
            }
        } else if self.limit < self.ceiling && (self.slow_start || self.clean >= self.needed) {
            self.grow();
        }
    }

    fn grow(&mut self) {
        self.limit += 1;
        self.clean = 0;
        if self.limit >= self.wall {
            self.wall = self.limit.saturating_add(1);
            self.probation = PROBATION * self.limit;
        }
        self.needed = self.stretch();
    }

    /// Below the wall the limit comes back fast; every step over it is a probe. A failed probe
    /// costs the same few refusals however large the limit, so its stretch grows less than that.
    fn stretch(&mut self) -> u32 {
        let (doublings, slots) = if self.limit + 1 >= self.wall {
            (self.caution, self.limit.div_ceil(2))
        } else {
            (self.caution / 4, self.limit)
        };
        let calls = (STRETCH << doublings).saturating_mul(slots);
        // Neighbours that were refused together must not probe together.
        (f64::from(calls) * self.draw(0.75, 1.25)) as u32
    }

    /// A call that started in `era` was refused after `took`. The pause before the next call, if
    /// the refusal is news.
    pub(super) fn refused(&mut self, era: u64, took: Duration) -> Option<Duration> {
        if era != self.era {
            return None;
        }
        self.era += 1;
        self.latency.get_or_insert(took);
        self.caution = (self.caution + CAUTION_STEP).min(MOST_CAUTION);
        self.clean = 0;
        let pause = if self.limit > 1 {
            self.cut();
            self.latency().mul_f64(self.random.f64())
        } else {
            self.slow_down();
            let pause = self.gap.max(self.latency());
            pause.mul_f64(self.draw(0.5, 1.5))
        };
        self.slow_start = false;
        self.needed = self.stretch();
        Some(pause)
    }

    fn cut(&mut self) {
        self.wall = self.limit;
        self.limit -= if self.probation > 0 {
            1
        } else if self.slow_start {
            // It had doubled.
            self.limit.div_ceil(2)
        } else {
            (self.limit / 4).max(1)
        };
        self.probation = 0;
    }

    fn slow_down(&mut self) {
        self.wall = 2;
        self.gap = (self.gap * 3 / 2).max(self.latency() / 2).min(MOST_GAP);
    }

    /// How long a slot stays unused after a call.
    pub(super) fn rest(&mut self) -> Duration {
        if !self.gap.is_zero() {
            return self.gap.mul_f64(self.draw(0.5, 1.5));
        }
        let most = if self.probation > 0 {
            2.0 / f64::from(self.limit.max(2))
        } else if self.caution > 0 && self.limit < self.ceiling {
            (REST + REST_PER_SLOT * f64::from(self.limit - 1)).min(MOST_REST)
        } else {
            return Duration::ZERO;
        };
        self.latency().mul_f64(most * self.random.f64())
    }

    fn latency(&self) -> Duration {
        self.latency.unwrap_or_default().max(LEAST_LATENCY)
    }

    fn draw(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.random.f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Duration = Duration::from_millis(100);

    fn refuse(share: &mut Share) -> Duration {
        let era = share.era();
        share.refused(era, CALL).unwrap()
    }

    /// Clean calls until the limit grows.
    fn calls_to_grow(share: &mut Share) -> u32 {
        let before = share.limit();
        (1..100_000)
            .find(|_| {
                share.clean(CALL);
                share.limit() > before
            })
            .unwrap()
    }

    #[test]
    fn a_process_that_is_never_refused_is_at_its_ceiling_after_a_few_calls_and_never_rests() {
        let mut share = Share::new(5, 0);
        for _ in 0..3 {
            share.clean(CALL);
        }
        assert_eq!(share.limit(), 5);
        share.clean(CALL);
        assert_eq!((share.limit(), share.rest()), (5, Duration::ZERO));
    }

    #[test]
    fn each_failed_probe_makes_the_stretch_before_the_next_longer_up_to_a_bound() {
        let mut share = Share::new(10, 0);
        refuse(&mut share);
        assert_eq!(share.limit(), 1);
        let mut stretches = Vec::new();
        for _ in 0..9 {
            stretches.push(calls_to_grow(&mut share));
            refuse(&mut share);
            assert_eq!(share.limit(), 1, "a probe is taken back");
        }
        for (nth, &calls) in stretches.iter().enumerate() {
            let expected = f64::from([64, 256][nth.min(1)]);
            let calls = f64::from(calls);
            assert!(
                (expected * 0.7..=expected * 1.3).contains(&calls),
                "{stretches:?}"
            );
        }
    }

    #[test]
    fn probes_that_pass_make_it_bold_again() {
        let mut share = Share::new(10, 0);
        for _ in 0..10 {
            refuse(&mut share);
        }
        let mut calls = 0;
        while share.limit() < 10 {
            share.clean(CALL);
            calls += 1;
        }
        assert!((250..6_000).contains(&calls), "{calls}");
    }

    #[test]
    fn refusals_at_one_call_at_a_time_space_calls_out_and_clean_calls_end_that() {
        let mut share = Share::new(1, 0);
        let pauses: Vec<_> = (0..20).map(|_| refuse(&mut share)).collect();
        assert!(pauses[0] >= CALL / 2 && pauses[0] < CALL * 2);
        assert!(pauses[15] > CALL * 5, "{pauses:?}");
        assert!(pauses.iter().all(|pause| *pause <= MOST_GAP * 3 / 2));
        assert!(share.rest() >= MOST_GAP / 2, "the pace is kept");
        for _ in 0..100 {
            share.clean(CALL);
        }
        assert!(share.rest() < CALL / 10);
    }

    #[test]
    fn a_call_from_before_the_last_cut_says_nothing_new() {
        let mut share = Share::new(8, 0);
        let era = share.era();
        refuse(&mut share);
        assert_eq!(share.refused(era, CALL), None);
    }
}
