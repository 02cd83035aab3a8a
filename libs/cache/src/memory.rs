//! The cache of one process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::future::Cache;
use tokio::sync::watch;

use crate::{Bell, Key};

/// Bytes of keys and values that are kept at most.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Counters that are kept at most.
const MAX_COUNTERS: u64 = 100_000;

#[derive(Clone, Debug)]
struct Value {
    bytes: Arc<[u8]>,
    ttl: Duration,
}

#[derive(Clone, Debug)]
struct Counter {
    count: u64,
    until: Instant,
}

struct ByValue;

impl Expiry<String, Value> for ByValue {
    fn expire_after_create(&self, _key: &String, value: &Value, _at: Instant) -> Option<Duration> {
        Some(value.ttl)
    }

    fn expire_after_update(&self, _: &String, value: &Value, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(value.ttl)
    }
}

/// See the module's text.
#[derive(Clone, Debug)]
pub struct Memory {
    values: Cache<String, Value>,
    counters: Cache<String, Counter>,
    bells: Arc<Mutex<HashMap<String, watch::Sender<u64>>>>,
}

impl Memory {
    pub(crate) fn new() -> Self {
        let weight = |key: &String, value: &Value| u32::try_from(key.len() + value.bytes.len()).unwrap_or(u32::MAX);
        Self {
            values: Cache::builder().max_capacity(MAX_BYTES).weigher(weight).expire_after(ByValue).build(),
            counters: Cache::new(MAX_COUNTERS),
            bells: Arc::default(),
        }
    }

    pub(crate) async fn get(&self, key: &Key) -> Option<Vec<u8>> {
        self.values.get(key.as_str()).await.map(|value| value.bytes.to_vec())
    }

    pub(crate) async fn set(&self, key: &Key, value: &[u8], ttl: Duration) {
        self.values.insert(key.as_str().to_owned(), Value { bytes: value.into(), ttl }).await;
    }

    pub(crate) async fn del(&self, key: &Key) {
        self.values.invalidate(key.as_str()).await;
    }

    pub(crate) async fn count(&self, name: String, window: Duration) -> u64 {
        let counted = self.counters.entry(name).and_upsert_with(|there| {
            let now = Instant::now();
            let running = there.map(|entry| entry.into_value()).filter(|counter| now < counter.until);
            let (count, until) = running.map_or((0, now + window), |counter| (counter.count, counter.until));
            std::future::ready(Counter { count: count + 1, until })
        });
        counted.await.into_value().count
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
