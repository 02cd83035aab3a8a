//! What other rooms may read of sites.

pub(crate) use super::store::all;
