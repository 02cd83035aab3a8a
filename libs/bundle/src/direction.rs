//! Which way punches went that do not say so themselves: terminals that only note who and when.
//!
//! A person's punches are put into working days first. A punch near a rostered stretch (adjoining shifts are one) is of
//! the working day in which that begins, so that a night is one day; any other is of the day by the cut-over. A kind that
//! is given stands; what is not given follows from the setting, day by day.

use std::collections::BTreeMap;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tally_kernel::time::working_day;

use super::model::{GivenPunch, PersonIx, Punch, PunchKind, Roster};

mod sequence;

/// How the rows of punches.csv say which way they went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Punches {
    /// Each row says it.
    #[default]
    Directed,
    /// In, out, in, out, from the first punch of a working day.
    Alternating,
    /// The first and the last of a working day; those between say nothing.
    FirstLast,
}

impl Punches {
    /// Whether each row has to say it.
    pub fn directed(&self) -> bool {
        *self == Self::Directed
    }
}

/// A punch this near to a rostered stretch is of its working day.
const NEAR: SignedDuration = SignedDuration::from_hours(4);
/// Adjoining shifts are one stretch up to this length; a roster without any gap still has days.
const LONGEST_STRETCH: SignedDuration = SignedDuration::from_hours(24);

/// What is known beside the punches.
pub(crate) struct Around<'a> {
    pub how: Punches,
    /// By person and start.
    pub rosters: &'a [Roster],
    /// When a working day begins.
    pub cut_over: Time,
    /// Within which two punches are a pair.
    pub longest: SignedDuration,
    /// Of the rules of duty.
    pub version: u32,
}

/// What the reading of one person's working day left open.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Odd {
    /// An odd number of punches: the last has no partner.
    Unpaired { day: Date, punches: usize, last: Timestamp },
    /// A single punch, where the first and the last are asked for.
    Single { day: Date, at: Timestamp },
    /// Punches between the first and the last, which are left out.
    Between { day: Date, punches: usize },
    /// A punch without a partner in a sequence.
    Alone { day: Date, at: Timestamp },
    /// A presence that is taken for one and is longer than most are.
    Long { day: Date, from: Timestamp, to: Timestamp },
    /// A pair over the end of a working day, since the days by themselves would make presence of rest.
    Night { day: Date, from: Timestamp, to: Timestamp },
    /// Working days from one punch without a partner to another, which could as well be the rest between nights.
    EitherWay { day: Date, to: Date },
}

/// The punches of one person with their directions, and what is odd about them. `given` is sorted and of one person.
pub(crate) fn direct(given: &[GivenPunch], zone: &TimeZone, around: &Around<'_>) -> (Vec<Punch>, Vec<Odd>) {
    let Some(first) = given.first() else { return (Vec::new(), Vec::new()) };
    let stretches = stretches(first.person, around.rosters);
    let mut days: BTreeMap<Date, Vec<(Timestamp, Vec<PunchKind>)>> = BTreeMap::new();
    for punch in given {
        let anchor = nearest(punch.at, &stretches).unwrap_or(punch.at);
        let day = days.entry(working_day(anchor, zone, around.cut_over)).or_default();
        match day.last_mut().filter(|(at, _)| *at == punch.at) {
            // A row that says which way makes a twin that does not superfluous.
            Some((_, kinds)) => kinds.extend(punch.kind),
            None => day.push((punch.at, punch.kind.into_iter().collect())),
        }
    }
    let mut read = Read::default();
    let days: Vec<_> = days.into_iter().collect();
    let is_undirected = |rows: &Rows| rows.iter().all(|(_, kinds)| kinds.is_empty());
    // By the second rules, days on which nothing is given are read together.
    for run in days.chunk_by(|a, b| around.version >= 2 && is_undirected(&a.1) && is_undirected(&b.1)) {
        match (around.version, run) {
            (2.., run) if run.iter().all(|(_, rows)| is_undirected(rows)) => {
                sequence::read(run, &stretches, around, &mut read);
            }
            (_, run) => run.iter().for_each(|(day, rows)| read.by_day(*day, rows, around.how)),
        }
    }
    let Read { punches, odd, left_over } = read;
    let person = first.person;
    let mut punches: Vec<Punch> = punches.into_iter().map(|(at, kind)| Punch { person, at, kind }).collect();
    punches.sort_unstable();
    for at in left_over {
        close_off(&mut punches, at, around.longest);
    }
    (punches, odd)
}

type Rows = [(Timestamp, Vec<PunchKind>)];
type Found = Vec<(Timestamp, PunchKind)>;

/// What was made of a person's punches so far.
#[derive(Default)]
struct Read {
    punches: Found,
    odd: Vec<Odd>,
    left_over: Vec<Timestamp>,
}

impl Read {
    /// Adds a day that stands by itself.
    fn by_day(&mut self, day: Date, rows: &Rows, how: Punches) {
        let (punches, odd) = (&mut self.punches, &mut self.odd);
        self.left_over.extend(match how {
            Punches::Directed | Punches::Alternating => alternate(day, rows, punches, odd),
            Punches::FirstLast => first_and_last(day, rows, punches, odd),
        });
    }
}

/// Adds a day's punches; gives the one that is left over, if its direction was not given.
fn alternate(day: Date, rows: &Rows, punches: &mut Found, odd: &mut Vec<Odd>) -> Option<Timestamp> {
    let mut next = PunchKind::In;
    for (at, kinds) in rows {
        let kinds = if kinds.is_empty() { &vec![next] } else { kinds };
        for kind in kinds {
            punches.push((*at, *kind));
            next = if *kind == PunchKind::In { PunchKind::Out } else { PunchKind::In };
        }
    }
    let (last, kinds) = rows.last()?;
    let open = next == PunchKind::Out && rows.iter().any(|(_, kinds)| kinds.is_empty());
    if open {
        odd.push(Odd::Unpaired { day, punches: rows.len(), last: *last });
    }
    (open && kinds.is_empty()).then_some(*last)
}

/// As [`alternate`], by the first and the last of the day.
fn first_and_last(day: Date, rows: &Rows, punches: &mut Found, odd: &mut Vec<Odd>) -> Option<Timestamp> {
    let end = rows.len() - 1;
    let mut between = 0;
    for (n, (at, kinds)) in rows.iter().enumerate() {
        match (kinds.is_empty(), n) {
            (false, _) => punches.extend(kinds.iter().map(|kind| (*at, *kind))),
            (true, 0) => punches.push((*at, PunchKind::In)),
            (true, n) if n == end => punches.push((*at, PunchKind::Out)),
            (true, _) => between += 1,
        }
    }
    if between > 0 {
        odd.push(Odd::Between { day, punches: between });
    }
    let (at, kinds) = &rows[0];
    if end > 0 || !kinds.is_empty() {
        return None;
    }
    odd.push(Odd::Single { day, at: *at });
    Some(*at)
}

/// A punch that is left over at the end of a day must not pair with the first one of another day: where the next is near
/// enough for that, it is an `out`, which closes nothing.
fn close_off(punches: &mut [Punch], at: Timestamp, longest: SignedDuration) {
    let next = punches.iter().find(|punch| punch.at > at).map(|punch| punch.at);
    if next.is_some_and(|next| next.duration_since(at) <= longest)
        && let Some(punch) = punches.iter_mut().find(|punch| punch.at == at)
    {
        punch.kind = PunchKind::Out;
    }
}

/// A person's rostered stretches: shifts that overlap or adjoin are one.
fn stretches(person: PersonIx, rosters: &[Roster]) -> Vec<(Timestamp, Timestamp)> {
    let from = rosters.partition_point(|r| r.person < person);
    let mut stretches: Vec<(Timestamp, Timestamp)> = Vec::new();
    for shift in rosters[from..].iter().take_while(|r| r.person == person) {
        match stretches.last_mut() {
            Some((start, end)) if shift.start <= *end && shift.end.duration_since(*start) <= LONGEST_STRETCH => {
                *end = shift.end.max(*end);
            }
            _ => stretches.push((shift.start, shift.end)),
        }
    }
    stretches
}

/// The start of the nearest stretch, of equally near ones the earliest; nothing where none is near.
fn nearest(at: Timestamp, stretches: &[(Timestamp, Timestamp)]) -> Option<Timestamp> {
    let zero = SignedDuration::ZERO;
    let far = |(start, end): &(Timestamp, Timestamp)| start.duration_since(at).max(at.duration_since(*end)).max(zero);
    let near = stretches.iter().map(|s| (far(s), s.0)).filter(|(distance, _)| *distance <= NEAR);
    near.min().map(|(_, start)| start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn punches(times: &[&str]) -> Vec<GivenPunch> {
        times
            .iter()
            .map(|text| {
                let (time, kind) = text.split_once(' ').unwrap_or((text, ""));
                let kind = [("in", PunchKind::In), ("out", PunchKind::Out)].into_iter().find(|(word, _)| *word == kind);
                let at = at(&format!("2026-03-{time}:00Z"));
                GivenPunch { person: PersonIx(0), at, kind: kind.map(|(_, kind)| kind) }
            })
            .collect()
    }

    fn nights() -> Vec<Roster> {
        let night = |start: &str, end: &str| Roster {
            person: PersonIx(0),
            start: at(start),
            end: at(end),
            account: super::super::model::AccountIx(0),
            seat: None,
        };
        vec![
            night("2026-03-02T22:00:00Z", "2026-03-03T06:00:00Z"),
            night("2026-03-03T22:00:00Z", "2026-03-04T06:00:00Z"),
        ]
    }

    fn read(how: Punches, times: &[&str], rosters: &[Roster]) -> (Vec<String>, Vec<Odd>) {
        let around = Around {
            how,
            rosters,
            cut_over: jiff::civil::time(4, 0, 0, 0),
            longest: SignedDuration::from_hours(16),
            version: 1,
        };
        let (found, odd) = direct(&punches(times), &TimeZone::UTC, &around);
        let line = |p: &Punch| format!("{} {}", &p.at.to_string()[8..16], <&str>::from(p.kind));
        (found.iter().map(line).collect(), odd)
    }

    fn day(n: i8) -> Date {
        jiff::civil::date(2026, 3, n)
    }

    #[test]
    fn alternating_punches_begin_with_an_in_on_every_working_day() {
        let (found, odd) =
            read(Punches::Alternating, &["02T09:00", "02T12:00", "02T13:00", "02T18:00", "03T09:00", "03T18:00"], &[]);
        let expected = ["02T09:00 in", "02T12:00 out", "02T13:00 in", "02T18:00 out", "03T09:00 in", "03T18:00 out"];
        assert_eq!((found.as_slice(), odd), (expected.map(String::from).as_slice(), vec![]));
    }

    #[test]
    fn an_odd_count_is_told_and_its_last_punch_never_pairs_with_the_next_day() {
        let (found, odd) =
            read(Punches::Alternating, &["02T09:00", "02T12:00", "02T18:00", "03T09:00", "03T18:00"], &[]);
        assert_eq!(found, ["02T09:00 in", "02T12:00 out", "02T18:00 out", "03T09:00 in", "03T18:00 out"]);
        assert_eq!(odd, [Odd::Unpaired { day: day(2), punches: 3, last: at("2026-03-02T18:00:00Z") }]);
        let (alone, odd) = read(Punches::Alternating, &["02T09:00"], &[]);
        assert_eq!((alone.as_slice(), odd.len()), (["02T09:00 in".to_owned()].as_slice(), 1));
    }

    #[test]
    fn a_rostered_night_is_one_working_day_across_the_cut_over() {
        for how in [Punches::Alternating, Punches::FirstLast] {
            let (found, odd) = read(how, &["02T21:52", "03T06:05", "03T21:50", "04T06:02"], &nights());
            assert_eq!(found, ["02T21:52 in", "03T06:05 out", "03T21:50 in", "04T06:02 out"]);
            assert_eq!(odd, []);
        }
    }

    #[test]
    fn a_roster_without_gaps_still_has_days() {
        let on_call = |day: i8| Roster {
            person: PersonIx(0),
            start: at(&format!("2026-03-{day:02}T00:00:00Z")),
            end: at(&format!("2026-03-{:02}T00:00:00Z", day + 1)),
            account: super::super::model::AccountIx(0),
            seat: None,
        };
        let roster: Vec<Roster> = (1..9).map(on_call).collect();
        let (found, odd) = read(Punches::FirstLast, &["02T09:00", "02T18:00", "03T09:00", "03T18:00"], &roster);
        assert_eq!(found, ["02T09:00 in", "02T18:00 out", "03T09:00 in", "03T18:00 out"]);
        assert_eq!(odd, []);
    }

    #[test]
    fn between_the_first_and_the_last_punch_of_a_day_nothing_counts_and_is_counted() {
        let (found, odd) = read(Punches::FirstLast, &["02T09:00", "02T12:00", "02T13:00", "02T18:00", "03T01:00"], &[]);
        assert_eq!(found, ["02T09:00 in", "03T01:00 out"]);
        assert_eq!(odd, [Odd::Between { day: day(2), punches: 3 }]);
    }

    #[test]
    fn a_single_punch_of_a_day_is_told() {
        let (found, odd) = read(Punches::FirstLast, &["02T09:00", "04T09:00", "04T18:00"], &[]);
        assert_eq!(found, ["02T09:00 in", "04T09:00 in", "04T18:00 out"]);
        assert_eq!(odd, [Odd::Single { day: day(2), at: at("2026-03-02T09:00:00Z") }]);
    }

    #[test]
    fn a_kind_that_is_given_stands_and_the_others_go_on_from_it() {
        let (found, odd) = read(Punches::Alternating, &["02T09:00 out", "02T12:00", "02T13:00"], &[]);
        assert_eq!((found.len(), odd.len()), (3, 0));
        assert_eq!(found, ["02T09:00 out", "02T12:00 in", "02T13:00 out"]);
        let (found, _) =
            read(Punches::FirstLast, &["02T09:00", "02T12:00 out", "02T13:00 in", "02T15:00", "02T18:00"], &[]);
        assert_eq!(found, ["02T09:00 in", "02T12:00 out", "02T13:00 in", "02T18:00 out"]);
        let (found, _) = read(Punches::Alternating, &["02T09:00", "02T09:00 in", "02T18:00"], &[]);
        assert_eq!(found, ["02T09:00 in", "02T18:00 out"], "one time with and without a kind is one punch");
    }
}
