//! What went wrong, in the reader's language.

use tally_i18n::{sentence, text};
use tally_kernel::{Locale, Message, msg};
use tally_runtime::{ConfigError, Failure};
use tonic::Request;
use tonic::metadata::MetadataValue;

pub use tally_import::said::{Refusal, RowsRefused, Said, and_so, because, input_refused, refusal, told};

use crate::language::Language;

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

/// A request without a token, answered in the language that the program speaks.
pub fn asked<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let language = MetadataValue::from_static(Language::spoken().tag());
    request.metadata_mut().insert("accept-language", language);
    request
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
    tally_import::said::say_with(locale, error.as_ref(), |cause| own(locale, cause))
}

/// What only the command line goes wrong with.
fn own(locale: Locale, cause: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(Mistyped(message)) = cause.downcast_ref() {
        return Some(text(locale, message));
    }
    match cause.downcast_ref() {
        Some(Failure::Error(error)) => return Some(sentence(locale, error)),
        Some(Failure::Config(error)) => return Some(text(locale, &error.said())),
        None => {}
    }
    if let Some(error) = cause.downcast_ref::<ConfigError>() {
        return Some(text(locale, &error.said()));
    }
    let failed = cause.downcast_ref::<StepFailed>()?;
    Some(text(locale, &msg!("STEP_FAILED", step = step(&failed.step, locale))))
}

#[cfg(test)]
mod tests {
    use tally_kernel::{Error, Kind};

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
