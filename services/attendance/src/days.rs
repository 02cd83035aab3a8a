//! From which day to which something is said: nothing stands for the beginning, or for no end.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tally_kernel::person::{DirectoryPerson, Employment};
use tally_kernel::{Error, Result};
use tally_store::orm::entity::prelude::Date as Stored;
use tally_store::{date_from_db, date_to_db};

/// Stored for the beginning: a key cannot hold nothing.
const BEGINNING: Date = Date::constant(1, 1, 1);

/// A first day as it is stored.
pub fn first_to_db(from: Option<Date>) -> Stored {
    date_to_db(from.unwrap_or(BEGINNING))
}

/// The same read back.
///
/// # Errors
/// A fault of ours for what is no date.
pub fn first_from_db(from: Stored) -> Result<Option<Date>> {
    Ok(Some(date_from_db(from)?).filter(|from| *from != BEGINNING))
}

/// The first day of two stretches that is of both.
pub fn common(one: (Option<Date>, Option<Date>), other: (Option<Date>, Option<Date>)) -> Option<Date> {
    let first = one.0.max(other.0).unwrap_or(Date::MIN);
    let last = one.1.unwrap_or(Date::MAX).min(other.1.unwrap_or(Date::MAX));
    (first <= last).then_some(first)
}

/// From when it is known how long something is kept: the beginning of its last day, which counts in no zone in particular.
pub fn last(to: Option<Date>) -> Timestamp {
    to.and_then(|day| day.to_zoned(TimeZone::UTC).ok()).map_or(Timestamp::MAX, |day| day.timestamp())
}

/// What is said for days stays for all of the day in which the edge of what is kept lies: this is the beginning of today.
///
/// # Errors
/// Beyond the calendar.
pub fn today(now: Timestamp) -> Result<Timestamp> {
    Ok(now.to_zoned(TimeZone::UTC).start_of_day().map_err(Error::internal)?.timestamp())
}

/// Where what is said of somebody belongs: the home of its first day, or of today where it has none.
pub fn home(person: &DirectoryPerson, from: Option<Date>, now: Timestamp) -> Option<&Employment> {
    person.home(from.unwrap_or_else(|| person.zone.to_datetime(now).date()))
}
