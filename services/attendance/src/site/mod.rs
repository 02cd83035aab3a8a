//! Sites: places of work with their zone and working-day cut-over.

mod app;
pub(crate) mod domain;
pub(crate) mod facts;
pub(crate) mod rpc;
pub(crate) mod store;
