//! What stands before every handler, on the network and in one process alike: the layers of [`crate::layers`] in the order of
//! [`Stack::guard`]. Behind them are the routes, whose servers carry the size limits ([`limited!`](crate::limited)).

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{Request, Response};
use tally_access::{Locale, OpContext, PolicyRow, Regions};
use tally_cache::Cache;
use tally_kernel::error::Result;
use tally_kernel::{Clock, Rng};
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceBuilder};
use tracing::Span;

use crate::channel::{RpcChannel, caller};
use crate::layers::{
    AuthenticateLayer, CatchPanicLayer, DeadlineLayer, Keys, LoadShedLayer, Methods, MetricsLayer, PolicyLayer,
    QuestionLayer, RateLimitLayer, ReadLog, ReadLogLayer, StatusLayer, TraceLayer, Views, boxed, noted_context,
    with_locale,
};
use crate::limits::Limits;
use crate::{status, trace};

/// What a stack is made of.
pub struct StackConfig {
    /// The service's name, such as `attendance`.
    pub service: &'static str,
    /// Its policy table.
    pub policy: &'static [PolicyRow],
    /// Where keys that verify tokens come from.
    pub keys: Arc<dyn Keys>,
    /// Where views come from.
    pub views: Arc<dyn Views>,
    /// The regions whose data this stack serves.
    pub regions: Regions,
    /// Tells the time.
    pub clock: Clock,
    /// Gives ids.
    pub rng: Rng,
    /// How much it takes on.
    pub limits: Limits,
    /// Where calls are counted.
    pub cache: Cache,
    /// Where reads of what is sensitive are kept.
    pub reads: Arc<dyn ReadLog>,
}

/// See the module's text. One per service; cheap to clone, and clones share the limits.
#[derive(Clone)]
pub struct Stack {
    service: &'static str,
    methods: Methods,
    trace: TraceLayer,
    metrics: MetricsLayer,
    deadline: DeadlineLayer,
    load_shed: LoadShedLayer,
    authenticate: AuthenticateLayer,
    rate_limit: RateLimitLayer,
    read_log: ReadLogLayer,
}

impl Stack {
    /// A stack. Make it after telemetry is set up.
    pub fn new(config: StackConfig) -> Self {
        let StackConfig { service, policy, keys, views, regions, clock, rng, limits, cache, reads } = config;
        Self {
            service,
            methods: Methods::new(policy),
            trace: TraceLayer::server(service),
            metrics: MetricsLayer::server(service),
            deadline: DeadlineLayer::server(limits.first_answer),
            load_shed: LoadShedLayer::new(limits.concurrency),
            authenticate: AuthenticateLayer::new(keys, views, regions, clock, rng),
            rate_limit: RateLimitLayer::new(service, limits, cache),
            read_log: ReadLogLayer::new(policy, reads),
        }
    }

    /// Puts the stack before a service's routes. The order, from the caller to the handler, is argued in
    /// `docs/decisions/0020-the-stack-as-layers.md`.
    pub fn guard(&self, routes: Routes) -> Guarded {
        let methods = self.methods.clone();
        let layers = ServiceBuilder::new()
            // The one box around all bodies of the layers.
            .map_response(boxed)
            // Spans and figures are named after it.
            .map_request(move |request: Request<Body>| methods.note(request))
            // The caller's W3C context is read, then the server's span starts under it: all below belongs to it, refusals too.
            .layer(self.trace.clone())
            // Rate, errors, duration, of refusals and panics too.
            .layer(self.metrics.clone())
            .map_request(with_locale)
            // The edge: what is refused or fails below is answered here, in that language.
            .layer(StatusLayer)
            // Around all that may panic, and nothing that counts or answers.
            .layer(CatchPanicLayer)
            // `grpc-timeout`, and a limit for the first answer where the caller set none. Waiting for keys, views and buckets
            // is within it.
            .layer(self.deadline)
            // No place for what does not exist.
            .layer(PolicyLayer)
            // Before authentication, because checking a signature is the dearest thing a refused call could cost.
            .layer(self.load_shed.clone())
            // Token -> claims -> view -> `OpContext` in the request's extensions.
            .layer(self.authenticate.clone())
            // By whom it is, so that nobody uses up what is another's; by address where nobody has signed in.
            .layer(self.rate_limit.clone())
            // What was sent is whole and fit to be read, else it is refused here.
            .layer(QuestionLayer)
            // What shows pay, identity numbers, health or somebody else's data is written down before it leaves the handler.
            .layer(self.read_log.clone())
            .map_err(|never: Infallible| match never {});
        Guarded {
            service: self.service,
            methods: self.methods.clone(),
            inner: BoxCloneSyncService::new(layers.service(routes.prepare())),
        }
    }
}

/// Routes behind their stack: what the port and in-process channels call. Cheap to clone; clones share the limits.
#[derive(Clone)]
pub struct Guarded {
    service: &'static str,
    methods: Methods,
    inner: BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>,
}

impl std::fmt::Debug for Guarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Guarded({})", self.service)
    }
}

impl Guarded {
    /// The service's name.
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// Full names of its gRPC services, sorted.
    pub fn grpc_services(&self) -> Vec<&'static str> {
        self.methods.grpc_services()
    }
}

impl Service<Request<Body>> for Guarded {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.inner.call(request)
    }
}

/// A channel to a peer in the same process: no socket, the very same stack.
pub fn in_process(peer: &Guarded) -> RpcChannel {
    caller(peer.service(), peer.clone())
}

/// The context that the stack made for this call.
///
/// # Errors
/// INTERNAL when the routes stand behind no stack.
pub fn context<T>(request: &tonic::Request<T>) -> Result<OpContext, Status> {
    noted_context(request.extensions()).map_err(|error| status::status(error, Locale::En))
}

/// The span a call runs in, for tests and logs.
pub fn current_trace() -> Option<String> {
    trace::carried(&Span::current(), &http::HeaderMap::new())
}
