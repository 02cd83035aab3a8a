//! What tests stand on: private servers, a proxy that breaks connections, a receiver of traces, callers with tokens,
//! and waiting without sleeping. Never part of the product.

pub mod callers;
pub mod databases;
pub mod fake_peer;
pub mod oidc;
pub mod otlp;
mod patience;
pub mod pgbouncer;
pub mod postgres;
pub mod proxy;
pub mod redis;

use std::fmt::{Debug, Display};
use std::net::SocketAddr;
use std::str::FromStr;

use tally_kernel::Clock;
use tokio::net::TcpListener;

pub use callers::{Callers, Readings};
pub use fake_peer::FakePeer;
pub use patience::{NEVER, eventually};

/// A clock that stands at `at` (RFC 3339) until it is moved.
///
/// # Panics
/// When `at` is no instant.
pub fn clock(at: &str) -> Clock {
    Clock::fixed(at.parse().unwrap_or_else(|e| panic!("{at}: {e}")))
}

/// Each value is stored as this word, and read back from it.
///
/// # Panics
/// When one is not.
pub fn words<T, const N: usize>(all: [(T, &str); N])
where
    T: Debug + Display + FromStr + PartialEq,
{
    for (value, word) in all {
        assert_eq!(value.to_string(), word, "{value:?} is another word now: what is stored cannot be read any more");
        assert_eq!(word.parse().ok(), Some(value));
    }
}

/// A listener on a free port of the loopback.
///
/// # Panics
/// When the loopback has none.
pub async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// A port of the loopback that was free a moment ago: for programs that want a number. Somebody else may take it first,
/// so try again with another.
///
/// # Panics
/// When the loopback has none.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}
