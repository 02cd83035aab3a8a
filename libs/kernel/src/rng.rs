//! Randomness as a parameter: ids, salts and nonces come from here, so that a seeded run repeats.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rand::{Rng as _, SeedableRng, TryRng as _};
use rand_chacha::ChaCha20Rng;
use uuid::Uuid;

/// A source of random bytes. Cheap to clone; clones of a seeded source share one stream.
#[derive(Clone, Debug, Default)]
pub enum Rng {
    /// The operating system's source.
    #[default]
    System,
    /// A stream that a seed determines: for tests and the demo, never for keys of a real store.
    Seeded(Arc<Mutex<ChaCha20Rng>>),
}

impl Rng {
    /// A source that repeats for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Arc::new(Mutex::new(ChaCha20Rng::seed_from_u64(seed))))
    }

    /// Fills `buf` with random bytes.
    ///
    /// # Panics
    /// When the operating system has no randomness to give, because going on would make guessable keys.
    pub fn fill(&self, buf: &mut [u8]) {
        match self {
            Self::System => rand::rngs::SysRng.try_fill_bytes(buf).expect("the system's source of randomness"),
            Self::Seeded(rng) => rng.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(buf),
        }
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut buf = [0; N];
        self.fill(&mut buf);
        buf
    }

    /// A UUIDv7 of the instant `at`, so that ids sort by the time they were made.
    pub fn uuid(&self, at: Timestamp) -> Uuid {
        let ms = u64::try_from(at.as_millisecond()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(ms, &self.bytes()).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_ids_and_another_seed_gives_others() {
        let at = "2026-03-02T08:00:00Z".parse().unwrap();
        let ids = |seed| {
            let rng = Rng::seeded(seed);
            [rng.uuid(at), rng.uuid(at)]
        };
        assert_eq!(ids(1), ids(1));
        assert_ne!(ids(1), ids(2));
        assert_ne!(ids(1)[0], ids(1)[1]);
        assert_eq!(ids(1)[0].get_version_num(), 7);
    }
}
