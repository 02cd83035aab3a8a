//! A method without a row in the policy table does not exist.

use std::future::{Ready, ready};
use std::task::{Context, Poll};

use futures::future::Either;
use http::{Extensions, Request};
use tally_access::PolicyRow;
use tally_kernel::Error;
use tower::{Layer, Service};

use super::Refused;
use super::method::{RpcMethod, unknown};

/// See the module's text.
#[derive(Clone, Copy, Debug)]
pub struct PolicyLayer;

impl<S> Layer<S> for PolicyLayer {
    type Service = Policy<S>;

    fn layer(&self, inner: S) -> Policy<S> {
        Policy(inner)
    }
}

#[derive(Clone)]
pub struct Policy<S>(S);

impl<S, B> Service<Request<B>> for Policy<S>
where
    S: Service<Request<B>, Error = Refused>,
{
    type Response = S::Response;
    type Error = Refused;
    type Future = Either<S::Future, Ready<Result<S::Response, Refused>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match row(request.extensions()) {
            Ok(_) => Either::Left(self.0.call(request)),
            Err(_) => {
                let error = unknown(request.uri().path());
                Either::Right(ready(Err(Refused::UnknownMethod(error))))
            }
        }
    }
}

/// What the policy table says of a call.
pub(super) fn row(extensions: &Extensions) -> Result<PolicyRow, Refused> {
    extensions
        .get::<RpcMethod>()
        .and_then(|method| method.row)
        .ok_or_else(|| Error::internal("no layer of the policy stands before").into())
}
