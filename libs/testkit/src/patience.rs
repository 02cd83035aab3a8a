//! Waiting for what happens by itself, instead of sleeping.

use std::time::{Duration, Instant};

/// How long anything in a test may take before it counts as never, however busy the machine is. Nothing waits this long
/// that comes true.
pub const NEVER: Duration = Duration::from_secs(120);

/// Asks again and again until there is an answer, and gives it. Tests wait with this instead of sleeping.
///
/// # Panics
/// When there is none after two minutes; `what` says what was waited for.
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
