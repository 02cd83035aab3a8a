//! Erasing people who have left.

pub(crate) mod app;
pub(crate) mod domain;
pub(crate) mod rpc;
pub(crate) mod store;
