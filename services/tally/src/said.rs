//! What went wrong, in the reader's language.

use std::fmt;

use tally_i18n::{sentence, text};
use tally_kernel::{Error, Locale, Message, msg};
use tally_runtime::Failure;

use crate::bundle::Unusable;
use crate::cli::Language;
use crate::session::Refusal;

/// An error that is a message.
#[derive(Debug)]
pub struct Said(pub Message);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text(Locale::En, &self.0))
    }
}

impl std::error::Error for Said {}

/// No temporary folder could be made.
pub fn no_temporary(error: std::io::Error) -> Said {
    Said(msg!("CANNOT_MAKE_TEMPORARY", error))
}

/// A sentence for whoever sits at the terminal, where no language was named.
pub fn here(message: &Message) -> String {
    Language::of_system().say(message)
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

/// An error with its causes, as a person reads it.
pub fn say(locale: Locale, error: &anyhow::Error) -> String {
    error.chain().map(|cause| one(locale, cause)).collect::<Vec<_>>().join(": ")
}

fn one(locale: Locale, cause: &(dyn std::error::Error + 'static)) -> String {
    if let Some(unusable) = cause.downcast_ref::<Unusable>() {
        return unusable.told(locale);
    }
    if let Some(refusal) = cause.downcast_ref::<Refusal>() {
        return refusal.told(locale);
    }
    if let Some(Said(message)) = cause.downcast_ref() {
        return text(locale, message);
    }
    if let Some(error) = cause.downcast_ref::<Error>() {
        return sentence(locale, error);
    }
    if let Some(Failure::Error(error)) = cause.downcast_ref() {
        return sentence(locale, error);
    }
    match cause.downcast_ref::<StepFailed>() {
        Some(failed) => text(locale, &msg!("STEP_FAILED", step = crate::show::step(&failed.step, locale))),
        None => cause.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use tally_kernel::Kind;

    use super::*;

    #[test]
    fn an_error_of_the_libraries_is_a_sentence_in_the_readers_language() {
        let error = Error::of(Kind::FailedPrecondition, msg!("KEYS_NOT_IN_A_FILE"));
        for error in [anyhow::Error::new(error.clone()), anyhow::Error::new(Failure::Error(error))] {
            assert_eq!(say(Locale::En, &error), "these keys live in this process only: there is no file to change");
            assert_eq!(say(Locale::ZhCn, &error), "这些密钥只存在于本进程中，没有可更改的文件");
        }
    }
}
