//! What other rooms may ask of records.

pub(crate) use super::store::change::{What, all_since as changes_since, calls_since, note_each};
pub(crate) use super::store::collect::{Reading, Reckoned, collect};
pub(crate) use super::store::count::{counted, counts, currencies_of_refunds, devices, first_sales, sales};
pub(crate) use super::store::place::{Follow, customer, names, places, sessions};
pub(crate) use super::store::version::forget_reasons;
pub(crate) use super::store::write::lock;
pub(crate) use super::store::{Last, Said, rename, rename_number, said};
