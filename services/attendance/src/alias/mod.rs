//! Agent aliases: what a platform's nickname means, dated.

mod app;
pub(crate) mod domain;
pub(crate) mod facts;
pub(crate) mod rpc;
pub(crate) mod store;
