//! A span for every call, under the caller's, until the last byte of the answer.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tonic::Code;
use tower::{Layer, Service};
use tracing::instrument::Instrumented;
use tracing::{Instrument, Span};

use super::Then;
use super::ended::{End, Ended, Ending, ended};
use super::method::RpcMethod;
use crate::trace;

/// See the module's text. What stands behind it runs in the span, and so does the body.
#[derive(Clone, Debug)]
pub struct TraceLayer(Side);

#[derive(Clone, Debug)]
enum Side {
    Server(&'static str),
    Client(Arc<str>),
}

impl TraceLayer {
    /// For calls that arrive at a service: their span is a child of the one whose W3C context they carry.
    pub fn server(service: &'static str) -> Self {
        Self(Side::Server(service))
    }

    /// For calls that leave for a peer: they carry the context of their span.
    pub fn client(peer: &str) -> Self {
        Self(Side::Client(Arc::from(peer)))
    }
}

impl<S> Layer<S> for TraceLayer {
    type Service = Trace<S>;

    fn layer(&self, inner: S) -> Trace<S> {
        Trace { inner, side: self.0.clone() }
    }
}

#[derive(Clone)]
pub struct Trace<S> {
    inner: S,
    side: Side,
}

impl<S, B, R> Service<Request<B>> for Trace<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body<Data = Bytes>,
{
    type Response = Response<Ended<R, Span>>;
    type Error = S::Error;
    type Future = Then<Instrumented<S::Future>, Ending<Span>, Result<Self::Response, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let name = RpcMethod::name(request.extensions());
        let span = match &self.side {
            Side::Server(service) => trace::server(service, name.as_str(), request.headers()),
            Side::Client(peer) => {
                let span = trace::client(peer, name.as_str(), request.headers());
                trace::inject(&span, request.headers_mut());
                span
            }
        };
        let ending = Ending::new(span.clone());
        let answer = span.in_scope(|| self.inner.call(request));
        Then::new(answer.instrument(span), ending, |ending, answer| answer.map(|answer| ended(answer, ending)))
    }
}

impl End for Span {
    fn end(self, code: Code) {
        trace::finish(&self, code);
    }

    fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        self.in_scope(work)
    }
}
