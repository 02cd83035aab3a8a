//! What may be forgotten: compiled views, hot read models, counters of rate limits, and the bell that wakes consumers
//! of events. In one process it is memory, for several it is Redis; one test suite holds for both.
//!
//! Every key holds the revision its value was computed at, so a delete that gets lost can never revive anything: a
//! newer revision asks for another key. When Redis is lost, everything is a miss and counters are unknown: slower,
//! never wrong, and never laxer, because who counts must decide what "unknown" means.

mod bell;
mod memory;
mod redis;

use std::fmt;
use std::time::Duration;

pub use bell::Bell;
pub use redis::BadAddress;

/// A key: what, whose, which, and the revision the value was computed at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key(String);

impl Key {
    /// The value of `kind` (a word such as `view`) of the thing `id` in `tenant`, as of `revision`.
    pub fn new(kind: &'static str, tenant: impl fmt::Display, id: impl fmt::Display, revision: u64) -> Self {
        Self(format!("tally:{kind}:{tenant}:{id}@{revision}"))
    }

    /// The text that Redis sees.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// See the module's text. Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub enum Cache {
    /// This process alone.
    Memory(memory::Memory),
    /// Shared by all processes of a stack.
    Redis(redis::Redis),
}

impl Cache {
    /// A cache in this process.
    pub fn memory() -> Self {
        Self::Memory(memory::Memory::new())
    }

    /// A cache in Redis: `redis://127.0.0.1:6379`, or `rediss://..` for TLS. It connects at the first use and again
    /// whenever the connection is lost. Call it inside a tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be read.
    pub fn redis(url: &str) -> Result<Self, BadAddress> {
        redis::Redis::new(url).map(Self::Redis)
    }

    /// The value, or nothing when it is not there, too old, or the cache is away.
    pub async fn get(&self, key: &Key) -> Option<Vec<u8>> {
        match self {
            Self::Memory(memory) => memory.get(key).await,
            Self::Redis(redis) => redis.get(key).await,
        }
    }

    /// Keeps a value for `ttl` (at least a millisecond). It may be gone earlier.
    pub async fn set(&self, key: &Key, value: &[u8], ttl: Duration) {
        match self {
            Self::Memory(memory) => memory.set(key, value, ttl).await,
            Self::Redis(redis) => redis.set(key, value, ttl).await,
        }
    }

    /// Forgets a value, to save room: correctness never needs it.
    pub async fn del(&self, key: &Key) {
        match self {
            Self::Memory(memory) => memory.del(key).await,
            Self::Redis(redis) => redis.del(key).await,
        }
    }

    /// Counts one more `what` of `who` and tells how many there were since the first of this `window`. `None` means
    /// that nobody knows now: a limit must then be at least as strict as with an answer.
    pub async fn count(&self, what: &'static str, who: impl fmt::Display, window: Duration) -> Option<u64> {
        let name = format!("tally:count:{what}:{who}");
        match self {
            Self::Memory(memory) => Some(memory.count(name, window).await),
            Self::Redis(redis) => redis.count(&name, window).await,
        }
    }

    /// Rings the bell `name`: whoever listens looks again. A bell may be missed, so who listens also looks from time
    /// to time.
    pub async fn ring(&self, name: &str) {
        match self {
            Self::Memory(memory) => memory.ring(name),
            Self::Redis(redis) => redis.ring(name).await,
        }
    }

    /// Listens to the bell `name`. Call it inside a tokio runtime.
    pub fn bell(&self, name: &str) -> Bell {
        match self {
            Self::Memory(memory) => memory.bell(name),
            Self::Redis(redis) => redis.bell(name),
        }
    }
}
