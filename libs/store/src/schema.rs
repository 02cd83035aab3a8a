//! The tables of a service and of the store, and who may do what with them.

pub(crate) mod columns;
pub(crate) mod migrate;
pub mod migration;
pub(crate) mod owner;
pub(crate) mod rules;
