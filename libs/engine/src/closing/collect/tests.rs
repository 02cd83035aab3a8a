use jiff::civil::date;
use tally_i18n::text;
use tally_kernel::Locale;
use tally_kernel::id::{AccountId, OrgUnitId, PersonId};
use tally_kernel::time::Period;
use uuid::Uuid;

use super::*;
use crate::policy::Policy;

fn ms(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

fn frozen() -> Frozen {
    let person = FrozenPerson {
        id: PersonId(Uuid::from_u128(1)),
        no: "E1".to_owned(),
        unit: OrgUnitId(Uuid::from_u128(9)),
        unit_path: "north/a".to_owned(),
        region: "cn-north".parse().unwrap(),
        employed: vec![(date(2020, 1, 1), Some(date(2026, 3, 10)))],
    };
    let phase = |from, kind| Phase { from, kind, capacity: 1 };
    let account = FrozenAccount {
        id: AccountId(Uuid::from_u128(2)),
        key: "JD/shop/a".to_owned(),
        zone: "Asia/Shanghai".to_owned(),
        region: "cn-north".parse().unwrap(),
        unit: None,
        from_ms: ms("2026-02-28T16:00:00Z"),
        to_ms: ms("2026-03-31T16:00:00Z"),
        phases: vec![phase(None, PhaseKind::Shared), phase(Some(date(2026, 3, 5)), PhaseKind::Mixed)],
        duty: vec![],
        own: vec![],
        own_from: BTreeMap::new(),
        agents: BTreeMap::from([
            ("E1".to_owned(), vec![Meaning { person: 0, from: None, to: None }]),
            ("Mimi".to_owned(), vec![Meaning { person: 0, from: Some(date(2026, 3, 2)), to: Some(date(2026, 3, 3)) }]),
        ]),
        devices: BTreeMap::new(),
    };
    Frozen {
        period: Period::month_of(date(2026, 3, 1)),
        policy: Policy::default(),
        minor_digits: 2,
        rosters_known: true,
        effort: 48_000_000,
        people: vec![person],
        accounts: vec![account],
    }
}

fn row<'a>(id: &'a str, agent: &'a str, start: &str) -> Row<'a> {
    Row {
        started_ms: ms(start),
        ended_ms: ms(start) + 60_000,
        external_id: id,
        agent,
        contributors: &[],
        kind: "presale",
        customer: "",
        first_reply_ms: None,
        resolved: None,
        rating_milli: None,
        amount_minor: None,
        custom: &[],
        device: "",
        content: &[7; 32],
    }
}

fn collected(rows: &[Row]) -> Records {
    let (frozen, mut records) = (frozen(), Records::new(1));
    let mut collector = Collector::new(&frozen, 0, &mut records).unwrap();
    rows.iter().for_each(|row| collector.push(row));
    collector.finish();
    records
}

#[test]
fn an_alias_counts_on_its_local_dates_and_nobody_counts_after_they_left() {
    let records = collected(&[
        row("1", "Mimi", "2026-03-01T15:59:59Z"),
        row("2", "Mimi", "2026-03-01T16:00:00Z"),
        row("3", "Mimi", "2026-03-03T16:00:00Z"),
        row("4", "E1", "2026-03-10T15:59:59Z"),
        row("5", "E1", "2026-03-10T16:00:00Z"),
        row("6", "", "2026-03-11T16:00:00Z"),
    ]);
    let tags: Vec<_> = records.rows.iter().map(|r| r.tag).collect();
    assert_eq!(tags, [None, Some(0), None, Some(0), None, None]);
    let told = |f: &Finding| (f.at.clone(), text(Locale::En, &f.detail)[..9].to_owned());
    let told: Vec<_> = records.findings.iter().map(told).collect();
    let told: Vec<_> = told.iter().map(|(at, detail)| (at.as_str(), detail.as_str())).collect();
    assert_eq!(told, [("2026-03-10T16:00:00Z", "1 records"), ("2026-03-01T15:59:59Z", "2 records")]);
}

#[test]
fn untagged_records_of_mixed_days_are_counted() {
    let rows = [
        row("1", "", "2026-03-04T15:59:59Z"),
        row("2", "", "2026-03-04T16:00:00Z"),
        row("3", "E1", "2026-03-06T01:00:00Z"),
    ];
    assert_eq!(collected(&rows).mixed_untagged, [1]);
}

#[test]
fn the_working_day_turns_at_the_cut_over_and_the_same_customer_has_one_number() {
    let mut rows = [
        row("1", "", "2026-03-02T19:59:59Z"),
        row("2", "", "2026-03-02T20:00:00Z"),
        row("3", "", "2026-03-02T21:00:00Z"),
    ];
    (rows[0].customer, rows[1].customer, rows[2].customer) = ("x", "y", "x");
    let records = collected(&rows);
    let days: Vec<_> = records.rows.iter().map(|r| r.day - day_number(date(2026, 3, 1))).collect();
    assert_eq!(days, [1, 2, 2]);
    assert_eq!(records.rows[0].customer, records.rows[2].customer);
    assert_ne!(records.rows[0].customer, records.rows[1].customer);
}

#[test]
fn sums_weigh_what_was_measured_by_the_share() {
    let mut measured = row("1", "", "2026-03-02T01:00:00Z");
    measured.first_reply_ms = Some(30_000);
    measured.resolved = Some(false);
    measured.amount_minor = Some(12_345);
    let custom = [Some("4.5".parse().unwrap())];
    measured.custom = &custom;
    let records = collected(&[measured, row("2", "", "2026-03-02T02:00:00Z")]);
    let mut sums = Sums { custom: vec![Sample::default()], ..Sums::default() };
    sums.add(&records, 0, 250_000, true, 2);
    sums.add(&records, 1, 1_000_000, false, 2);
    assert_eq!((sums.credited_ppm, sums.outside_ppm), (1_250_000, 250_000));
    let sample = |sum: i128| Sample { sum, ppm: 250_000 };
    assert_eq!(sums.flags, [sample(250_000 * 1_000_000), sample(0), Sample::default()]);
    assert_eq!(sums.amount, sample(250_000 * 123_450_000));
    assert_eq!(sums.custom, [sample(250_000 * 4_500_000)]);
}

#[test]
fn devices_are_numbered_by_their_names_whichever_comes_first() {
    let collected = |names: [&str; 3]| {
        let (frozen, mut records) = (frozen(), Records::new(1));
        let mut collector = Collector::new(&frozen, 0, &mut records).unwrap();
        let start = "2026-03-02T01:00:00Z";
        collector.push(&Row { device: names[0], ..row("1", "", start) });
        collector.push(&row("2", "", start));
        for (device, at_ms) in [(names[1], 0), ("", 1), (names[2], 2)] {
            collector.message((ms(start), "2"), ms(start) + at_ms, Side::Agent, device);
        }
        collector.message((ms(start), "3"), ms(start), Side::Agent, "of no record");
        collector.finish();
        let numbers = records.number_devices();
        let replies: Vec<_> = records.replies.iter().map(|reply| reply.device).collect();
        (numbers, records.record_devices, replies)
    };
    let (numbers, records, replies) = collected(["c", "a", "b"]);
    let names: Vec<_> = numbers.iter().map(|(name, number)| (name.as_str(), *number)).collect();
    assert_eq!(names, [("a", 0), ("b", 1), ("c", 2)]);
    assert_eq!((records, replies), (BTreeMap::from([(0, 2)]), vec![Some(0), None, Some(1)]));
    let (_, records, replies) = collected(["b", "b", ""]);
    assert_eq!((records, replies), (BTreeMap::from([(0, 0)]), vec![Some(0), None, None]));
}

#[test]
fn claims_name_records_and_customers_by_their_places_and_what_never_came_by_none() {
    let (frozen, mut records) = (frozen(), Records::new(1));
    let mut collector = Collector::new(&frozen, 0, &mut records).unwrap();
    let customer = |customer, row| Row { customer, ..row };
    collector.push(&row("1", "", "2026-03-02T01:00:00Z"));
    collector.push(&customer("Zhou", row("2", "", "2026-03-02T02:00:00Z")));
    let missing = collector.missing(["2", "", "never", "1", "never"]);
    assert_eq!(missing.into_iter().collect::<Vec<_>>(), ["never"]);
    let person = frozen.people[0].id;
    let said = |external_id, customer| Said { person, at_ms: 5, external_id, customer };
    let stranger = Said { person: PersonId(Uuid::from_u128(77)), ..said("1", "") };
    collector.claims(&[said("2", ""), said("never", ""), said("", "Zhou"), said("", "Wu"), said("", ""), stranger]);
    collector.finish();
    assert!(records.claims.iter().all(|claim| (claim.account, claim.person, claim.at_ms) == (0, 0, 5)));
    let told: Vec<_> = records.claims.iter().map(|claim| (claim.record, claim.customer)).collect();
    assert_eq!(told, [(Some(1), None), (None, Some(u32::MAX)), (None, Some(0)), (None, Some(1)), (None, None)]);
}
