//! How often one may call: every rpc has buckets of its own, so that nobody's bulk work keeps him from a punch.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::{BoxFuture, Either};
use http::{Extensions, Request};
use tally_access::{ActorKind, OpContext};
use tally_cache::{Cache, Draw};
use tally_kernel::error::{Error, Kind, Result};
use tally_kernel::{Bucket, msg};
use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo};
use tower::{Layer, Service};

use super::method::RpcMethod;
use super::{Refused, take};
use crate::introduction::Introduced;
use crate::limits::Limits;

/// See the module's text. Who calls is known behind [`AuthenticateLayer`](super::AuthenticateLayer); before it, all are counted
/// by where they call from.
#[derive(Clone)]
pub struct RateLimitLayer(Arc<Rates>);

struct Rates {
    service: &'static str,
    limits: Limits,
    cache: Cache,
}

impl RateLimitLayer {
    /// The limits of a service, whose calls are counted in `cache`.
    pub fn new(service: &'static str, limits: Limits, cache: Cache) -> Self {
        Self(Arc::new(Rates { service, limits, cache }))
    }
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimit<S>;

    fn layer(&self, inner: S) -> RateLimit<S> {
        RateLimit { inner, rates: Arc::clone(&self.0) }
    }
}

#[derive(Clone)]
pub struct RateLimit<S> {
    inner: S,
    rates: Arc<Rates>,
}

impl<S, B> Service<Request<B>> for RateLimit<S>
where
    S: Service<Request<B>, Error = Refused, Response: Send, Future: Send> + Clone + Send + 'static,
    B: Send + 'static,
{
    type Response = S::Response;
    type Error = Refused;
    type Future = Either<S::Future, BoxFuture<'static, Result<S::Response, Refused>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let draws = self.rates.draws(request.extensions());
        if draws.is_empty() {
            return Either::Left(self.inner.call(request));
        }
        let (rates, mut inner) = (Arc::clone(&self.rates), take(&mut self.inner));
        Either::Right(Box::pin(async move {
            rates.take(&draws).await?;
            inner.call(request).await
        }))
    }
}

impl Rates {
    async fn take(&self, draws: &[Draw]) -> Result<()> {
        let limited = |wait| Error::of(Kind::ResourceExhausted, msg!("RATE_LIMITED")).retry_after(wait);
        self.cache.take(draws).await.map_err(limited)
    }

    fn draws(&self, noted: &Extensions) -> Vec<Draw> {
        let method = RpcMethod::name(noted);
        let Limits { calls_per_second, group_calls_per_second, public_calls_per_second, .. } = self.limits;
        // What is in braces decides where a cluster of Redis keeps it: buckets of one call lie together.
        let draw = |calls: u32, within: &dyn std::fmt::Display, whose: &dyn std::fmt::Display| {
            let name = || format!("calls:{{{within}}}:{}:{}:{whose}", self.service, method.as_str());
            (calls > 0).then(|| Draw { name: name(), bucket: Bucket::per_second(calls) })
        };
        let public = || {
            let from = address(noted)?;
            draw(public_calls_per_second, &network(from), &"all")
        };
        let draws = match noted.get::<OpContext>().map(|ctx| (&ctx.actor, &ctx.actor.kind)) {
            Some((actor, ActorKind::Person(_) | ActorKind::User)) => [
                draw(calls_per_second, &actor.tenant, &actor.principal),
                draw(group_calls_per_second, &actor.tenant, &"all"),
            ],
            Some((_, ActorKind::Nobody)) | None => [public(), None],
            Some((_, ActorKind::Service(_))) => [None, None],
        };
        draws.into_iter().flatten().collect()
    }
}

/// Where a call comes from, by the gateway it came through if there is one; nothing within one process.
fn address(connection: &Extensions) -> Option<IpAddr> {
    if let Some(Introduced(address)) = connection.get() {
        return Some(*address);
    }
    let plain = connection.get::<TcpConnectInfo>();
    let tcp = plain.or_else(|| connection.get::<TlsConnectInfo<TcpConnectInfo>>().map(TlsConnectInfo::get_ref));
    tcp?.remote_addr().map(|address| address.ip().to_canonical())
}

/// What an address counts as: whoever has one of IPv6 has the 64 bits behind the network's.
pub fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_ipv6_counts_with_its_network() {
        let of = |text: &str| network(text.parse::<IpAddr>().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
    }
}
