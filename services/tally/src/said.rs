//! What went wrong, in the reader's language.

use std::fmt;

use tally_i18n::text;
use tally_kernel::{Locale, Message, msg};

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
    match cause.downcast_ref::<StepFailed>() {
        Some(failed) => text(locale, &msg!("STEP_FAILED", step = crate::show::step(&failed.step, locale))),
        None => cause.to_string(),
    }
}
