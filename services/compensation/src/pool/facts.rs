//! What other rooms may ask of pools.

pub(crate) use super::store::{owner_from_db, pool_of};
