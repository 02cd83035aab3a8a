//! Sites: places of work with their zone and working-day cut-over.

pub mod app;
pub mod domain;
pub mod rpc;
pub mod store;
