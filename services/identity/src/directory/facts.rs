//! The table of pseudonyms.

pub(crate) use super::store::pseudonyms;
