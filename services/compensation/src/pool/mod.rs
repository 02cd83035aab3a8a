//! Pools: money to be split by a rule.

pub mod app;
pub mod domain;
mod rpc;
pub(crate) mod store;

pub use app::App;
pub use rpc::Rpc;
