//! Settlements: draft, approved by somebody else, posted.

pub mod app;
pub mod domain;
mod rpc;
pub(crate) mod store;
#[cfg(test)]
mod tests;

pub use app::App;
pub use rpc::Rpc;
