//! What other rooms may ask of pools.

pub(crate) use super::store::pool_of;
