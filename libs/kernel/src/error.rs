//! The one public error of the suite: what the caller may read, and apart from it what only operators may.
//!
//! A domain keeps its own enum; one function per service turns every variant into this. `libs/rpc` turns this into a
//! gRPC Status. `Display` is for logs: the reason and its details, never the internal half.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use crate::message::{Arg, Message};
use crate::{msg, unseen};

/// `std::result::Result` with the suite's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Who must act, in the words of gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The caller must change the request.
    InvalidArgument,
    /// There is no such thing, or none that the caller may know of.
    NotFound,
    /// The thing is there already.
    AlreadyExists,
    /// Somebody else changed it meanwhile: read again and retry.
    Aborted,
    /// The system's state forbids it; `reason` says which.
    FailedPrecondition,
    /// The caller is known and may not.
    PermissionDenied,
    /// The caller is not known.
    Unauthenticated,
    /// Too much at once; retry after a while.
    ResourceExhausted,
    /// Something the service needs is away; retry.
    Unavailable,
    /// The time the caller gave has run out.
    DeadlineExceeded,
    /// The caller gave up.
    Cancelled,
    /// Nobody here does this: another release or another process does.
    Unimplemented,
    /// A fault of ours.
    Internal,
}

/// One field of a request that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field in the request, such as `punches[3].at`.
    pub field: String,
    /// What is wrong and what to write instead.
    pub message: Message,
}

/// See the module's text.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: Kind,
    reason: &'static str,
    message: Message,
    internal: Option<String>,
    violations: Vec<Violation>,
    metadata: BTreeMap<&'static str, String>,
    retry_after: Option<Duration>,
}

impl Error {
    /// An error whose reason is the message's id (UPPER_SNAKE, stable), and whose details are its arguments.
    pub fn of(kind: Kind, message: Message) -> Self {
        let text = |arg: &Arg| if let Arg::Text(text) = arg { Some(text.clone()) } else { None };
        let metadata = message.args().iter().filter_map(|(key, arg)| Some((*key, text(arg)?))).collect();
        Self::with_parts(kind, message.reason(), message, metadata)
    }

    /// What a peer refused, with its reason and its sentence: text already.
    pub fn told(kind: Kind, reason: &'static str, message: Message) -> Self {
        Self::with_parts(kind, reason, message, BTreeMap::new())
    }

    fn with_parts(
        kind: Kind,
        reason: &'static str,
        message: Message,
        metadata: BTreeMap<&'static str, String>,
    ) -> Self {
        Self(Box::new(Inner {
            kind,
            reason,
            message,
            internal: None,
            violations: Vec::new(),
            metadata,
            retry_after: None,
        }))
    }

    /// A fault of ours: the caller reads a fixed sentence, the log gets `internal`.
    pub fn internal(internal: impl fmt::Display) -> Self {
        Self::of(Kind::Internal, msg!("INTERNAL")).with_internal(internal)
    }

    /// No such thing, or none the caller may know of. `what` is a word of the product: `cycle`, `account`.
    pub fn not_found(what: &'static str, id: impl fmt::Display) -> Self {
        Self::of(Kind::NotFound, msg!("NOT_FOUND", resource = what, id))
    }

    /// A request with wrong fields, all of them at once, and what is wrong with a field once.
    pub fn invalid(mut violations: Vec<Violation>) -> Self {
        let mut told = BTreeSet::new();
        violations.retain(|one| told.insert((one.field.clone(), one.message.clone())));
        let message = match violations.as_slice() {
            [one] => msg!("INVALID_FIELD", field = one.field, problem = one.message),
            many => msg!("INVALID_REQUEST", count = many.len()),
        };
        let mut error = Self::with_parts(Kind::InvalidArgument, "INVALID_REQUEST", message, BTreeMap::new());
        error.0.violations = violations;
        error
    }

    /// Says which field it is about, and what is there.
    #[must_use]
    pub fn at(mut self, field: String, message: impl Into<Message>) -> Self {
        self.0.violations.push(Violation { field, message: message.into() });
        self
    }

    /// Adds what only operators may read.
    #[must_use]
    pub fn with_internal(mut self, internal: impl fmt::Display) -> Self {
        self.0.internal = Some(internal.to_string());
        self
    }

    /// Adds a machine-readable detail.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.metadata.insert(key, value.to_string());
        self
    }

    /// Says when a retry makes sense.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// Who must act.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The stable reason, UPPER_SNAKE.
    pub fn reason(&self) -> &'static str {
        self.0.reason
    }

    /// What the caller is told, as data; `libs/i18n` makes the sentence.
    pub fn message(&self) -> &Message {
        &self.0.message
    }

    /// What only operators may read.
    pub fn internal_context(&self) -> Option<&str> {
        self.0.internal.as_deref()
    }

    /// The wrong fields.
    pub fn violations(&self) -> &[Violation] {
        &self.0.violations
    }

    /// Machine-readable details, sorted by key.
    pub fn metadata(&self) -> &BTreeMap<&'static str, String> {
        &self.0.metadata
    }

    /// When a retry makes sense.
    pub fn retry_delay(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the same call may succeed later without anybody changing anything.
    pub fn retryable(&self) -> bool {
        match self.0.kind {
            Kind::Unavailable | Kind::Aborted | Kind::ResourceExhausted => true,
            Kind::InvalidArgument
            | Kind::NotFound
            | Kind::AlreadyExists
            | Kind::FailedPrecondition
            | Kind::PermissionDenied
            | Kind::Unauthenticated
            | Kind::DeadlineExceeded
            | Kind::Cancelled
            | Kind::Unimplemented
            | Kind::Internal => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.reason)?;
        match self.0.message.as_told() {
            Some(text) => write!(f, ": {text}"),
            None if self.0.metadata.is_empty() => Ok(()),
            None => write!(f, " {:?}", self.0.metadata),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {self}", self.0.kind)?;
        for wrong in &self.0.violations {
            write!(f, " {}: {:?}", wrong.field, wrong.message)?;
        }
        if let Some(internal) = &self.0.internal {
            write!(f, " [{internal}]")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// Parses the one field of a request that has to be read first.
///
/// # Errors
/// `INVALID_REQUEST` with this field, and what the value says of a text that it cannot be.
pub fn field<T: std::str::FromStr<Err = Error>>(name: &str, text: &str) -> Result<T> {
    let wrong =
        |error: Error| Error::invalid(vec![Violation { field: name.to_owned(), message: error.message().clone() }]);
    text.parse().map_err(wrong)
}

/// The same of a field that may be left empty.
///
/// # Errors
/// As [`field`].
pub fn optional_field<T: std::str::FromStr<Err = Error>>(name: &str, text: &str) -> Result<Option<T>> {
    if text.is_empty() { Ok(None) } else { field(name, text).map(Some) }
}

/// Collects every violation of a request before answering.
#[derive(Debug, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Nothing wrong so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes one wrong field.
    pub fn push(&mut self, field: impl Into<String>, message: impl Into<Message>) {
        self.0.push(Violation { field: field.into(), message: message.into() });
    }

    /// Takes the value, or notes the violation and gives nothing. What says itself which field is wrong is noted as it is.
    pub fn take<T>(&mut self, field: &str, parsed: Result<T>) -> Option<T> {
        let note = |error: Error| match error.violations() {
            [] => self.push(field, error.message().clone()),
            named => self.0.extend_from_slice(named),
        };
        parsed.map_err(note).ok()
    }

    /// Parses a string field, or notes the violation and gives nothing.
    pub fn parse<T: std::str::FromStr<Err = Error>>(&mut self, field: &str, text: &str) -> Option<T> {
        self.take(field, text.parse())
    }

    /// Parses a string field that may be left out: nothing for an empty one.
    pub fn optional<T: std::str::FromStr<Err = Error>>(&mut self, field: &str, text: &str) -> Option<T> {
        if text.is_empty() { None } else { self.parse(field, text) }
    }

    /// Notes a violation when a text is empty or longer than `max` characters.
    pub fn text(&mut self, field: &str, text: &str, max: usize) {
        if text.trim().is_empty() {
            self.push(field, msg!("TEXT_EMPTY"));
        } else if text.chars().count() > max {
            self.push(field, msg!("TEXT_TOO_LONG", max));
        }
    }

    /// As [`text`](Self::text) of an id, by which things are told apart: it holds no character that nobody sees.
    pub fn id(&mut self, field: &str, id: &str, max: usize) {
        self.text(field, id, max);
        self.unseen(field, unseen::in_id(id.trim()));
    }

    /// The same of a name that people chose, in which emoji may stand.
    pub fn name(&mut self, field: &str, name: &str, max: usize) {
        self.text(field, name, max);
        self.unseen(field, unseen::in_name(name.trim()));
    }

    fn unseen(&mut self, field: &str, character: Option<String>) {
        if let Some(character) = character {
            self.push(field, msg!("ID_WITH_UNSEEN.here", character));
        }
    }

    /// `value` if nothing was wrong, else all violations.
    ///
    /// # Errors
    /// `INVALID_REQUEST` with every violation noted.
    pub fn finish<T>(self, value: Option<T>) -> Result<T> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Error::invalid(self.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_never_holds_the_internal_half() {
        let error = Error::internal("password=hunter2 in the driver's text");
        assert!(!error.to_string().contains("hunter2"));
        assert_eq!(error.internal_context(), Some("password=hunter2 in the driver's text"));
    }

    #[test]
    fn a_field_that_cannot_be_read_is_named() {
        let error = field::<crate::id::CycleId>("cycle_id", "March").unwrap_err();
        let [wrong] = error.violations() else { panic!("{error:?}") };
        assert_eq!((error.reason(), wrong.field.as_str()), ("INVALID_REQUEST", "cycle_id"));
        assert_eq!(error.message(), &msg!("INVALID_FIELD", field = "cycle_id", problem = msg!("ID_MALFORMED")));
    }

    #[test]
    fn all_violations_are_told_at_once() {
        let mut v = Violations::new();
        v.text("name", "", 10);
        v.text("zone", "far too long a text", 10);
        v.id("number", "a\u{200b}", 10);
        v.name("nickname", "\u{2764}\u{fe0f}", 10);
        let error = v.finish(Some(())).unwrap_err();
        assert_eq!(error.violations().iter().map(|v| v.field.as_str()).collect::<Vec<_>>(), ["name", "zone", "number"]);
        assert_eq!(error.reason(), "INVALID_REQUEST");
    }
}
