//! Which modules of the suite the group has.

pub(crate) mod app;
pub(crate) mod rpc;
pub(crate) mod store;
