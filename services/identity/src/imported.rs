//! What became of the rows of an import: counts, and each refused row with its reason.

use serde::{Deserialize, Serialize};
use tally_kernel::{Error, Locale};

/// See the module's text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Imported {
    /// Rows written.
    pub(crate) written: u32,
    /// Rows that were there.
    pub(crate) unchanged: u32,
    /// Rows refused: index, reason, sentence.
    pub(crate) problems: Vec<(u32, String, String)>,
}

impl Imported {
    /// From counts and the domain's errors.
    pub(crate) fn new<E: Into<Error>>(written: u32, unchanged: u32, problems: Vec<(u32, E)>) -> Self {
        let told = problems.into_iter().map(|(index, error)| {
            let error: Error = error.into();
            (index, error.reason().to_owned(), tally_i18n::sentence(Locale::En, &error))
        });
        Self { written, unchanged, problems: told.collect() }
    }
}
