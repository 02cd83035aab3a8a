//! What other rooms may read of hand-overs.

pub(crate) use super::store::{between, last_before};
