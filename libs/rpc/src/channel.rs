//! Channels: the network or the same process, behind one type, with the same client side before both.
//!
//! The client side starts the client's span and writes it into the headers, keeps the deadline, measures, and turns a
//! broken connection into a status with details. In one process the server side is the peer's [`Guarded`] routes, so
//! what runs on a laptop is what runs on a cluster.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use http::{Request, Response};
use tally_kernel::error::{Error, Kind, Result};
use tally_kernel::msg;
use tonic::TimeoutExpired;
use tonic::body::Body;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};
use tracing::Instrument;

use crate::metrics::Metrics;
use crate::observe::{Observer, Side, watch};
use crate::peer::{AsService, own_token_refused};
use crate::stack::{Guarded, Limits, language};
use crate::{deadline, status, trace};

pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

/// A network channel or an in-process service; callers cannot tell which. Generated clients are generic over it.
/// It never fails: a connection that is lost is an answer, with a status like any other.
pub type RpcChannel = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// A channel to a peer in the same process: no socket, the very same stack.
pub fn in_process(peer: &Guarded) -> RpcChannel {
    caller(peer.service(), peer.clone())
}

pub(crate) fn caller<S>(peer: &str, inner: S) -> RpcChannel
where
    S: Service<Request<Body>, Response = Response<Body>, Error: Into<BoxError>, Future: Send>,
    S: Clone + Send + Sync + 'static,
{
    BoxCloneSyncService::new(Caller { peer: Arc::from(peer), metrics: Metrics::client(peer), inner })
}

/// The client side.
#[derive(Clone)]
struct Caller<S> {
    peer: Arc<str>,
    metrics: Metrics,
    inner: S,
}

impl<S> Service<Request<Body>> for Caller<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error: Into<BoxError>, Future: Send>,
    S: Clone + Send + Sync + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Readiness is awaited in `call`, inside the deadline.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (peer, metrics, inner) = (Arc::clone(&self.peer), self.metrics.clone(), self.inner.clone());
        Box::pin(async move { Ok(send(&peer, metrics, inner, request).await) })
    }
}

async fn send<S>(peer: &str, metrics: Metrics, inner: S, mut request: Request<Body>) -> Response<Body>
where
    S: Service<Request<Body>, Response = Response<Body>, Error: Into<BoxError>, Future: Send> + Send,
{
    let method = trace::method(request.uri().path());
    let span = trace::client(peer, &method, request.headers());
    trace::inject(&span, request.headers_mut());
    let observer = Observer::new(span.clone(), metrics, method);
    let locale = language(request.headers());
    let given = deadline::read(request.headers()).ok().flatten().map(|time| Instant::now() + time);
    let first_answer = given.unwrap_or_else(|| Instant::now() + Limits::default().first_answer);

    let answer = answer(inner, request).instrument(span);
    match deadline::within(first_answer, answer).await {
        Ok(response) => watch(response, observer, given, None, locale, Side::Client),
        Err(error) => watch(status::status(error, locale).into_http(), observer, None, None, locale, Side::Client),
    }
}

async fn answer<S>(inner: S, request: Request<Body>) -> Result<Response<Body>>
where
    S: Service<Request<Body>, Response = Response<Body>, Error: Into<BoxError>, Future: Send> + Send,
{
    let own = request.extensions().get::<AsService>().copied();
    let answer = inner.oneshot(request).await.map_err(|cause| {
        let cause: BoxError = cause.into();
        if chain(cause.as_ref()).any(|cause| cause.is::<TimeoutExpired>()) {
            return deadline::exceeded();
        }
        unavailable(cause.as_ref())
    })?;
    own_token_refused(own, answer)
}

pub(crate) fn chain<'a>(cause: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(cause), |cause| (*cause).source())
}

/// The error of a peer that cannot be reached or went away.
pub(crate) fn unavailable(cause: &(dyn StdError + 'static)) -> Error {
    let causes: Vec<String> = chain(cause).map(ToString::to_string).collect();
    Error::of(Kind::Unavailable, msg!("PEER_UNAVAILABLE"))
        .retry_after(Duration::from_secs(1))
        .with_internal(causes.join(": "))
}
