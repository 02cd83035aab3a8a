//! What became of the rows of an import: counts, and what is wrong with each refused row.

use serde::{Deserialize, Serialize};
use tally_kernel::{Error, Message};

/// See the module's text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Imported {
    pub(crate) written: u32,
    /// Rows that were there.
    pub(crate) unchanged: u32,
    /// Rows refused: index and why.
    pub(crate) problems: Vec<(u32, Message)>,
}

impl Imported {
    /// From counts and the domain's errors.
    pub(crate) fn new<E: Into<Error>>(written: u32, unchanged: u32, problems: Vec<(u32, E)>) -> Self {
        let told = problems.into_iter().map(|(index, error)| (index, error.into().message().clone()));
        Self { written, unchanged, problems: told.collect() }
    }
}
