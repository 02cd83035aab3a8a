//! Which key signs when: keys take turns, and a turn is known before it begins, so that whoever verifies has the next key
//! in time.

use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;

use crate::token::SigningKey;

/// A key and the instant from which it signs.
#[derive(Clone, Debug)]
pub struct Turn {
    /// From then on, until the next turn.
    pub from: Timestamp,
    /// The key.
    pub key: SigningKey,
}

/// The keys of one owner, in turns. Clones share them: whoever reads the key folder replaces them for all.
#[derive(Clone, Debug)]
pub struct SigningKeys(Arc<RwLock<Turns>>);

#[derive(Debug)]
struct Turns {
    first: SigningKey,
    later: Vec<Turn>,
}

impl From<SigningKey> for SigningKeys {
    fn from(key: SigningKey) -> Self {
        Self::new(key, Vec::new())
    }
}

impl SigningKeys {
    /// A key that signs at once, and those that follow it, the earliest first.
    pub fn new(first: SigningKey, later: Vec<Turn>) -> Self {
        Self(Arc::new(RwLock::new(Turns { first, later })))
    }

    /// Takes over what another reading of the folder gave.
    pub fn replace(&self, other: &Self) {
        let turns = other.0.read().unwrap_or_else(PoisonError::into_inner);
        let turns = Turns { first: turns.first.clone(), later: turns.later.clone() };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = turns;
    }

    /// The key whose turn it is.
    pub fn at(&self, now: Timestamp) -> SigningKey {
        let turns = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let begun = turns.later.iter().rev().find(|turn| turn.from <= now);
        begun.map_or_else(|| turns.first.clone(), |turn| turn.key.clone())
    }
}

#[cfg(test)]
mod tests {
    use tally_kernel::Rng;

    use super::*;

    #[test]
    fn each_key_signs_from_the_beginning_of_its_turn_and_clones_learn_of_new_ones() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let [a, b, c] = [1, 2, 3].map(|seed| SigningKey::from_seed("talent", Rng::seeded(seed).bytes()));
        let keys = SigningKeys::from(a.clone());
        let shared = keys.clone();
        assert_eq!(shared.at(at(0)).public(), a.public());
        let turns = vec![Turn { from: at(10), key: b.clone() }, Turn { from: at(20), key: c.clone() }];
        keys.replace(&SigningKeys::new(a.clone(), turns));
        let signing = [9, 10, 19, 20, 99].map(|second| shared.at(at(second)).public().kid.clone());
        let expected = [&a, &b, &b, &c, &c].map(|key| key.public().kid.clone());
        assert_eq!(signing, expected);
    }
}
