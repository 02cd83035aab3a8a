//! The cache of one process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tally_kernel::Clock;
use tokio::sync::watch;

use crate::{Bell, Draw};

/// Buckets that are kept; beyond, full ones are forgotten, and then those that are soonest full.
const MAX_BUCKETS: usize = 100_000;

/// See the module's text.
#[derive(Clone, Debug)]
pub struct Memory {
    clock: Clock,
    /// When each bucket is full again.
    buckets: Arc<Mutex<HashMap<String, Timestamp>>>,
    bells: Arc<Mutex<HashMap<String, watch::Sender<u64>>>>,
}

impl Memory {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, buckets: Arc::default(), bells: Arc::default() }
    }

    pub(crate) fn take(&self, draws: &[Draw]) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let (mut taken, mut wait) = (Vec::with_capacity(draws.len()), Duration::ZERO);
        for Draw { name, bucket } in draws {
            match bucket.take(buckets.get(name).copied().unwrap_or(Timestamp::MIN), now) {
                Ok(full_at) => taken.push((name, full_at)),
                Err(longer) => wait = wait.max(longer),
            }
        }
        if !wait.is_zero() {
            return Err(wait);
        }
        for (name, full_at) in taken {
            if let Some(known) = buckets.get_mut(name) {
                *known = full_at;
                continue;
            }
            if buckets.len() >= MAX_BUCKETS {
                make_room(&mut buckets, now);
            }
            buckets.insert(name.clone(), full_at);
        }
        Ok(())
    }

    pub(crate) fn ring(&self, name: &str) {
        let bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = bells.get(name) {
            bell.send_modify(|rings| *rings += 1);
        }
    }

    pub(crate) fn bell(&self, name: &str) -> Bell {
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        Bell::new(bells.entry(name.to_owned()).or_insert_with(|| watch::channel(0).0).subscribe(), None)
    }
}

/// Whoever makes up names must not push out those that have to wait: the emptiest buckets stay.
fn make_room(buckets: &mut HashMap<String, Timestamp>, now: Timestamp) {
    buckets.retain(|_, full_at| *full_at > now);
    if buckets.len() >= MAX_BUCKETS {
        let mut by_need: Vec<Timestamp> = buckets.values().copied().collect();
        let (_, middle, _) = by_need.select_nth_unstable(MAX_BUCKETS / 2);
        let middle = *middle;
        buckets.retain(|_, full_at| *full_at > middle);
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use tally_kernel::Bucket;

    use super::*;

    #[test]
    fn a_flood_of_made_up_names_neither_fills_the_memory_nor_frees_who_waits() {
        let memory = Memory::new(Clock::fixed("2026-03-02T08:00:00Z".parse().unwrap()));
        let bucket = Bucket::new(5, SignedDuration::from_mins(3));
        let draw = |name: String| [Draw { name, bucket }];
        let waits = draw("waits".to_owned());
        while memory.take(&waits).is_ok() {}
        for n in 0..2 * MAX_BUCKETS {
            memory.take(&draw(n.to_string())).unwrap();
            assert!(memory.buckets.lock().unwrap().len() <= MAX_BUCKETS);
        }
        assert!(memory.take(&waits).is_err());
        // All of them are full by then, and the next one finds room.
        memory.clock.advance(SignedDuration::from_mins(15));
        assert!(memory.take(&waits).is_ok());
    }
}
