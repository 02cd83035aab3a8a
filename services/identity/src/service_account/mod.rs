//! Accounts for programs, and their keys.

pub(crate) mod app;
pub(crate) mod domain;
pub(crate) mod rpc;
