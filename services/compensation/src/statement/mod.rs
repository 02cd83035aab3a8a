//! Statements: what one person got and why.

pub mod app;
pub(crate) mod rpc;
pub(crate) mod store;

pub use app::App;
pub use rpc::Rpc;
