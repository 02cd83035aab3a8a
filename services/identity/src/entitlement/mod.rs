//! Which modules of the suite the group has.

pub(crate) mod app;
pub(crate) mod facts;
pub(crate) mod rpc;
mod store;
