//! What other rooms may ask of records.

pub(crate) use super::store::{agents, collect, rename, rename_number, started};
