//! Agent aliases: what a platform's nickname means, dated.

pub mod app;
pub mod domain;
pub mod rpc;
pub mod store;
