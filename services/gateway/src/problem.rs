//! Errors as problem details (RFC 9457), in the caller's language.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value, json};
use tally_i18n::{sentence, text};
use tally_kernel::{Error, Locale, msg};
use tonic::Code;

use crate::Body;

/// Its media type.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// What stands before a reason in the type of a problem; `docs/errors.md` has a section for each reason.
const TYPE: &str = "urn:tally:error:";
/// Of a sentence, so many characters are said: it may name what was sent.
const SAID: usize = 1_000;

/// The code of gRPC that spans and figures have.
pub fn code_of(error: &Error) -> Code {
    tally_rpc::status(error.clone(), Locale::En).code()
}

/// The members of a problem.
pub fn members(error: &Error, status: StatusCode, locale: Locale) -> Map<String, Value> {
    let mut told = Map::new();
    told.insert("type".into(), format!("{TYPE}{}", error.reason()).into());
    told.insert("title".into(), text(locale, &msg!("PROBLEM_TITLE", status = status.as_u16())).into());
    told.insert("status".into(), status.as_u16().into());
    told.insert("detail".into(), said(sentence(locale, error)).into());
    told.insert("reason".into(), error.reason().into());
    if !error.metadata().is_empty() {
        told.insert(
            "metadata".into(),
            error.metadata().iter().map(|(key, value)| ((*key).to_owned(), Value::from(value.clone()))).collect(),
        );
    }
    let violation = |one: &tally_kernel::error::Violation| json!({ "field": one.field, "reason": one.message.reason(), "description": said(text(locale, &one.message)) });
    if !error.violations().is_empty() {
        told.insert("violations".into(), error.violations().iter().map(violation).collect());
    }
    told
}

fn said(sentence: String) -> String {
    match sentence.char_indices().nth(SAID) {
        Some((end, _)) => format!("{}..", &sentence[..end]),
        None => sentence,
    }
}

/// The answer that an error is.
pub fn answer(error: &Error, locale: Locale) -> Response<Body> {
    with_status(error, tally_rpc::http_status(error), locale)
}

/// The answer that an error is, with a status of HTTP that its kind alone does not say.
pub fn with_status(error: &Error, status: StatusCode, locale: Locale) -> Response<Body> {
    let told = Value::Object(members(error, status, locale)).to_string();
    told_as((MEDIA_TYPE, told), error, (status, code_of(error)), locale)
}

/// The answer that an error is where something else than its problem is told, of this media type.
pub fn told_as(
    (media_type, told): (&'static str, String),
    error: &Error,
    (status, code): (StatusCode, Code),
    locale: Locale,
) -> Response<Body> {
    let mut answer = Response::new(Body::new(http_body_util::Full::new(Bytes::from(told))));
    *answer.status_mut() = status;
    answer.extensions_mut().insert(code);
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(locale.tag()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(delay) = error.retry_delay() {
        // Whole seconds, and never too early.
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    answer
}
