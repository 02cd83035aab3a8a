//! Logins, passwords, sessions and tokens.

pub(crate) mod app;
pub(crate) mod domain;
pub(crate) mod rpc;
pub(crate) mod store;
pub(crate) mod unknown_login_throttle;
