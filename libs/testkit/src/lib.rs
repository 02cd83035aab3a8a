//! What tests stand on: private servers, a proxy that breaks connections, a receiver of traces, callers with tokens,
//! and waiting without sleeping. Never part of the product.

pub mod callers;
pub mod databases;
pub mod oidc;
pub mod otlp;
pub mod pgbouncer;
pub mod postgres;
pub mod proxy;
pub mod redis;

use std::fmt::{Debug, Display};
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::{Duration, Instant};

use tally_kernel::Clock;
use tokio::net::TcpListener;

pub use callers::{Callers, Readings};

/// How long anything in a test may take before it counts as never.
const NEVER: Duration = Duration::from_secs(20);

/// Asks again and again until there is an answer, and gives it. Tests wait with this instead of sleeping.
///
/// # Panics
/// When there is none after 20 seconds; `what` says what was waited for.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(started.elapsed() < NEVER, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

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
