//! What other rooms may read and write of punches.

pub(crate) use super::store::{between, correct, get, last};
