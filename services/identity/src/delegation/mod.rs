//! Delegations: rights delegated for a while.

pub(crate) mod app;
pub(crate) mod domain;
pub(crate) mod facts;
pub(crate) mod rpc;
mod store;
