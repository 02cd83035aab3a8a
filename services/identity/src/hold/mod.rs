//! Legal holds: what they cover is neither erased nor removed.

pub(crate) mod app;
pub(crate) mod domain;
pub(crate) mod rpc;
pub(crate) mod store;
