//! Breaking the glass: emergencies.

pub(crate) mod app;
pub(crate) mod domain;
pub(crate) mod rpc;
pub(crate) mod store;
