use jiff::Timestamp;
use jiff::civil::{Time, date, time};
use proptest::prelude::*;
use tally_kernel::id::AccountId;
use uuid::Uuid;

use super::*;
use crate::scoring::Direction;
use crate::scoring::definition::Test;

fn ms(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

fn m(text: &str) -> Micro {
    text.parse().unwrap()
}

fn account() -> FrozenAccount {
    FrozenAccount {
        id: AccountId(Uuid::from_u128(2)),
        key: "JD/shop/a".to_owned(),
        zone: "Asia/Shanghai".to_owned(),
        region: "cn-north".parse().unwrap(),
        unit: None,
        from_ms: ms("2026-02-28T16:00:00Z"),
        to_ms: ms("2026-03-31T16:00:00Z"),
        phases: vec![],
        duty: vec![],
        own: vec![],
        own_from: BTreeMap::new(),
        agents: BTreeMap::new(),
        devices: BTreeMap::new(),
    }
}

/// A record of a minute, by local time.
fn row<'a>(start: &str, customer: &'a str, kind: &'a str) -> Row<'a> {
    let started_ms = ms(&format!("{start}+08:00"));
    Row {
        started_ms,
        ended_ms: started_ms + 60_000,
        external_id: "r",
        agent: "",
        contributors: &[],
        kind,
        customer,
        first_reply_ms: None,
        resolved: None,
        rating_milli: None,
        amount_minor: None,
        custom: &[],
        device: "",
        content: &[7; 32],
    }
}

fn records(value: Option<Value>, aggregation: Aggregation) -> OfRecords {
    OfRecords { value, aggregation, test: None, kinds: vec![], hours: None, session_minutes: 0 }
}

fn define(name: &str, of: Of) -> Definition {
    let (name, unit, direction) = (name.to_owned(), String::new(), Direction::Higher);
    Definition { name, version: 0, unit, standard_unit: false, direction, of, min_count: 0, from: None, to: None }
}

fn takes(measures: Vec<Definition>) -> Takes {
    Takes::of(&Scheme { measures, ..Scheme::standard() })
}

/// What one definition takes from each of these.
fn taken(of: OfRecords, rows: &[Row]) -> Vec<Option<Taken>> {
    let takes = takes(vec![define("it", Of::Record(of))]);
    taken_of(&takes, rows)
}

fn taken_of(takes: &Takes, rows: &[Row]) -> Vec<Option<Taken>> {
    let mut measuring = Measuring::new(takes, &account(), Period::month_of(date(2026, 3, 1)), 2).unwrap();
    rows.iter().map(|row| measuring.take(row)[0]).collect()
}

fn number(text: &str) -> Option<Taken> {
    Some(Taken::Number(m(text)))
}

const YES: Option<Taken> = Some(Taken::Number(Micro::ONE));
const NO: Option<Taken> = Some(Taken::Number(Micro::ZERO));

#[test]
fn a_share_compares_with_its_threshold_and_looks_at_its_kinds_alone() {
    let replied = |ms, kind| Row { first_reply_ms: Some(ms), ..row("2026-03-02T10:00:00", "x", kind) };
    let rows = [
        replied(30_000, "presale"),
        replied(30_001, "presale"),
        replied(1, "aftersale"),
        row("2026-03-02T10:00:00", "x", "presale"),
    ];
    let mut of = records(Some(Value::FirstReplySeconds), Aggregation::Share);
    (of.kinds, of.test) = (vec!["presale".to_owned()], Some(Test::AtMost(m("30"))));
    assert_eq!(taken(of.clone(), &rows), [YES, NO, None, None], "one was never answered");
    of.test = Some(Test::Below(m("30")));
    assert_eq!(taken(of, &rows), [NO, NO, None, None]);
}

#[test]
fn every_value_is_read_in_its_own_unit() {
    let full = Row {
        first_reply_ms: Some(1_500),
        resolved: Some(true),
        rating_milli: Some(4_500),
        amount_minor: Some(123_456),
        custom: &[Some(Micro::from_int(7))],
        ..row("2026-03-02T10:00:00", "x", "")
    };
    let read = |value| taken(records(Some(value), Aggregation::Mean), std::slice::from_ref(&full))[0];
    assert_eq!(read(Value::FirstReplySeconds), number("1.5"));
    assert_eq!(read(Value::DurationSeconds), number("60"));
    assert_eq!(read(Value::Rating), number("4.5"));
    assert_eq!(read(Value::Amount), number("1234.56"));
    assert_eq!(read(Value::Column("qa".into())), number("7"));
    assert_eq!(taken(records(Some(Value::Resolved), Aggregation::Share), &[full]), [YES]);
    assert_eq!(taken(records(None, Aggregation::Count), &[row("2026-03-02T10:00:00", "", "")]), [YES]);
}

#[test]
fn hours_count_records_begun_or_seconds_inside_by_the_clock_of_the_account() {
    let hours = |from: Time, to: Time, counts| Some(Hours { from, to, counts });
    let at = |start: &'static str| Row { first_reply_ms: Some(3_600_000), ..row(start, "x", "") };
    let rows =
        [at("2026-03-02T08:59:59"), at("2026-03-02T09:00:00"), at("2026-03-02T21:30:00"), at("2026-03-02T22:00:00")];
    let mut of = records(Some(Value::FirstReplySeconds), Aggregation::Mean);
    of.hours = hours(time(9, 0, 0, 0), time(22, 0, 0, 0), Counts::Begun);
    assert_eq!(taken(of.clone(), &rows), [None, number("3600"), number("3600"), None]);
    of.hours = hours(time(9, 0, 0, 0), time(22, 0, 0, 0), Counts::Inside);
    assert_eq!(taken(of.clone(), &rows), [number("3599"), number("3600"), number("1800"), number("0")]);
    of.hours = hours(time(22, 0, 0, 0), time(9, 0, 0, 0), Counts::Begun);
    assert_eq!(taken(of, &rows), [number("3600"), None, None, number("3600")], "over midnight");
}

#[test]
fn the_first_measured_record_of_a_session_stands_for_it() {
    let rated = |start: &'static str, customer, rating| Row { rating_milli: rating, ..row(start, customer, "") };
    let rows = [
        rated("2026-03-02T10:00:00", "x", None),
        rated("2026-03-02T10:05:00", "y", Some(1_000)),
        rated("2026-03-02T10:30:00", "x", Some(5_000)),
        rated("2026-03-02T10:45:00", "x", Some(3_000)),
        rated("2026-03-02T11:16:00", "x", Some(2_000)),
        rated("2026-03-02T11:47:01", "x", Some(4_000)),
        rated("2026-03-02T11:48:00", "", Some(4_000)),
        rated("2026-03-02T11:49:00", "", Some(4_000)),
    ];
    let mut of = records(Some(Value::Rating), Aggregation::Mean);
    of.session_minutes = 30;
    let expected = [None, number("1"), number("5"), None, None, number("4"), number("4"), number("4")];
    assert_eq!(
        taken(of, &rows),
        expected,
        "a pause of 30 minutes and a second begins another, and nobody is no customer"
    );
}

#[test]
fn what_is_not_valid_yet_or_any_more_is_not_counted() {
    let rows = ["2026-03-09T23:59:59", "2026-03-10T00:00:00", "2026-03-11T23:59:59", "2026-03-12T00:00:00"];
    let rows = rows.map(|start| row(start, "x", ""));
    let mut definition = define("it", Of::Record(records(None, Aggregation::Count)));
    (definition.from, definition.to) = (Some(date(2026, 3, 10)), Some(date(2026, 3, 11)));
    assert_eq!(taken_of(&takes(vec![definition]), &rows), [None, YES, YES, None]);
}

#[test]
fn a_repeat_purchase_has_one_of_the_same_customer_within_the_days_before() {
    let sold = |start: &'static str, customer, amount| Row { amount_minor: Some(amount), ..row(start, customer, "") };
    let mut orders = records(Some(Value::Amount), Aggregation::Count);
    orders.test = Some(Test::Above(Micro::ZERO));
    let repeat = Derived::Repeat { of: "orders".into(), after: String::new(), within_days: 7 };
    let takes = takes(vec![define("again", Of::Derived(repeat)), define("orders", Of::Record(orders))]);
    assert_eq!(
        (takes.before_ms(), takes.amounts(), takes.names().collect::<Vec<_>>()),
        (7 * DAY_MS, true, vec!["again", "orders"])
    );
    let mut measuring = Measuring::new(&takes, &account(), Period::month_of(date(2026, 3, 1)), 2).unwrap();
    measuring.before(&sold("2026-02-25T10:00:00", "x", 100));
    measuring.before(&sold("2026-02-26T10:00:00", "z", 0));
    let rows = [
        sold("2026-03-02T10:00:00", "x", 500),
        sold("2026-03-02T11:00:00", "y", 500),
        sold("2026-03-03T10:00:00", "z", 500),
        sold("2026-03-04T10:00:00", "x", 0),
        sold("2026-03-09T10:00:00", "x", 500),
        sold("2026-03-16T10:00:01", "x", 500),
        sold("2026-03-16T10:00:02", "", 500),
    ];
    let found: Vec<_> = rows.iter().map(|row| measuring.take(row)).collect();
    let again: Vec<_> = found.iter().map(|taken| taken[0]).collect();
    assert_eq!(
        again,
        [YES, NO, NO, None, YES, NO, None],
        "an inquiry is no order, and a week is over after seven days"
    );
    assert_eq!(found.iter().map(|taken| taken[1]).collect::<Vec<_>>(), [YES, YES, YES, NO, YES, YES, YES]);
}

#[test]
fn a_second_conversion_comes_after_another_count() {
    let asked = |start: &'static str, customer| row(start, customer, "presale");
    let sold = |start: &'static str, customer| Row { amount_minor: Some(9), ..row(start, customer, "order") };
    let of_kind = |kind: &str| OfRecords { kinds: vec![kind.to_owned()], ..records(None, Aggregation::Count) };
    let repeat = Derived::Repeat { of: "orders".into(), after: "asked".into(), within_days: 1 };
    let takes = takes(vec![
        define("second", Of::Derived(repeat)),
        define("orders", Of::Record(of_kind("order"))),
        define("asked", Of::Record(of_kind("presale"))),
    ]);
    let rows = [
        sold("2026-03-02T10:00:00", "x"),
        asked("2026-03-02T11:00:00", "x"),
        sold("2026-03-02T12:00:00", "x"),
        sold("2026-03-02T13:00:00", "y"),
    ];
    assert_eq!(taken_of(&takes, &rows), [NO, None, YES, NO], "orders alone are measured");
}

#[test]
fn a_customer_counts_once_with_the_largest_share() {
    let of = records(None, Aggregation::Distinct);
    let takes = takes(vec![define("customers", Of::Record(of))]);
    let mut measuring = Measuring::new(&takes, &account(), Period::month_of(date(2026, 3, 1)), 2).unwrap();
    let mut added = Added::new(&takes);
    for (customer, ppm) in [("x", 500_000), ("y", 250_000), ("x", 1_000_000), ("x", 300_000), ("", 1_000_000)] {
        added.add(ppm, &measuring.take(&row("2026-03-02T10:00:00", customer, "")));
    }
    added.end_account();
    assert_eq!(added.samples(), [Sample { sum: 1_250_000 * ONE, ppm: 2_050_000 }], "1.25 customers in 2.05 records");
}

#[test]
fn the_built_in_measures_take_what_they_always_took() {
    let known = ["first_reply_within_30s", "resolved", "rating_at_least_4", "amount"];
    let built_in = known.map(|name| crate::scoring::definition::built_in(&name.to_owned().into()).unwrap());
    let renamed = built_in.map(|definition| Definition { name: format!("my_{}", definition.name), ..definition });
    let takes = takes(renamed.to_vec());
    let mut measuring = Measuring::new(&takes, &account(), Period::month_of(date(2026, 3, 1)), 2).unwrap();
    let full = Row {
        first_reply_ms: Some(30_000),
        resolved: Some(false),
        rating_milli: Some(3_999),
        amount_minor: Some(-50),
        ..row("2026-03-02T10:00:00", "x", "")
    };
    assert_eq!(measuring.take(&full), [YES, NO, NO, number("-0.5")]);
    assert_eq!(measuring.take(&row("2026-03-02T10:00:00", "x", "")), [None, None, None, None]);
}

proptest! {
    /// Accounts are parts of a month: added in any order, and by several readers, they come to the same.
    #[test]
    fn parts_of_a_month_add_up_in_any_order(parts in prop::collection::vec(prop::collection::vec((0..4_usize, 1..=1_000_000_u32, -500..500_i64), 0..8), 1..5)) {
        let mut buyers = records(Some(Value::Amount), Aggregation::Distinct);
        buyers.test = Some(Test::Above(Micro::ZERO));
        let of = [records(Some(Value::Amount), Aggregation::Sum), records(None, Aggregation::Count), buyers];
        let takes = takes(of.into_iter().zip(["a", "b", "c"]).map(|(of, name)| define(name, Of::Record(of))).collect());
        let add = |added: &mut Added, part: &Vec<(usize, u32, i64)>| {
            let mut measuring = Measuring::new(&takes, &account(), Period::month_of(date(2026, 3, 1)), 2).unwrap();
            for (customer, ppm, amount) in part {
                let customer = ["", "x", "y", "z"][*customer];
                added.add(*ppm, &measuring.take(&Row { amount_minor: Some(*amount), ..row("2026-03-02T10:00:00", customer, "") }));
            }
            added.end_account();
        };
        let (mut forth, mut back) = (Added::new(&takes), Added::new(&takes));
        parts.iter().for_each(|part| add(&mut forth, part));
        parts.iter().rev().for_each(|part| add(&mut back, part));
        prop_assert_eq!(forth.samples(), back.samples());
        let mut merged = [Sample::default(); 3];
        for part in &parts {
            let mut one = Added::new(&takes);
            add(&mut one, part);
            merged.iter_mut().zip(one.samples()).for_each(|(all, one)| all.merge(one));
        }
        prop_assert_eq!(forth.samples(), &merged[..]);
    }
}
