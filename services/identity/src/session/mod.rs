//! Logins, passwords, sessions and tokens.

pub(crate) mod app;
pub(crate) mod domain;
pub(crate) mod facts;
pub(crate) mod rpc;
mod store;
pub(crate) mod unknown_login_throttle;
