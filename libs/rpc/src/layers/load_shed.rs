//! More calls at once than there are places are refused at once. A call keeps its place until the last byte of its answer.
//!
//! tower's `ConcurrencyLimit` gives the place back with the first answer, while a stream has only begun.

use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::Either;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tally_kernel::error::{Error, Kind};
use tally_kernel::msg;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::{Layer, Service};

use super::{Refused, Then};

/// See the module's text. All services behind clones of it share the places.
#[derive(Clone, Debug)]
pub struct LoadShedLayer(Arc<Semaphore>);

impl LoadShedLayer {
    /// With so many places.
    pub fn new(places: usize) -> Self {
        Self(Arc::new(Semaphore::new(places)))
    }
}

impl<S> Layer<S> for LoadShedLayer {
    type Service = LoadShed<S>;

    fn layer(&self, inner: S) -> LoadShed<S> {
        LoadShed { inner, places: Arc::clone(&self.0) }
    }
}

#[derive(Clone)]
pub struct LoadShed<S> {
    inner: S,
    places: Arc<Semaphore>,
}

type Answer<R> = Result<Response<Placed<R>>, Refused>;

impl<S, B, R> Service<Request<B>> for LoadShed<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Refused>,
{
    type Response = Response<Placed<R>>;
    type Error = Refused;
    type Future = Either<Then<S::Future, OwnedSemaphorePermit, Answer<R>>, Ready<Answer<R>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            let overloaded = Error::of(Kind::ResourceExhausted, msg!("OVERLOADED"));
            return Either::Right(ready(Err(overloaded.retry_after(Duration::from_secs(1)).into())));
        };
        Either::Left(Then::new(self.inner.call(request), place, |place, answer| {
            answer.map(|answer| answer.map(|inner| Placed { inner, _place: place }))
        }))
    }
}

pin_project! {
    /// A body with the place of its call.
    pub struct Placed<B> {
        #[pin]
        inner: B,
        _place: OwnedSemaphorePermit,
    }
}

impl<B: Body> Body for Placed<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().inner.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
