//! What other rooms may ask of records.

pub(crate) use super::store::change::{accounts_since as changed_since, all_since as changes_since};
pub(crate) use super::store::collect::{Reading, collect};
pub(crate) use super::store::{Said, counts, rename, rename_number, said};
