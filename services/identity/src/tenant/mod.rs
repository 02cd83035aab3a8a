//! The group itself: made once, on an empty store.

pub(crate) mod app;
pub(crate) mod domain;
pub(crate) mod rpc;
pub(crate) mod store;
