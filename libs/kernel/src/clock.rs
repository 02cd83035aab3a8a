//! Time as a parameter: the system's clock in production, a clock that is set by hand in tests and in the demo.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// Tells the current instant. Cheap to clone; clones of a fixed clock move together.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    System,
    /// A clock that stands still until it is moved: milliseconds since 1970.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `at` (kept to the millisecond).
    pub fn fixed(at: Timestamp) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(at.as_millisecond())))
    }

    /// The current instant, to the millisecond so that every store keeps it unchanged.
    pub fn now(&self) -> Timestamp {
        let ms = match self {
            Self::System =>
            {
                #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
                Timestamp::now().as_millisecond()
            }
            Self::Fixed(ms) => ms.load(Ordering::SeqCst),
        };
        Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Moves a fixed clock on. The system's clock is nobody's to move: there it does nothing.
    pub fn advance(&self, by: SignedDuration) {
        if let Self::Fixed(ms) = self {
            ms.fetch_add(i64::try_from(by.as_millis()).unwrap_or(0), Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_fixed_clock_move_together() {
        let clock = Clock::fixed("2026-03-02T08:00:00Z".parse().unwrap());
        let other = clock.clone();
        clock.advance(SignedDuration::from_mins(90));
        assert_eq!(other.now().to_string(), "2026-03-02T09:30:00Z");
    }
}
