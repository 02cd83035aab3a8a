//! Settlements: draft, approved by somebody else, posted.

pub mod app;
pub mod domain;
mod rpc;
pub(crate) mod store;

pub use app::App;
pub use rpc::Rpc;
