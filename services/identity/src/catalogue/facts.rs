//! What others read of the catalogue.

pub(crate) use super::store::{entries, get};
