//! What stands before every handler, in this order, on the network and in one process alike:
//!
//! 1. **trace**: the caller's W3C context is read, then the server's span starts under it
//! 2. **metrics**: rate, errors, duration, until the last byte of a stream
//! 3. **panic guard**: a handler that panics answers INTERNAL and the process goes on
//! 4. **deadline**: `grpc-timeout`, and a limit for the first answer where the caller set none
//! 5. **policy**: a method without a row in the policy table does not exist
//! 6. **load shed**: more than `concurrency` calls at once are refused at once, before any work goes into them
//! 7. **authenticate**: token -> claims -> view -> `OpContext` in the request's extensions
//! 8. **rate limit**: calls of one rpc by one principal, one group, or from one address where nobody has signed in, counted
//!    by all processes of the service together
//! 9. **read log**: an answer that shows pay, identity numbers, health or somebody else's data is written down before it leaves
//!
//! Then the routes, whose servers carry the size limits ([`limited!`](crate::limited)). Shedding stands before
//! authentication because checking a signature is the dearest thing a refused call could cost.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::FutureExt;
use http::{HeaderMap, Request, Response, header};
use tally_access::{Locale, OpContext, PolicyRow, Regions};
use tally_cache::Cache;
use tally_kernel::error::{Error, Kind, Result};
use tally_kernel::{Clock, Rng, msg};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tower::Service;
use tracing::{Instrument, Span};

use crate::authenticate::{Arrival, Authenticator, Verified};
use crate::keys::Keys;
use crate::metrics::Metrics;
use crate::observe::{Observer, Side, panicked, watch};
use crate::rates::Rates;
use crate::reads::{ReadLog, Watch};
use crate::views::Views;
use crate::{deadline, status, trace};

/// The largest message either side takes or sends.
pub const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// Sets the size limits of a generated server: `Routes::new(limited!(PunchServiceServer::new(rpc)))`.
#[macro_export]
macro_rules! limited {
    ($server:expr) => {
        $server
            .max_decoding_message_size($crate::MAX_MESSAGE_BYTES)
            .max_encoding_message_size($crate::MAX_MESSAGE_BYTES)
    };
}

/// How much one service takes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls at once; more are refused with `OVERLOADED`.
    pub concurrency: usize,
    /// Calls of one rpc by one person or login in one second; 0 means no limit. Services are not limited.
    pub calls_per_second: u32,
    /// Calls of one rpc by all people and logins of one group in one second; 0 means no limit.
    pub group_calls_per_second: u32,
    /// Calls of one rpc that needs no token, such as sign-in, from one address in one second; 0 means no limit.
    pub public_calls_per_second: u32,
    /// Time until the first answer where the caller set no deadline. A stream may then go on.
    pub first_answer: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 512,
            calls_per_second: 5_000,
            group_calls_per_second: 20_000,
            public_calls_per_second: 500,
            first_answer: Duration::from_secs(60),
        }
    }
}

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

/// See the module's text. One per service; cheap to clone.
#[derive(Clone)]
pub struct Stack(Arc<Inner>);

struct Inner {
    service: &'static str,
    policy: HashMap<&'static str, PolicyRow>,
    authenticator: Authenticator,
    watch: Watch,
    limits: Limits,
    places: Arc<Semaphore>,
    rates: Rates,
    metrics: Metrics,
}

impl Stack {
    /// A stack. Make it after telemetry is set up.
    pub fn new(config: StackConfig) -> Self {
        let StackConfig { service, policy, keys, views, regions, clock, rng, limits, cache, reads } = config;
        Self(Arc::new(Inner {
            service,
            policy: policy.iter().map(|row| (row.method, *row)).collect(),
            authenticator: Authenticator { keys, views, clock, rng, regions, verified: Verified::default() },
            watch: Watch::new(policy, reads),
            limits,
            places: Arc::new(Semaphore::new(limits.concurrency)),
            rates: Rates::new(service, limits, cache),
            metrics: Metrics::server(service),
        }))
    }

    /// Puts the stack before a service's routes.
    pub fn guard(&self, routes: Routes) -> Guarded {
        Guarded { stack: Arc::clone(&self.0), routes: routes.prepare() }
    }
}

/// Routes behind their stack: what the port and in-process channels call. Cheap to clone; clones share the limits.
#[derive(Clone)]
pub struct Guarded {
    stack: Arc<Inner>,
    routes: Routes,
}

impl std::fmt::Debug for Guarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Guarded({})", self.stack.service)
    }
}

impl Guarded {
    /// The service's name.
    pub fn service(&self) -> &'static str {
        self.stack.service
    }

    /// Full names of its gRPC services, sorted.
    pub fn grpc_services(&self) -> Vec<&'static str> {
        let mut names: Vec<_> =
            self.stack.policy.keys().filter_map(|m| m.split_once('/')).map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Service<Request<Body>> for Guarded {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<Body>>::poll_ready(&mut self.routes, cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (stack, routes) = (Arc::clone(&self.stack), self.routes.clone());
        Box::pin(async move { Ok(stack.serve(request, routes).await) })
    }
}

/// What the first layers found, for the end of the answer.
struct Admitted {
    response: Response<Body>,
    place: OwnedSemaphorePermit,
}

impl Inner {
    async fn serve(&self, request: Request<Body>, routes: Routes) -> Response<Body> {
        let method = trace::method(request.uri().path());
        let row = self.policy.get(&*method).copied();
        // Only known names become names of spans and metrics: a stranger must not fill our telemetry with words.
        let shown = if row.is_some() { method } else { Arc::from("_OTHER") };
        let span = trace::server(self.service, &shown, request.headers());
        let observer = Observer::new(span.clone(), self.metrics.clone(), shown);
        let locale = language(request.headers());
        let budget = deadline::read(request.headers());
        let given = budget.as_ref().ok().copied().flatten();
        let given = given.map(|time| Instant::now() + deadline::server_budget(time));
        let arrival = Arrival { deadline: given, trace: trace::carried(&span, request.headers()), locale };
        let first_answer = given.unwrap_or_else(|| Instant::now() + self.limits.first_answer);

        let work = async {
            budget?;
            let row = row.ok_or(Refused::Unknown)?;
            deadline::within(first_answer, self.admit(row, arrival, request, routes)).await.map_err(Refused::Error)
        };
        let outcome = AssertUnwindSafe(work.instrument(span.clone())).catch_unwind().await;
        match outcome.unwrap_or_else(|panic| Err(Refused::Error(panicked(panic.as_ref())))) {
            Ok(Admitted { response, place }) => watch(response, observer, given, Some(place), locale, Side::Server),
            Err(refused) => {
                let status = match refused {
                    // What it logs belongs to the call.
                    Refused::Error(error) => span.in_scope(|| status::status(error, locale)),
                    Refused::Unknown => Status::unimplemented("there is no such method here"),
                };
                watch(status.into_http(), observer, None, None, locale, Side::Server)
            }
        }
    }

    async fn admit(
        &self,
        row: PolicyRow,
        arrival: Arrival,
        request: Request<Body>,
        mut routes: Routes,
    ) -> Result<Admitted> {
        let place = self.place()?;
        let ctx = self.authenticator.context(&row, request.headers(), arrival).await?;
        self.rates.count(&row, &ctx.actor, request.extensions()).await?;
        let (mut request, question) = self.watch.admit(&ctx, &row, request).await?;
        request.extensions_mut().insert(ctx.clone());
        let response = match routes.call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let response = self.watch.pass(&ctx, &row, &question, response).await?;
        Ok(Admitted { response, place })
    }

    fn place(&self) -> Result<OwnedSemaphorePermit> {
        Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| Error::of(Kind::ResourceExhausted, msg!("OVERLOADED")).retry_after(Duration::from_secs(1)))
    }
}

/// The caller's language.
pub(crate) fn language(headers: &HeaderMap) -> Locale {
    let header = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Locale::negotiate(header.unwrap_or_default())
}

enum Refused {
    Error(Error),
    /// Says nothing but that there is no such method, as gRPC does.
    Unknown,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// The context that the stack made for this call.
///
/// # Errors
/// INTERNAL when the routes stand behind no stack.
pub fn context<T>(request: &tonic::Request<T>) -> Result<OpContext, Status> {
    request
        .extensions()
        .get::<OpContext>()
        .cloned()
        .ok_or_else(|| status::status(Error::internal("a handler was reached without its stack"), Locale::En))
}

/// The span a call runs in, for tests and logs.
pub fn current_trace() -> Option<String> {
    trace::carried(&Span::current(), &http::HeaderMap::new())
}
