//! The cache that all processes of a stack share. Nothing here fails: after an error Redis is left alone for a moment and
//! this process goes on by itself, so that a lost Redis costs one short wait and not one per call.

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisResult, Script};
use tally_kernel::Clock;
use tokio::sync::watch;

use crate::memory::Memory;
use crate::outage::{Outage, Said};
use crate::{Bell, Draw};

/// How long Redis is left alone after an error.
const LEFT_ALONE: Duration = Duration::from_millis(500);

/// The clock of Redis decides, in microseconds: a double holds them exactly until the year 2255.
const NOW: &str = "local time = redis.call('TIME') local now = time[1] * 1000000 + time[2]\n";
/// [`Bucket::take`](tally_kernel::Bucket::take) for each of the keys, or for none. A key is gone when its bucket is full.
const TAKE: &str = include_str!("take.lua");

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
pub struct Redis {
    client: Client,
    manager: ConnectionManager,
    take: Script,
    /// Counts while Redis is away.
    alone: Memory,
    /// How long one answer may take before Redis counts as away.
    patience: Duration,
    started: Instant,
    /// Milliseconds after `started` until which Redis is left alone.
    alone_until: AtomicU64,
    outage: Outage,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redis(..)")
    }
}

impl Redis {
    pub(crate) fn new(url: &str, patience: Duration) -> Result<Self, BadAddress> {
        // The driver's text may hold the password; its kind does not.
        let bad = |e: redis::RedisError| BadAddress(format!("{:?}", e.kind()));
        let client = Client::open(url).map_err(bad)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(patience))
            .set_response_timeout(Some(patience))
            .set_number_of_retries(0)
            .set_min_delay(Duration::from_millis(1));
        let manager = ConnectionManager::new_lazy_with_config(client.clone(), config).map_err(bad)?;
        Ok(Self {
            client,
            manager,
            take: Script::new(&format!("{NOW}{TAKE}")),
            alone: Memory::new(Clock::System),
            patience,
            started: Instant::now(),
            alone_until: AtomicU64::default(),
            outage: Outage::default(),
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
        let error = match tokio::time::timeout(self.patience * 2, question).await {
            Ok(Ok(answer)) => {
                self.say(|outage, now| outage.answered(now), "");
                return Some(answer);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        let until = self.now() + u64::try_from(LEFT_ALONE.as_millis()).unwrap_or(0);
        // Of the calls that failed together one counts.
        if self.alone_until.swap(until, Ordering::Relaxed) < self.now() {
            self.say(|outage, now| outage.failed(now), &error);
        }
        None
    }

    fn say(&self, what: impl FnOnce(&Outage, Instant) -> Option<Said>, error: &str) {
        match what(&self.outage, Instant::now()) {
            None => {}
            Some(Said::Gone) => {
                tracing::warn!(error, "Redis is away: this process counts calls by itself until it is back");
            }
            Some(Said::StillAway { since, unsaid }) => {
                tracing::warn!(error, ?since, unsaid, "Redis is still away: this process counts calls by itself");
            }
            Some(Said::Back { since }) => tracing::info!(?since, "Redis is back"),
        }
    }

    pub(crate) async fn take(&self, draws: &[Draw]) -> Result<(), Duration> {
        let mut redis = self.manager.clone();
        let mut call = self.take.prepare_invoke();
        for Draw { name, bucket } in draws {
            call.key(format!("tally:bucket:{name}")).arg(bucket.tokens()).arg(bucket.every_micros());
        }
        match self.ask(async { call.invoke_async::<u64>(&mut redis).await }).await {
            Some(0) => Ok(()),
            Some(micros) => Err(Duration::from_micros(micros)),
            None => self.alone.take(draws),
        }
    }

    pub(crate) async fn answers(&self) -> bool {
        let mut redis = self.manager.clone();
        self.ask(async { redis::cmd("PING").query_async::<()>(&mut redis).await }).await.is_some()
    }

    pub(crate) async fn ring(&self, name: &str) {
        let mut redis = self.manager.clone();
        let command = redis::cmd("PUBLISH").arg(channel(name)).arg("").to_owned();
        self.ask(async { command.query_async::<()>(&mut redis).await }).await;
    }

    pub(crate) fn bell(&self, name: &str) -> Bell {
        let (sender, receiver) = watch::channel(0);
        let listener = tokio::spawn(listen(self.client.clone(), self.patience, channel(name), sender));
        Bell::new(receiver, Some(listener.abort_handle()))
    }
}

/// Listens for ever; what may have been missed while the connection was away counts as a ring.
async fn listen(client: Client, patience: Duration, channel: String, rings: watch::Sender<u64>) {
    loop {
        if let Ok(Ok(mut subscription)) = tokio::time::timeout(patience * 4, client.get_async_pubsub()).await
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

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use jiff::{SignedDuration, Timestamp};
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};
    use tally_kernel::Bucket;
    use tally_testkit::redis::Redis as Server;

    use super::*;

    /// A bucket, and how many microseconds pass before each of the tries; a clock may also be set back. A token takes a
    /// minute or more, since keys expire by the clock of Redis whatever instant is told.
    fn tries() -> impl Strategy<Value = (u32, i64, Vec<i64>)> {
        let every = 60_000_000..180_000_000_i64;
        (1..8_u32, every).prop_flat_map(|(tokens, every)| {
            let pause = prop_oneof![Just(0), 0..every * 2, -every..every * 9];
            (Just(tokens), Just(every), prop::collection::vec(pause, 1..40))
        })
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_script_gives_the_answers_of_the_kernels_bucket_at_every_instant() {
        let server = Server::start();
        let connection = RefCell::new(Client::open(server.url()).unwrap().get_connection().unwrap());
        // The instant comes along instead of being read; the rest is the script of production.
        let script = Script::new(&format!("local now = tonumber(ARGV[#ARGV])\n{TAKE}"));
        let cases = Cell::new(0);
        TestRunner::new(Config::with_cases(60))
            .run(&tries(), |(tokens, every, pauses)| {
                cases.set(cases.get() + 1);
                let bucket = Bucket::new(tokens, SignedDuration::from_micros(every));
                let (mut now, mut full_at) = (1_772_000_000_000_000_i64, Timestamp::MIN);
                for pause in pauses {
                    now += pause;
                    let expected = bucket.take(full_at, Timestamp::from_microsecond(now).unwrap());
                    let mut call = script.key(cases.get());
                    call.arg(tokens).arg(every).arg(now);
                    let micros: u64 = call.invoke(&mut *connection.borrow_mut()).unwrap();
                    let told = expected.map_or_else(|wait| wait, |_| Duration::ZERO);
                    prop_assert_eq!(Duration::from_micros(micros), told);
                    full_at = expected.unwrap_or(full_at);
                }
                Ok(())
            })
            .unwrap();
    }
}
