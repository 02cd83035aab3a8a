//! Passwords that change, and second factors.

pub(crate) mod app;
pub(crate) mod domain;
pub(crate) mod rpc;
pub(crate) mod store;
