//! Hand-overs: who took over and handed over an account.

pub mod app;
pub mod domain;
pub mod rpc;
pub mod store;
