//! Progress that many pages look at: one stream of a service, shared by all of them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::{Stream, StreamExt as _};
use tokio::sync::watch;

/// Silence after which ways between may think that nobody is there.
const ALIVE: Duration = Duration::from_secs(15);

/// What of progress is told: the same for all who read it in one language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// A part of a page.
    pub html: String,
    /// Nothing comes after it.
    pub rests: bool,
}

type Sender = Arc<watch::Sender<Option<Told>>>;

/// The streams that pages look at just now, by what they are of.
#[derive(Clone, Debug, Default)]
pub struct Watches(Arc<Mutex<BTreeMap<String, Sender>>>);

impl Watches {
    /// Joins whoever looks at `key`; the first of them opens the stream, and it ends with the last. Who may look has been asked before.
    pub fn join<S>(&self, key: String, open: impl FnOnce() -> S) -> watch::Receiver<Option<Told>>
    where
        S: Stream<Item = Told> + Send + 'static,
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

    async fn pump<S: Stream<Item = Told> + Send + 'static>(self, key: String, sender: Sender, stream: S) {
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

    fn forget(&self, key: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Whether it is forgotten: not where somebody has joined in the meantime.
    fn forget_unwatched(&self, key: &str, sender: &Sender) -> bool {
        let mut live = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unwatched = sender.receiver_count() == 0;
        if unwatched {
            live.remove(key);
        }
        unwatched
    }
}

/// What is told, from now on, until it rests or the service ends.
fn from_now(receiver: watch::Receiver<Option<Told>>) -> impl Stream<Item = Told> + Send {
    futures::stream::unfold(Some((receiver, true)), async |state| {
        let (mut receiver, first) = state?;
        loop {
            // What was told before somebody joined they are told at once.
            let known = first.then(|| receiver.borrow_and_update().clone()).flatten();
            let told = match known {
                Some(told) => told,
                None => {
                    receiver.changed().await.ok()?;
                    let Some(told) = receiver.borrow_and_update().clone() else { continue };
                    told
                }
            };
            let next = (!told.rests).then_some((receiver, false));
            return Some((told, next));
        }
    })
}

/// The same for `hx-sse`: parts of a page, and `rests` at the end. A page that hears nothing for long hears that somebody is there.
pub fn answer(receiver: watch::Receiver<Option<Told>>) -> Response {
    let heard = futures::stream::unfold(Box::pin(from_now(receiver)), async |mut told| {
        match tokio::time::timeout(ALIVE, told.next()).await {
            Ok(next) => next.map(|next| (Some(next), told)),
            Err(_) => Some((None, told)),
        }
    });
    let events = heard.flat_map(|told| {
        let events = match told {
            None => vec![Event::default().comment("")],
            Some(Told { html, rests: false }) => vec![Event::default().data(html)],
            Some(Told { html, rests: true }) => {
                vec![Event::default().data(html), Event::default().event("rests").data("rests")]
            }
        };
        futures::stream::iter(events.into_iter().map(Ok::<_, Infallible>))
    });
    Sse::new(events).into_response()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn told(html: &str, rests: bool) -> Told {
        Told { html: html.to_owned(), rests }
    }

    #[tokio::test]
    async fn a_thousand_pages_open_one_stream_and_all_are_told() {
        let (watches, opened) = (Watches::default(), AtomicUsize::new(0));
        let (tell, heard) = futures::channel::mpsc::unbounded();
        let mut heard = Some(heard);
        let pages: Vec<_> = (0..1_000)
            .map(|_| {
                watches.join("cycle".to_owned(), || {
                    opened.fetch_add(1, Ordering::Relaxed);
                    heard.take().expect("opened once")
                })
            })
            .collect();
        tell.unbounded_send(told("half", false)).expect("it is heard");
        let firsts = futures::future::join_all(pages.iter().map(|page| Box::pin(from_now(page.clone())).into_future()));
        assert!(firsts.await.into_iter().all(|(first, _)| first == Some(told("half", false))));
        tell.unbounded_send(told("all", true)).expect("it is heard");
        let rest = pages.into_iter().map(|page| from_now(page).collect::<Vec<_>>());
        for said in futures::future::join_all(rest).await {
            assert_eq!(said.last(), Some(&told("all", true)));
        }
        assert_eq!(opened.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn the_stream_ends_with_the_last_page_and_is_opened_anew() {
        let watches = Watches::default();
        let (tell, heard) = futures::channel::mpsc::unbounded::<Told>();
        drop(watches.join("cycle".to_owned(), || heard));
        // The stream is dropped once nobody looks.
        while !tell.is_closed() {
            tokio::task::yield_now().await;
        }
        let page = watches.join("cycle".to_owned(), || futures::stream::iter([told("new", true)]));
        assert_eq!(from_now(page).collect::<Vec<_>>().await, [told("new", true)]);
    }

    #[tokio::test]
    async fn a_stream_that_breaks_ends_all_pages() {
        let watches = Watches::default();
        let page = watches.join("cycle".to_owned(), futures::stream::empty);
        assert!(from_now(page).collect::<Vec<_>>().await.is_empty());
    }
}
