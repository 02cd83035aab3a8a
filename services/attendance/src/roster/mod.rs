//! Published rosters: who should serve which account when.

mod app;
pub(crate) mod domain;
pub(crate) mod facts;
pub(crate) mod rpc;
pub(crate) mod store;
