//! All addresses of one name, and which of them the next call goes to.
//!
//! Why not `Channel::balance_channel`: there an address that refuses connections counts as ready and answers every other
//! call with its error, nobody learns which address failed, and where no address is known calls wait for ever. Here each
//! address has a [`Channel`] of its own, which connects again by itself.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::OwnedMutexGuard;
use tonic::transport::Channel;

/// A name is asked for again at most this often, however many calls fail.
const ASK_AT_MOST_EVERY: Duration = Duration::from_millis(100);
/// How long an address is left alone after its first failure; each further one in a row doubles it.
const LEFT_ALONE: Duration = Duration::from_millis(250);
const LEFT_ALONE_MAX: Duration = Duration::from_secs(30);

/// Says the addresses of a host for a port.
pub type Say = dyn Fn(&str, u16) -> Vec<SocketAddr> + Send + Sync;

/// Finds the addresses of a host.
#[derive(Clone, Default)]
pub enum Resolve {
    /// As the machine does it: DNS and `/etc/hosts`.
    #[default]
    Machine,
    /// As this says: for tests.
    By(Arc<Say>),
}

impl std::fmt::Debug for Resolve {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Machine => f.write_str("Machine"),
            Self::By(_) => f.write_str("By(..)"),
        }
    }
}

impl Resolve {
    pub(crate) async fn ask(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let mut all = match self {
            Self::Machine => tokio::net::lookup_host((host, port)).await?.collect(),
            Self::By(say) => say(host, port),
        };
        all.sort_unstable();
        all.dedup();
        if all.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address")));
        }
        Ok(all)
    }
}

/// Makes the channel to one address.
pub(crate) type Dial = Box<dyn Fn(SocketAddr) -> Channel + Send + Sync>;

/// The addresses of a name. They are asked for again when they are older than `every`, and after a failure.
pub(crate) struct Addresses {
    host: String,
    port: u16,
    every: Duration,
    resolve: Resolve,
    dial: Dial,
    known: Mutex<Known>,
    /// Held by whoever asks.
    asking: Arc<tokio::sync::Mutex<()>>,
    turn: AtomicUsize,
}

#[derive(Default)]
struct Known {
    all: Vec<Arc<Address>>,
    asked: Option<Instant>,
    doubtful: bool,
}

impl Addresses {
    pub(crate) fn new((host, port): (String, u16), every: Duration, resolve: Resolve, dial: Dial) -> Self {
        let (known, asking, turn) = (Mutex::default(), Arc::default(), AtomicUsize::new(0));
        Self { host, port, every, resolve, dial, known, asking, turn }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to it that there are addresses. Where there are old ones nobody waits for new ones.
    pub(crate) async fn ready(self: &Arc<Self>) -> io::Result<()> {
        let (none, old) = {
            let known = self.known();
            let age = known.asked.map(|at| at.elapsed());
            let limit = if known.doubtful { ASK_AT_MOST_EVERY } else { self.every };
            (known.all.is_empty(), age.is_none_or(|age| age >= limit))
        };
        if none {
            return self.renew().await;
        }
        if let (true, Ok(asking)) = (old, Arc::clone(&self.asking).try_lock_owned()) {
            let this = Arc::clone(self);
            tokio::spawn(async move {
                if let Err(error) = this.ask(asking).await {
                    tracing::warn!(host = this.host, %error, "a name could not be resolved: its old addresses stay");
                }
            });
        }
        Ok(())
    }

    /// Asks for the addresses and waits for the answer; somebody else's answer will do where it is newer than the question.
    pub(crate) async fn renew(&self) -> io::Result<()> {
        let began = Instant::now();
        let asking = Arc::clone(&self.asking).lock_owned().await;
        let enough = {
            let known = self.known();
            let since = known.asked.filter(|_| !known.all.is_empty());
            since.is_some_and(|at| at >= began || at.elapsed() < ASK_AT_MOST_EVERY)
        };
        if enough { Ok(()) } else { self.ask(asking).await }
    }

    async fn ask(&self, _asking: OwnedMutexGuard<()>) -> io::Result<()> {
        let found = self.resolve.ask(&self.host, self.port).await;
        let mut known = self.known();
        known.asked = Some(Instant::now());
        known.doubtful = false;
        // What is under way on an address that is gone ends by itself; its channel closes afterwards.
        let old = std::mem::take(&mut known.all);
        let kept = |at| old.iter().find(|address| address.at == at).map(Arc::clone);
        known.all = match &found {
            Ok(found) => found.iter().map(|at| kept(*at).unwrap_or_else(|| Arc::new(self.address(*at)))).collect(),
            Err(_) => old,
        };
        found.map(|_| ())
    }

    fn address(&self, at: SocketAddr) -> Address {
        Address { at, channel: (self.dial)(at), waiting: AtomicUsize::new(0), backoff: Mutex::default() }
    }

    /// Where the next call goes: of the addresses that work and were not tried, the one with the fewest calls under way, in
    /// turn where several have as few. Where none works, the one that was left alone the longest. Nothing when all were tried.
    pub(crate) fn choose(&self, tried: &[SocketAddr]) -> Option<Arc<Address>> {
        let known = self.known();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % known.all.len().max(1);
        let (before, after) = known.all.split_at(turn);
        let left = || after.iter().chain(before).filter(|address| !tried.contains(&address.at));
        let now = Instant::now();
        let works = left().filter(|address| address.backoff().over(now));
        let chosen = works.min_by_key(|address| address.waiting.load(Ordering::Relaxed));
        let chosen = chosen.or_else(|| left().min_by_key(|address| address.backoff().until))?;
        chosen.tested(now);
        Some(Arc::clone(chosen))
    }

    /// Which of many calls this is, for pauses that differ.
    pub(crate) fn turn(&self) -> usize {
        self.turn.load(Ordering::Relaxed)
    }

    /// Notes that an address failed.
    pub(crate) fn failed(&self, address: &Address) {
        address.failed();
        self.known().doubtful = true;
    }
}

/// One address.
pub(crate) struct Address {
    pub(crate) at: SocketAddr,
    pub(crate) channel: Channel,
    waiting: AtomicUsize,
    backoff: Mutex<Backoff>,
}

/// Failures in a row, and until when nobody is sent there who can go elsewhere.
#[derive(Clone, Copy, Default)]
struct Backoff {
    failures: u32,
    until: Option<Instant>,
}

impl Backoff {
    fn over(&self, now: Instant) -> bool {
        self.until <= Some(now)
    }

    fn more(&mut self, now: Instant) {
        self.until = Some(now + LEFT_ALONE.saturating_mul(1 << self.failures.min(10)).min(LEFT_ALONE_MAX));
        self.failures += 1;
    }
}

impl Address {
    fn backoff(&self) -> MutexGuard<'_, Backoff> {
        self.backoff.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call as under way until the answer is dropped.
    pub(crate) fn begin(&self) -> UnderWay<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        UnderWay(&self.waiting)
    }

    /// One call finds out whether an address that failed works again; the others do not wait for it.
    fn tested(&self, now: Instant) {
        let mut backoff = self.backoff();
        if backoff.failures > 0 && backoff.over(now) {
            backoff.more(now);
        }
    }

    /// Many calls that fail at once are one failure.
    fn failed(&self) {
        let (mut backoff, now) = (self.backoff(), Instant::now());
        if backoff.over(now) {
            backoff.more(now);
        }
    }

    pub(crate) fn works(&self) {
        *self.backoff() = Backoff::default();
    }
}

/// See [`Address::begin`].
pub(crate) struct UnderWay<'a>(&'a AtomicUsize);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
