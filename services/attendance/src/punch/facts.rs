//! What other rooms may read of punches.

pub(crate) use super::store::{between, last};
