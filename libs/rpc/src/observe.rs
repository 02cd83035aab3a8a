//! The end of a call: a stream ends long after its first answer, so span, metrics, deadline, panic guard and the place
//! in the queue go with the body.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Frame, SizeHint};
use tally_access::Locale;
use tally_kernel::Error;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::Span;

use crate::metrics::Metrics;
use crate::status::status;
use crate::{deadline, trace};

/// Ends span and measurement once, also when the caller just goes away.
#[derive(Debug)]
pub(crate) struct Observer {
    span: Span,
    metrics: Metrics,
    method: Arc<str>,
    started: Instant,
    code: Option<Code>,
}

impl Observer {
    pub(crate) fn new(span: Span, metrics: Metrics, method: Arc<str>) -> Self {
        Self { span, metrics, method, started: Instant::now(), code: None }
    }

    fn end(&mut self, code: Code) {
        if self.code.is_none() {
            self.code = Some(code);
            trace::finish(&self.span, code);
            self.metrics.record(&self.method, code, self.started);
        }
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

/// What to do when the body itself fails.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    /// The handler's stream is a fault of ours.
    Server,
    /// The peer's connection is away.
    Client,
}

/// A body that is watched until its end.
pub(crate) struct Watched {
    inner: Body,
    observer: Observer,
    deadline: Option<Pin<Box<Sleep>>>,
    place: Option<OwnedSemaphorePermit>,
    locale: Locale,
    side: Side,
}

/// Watches a response until its body ends.
pub(crate) fn watch(
    response: Response<Body>,
    mut observer: Observer,
    deadline: Option<Instant>,
    place: Option<OwnedSemaphorePermit>,
    locale: Locale,
    side: Side,
) -> Response<Body> {
    if let Some(status) = Status::from_header_map(response.headers()) {
        // An answer without a body: the status is already there.
        observer.end(status.code());
        return response;
    }
    let deadline = deadline.map(|at| Box::pin(tokio::time::sleep_until(at.into())));
    response.map(|inner| Body::new(Watched { inner, observer, deadline, place, locale, side }))
}

impl Watched {
    /// Ends the body with an error in its trailers.
    fn fail(&mut self, error: Error) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let status = status(error, self.locale);
        self.close(status.code());
        let mut trailers = HeaderMap::new();
        match status.add_header(&mut trailers) {
            Ok(()) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            Err(status) => Poll::Ready(Some(Err(status))),
        }
    }

    fn close(&mut self, code: Code) {
        self.observer.end(code);
        self.inner = Body::empty();
        self.deadline = None;
        self.place = None;
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = &mut *self;
        let span = this.observer.span.clone();
        let _entered = span.enter();
        if let Some(timer) = &mut this.deadline
            && timer.as_mut().poll(cx).is_ready()
        {
            return this.fail(deadline::exceeded());
        }
        let inner = &mut this.inner;
        match catch_unwind(AssertUnwindSafe(|| Pin::new(inner).poll_frame(cx))) {
            Err(panic) => this.fail(panicked(panic.as_ref())),
            Ok(Poll::Ready(Some(Ok(frame)))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    let code = Status::from_header_map(trailers).map_or(Code::Ok, |status| status.code());
                    this.close(code);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Ok(Poll::Ready(Some(Err(cause)))) => match this.side {
                Side::Server => this.fail(Error::internal(format!("the answer's body failed: {cause}"))),
                Side::Client => this.fail(crate::channel::unavailable(&cause)),
            },
            Ok(Poll::Ready(None)) => {
                this.close(Code::Ok);
                Poll::Ready(None)
            }
            Ok(Poll::Pending) => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The error of a handler that panicked: the process goes on, the caller reads a fault of ours.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Error::internal(format!("a handler panicked: {}", text.unwrap_or("no message")))
}
