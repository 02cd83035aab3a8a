//! How much of a thing is refused, by whoever reads it first: a file's reader as well as the service behind it.

use std::ops::RangeInclusive;

use jiff::{SignedDuration, Timestamp};

/// Characters of a name, a number, an id or a kind.
pub const TEXT: usize = 200;
/// Characters of the text of a measure.
pub const LONG_TEXT: usize = 1_000;
/// Measures of one record beside the known columns.
pub const MEASURES: usize = 50;
/// Ten points: a higher rating is of no scale that anybody uses.
pub const RATING: u32 = 10;
/// The largest amount of one record, in minor units: the sum of millions of them stays within 64 bits.
pub const AMOUNT_MINOR: i64 = 1_000_000_000_000;
/// A reply after more than a month is none.
pub const REPLY_SECONDS: u32 = 4_000_000;
/// No record lasts longer than a month.
pub const RECORD_HOURS: i64 = 31 * 24;
/// Messages of one record: more of them are those of several records under one id.
pub const REPLIES_PER_RECORD: usize = 20_000;
/// A message may come so long before its record begins or after it ends: many exports cut the seconds off the times of records
/// and keep those of messages.
pub const REPLY_GRACE_SECONDS: i64 = 60;
/// Digits before the point of any other number that was measured.
pub const DIGITS: u32 = 15;
/// The years in which something can have happened or can be planned.
pub const YEARS: RangeInclusive<i32> = 1900..=2199;

/// 1900-01-01 and 2200-01-01, by the second, in UTC.
const CENTURIES: (i64, i64) = (-2_208_988_800, 7_258_118_400);
const DAY: i64 = 86_400;

/// Whether an instant lies in one of the [`YEARS`] by the clock of some zone.
pub fn is_plausible(at: Timestamp) -> bool {
    (CENTURIES.0 - DAY..CENTURIES.1 + DAY).contains(&at.as_second())
}

/// A shift is shorter; longer ones are typing errors.
pub const SHIFT_HOURS: i64 = 36;
/// Dialogues that one person can hold at once.
pub const CAPACITY: u32 = 1_000;
/// Days that are closed at once: a year, and one more where it is a leap year.
pub const PERIOD_DAYS: i32 = 366;
/// The largest weight of a tier: enough for any proportion, and sums over a group stay exact.
pub const TIER_WEIGHT: i32 = 1_000_000;

/// Whether a shift is longer than anybody plans.
pub fn is_long_shift(start: Timestamp, end: Timestamp) -> bool {
    end.duration_since(start).as_hours() >= SHIFT_HOURS
}

/// Whether a message belongs to the time of its record, up to [`REPLY_GRACE_SECONDS`] either side.
pub fn is_in_record(at: Timestamp, start: Timestamp, end: Timestamp) -> bool {
    let grace = SignedDuration::from_secs(REPLY_GRACE_SECONDS);
    start.duration_since(at) <= grace && at.duration_since(end) <= grace
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_of_its_record_up_to_a_minute_either_side() {
        let at = |text: &str| format!("2026-03-02T{text}Z").parse::<Timestamp>().unwrap();
        let (start, end) = (at("09:00:00"), at("09:05:00"));
        for (text, is_in) in
            [("08:58:59.9", false), ("08:59:00", true), ("09:02:00", true), ("09:06:00", true), ("09:06:00.001", false)]
        {
            assert_eq!(is_in_record(at(text), start, end), is_in, "{text}");
        }
    }

    #[test]
    fn an_instant_is_plausible_where_some_clock_shows_one_of_the_years() {
        let plausible = |text: &str| is_plausible(text.parse().unwrap());
        assert_eq!(("1900-01-01T00:00:00Z".parse::<Timestamp>()).unwrap().as_second(), CENTURIES.0);
        assert_eq!(("2200-01-01T00:00:00Z".parse::<Timestamp>()).unwrap().as_second(), CENTURIES.1);
        for year in [*YEARS.start(), 2026, *YEARS.end()] {
            assert!(
                plausible(&format!("{year}-01-01T00:00:00+12:00"))
                    && plausible(&format!("{year}-12-31T23:59:59-12:00"))
            );
        }
        assert!(!plausible("0001-01-01T00:00:00Z") && !plausible("2600-01-01T00:00:00Z"));
    }
}
