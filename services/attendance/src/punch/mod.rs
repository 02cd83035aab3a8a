//! Punches: own ones at the server's time with a verdict, and those that another system recorded.

mod app;
pub(crate) mod domain;
pub(crate) mod facts;
pub(crate) mod rpc;
pub(crate) mod store;
