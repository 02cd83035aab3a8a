//! The cache that all processes of a stack share. Nothing here fails: after an error Redis is left alone for a moment
//! and everything is a miss, so that a lost Redis costs one short wait and not one per call.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisResult, Script};
use tokio::sync::watch;

use crate::{Bell, Key};

/// How long one answer may take before Redis counts as away.
const ANSWER_WITHIN: Duration = Duration::from_millis(250);
/// How long Redis is left alone after an error.
const LEFT_ALONE: Duration = Duration::from_millis(500);

/// Counts and starts the window with the first count, in one step.
const COUNT: &str = "local n = redis.call('INCR', KEYS[1]) \
                     if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end return n";

/// The address of Redis cannot be read.
#[derive(Debug)]
pub struct BadAddress(String);

impl fmt::Display for BadAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not an address of Redis: {} (expected redis://host:6379 or rediss://..)", self.0)
    }
}

impl std::error::Error for BadAddress {}

/// See the module's text.
#[derive(Clone)]
pub struct Redis {
    client: Client,
    manager: ConnectionManager,
    count: Arc<Script>,
    started: Instant,
    /// Milliseconds after `started` until which Redis is left alone.
    alone_until: Arc<AtomicU64>,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redis(..)")
    }
}

impl Redis {
    pub(crate) fn new(url: &str) -> Result<Self, BadAddress> {
        // The driver's text may hold the password; its kind does not.
        let bad = |e: redis::RedisError| BadAddress(format!("{:?}", e.kind()));
        let client = Client::open(url).map_err(bad)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(ANSWER_WITHIN))
            .set_response_timeout(Some(ANSWER_WITHIN))
            .set_number_of_retries(0)
            .set_min_delay(Duration::from_millis(1));
        let manager = ConnectionManager::new_lazy_with_config(client.clone(), config).map_err(bad)?;
        Ok(Self {
            client,
            manager,
            count: Arc::new(Script::new(COUNT)),
            started: Instant::now(),
            alone_until: Arc::default(),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The answer, or nothing when Redis is away.
    async fn ask<T>(&self, question: impl Future<Output = RedisResult<T>>) -> Option<T> {
        if self.now() < self.alone_until.load(Ordering::Relaxed) {
            return None;
        }
        // The driver has time limits of its own; this one also holds while it is connecting.
        let error = match tokio::time::timeout(ANSWER_WITHIN * 2, question).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        let until = self.now() + u64::try_from(LEFT_ALONE.as_millis()).unwrap_or(0);
        if self.alone_until.swap(until, Ordering::Relaxed) < self.now() {
            tracing::warn!(error, "Redis is away: going on without it, slower");
        }
        None
    }

    pub(crate) async fn get(&self, key: &Key) -> Option<Vec<u8>> {
        let mut redis = self.manager.clone();
        let command = redis::cmd("GET").arg(key.as_str()).to_owned();
        self.ask(async { command.query_async::<Option<Vec<u8>>>(&mut redis).await }).await.flatten()
    }

    pub(crate) async fn set(&self, key: &Key, value: &[u8], ttl: Duration) {
        let mut redis = self.manager.clone();
        let command = redis::cmd("SET").arg(key.as_str()).arg(value).arg("PX").arg(millis(ttl)).to_owned();
        self.ask(async { command.query_async::<()>(&mut redis).await }).await;
    }

    pub(crate) async fn del(&self, key: &Key) {
        let mut redis = self.manager.clone();
        let command = redis::cmd("DEL").arg(key.as_str()).to_owned();
        self.ask(async { command.query_async::<()>(&mut redis).await }).await;
    }

    pub(crate) async fn count(&self, name: &str, window: Duration) -> Option<u64> {
        let mut redis = self.manager.clone();
        let mut call = self.count.key(name);
        call.arg(millis(window));
        self.ask(async { call.invoke_async::<u64>(&mut redis).await }).await
    }

    pub(crate) async fn ring(&self, name: &str) {
        let mut redis = self.manager.clone();
        let command = redis::cmd("PUBLISH").arg(channel(name)).arg("").to_owned();
        self.ask(async { command.query_async::<()>(&mut redis).await }).await;
    }

    pub(crate) fn bell(&self, name: &str) -> Bell {
        let (sender, receiver) = watch::channel(0);
        let listener = tokio::spawn(listen(self.client.clone(), channel(name), sender));
        Bell::new(receiver, Some(listener.abort_handle()))
    }
}

/// Listens for ever; what may have been missed while the connection was away counts as a ring.
async fn listen(client: Client, channel: String, rings: watch::Sender<u64>) {
    loop {
        if let Ok(Ok(mut subscription)) = tokio::time::timeout(ANSWER_WITHIN * 4, client.get_async_pubsub()).await
            && subscription.subscribe(&channel).await.is_ok()
        {
            rings.send_modify(|rings| *rings += 1);
            let mut messages = subscription.on_message();
            while messages.next().await.is_some() {
                rings.send_modify(|rings| *rings += 1);
            }
        }
        tokio::time::sleep(LEFT_ALONE).await;
    }
}

fn channel(name: &str) -> String {
    format!("tally:bell:{name}")
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}
