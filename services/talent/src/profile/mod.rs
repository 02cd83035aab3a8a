//! Profiles: what each month showed about cover, collaboration and learning.

pub(crate) mod app;
mod domain;
pub(crate) mod rpc;
pub(crate) mod store;
#[cfg(test)]
mod tests;
