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
use std::fs::File;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Mutex;

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

/// A port of the loopback that stays this process's own until it ends, for programs that want a number: below the numbers
/// that the system gives to whoever asks for any, and locked by a file against the other tests that ask here.
///
/// # Panics
/// When all are taken.
pub fn free_port() -> u16 {
    static MINE: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let folder = std::env::temp_dir().join("tally-test-ports");
    std::fs::create_dir_all(&folder).expect("a folder for the ports that are taken");
    // Each process begins elsewhere, so that few ask for what is taken.
    let first = std::process::id().wrapping_mul(37);
    let ports =
        (0..PORTS).map(|n| FIRST_PORT + u16::try_from((first.wrapping_add(n)) % PORTS).expect("a small number"));
    for port in ports {
        let file = File::create(folder.join(port.to_string())).expect("a file for a port");
        if file.try_lock().is_ok() && std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            MINE.lock().expect("no test panicked in here").push(file);
            return port;
        }
    }
    panic!("no port from {FIRST_PORT} on is free")
}

const FIRST_PORT: u16 = 20_000;
const PORTS: u32 = 10_000;

#[cfg(test)]
mod tests {
    use super::free_port;

    #[test]
    fn no_port_is_given_twice_though_nobody_listens_there() {
        let ports: std::collections::BTreeSet<u16> = (0..50).map(|_| free_port()).collect();
        assert_eq!(ports.len(), 50);
    }
}
