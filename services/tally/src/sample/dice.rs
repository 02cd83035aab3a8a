//! Randomness for the sample: a seeded stream of integers and tables to draw from, without floats.

use rand::{Rng as _, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(super) struct Dice(ChaCha8Rng);

/// Seconds one session lasts, at eleven even quantiles.
pub(super) const DURATION: [u32; 11] = [25, 70, 110, 150, 195, 245, 310, 395, 520, 760, 1_500];
/// Waiting between sessions, relative, at eleven even quantiles: about exponential.
pub(super) const GAP: [u32; 11] = [1, 11, 22, 36, 51, 69, 92, 120, 161, 230, 460];
/// Seconds until the first reply of an average agent.
pub(super) const REPLY: [u32; 11] = [3, 7, 10, 13, 16, 20, 25, 31, 42, 65, 180];
/// Seconds an average agent needs for a reply that is not the first.
pub(super) const TYPING: [u32; 11] = [4, 7, 9, 11, 13, 15, 18, 22, 28, 38, 75];
/// Sales in cents.
pub(super) const SALES: [u32; 11] = [990, 2_990, 4_990, 7_900, 9_900, 13_900, 19_900, 29_900, 49_900, 99_900, 399_900];

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number below `n` (0 for 0).
    pub fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(n)) >> 32) as u32
    }

    /// A number from `low` to `high`, both inclusive.
    pub fn range(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low + 1)
    }

    /// Whether something that happens `n` times in a thousand does.
    pub fn permille(&mut self, n: u32) -> bool {
        self.below(1_000) < n
    }

    /// A draw between the quantiles of a table.
    pub fn draw(&mut self, table: &[u32; 11]) -> u32 {
        let at = self.below(10) as usize;
        self.range(table[at], table[at + 1].max(table[at] + 1) - 1)
    }
}
