//! The group's revision of access facts: org units, employments, reporting lines, roles, grants, what is delegated.

pub(crate) mod facts;
mod store;
