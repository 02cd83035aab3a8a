//! Deadlines: read from `grpc-timeout`, enforced here because tonic does so only in its transport, and forwarded as
//! what is left of them.

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue};
use tally_kernel::error::{Error, Kind, Result};
use tally_kernel::msg;

const HEADER: &str = "grpc-timeout";

/// The server stops a little before the caller does, so that its answer with all details arrives first.
const HEAD_START_SHARE: u32 = 50;
const HEAD_START_MAX: Duration = Duration::from_millis(20);

/// The time a caller gives, or nothing.
///
/// # Errors
/// `DEADLINE_MALFORMED` when the header is not digits and a unit.
pub fn read(headers: &HeaderMap) -> Result<Option<Duration>> {
    let Some(value) = headers.get(HEADER) else { return Ok(None) };
    value
        .to_str()
        .ok()
        .and_then(parse)
        .map(Some)
        .ok_or_else(|| Error::of(Kind::InvalidArgument, msg!("DEADLINE_MALFORMED")))
}

fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let n: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(n * 3600),
        "M" => Duration::from_secs(n * 60),
        "S" => Duration::from_secs(n),
        "m" => Duration::from_millis(n),
        "u" => Duration::from_micros(n),
        "n" => Duration::from_nanos(n),
        _ => return None,
    })
}

/// Writes what is left until `deadline`. Nothing left is written as zero: the peer refuses at once.
pub fn write(headers: &mut HeaderMap, deadline: Instant) {
    let left = deadline.saturating_duration_since(Instant::now());
    let micros = left.as_micros();
    let text = if micros < 100_000_000 { format!("{micros}u") } else { format!("{}S", left.as_secs().min(99_999_999)) };
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.insert(HEADER, value);
    }
}

/// What a server takes of the caller's time.
pub fn server_budget(given: Duration) -> Duration {
    given.saturating_sub((given / HEAD_START_SHARE).min(HEAD_START_MAX))
}

/// The error of a call that took too long.
pub fn exceeded() -> Error {
    Error::of(Kind::DeadlineExceeded, msg!("DEADLINE_EXCEEDED"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_and_anything_else_refused() {
        assert_eq!(parse("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(parse("90S"), Some(Duration::from_secs(90)));
        assert_eq!(parse("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse("7u"), Some(Duration::from_micros(7)));
        for bad in ["", "S", "1", "123456789S", "-1S", "1 S", "1s"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_written_is_never_more_than_what_is_left() {
        for given in [Duration::from_millis(300), Duration::from_secs(500), Duration::ZERO] {
            let mut headers = HeaderMap::new();
            write(&mut headers, Instant::now() + given);
            assert!(read(&headers).unwrap().unwrap() <= given);
        }
    }

    #[test]
    fn a_server_stops_before_its_caller() {
        assert!(server_budget(Duration::from_millis(100)) < Duration::from_millis(100));
        assert_eq!(server_budget(Duration::from_secs(60)), Duration::from_secs(60) - HEAD_START_MAX);
    }
}
