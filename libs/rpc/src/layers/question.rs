//! What the caller sent, whole, before anybody reads it, and the refusals of the library that reads it.
//!
//! A text that no store holds is refused by the name of its field. The library of gRPC refuses what it cannot read, and what is
//! too large to be sent, in words of its own, without a reason and in English: these become refusals like all others. They are
//! known by having no details, which every refusal of a handler has.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use tally_api::texts;
use tally_kernel::error::{Error, Kind, Result, Violation};
use tally_kernel::msg;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{BoxError, Layer, Service};

use super::policy::row;
use super::{Refused, take};
use crate::limits::MAX_MESSAGE_BYTES;

/// Length of what gRPC puts before a message: whether it is compressed, and how long it is.
const PREFIX: usize = 5;

/// The message that was sent, without what gRPC puts before it, in the extensions of its request.
#[derive(Clone, Debug)]
pub(super) struct Question(pub Bytes);

/// See the module's text. It reads gRPC's messages, so it stands before gRPC's services alone; every rpc is sent one.
#[derive(Clone, Copy, Debug)]
pub struct QuestionLayer;

impl<S> Layer<S> for QuestionLayer {
    type Service = Questioned<S>;

    fn layer(&self, inner: S) -> Questioned<S> {
        Questioned(inner)
    }
}

#[derive(Clone)]
pub struct Questioned<S>(S);

impl<S> Service<Request<Body>> for Questioned<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Refused, Future: Send> + Clone + Send + 'static,
{
    type Response = Response<Answered>;
    type Error = Refused;
    type Future = BoxFuture<'static, Result<Self::Response, Refused>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut inner = take(&mut self.0);
        Box::pin(async move {
            let response = inner.call(whole(request).await?).await?;
            match without_details(response.headers()).and_then(|status| unread(&status)) {
                Some(error) => Err(error.into()),
                None => Ok(response.map(Answered)),
            }
        })
    }
}

/// The request with its message, which was looked through.
async fn whole(request: Request<Body>) -> Result<Request<Body>, Refused> {
    let method = row(request.extensions())?.method;
    let (mut head, body) = request.into_parts();
    let bytes = match Limited::new(body, PREFIX + MAX_MESSAGE_BYTES).collect().await {
        Ok(sent) => sent.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(too_large().into()),
        Err(error) => return Err(Error::of(Kind::Cancelled, msg!("REQUEST_CUT_OFF")).with_internal(error).into()),
    };
    let message = bytes.slice(bytes.len().min(PREFIX)..);
    let wrong = texts::with_nul(method, &message);
    if !wrong.is_empty() {
        let violation = |field| Violation { field, message: msg!("TEXT_WITH_NUL") };
        return Err(Error::invalid(wrong.into_iter().map(violation).collect()).into());
    }
    head.extensions.insert(Question(message));
    Ok(Request::from_parts(head, Body::new(Full::new(bytes))))
}

fn too_large() -> Error {
    Error::of(Kind::InvalidArgument, msg!("REQUEST_TOO_LARGE", max = MAX_MESSAGE_BYTES))
}

/// A status that no handler made.
fn without_details(headers: &HeaderMap) -> Option<Status> {
    Status::from_header_map(headers).filter(|status| status.code() != Code::Ok && status.details().is_empty())
}

/// Why a request was not read.
fn unread(status: &Status) -> Option<Error> {
    Some(match status.code() {
        Code::Internal => Error::of(Kind::InvalidArgument, msg!("REQUEST_UNREADABLE")).with_internal(status.message()),
        Code::OutOfRange | Code::ResourceExhausted => too_large(),
        Code::Unimplemented => Error::of(Kind::Unimplemented, msg!("REQUEST_COMPRESSED")),
        _ => return None,
    })
}

/// Why an answer was not sent.
fn unsent(status: &Status) -> Option<Error> {
    Some(match status.code() {
        Code::Internal => Error::internal(status.message()),
        Code::OutOfRange | Code::ResourceExhausted => {
            Error::of(Kind::InvalidArgument, msg!("ANSWER_TOO_LARGE", max = MAX_MESSAGE_BYTES))
        }
        _ => return None,
    })
}

/// A body whose refusals are the suite's.
pub struct Answered(Body);

impl http_body::Body for Answered {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.0).poll_frame(cx));
        let refused = |frame: &Frame<Bytes>| frame.trailers_ref().and_then(without_details).and_then(|it| unsent(&it));
        Poll::Ready(frame.map(|frame| match frame {
            Ok(frame) => refused(&frame).map_or(Ok(frame), |error| Err(error.into())),
            Err(status) => Err(status.into()),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
