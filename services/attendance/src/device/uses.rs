//! Who worked at a device when: its person, or whoever was rostered on its seat. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tally_kernel::id::PersonId;

use super::domain::{Device, Owner};
use crate::occupancy::domain::spans::{self, Span};

/// A stretch during which a device was one person's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Use {
    pub device: String,
    pub span: Span,
    pub person: PersonId,
    /// By which seat; nothing where the device is the person's own.
    pub seat: Option<String>,
}

/// Who is planned at a seat from when to when.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seated {
    pub seat: String,
    pub person: PersonId,
    pub planned: Span,
}

/// Who sat where, with the grace of the roster: what is planned goes before the grace of others, so that a change of shifts is of one
/// person at a time.
pub(super) struct Seats(BTreeMap<String, BTreeMap<PersonId, Vec<Span>>>);

impl Seats {
    pub fn of(shifts: &[Seated], grace: SignedDuration) -> Self {
        let mut planned: BTreeMap<&str, BTreeMap<PersonId, Vec<Span>>> = BTreeMap::new();
        for shift in shifts {
            planned.entry(&shift.seat).or_default().entry(shift.person).or_default().push(shift.planned);
        }
        let of_seat = |(seat, people): (&str, BTreeMap<PersonId, Vec<Span>>)| {
            let sat = people.iter().map(|(person, own)| (*person, sat(*person, own, &people, grace)));
            (seat.to_owned(), sat.collect())
        };
        Self(planned.into_iter().map(of_seat).collect())
    }

    fn at(&self, seat: &str) -> impl Iterator<Item = (PersonId, &[Span])> {
        self.0.get(seat).into_iter().flatten().map(|(person, spans)| (*person, spans.as_slice()))
    }
}

/// When one person was at a seat, of all who are planned at it.
fn sat(person: PersonId, own: &[Span], all: &BTreeMap<PersonId, Vec<Span>>, grace: SignedDuration) -> Vec<Span> {
    let others = all.iter().filter(|(other, _)| **other != person).flat_map(|(_, planned)| planned.iter().copied());
    let others = spans::union(others.collect());
    let reach = |span: &Span| Span {
        start: span.start.saturating_sub(grace).unwrap_or(span.start),
        end: span.end.saturating_add(grace).unwrap_or(span.end),
    };
    let in_grace = own.iter().flat_map(|span| spans::minus(reach(span), &others));
    spans::union(own.iter().copied().chain(in_grace).collect())
}

/// Who worked at these devices within a stretch of time, by device, start and person. Days are those of the person's clock, `zone`; of
/// somebody without one nothing is known.
pub(super) fn uses(
    devices: &[Device],
    seats: &Seats,
    zone: impl Fn(PersonId) -> Option<TimeZone>,
    within: Span,
) -> BTreeSet<Use> {
    let mut found: BTreeMap<(&str, PersonId, Option<&str>), Vec<Span>> = BTreeMap::new();
    let days = |device: &Device, person| days(device, &zone(person)?, within);
    for device in devices {
        match &device.owner {
            Owner::Person(person) => {
                let own = found.entry((&device.device, *person, None)).or_default();
                own.extend(days(device, *person));
            }
            Owner::Seat(seat) => {
                for (person, sat) in seats.at(seat) {
                    let Some(days) = days(device, person) else { continue };
                    let at_seat = found.entry((&device.device, person, Some(seat))).or_default();
                    at_seat.extend(spans::meet(days, sat));
                }
            }
        }
    }
    let each = |((device, person, seat), spans): ((&str, PersonId, Option<&str>), Vec<Span>)| {
        let (device, seat) = (device.to_owned(), seat.map(str::to_owned));
        let of = move |span| Use { device: device.clone(), span, person, seat: seat.clone() };
        spans::union(spans).into_iter().map(of)
    };
    found.into_iter().flat_map(each).collect()
}

/// The days of a device by a clock, within a stretch.
fn days(device: &Device, zone: &TimeZone, within: Span) -> Option<Span> {
    let begin = |day: Date| zone.to_timestamp(day.to_datetime(jiff::civil::Time::midnight())).ok();
    // Beyond the calendar is beyond the stretch.
    let start = device.from.and_then(begin).unwrap_or(Timestamp::MIN);
    let end = device.to.and_then(|last| begin(last.tomorrow().ok()?)).unwrap_or(Timestamp::MAX);
    Span::new(start, end)?.meet(within)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use uuid::Uuid;

    use super::*;

    const GRACE: SignedDuration = SignedDuration::from_mins(15);

    fn span(from: &str, to: &str) -> Span {
        let at = |text: &str| format!("2026-03-{text}:00Z").parse().unwrap();
        Span { start: at(from), end: at(to) }
    }

    fn person(n: u128) -> PersonId {
        PersonId(Uuid::from_u128(n))
    }

    fn shift(n: u128, from: &str, to: &str) -> Seated {
        Seated { seat: "A1".into(), person: person(n), planned: span(from, to) }
    }

    fn device(owner: Owner, from: Option<Date>, to: Option<Date>) -> Device {
        Device { device: "PC-1".into(), owner, from, to }
    }

    fn found(devices: &[Device], shifts: &[Seated]) -> Vec<(u128, Span)> {
        let zone = |who: PersonId| (who != person(9)).then(|| TimeZone::get("Asia/Shanghai").unwrap());
        let uses = uses(devices, &Seats::of(shifts, GRACE), zone, span("01T00:00", "31T00:00"));
        uses.into_iter().map(|one| (one.person.0.as_u128(), one.span)).collect()
    }

    #[test]
    fn a_device_of_a_person_is_theirs_on_its_days_by_their_clock() {
        let own = |from, to| device(Owner::Person(person(1)), from, to);
        let found_of = |device| found(&[device], &[]);
        assert_eq!(found_of(own(None, None)), [(1, span("01T00:00", "31T00:00"))]);
        let day = Some(date(2026, 3, 5));
        assert_eq!(found_of(own(day, day)), [(1, span("04T16:00", "05T16:00"))]);
        assert_eq!(found_of(own(None, Some(date(2026, 2, 1)))), []);
        let twice = [own(day, day), own(Some(date(2026, 3, 6)), Some(date(2026, 3, 6)))];
        assert_eq!(found(&twice, &[]), [(1, span("04T16:00", "06T16:00"))], "what touches is one");
        assert_eq!(found(&[device(Owner::Person(person(9)), None, None)], &[]), [], "somebody nobody knows");
    }

    #[test]
    fn a_device_of_a_seat_is_of_whoever_is_planned_there_with_the_grace_but_for_what_is_planned_for_others() {
        let seat = device(Owner::Seat("A1".into()), Some(date(2026, 3, 5)), None);
        let early = shift(1, "05T00:00", "05T08:00");
        let late = shift(2, "05T08:00", "05T16:00");
        let found_of = |shifts: &[Seated]| found(std::slice::from_ref(&seat), shifts);
        assert_eq!(found_of(&[]), [], "nobody is rostered");
        assert_eq!(found_of(&[Seated { seat: "B2".into(), ..early.clone() }]), []);
        assert_eq!(found_of(std::slice::from_ref(&early)), [(1, span("04T23:45", "05T08:15"))]);
        let both = [(1, span("04T23:45", "05T08:00")), (2, span("05T08:00", "05T16:15"))];
        assert_eq!(found_of(&[late.clone(), early.clone()]), both, "in any order");
        let gap = shift(2, "05T08:10", "05T16:00");
        let between = [(1, span("04T23:45", "05T08:10")), (2, span("05T08:00", "05T16:15"))];
        assert_eq!(found_of(&[early.clone(), gap]), between, "nobody is planned between: of both");
        let together = shift(2, "05T04:00", "05T16:00");
        let found = found_of(&[early, together]);
        assert_eq!(found, [(1, span("04T23:45", "05T08:00")), (2, span("05T04:00", "05T16:15"))]);
        let before = shift(1, "04T04:00", "04T18:00");
        assert_eq!(found_of(&[before]), [(1, span("04T16:00", "04T18:15"))], "from its first day on");
    }
}
