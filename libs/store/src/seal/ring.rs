//! The master keys themselves, wherever they are kept.

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use tally_kernel::Rng;

use crate::seal::cipher::{self, Secret};

/// All master keys, by their kind and id. The highest id of a kind is used to write; the others still open and verify.
#[derive(Clone)]
pub(crate) struct Ring {
    pub wrap: BTreeMap<u32, Secret>,
    pub bind: BTreeMap<u32, Secret>,
    pub sign: BTreeMap<u32, SigningKey>,
}

impl Ring {
    pub(crate) fn fresh() -> Self {
        Self {
            wrap: BTreeMap::from([(1, cipher::fresh())]),
            bind: BTreeMap::from([(1, cipher::fresh())]),
            sign: BTreeMap::from([(1, SigningKey::from_bytes(&Rng::System.bytes()))]),
        }
    }
}
