//! gRPC and gRPC-Web: calls go to the service of their rpc as they are, and its answers come back so; nothing here reads a message.

use std::convert::Infallible;
use std::sync::Arc;

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue, TE, TRANSFER_ENCODING,
    UPGRADE,
};
use http::request::Parts as Head;
use http::uri::PathAndQuery;
use http::{Method, Request, Response, Uri};
use http_body_util::Full;
use tally_kernel::error::{Error, Kind, Result};
use tally_kernel::{Locale, msg};
use tonic::body::Body as Frames;
use tonic_web::GrpcWebLayer;
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::call::{MAX_BODY_BYTES, Services};
use crate::rest::NotAsked;
use crate::rest::bodies::{self, Bodies};
use crate::rules::Rule;
use crate::{Body, problem};

/// How all media types of gRPC begin.
pub const MEDIA_TYPE: &str = "application/grpc";
/// What may follow: messages are proto, and those of gRPC-Web come as they are or as text.
const TAKEN: [&str; 6] = ["", "+proto", "-web", "-web+proto", "-web-text", "-web-text+proto"];
/// Headers of one connection or body, which say nothing of the next.
const OF_CONNECTION: [HeaderName; 5] = [CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE];
/// How a call ended.
const STATUS: &str = "grpc-status";

/// The door.
#[derive(Clone)]
pub struct Grpc {
    services: Services,
    bodies: Bodies,
}

impl Grpc {
    /// A door to services.
    pub fn new(services: Services, bodies: Bodies) -> Self {
        Self { services, bodies }
    }

    /// Answers a request for an rpc, or for none that is here.
    pub async fn answer(&self, rule: Option<Arc<Rule>>, request: Request<Body>, locale: Locale) -> Response<Body> {
        let said = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let kind = kind.strip_prefix(MEDIA_TYPE).unwrap_or_default();
        if request.method() != Method::POST {
            return NotAsked::Method(vec!["POST"]).answer(&request.into_parts().0, locale);
        }
        if !TAKEN.contains(&kind) {
            let taken = TAKEN.map(|kind| format!("{MEDIA_TYPE}{kind}")).join(", ");
            let wrong = Error::of(Kind::InvalidArgument, msg!("MEDIA_TYPE_WRONG.rpc", said, taken));
            return problem::answer(&wrong, locale);
        }
        let passed = service_fn(move |request| {
            let (door, rule) = (self.clone(), rule.clone());
            async move {
                let answer = door.passed(rule, request).await;
                Ok::<_, Infallible>(answer.unwrap_or_else(|error| tally_rpc::status(error, locale).into_http()))
            }
        });
        let request = request.map(Frames::new);
        let Ok(answer) = if kind.starts_with("-web") {
            GrpcWebLayer::new().layer(passed).oneshot(request).await
        } else {
            passed.oneshot(request).await
        };
        answer.map(Body::new)
    }

    async fn passed(&self, rule: Option<Arc<Rule>>, request: Request<Frames>) -> Result<Response<Frames>> {
        let way = rule.and_then(|rule| Some((self.services.channel(&rule.service)?, rule)));
        let (way, rule) = way.ok_or_else(|| Error::of(Kind::Unimplemented, msg!("METHOD_UNKNOWN")))?;
        let (mut head, body) = request.into_parts();
        let body = self.question(&rule, &head, body).await?;
        // The way knows where it leads.
        let path = PathAndQuery::try_from(format!("/{}", rule.name)).map_err(Error::internal)?;
        head.uri = Uri::from(path);
        OF_CONNECTION.iter().for_each(|name| _ = head.headers.remove(name));
        head.headers.insert(TE, HeaderValue::from_static("trailers"));
        let Ok(answer) = way.oneshot(Request::from_parts(head, body)).await;
        // Clients take a status among the headers for the end only where nothing comes after them, not even nothing.
        Ok(if answer.headers().contains_key(STATUS) { answer.map(|_| Frames::empty()) } else { answer })
    }

    /// What was sent, whole, within the bounds that all bodies have; nothing where nobody is signed in, which the service says. A stream both ways
    /// goes on as it comes: its caller may wait for answers.
    async fn question(&self, rule: &Rule, head: &Head, body: Frames) -> Result<Frames> {
        if rule.rpc.is_client_streaming() && rule.rpc.is_server_streaming() {
            return Ok(body);
        }
        let body = Body::new(body);
        let sent = match (rule.is_public(), head.headers.contains_key(AUTHORIZATION)) {
            (true, _) => self.bodies.whole(head, body, true).await?,
            (false, true) => self.bodies.up_to(MAX_BODY_BYTES, head, body).await?,
            (false, false) => {
                bodies::left(head, body).await;
                return Ok(Frames::empty());
            }
        };
        Ok(Frames::new(Full::new(sent)))
    }
}
