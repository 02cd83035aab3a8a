//! Long work that is told of while it goes on, in the answer itself: it ends when nobody listens any more.

use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::{Stream, StreamExt as _};
use tally_kernel::Result;

/// Tells whoever listens how far the work is. Cheap to clone.
#[derive(Debug)]
pub struct Tell<M>(UnboundedSender<Result<M>>);

impl<M> Clone for Tell<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M> Tell<M> {
    /// Tells it; nothing where nobody listens.
    pub fn say(&self, message: M) {
        let _nobody = self.0.unbounded_send(Ok(message));
    }
}

/// What `work` tells of on its way, in order, and last what it came to, or why it could not go on. The work is done by whoever reads the
/// stream, and dropped with it. It tells seldom: what is told waits in memory until it is read.
pub fn working<M, W, F>(work: W) -> impl Stream<Item = Result<M>> + Send + use<M, W, F>
where
    M: Send + 'static,
    W: FnOnce(Tell<M>) -> F,
    F: Future<Output = Result<M>> + Send + 'static,
{
    let (sender, heard) = unbounded();
    let last = sender.clone();
    let done = work(Tell(sender));
    let end = futures::stream::once(async move {
        let _nobody = last.unbounded_send(done.await);
    });
    futures::stream::select(heard, end.filter_map(|()| futures::future::ready(None)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tally_kernel::Error;

    use super::*;

    async fn told(stream: impl Stream<Item = Result<u32>>) -> Vec<Result<u32, String>> {
        stream.map(|one| one.map_err(|error| error.reason().to_owned())).collect().await
    }

    #[tokio::test]
    async fn what_is_told_on_the_way_comes_before_the_end_and_the_end_once() {
        let counting = working(|tell| async move {
            for n in 0..5 {
                tell.say(n);
            }
            Ok(99)
        });
        assert_eq!(told(counting).await, [0, 1, 2, 3, 4, 99].map(Ok));
        let refused = working(|tell| async move {
            tell.say(1);
            Err(Error::not_found("cycle", 7))
        });
        assert_eq!(told(refused).await, [Ok(1), Err("NOT_FOUND".to_owned())]);
    }

    #[tokio::test]
    async fn the_work_ends_with_whoever_listens() {
        let alive = Arc::new(());
        let held = Arc::clone(&alive);
        let stream = working(|tell| async move {
            tell.say(1_u32);
            std::future::pending::<()>().await;
            drop(held);
            Ok(2)
        });
        let mut stream = Box::pin(stream);
        assert_eq!(stream.next().await.transpose().unwrap(), Some(1));
        assert_eq!(Arc::strong_count(&alive), 2);
        drop(stream);
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}
