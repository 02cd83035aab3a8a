//! Facts that count no more: which correction put them out, and since when that is known.

pub(crate) mod facts;
pub(crate) mod store;
