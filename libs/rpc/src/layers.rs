//! The layers of the stack, each with one job, usable before any service of HTTP: in [`crate::stack`] before gRPC's routes, in
//! [`crate::channel`] before a connection, in a gateway before a router.
//!
//! What a layer finds out stands in the request's extensions for those behind it: [`RpcMethod`], [`Locale`](tally_access::Locale),
//! [`Deadline`], [`OpContext`](tally_access::OpContext). A layer that refuses a call fails with [`Refused`]; one layer at the
//! edge makes an answer of that ([`StatusLayer`] for gRPC; a gateway has its own). So does a body: what goes wrong in it is an
//! error until the edge.

mod authenticate;
mod catch_panic;
mod deadline;
mod ended;
mod load_shed;
mod locale;
mod method;
mod metrics;
mod policy;
mod question;
mod rate_limit;
mod read_log;
mod status;
mod then;
mod trace;

use http::Response;
use tally_kernel::Error;
use tonic::body::Body;

pub(crate) use authenticate::noted_context;
pub use authenticate::{AuthenticateLayer, CONSISTENCY, Keys, Tokens, Views};
pub use catch_panic::CatchPanicLayer;
pub use deadline::{Deadline, DeadlineLayer};
pub use load_shed::LoadShedLayer;
pub(crate) use locale::asked_locale;
pub use locale::with_locale;
pub use method::{Methods, RpcMethod};
pub(crate) use method::{of_peer, unknown};
pub use metrics::MetricsLayer;
pub use policy::PolicyLayer;
pub use question::QuestionLayer;
pub use rate_limit::{RateLimitLayer, network};
pub use read_log::{AUDITED, ReadLog, ReadLogLayer, Reading};
pub use status::StatusLayer;
pub(crate) use then::Then;
pub use trace::TraceLayer;

/// Why a layer lets a call no further.
#[derive(Clone, Debug)]
pub enum Refused {
    /// What the caller is told.
    Error(Error),
    /// There is no such rpc; what gRPC says of that.
    UnknownMethod(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// The service that was asked whether it is ready, for a call that waits for something first; a clone stays behind.
fn take<S: Clone>(ready: &mut S) -> S {
    let next = ready.clone();
    std::mem::replace(ready, next)
}

/// A body in the box of tonic's.
pub(crate) fn boxed<B>(response: Response<B>) -> Response<Body>
where
    B: http_body::Body<Data = bytes::Bytes, Error: Into<tower::BoxError>> + Send + 'static,
{
    response.map(Body::new)
}
