//! The only place where the suite's error becomes a gRPC status, and where a peer's status becomes an error again.
//!
//! Details are encoded by hand from sorted maps, so that the same error gives the same bytes on every channel.

use std::collections::BTreeMap;
use std::time::Duration;

use http::StatusCode;
use prost::Message;
use tally_access::OpContext;
use tally_i18n::{sentence, text};
use tally_kernel::Locale;
use tally_kernel::error::{Error, Kind, Result, Violation};
use tally_kernel::message::word;
use tonic::{Code, Response, Status};
use tonic_types::pb;

/// `domain` of every ErrorInfo.
pub const DOMAIN: &str = "tally";

/// Key of the metadata that tells how many violations did not fit.
const OMITTED: &str = "violations_omitted";

/// When a caller may try again if the error itself does not say.
const DEFAULT_RETRY: Duration = Duration::from_secs(1);

/// A status travels in headers, of which many clients take 8 KiB and all take 16: a message is cut to this many bytes,
/// and so is every value of the metadata.
const MAX_TEXT_BYTES: usize = 600;
/// Violations beyond this many bytes are counted instead of told.
const MAX_VIOLATION_BYTES: usize = 3_000;

/// google.rpc.ErrorInfo with a sorted map: the generated one has a hash map, whose order differs from call to call.
#[derive(Clone, PartialEq, Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
    #[prost(btree_map = "string, string", tag = "3")]
    metadata: BTreeMap<String, String>,
}

/// Turns an error into the status a caller reads, in the caller's language. What only operators may read goes to the
/// log here and nowhere else.
pub fn status(error: Error, locale: Locale) -> Status {
    if let Some(internal) = error.internal_context() {
        if error.kind() == Kind::Internal {
            tracing::error!(reason = error.reason(), internal, "a call failed by a fault of ours");
        } else {
            tracing::warn!(reason = error.reason(), internal, "a call was refused");
        }
    }
    let code = code(error.kind());
    let english = sentence(Locale::En, &error);
    let message = cut(&english);
    let rich = pb::Status { code: code as i32, message: message.to_owned(), details: details(&error, message, locale) };
    Status::with_details(code, message, rich.encode_to_vec().into())
}

fn details(error: &Error, english: &str, locale: Locale) -> Vec<prost_types::Any> {
    let violations = violations(error, locale);
    let mut metadata: BTreeMap<String, String> =
        error.metadata().iter().map(|(key, value)| ((*key).to_owned(), cut(value).to_owned())).collect();
    if violations.len() < error.violations().len() {
        metadata.insert(OMITTED.to_owned(), (error.violations().len() - violations.len()).to_string());
    }
    let info = ErrorInfo { reason: error.reason().to_owned(), domain: DOMAIN.to_owned(), metadata };
    let mut details = vec![any("ErrorInfo", &info)];
    if !violations.is_empty() {
        details.push(any("BadRequest", &pb::BadRequest { field_violations: violations }));
    }
    if error.kind() == Kind::FailedPrecondition {
        let violation = pb::precondition_failure::Violation {
            r#type: error.reason().to_owned(),
            subject: error.metadata().get("resource").cloned().unwrap_or_default(),
            description: english.to_owned(),
        };
        details.push(any("PreconditionFailure", &pb::PreconditionFailure { violations: vec![violation] }));
    }
    if let Some(delay) = retry_delay(error) {
        let retry_delay = prost_types::Duration::try_from(delay).ok();
        details.push(any("RetryInfo", &pb::RetryInfo { retry_delay }));
    }
    details.push(any("LocalizedMessage", &localized(locale, &sentence(locale, error))));
    details
}

fn localized(locale: Locale, text: &str) -> pb::LocalizedMessage {
    pb::LocalizedMessage { locale: locale.tag().to_owned(), message: cut(text).to_owned() }
}

/// As many violations as fit, in the order in which they were found.
fn violations(error: &Error, locale: Locale) -> Vec<pb::bad_request::FieldViolation> {
    let mut room = MAX_VIOLATION_BYTES;
    let told = error.violations().iter().map_while(|violation| {
        let (field, english) = (cut(&violation.field), text(Locale::En, &violation.message));
        let (description, reason) = (cut(&english), violation.message.reason());
        let translated = (locale != Locale::En).then(|| localized(locale, &text(locale, &violation.message)));
        let translation = translated.as_ref().map_or(0, |told| told.message.len() + 12);
        room = room.checked_sub(field.len() + description.len() + reason.len() + translation + 12)?;
        Some(pb::bad_request::FieldViolation {
            field: field.to_owned(),
            description: description.to_owned(),
            reason: reason.to_owned(),
            localized_message: translated,
        })
    });
    told.collect()
}

/// The longest start of `text` that may travel.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT_BYTES)]
}

fn retry_delay(error: &Error) -> Option<Duration> {
    let waits = matches!(error.kind(), Kind::Unavailable | Kind::ResourceExhausted);
    error.retry_delay().or(waits.then_some(DEFAULT_RETRY))
}

fn any(name: &str, message: &impl Message) -> prost_types::Any {
    prost_types::Any { type_url: format!("type.googleapis.com/google.rpc.{name}"), value: message.encode_to_vec() }
}

fn code(kind: Kind) -> Code {
    match kind {
        Kind::InvalidArgument => Code::InvalidArgument,
        Kind::NotFound => Code::NotFound,
        Kind::AlreadyExists => Code::AlreadyExists,
        Kind::Aborted => Code::Aborted,
        Kind::FailedPrecondition => Code::FailedPrecondition,
        Kind::PermissionDenied => Code::PermissionDenied,
        Kind::Unauthenticated => Code::Unauthenticated,
        Kind::ResourceExhausted => Code::ResourceExhausted,
        Kind::Unavailable => Code::Unavailable,
        Kind::DeadlineExceeded => Code::DeadlineExceeded,
        Kind::Cancelled => Code::Cancelled,
        Kind::Unimplemented => Code::Unimplemented,
        Kind::Internal => Code::Internal,
    }
}

fn kind(code: Code) -> Kind {
    match code {
        Code::InvalidArgument | Code::OutOfRange => Kind::InvalidArgument,
        Code::NotFound => Kind::NotFound,
        Code::AlreadyExists => Kind::AlreadyExists,
        Code::Aborted => Kind::Aborted,
        Code::FailedPrecondition => Kind::FailedPrecondition,
        Code::PermissionDenied => Kind::PermissionDenied,
        Code::Unauthenticated => Kind::Unauthenticated,
        Code::ResourceExhausted => Kind::ResourceExhausted,
        Code::Unavailable => Kind::Unavailable,
        Code::DeadlineExceeded => Kind::DeadlineExceeded,
        Code::Cancelled => Kind::Cancelled,
        Code::Unimplemented => Kind::Unimplemented,
        Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => Kind::Internal,
    }
}

/// Turns the status of a peer into an error: kind, reason, metadata, violations and retry delay are kept. A fault of
/// the peer stays a fault: its text is for operators. `PEER_FAILED` stands for a status without a reason of ours.
pub fn error_from(status: Status) -> Error {
    let kind = kind(status.code());
    let details = pb::Status::decode(status.details()).map(|rich| rich.details).unwrap_or_default();
    if kind == Kind::Internal {
        return Error::internal(format!("a peer answered {:?}: {}", status.code(), status.message()));
    }
    let find = |name: &str| details.iter().find(|any| any.type_url.ends_with(name)).map(|any| any.value.as_slice());
    let info = find("/google.rpc.ErrorInfo").and_then(|raw| ErrorInfo::decode(raw).ok()).filter(|i| i.domain == DOMAIN);
    let bad = find("/google.rpc.BadRequest").and_then(|raw| pb::BadRequest::decode(raw).ok());
    let retry = find("/google.rpc.RetryInfo").and_then(|raw| pb::RetryInfo::decode(raw).ok());

    let violations = bad.into_iter().flat_map(|bad| bad.field_violations);
    let violation = |v: pb::bad_request::FieldViolation| {
        let reason = word(&v.reason).unwrap_or_default();
        Violation { field: v.field, message: told(reason, v.description, v.localized_message) }
    };
    let violations: Vec<Violation> = violations.map(violation).collect();
    let localized = find("/google.rpc.LocalizedMessage").and_then(|raw| pb::LocalizedMessage::decode(raw).ok());
    let reason = info.as_ref().and_then(|info| word(&info.reason)).unwrap_or("PEER_FAILED");
    // `Error::invalid` writes the same reason and sentence again.
    let mut error = if kind == Kind::InvalidArgument && !violations.is_empty() {
        Error::invalid(violations)
    } else {
        let refused = Error::told(kind, reason, told("", status.message().to_owned(), localized));
        violations.into_iter().fold(refused, |refused, wrong| refused.at(wrong.field, wrong.message))
    };
    for (key, value) in info.into_iter().flat_map(|info| info.metadata) {
        if let Some(key) = word(&key) {
            error = error.with(key, value);
        }
    }
    match retry.and_then(|retry| retry.retry_delay).and_then(|delay| Duration::try_from(delay).ok()) {
        Some(delay) => error.retry_after(delay),
        None => error,
    }
}

/// What a peer said, in English and in the language in which it was asked, and the reason where one is known.
fn told(reason: &'static str, english: String, localized: Option<pb::LocalizedMessage>) -> tally_kernel::Message {
    let told = match reason {
        "" => tally_kernel::Message::told(english),
        reason => tally_kernel::Message::told_for(reason, english),
    };
    let Some(local) = localized else { return told };
    match Locale::of_tag(&local.locale) {
        Some(locale) if locale != Locale::En => told.also_told(locale, local.message),
        _ => told,
    }
}

/// The status of HTTP that an error has: the table of google.rpc.Code, which whoever knows it from elsewhere finds here.
pub fn http_status(error: &Error) -> StatusCode {
    match error.reason() {
        "MEDIA_TYPE_WRONG" => return StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "BODY_TOO_LARGE" => return StatusCode::PAYLOAD_TOO_LARGE,
        "HEADERS_TOO_LARGE" => return StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        // It is not the caller who asks too often.
        "OVERLOADED" => return StatusCode::SERVICE_UNAVAILABLE,
        "HTTP_METHOD_WRONG" => return StatusCode::METHOD_NOT_ALLOWED,
        _ => {}
    }
    match error.kind() {
        Kind::InvalidArgument | Kind::FailedPrecondition => StatusCode::BAD_REQUEST,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::PermissionDenied => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::AlreadyExists | Kind::Aborted => StatusCode::CONFLICT,
        Kind::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Kind::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        Kind::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Ends a handler: the reply, or the error as a status in the caller's language.
pub trait Answer<T> {
    /// Answers the call that `ctx` is of.
    ///
    /// # Errors
    /// The status of the error.
    fn answer(self, ctx: &OpContext) -> Result<Response<T>, Status>;
}

impl<T> Answer<T> for Result<T> {
    fn answer(self, ctx: &OpContext) -> Result<Response<T>, Status> {
        self.map(Response::new).map_err(|error| status(error, ctx.locale))
    }
}

#[cfg(test)]
mod tests {
    use tally_kernel::msg;

    use super::*;

    fn rich() -> Error {
        let violations = vec![Violation { field: "people[2].zone".into(), message: "no such zone".into() }];
        Error::invalid(violations).with("row", 2).with("column", "zone").retry_after(Duration::from_millis(1500))
    }

    #[test]
    fn an_error_survives_the_way_to_a_peer_and_back() {
        let back = error_from(status(rich(), Locale::En));
        assert_eq!(back.kind(), Kind::InvalidArgument);
        assert_eq!(back.reason(), "INVALID_REQUEST");
        assert_eq!(sentence(Locale::En, &back), sentence(Locale::En, &rich()));
        assert_eq!(back.violations(), rich().violations());
        assert_eq!(back.metadata(), rich().metadata());
        assert_eq!(back.retry_delay(), Some(Duration::from_millis(1500)));
    }

    #[test]
    fn what_is_wrong_with_a_field_keeps_its_reason_on_the_way() {
        let wrong = Violation { field: "name".into(), message: msg!("TEXT_EMPTY") };
        let back = error_from(status(Error::invalid(vec![wrong]), Locale::ZhCn));
        let [wrong] = back.violations() else { panic!("{back:?}") };
        assert_eq!((wrong.field.as_str(), wrong.message.reason()), ("name", "TEXT_EMPTY"));
        assert_eq!(text(Locale::ZhCn, &wrong.message), text(Locale::ZhCn, &msg!("TEXT_EMPTY")));
    }

    #[test]
    fn the_same_error_gives_the_same_bytes() {
        let bytes = || status(rich().with("a", 1).with("b", 2).with("c", 3), Locale::En).details().to_vec();
        assert!((0..20).all(|_| bytes() == bytes()));
    }

    #[test]
    fn a_status_fits_into_headers_however_much_is_wrong() {
        let wrong =
            |n| Violation { field: format!("people[{n}].zone"), message: "没有这个时区".repeat(10).into() };
        let error = Error::invalid((0..5_000).map(wrong).collect()).with("file", "名".repeat(5_000));
        let answer = status(error, Locale::ZhCn);
        assert!(answer.details().len() < 6_000, "{}", answer.details().len());
        let back = error_from(answer);
        assert!((1..5_000).contains(&back.violations().len()));
        let omitted: usize = back.metadata()[OMITTED].parse().unwrap();
        assert_eq!(back.violations().len() + omitted, 5_000);
    }

    #[test]
    fn the_internal_half_stays_here() {
        let answer = status(Error::internal("relation \"salary\" does not exist"), Locale::En);
        assert!(!answer.message().contains("salary"));
        assert!(!String::from_utf8_lossy(answer.details()).contains("salary"));
    }

    #[test]
    fn a_status_that_is_not_ours_is_named_so() {
        assert_eq!(error_from(Status::not_found("x")).reason(), "PEER_FAILED");
        assert_eq!(error_from(Status::unknown("boom")).kind(), Kind::Internal);
        assert_eq!(error_from(Status::unavailable("x")).kind(), Kind::Unavailable);
    }

    #[test]
    fn a_caller_reads_its_own_language_beside_the_english_message() {
        let answer = status(Error::not_found("cycle", 7), Locale::ZhCn);
        let rich = pb::Status::decode(answer.details()).unwrap();
        let last = rich.details.last().map(|any| pb::LocalizedMessage::decode(any.value.as_slice()).unwrap()).unwrap();
        assert_eq!(last.locale, "zh-CN");
        assert!(last.message.contains("找不到"), "{}", last.message);
        assert!(answer.message().starts_with("no cycle 7"));
    }

    #[test]
    fn a_refused_state_is_a_precondition_and_a_busy_service_says_when_to_come_back() {
        let types = |error| -> Vec<String> {
            let rich = pb::Status::decode(status(error, Locale::En).details()).unwrap();
            rich.details.into_iter().map(|any| any.type_url.rsplit('.').next().unwrap_or("").to_owned()).collect()
        };
        let posted = Error::of(Kind::FailedPrecondition, msg!("NOTHING_CHANGES"));
        assert_eq!(types(posted), ["ErrorInfo", "PreconditionFailure", "LocalizedMessage"]);
        let busy = Error::of(Kind::Unavailable, msg!("STORE_BUSY"));
        assert_eq!(types(busy), ["ErrorInfo", "RetryInfo", "LocalizedMessage"]);
    }
}
