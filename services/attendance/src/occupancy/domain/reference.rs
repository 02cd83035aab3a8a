//! The shifts of the reference data: real zones, changes of the clocks, skipped days.

use std::path::Path;

use tally_kernel::id::PersonId;
use tally_kernel::time::{Period, read, tzdb_release, zone};
use uuid::Uuid;

use super::world::{account, person};
use super::*;

#[test]
fn rostered_time_of_the_reference_shifts_is_what_elapsed() {
    #[expect(clippy::disallowed_methods, reason = "tests find the reference data by the environment")]
    let Ok(dir) = std::env::var("TALLY_REFERENCE_DATA") else {
        eprintln!("did not run: TALLY_REFERENCE_DATA is not set");
        return;
    };
    let path = Path::new(&dir).join("timezone/shift_elapsed_reference.csv");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let (mut rows, mut newer) = (0, 0);
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.splitn(12, ',').collect();
        // The reference is of release 2026f, in which Cuba changed its rules.
        if cells[0] == "America/Havana" && cells[1].starts_with("2026-11") && tzdb_release() < "2026f" {
            newer += 1;
            continue;
        }
        for (by_punches, version) in
            [Version::V1, Version::V2, Version::V3].into_iter().flat_map(|version| [(false, version), (true, version)])
        {
            let seconds = seconds_on_duty(cells[0], cells[1], cells[2], by_punches, version);
            assert_eq!(seconds.to_string(), cells[10], "{line}, by punches: {by_punches}, {version:?}");
        }
        rows += 1;
    }
    assert_eq!(rows + newer, 46);
}

/// How long one person is on duty who was rostered (without grace), or punched, from one local time to another.
fn seconds_on_duty(zone_name: &str, start: &str, end: &str, by_punches: bool, version: Version) -> i64 {
    let zone = zone(zone_name).unwrap();
    let instant = |text: &str| read(text, &zone).unwrap().compatible();
    let (from, to) = (start[..10].parse().unwrap(), end[..10].parse().unwrap());
    let employments = vec![Employment { from, to: Some(to), units: paths("") }];
    let (start, end) = (instant(start), instant(end));
    let shift = Shift { person: person(0), account: account(0), start, end, correction: None };
    let punch = |at, kind| Punch { person: person(0), at, kind, correction: None };
    let evidence = Evidence {
        period: Period::new(from, to).unwrap(),
        policy: Policy { version, grace: SignedDuration::ZERO, ..Policy::default() },
        people: vec![DutyPerson {
            id: PersonId(Uuid::from_u128(0x1000)),
            employee_no: "E0".into(),
            zone: zone.clone(),
            employments,
        }],
        accounts: vec![DutyAccount::new(account(0), "JD/shop/a0", zone)],
        shifts: if by_punches { vec![] } else { vec![shift] },
        punches: if by_punches { vec![punch(start, PunchKind::In), punch(end, PunchKind::Out)] } else { vec![] },
        last_punch: by_punches.then_some(end),
        handovers: vec![],
    };
    let rows = derive(&evidence).unwrap().accounts.remove(0).rows;
    rows.iter().map(|r| r.end.as_second() - r.start.as_second()).sum()
}
