//! Wrong tries at names that nobody has. They wait as others do, or waiting would tell which names there are.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::domain::{LoginName, Tries, digest};

/// Names that are remembered; beyond, all are forgotten. They are kept in memory alone: whoever makes up names must not
/// fill the store.
const MAX_KEPT: usize = 10_000;

/// See the module's text.
#[derive(Default)]
pub(crate) struct Strangers(Mutex<HashMap<[u8; 32], Tries>>);

impl fmt::Debug for Strangers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Strangers")
    }
}

impl Strangers {
    /// Wrong tries at this name so far.
    pub(crate) fn tries(&self, name: &str) -> Tries {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key(name)).copied().unwrap_or_default()
    }

    /// Counts one more.
    pub(crate) fn failed(&self, name: &str, now: Timestamp) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        let tries = kept.entry(key(name)).or_default();
        *tries = tries.failed(now);
    }
}

/// As the directory would spell it.
fn key(name: &str) -> [u8; 32] {
    match name.parse::<LoginName>() {
        Ok(name) => digest(name.as_str().as_bytes()),
        Err(_) => digest(name.as_bytes()),
    }
}
