//! Answers as JSON: one message, or many as server-sent events or as lines of JSON.

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LINK, VARY};
use http::request::Parts as Head;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use prost_reflect::{DynamicMessage, MessageDescriptor, Value};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};
use tally_kernel::error::{Error, Result, Violation};
use tally_kernel::{Locale, msg};
use tally_rpc::error_from;
use tonic::Streaming;

use crate::rules::Rule;
use crate::{Body, problem};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
const LINES: HeaderValue = HeaderValue::from_static("application/jsonl");

/// How the caller wants it.
pub struct Wanted {
    /// Ways to the fields that are wanted; none means all.
    fields: Vec<Vec<String>>,
    /// Whether a stream comes as events.
    events: bool,
}

impl Wanted {
    /// What the headers and `fields=` behind the `?` say: names of fields of the answer with points between, and commas between ways.
    ///
    /// # Errors
    /// INVALID_ARGUMENT where the answer has no such field.
    pub fn of(rule: &Rule, headers: &HeaderMap, mask: Option<String>) -> Result<Self> {
        let accepts = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let events = accepts.contains("text/event-stream");
        let mut fields = Vec::new();
        for path in mask.iter().flat_map(|mask| mask.split(',')).map(str::trim).filter(|path| !path.is_empty()) {
            let names: Vec<String> = path.split('.').map(str::to_owned).collect();
            let names = named(&rule.rpc.output(), &names).ok_or_else(|| {
                Error::invalid(vec![Violation {
                    field: "fields".into(),
                    message: msg!("ANSWER_HAS_NO_FIELD", field = path),
                }])
            })?;
            fields.push(names);
        }
        Ok(Self { fields, events })
    }

    fn only(&self, message: &mut DynamicMessage) {
        if !self.fields.is_empty() {
            let fields: Vec<&[String]> = self.fields.iter().map(Vec::as_slice).collect();
            keep(message, &fields);
        }
    }
}

/// A way by the contract's names, where it was said by those or by JSON's.
fn named(message: &MessageDescriptor, path: &[String]) -> Option<Vec<String>> {
    let (first, rest) = path.split_first()?;
    let field = message.fields().find(|field| field.name() == first || field.json_name() == first)?;
    let mut names = vec![field.name().to_owned()];
    if !rest.is_empty() {
        names.extend(named(field.kind().as_message()?, rest)?);
    }
    Some(names)
}

/// Clears what no way leads to.
fn keep(message: &mut DynamicMessage, ways: &[&[String]]) {
    let fields: Vec<_> = message.fields().map(|(field, _)| field).collect();
    for field in fields {
        let through: Vec<&[String]> = ways
            .iter()
            .filter_map(|way| way.split_first())
            .filter(|(first, _)| *first == field.name())
            .map(|(_, rest)| rest)
            .collect();
        if through.is_empty() {
            message.clear_field(&field);
            continue;
        }
        if through.iter().any(|rest| rest.is_empty()) {
            continue;
        }
        match message.get_field_mut(&field) {
            Value::Message(inner) => keep(inner, &through),
            Value::List(items) => {
                items.iter_mut().filter_map(Value::as_message_mut).for_each(|inner| keep(inner, &through));
            }
            _ => {}
        }
    }
}

/// An answer of one message: with its ETag, and a link to the next page of a list.
pub fn unary(rule: &Rule, wanted: &Wanted, bytes: &Bytes, head: &Head) -> Result<Response<Body>> {
    let mut message = decoded(rule, bytes)?;
    let own = own_etag(&message).map(|own| format!("\"{own}\""));
    let next = message.get_field_by_name("next_page_token").and_then(|token| token.as_str().map(str::to_owned));
    wanted.only(&mut message);
    let told = json(&message)?;
    // Of the bytes, in the caller's language and with the fields that were asked for. The other says which version a change may take for granted.
    let etag = own.clone().unwrap_or_else(|| weak(&told));
    let mut answer = Response::new(Body::new(Full::new(told)));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(VARY, HeaderValue::from_static("accept-language"));
    let reads = matches!(head.method.as_str(), "GET" | "HEAD");
    // What a sign-in answers is kept nowhere.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(if reads { "private, no-cache" } else { "no-store" }));
    if let Ok(value) = HeaderValue::from_str(&etag) {
        headers.insert(ETAG, value);
    }
    if let Some(link) = next.filter(|token| !token.is_empty()).and_then(|token| next_link(&head.uri, &token)) {
        headers.insert(LINK, link);
    }
    let known = head.headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let same = |known: &str| known == "*" || known.trim_start_matches("W/") == etag.trim_start_matches("W/");
    if reads && own.is_none() && known.split(',').map(str::trim).any(same) {
        *answer.body_mut() = Body::empty();
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        answer.headers_mut().remove(CONTENT_TYPE);
    }
    Ok(answer)
}

/// An answer of many messages. One that breaks off says why in its last event or line: the status of HTTP is gone by then.
pub fn streamed(rule: &Rule, wanted: &Wanted, messages: Streaming<Bytes>, locale: Locale) -> Response<Body> {
    let events = wanted.events;
    let (rule, fields) = (rule.clone(), wanted.fields.clone());
    let told = move |bytes: Bytes| {
        let mut message = decoded(&rule, &bytes)?;
        Wanted { fields: fields.clone(), events }.only(&mut message);
        json(&message)
    };
    let one =
        move |told: Result<Option<Bytes>>| Ok::<_, std::convert::Infallible>(Frame::data(line(told, events, locale)));
    let mut answer = Response::new(Body::new(StreamBody::new(until_failed(messages, told, events).map(one))));
    answer.headers_mut().insert(CONTENT_TYPE, if events { EVENTS } else { LINES });
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A proxy that waits for more makes no stream of it.
    answer.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    answer
}

fn until_failed(
    messages: Streaming<Bytes>,
    told: impl Fn(Bytes) -> Result<Bytes> + Send,
    events: bool,
) -> impl futures::Stream<Item = Result<Option<Bytes>>> + Send {
    stream::unfold(Some((messages, told)), move |going| async move {
        let (mut messages, told) = going?;
        match messages.message().await.map_err(error_from).and_then(|message| message.map(&told).transpose()) {
            Ok(Some(message)) => Some((Ok(Some(message)), Some((messages, told)))),
            // A reader of events would begin again where it was not told that this is the end.
            Ok(None) => events.then_some((Ok(None), None)),
            Err(error) => Some((Err(error), None)),
        }
    })
}

fn line(told: Result<Option<Bytes>>, events: bool, locale: Locale) -> Bytes {
    let (data, failed) = match told {
        Ok(None) => return Bytes::from_static(b"event: end\ndata: {}\n\n"),
        Ok(Some(data)) => (data, false),
        Err(error) => {
            let problem = problem::members(&error, tally_rpc::http_status(&error), locale);
            (Bytes::from(Json::Object(problem).to_string()), true)
        }
    };
    let mut line = Vec::with_capacity(data.len() + 32);
    match (events, failed) {
        (true, false) => line.extend_from_slice(b"data: "),
        (true, true) => line.extend_from_slice(b"event: error\ndata: "),
        (false, false) => {}
        (false, true) => line.extend_from_slice(b"{\"error\":"),
    }
    line.extend_from_slice(&data);
    line.extend_from_slice(match (events, failed) {
        (true, _) => b"\n\n",
        (false, false) => b"\n",
        (false, true) => b"}\n",
    });
    line.into()
}

fn decoded(rule: &Rule, bytes: &Bytes) -> Result<DynamicMessage> {
    DynamicMessage::decode(rule.rpc.output(), bytes.clone())
        .map_err(|e| Error::internal(format_args!("an answer of {} cannot be read: {e}", rule.name)))
}

/// The JSON of a message that answers.
///
/// # Errors
/// A fault of ours.
pub fn whole(rule: &Rule, bytes: &Bytes) -> Result<Bytes> {
    json(&decoded(rule, bytes)?)
}

fn json(message: &DynamicMessage) -> Result<Bytes> {
    serde_json::to_vec(message).map(Bytes::from).map_err(Error::internal)
}

/// The etag of what an answer is of: its own, or that of the one message it holds.
fn own_etag(message: &DynamicMessage) -> Option<String> {
    let etag = |message: &DynamicMessage| {
        let value = message.get_field_by_name("etag")?;
        value.as_str().filter(|etag| !etag.is_empty()).map(str::to_owned)
    };
    etag(message).or_else(|| message.fields().find_map(|(_, value)| etag(value.as_message()?)))
}

/// An etag of the bytes: the same answer has the same.
fn weak(bytes: &Bytes) -> String {
    format!("W/\"{}\"", hex::encode(&Sha256::digest(bytes)[..12]))
}

/// The same question with the token of the next page.
fn next_link(uri: &http::Uri, token: &str) -> Option<HeaderValue> {
    let asked = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let others = asked.filter(|pair| !matches!(pair.split('=').next(), Some("page_token" | "pageToken")));
    let token = percent_encoding::utf8_percent_encode(token, percent_encoding::NON_ALPHANUMERIC);
    let query: Vec<String> = others.map(str::to_owned).chain([format!("page_token={token}")]).collect();
    HeaderValue::from_str(&format!("<{}?{}>; rel=\"next\"", uri.path(), query.join("&"))).ok()
}
