//! What many look at at once: one stream for all of them, from the first who looks until the last has gone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use tokio::sync::watch;

type Sender<T> = Arc<watch::Sender<Option<T>>>;

/// The streams that are looked at just now, by what they are of. Cheap to clone; clones share everything.
#[derive(Debug)]
pub struct Watches<K, T>(Arc<Mutex<BTreeMap<K, Sender<T>>>>);

impl<K, T> Clone for Watches<K, T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, T> Default for Watches<K, T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K, T> Watches<K, T>
where
    K: Clone + Ord + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// Joins whoever looks at `key`: what was told last, at once, and what follows, without what was outdated before it could be read. The
    /// first of them opens the stream; it ends with the last. Who may look has been asked before.
    pub fn join<S>(&self, key: K, open: impl FnOnce() -> S) -> BoxStream<'static, T>
    where
        S: Stream<Item = T> + Send + 'static,
    {
        let mut receiver = self.receiver(key, open);
        receiver.mark_changed();
        told(receiver).boxed()
    }

    /// The same for whoever finds out how it stands after joining: what is told from now on.
    pub fn follow<S>(&self, key: K, open: impl FnOnce() -> S) -> BoxStream<'static, T>
    where
        S: Stream<Item = T> + Send + 'static,
    {
        told(self.receiver(key, open)).boxed()
    }

    fn receiver<S>(&self, key: K, open: impl FnOnce() -> S) -> watch::Receiver<Option<T>>
    where
        S: Stream<Item = T> + Send + 'static,
    {
        let mut live = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = live.get(&key) {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(None);
        let sender = Arc::new(sender);
        live.insert(key.clone(), Arc::clone(&sender));
        tokio::spawn(self.clone().pump(key, sender, open()));
        receiver
    }

    async fn pump<S: Stream<Item = T> + Send + 'static>(self, key: K, sender: Sender<T>, stream: S) {
        let mut stream = std::pin::pin!(stream);
        loop {
            tokio::select! {
                told = stream.next() => match told {
                    Some(told) => drop(sender.send_replace(Some(told))),
                    None => break self.forget(&key),
                },
                () = sender.closed() => if self.forget_unwatched(&key, &sender) { break },
            }
        }
    }

    fn forget(&self, key: &K) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Whether it is forgotten: not where somebody has joined in the meantime.
    fn forget_unwatched(&self, key: &K, sender: &Sender<T>) -> bool {
        let mut live = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unwatched = sender.receiver_count() == 0;
        if unwatched {
            live.remove(key);
        }
        unwatched
    }
}

/// What a receiver has not seen yet.
fn told<T: Clone + Send + Sync + 'static>(receiver: watch::Receiver<Option<T>>) -> impl Stream<Item = T> + Send {
    let told = futures::stream::unfold(receiver, async |mut receiver| {
        receiver.changed().await.ok()?;
        let told = receiver.borrow_and_update().clone();
        Some((told, receiver))
    });
    told.filter_map(futures::future::ready)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_thousand_who_look_open_one_stream_and_all_are_told() {
        let (watches, opened) = (Watches::<&str, &str>::default(), AtomicUsize::new(0));
        let (tell, heard) = futures::channel::mpsc::unbounded();
        let mut heard = Some(heard);
        let mut join = || {
            let open = || {
                opened.fetch_add(1, Ordering::Relaxed);
                heard.take().expect("opened once")
            };
            watches.join("cycle", open)
        };
        let mut pages: Vec<_> = (0..1_000).map(|_| join()).collect();
        tell.unbounded_send("half").expect("it is heard");
        let firsts = futures::future::join_all(pages.iter_mut().map(StreamExt::next)).await;
        assert!(firsts.into_iter().all(|first| first == Some("half")));
        let (late, mut later) = (join(), watches.follow("cycle", futures::stream::empty));
        tell.unbounded_send("all").expect("it is heard");
        drop(tell);
        assert_eq!(later.next().await, Some("all"), "and not what was told before");
        for said in futures::future::join_all(pages.into_iter().chain([late]).map(StreamExt::collect::<Vec<_>>)).await {
            assert_eq!(said.last(), Some(&"all"));
        }
        assert_eq!(opened.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn the_stream_ends_with_the_last_who_looks_and_is_opened_anew() {
        let watches = Watches::<&str, &str>::default();
        let (tell, heard) = futures::channel::mpsc::unbounded();
        drop(watches.join("cycle", || heard));
        // The stream is dropped once nobody looks.
        while !tell.is_closed() {
            tokio::task::yield_now().await;
        }
        let page = watches.join("cycle", || futures::stream::iter(["new"]));
        assert_eq!(page.collect::<Vec<_>>().await, ["new"]);
    }

    #[tokio::test]
    async fn a_stream_that_breaks_ends_all_who_look() {
        let watches = Watches::<&str, &str>::default();
        assert!(watches.join("cycle", futures::stream::empty).collect::<Vec<_>>().await.is_empty());
    }
}
