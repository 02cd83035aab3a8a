//! The end of a call: a stream ends long after its first answer, so what wants to know how a call ended goes with the body.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tonic::{Code, Status};

/// Wants to know how a call ended.
pub trait End {
    fn end(self, code: Code);

    /// Does what belongs to the call.
    fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        work()
    }
}

/// Tells the end once: as cancelled when the caller just goes away.
pub struct Ending<E: End>(Option<E>);

impl<E: End> Ending<E> {
    pub(crate) fn new(end: E) -> Self {
        Self(Some(end))
    }

    fn tell(&mut self, code: Code) {
        if let Some(end) = self.0.take() {
            end.end(code);
        }
    }

    fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(end) => end.within(work),
            None => work(),
        }
    }
}

impl<E: End> Drop for Ending<E> {
    fn drop(&mut self) {
        self.tell(Code::Cancelled);
    }
}

pin_project! {
    /// A body that is watched until its end.
    pub struct Ended<B, E: End> {
        #[pin]
        inner: Option<B>,
        ending: Ending<E>,
    }
}

/// Watches an answer until its body ends. Its code stands in its trailers, in its headers when there is no body, or in its
/// extensions when it is not gRPC's; else all went well.
pub(crate) fn ended<B: Body, E: End>(response: Response<B>, mut ending: Ending<E>) -> Response<Ended<B, E>> {
    let told = response.extensions().get::<Code>().copied();
    let told = told.or_else(|| Status::from_header_map(response.headers()).map(|status| status.code()));
    if let Some(code) = told.or_else(|| response.body().is_end_stream().then_some(Code::Ok)) {
        ending.tell(code);
    }
    response.map(|inner| Ended { inner: Some(inner), ending })
}

impl<B: Body<Data = Bytes>, E: End> Body for Ended<B, E> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut this = self.project();
        let Some(mut inner) = this.inner.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        let polled = this.ending.within(|| inner.as_mut().poll_frame(cx));
        let code = match &polled {
            Poll::Pending => None,
            Poll::Ready(None) => Some(Code::Ok),
            Poll::Ready(Some(Err(_))) => Some(Code::Unknown),
            Poll::Ready(Some(Ok(frame))) => match frame.trailers_ref() {
                Some(trailers) => Some(Status::from_header_map(trailers).map_or(Code::Ok, |status| status.code())),
                // Nobody asks a body again that says that it is at its end.
                None => inner.is_end_stream().then_some(Code::Ok),
            },
        };
        if let Some(code) = code {
            this.ending.within(|| this.inner.set(None));
            this.ending.tell(code);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}
