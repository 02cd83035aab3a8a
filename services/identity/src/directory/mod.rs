//! Pseudonyms: random ids by which regions tell each other that somebody is employed, and not who.

pub(crate) mod app;
pub(crate) mod domain;
pub(crate) mod facts;
pub(crate) mod rpc;
mod store;
