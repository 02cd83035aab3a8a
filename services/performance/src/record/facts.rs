//! What other rooms may ask of records.

pub(crate) use super::store::change::{all_since as changes_since, calls_since};
pub(crate) use super::store::collect::{Reading, Reckoned, collect};
pub(crate) use super::store::count::{counted, counts, currencies_of_refunds, first_sales, sales};
pub(crate) use super::store::version::forget_reasons;
pub(crate) use super::store::{Said, rename, rename_number, said};
