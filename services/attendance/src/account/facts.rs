//! What other rooms may read of accounts.

pub(crate) use super::store::{all, exclusive, known, one, reached};
