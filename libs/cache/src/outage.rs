//! What is said of a Redis that is away: once when it goes, seldom while it stays away, and once when it is back.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The first pause between two lines about one outage; each next one is twice as long.
const FIRST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(3600);

/// See the module's text.
#[derive(Debug, Default)]
pub(crate) struct Outage(Mutex<Option<Away>>);

#[derive(Debug)]
struct Away {
    since: Instant,
    /// Failures since the last line.
    unsaid: u64,
    pause: Duration,
    next: Instant,
}

/// A line for the log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Gone,
    StillAway { since: Duration, unsaid: u64 },
    Back { since: Duration },
}

impl Outage {
    /// Notes a failure.
    pub(crate) fn failed(&self, now: Instant) -> Option<Said> {
        let mut away = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = away.as_mut() else {
            *away = Some(Away { since: now, unsaid: 0, pause: FIRST, next: now + FIRST });
            return Some(Said::Gone);
        };
        known.unsaid += 1;
        if now < known.next {
            return None;
        }
        known.pause = (known.pause * 2).min(LONGEST);
        known.next = now + known.pause;
        Some(Said::StillAway { since: now - known.since, unsaid: std::mem::take(&mut known.unsaid) })
    }

    /// Notes an answer.
    pub(crate) fn answered(&self, now: Instant) -> Option<Said> {
        let away = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(Said::Back { since: now - away.since })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_said_once_then_ever_more_seldom_and_its_end_once() {
        let (outage, start) = (Outage::default(), Instant::now());
        let at = |tick: u64| start + Duration::from_millis(500 * tick);
        assert_eq!(outage.answered(at(0)), None, "nothing was away");
        // Two hours of a failure every half second.
        let said: Vec<(u64, Said)> = (0..14_400).filter_map(|tick| Some((tick, outage.failed(at(tick))?))).collect();
        assert_eq!(said[0], (0, Said::Gone));
        let minutes: Vec<u64> = said.iter().map(|(tick, _)| tick / 120).collect();
        assert_eq!(minutes, [0, 1, 3, 7, 15, 31, 63]);
        let Said::StillAway { since, unsaid } = &said[2].1 else { panic!("{:?}", said[2]) };
        assert_eq!((*since, *unsaid), (Duration::from_secs(180), 240));
        assert_eq!(outage.answered(at(14_400)), Some(Said::Back { since: Duration::from_secs(7200) }));
        assert_eq!(outage.answered(at(14_401)), None);
        assert_eq!(outage.failed(at(14_402)), Some(Said::Gone), "the next outage is one of its own");
    }
}
