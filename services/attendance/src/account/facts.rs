//! What other rooms may read of accounts.

pub(crate) use super::store::{exclusive, known, one, reached};
