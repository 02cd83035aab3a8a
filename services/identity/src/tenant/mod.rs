//! The group itself: made once, on an empty store or by an invitation.

pub(crate) mod app;
pub(crate) mod domain;
pub(crate) mod facts;
pub(crate) mod invitation;
pub(crate) mod rpc;
mod store;
