//! How long which kind of data is kept in the group, and the run over identity's own tables.

pub(crate) mod app;
pub(crate) mod domain;
pub(crate) mod facts;
pub(crate) mod rpc;
mod store;
