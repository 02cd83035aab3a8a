//! A transaction of one tenant, what it reads, and the data keys that it opens values with.

pub(crate) mod connect;
pub(crate) mod context;
pub(crate) mod data_keys;
pub(crate) mod location;
pub(crate) mod scoped;
pub(crate) mod select;
pub(crate) mod sql;
