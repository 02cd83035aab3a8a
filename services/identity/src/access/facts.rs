//! What others read and write of grants.

pub(crate) use super::store::{grants, held, insert, of, review, revoke, with_roles};
