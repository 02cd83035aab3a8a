//! The pool for work that keeps a core busy: attribution, scoring, password hashes. It has its own threads, so that
//! calls are answered while it works, and a bounded queue, so that more work waits outside instead of piling up.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use rayon::{ThreadPool, ThreadPoolBuilder};
use tally_kernel::{Error, Result};
use tokio::sync::{Semaphore, oneshot};
use tracing::Span;
use tracing::field::Empty;

/// Jobs per thread that are running or queued; further callers wait.
const JOBS_PER_THREAD: usize = 4;

/// See the module's text. Cheap to clone; clones share the pool.
#[derive(Clone)]
pub struct Compute {
    pool: Arc<ThreadPool>,
    places: Arc<Semaphore>,
}

impl fmt::Debug for Compute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Compute({} threads)", self.pool.current_num_threads())
    }
}

impl Compute {
    /// A pool of this many threads; 0 means one per core.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn new(threads: usize) -> Result<Self> {
        let pool = ThreadPoolBuilder::new().num_threads(threads).thread_name(|n| format!("compute-{n}")).build();
        let pool = pool.map_err(|e| Error::internal(format!("compute pool: {e}")))?;
        let places = Arc::new(Semaphore::new(pool.current_num_threads() * JOBS_PER_THREAD));
        Ok(Self { pool: Arc::new(pool), places })
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// The threads themselves, for work on them that takes a pool.
    pub fn pool(&self) -> &ThreadPool {
        &self.pool
    }

    /// Runs `work` on the pool, which its trace knows as `kind`; inside, rayon's parallel iterators use the same threads. A caller who goes away before
    /// the work has begun takes it along; work that has begun ends.
    ///
    /// # Errors
    /// An internal error when the work panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        kind: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let (threads, asked) = (self.threads(), Instant::now());
        let span =
            tracing::debug_span!("compute", compute.kind = kind, compute.threads = threads, compute.waited_ms = Empty);
        let span = if span.is_disabled() { Span::current() } else { span };
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(Error::internal)?;
        let (sender, receiver) = oneshot::channel();
        self.pool.spawn(move || {
            let _place = place;
            if sender.is_closed() {
                return;
            }
            span.record("compute.waited_ms", u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX));
            let result = span.in_scope(|| catch_unwind(AssertUnwindSafe(work)));
            // The caller may have gone meanwhile.
            let _unheard = sender.send(result.map_err(|_| Error::internal("a computation panicked")));
        });
        receiver.await.unwrap_or_else(|_| Err(Error::internal("a computation was lost")))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn work_gives_its_result_and_a_panic_is_an_error() {
        let compute = Compute::new(1).unwrap();
        assert_eq!(compute.run("test", || 6 * 7).await.unwrap(), 42);
        assert!(compute.run("test", || assert_eq!(1, 2)).await.is_err());
        assert_eq!(compute.run("test", || "still alive").await.unwrap(), "still alive");
    }

    #[tokio::test]
    async fn work_whose_caller_went_away_before_its_turn_never_runs() {
        let compute = Compute::new(1).unwrap();
        let (release, gate) = mpsc::channel::<()>();
        let first = tokio::spawn({
            let compute = compute.clone();
            async move { compute.run("test", move || gate.recv().is_ok()).await }
        });
        while compute.places.available_permits() == JOBS_PER_THREAD {
            tokio::task::yield_now().await;
        }
        let ran = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ran);
        let mut second = Box::pin(compute.run("test", move || seen.store(true, Ordering::SeqCst)));
        assert!(futures::poll!(&mut second).is_pending());
        drop(second);
        release.send(()).unwrap();
        assert!(first.await.unwrap().unwrap());
        compute.run("test", || ()).await.unwrap();
        assert!(!ran.load(Ordering::SeqCst));
    }
}
