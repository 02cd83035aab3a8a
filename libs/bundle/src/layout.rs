//! What columns a file has.

use super::cleaned::Need;

/// The columns of a file.
pub(crate) struct Layout {
    pub file: &'static str,
    pub columns: &'static [(&'static str, Need)],
    /// Whether other columns are measures.
    pub extras: bool,
}
