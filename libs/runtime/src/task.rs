//! Background work that lives as long as the process and ends when it is asked to.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tally_kernel::{Error, Result};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::Instrument;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Asks everybody who holds a [`Shutdown`] of it to end.
#[derive(Debug)]
pub struct Trigger(watch::Sender<bool>);

impl Trigger {
    /// A trigger that nobody pulled.
    pub fn new() -> Self {
        Self(watch::channel(false).0)
    }

    /// The listening side.
    pub fn shutdown(&self) -> Shutdown {
        Shutdown(self.0.subscribe())
    }

    /// Asks.
    pub fn pull(&self) {
        self.0.send_replace(true);
    }
}

impl Default for Trigger {
    fn default() -> Self {
        Self::new()
    }
}

/// Tells background work that the process is ending. A dropped trigger says so too.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// Whether it is time to end.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits until it is time to end.
    pub async fn requested(&self) {
        let mut requested = self.0.clone();
        // An error means that the trigger is gone, which asks as well.
        let _asked = requested.wait_for(|requested| *requested).await;
    }

    /// Waits for `pause`, or less when it is time to end. Says whether to go on.
    pub async fn sleep(&self, pause: Duration) -> bool {
        tokio::time::timeout(pause, self.requested()).await.is_err()
    }
}

type Run = Arc<dyn Fn(Shutdown) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// One piece of background work.
#[derive(Clone)]
pub struct Task {
    name: &'static str,
    run: Run,
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Task({})", self.name)
    }
}

impl Task {
    /// Work that ends when `shutdown` asks, or by itself with `Ok` when it is done for good. When it fails or panics it
    /// is started again, after pauses that grow from 1 s to 30 s.
    pub fn new<F, W>(name: &'static str, work: W) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
        W: Fn(Shutdown) -> F + Send + Sync + 'static,
    {
        Self { name, run: Arc::new(move |shutdown| work(shutdown).boxed()) }
    }

    /// What it is called in the log.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Starts it and keeps it going until `shutdown` asks.
    pub fn start(self, shutdown: Shutdown) -> JoinHandle<()> {
        // For the log only: as a parent in exported traces it would tie all work of the process into one trace.
        let span = tracing::info_span!(target: "background", parent: None, "background", task = self.name);
        tokio::spawn(self.keep_going(shutdown, FIRST_PAUSE).instrument(span))
    }

    async fn keep_going(self, shutdown: Shutdown, mut pause: Duration) {
        while !shutdown.is_requested() {
            let ended = AssertUnwindSafe((self.run)(shutdown.clone())).catch_unwind().await;
            match ended.unwrap_or_else(|_| Err(Error::internal("it panicked"))) {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(task = self.name, ?error, ?pause, "background work failed: starting again")
                }
            }
            if !shutdown.sleep(pause).await {
                return;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn work_that_fails_or_panics_is_started_again_until_it_is_done() {
        let tries = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tries);
        let task = Task::new("flaky", move |_| {
            let n = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                match n {
                    0 => Err(Error::internal("first")),
                    1 => panic!("second"),
                    _ => Ok(()),
                }
            }
        });
        let trigger = Trigger::new();
        task.keep_going(trigger.shutdown(), Duration::ZERO).await;
        assert_eq!(tries.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn work_ends_when_it_is_asked_to() {
        let trigger = Trigger::new();
        let task = Task::new("patient", |shutdown: Shutdown| async move {
            shutdown.requested().await;
            Ok(())
        });
        let handle = task.start(trigger.shutdown());
        trigger.pull();
        handle.await.unwrap();
        assert!(!trigger.shutdown().sleep(Duration::from_secs(3600)).await);
    }
}
