//! What went wrong, in the reader's language.

use std::fmt;

use tally_bundle::{Refusals, Unusable};
use tally_i18n::{sentence, text};
use tally_kernel::{Error, Kind, Locale, Message, msg};
use tally_runtime::{ConfigError, Failure};
use tonic::metadata::MetadataValue;
use tonic::{Request, Status};

use crate::language::Language;

/// An error that is a message.
#[derive(Debug, thiserror::Error)]
#[error("{}", text(Locale::En, .0))]
pub struct Said(pub Message);

/// What was typed is wrong, such as a role that is none.
#[derive(Debug, thiserror::Error)]
#[error("{}", text(Locale::En, .0))]
pub struct Mistyped(pub Message);

/// A file that a switch names and that does not do: the command line is wrong.
pub fn wrong_file(switch: &str, why: Message) -> Mistyped {
    Mistyped(msg!("FILE_SWITCH", switch, why))
}

/// No temporary folder could be made.
pub fn no_temporary(error: std::io::Error) -> Said {
    Said(msg!("CANNOT_MAKE_TEMPORARY", error = tally_i18n::io(&error)))
}

/// A sentence for whoever sits at the terminal, where no language was named.
pub fn here(message: &Message) -> String {
    Language::spoken().say(message)
}

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

/// A step that could not be done.
#[derive(Debug, thiserror::Error)]
#[error("step: {step}")]
pub struct StepFailed {
    step: String,
    source: anyhow::Error,
}

impl StepFailed {
    /// The step of that name, and why.
    pub fn new(step: &str, source: anyhow::Error) -> Self {
        Self { step: step.to_owned(), source }
    }
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

impl std::error::Error for Refusal {}

/// Rows of a bundle that a suite of one's own refused: it has to be read again without them.
#[derive(Debug, thiserror::Error)]
#[error("{}", text(Locale::En, &.0.told()))]
pub struct RowsRefused(pub Refusals);

/// A request without a token, answered in the language that the program speaks.
pub fn asked<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let language = MetadataValue::from_static(Language::spoken().tag());
    request.metadata_mut().insert("accept-language", language);
    request
}

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

/// How a person says a step of the job.
pub fn step(name: &str, locale: Locale) -> String {
    let step = match name {
        "people, accounts, duty" => msg!("STEP_DUTY"),
        "records" => msg!("STEP_RECORDS"),
        "replies" => msg!("STEP_REPLIES"),
        "claims" => msg!("STEP_CLAIMS"),
        "rates" => msg!("STEP_RATES"),
        "observations" => msg!("STEP_OBSERVATIONS"),
        "attribution and scores" => msg!("STEP_CYCLE"),
        "publishing" => msg!("STEP_PUBLISH"),
        "settlement" => msg!("STEP_SETTLEMENT"),
        "credits" => msg!("STEP_CREDITS"),
        "totals" => msg!("STEP_TOTALS"),
        "score cards" => msg!("STEP_CARDS"),
        "statements" => msg!("STEP_STATEMENTS"),
        "findings" => msg!("STEP_FINDINGS"),
        "inputs" => msg!("STEP_INPUTS"),
        other => Message::told(other),
    };
    text(locale, &step)
}

/// An error with its causes, as a person reads it.
pub fn say(locale: Locale, error: &anyhow::Error) -> String {
    let error: &(dyn std::error::Error + 'static) = error.as_ref();
    with_causes(locale, error)
}

fn with_causes(locale: Locale, error: &(dyn std::error::Error + 'static)) -> String {
    let told = one(locale, error);
    let Some(cause) = error.source() else { return told };
    let why = with_causes(locale, cause);
    match (error.downcast_ref(), locale.is_full_width()) {
        (Some(CameOf { is_last: true, .. }), false) => format!("{why}; {told}"),
        (Some(CameOf { is_last: true, .. }), true) => format!("{why}；{told}"),
        (_, false) => format!("{told}: {why}"),
        (_, true) => format!("{told}：{why}"),
    }
}

fn one(locale: Locale, cause: &(dyn std::error::Error + 'static)) -> String {
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
    if let Some(Mistyped(message)) = cause.downcast_ref() {
        return text(locale, message);
    }
    if let Some(CameOf { message, .. }) = cause.downcast_ref() {
        return text(locale, message);
    }
    if let Some(error) = cause.downcast_ref::<Error>() {
        return sentence(locale, error);
    }
    match cause.downcast_ref() {
        Some(Failure::Error(error)) => return sentence(locale, error),
        Some(Failure::Config(error)) => return text(locale, &error.said()),
        None => {}
    }
    if let Some(error) = cause.downcast_ref::<ConfigError>() {
        return text(locale, &error.said());
    }
    if let Some(error) = cause.downcast_ref::<std::io::Error>() {
        return text(locale, &tally_i18n::io(error));
    }
    match cause.downcast_ref::<StepFailed>() {
        Some(failed) => text(locale, &msg!("STEP_FAILED", step = step(&failed.step, locale))),
        None => cause.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_of_an_error_is_said_in_the_readers_language_before_it() {
        let why = Said(msg!("IMPORT_INTERRUPTED")).into();
        let error = because(msg!("REJECTED_ROWS_ARE_IN", file = "rejected.csv"), why);
        assert_eq!(say(Locale::En, &error), "rejected.csv names every rejected row: you stopped it");
        assert_eq!(say(Locale::ZhCn, &error), "rejected.csv 列出了每一条被拒收的行：您已中断");
    }

    #[test]
    fn what_is_to_be_done_about_an_error_is_said_after_it() {
        let error = and_so(Said(msg!("IMPORT_INTERRUPTED")).into(), msg!("IMPORT_STOPPED", rows = 2));
        let expected = "you stopped it; of this run 2 rows are in place, and all that earlier runs brought: run the same \
            command again, what is in counts as there already";
        assert_eq!(say(Locale::En, &error), expected);
        assert!(
            say(Locale::ZhCn, &error).starts_with("您已中断；本次运行已有 2 行在套件中"),
            "{}",
            say(Locale::ZhCn, &error)
        );
    }

    #[test]
    fn one_of_something_is_not_said_like_many() {
        for (one, said) in [
            (msg!("REVIEW_FOUND", count = 1, permission = "p"), "1 way to hold p"),
            (msg!("SHOW_REJECTED", count = 1), "1 row was rejected: rejected.csv says why and what to change"),
            (msg!("SHOW_OTHERS", others = 1), "1 other"),
            (msg!("IMPORT_REJECTED_ROWS", rows = 1, file = "f"), "1 row could not be read; f names it with its cure."),
            (
                msg!("IMPORT_REFUSED_ROWS", rows = 1, file = "f"),
                "1 row was not taken by the suite; f names it with its reason.",
            ),
            (msg!("ROWS_REJECTED", count = 1, first = "line 2"), "; 1 row was rejected: line 2"),
            (msg!("AUDIT_FAULTS", count = 1), "1 fault"),
            (msg!("AUDIT_FOUND", count = 1), "1 entry"),
            (msg!("RETENTION_DONE", rows = 1), "1 row removed"),
        ] {
            assert_eq!(text(Locale::En, &one), said);
        }
        assert_eq!(text(Locale::En, &msg!("REVIEW_FOUND", count = 12, permission = "p")), "12 ways to hold p");
    }

    #[test]
    fn an_error_of_the_libraries_is_a_sentence_in_the_readers_language() {
        let error = Error::of(Kind::FailedPrecondition, msg!("KEYS_NOT_IN_A_FILE"));
        for error in [anyhow::Error::new(error.clone()), anyhow::Error::new(Failure::Error(error))] {
            assert_eq!(say(Locale::En, &error), "these keys live in this process only: there is no file to change");
            assert_eq!(say(Locale::ZhCn, &error), "这些密钥只存在于本进程中，没有可更改的文件");
        }
    }
}
