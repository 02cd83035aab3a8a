//! Platforms, stores and the accounts that serve customers, with their dated phases.

pub(crate) mod app;
pub(crate) mod domain;
pub(crate) mod facts;
pub(crate) mod rpc;
pub(crate) mod store;
