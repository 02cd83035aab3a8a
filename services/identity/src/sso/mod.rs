//! Single sign-on at an OpenID provider: authorization code with PKCE.

pub(crate) mod app;
pub(crate) mod discovery;
pub(crate) mod domain;
pub(crate) mod http;
pub(crate) mod rpc;
mod store;
