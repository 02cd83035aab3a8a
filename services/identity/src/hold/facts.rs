//! What others read of legal holds.

pub(crate) use super::store::{holds, lock, standing};
