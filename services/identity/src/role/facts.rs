//! What others read of roles.

pub(crate) use super::store::{all, own_roles};
