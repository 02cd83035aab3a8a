//! Token buckets: how much may happen at once, and how much as time goes on.
//!
//! All that is kept of a bucket is the instant at which it is full again. A token moves that instant on by what it takes
//! to come back; where it would lie further away than a whole bucket takes to fill, there is no token. Integers only:
//! microseconds. The script of `libs/cache` does the same in Redis, and its tests hold the two against each other.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// So many tokens, of which one comes back every so often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    tokens: u32,
    every_micros: i64,
}

impl Bucket {
    /// A bucket of at least one token; one comes back every `every`, a microsecond to a day.
    pub const fn new(tokens: u32, every: SignedDuration) -> Self {
        const MOST: i128 = 24 * 60 * 60 * 1_000_000;
        let micros = every.as_micros();
        let micros = if micros < 1 { 1 } else { micros };
        #[expect(clippy::cast_possible_truncation, reason = "a day of microseconds at most")]
        let every_micros = if micros > MOST { MOST as i64 } else { micros as i64 };
        Self { tokens: if tokens == 0 { 1 } else { tokens }, every_micros }
    }

    /// So many a second, all of them at once if need be.
    pub const fn per_second(tokens: u32) -> Self {
        let each = if tokens == 0 { 1 } else { tokens };
        Self::new(tokens, SignedDuration::from_micros(1_000_000 / each as i64))
    }

    /// How many tokens it holds.
    pub const fn tokens(self) -> u32 {
        self.tokens
    }

    /// How long a token takes to come back, in microseconds.
    pub const fn every_micros(self) -> i64 {
        self.every_micros
    }

    /// Takes a token at `now` from a bucket that is full at `full_at`, which may be long ago: when it is full again.
    ///
    /// # Errors
    /// How long until there is a token; nothing is taken then.
    pub fn take(self, full_at: Timestamp, now: Timestamp) -> Result<Timestamp, Duration> {
        let (full_at, now) = (full_at.as_microsecond(), now.as_microsecond());
        let emptiest = now.saturating_add(i64::from(self.tokens).saturating_mul(self.every_micros));
        // Where the clock was set back, a bucket is empty and not emptier.
        let taken = full_at.max(now).min(emptiest).saturating_add(self.every_micros);
        if taken > emptiest {
            return Err(Duration::from_micros(taken.saturating_sub(emptiest).unsigned_abs()));
        }
        Ok(Timestamp::from_microsecond(taken).unwrap_or(Timestamp::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_microsecond(1_772_000_000_000_000 + micros).unwrap()
    }

    #[test]
    fn a_bucket_gives_what_it_holds_at_once_and_then_one_by_one() {
        let bucket = Bucket::new(3, SignedDuration::from_secs(10));
        let second = 1_000_000;
        let mut full_at = Timestamp::MIN;
        for _ in 0..3 {
            full_at = bucket.take(full_at, at(0)).unwrap();
        }
        assert_eq!(full_at, at(30 * second));
        assert_eq!(bucket.take(full_at, at(0)), Err(Duration::from_secs(10)));
        assert_eq!(bucket.take(full_at, at(10 * second - 1)), Err(Duration::from_micros(1)));
        full_at = bucket.take(full_at, at(10 * second)).unwrap();
        assert_eq!(bucket.take(full_at, at(10 * second)), Err(Duration::from_secs(10)));
        // Left alone long enough it is full, and never fuller.
        let much_later = at(1_000 * second);
        let mut taken = (0..4).map(|_| bucket.take(full_at, much_later).map(|next| full_at = next).is_ok());
        assert!(taken.by_ref().take(3).all(|ok| ok));
        assert_eq!(taken.next(), Some(false));
    }

    #[test]
    fn a_clock_that_was_set_back_empties_a_bucket_and_no_more() {
        let bucket = Bucket::new(2, SignedDuration::from_secs(1));
        assert_eq!(bucket.take(at(86_400_000_000), at(0)), Err(Duration::from_secs(1)));
    }

    #[test]
    fn so_many_a_second_are_so_many_a_second() {
        let mut full_at = Timestamp::MIN;
        let taken = (0..10_000).filter(|n| match Bucket::per_second(100).take(full_at, at(n * 1_000)) {
            Ok(next) => {
                full_at = next;
                true
            }
            Err(_) => false,
        });
        // A hundred at once, and a hundred in each of the ten seconds.
        assert_eq!(taken.count(), 1_099);
    }
}
