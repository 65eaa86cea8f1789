//! Deterministic choices: the same (seed, stream, index) gives the same rolls on every machine.

/// A short sequence of rolls that belongs to one entity.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    /// `stream` keeps the rolls of different entity kinds apart.
    pub(super) fn new(seed: u64, stream: u64, index: u64) -> Self {
        let start = seed
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .wrapping_add(stream.wrapping_mul(0xd1b5_4a32_d192_ed03));
        Self(scramble(start ^ scramble(index.wrapping_add(1))))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scramble(self.0)
    }

    /// A value in `0..bound`; 0 when `bound` is 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or(0)
    }

    /// Like [`Dice::below`] for times: a value in `0..bound`, 0 when `bound` is not positive.
    pub(super) fn millis_below(&mut self, bound: i64) -> i64 {
        self.below(bound.max(0).cast_unsigned()).cast_signed()
    }

    pub(super) fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    pub(super) fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len() as u64) as usize]
    }
}

/// The finaliser of `SplitMix64`.
fn scramble(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
