//! Which rpc a call is of.

use std::collections::HashMap;
use std::sync::Arc;

use http::{Extensions, Request};
use opentelemetry::StringValue;
use tally_access::{Needs, PolicyRow};
use tally_api::classes;
use tally_kernel::error::{Error, Kind};
use tally_kernel::msg;

/// Which rpc a call is of, in the extensions of its request.
#[derive(Clone, Debug)]
pub struct RpcMethod {
    name: StringValue,
    pub(super) row: Option<PolicyRow>,
}

impl RpcMethod {
    /// The rpc of a row of a policy table.
    pub fn of(row: PolicyRow) -> Self {
        Self { name: row.method.into(), row: Some(row) }
    }

    /// Whether it needs no token.
    pub fn is_public(&self) -> bool {
        self.row.is_some_and(|row| row.needs == Needs::Nothing)
    }

    /// What spans and figures call it. Only known names become such names: a stranger must not fill our telemetry with words.
    pub(super) fn name(extensions: &Extensions) -> StringValue {
        extensions.get::<Self>().map_or("_OTHER".into(), |method| method.name.clone())
    }
}

/// The rpcs of a policy table by the paths that gRPC gives them.
#[derive(Clone, Debug)]
pub struct Methods(Arc<HashMap<&'static str, PolicyRow>>);

impl Methods {
    /// Those of a policy table.
    pub fn new(policy: &[PolicyRow]) -> Self {
        Self(Arc::new(policy.iter().map(|row| (row.method, *row)).collect()))
    }

    /// Names of the gRPC services they belong to, sorted.
    pub(crate) fn grpc_services(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.0.keys().filter_map(|m| m.split_once('/')).map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Notes which of them a request is for.
    pub fn note<B>(&self, mut request: Request<B>) -> Request<B> {
        match self.0.get(path(&request)).copied() {
            Some(row) => request.extensions_mut().insert(RpcMethod::of(row)),
            None => request.extensions_mut().remove(),
        };
        request
    }
}

/// Notes which rpc of a peer, known here or not, a request is for.
pub(crate) fn of_peer<B>(mut request: Request<B>) -> Request<B> {
    let name = Arc::<str>::from(path(&request)).into();
    request.extensions_mut().insert(RpcMethod { name, row: None });
    request
}

/// Why nobody here answers a call: it is an rpc of the suite whose service another process runs, or there is none.
pub(crate) fn unknown(path: &str) -> Error {
    let name = path.strip_prefix('/').unwrap_or(path);
    match name.split('.').nth(1).filter(|_| classes::answer_of(name).is_some()) {
        Some(service) => Error::of(Kind::Unimplemented, msg!("SERVICE_ELSEWHERE", service)),
        None => Error::of(Kind::Unimplemented, msg!("METHOD_UNKNOWN")),
    }
}

/// `package.Service/Method`
fn path<B>(request: &Request<B>) -> &str {
    let path = request.uri().path();
    path.strip_prefix('/').unwrap_or(path)
}
