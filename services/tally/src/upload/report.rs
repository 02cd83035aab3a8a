//! What an import says at its end.

use serde::Serialize;

use super::{Census, Counted};

/// What an import did.
#[derive(Debug, Serialize)]
pub struct Report {
    /// First and last local day of the bundle.
    pub period: (String, String),
    /// Of each file, in the order of sending.
    pub files: Vec<FileReport>,
    /// Rows that could not be read, each in rejected.csv.
    pub rejected: u64,
    /// Rows that the suite did not take, each in refused.csv.
    pub refused: u64,
    /// What the suite held before.
    pub before: Census,
    /// What it holds now.
    pub after: Census,
}

/// What became of the rows of a file.
#[derive(Debug, Serialize)]
pub struct FileReport {
    /// Its name.
    pub file: &'static str,
    /// What became of them.
    #[serde(flatten)]
    pub rows: Counted,
}
