//! Rates of exchange, dated and with their source.

pub(crate) mod app;
pub(crate) mod domain;
pub(crate) mod facts;
pub(crate) mod rpc;
mod store;
