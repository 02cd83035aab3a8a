//! Profiles: what each month showed about cover, collaboration and learning.

pub mod app;
pub mod domain;
mod rpc;
pub(crate) mod store;
#[cfg(test)]
mod tests;

pub use app::App;
pub use rpc::Rpc;
