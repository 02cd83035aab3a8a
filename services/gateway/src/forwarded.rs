//! Where a request comes from, also through proxies.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

/// The header in which each proxy adds whom it was asked by.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address a request comes from: that of its connection, and behind a proxy of ours the one that the proxy names. Read from the end,
/// since a caller writes what it likes before that, and only as far as it is our proxies that said it.
pub fn caller(headers: &HeaderMap, peer: IpAddr, proxies: &[IpNet]) -> IpAddr {
    let ours = |address: IpAddr| proxies.iter().any(|net| net.contains(&address));
    let lines = headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok());
    let mut said = lines.collect::<Vec<_>>().into_iter().rev().flat_map(|line| line.rsplit(','));
    let mut caller = peer.to_canonical();
    while ours(caller) {
        let Some(before) = said.next().and_then(address) else { break };
        caller = before;
    }
    caller
}

/// An address as proxies write it, some with a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_caller_is_who_our_own_proxies_say_and_nobody_else() {
        let ours: Vec<IpNet> = ["10.0.0.0/8", "2001:db8::/32"].map(|net| net.parse().unwrap()).into();
        let of = |peer: &str, said: &[&'static str]| {
            let lines = said.iter().map(|line| (FORWARDED_FOR, HeaderValue::from_static(line)));
            caller(&HeaderMap::from_iter(lines), peer.parse().unwrap(), &ours).to_string()
        };
        assert_eq!(of("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(of("::ffff:10.0.0.1", &["::ffff:198.51.100.7"]), "198.51.100.7");
        assert_eq!(of("2001:db8::1", &["[2001:db9::7]:443"]), "2001:db9::7");
        assert_eq!(of("192.0.2.1", &["198.51.100.7"]), "192.0.2.1", "who is no proxy of ours is not believed");
        let written = ["203.0.113.9", "6.6.6.6, 198.51.100.7:4711, 10.0.0.2"];
        assert_eq!(of("10.0.0.1", &written), "198.51.100.7", "what the caller wrote itself stands before");
        assert_eq!(of("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(of("10.0.0.1", &["198.51.100.7, unknown"]), "10.0.0.1");
        assert_eq!(of("10.0.0.1", &["10.0.0.9"]), "10.0.0.9", "one of ours asks for itself");
    }
}
