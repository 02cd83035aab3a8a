//! A handler that panics, or a stream that does so in its middle, fails the call; the process goes on.
//!
//! tower-http's layer of this name ends with the first answer and lets streams panic.

use std::any::Any;
use std::future::{Ready, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{CatchUnwind, Either};
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tally_kernel::Error;
use tower::{BoxError, Layer, Service};

use super::{Refused, Then};

/// See the module's text.
#[derive(Clone, Copy, Debug)]
pub struct CatchPanicLayer;

impl<S> Layer<S> for CatchPanicLayer {
    type Service = CatchPanic<S>;

    fn layer(&self, inner: S) -> CatchPanic<S> {
        CatchPanic(inner)
    }
}

#[derive(Clone)]
pub struct CatchPanic<S>(S);

type Answer<R> = Result<Response<Caught<R>>, Refused>;

impl<S, B, R> Service<Request<B>> for CatchPanic<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Refused>,
{
    type Response = Response<Caught<R>>;
    type Error = Refused;
    type Future = Either<Then<CatchUnwind<AssertUnwindSafe<S::Future>>, (), Answer<R>>, Ready<Answer<R>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match catch_unwind(AssertUnwindSafe(|| self.0.call(request))) {
            Ok(answer) => Either::Left(Then::new(AssertUnwindSafe(answer).catch_unwind(), (), |(), outcome| {
                let answer = outcome.map_err(|panic| panicked(panic.as_ref()))?;
                answer.map(|answer| answer.map(|inner| Caught { inner: Some(inner) }))
            })),
            Err(panic) => Either::Right(ready(Err(panicked(panic.as_ref()).into()))),
        }
    }
}

pin_project! {
    /// A body that may panic.
    pub struct Caught<B> {
        #[pin]
        inner: Option<B>,
    }
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>>> Body for Caught<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut this = self.project();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        match catch_unwind(AssertUnwindSafe(|| inner.poll_frame(cx))) {
            Ok(polled) => polled.map_err(Into::into),
            Err(panic) => {
                this.inner.set(None);
                Poll::Ready(Some(Err(panicked(panic.as_ref()).into())))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Error::internal(format!("a handler panicked: {}", text.unwrap_or("no message")))
}
