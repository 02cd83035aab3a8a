//! How much one caller may have of what all share.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

/// When so many callers are known, those who hold nothing are forgotten.
const MAX_KNOWN: usize = 10_000;

/// Places of each caller, as many for everybody.
pub struct Shares<K> {
    each: usize,
    known: Mutex<HashMap<K, Arc<Semaphore>>>,
}

impl<K: Eq + Hash> Shares<K> {
    /// So many places for each.
    pub fn new(each: usize) -> Self {
        Self { each, known: Mutex::default() }
    }

    /// The places of one: to be taken owned, since who holds none is forgotten.
    pub fn of(&self, whose: K) -> Arc<Semaphore> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_KNOWN {
            known.retain(|_, places| Arc::strong_count(places) > 1);
        }
        Arc::clone(known.entry(whose).or_insert_with(|| Arc::new(Semaphore::new(self.each))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_has_more_than_a_share_and_who_holds_one_is_not_forgotten() {
        let shares = Shares::new(2);
        let take = |whose: usize| shares.of(whose).try_acquire_owned().ok();
        let held = [take(0), take(0)];
        assert!(held.iter().all(Option::is_some) && take(0).is_none() && take(1).is_some());
        (1..2 * MAX_KNOWN).for_each(|whose| drop(take(whose)));
        assert!(shares.known.lock().unwrap().len() <= MAX_KNOWN);
        assert!(take(0).is_none(), "a flood of others frees nothing");
        drop(held);
        assert!(take(0).is_some());
    }
}
