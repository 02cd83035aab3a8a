//! Platforms, stores and the accounts that serve customers, with their dated phases.

pub mod app;
pub mod domain;
pub mod rpc;
pub mod store;
