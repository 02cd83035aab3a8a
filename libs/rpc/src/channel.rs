//! Channels: the network or the same process, behind one type, with the same client side before both.
//!
//! The client side starts the client's span and writes it into the headers, keeps the deadline, measures, and turns a
//! broken connection into a status with details. In one process the server side is the peer's routes behind their stack
//! ([`in_process`](crate::in_process)), so what runs on a laptop is what runs on a cluster.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response, Uri};
use http_body_util::BodyExt as _;
use http_body_util::combinators::MapErr;
use tally_kernel::error::{Error, Kind, Result};
use tally_kernel::msg;
use tonic::body::Body;
use tonic::{Code, Status, TimeoutExpired};
use tower::util::{BoxCloneSyncService, Oneshot};
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};

use crate::deadline;
use crate::layers::{DeadlineLayer, MetricsLayer, Refused, StatusLayer, Then, TraceLayer, boxed, of_peer, with_locale};
use crate::limits::Limits;
use crate::status::error_from;

/// A network channel or an in-process service; callers cannot tell which. Generated clients are generic over it.
/// It never fails: a connection that is lost is an answer, with a status like any other.
pub type RpcChannel = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// The client side, from the caller to the peer; see [`crate::layers`] for what each layer does.
pub(crate) fn caller<S>(peer: &str, inner: S) -> RpcChannel
where
    S: Service<Request<Body>, Response = Response<Body>, Error: Into<BoxError>, Future: Send>,
    S: Clone + Send + Sync + 'static,
{
    let layers = ServiceBuilder::new()
        .map_response(boxed)
        .map_request(of_peer)
        .layer(TraceLayer::client(peer))
        .layer(MetricsLayer::client(peer))
        .map_request(with_locale)
        .layer(StatusLayer)
        // Waiting for a connection is within it.
        .layer(DeadlineLayer::client(Limits::default().first_answer))
        .layer_fn(Reach);
    RpcChannel::new(layers.service(inner))
}

/// Says why a peer could not be reached, or that its answer broke off.
#[derive(Clone)]
struct Reach<S>(S);

/// The body of a peer's answer.
type PeerBody = MapErr<Body, fn(Status) -> BoxError>;

impl<S> Service<Request<Body>> for Reach<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error: Into<BoxError>> + Clone,
{
    type Response = Response<PeerBody>;
    type Error = Refused;
    type Future = Then<Oneshot<S, Request<Body>>, (Option<AsService>, Uri), Result<Response<PeerBody>, Refused>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        // Readiness is awaited in the call: until there is a connection.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let asked = (request.extensions().get().copied(), request.uri().clone());
        Then::new(self.0.clone().oneshot(request), asked, |(own, uri), answer| {
            let answer = answer.map_err(|cause| named(lost(cause.into().as_ref()), &uri))?;
            let answer = own_token_refused(own, answer)?;
            Ok(answer.map(|body| body.map_err((|cause| unavailable(&cause).into()) as fn(Status) -> BoxError)))
        })
    }
}

/// Marks a request that carries the service's own token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AsService;

/// The answer to a request, unless it says that the token is bad and the token is the service's own: whoever waits for
/// the service must not be told that his is.
fn own_token_refused<B>(own: Option<AsService>, answer: Response<B>) -> Result<Response<B>> {
    let status = own.and_then(|AsService| Status::from_header_map(answer.headers()));
    match status.filter(|status| status.code() == Code::Unauthenticated) {
        Some(status) => Err(service_refused(&error_from(status))),
        None => Ok(answer),
    }
}

/// The error of a call that a peer refused to the service itself.
pub(crate) fn service_refused(error: &Error) -> Error {
    Error::of(Kind::Unavailable, msg!("PEER_REFUSES_SERVICE"))
        .retry_after(Duration::from_secs(1))
        .with_internal(format_args!("{error:?}"))
}

/// Says which service is away. Time may run out on either side, which says nothing of it.
fn named(error: Error, uri: &Uri) -> Error {
    match service_of(uri.path()) {
        Some(service) if error.kind() == Kind::Unavailable => error.with("service", service),
        Some(_) | None => error,
    }
}

/// The service that a method belongs to: `performance` of `/tally.performance.v1.CycleService/GetCycle`.
fn service_of(path: &str) -> Option<&str> {
    path.strip_prefix("/tally.")?.split('.').next()
}

fn lost(cause: &(dyn StdError + Send + Sync + 'static)) -> Error {
    if chain(cause).any(|cause| cause.is::<TimeoutExpired>()) { deadline::exceeded() } else { unavailable(cause) }
}

pub(crate) fn chain<'a>(cause: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(cause), |cause| (*cause).source())
}

/// The reason of [`unavailable`].
pub(crate) const GONE: &str = "PEER_UNAVAILABLE";

/// The error of a peer that cannot be reached or went away.
pub(crate) fn unavailable(cause: &(dyn StdError + 'static)) -> Error {
    let causes: Vec<String> = chain(cause).map(ToString::to_string).collect();
    Error::of(Kind::Unavailable, msg!("PEER_UNAVAILABLE"))
        .retry_after(Duration::from_secs(1))
        .with_internal(causes.join(": "))
}
