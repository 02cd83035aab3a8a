//! A working day as its punches and shifts tell it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// An `out` closes an `in` of not more than so long before, as the service has it.
const LONGEST: SignedDuration = SignedDuration::from_hours(16);
/// A working day goes on after midnight until then, where nothing else is said.
const CUT_OVER: SignedDuration = SignedDuration::from_hours(4);

/// A punch that counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Punch {
    pub at: Timestamp,
    /// In, or else out.
    pub came: bool,
    pub id: String,
}

/// From an `in` to its `out`; one of them may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stretch {
    pub came: Option<Punch>,
    pub left: Option<Punch>,
}

impl Stretch {
    /// When it begins, as far as is known.
    pub fn begins(&self) -> Option<Timestamp> {
        self.came.as_ref().or(self.left.as_ref()).map(|punch| punch.at)
    }

    /// How long it is, where both ends are known.
    pub fn lasts(&self) -> Option<SignedDuration> {
        let (came, left) = (self.came.as_ref()?, self.left.as_ref()?);
        Some(left.at.duration_since(came.at))
    }

    /// Somebody came and may be there still.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.left.is_none() && self.came.as_ref().is_some_and(|came| now.duration_since(came.at) <= LONGEST)
    }
}

/// How a working day stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Neither planned nor there.
    Free,
    /// A shift begins then.
    Ahead(Timestamp),
    /// A shift has begun then, and nobody came.
    Late(Timestamp),
    /// A shift is over, and nobody came.
    Absent,
    /// There since then.
    In(Timestamp),
    /// An `in` without its `out`, or the other way round.
    Missing,
    /// Was there for so long.
    Was(SignedDuration),
}

impl Status {
    /// The tone of its pill.
    pub fn tone(self) -> &'static str {
        match self {
            Self::Free | Self::Ahead(_) => "plain",
            Self::Late(_) | Self::Missing => "warn",
            Self::Absent => "bad",
            Self::In(_) => "accent",
            Self::Was(_) => "good",
        }
    }

    /// Whether a correction would help.
    pub fn asks(self) -> bool {
        matches!(self, Self::Missing | Self::Absent)
    }
}

/// A working day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// Beginnings and ends, each once.
    pub shifts: Vec<(Timestamp, Timestamp)>,
    pub stretches: Vec<Stretch>,
}

impl Day {
    /// How it stands at an instant.
    pub fn status(&self, now: Timestamp) -> Status {
        if let Some(open) = self.stretches.iter().find(|it| it.is_open(now)) {
            return open.begins().map_or(Status::Missing, Status::In);
        }
        if self.stretches.iter().any(|it| it.lasts().is_none()) {
            return Status::Missing;
        }
        if !self.stretches.is_empty() {
            return Status::Was(self.lasts());
        }
        let next = self.shifts.iter().find(|(_, end)| now < *end);
        match (next, self.shifts.is_empty()) {
            (_, true) => Status::Free,
            (None, false) => Status::Absent,
            (Some((start, _)), _) if now < *start => Status::Ahead(*start),
            (Some((start, _)), _) => Status::Late(*start),
        }
    }

    /// How long it was in all, as far as both ends are known.
    pub fn lasts(&self) -> SignedDuration {
        self.stretches.iter().filter_map(Stretch::lasts).fold(SignedDuration::ZERO, |sum, one| sum.saturating_add(one))
    }

    /// What is missing, as it could have been: in or out, and the end of the shift on that side.
    pub fn missing(&self) -> (bool, Option<Timestamp>) {
        let half = self.stretches.iter().find(|it| it.lasts().is_none());
        let came = half.is_none_or(|it| it.came.is_none());
        let at = if came { self.shifts.first().map(|it| it.0) } else { self.shifts.last().map(|it| it.1) };
        (came, at)
    }
}

/// The working day that an instant is of.
pub fn day_of(at: Timestamp, zone: &TimeZone) -> Date {
    zone.to_datetime(at.saturating_sub(CUT_OVER).unwrap_or(at)).date()
}

/// When a working day begins.
pub fn begins(day: Date, zone: &TimeZone) -> Timestamp {
    let midnight = zone.to_ambiguous_timestamp(day.at(0, 0, 0, 0)).compatible().unwrap_or(Timestamp::UNIX_EPOCH);
    midnight.saturating_add(CUT_OVER).unwrap_or(midnight)
}

/// Punches as stretches: a second `in` closes the first without an `out`.
pub fn stretches(mut punches: Vec<Punch>) -> Vec<Stretch> {
    punches.sort();
    let mut all: Vec<Stretch> = Vec::new();
    for punch in punches {
        let open = all.last_mut().filter(|last| last.is_open(punch.at));
        match (punch.came, open) {
            (false, Some(open)) => open.left = Some(punch),
            (true, _) => all.push(Stretch { came: Some(punch), left: None }),
            (false, None) => all.push(Stretch { came: None, left: Some(punch) }),
        }
    }
    all
}

/// The working days of punches and shifts; those with neither are not there.
pub fn days(punches: Vec<Punch>, shifts: &[(Timestamp, Timestamp)], zone: &TimeZone) -> BTreeMap<Date, Day> {
    let mut days: BTreeMap<Date, Day> = BTreeMap::new();
    for stretch in stretches(punches) {
        if let Some(at) = stretch.begins() {
            days.entry(day_of(at, zone)).or_default().stretches.push(stretch);
        }
    }
    for shift in shifts {
        days.entry(day_of(shift.0, zone)).or_default().shifts.push(*shift);
    }
    for day in days.values_mut() {
        day.shifts.sort();
        day.shifts.dedup();
    }
    days
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    fn punch(text: &str, came: bool) -> Punch {
        Punch { at: at(text), came, id: text.to_owned() }
    }

    fn shanghai() -> TimeZone {
        TimeZone::get("Asia/Shanghai").expect("a zone")
    }

    #[test]
    fn a_night_is_one_working_day() {
        let punches = vec![punch("2026-03-02T14:00:00Z", true), punch("2026-03-02T22:30:00Z", false)];
        let days = days(punches, &[], &shanghai());
        assert_eq!(days.keys().copied().collect::<Vec<_>>(), [date(2026, 3, 2)]);
        let lasts = days[&date(2026, 3, 2)].lasts();
        assert_eq!(lasts, SignedDuration::from_mins(510));
        assert_eq!(day_of(at("2026-03-02T19:59:00Z"), &shanghai()), date(2026, 3, 2));
        assert_eq!(day_of(begins(date(2026, 3, 3), &shanghai()), &shanghai()), date(2026, 3, 3));
    }

    #[test]
    fn a_day_says_what_is_missing_and_when_it_may_have_been() {
        let shift = (at("2026-03-02T00:00:00Z"), at("2026-03-02T09:00:00Z"));
        let later = at("2026-03-05T00:00:00Z");
        for (punches, now, status, missing) in [
            (vec![], at("2026-03-01T23:00:00Z"), Status::Ahead(shift.0), (true, Some(shift.0))),
            (vec![], at("2026-03-02T01:00:00Z"), Status::Late(shift.0), (true, Some(shift.0))),
            (vec![], later, Status::Absent, (true, Some(shift.0))),
            (vec![punch("2026-03-02T00:01:00Z", true)], later, Status::Missing, (false, Some(shift.1))),
            (vec![punch("2026-03-02T09:01:00Z", false)], later, Status::Missing, (true, Some(shift.0))),
            (
                vec![punch("2026-03-02T00:01:00Z", true)],
                at("2026-03-02T03:00:00Z"),
                Status::In(at("2026-03-02T00:01:00Z")),
                (false, Some(shift.1)),
            ),
        ] {
            let day = days(punches, &[shift, shift], &shanghai()).remove(&date(2026, 3, 2)).expect("a day");
            assert_eq!(day.shifts.len(), 1);
            assert_eq!((day.status(now), day.missing()), (status, missing));
        }
        assert_eq!(Day::default().status(later), Status::Free);
    }

    #[test]
    fn a_second_in_leaves_the_first_without_its_out() {
        let punches = vec![
            punch("2026-03-02T01:00:00Z", true),
            punch("2026-03-02T02:00:00Z", true),
            punch("2026-03-02T05:00:00Z", false),
            punch("2026-03-03T05:00:00Z", false),
        ];
        let found = stretches(punches);
        let ends: Vec<_> = found.iter().map(|it| (it.came.is_some(), it.left.is_some())).collect();
        assert_eq!(ends, [(true, false), (true, true), (false, true)]);
    }
}
