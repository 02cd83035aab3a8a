//! What others read and write of delegations.

pub(crate) use super::store::{delegated, delegations, end_all, forget, to};
