//! Corrections: facts of duty put right, and what each touches.

mod app;
pub(crate) mod domain;
pub(crate) mod rpc;
pub(crate) mod store;
