//! Published rosters: who should serve which account when.

pub mod app;
pub mod domain;
pub mod rpc;
pub mod store;
