//! A small world for the tests: facts written in a line each, and random ones.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use tally_kernel::id::{AccountId, PersonId};
use tally_kernel::time::{Period, zone};
use uuid::Uuid;

use super::*;

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
}

pub(super) fn person(n: usize) -> PersonId {
    PersonId(Uuid::from_u128(0x1000 + n as u128))
}

pub(super) fn account(n: usize) -> AccountId {
    AccountId(Uuid::from_u128(0x2000 + n as u128))
}

/// Days `from` to `to` of a world in `zone_name` with these people (`E0`, `E1`, .. in the unit given) and one account
/// `JD/shop/a0`, served by everybody.
pub(super) fn world(zone_name: &str, from: &str, to: &str, units: &[&str]) -> Evidence {
    let zone = zone(zone_name).unwrap();
    let date = |text: &str| text.parse::<Date>().unwrap();
    let employment = |unit: &&str| Employment { from: date("2020-01-01"), to: None, units: paths(unit) };
    let people = units.iter().enumerate().map(|(n, unit)| DutyPerson {
        id: person(n),
        employee_no: format!("E{n}"),
        zone: zone.clone(),
        employments: vec![employment(unit)],
    });
    Evidence {
        period: Period::new(date(from), date(to)).unwrap(),
        policy: Policy::default(),
        people: people.collect(),
        accounts: vec![DutyAccount::new(account(0), "JD/shop/a0", zone.clone())],
        shifts: vec![],
        punches: vec![],
        last_punch: None,
        handovers: vec![],
    }
}

impl Evidence {
    pub(super) fn shift(mut self, who: usize, of: usize, start: &str, end: &str) -> Self {
        self.shifts.push(Shift {
            person: person(who),
            account: account(of),
            start: at(start),
            end: at(end),
            correction: None,
        });
        self
    }

    pub(super) fn punch_in(self, who: usize, when: &str) -> Self {
        self.punch(who, when, PunchKind::In)
    }

    pub(super) fn punch_out(self, who: usize, when: &str) -> Self {
        self.punch(who, when, PunchKind::Out)
    }

    fn punch(mut self, who: usize, when: &str, kind: PunchKind) -> Self {
        self.punches.push(Punch { person: person(who), at: at(when), kind, correction: None });
        self.last_punch = self.last_punch.max(Some(at(when)));
        self
    }

    pub(super) fn take(self, who: usize, when: &str) -> Self {
        self.hand(who, when, HandoverKind::Take)
    }

    pub(super) fn release(self, who: usize, when: &str) -> Self {
        self.hand(who, when, HandoverKind::Release)
    }

    fn hand(mut self, who: usize, when: &str, kind: HandoverKind) -> Self {
        self.handovers.push(Handover {
            account: account(0),
            person: person(who),
            at: at(when),
            kind,
            correction: None,
        });
        self
    }

    /// The same facts under the first version of the rules.
    pub(super) fn by_version_1(mut self) -> Self {
        self.policy.version = Version::V1;
        self
    }

    /// The rows of the first account as lines, and the findings as `KIND subject`.
    pub(super) fn lines(&self) -> (Vec<String>, Vec<String>) {
        let duty = derive(self).unwrap();
        let number = |id: PersonId| self.people.iter().find(|p| p.id == id).map_or("?", |p| p.employee_no.as_str());
        let rows = duty.accounts[0].rows.iter();
        let rows = rows.map(|r| format!("{} {}..{} {:?} {}", number(r.person), r.start, r.end, r.rule, r.evidence));
        let findings = duty.findings.iter().map(|f| format!("{} {}", f.kind, f.subject));
        (rows.collect(), findings.collect())
    }

    /// The rows without their evidence.
    pub(super) fn who(&self) -> Vec<String> {
        let strip = |line: String| line.rsplit_once(' ').map_or(String::new(), |(head, _)| head.to_owned());
        self.lines().0.into_iter().map(strip).collect()
    }
}

/// Zones whose clocks change within [`PERIOD`], and one whose do not.
const ZONES: [&str; 4] = ["Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe", "America/New_York"];
/// Around changes of the clocks: Berlin 29 March 2026, Lord Howe 5 April, New York 8 March.
const PERIODS: [(&str, &str); 4] = [
    ("2026-03-28", "2026-03-30"),
    ("2026-04-04", "2026-04-05"),
    ("2026-03-07", "2026-03-09"),
    ("2026-03-10", "2026-03-10"),
];

/// Random worlds of a few people and accounts in which facts often touch, overlap, repeat and contradict each other.
pub(super) fn any_world() -> impl Strategy<Value = Evidence> {
    let people = prop::collection::vec((0..ZONES.len(), 0_usize..3, 0_i8..6, prop::option::of(0_i8..6)), 1..5);
    let accounts = prop::collection::vec((0..ZONES.len(), 0_usize..3, any::<bool>(), 0_i8..6), 1..4);
    // Steps since two days before the period, on a raster so coarse that facts meet at the same instants.
    let step = || 0_i64..7 * 24;
    let shifts = prop::collection::vec((0_usize..3, 0_usize..4, step(), 0_i64..20), 0..6);
    let punches = prop::collection::vec((0_usize..3, step(), any::<bool>()), 0..16);
    let handovers = prop::collection::vec((0_usize..3, 0_usize..3, step(), any::<bool>()), 0..10);
    let versions = prop::sample::select(vec![Version::V1, Version::V2, Version::V3]);
    let numbers = (0..PERIODS.len(), 1_i64..20, prop::sample::select(vec![20_i64, 60, 180]), versions);
    (numbers, people, accounts, shifts, punches, handovers).prop_map(build)
}

type Drawn = (
    (usize, i64, i64, Version),
    Vec<(usize, usize, i8, Option<i8>)>,
    Vec<(usize, usize, bool, i8)>,
    Vec<(usize, usize, i64, i64)>,
    Vec<(usize, i64, bool)>,
    Vec<(usize, usize, i64, bool)>,
);

fn build(((period, longest, step, version), people, accounts, shifts, punches, handovers): Drawn) -> Evidence {
    let (from, to) = PERIODS[period];
    let (from, to): (Date, Date) = (from.parse().unwrap(), to.parse().unwrap());
    let day = |n: i8| from.checked_add(jiff::Span::new().days(i64::from(n) - 2)).unwrap();
    let origin = day(0).to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    let instant = |steps: i64| origin + SignedDuration::from_mins(steps * step % (7 * 24 * 60));
    let length = |steps: i64| SignedDuration::from_mins(steps * step.min(60));
    let units = ["north/a", "north/a/night", "north/ab"];
    let person_of = |(n, (zone_of, unit, hired, left)): (usize, &(usize, usize, i8, Option<i8>))| DutyPerson {
        id: person(n),
        employee_no: format!("E{n}"),
        zone: zone(ZONES[*zone_of]).unwrap(),
        employments: vec![
            Employment { from: day(*hired), to: left.map(day), units: paths(units[*unit]) },
            Employment { from: day(0), to: Some(day(1)), units: paths(units[(*unit + 1) % 3]) },
        ],
    };
    let account_of = |(n, (zone_of, team, exclusive, cut)): (usize, &(usize, usize, bool, i8))| DutyAccount {
        id: account(n),
        key: format!("JD/shop/a{n}"),
        zone: zone(ZONES[*zone_of]).unwrap(),
        cut_over: jiff::civil::time(*cut, 0, 0, 0),
        team: [None, Some("north/a".to_owned()), Some("north/ab".to_owned())][*team].clone(),
        called: None,
        exclusive: *exclusive,
    };
    let shift_of = |(who, of, start, steps): &(usize, usize, i64, i64)| Shift {
        person: person(*who),
        account: account(*of),
        start: instant(*start),
        end: instant(*start) + length(*steps),
        correction: None,
    };
    let punch_kind = |came: bool| if came { PunchKind::In } else { PunchKind::Out };
    let hand_kind = |take: bool| if take { HandoverKind::Take } else { HandoverKind::Release };
    Evidence {
        period: Period::new(from, to).unwrap(),
        policy: Policy { version, longest: SignedDuration::from_hours(longest), ..Policy::default() },
        people: people.iter().enumerate().map(person_of).collect(),
        accounts: accounts.iter().enumerate().map(account_of).collect(),
        shifts: shifts.iter().map(shift_of).collect(),
        punches: punches
            .iter()
            .map(|p| Punch { person: person(p.0), at: instant(p.1), kind: punch_kind(p.2), correction: None })
            .collect(),
        last_punch: punches.iter().map(|p| instant(p.1)).max(),
        handovers: handovers
            .iter()
            .map(|h| Handover {
                account: account(h.0),
                person: person(h.1),
                at: instant(h.2),
                kind: hand_kind(h.3),
                correction: None,
            })
            .collect(),
    }
}
