//! What more evidence would bring.

use super::*;

const MINUTE: i64 = 60_000;
const DAYS: i32 = 10;

/// Ten days of a chat desk, nine to five, of two people: one writes all day, the other nothing between twelve and three. Every second record
/// names its agent.
fn desk() -> Input {
    let mut case = input(Vec::new(), Vec::new());
    case.people = people(2);
    case.accounts[0].phases = vec![PhaseFrom { from_day: 0, phase: Phase::Shared, capacity: 4 }];
    for day in 0..DAYS {
        let hours = i64::from(day) * 24;
        case.occupancy.extend([0, 1].map(|person| duty(person, hours + 9..hours + 17, DutyRule::Punched)));
        for half in 0..64 {
            // Two dialogues a quarter of an hour, one right after the other, by the same person.
            let (quarter, second) = (half / 2, half % 2);
            let start_ms = (hours + 9) * HOUR + quarter * 15 * MINUTE + second * 50_000 + i64::from(day) * 7_000;
            let person = if (12..25).contains(&quarter) { 0 } else { (quarter % 2) as u32 };
            let number = case.records.len() as u32;
            case.records.push(Record {
                key: format!("{number:04}"),
                day,
                start_ms,
                end_ms: start_ms + 5 * MINUTE,
                tag: (second == 0).then_some(person),
                ..record("", 0)
            });
            for at_ms in [start_ms + 4_000, start_ms + 24_000] {
                case.replies.push(Reply { record: number, day, at_ms, by: Side::Agent, device: None });
            }
        }
    }
    case
}

fn worth_of(case: &Input) -> Option<Worth> {
    worth(case, &attribute(case, &pool(1)), &pool(2))[0]
}

#[test]
fn evidence_takes_doubt_away_and_hours_without_work_are_counted() {
    let found = worth_of(&desk()).expect("two on duty all day");
    let [breaks, devices, claims] = [found.breaks_ppm, found.devices_ppm, found.claims_ppm];
    assert!([breaks, devices, claims].into_iter().all(|with| 0 < with && with < found.now_ppm), "{found:?}");
    assert!(claims < devices, "{found:?}");
    assert_eq!((found.idle_days, found.idle_people), (DAYS as u32, 1), "{found:?}");
    let mut punched = desk();
    let (until, from) = (12 * HOUR + 15 * MINUTE, 15 * HOUR);
    let rows = std::mem::take(&mut punched.occupancy).into_iter().flat_map(|row| match row.person {
        1 => {
            let midnight = row.from_ms - 9 * HOUR;
            vec![Occupancy { to_ms: midnight + until, ..row }, Occupancy { from_ms: midnight + from, ..row }]
        }
        _ => vec![row],
    });
    punched.occupancy = rows.collect();
    let then = worth_of(&punched).expect("the rest of the day");
    assert_eq!((then.idle_days, then.idle_people), (0, 0), "{then:?}");
    assert!(then.now_ppm < found.now_ppm && then.breaks_ppm == then.now_ppm, "{then:?}");
}

#[test]
fn messages_by_a_clock_that_is_apart_are_looked_at_by_the_clock_of_the_records() {
    let mut case = desk();
    for (number, record) in (0..).zip(&mut case.records) {
        let times = || case.replies.iter().filter(|reply| reply.record == number).map(|reply| reply.at_ms);
        (record.start_ms, record.end_ms) = (times().min().expect("a reply"), times().max().expect("a reply"));
    }
    let plain = worth_of(&case);
    assert_eq!(plain.map(|found| found.idle_days), Some(DAYS as u32));
    for ahead in [-8 * HOUR, -2 * HOUR, 40 * MINUTE, 8 * HOUR] {
        let mut apart = case.clone();
        apart.replies.iter_mut().filter(|reply| reply.record % 4 < 2).for_each(|reply| reply.at_ms += ahead);
        let outcome = attribute(&apart, &pool(1));
        assert!(outcome.findings.iter().any(|found| found.kind == FindingKind::ClocksApart), "{ahead}");
        assert_eq!(worth(&apart, &outcome, &pool(1))[0], plain, "{ahead}");
    }
}

#[test]
fn what_is_there_already_brings_nothing_more() {
    let mut devices = desk();
    devices.devices =
        [0, 1].map(|person| DeviceUse { device: person, person: Some(person), from_ms: 0, to_ms: i64::MAX }).to_vec();
    let tags: Vec<Option<u32>> = devices.records.iter().map(|record| record.tag).collect();
    for (reply, number) in devices.replies.iter_mut().zip(0..) {
        reply.device = tags[reply.record as usize].filter(|_| number % 10 < 8);
    }
    let found = worth_of(&devices).expect("half is open");
    assert_eq!(found.devices_ppm, found.now_ppm, "{found:?}");
    assert!(found.claims_ppm < found.now_ppm, "{found:?}");
    let mut claims = desk();
    for (number, record) in (0..).zip(&mut claims.records) {
        let at_ms = record.start_ms + 4_000;
        let claim = |person| Claim { account: 0, person, at_ms, day: 0, record: Some(number), customer: None };
        claims.claims.extend(record.tag.take().map(claim));
    }
    let found = worth_of(&claims).expect("half is open");
    assert_eq!(found.claims_ppm, found.now_ppm, "{found:?}");
    assert!(found.devices_ppm < found.now_ppm, "{found:?}");
}

#[test]
fn where_nothing_is_in_doubt_and_by_the_rules_before_nothing_is_said() {
    let mut case = desk();
    case.policy.rules = 2;
    assert_eq!(worth_of(&case), None);
    let mut case = desk();
    case.occupancy.retain(|row| row.person == 0);
    assert_eq!(worth_of(&case), None);
    assert_eq!(worth_of(&input(Vec::new(), Vec::new())), None);
}

#[test]
fn it_is_the_same_for_any_order_of_rows_and_numbers_of_people() {
    let case = desk();
    let mut turned = case.clone();
    let last = case.records.len() as u32 - 1;
    let other = |person: u32| 1 - person;
    turned.people.reverse();
    turned.records.reverse();
    turned.records.iter_mut().for_each(|record| record.tag = record.tag.map(other));
    turned.occupancy.reverse();
    turned.occupancy.iter_mut().for_each(|row| row.person = other(row.person));
    turned.replies.reverse();
    turned.replies.iter_mut().for_each(|reply| reply.record = last - reply.record);
    assert_eq!(attribute(&turned, &pool(1)).digest, attribute(&case, &pool(1)).digest);
    assert_eq!(worth_of(&turned), worth_of(&case));
}
