//! The listening half of a bell: a counter that is watched.

use tokio::sync::watch;
use tokio::task::AbortHandle;

/// Hears a bell. Rings while nobody waits are remembered as one.
#[derive(Debug)]
pub struct Bell {
    rings: watch::Receiver<u64>,
    listener: Option<AbortHandle>,
}

impl Bell {
    pub(crate) fn new(rings: watch::Receiver<u64>, listener: Option<AbortHandle>) -> Self {
        Self { rings, listener }
    }

    /// Waits for a ring since the last time. It may ring for nothing (after a lost connection), and it never returns
    /// once the cache is gone: wait for it beside a timer.
    pub async fn heard(&mut self) {
        if self.rings.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
    }
}
