//! Errors as Connect tells them, in the caller's language, and what goes beside messages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderName, TRAILER, TRANSFER_ENCODING};
use http::{HeaderMap, Response, StatusCode};
use prost::Message as _;
use serde_json::{Map, Value, json};
use tally_i18n::sentence;
use tally_kernel::Locale;
use tally_kernel::error::Error;
use tally_rpc::error_from;
use tonic::{Code, Status};
use tonic_types::pb;

use crate::{Body, problem};

/// Why a call has no answer, and what the service sent beside that.
#[derive(Debug)]
pub struct Failed {
    error: Error,
    leading: HeaderMap,
    trailing: HeaderMap,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { error, leading: HeaderMap::new(), trailing: HeaderMap::new() }
    }
}

impl Failed {
    /// What a service answered in place of a message, after these headers.
    pub fn after(leading: HeaderMap, status: Status) -> Self {
        let trailing = metadata(status.metadata().clone().into_headers());
        Self { error: error_from(status), leading, trailing }
    }

    /// The answer to a call of one message.
    pub fn answer(self, locale: Locale) -> Response<Body> {
        let (code, told) = told(&self.error, locale);
        let told = ("application/json", told.to_string());
        let mut answer = problem::told_as(told, &self.error, (written(code).1, code), locale);
        for (name, value) in &self.leading {
            answer.headers_mut().append(name, value.clone());
        }
        trail(answer.headers_mut(), self.trailing);
        answer
    }

    /// The end of a stream, and the code of gRPC that it has.
    pub fn end(&self, locale: Locale) -> (Code, Value) {
        let (code, told) = told(&self.error, locale);
        (code, end(Some(told), &self.trailing))
    }
}

/// What ends a stream: the error, if it failed, and what is told behind the messages.
pub fn end(error: Option<Value>, trailing: &HeaderMap) -> Value {
    let mut end = Map::new();
    if let Some(error) = error {
        end.insert("error".into(), error);
    }
    if !trailing.is_empty() {
        let values = |name: &HeaderName| -> Value {
            trailing.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect()
        };
        let metadata: Map<String, Value> = trailing.keys().map(|name| (name.to_string(), values(name))).collect();
        end.insert("metadata".into(), metadata.into());
    }
    end.into()
}

/// An error's members: its code, the sentence, and the details that gRPC has of it.
fn told(error: &Error, locale: Locale) -> (Code, Value) {
    let status = tally_rpc::status(error.clone(), locale);
    let details = pb::Status::decode(status.details()).map(|rich| rich.details).unwrap_or_default();
    let detail = |any: &prost_types::Any| {
        let name = any.type_url.rsplit('/').next();
        json!({ "type": name, "value": STANDARD_NO_PAD.encode(&any.value) })
    };
    let details: Vec<Value> = details.iter().map(detail).collect();
    let code = status.code();
    (code, json!({ "code": written(code).0, "message": sentence(locale, error), "details": details }))
}

/// What Connect calls a code, and the status of HTTP that it has.
pub fn written(code: Code) -> (&'static str, StatusCode) {
    match code {
        Code::Cancelled => ("canceled", StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST)),
        Code::InvalidArgument => ("invalid_argument", StatusCode::BAD_REQUEST),
        Code::DeadlineExceeded => ("deadline_exceeded", StatusCode::GATEWAY_TIMEOUT),
        Code::NotFound => ("not_found", StatusCode::NOT_FOUND),
        Code::AlreadyExists => ("already_exists", StatusCode::CONFLICT),
        Code::PermissionDenied => ("permission_denied", StatusCode::FORBIDDEN),
        Code::ResourceExhausted => ("resource_exhausted", StatusCode::TOO_MANY_REQUESTS),
        Code::FailedPrecondition => ("failed_precondition", StatusCode::BAD_REQUEST),
        Code::Aborted => ("aborted", StatusCode::CONFLICT),
        Code::OutOfRange => ("out_of_range", StatusCode::BAD_REQUEST),
        Code::Unimplemented => ("unimplemented", StatusCode::NOT_IMPLEMENTED),
        Code::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR),
        Code::Unavailable => ("unavailable", StatusCode::SERVICE_UNAVAILABLE),
        Code::DataLoss => ("data_loss", StatusCode::INTERNAL_SERVER_ERROR),
        Code::Unauthenticated => ("unauthenticated", StatusCode::UNAUTHORIZED),
        // A failure with the code of none is a fault.
        Code::Ok | Code::Unknown => ("unknown", StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// What of gRPC's headers or trailers is the caller's to read.
pub fn metadata(mut all: HeaderMap) -> HeaderMap {
    let own = [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, DATE, TRAILER, TRANSFER_ENCODING];
    let ours: Vec<HeaderName> =
        all.keys().filter(|name| name.as_str().starts_with("grpc-") || own.contains(name)).cloned().collect();
    for name in ours {
        all.remove(name);
    }
    all
}

/// Puts what is told behind a message among the headers: an answer of one message has no trailers.
pub fn trail(headers: &mut HeaderMap, trailing: HeaderMap) {
    for (name, value) in &trailing {
        if let Ok(name) = HeaderName::try_from(format!("trailer-{name}")) {
            headers.append(name, value.clone());
        }
    }
}
