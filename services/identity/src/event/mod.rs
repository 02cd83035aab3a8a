//! What happened here, for other services to read at their own pace.

pub(crate) mod app;
pub(crate) mod rpc;
