//! The doors of the suite for machines, on one port: every rpc of the contracts as REST with JSON, as Connect, as gRPC and as gRPC-Web.
//!
//! It holds no rule of the business and no table; it calls rpcs through the same channels as everybody, with the token of whoever asks.
//!
//! The rooms from below to above: each stands on those before it alone (`cargo xtask tidy` holds this).
//!
//! - known: template, forwarded, shares, call, problem, fields, rules
//! - done: stack, port, openapi, docs, rest, connect, grpc
//!
//! Architecture invariant: routes and their description come from one table ([`rules`]), which is read from the contracts. Nothing here names a
//! message of a service.

mod call;
mod connect;
mod docs;
mod fields;
mod forwarded;
mod grpc;
mod openapi;
mod port;
mod problem;
mod rest;
mod rules;
mod shares;
mod stack;
mod template;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::middleware::{Next, from_fn_with_state};
use axum::routing::get;
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_TYPE, Entry, HeaderName};
use http::{HeaderValue, Request, Response};
use tally_access::PolicyRow;
use tally_kernel::{Clock, Error, Kind, Result, Rng, msg};
use tally_rpc::layers::{Methods, MetricsLayer, RpcMethod, TraceLayer, with_locale};
use tally_rpc::{Introducer, RpcChannel, Tokens};
use tower::util::option_layer;
use tower::{ServiceBuilder, ServiceExt as _, service_fn};
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate as _};

pub use call::Services;
use connect::Connect;
use grpc::Grpc;
pub use tally_console::Uploads;

pub use port::{Listening, Port, serve};
use rest::bodies::Bodies;
use rest::{Asked, NotAsked, Rest};
use rules::{Rpcs, Rule};

/// Bodies of requests and answers.
pub(crate) type Body = axum::body::Body;

/// Its name in spans and figures.
pub const SERVICE: &str = "gateway";

/// The header of the id that every answer has: the caller's own, or one of ours.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The header of the id of the trace that the answer's spans are of.
const TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");
/// Of an id that a caller sent, so many characters at most.
const REQUEST_ID_MAX: usize = 128;

/// The address and all headers of a request together.
pub(crate) const MAX_HEADER_BYTES: usize = 32 * 1024;
/// Headers of a request.
pub(crate) const MAX_HEADERS: usize = 128;

/// What the doors are made of.
pub struct Deps {
    /// Ways to the services.
    pub services: Vec<(&'static str, RpcChannel)>,
    /// What every rpc of theirs asks for.
    pub policy: Vec<PolicyRow>,
    /// Tells the time.
    pub clock: Clock,
    /// Gives ids.
    pub rng: Rng,
    /// Where months wait that somebody handed in as files.
    pub uploads: tally_console::Uploads,
    /// What is let in.
    pub guards: Guards,
}

/// What is let in, and how much of it.
pub struct Guards {
    /// Know whose a token is.
    pub tokens: Tokens,
    /// Calls of each service at once.
    pub concurrency: usize,
    /// Says to services in other processes where calls come from.
    pub introducer: Option<Arc<Introducer>>,
    /// Sites whose pages may ask, such as `https://hr.example`; `*` for all.
    pub cors_origins: Vec<HeaderValue>,
}

/// All doors, for a port.
///
/// # Errors
/// A fault of ours: the contracts say something that cannot be.
pub fn doors(deps: Deps) -> Result<Router> {
    let rules = rules::rules(&deps.policy).map_err(Error::internal)?;
    let rules: Vec<_> = rules.into_iter().map(Arc::new).collect();
    Ok(doors_to(&rules, &openapi::document(&rules), deps))
}

/// The doors to rpcs that are described so.
fn doors_to(rules: &[Arc<Rule>], description: &serde_json::Value, deps: Deps) -> Router {
    let docs = docs::routes(description.clone());
    let description = Bytes::from(description.to_string());
    let Guards { tokens, concurrency, introducer, cors_origins } = deps.guards;
    let before = call::Before { methods: Methods::new(&deps.policy), concurrency, introducer };
    let (services, bodies) = (Services::new(deps.services, &before), Bodies::new(tokens));
    let console = tally_console::routes(tally_console::Deps {
        services: services.all().collect(),
        clock: deps.clock.clone(),
        rng: deps.rng.clone(),
        uploads: deps.uploads,
    });
    let doors = Doors {
        rest: Arc::new(Rest::new(rules, services.clone(), bodies.clone())),
        connect: Arc::new(Connect::new(services.clone(), bodies.clone())),
        grpc: Grpc::new(services, bodies),
        rpcs: Arc::new(rules::by_name(rules)),
        trace: TraceLayer::server(SERVICE),
        metrics: MetricsLayer::server(SERVICE),
        clock: deps.clock,
        rng: deps.rng,
    };
    // Streams of Connect compress message by message.
    let whole = DefaultPredicate::new().and(NotForContentType::const_new("application/connect"));
    let compressed = tower_http::compression::CompressionLayer::new().gzip(true).br(true).compress_when(whole);
    let described = get(move || async move { ([(CONTENT_TYPE, "application/json")], description) });
    let with_id = from_fn_with_state(doors.clone(), with_id);
    let admitted = from_fn_with_state(stack::Requests::default(), stack::admitted);
    let machines = Router::new().route("/openapi.json", described).merge(docs).fallback(answer).with_state(doors);
    let routes = console.fallback_service(machines);
    let cors = option_layer(stack::cors(&cors_origins));
    let edge = ServiceBuilder::new().layer(cors).map_request(as_it_is).layer(compressed).layer(with_id);
    routes.layer(admitted).layer(edge)
}

/// Whoever takes no compression that is here gets the answer as it is, and not a refusal after the change was made. Connect has gzip alone: not all
/// that speak it read more, though the libraries below them say so.
fn as_it_is(mut request: Request<Body>) -> Request<Body> {
    let said = request.headers().get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let never =
        |one: &str| one.split_once(";q=0").is_some_and(|(_, rest)| rest.chars().all(|c| matches!(c, '.' | '0')));
    if said.replace(' ', "").split(',').any(never) {
        request.headers_mut().remove(ACCEPT_ENCODING);
    } else if name_of_rpc(request.uri().path()).is_some() {
        let gzip = connect::accepts_gzip(request.headers(), &ACCEPT_ENCODING);
        if let Entry::Occupied(mut said) = request.headers_mut().entry(ACCEPT_ENCODING) {
            said.insert(HeaderValue::from_static(if gzip { "gzip" } else { "identity" }));
        }
    }
    request
}

/// `package.Service/Method`, where a path is such a name; no path of REST is one.
fn name_of_rpc(path: &str) -> Option<&str> {
    let name = path.strip_prefix('/')?;
    let (service, method) = name.split_once('/')?;
    (service.contains('.') && !method.contains('/')).then_some(name)
}

#[derive(Clone)]
struct Doors {
    rest: Arc<Rest>,
    connect: Arc<Connect>,
    rpcs: Arc<Rpcs>,
    grpc: Grpc,
    trace: TraceLayer,
    metrics: MetricsLayer,
    clock: Clock,
    rng: Rng,
}

async fn answer(State(doors): State<Doors>, request: Request<Body>) -> Response<Body> {
    doors.through_the_stack(request).await
}

/// Gives every answer the id of its request.
async fn with_id(State(doors): State<Doors>, request: Request<Body>, next: Next) -> Response<Body> {
    let id = request.headers().get(REQUEST_ID).filter(|id| is_id(id)).cloned();
    let id = id.or_else(|| HeaderValue::from_str(&doors.rng.uuid(doors.clock.now()).to_string()).ok());
    let mut answer = next.run(request).await;
    if let Some(id) = id {
        answer.headers_mut().insert(REQUEST_ID, id);
    }
    answer
}

/// What is said where the headers of a request are too large, or too many.
fn are_too_large(request: &Request<Body>) -> Option<Error> {
    let address = request.uri().path_and_query().map_or(0, |address| address.as_str().len());
    // Each with what stands between its name and its value, and behind it.
    let headers: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    let (limit, most) = (MAX_HEADER_BYTES, MAX_HEADERS);
    let too_large = address + headers > limit || request.headers().len() > most;
    too_large.then(|| Error::of(Kind::ResourceExhausted, msg!("HEADERS_TOO_LARGE", limit, most)))
}

/// Whether an id that a caller sent may stand in our logs.
fn is_id(id: &HeaderValue) -> bool {
    id.len() <= REQUEST_ID_MAX
        && !id.is_empty()
        && id.as_bytes().iter().all(|b| b.is_ascii_alphanumeric() || b"-_.:+/=".contains(b))
}

/// The door that a request is at, and what for.
#[derive(Clone)]
enum At {
    Rest(Result<Asked, NotAsked>),
    Connect(Option<Arc<Rule>>),
    Grpc(Option<Arc<Rule>>),
}

impl At {
    fn method(&self) -> Option<RpcMethod> {
        match self {
            Self::Rest(asked) => asked.as_ref().ok().map(Asked::method),
            Self::Connect(rule) | Self::Grpc(rule) => rule.as_ref().map(|rule| RpcMethod::of(rule.row)),
        }
    }
}

impl Doors {
    fn at(&self, request: &Request<Body>) -> At {
        let (path, media) = (request.uri().path(), request.headers().get(CONTENT_TYPE));
        let name = name_of_rpc(path);
        let rule = || name.and_then(|name| self.rpcs.get(name)).cloned();
        if media.is_some_and(|media| media.as_bytes().starts_with(grpc::MEDIA_TYPE.as_bytes())) {
            At::Grpc(rule())
        } else if name.is_some() {
            At::Connect(rule())
        } else {
            At::Rest(self.rest.asked(request.method(), path))
        }
    }

    async fn answer(&self, at: At, request: Request<Body>) -> Response<Body> {
        let locale = request.extensions().get().copied().unwrap_or_default();
        if let Some(error) = are_too_large(&request) {
            return problem::answer(&error, locale);
        }
        match at {
            At::Rest(Ok(asked)) => self.rest.answer(asked, request, locale).await,
            At::Rest(Err(nothing)) => nothing.answer(&request.into_parts().0, locale),
            At::Connect(rule) => self.connect.answer(rule, request, locale).await,
            At::Grpc(rule) => self.grpc.answer(rule, request, locale).await,
        }
    }

    async fn through_the_stack(self, mut request: Request<Body>) -> Response<Body> {
        let at = self.at(&request);
        if let Some(method) = at.method() {
            request.extensions_mut().insert(method);
        }
        let (trace, metrics) = (self.trace.clone(), self.metrics.clone());
        let handler = service_fn(move |request: Request<Body>| {
            let (doors, at) = (self.clone(), at.clone());
            async move {
                let trace = tally_rpc::current_trace();
                let answer = async move |request: Request<Body>| doors.answer(at, request).await;
                let mut answer = stack::guarded(request, answer).await;
                let id = trace.as_deref().and_then(|trace| trace.split('-').nth(1));
                if let Some(Ok(id)) = id.map(HeaderValue::from_str) {
                    answer.headers_mut().insert(TRACE_ID, id);
                }
                Ok::<_, Infallible>(answer)
            }
        });
        let stack = ServiceBuilder::new().layer(trace).layer(metrics).map_request(with_locale).service(handler);
        match stack.oneshot(request).await {
            Ok(answer) => answer.map(Body::new),
            Err(never) => match never {},
        }
    }
}
