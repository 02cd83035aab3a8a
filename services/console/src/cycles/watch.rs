//! Progress that many pages look at: one stream of a service, shared by all of them.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::{Stream, StreamExt as _};

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

/// The streams that pages look at just now, by what they are of.
pub type Watches = tally_rpc::Watches<String, Told>;

/// The same for `hx-sse`: parts of a page, and `rests` at the end. A page that hears nothing for long hears that somebody is there.
pub fn answer(told: impl Stream<Item = Told> + Send + 'static) -> Response {
    let heard = futures::stream::unfold(Box::pin(told), async |mut told| {
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
