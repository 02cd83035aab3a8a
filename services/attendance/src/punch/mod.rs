//! Punches: own ones at the server's time with a verdict, and those that another system recorded.

pub mod app;
pub mod domain;
pub mod rpc;
pub mod store;
