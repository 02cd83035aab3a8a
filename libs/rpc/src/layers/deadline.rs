//! Ends a call whose time is over, and a stream too; see [`crate::deadline`].
//!
//! tower's `Timeout` gives every call the same time and ends with the first answer.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::Either;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::error::Elapsed;
use tokio::time::{Sleep, Timeout, sleep_until, timeout_at};
use tower::{BoxError, Layer, Service};

use super::{Refused, Then};
use crate::deadline;

/// Until when the caller waits for a call, where it says so: in the extensions of its request.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(pub Option<Instant>);

/// See the module's text.
#[derive(Clone, Copy, Debug)]
pub struct DeadlineLayer {
    /// Time until the first answer where the caller gives none. A stream may then go on.
    first_answer: Duration,
    /// What is taken of the caller's time.
    budget: fn(Duration) -> Duration,
}

impl DeadlineLayer {
    /// For calls that arrive: they end a little before the caller gives up.
    pub fn server(first_answer: Duration) -> Self {
        Self { first_answer, budget: deadline::server_budget }
    }

    /// For calls that leave.
    pub fn client(first_answer: Duration) -> Self {
        Self { first_answer, budget: |given| given }
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadlines<S>;

    fn layer(&self, inner: S) -> Deadlines<S> {
        Deadlines { inner, layer: *self }
    }
}

#[derive(Clone)]
pub struct Deadlines<S> {
    inner: S,
    layer: DeadlineLayer,
}

type Answer<R> = Result<Response<Timed<R>>, Refused>;

impl<S, B, R> Service<Request<B>> for Deadlines<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Refused>,
{
    type Response = Response<Timed<R>>;
    type Error = Refused;
    type Future = Either<Then<Timeout<S::Future>, Deadline, Answer<R>>, Ready<Answer<R>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let now = Instant::now();
        let given = match deadline::read(request.headers()) {
            Ok(given) => given.map(|time| now + (self.layer.budget)(time)),
            Err(malformed) => return Either::Right(ready(Err(malformed.into()))),
        };
        let first_answer = given.unwrap_or_else(|| now + self.layer.first_answer);
        request.extensions_mut().insert(Deadline(given));
        let answer = timeout_at(first_answer.into(), self.inner.call(request));
        Either::Left(Then::new(answer, Deadline(given), |given, answer| {
            let answer = answer.map_err(|Elapsed { .. }| deadline::exceeded())?;
            answer.map(|answer| answer.map(|inner| Timed::new(inner, given)))
        }))
    }
}

pin_project! {
    /// A body that ends when its time is over.
    pub struct Timed<B> {
        #[pin]
        inner: Option<B>,
        #[pin]
        timer: Option<Sleep>,
    }
}

impl<B> Timed<B> {
    fn new(inner: B, Deadline(given): Deadline) -> Self {
        Self { inner: Some(inner), timer: given.map(|at| sleep_until(at.into())) }
    }
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>>> Body for Timed<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut this = self.project();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        if this.timer.as_pin_mut().is_some_and(|timer| timer.poll(cx).is_ready()) {
            this.inner.set(None);
            return Poll::Ready(Some(Err(deadline::exceeded().into())));
        }
        inner.poll_frame(cx).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}
