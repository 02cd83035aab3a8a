//! What stands before all doors: a bound on requests at once, a guard against panics, and who may ask from the page of another site.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::middleware::Next;
use http::header::{
    ACCEPT, ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH, LINK, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use http::{HeaderValue, Method, Request, Response};
use tally_kernel::error::{Error, Kind};
use tally_kernel::{Locale, msg};
use tally_rpc::layers::{CONSISTENCY, CatchPanicLayer, Refused, with_locale};
use tokio::sync::Semaphore;
use tower::{ServiceBuilder, ServiceExt as _, service_fn};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::{Body, REQUEST_ID, TRACE_ID, problem};

/// Requests whose answers have not begun: with the largest headers and bodies that anybody may send without a token, some 1.6 GB.
const REQUESTS_AT_ONCE: usize = 16_384;
/// How long a browser takes the answer about another site's page for granted.
const CORS_AGE: Duration = Duration::from_secs(3_600);
/// Headers of requests by their names, beside those that HTTP itself knows: ours, the trace's, and what clients of Connect and grpc-web send.
const ASKED: [&str; 11] = [
    "connect-protocol-version",
    "connect-timeout-ms",
    "grpc-timeout",
    "idempotency-key",
    CONSISTENCY,
    "traceparent",
    "tracestate",
    "x-grpc-web",
    "x-request-id",
    "x-requested-with",
    "x-user-agent",
];
/// Headers of answers that a page may read.
const TOLD: [&str; 4] = ["grpc-status", "grpc-message", "grpc-status-details-bin", CONSISTENCY];

/// The places of requests.
#[derive(Clone)]
pub struct Requests(Arc<Semaphore>);

impl Default for Requests {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(REQUESTS_AT_ONCE)))
    }
}

/// Lets a request through to the doors if there is a place for it.
pub async fn admitted(State(Requests(places)): State<Requests>, request: Request<Body>, next: Next) -> Response<Body> {
    let request = with_locale(request);
    match places.try_acquire() {
        Ok(_place) => guarded(request, |request| next.run(request)).await,
        Err(_) => problem::answer(&overloaded(), locale(&request)),
    }
}

/// Answers a request with a fault of ours where what answers it panics. The process goes on.
pub async fn guarded<F>(request: Request<Body>, answer: impl FnOnce(Request<Body>) -> F + Clone) -> Response<Body>
where
    F: Future<Output = Response<Body>>,
{
    let locale = locale(&request);
    let answer = service_fn(move |request| {
        let answer = answer.clone();
        async move { Ok(answer(request).await) }
    });
    match ServiceBuilder::new().layer(CatchPanicLayer).service(answer).oneshot(request).await {
        Ok(answer) => answer.map(Body::new),
        Err(Refused::Error(error) | Refused::UnknownMethod(error)) => problem::answer(&error, locale),
    }
}

fn locale(request: &Request<Body>) -> Locale {
    request.extensions().get().copied().unwrap_or_default()
}

/// There are too many at once.
pub fn overloaded() -> Error {
    Error::of(Kind::ResourceExhausted, msg!("OVERLOADED")).retry_after(Duration::from_secs(1))
}

/// Pages of these sites may ask; nothing where there are none. Whoever signs in this way sends a token, never a cookie.
pub fn cors(origins: &[HeaderValue]) -> Option<CorsLayer> {
    let any = origins.iter().any(|origin| origin == "*");
    let origin = if any { AllowOrigin::any() } else { AllowOrigin::list(origins.iter().cloned()) };
    let asked = [ACCEPT, ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH];
    let told = [ETAG, LINK, RETRY_AFTER, WWW_AUTHENTICATE, REQUEST_ID, TRACE_ID];
    let layer = CorsLayer::new()
        .allow_origin(origin)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(asked.into_iter().chain(ASKED.map(HeaderName::from_static)).collect::<Vec<_>>())
        .expose_headers(told.into_iter().chain(TOLD.map(HeaderName::from_static)).collect::<Vec<_>>())
        .max_age(CORS_AGE);
    (!origins.is_empty()).then_some(layer)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::middleware::from_fn_with_state;

    use super::*;

    #[tokio::test]
    async fn a_request_too_many_is_told_when_to_come_again() {
        let answered = async |places: usize| {
            let places = Requests(Arc::new(Semaphore::new(places)));
            let doors = Router::new().fallback(async || "here").layer(from_fn_with_state(places, admitted));
            let request = Request::get("/").header(ACCEPT_LANGUAGE, "zh-CN").body(Body::empty()).unwrap();
            doors.oneshot(request).await.unwrap()
        };
        assert_eq!(answered(1).await.status(), 200);
        let refused = answered(0).await;
        assert_eq!((refused.status().as_u16(), &refused.headers()[RETRY_AFTER]), (503, &HeaderValue::from_static("1")));
        assert_eq!(refused.headers()["content-language"], "zh-CN");
    }
}
