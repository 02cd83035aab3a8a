//! What the processes of a stack share and may lose: the token buckets of limits, and the bell that wakes consumers of
//! events. In one process it is memory, for several it is Redis; one test suite holds for both.
//!
//! Nothing here fails. While Redis is away bells stay silent, and every process counts in buckets of its own: never laxer
//! than one process alone would be. Redis is asked again half a second later.

mod bell;
mod memory;
mod outage;
mod redis;

use std::sync::Arc;
use std::time::Duration;

use tally_kernel::{Bucket, Clock};

pub use bell::Bell;
pub use redis::BadAddress;

/// A bucket that a token is taken from: its name, and how much it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draw {
    /// What is counted, and whose it is, such as `wrong-password:<digest>`.
    pub name: String,
    /// The bucket.
    pub bucket: Bucket,
}

/// See the module's text. Cheap to clone; clones share everything.
#[derive(Clone, Debug)]
pub enum Cache {
    /// This process alone.
    Memory(memory::Memory),
    /// Shared by all processes of a stack.
    Redis(Arc<redis::Redis>),
}

impl Cache {
    /// A cache in this process, whose buckets fill by the machine's clock.
    pub fn memory() -> Self {
        Self::memory_at(Clock::System)
    }

    /// A cache in this process, whose buckets fill by `clock`.
    pub fn memory_at(clock: Clock) -> Self {
        Self::Memory(memory::Memory::new(clock))
    }

    /// A cache in Redis: `redis://127.0.0.1:6379`, or `rediss://..` for TLS. It connects at the first use and again
    /// whenever the connection is lost; an answer that takes longer than `patience` counts as none. Call it inside a tokio
    /// runtime.
    ///
    /// # Errors
    /// When the address cannot be read.
    pub fn redis(url: &str, patience: Duration) -> Result<Self, BadAddress> {
        redis::Redis::new(url, patience).map(|redis| Self::Redis(Arc::new(redis)))
    }

    /// Takes a token from each of these buckets, or from none: in Redis that is one step and one way there and back, by
    /// the clock of Redis.
    ///
    /// # Errors
    /// How long until each of them has a token.
    pub async fn take(&self, draws: &[Draw]) -> Result<(), Duration> {
        match self {
            Self::Memory(memory) => memory.take(draws),
            Self::Redis(redis) => redis.take(draws).await,
        }
    }

    /// Whether what is shared can be reached: always in one process.
    pub async fn answers(&self) -> bool {
        match self {
            Self::Memory(_) => true,
            Self::Redis(redis) => redis.answers().await,
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
