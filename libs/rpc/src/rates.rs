//! How often one may call: every rpc has buckets of its own, so that nobody's bulk work keeps him from a punch.

use std::net::{IpAddr, Ipv6Addr};

use http::Extensions;
use tally_access::{Actor, ActorKind, PolicyRow};
use tally_cache::{Cache, Draw};
use tally_kernel::error::{Error, Kind, Result};
use tally_kernel::{Bucket, msg};
use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo};

use crate::stack::Limits;

pub(crate) struct Rates {
    service: &'static str,
    limits: Limits,
    cache: Cache,
}

impl Rates {
    pub(crate) fn new(service: &'static str, limits: Limits, cache: Cache) -> Self {
        Self { service, limits, cache }
    }

    /// Counts a call, of which the connection tells where it comes from.
    ///
    /// # Errors
    /// `RATE_LIMITED`.
    pub(crate) async fn count(&self, row: &PolicyRow, actor: &Actor, connection: &Extensions) -> Result<()> {
        let draws = self.draws(row, actor, address(connection));
        if draws.is_empty() {
            return Ok(());
        }
        self.cache
            .take(&draws)
            .await
            .map_err(|wait| Error::of(Kind::ResourceExhausted, msg!("RATE_LIMITED")).retry_after(wait))
    }

    fn draws(&self, row: &PolicyRow, actor: &Actor, from: Option<IpAddr>) -> Vec<Draw> {
        let Limits { calls_per_second, group_calls_per_second, public_calls_per_second, .. } = self.limits;
        // What is in braces decides where a cluster of Redis keeps it: buckets of one call lie together.
        let draw = |calls: u32, within: &dyn std::fmt::Display, whose: &dyn std::fmt::Display| {
            let name = || format!("calls:{{{within}}}:{}:{}:{whose}", self.service, row.method);
            (calls > 0).then(|| Draw { name: name(), bucket: Bucket::per_second(calls) })
        };
        let draws = match actor.kind {
            ActorKind::Person(_) | ActorKind::User => [
                draw(calls_per_second, &actor.tenant, &actor.principal),
                draw(group_calls_per_second, &actor.tenant, &"all"),
            ],
            ActorKind::Nobody => [from.and_then(|from| draw(public_calls_per_second, &network(from), &"all")), None],
            ActorKind::Service(_) => [None, None],
        };
        draws.into_iter().flatten().collect()
    }
}

/// Where a call comes from; nothing within one process.
fn address(connection: &Extensions) -> Option<IpAddr> {
    let plain = connection.get::<TcpConnectInfo>();
    let tcp = plain.or_else(|| connection.get::<TlsConnectInfo<TcpConnectInfo>>().map(TlsConnectInfo::get_ref));
    tcp?.remote_addr().map(|address| address.ip().to_canonical())
}

/// Whoever has one address of IPv6 has the 64 bits behind the network's.
fn network(address: IpAddr) -> IpAddr {
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
