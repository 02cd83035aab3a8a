//! What others read of the group's modules.

pub(crate) use super::store::{entitlements, modules};
