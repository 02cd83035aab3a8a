//! Questions about access: may they, why, where, and who else.

pub(crate) mod app;
pub(crate) mod domain;
pub(crate) mod rpc;
