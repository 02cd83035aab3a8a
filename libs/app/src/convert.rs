//! Contracts and plain values: one way to read each, and one refusal for one mistake, with the field's name.
//!
//! What a caller sent is read into [`Violations`], so that everything wrong is told at once. What a peer sent is read by
//! [`sent`]: when it cannot be read, that is a fault of ours and not of whoever called.

use jiff::Timestamp;
use jiff::civil::Date;
use tally_api::common::v1 as common;
use tally_kernel::error::Violations;
use tally_kernel::money::Money;
use tally_kernel::person::EmploymentKind;
use tally_kernel::time::Period;
use tally_kernel::{Error, Kind, Message, Result, limits, msg};

/// The last instant that every zone can show.
const LAST: Timestamp = Timestamp::MAX;
/// Where the year 1 begins, in seconds since 1970, as of the contract's timestamps.
const FIRST_OF_1: i64 = -62_135_596_800;
/// Where the year 9999 ends, in seconds since 1970.
const LAST_OF_9999: i64 = 253_402_300_800;

/// An instant that must be given, to the microsecond as stores keep it.
pub fn instant(v: &mut Violations, field: &str, at: Option<prost_types::Timestamp>) -> Option<Timestamp> {
    if at.is_none() {
        v.push(field, msg!("VALUE_MISSING"));
    }
    optional_instant(v, field, at)
}

/// An instant that may be left out.
pub fn optional_instant(v: &mut Violations, field: &str, at: Option<prost_types::Timestamp>) -> Option<Timestamp> {
    v.take(field, read_instant(at?))
}

/// The instant of something that happened or is planned: given, and in a year of [`limits::YEARS`].
pub fn fact_instant(v: &mut Violations, field: &str, at: Option<prost_types::Timestamp>) -> Option<Timestamp> {
    let at = instant(v, field, at)?;
    if !limits::is_plausible(at) {
        v.push(field, msg!("INSTANT_IMPLAUSIBLE", first = limits::YEARS.start(), last = limits::YEARS.end()));
    }
    Some(at)
}

/// The same where it may be left out.
pub fn optional_fact_instant(v: &mut Violations, field: &str, at: Option<prost_types::Timestamp>) -> Option<Timestamp> {
    at.and_then(|at| fact_instant(v, field, Some(at)))
}

/// A stretch of time, `from` (included) to `to` (not included).
pub fn stretch(
    v: &mut Violations,
    from: Option<prost_types::Timestamp>,
    to: Option<prost_types::Timestamp>,
) -> Option<(Timestamp, Timestamp)> {
    let (from, to) = (instant(v, "from", from), instant(v, "to", to));
    let (from, to) = (from?, to?);
    if to < from {
        v.push("to", msg!("BEFORE_FROM"));
    }
    Some((from, to))
}

/// A stretch of time that may be open at both ends, in milliseconds since 1970.
pub fn open_stretch_ms(
    v: &mut Violations,
    from: Option<prost_types::Timestamp>,
    to: Option<prost_types::Timestamp>,
) -> (i64, i64) {
    let (from, to) = (optional_instant(v, "from", from), optional_instant(v, "to", to));
    (from.map_or(i64::MIN, Timestamp::as_millisecond), to.map_or(i64::MAX, Timestamp::as_millisecond))
}

/// A date that must be given.
pub fn date(v: &mut Violations, field: &str, text: &str) -> Option<Date> {
    v.take(field, read_date(text))
}

/// A date that may be left out.
pub fn optional_date(v: &mut Violations, field: &str, text: &str) -> Option<Date> {
    if text.trim().is_empty() { None } else { date(v, field, text) }
}

/// A first and a last date, either of which may be left out.
pub fn optional_dates(v: &mut Violations, from: &str, to: &str) -> (Option<Date>, Option<Date>) {
    let (from, to) = (optional_date(v, "from", from), optional_date(v, "to", to));
    if from.zip(to).is_some_and(|(from, to)| to < from) {
        v.push("to", msg!("BEFORE_FROM"));
    }
    (from, to)
}

/// A period of days that must be given.
pub fn period(v: &mut Violations, field: &str, period: Option<common::Period>) -> Option<Period> {
    let common::Period { from, to } = period.unwrap_or_default();
    let (from, to) = (date(v, &format!("{field}.from"), &from), date(v, &format!("{field}.to"), &to));
    v.take(field, Period::new(from?, to?).map_err(Error::from))
}

/// An amount that must be given.
pub fn money(v: &mut Violations, field: &str, money: Option<common::Money>) -> Option<Money> {
    let common::Money { currency, minor } = money.unwrap_or_default();
    let currency = v.take(&format!("{field}.currency"), currency.parse().map_err(Error::from))?;
    Some(Money { minor, currency })
}

/// A kind of employment; nothing where it is not said.
pub fn employment_kind(v: &mut Violations, field: &str, sent: i32) -> Option<EmploymentKind> {
    let known = read_employment_kind(sent);
    if known.is_none() {
        v.push(field, msg!("EMPLOYMENT_KIND_UNKNOWN", text = sent));
    }
    known.flatten()
}

/// A choice that must be made: nothing stands for none, `expected` says which there are.
pub fn choice<T>(v: &mut Violations, field: &str, chosen: Option<T>, expected: Message) -> Option<T> {
    if chosen.is_none() {
        v.push(field, expected);
    }
    chosen
}

/// Writes an instant.
pub fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}

/// Writes an instant that is kept as milliseconds since 1970.
pub fn timestamp_of_millis(ms: i64) -> prost_types::Timestamp {
    // Less than a second, whatever the milliseconds are.
    let nanos = i32::try_from(ms.rem_euclid(1_000) * 1_000_000).unwrap_or_default();
    prost_types::Timestamp { seconds: ms.div_euclid(1_000), nanos }
}

/// Writes a date; none is empty.
pub fn date_text(date: Option<Date>) -> String {
    date.map(|date| date.to_string()).unwrap_or_default()
}

/// Writes a period.
pub fn period_message(period: Period) -> common::Period {
    common::Period { from: period.from().to_string(), to: period.to().to_string() }
}

/// Writes an amount.
pub fn money_message(money: Money) -> common::Money {
    common::Money { currency: money.currency.to_string(), minor: money.minor }
}

/// Writes a kind of employment.
pub fn employment_kind_message(kind: Option<EmploymentKind>) -> common::EmploymentKind {
    match kind {
        None => common::EmploymentKind::Unspecified,
        Some(EmploymentKind::FullTime) => common::EmploymentKind::FullTime,
        Some(EmploymentKind::PartTime) => common::EmploymentKind::PartTime,
        Some(EmploymentKind::FixedTerm) => common::EmploymentKind::FixedTerm,
        Some(EmploymentKind::Intern) => common::EmploymentKind::Intern,
        Some(EmploymentKind::Agency) => common::EmploymentKind::Agency,
        Some(EmploymentKind::Outsourced) => common::EmploymentKind::Outsourced,
        Some(EmploymentKind::Freelance) => common::EmploymentKind::Freelance,
    }
}

/// Nothing for a number that stands for no kind.
fn read_employment_kind(sent: i32) -> Option<Option<EmploymentKind>> {
    Some(match common::EmploymentKind::try_from(sent).ok()? {
        common::EmploymentKind::Unspecified => None,
        common::EmploymentKind::FullTime => Some(EmploymentKind::FullTime),
        common::EmploymentKind::PartTime => Some(EmploymentKind::PartTime),
        common::EmploymentKind::FixedTerm => Some(EmploymentKind::FixedTerm),
        common::EmploymentKind::Intern => Some(EmploymentKind::Intern),
        common::EmploymentKind::Agency => Some(EmploymentKind::Agency),
        common::EmploymentKind::Outsourced => Some(EmploymentKind::Outsourced),
        common::EmploymentKind::Freelance => Some(EmploymentKind::Freelance),
    })
}

fn read_instant(at: prost_types::Timestamp) -> Result<Timestamp> {
    // The last hours of the year 9999 lie beyond the calendar's end in some zones: whoever means for ever may say so.
    let last = prost_types::Timestamp { seconds: LAST.as_second(), nanos: 0 };
    let at = if (last.seconds..LAST_OF_9999).contains(&at.seconds) { last } else { at };
    let read = Timestamp::new(at.seconds, at.nanos).and_then(|at| Timestamp::from_microsecond(at.as_microsecond()));
    read.ok()
        .filter(|at| at.as_second() >= FIRST_OF_1)
        .ok_or_else(|| Error::of(Kind::InvalidArgument, msg!("INSTANT_INVALID")))
}

/// Only as YYYY-MM-DD: what the parser of dates takes beside it (no hyphens, a time of day behind) is more often a mistake.
fn read_date(text: &str) -> Result<Date> {
    let text = text.trim();
    let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let read = if plain { text.parse().ok() } else { None };
    read.ok_or_else(|| Error::of(Kind::InvalidArgument, msg!("DATE_EXPECTED")))
}

/// What a peer sent.
pub mod sent {
    use std::str::FromStr;

    use tally_rpc::unreadable;

    use super::{Date, EmploymentKind, Result, Timestamp, read_date, read_employment_kind, read_instant};

    /// An id, a region, a number.
    ///
    /// # Errors
    /// A fault of ours when it cannot be read, as of everything here.
    pub fn value<T: FromStr<Err: std::fmt::Debug>>(text: &str) -> Result<T> {
        text.parse().map_err(unreadable)
    }

    /// One that may be left out.
    ///
    /// # Errors
    /// As [`value`].
    pub fn optional_value<T: FromStr<Err: std::fmt::Debug>>(text: &str) -> Result<Option<T>> {
        if text.is_empty() { Ok(None) } else { value(text).map(Some) }
    }

    /// A date.
    ///
    /// # Errors
    /// As [`value`].
    pub fn date(text: &str) -> Result<Date> {
        read_date(text).map_err(unreadable)
    }

    /// One that may be left out.
    ///
    /// # Errors
    /// As [`value`].
    pub fn optional_date(text: &str) -> Result<Option<Date>> {
        if text.is_empty() { Ok(None) } else { date(text).map(Some) }
    }

    /// A kind of employment; nothing where it is not said.
    ///
    /// # Errors
    /// As [`value`].
    pub fn employment_kind(kind: i32) -> Result<Option<EmploymentKind>> {
        read_employment_kind(kind).ok_or_else(|| unreadable("a kind of employment that is not known here"))
    }

    /// An instant.
    ///
    /// # Errors
    /// As [`value`]; also when it is missing.
    pub fn instant(at: Option<prost_types::Timestamp>) -> Result<Timestamp> {
        read_instant(at.ok_or_else(|| unreadable("a missing time"))?).map_err(unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64, nanos: i32) -> Option<prost_types::Timestamp> {
        Some(prost_types::Timestamp { seconds, nanos })
    }

    /// What was noted, by field.
    fn noted(v: Violations) -> Vec<(String, Message)> {
        let error = v.finish(Some(())).unwrap_err();
        error.violations().iter().map(|wrong| (wrong.field.clone(), wrong.message.clone())).collect()
    }

    #[test]
    fn instants_are_kept_to_the_microsecond() {
        let mut v = Violations::new();
        assert_eq!(instant(&mut v, "at", at(5, 1_999)).map(timestamp), at(5, 1_000));
        assert_eq!(optional_instant(&mut v, "at", None), None);
        v.finish(Some(())).unwrap();
    }

    #[test]
    fn the_years_of_instants_are_1_to_9999() {
        let mut v = Violations::new();
        for within in [FIRST_OF_1, FIRST_OF_1 + 1, 253_402_214_400, LAST_OF_9999 - 1] {
            assert!(instant(&mut v, "at", at(within, 0)).is_some(), "{within}");
        }
        v.finish(Some(())).unwrap();
        for beyond in [i64::MIN, FIRST_OF_1 - 1, LAST_OF_9999, i64::MAX] {
            let mut v = Violations::new();
            assert_eq!(instant(&mut v, "at", at(beyond, 0)), None);
            assert_eq!(noted(v), [("at".to_owned(), msg!("INSTANT_INVALID"))], "{beyond}");
        }
    }

    #[test]
    fn one_mistake_has_one_refusal_that_names_its_field_and_all_are_told() {
        let mut v = Violations::new();
        assert_eq!(instant(&mut v, "at", None), None);
        assert_eq!(optional_instant(&mut v, "until", at(i64::MAX, 0)), None);
        assert_eq!(optional_instant(&mut v, "ends", at(LAST_OF_9999, 0)), None);
        assert!(stretch(&mut v, at(9, 0), at(8, 0)).is_some());
        assert_eq!(date(&mut v, "day", ""), None);
        let backwards = common::Period { from: "2026-03-31".into(), to: "2026-03-01".into() };
        assert_eq!(period(&mut v, "months", Some(backwards)), None);
        assert_eq!(period(&mut v, "period", None), None);
        assert_eq!(money(&mut v, "pool", Some(common::Money { currency: "cny".into(), minor: 1 })), None);
        assert_eq!(choice(&mut v, "kind", None::<u8>, msg!("PHASE_KIND_EXPECTED")), None);
        assert_eq!(choice(&mut v, "kind", Some(1), msg!("PHASE_KIND_EXPECTED")), Some(1));
        let noted = noted(v);
        let told: Vec<_> = noted.iter().map(|(field, message)| (field.as_str(), message.id())).collect();
        let expected = [
            ("at", "VALUE_MISSING"),
            ("until", "INSTANT_INVALID"),
            ("ends", "INSTANT_INVALID"),
            ("to", "BEFORE_FROM"),
            ("day", "DATE_EXPECTED"),
            ("months", "PERIOD_BACKWARDS"),
            ("period.from", "DATE_EXPECTED"),
            ("period.to", "DATE_EXPECTED"),
            ("pool.currency", "CURRENCY_UNKNOWN"),
            ("kind", "PHASE_KIND_EXPECTED"),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn dates_are_read_strictly_and_written_back() {
        let mut v = Violations::new();
        assert_eq!(date_text(optional_date(&mut v, "from", " 2026-03-02 ")), "2026-03-02");
        assert_eq!(optional_dates(&mut v, "", "2026-03-02").0, None);
        v.finish(Some(())).unwrap();
        for text in ["2026-3-2", "2026-02-30", "2026-03-02T00:00", "20260302", "+026-03-02"] {
            let mut v = Violations::new();
            assert_eq!(optional_date(&mut v, "from", text), None);
            assert_eq!(noted(v), [("from".to_owned(), msg!("DATE_EXPECTED"))], "{text}");
        }
        let mut v = Violations::new();
        optional_dates(&mut v, "2026-03-02", "2026-03-01");
        assert_eq!(noted(v), [("to".to_owned(), msg!("BEFORE_FROM"))]);
    }

    #[test]
    fn kinds_of_employment_are_read_as_they_are_written_and_no_other_number_is_one() {
        let mut v = Violations::new();
        for kind in EmploymentKind::ALL.into_iter().map(Some).chain([None]) {
            let written = employment_kind_message(kind).into();
            assert_eq!(employment_kind(&mut v, "kind", written), kind);
            assert_eq!(sent::employment_kind(written).unwrap(), kind);
        }
        assert_eq!(employment_kind(&mut v, "kind", 99), None);
        assert_eq!(noted(v), [("kind".to_owned(), msg!("EMPLOYMENT_KIND_UNKNOWN", text = 99))]);
        assert_eq!(sent::employment_kind(99).unwrap_err().kind(), Kind::Internal);
    }

    #[test]
    fn what_a_peer_sent_and_cannot_be_read_is_our_fault() {
        let faults = [
            sent::date("2026-3-2").unwrap_err(),
            sent::optional_date("soon").unwrap_err(),
            sent::instant(None).unwrap_err(),
            sent::instant(at(i64::MAX, 0)).unwrap_err(),
            sent::value::<tally_kernel::id::PersonId>("7").unwrap_err(),
        ];
        assert!(faults.iter().all(|fault| fault.kind() == Kind::Internal), "{faults:?}");
        assert_eq!(sent::optional_value::<tally_kernel::id::PersonId>("").unwrap(), None);
    }
}
