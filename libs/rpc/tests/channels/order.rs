//! In which order the layers of the stack judge a call, what is known of it however it ends, and that they stand before other
//! services than gRPC's.

use std::convert::Infallible;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::error_handling::HandleErrorLayer;
use axum::extract::Extension;
use axum::response::IntoResponse;
use axum::routing::get;
use futures::poll;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use tally_access::{OpContext, PolicyRow, Regions, View};
use tally_api::attendance::v1::occupancy_service_client::OccupancyServiceClient;
use tally_kernel::error::{Error, Kind};
use tally_kernel::id::TenantId;
use tally_kernel::msg;
use tally_rpc::layers::{
    AuthenticateLayer, CatchPanicLayer, DeadlineLayer, LoadShedLayer, MetricsLayer, PolicyLayer, RateLimitLayer,
    Refused, RpcMethod, StatusLayer, TraceLayer, with_locale,
};
use tally_rpc::{Claims, Limits, LocalKeys, RpcChannel, Views, in_process};
use tally_testkit::{Callers, clock, eventually};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{ServiceBuilder, ServiceExt as _};
use tracing::field::{Field, Visit};
use tracing::span;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use uuid::Uuid;

use crate::probe::{Bench, policy, reason, say};

const KNOWN: &str = "/tally.identity.v1.SessionService/CreateLogin";
const UNKNOWN: &str = "/tally.identity.v1.AccessService/GetView";

#[tokio::test]
async fn of_all_that_is_wrong_with_a_call_the_outermost_layer_tells_its_own() {
    let bench = Bench::new(Limits { concurrency: 1, calls_per_second: 1, ..Limits::default() }, None);
    let told = async |path: &str, headers: &[(&'static str, &str)]| {
        let mut request = Request::post(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = bench.guarded.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        Status::from_header_map(answer.headers()).expect("a refusal")
    };
    let channel = in_process(&bench.guarded);
    let mut holding = Box::pin(say(&channel, bench.ask("wait")));
    assert!(poll!(&mut holding).is_pending());
    assert_eq!(reason(told(UNKNOWN, &[("grpc-timeout", "soon")]).await), "DEADLINE_MALFORMED");
    assert_eq!(told(UNKNOWN, &[]).await.code(), Code::Unimplemented);
    assert_eq!(reason(told(KNOWN, &[]).await), "OVERLOADED", "nobody's token is looked at");
    bench.gate.notify_one();
    holding.await.unwrap();
    assert_eq!(reason(told(KNOWN, &[]).await), "TOKEN_MISSING");
    let token = format!("Bearer {}", bench.caller.token);
    eventually("a call too many", async || {
        // Those that are let through have no message, which is the handler's business.
        (reason(told(KNOWN, &[("authorization", &token)]).await) == "RATE_LIMITED").then_some(())
    })
    .await;
    assert_eq!(reason(told(KNOWN, &[("authorization", "Bearer a.b.c")]).await), "TOKEN_INVALID", "is counted nowhere");
}

/// What the spans of servers are told when they end, and what is logged within one.
#[derive(Clone, Default)]
struct Seen {
    codes: Arc<Mutex<Vec<String>>>,
    logged: Arc<Mutex<Vec<String>>>,
}

impl Seen {
    /// Sees what happens on this thread.
    fn begin() -> (Self, DefaultGuard) {
        let seen = Self::default();
        let subscriber = tracing_subscriber::registry().with(seen.clone());
        (seen, tracing::subscriber::set_default(subscriber))
    }

    fn codes(&self) -> Vec<String> {
        std::mem::take(&mut *self.codes.lock().unwrap())
    }
}

struct Text(&'static str, String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == self.0 {
            self.1 = format!("{value:?}").trim_matches('"').to_owned();
        }
    }
}

impl<S> tracing_subscriber::Layer<S> for Seen
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, ctx: Context<'_, S>) {
        let mut code = Text("rpc.response.status_code", String::new());
        values.record(&mut code);
        if ctx.metadata(id).is_some_and(|span| span.name() == "rpc") && !code.1.is_empty() {
            self.codes.lock().unwrap().push(code.1);
        }
    }

    fn on_event(&self, event: &tracing::Event<'_>, ctx: Context<'_, S>) {
        let mut internal = Text("internal", String::new());
        event.record(&mut internal);
        if ctx.lookup_current().is_some_and(|span| span.name() == "rpc") && !internal.1.is_empty() {
            self.logged.lock().unwrap().push(internal.1);
        }
    }
}

#[tokio::test]
async fn however_a_call_ends_its_span_ends_with_the_code_that_the_caller_reads() {
    let (seen, _guard) = Seen::begin();
    let bench = Bench::new(Limits::default(), None);
    let channel = in_process(&bench.guarded);
    say(&channel, bench.ask("who")).await.unwrap();
    assert_eq!(seen.codes(), ["OK"]);

    let mut request = bench.ask("panic");
    request.metadata_mut().insert("accept-language", "zh-CN".parse().unwrap());
    let panicked = say(&channel, request).await.unwrap_err();
    assert!(String::from_utf8_lossy(panicked.details()).contains("zh-CN"), "in the caller's language");
    assert_eq!(seen.codes(), ["INTERNAL"]);
    assert_eq!(*seen.logged.lock().unwrap(), ["a handler panicked: as asked"], "what is logged belongs to the call");

    let nobody = tonic::Request::new(bench.ask("who").into_inner());
    assert_eq!(say(&channel, nobody).await.unwrap_err().code(), Code::Unauthenticated);
    let unknown = Request::post(UNKNOWN).body(Body::empty()).unwrap();
    bench.guarded.clone().oneshot(unknown).await.unwrap();
    let mut late = bench.ask("hang");
    late.set_timeout(Duration::from_millis(20));
    assert_eq!(say(&RpcChannel::new(bench.guarded.clone()), late).await.unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(seen.codes(), ["UNAUTHENTICATED", "UNIMPLEMENTED", "DEADLINE_EXCEEDED"]);

    for (what, code) in [("panic", "INTERNAL"), ("error", "FAILED_PRECONDITION"), ("", "OK"), ("wait", "CANCELLED")] {
        let mut client = OccupancyServiceClient::new(channel.clone());
        let mut stream = client.list_occupancy(bench.watch(what)).await.unwrap().into_inner();
        assert!(stream.message().await.unwrap().is_some());
        assert_eq!(seen.codes(), Vec::<String>::new(), "a stream that has begun has not ended");
        if code != "CANCELLED" {
            while let Ok(Some(_)) = stream.message().await {}
        }
        drop(stream);
        assert_eq!(seen.codes(), [code], "{what}");
    }
}

/// Services need no views.
struct NoViews;

#[tonic::async_trait]
impl Views for NoViews {
    async fn view(&self, _: &Claims, _: bool) -> tally_kernel::Result<Arc<View>> {
        Err(Error::internal("nobody has a view here"))
    }
}

/// The edge of a gateway.
async fn http_error(refused: Refused) -> impl IntoResponse {
    let (status, code, reason) = match refused {
        Refused::UnknownMethod(_) => (StatusCode::NOT_FOUND, Code::NotFound, ""),
        Refused::Error(error) => {
            let code = tally_rpc::status(error.clone(), tally_kernel::Locale::En).code();
            let status = match code {
                Code::Unauthenticated => StatusCode::UNAUTHORIZED,
                Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
                Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            };
            (status, code, error.reason())
        }
    };
    (status, Extension(code), reason)
}

fn gateway(callers: &Callers) -> Router {
    let keys = Arc::<LocalKeys>::clone(&callers.keys);
    let limits = Limits { concurrency: 1, ..Limits::default() };
    let layers = ServiceBuilder::new()
        .layer(Extension(RpcMethod::of(PolicyRow::of::<policy::CreateLogin>())))
        .layer(TraceLayer::server("gateway"))
        .layer(MetricsLayer::server("gateway"))
        .map_request(with_locale)
        .layer(HandleErrorLayer::new(http_error))
        .layer(CatchPanicLayer)
        .layer(DeadlineLayer::server(limits.first_answer))
        .layer(PolicyLayer)
        .layer(LoadShedLayer::new(limits.concurrency))
        .layer(AuthenticateLayer::new(
            keys,
            Arc::new(NoViews),
            Regions::All,
            callers.clock.clone(),
            callers.rng.clone(),
        ))
        .layer(RateLimitLayer::new("gateway", limits, callers.cache.clone()))
        .map_err(|never: Infallible| match never {});
    Router::new()
        .route("/v1/who", get(async |Extension(ctx): Extension<OpContext>| format!("{:?}", ctx.actor.kind)))
        .route("/v1/panic", get(async || -> String { panic!("as asked") }))
        .route("/v1/hang", get(std::future::pending::<String>))
        .layer(layers)
}

#[tokio::test]
async fn the_same_layers_stand_before_the_router_of_a_gateway() {
    let (seen, _guard) = Seen::begin();
    let callers = Callers::new(clock("2026-03-02T08:00:00Z"), 1);
    let gateway = gateway(&callers);
    let token = callers.signer("performance").token(TenantId(Uuid::from_u128(1)), None).unwrap();
    let call = async |path: &str, token: &str| {
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        let request = if path == "/v1/hang" { request.header("grpc-timeout", "20m") } else { request };
        gateway.clone().oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap()
    };
    for (path, token, status, text, code) in [
        ("/v1/who", &*token, StatusCode::OK, r#"Service("performance")"#, "OK"),
        ("/v1/who", "a.b.c", StatusCode::UNAUTHORIZED, "TOKEN_INVALID", "UNAUTHENTICATED"),
        ("/v1/panic", &token, StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "INTERNAL"),
        ("/v1/hang", &token, StatusCode::GATEWAY_TIMEOUT, "DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"),
    ] {
        let answer = call(path, token).await;
        assert_eq!(answer.status(), status, "{path}");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, text, "{path}");
        assert_eq!(seen.codes(), [code], "{path}");
    }
    // An answer that is not read yet holds its place.
    let unread = call("/v1/who", &token).await;
    assert_eq!(call("/v1/who", &token).await.status(), StatusCode::TOO_MANY_REQUESTS);
    drop(unread);
    assert_eq!(call("/v1/who", &token).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_layer_alone_stands_before_a_plain_service() {
    let plain = tower::service_fn(async |request: Request<String>| {
        assert_ne!(request.body(), "panic", "as asked");
        Ok(http::Response::new(request.into_body()))
    });
    let guarded = ServiceBuilder::new().layer(StatusLayer).layer(CatchPanicLayer).service(plain);
    let answer = guarded.clone().oneshot(Request::new("hello".to_owned())).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "hello");
    let answer = guarded.oneshot(Request::new("panic".to_owned())).await.unwrap();
    assert_eq!(Status::from_header_map(answer.headers()).map(|status| status.code()), Some(Code::Internal));
}

/// Takes no call.
struct Away;

impl tower::Service<Request<String>> for Away {
    type Response = http::Response<String>;
    type Error = Refused;
    type Future = std::future::Pending<Result<Self::Response, Refused>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<(), Refused>> {
        Poll::Ready(Err(Error::of(Kind::Unavailable, msg!("STORE_BUSY")).into()))
    }

    fn call(&mut self, _: Request<String>) -> Self::Future {
        std::future::pending()
    }
}

#[tokio::test]
async fn what_takes_no_call_is_an_answer_of_the_edge_too() {
    let guarded = ServiceBuilder::new().layer(StatusLayer).layer(CatchPanicLayer).service(Away);
    let answer = guarded.oneshot(Request::new(String::new())).await.unwrap();
    assert_eq!(reason(Status::from_header_map(answer.headers()).expect("a refusal")), "STORE_BUSY");
}
