//! What went wrong, in the reader's language.

use std::error::Error as StdError;
use std::fmt;

use tally_bundle::{Refusals, Unusable};
use tally_i18n::{sentence, text};
use tally_kernel::{Error, Kind, Locale, Message};
use tonic::Status;

/// An error that is a message.
#[derive(Debug, thiserror::Error)]
#[error("{}", text(Locale::En, .0))]
pub struct Said(pub Message);

/// What came of an error, said before it or after it. A `context` would hide the message in a type of its own, and say it in
/// English.
#[derive(Debug, thiserror::Error)]
#[error("{}", text(Locale::En, message))]
struct CameOf {
    message: Message,
    is_last: bool,
    source: anyhow::Error,
}

/// The message, and after it why.
pub fn because(message: Message, source: anyhow::Error) -> anyhow::Error {
    CameOf { message, is_last: false, source }.into()
}

/// Why, and after it the message: what to do.
pub fn and_so(source: anyhow::Error, message: Message) -> anyhow::Error {
    CameOf { message, is_last: true, source }.into()
}

/// A refusal of the suite, as a person reads it: the sentence for the caller, with every wrong field.
#[derive(Debug)]
pub struct Refusal {
    error: Error,
    /// What a program goes by, such as `INITIALISED_ALREADY`.
    pub reason: &'static str,
    /// Whether it is about the file that was handed in.
    pub is_of_input: bool,
}

impl Refusal {
    /// What kind of refusal.
    pub fn kind(&self) -> Kind {
        self.error.kind()
    }

    /// The error itself.
    pub fn into_error(self) -> Error {
        self.error
    }

    /// The service that did not answer, where that is why.
    pub fn away(&self) -> Option<&str> {
        self.error.metadata().get("service").filter(|_| self.kind() == Kind::Unavailable).map(String::as_str)
    }

    /// The sentence and the wrong fields in a language.
    pub fn told(&self, locale: Locale) -> String {
        let mut told = sentence(locale, &self.error);
        for violation in self.error.violations() {
            let what = text(locale, &violation.message);
            // A request with one wrong field says which in its sentence.
            if !told.contains(&what) {
                let colon = if locale.is_full_width() { "：" } else { ": " };
                told.push_str(&format!("\n  {}{colon}{what}", violation.field));
            }
        }
        told
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told(Locale::En))
    }
}

impl StdError for Refusal {}

/// Rows of a bundle that a suite of one's own refused: it has to be read again without them.
#[derive(Debug, thiserror::Error)]
#[error("{}", text(Locale::En, &.0.told()))]
pub struct RowsRefused(pub Refusals);

/// A status as an error a person can read.
pub fn told(status: Status) -> anyhow::Error {
    refusal(tally_rpc::error_from(status))
}

/// An error as the person who types reads it.
pub fn refusal(error: Error) -> anyhow::Error {
    let reason = error.reason();
    anyhow::Error::new(Refusal { error, reason, is_of_input: false })
}

/// What became of a file that was handed in: refused for what it holds, or not looked at.
pub fn input_refused(status: Status) -> anyhow::Error {
    let error = tally_rpc::error_from(status);
    let reason = error.reason();
    let is_of_input = matches!(error.kind(), Kind::InvalidArgument | Kind::FailedPrecondition | Kind::AlreadyExists);
    anyhow::Error::new(Refusal { error, reason, is_of_input })
}

/// An error with its causes, as a person reads it.
pub fn say(locale: Locale, error: &anyhow::Error) -> String {
    say_with(locale, error.as_ref(), |_| None)
}

/// The same, where the caller has errors of its own, which `own` says.
pub fn say_with(
    locale: Locale,
    error: &(dyn StdError + 'static),
    own: impl Fn(&(dyn StdError + 'static)) -> Option<String> + Copy,
) -> String {
    let told = own(error).unwrap_or_else(|| one(locale, error));
    let Some(cause) = error.source() else { return told };
    let why = say_with(locale, cause, own);
    match (error.downcast_ref(), locale.is_full_width()) {
        (Some(CameOf { is_last: true, .. }), false) => format!("{why}; {told}"),
        (Some(CameOf { is_last: true, .. }), true) => format!("{why}；{told}"),
        (_, false) => format!("{told}: {why}"),
        (_, true) => format!("{told}：{why}"),
    }
}

fn one(locale: Locale, cause: &(dyn StdError + 'static)) -> String {
    if let Some(unusable) = cause.downcast_ref::<Unusable>() {
        return unusable.told(locale);
    }
    if let Some(refusal) = cause.downcast_ref::<Refusal>() {
        return refusal.told(locale);
    }
    if let Some(RowsRefused(rows)) = cause.downcast_ref() {
        return text(locale, &rows.told());
    }
    if let Some(Said(message)) = cause.downcast_ref() {
        return text(locale, message);
    }
    if let Some(CameOf { message, .. }) = cause.downcast_ref() {
        return text(locale, message);
    }
    if let Some(error) = cause.downcast_ref::<Error>() {
        return sentence(locale, error);
    }
    if let Some(error) = cause.downcast_ref::<std::io::Error>() {
        return text(locale, &tally_i18n::io(error));
    }
    cause.to_string()
}
