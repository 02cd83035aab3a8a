//! At which workstation, browser or seat somebody works, dated.

mod app;
pub(crate) mod domain;
pub(crate) mod facts;
pub(crate) mod rpc;
pub(crate) mod store;
mod uses;
