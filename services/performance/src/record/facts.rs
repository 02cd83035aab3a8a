//! What other rooms may ask of records.

pub(crate) use super::store::{agents, gather, rename, rename_number, started};
