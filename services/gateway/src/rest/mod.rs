//! REST: every rpc of the contracts as JSON over HTTP.

pub mod answer;
pub mod bodies;
mod lines;
pub mod matcher;
pub mod weave;

use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use http::header::{ALLOW, AUTHORIZATION, CONTENT_ENCODING, HeaderName, IF_MATCH};
use http::request::Parts as Head;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use prost::Message as _;
use tally_kernel::error::{Error, Kind, Result, Violation};
use tally_kernel::{Locale, msg};
use tally_rpc::error_from;
use tally_rpc::layers::{CONSISTENCY, RpcMethod};
use tonic::Streaming;

use crate::call::{self, Services};
use crate::rules::Rule;
use crate::{Body, problem};
use bodies::Bodies;
use lines::Lines;
use matcher::{Binding, Found, Matcher};
use weave::Parts;

/// The header whose value is the `request_id` of a change.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Of a path that is not there, so many characters are said.
const PATH_SAID: usize = 200;

/// The door: which rpc a path and a method are, and how it is asked.
pub struct Rest {
    matcher: Matcher<Arc<Rule>>,
    services: Services,
    bodies: Bodies,
}

/// What a request is for.
#[derive(Clone, Debug)]
pub struct Asked {
    rule: Arc<Rule>,
    path: Vec<Binding>,
}

impl Asked {
    /// The rpc, for spans and figures.
    pub fn method(&self) -> RpcMethod {
        RpcMethod::of(self.rule.row)
    }
}

/// A request that is for nothing that is here.
#[derive(Clone, Debug)]
pub enum NotAsked {
    /// There is no such path.
    Path,
    /// There is, for other methods of HTTP.
    Method(Vec<&'static str>),
}

impl NotAsked {
    /// What the caller is told.
    pub fn answer(&self, head: &Head, locale: Locale) -> Response<Body> {
        let allowed = match self {
            Self::Path => {
                let path: String = head.uri.path().chars().take(PATH_SAID).collect();
                return problem::answer(&Error::of(Kind::NotFound, msg!("PATH_UNKNOWN", path)), locale);
            }
            Self::Method(methods) => {
                let head = methods.contains(&"GET").then_some("HEAD");
                methods.iter().copied().chain(head).chain(["OPTIONS"]).collect::<Vec<_>>().join(", ")
            }
        };
        let method = head.method.as_str();
        let mut answer = if head.method == Method::OPTIONS {
            Response::builder().status(StatusCode::NO_CONTENT).body(Body::empty()).unwrap_or_default()
        } else {
            problem::answer(&Error::of(Kind::Unimplemented, msg!("HTTP_METHOD_WRONG", method, allowed)), locale)
        };
        if let Ok(allowed) = HeaderValue::from_str(&allowed) {
            answer.headers_mut().insert(ALLOW, allowed);
        }
        answer
    }
}

impl Rest {
    /// A door to services by these rules.
    pub fn new(rules: &[Arc<Rule>], services: Services, bodies: Bodies) -> Self {
        let mut matcher = Matcher::default();
        rules.iter().for_each(|rule| matcher.add(rule.verb, rule.template.clone(), Arc::clone(rule)));
        Self { matcher, services, bodies }
    }

    /// What a request is for.
    ///
    /// # Errors
    /// It is for nothing that is here.
    pub fn asked(&self, method: &Method, path: &str) -> Result<Asked, NotAsked> {
        let as_get = if method == Method::HEAD { &Method::GET } else { method };
        match self.matcher.find(as_get.as_str(), path) {
            Found::Entry(rule, path) => Ok(Asked { rule: Arc::clone(rule), path }),
            Found::Nothing => Err(NotAsked::Path),
            Found::OtherMethods(methods) => Err(NotAsked::Method(methods)),
        }
    }

    /// Answers a request.
    pub async fn answer(&self, asked: Asked, request: Request<Body>, locale: Locale) -> Response<Body> {
        let conditional = asked.rule.etag_path().is_some() && request.headers().contains_key(IF_MATCH);
        match self.answered(asked, request, locale).await {
            Ok(answer) => answer,
            Err(error) if conditional && error.kind() == Kind::Aborted => {
                problem::with_status(&error, StatusCode::PRECONDITION_FAILED, locale)
            }
            Err(error) => problem::answer(&error, locale),
        }
    }

    async fn answered(&self, asked: Asked, request: Request<Body>, locale: Locale) -> Result<Response<Body>> {
        let (head, body) = request.into_parts();
        let rule = asked.rule;
        let (query, wanted) = query(head.uri.query().unwrap_or_default())?;
        let wanted = answer::Wanted::of(&rule, &head.headers, wanted)?;
        let parts = Parts {
            path: &asked.path,
            query: &query,
            request_id: header(&head.headers, &IDEMPOTENCY_KEY)?,
            etag: header(&head.headers, &IF_MATCH)?.map(etag).transpose()?.flatten(),
        };
        let token = header(&head.headers, &AUTHORIZATION)?;
        is_json(&rule, &head.headers)?;
        let answers = if rule.rpc.is_client_streaming() {
            // Each line has an id of its own, and the key would be of none.
            if parts.request_id.is_some() {
                return Err(unread(&IDEMPOTENCY_KEY));
            }
            let place = self.bodies.stream(&head.headers).await?;
            let (questions, broken) = call::as_read(Lines::of(Arc::clone(&rule), body));
            let questions = questions.inspect(move |_| _ = &place);
            tokio::select! {
                answers = self.ask(&rule, &head, questions) => answers?,
                Ok(error) = broken => return Err(error),
            }
        } else {
            let public = rule.is_public();
            // Nothing of a body is kept before it is known that somebody is signed in: the service says that nobody is.
            let body = if public || token.is_some() {
                self.bodies.whole(&head, body, public).await?
            } else {
                bodies::left(&head, body).await;
                Bytes::new()
            };
            let question = if public || token.is_some() {
                weave::question(&rule, &parts, &body)?.encode_to_vec()
            } else {
                Vec::new()
            };
            let question = Bytes::from(question);
            self.ask(&rule, &head, stream::iter([question])).await?
        };
        let (metadata, mut messages) = (answers.metadata().clone(), answers.into_inner());
        let mut answer = if rule.rpc.is_server_streaming() {
            answer::streamed(&rule, &wanted, messages, locale)
        } else {
            let only = messages.message().await.map_err(error_from)?;
            let only = only.ok_or_else(|| Error::internal("an answer without a message"))?;
            // What stands in the trailers may still say that it failed.
            messages.trailers().await.map_err(error_from)?;
            answer::unary(&rule, &wanted, &only, &head)?
        };
        if let Some(token) = metadata.into_headers().remove(CONSISTENCY) {
            answer.headers_mut().insert(CONSISTENCY, token);
        }
        Ok(answer)
    }

    async fn ask(
        &self,
        rule: &Rule,
        head: &Head,
        questions: impl Stream<Item = Bytes> + Send + 'static,
    ) -> Result<tonic::Response<Streaming<Bytes>>> {
        let asked = self.services.ask((&rule.service, &rule.name), call::caller(head), questions).await;
        asked.map_err(error_from)
    }
}

/// Names and values behind the `?`.
type Pairs = Vec<(String, String)>;

/// The pairs behind the `?`, and among them what is said of the answer's fields.
fn query(text: &str) -> Result<(Pairs, Option<String>)> {
    let decoded = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced).decode_utf8().map(Into::into).map_err(|_| no_text(text))
    };
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let pairs = pairs.map(|(name, value)| Ok((decoded(name)?, decoded(value).map_err(|_| no_text(name))?)));
    let pairs = pairs.collect::<Result<Pairs>>()?;
    let (fields, others): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(name, _)| name == "fields");
    let fields: Vec<String> = fields.into_iter().map(|(_, value)| value).collect();
    Ok((others, (!fields.is_empty()).then(|| fields.join(","))))
}

fn no_text(field: &str) -> Error {
    Error::invalid(vec![Violation { field: field.to_owned(), message: msg!("FIELD_UNREADABLE.encoding") }])
}

/// The tag of `If-Match`, which an rpc takes one of; none for `*`, which asks for no version.
fn etag(said: &str) -> Result<Option<&str>> {
    let one = said.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(said);
    // A weak one is no version of anything: it goes on as it is, and is not the one that is there.
    if one.trim_start_matches("W/\"").trim_end_matches('"').contains('"') {
        let message = msg!("HEADER_NOT_READ.several", header = IF_MATCH.as_str());
        return Err(Error::invalid(vec![Violation { field: IF_MATCH.to_string(), message }]));
    }
    Ok(Some(one).filter(|_| said != "*"))
}

/// A header that stands for a field. One that is no text, or is there twice, is refused: the condition that it sets would be lost silently.
pub fn header<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>> {
    let mut all = headers.get_all(name).iter();
    let Some(value) = all.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|_| all.next().is_none());
    text.map(Some).ok_or_else(|| unread(name))
}

/// The refusal of a header that cannot be read.
pub fn unread(name: &HeaderName) -> Error {
    Error::invalid(vec![Violation {
        field: name.to_string(),
        message: msg!("HEADER_NOT_READ", header = name.as_str()),
    }])
}

/// A body that says what it is must say JSON, as it is.
fn is_json(rule: &Rule, headers: &HeaderMap) -> Result<()> {
    if let Some(said) = header(headers, &CONTENT_ENCODING)?.filter(|said| !said.eq_ignore_ascii_case("identity")) {
        return Err(Error::of(Kind::InvalidArgument, msg!("MEDIA_TYPE_WRONG", said)));
    }
    let Some(said) = headers.get(http::header::CONTENT_TYPE) else { return Ok(()) };
    let said = said.to_str().unwrap_or_default();
    let media = said.split(';').next().unwrap_or_default().trim();
    let lines = ["application/jsonl", "application/x-ndjson"];
    if rule.rpc.is_client_streaming() && lines.iter().any(|known| media.eq_ignore_ascii_case(known)) {
        return Ok(());
    }
    if media.is_empty() || media.eq_ignore_ascii_case("application/json") || media.ends_with("+json") {
        return Ok(());
    }
    Err(Error::of(Kind::InvalidArgument, msg!("MEDIA_TYPE_WRONG", said)))
}
