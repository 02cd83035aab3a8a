//! The edge of gRPC: behind it a call that goes no further is an error, before it an answer with a status, in the caller's
//! language. A body that fails ends with the status in its trailers.

use std::convert::Infallible;
use std::future::{Ready, ready as at_once};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::future::Either;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tally_access::Locale;
use tally_kernel::Error;
use tonic::Status;
use tower::{BoxError, Layer, Service};

use super::locale::locale;
use super::{Refused, Then};
use crate::status::status;

/// See the module's text.
#[derive(Clone, Copy, Debug)]
pub struct StatusLayer;

impl<S> Layer<S> for StatusLayer {
    type Service = Statuses<S>;

    fn layer(&self, inner: S) -> Statuses<S> {
        Statuses { inner, unready: None }
    }
}

#[derive(Clone)]
pub struct Statuses<S> {
    inner: S,
    /// Why what stands behind will take no call: the next one is told.
    unready: Option<Refused>,
}

impl<S, B, R> Service<Request<B>> for Statuses<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Refused>,
{
    type Response = Response<Told<R>>;
    type Error = Infallible;
    type Future =
        Then<Either<S::Future, Ready<Result<Response<R>, Refused>>>, Locale, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.unready = ready!(self.inner.poll_ready(cx)).err();
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let locale = locale(request.extensions());
        let answer = match self.unready.take() {
            None => Either::Left(self.inner.call(request)),
            Some(refused) => Either::Right(at_once(Err(refused))),
        };
        Then::new(answer, locale, |locale, answer| {
            Ok(match answer {
                Ok(answer) => answer.map(|inner| Told { inner: Some(inner), locale }),
                Err(refused) => told(refused, locale).into_http::<()>().map(|()| Told { inner: None, locale }),
            })
        })
    }
}

fn told(refused: Refused, locale: Locale) -> Status {
    match refused {
        Refused::Error(error) | Refused::UnknownMethod(error) => status(error, locale),
    }
}

pin_project! {
    /// A body whose errors are trailers.
    pub struct Told<B> {
        #[pin]
        inner: Option<B>,
        locale: Locale,
    }
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>>> Body for Told<B> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut this = self.project();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        let frame = match ready!(inner.poll_frame(cx)) {
            None => return Poll::Ready(None),
            Some(Ok(frame)) => Ok(frame),
            Some(Err(cause)) => {
                this.inner.set(None);
                trailers(&status(fault(cause.into()), *this.locale))
            }
        };
        Poll::Ready(Some(frame))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}

/// The error of a body: a layer's own, else a fault of ours.
fn fault(cause: BoxError) -> Error {
    let ours = cause.downcast::<Error>().map(|error| *error);
    ours.unwrap_or_else(|cause| Error::internal(format!("the answer's body failed: {cause}")))
}

fn trailers(status: &Status) -> Result<Frame<Bytes>, Status> {
    let mut trailers = HeaderMap::new();
    status.add_header(&mut trailers)?;
    Ok(Frame::trailers(trailers))
}
