use jiff::civil::date;
use uuid::Uuid;

use super::*;

/// A value of a measure of somebody on a day of March 2026.
pub fn placed(value: i32, revision: i64) -> Placed {
    let day = date(2026, 3, 2);
    let person = PersonId(Uuid::from_u128(1));
    let said = Said {
        measure: "training_hours".into(),
        subject: Subject::Person(person),
        when: When::Days(day, day),
        value: Micro::from_int(value),
        source: "hall".into(),
        revision,
        run_by: None,
    };
    Placed { said, days: (day, day), ended_ms: 0, region: Region::global(), unit: None, person: Some(person) }
}

fn said() -> Said {
    placed(1, 0).said
}

#[test]
fn what_nobody_can_have_observed_is_refused_with_its_name() {
    let reason = |said: Said| said.check().unwrap_err().reason();
    let days = |from, to| Said { when: When::Days(from, to), ..said() };
    assert_eq!(said().check(), Ok(said()));
    assert_eq!(reason(Said { measure: " ".into(), ..said() }), "OBSERVATION_WITHOUT_MEASURE");
    assert_eq!(reason(Said { measure: "turnover".into(), ..said() }), "OBSERVATION_RESERVED");
    assert_eq!(reason(Said { measure: "x".repeat(201), ..said() }), "TEXT_TOO_LONG");
    assert_eq!(reason(Said { source: "a\u{200b}b".into(), ..said() }), "ID_WITH_UNSEEN");
    assert_eq!(reason(Said { subject: Subject::Store(String::new()), ..said() }), "OBSERVATION_WITHOUT_SUBJECT");
    assert_eq!(reason(Said { run_by: Some(OrgUnitId(Uuid::nil())), ..said() }), "OBSERVATION_UNIT_NOT_HERE");
    assert_eq!(reason(days(date(2026, 3, 2), date(2026, 3, 1))), "OBSERVATION_BACKWARDS");
    assert_eq!(reason(days(date(2026, 1, 1), date(2027, 1, 2))), "OBSERVATION_TOO_LONG");
    assert!(days(date(2028, 1, 1), date(2028, 12, 31)).check().is_ok(), "a leap year");
    assert_eq!(reason(days(date(1800, 1, 1), date(1800, 1, 1))), "OBSERVATION_TIME_IMPLAUSIBLE");
    let early = When::At("1700-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(reason(Said { when: early, ..said() }), "OBSERVATION_TIME_IMPLAUSIBLE");
    for sign in [1, -1] {
        let value = |millionths: i64| Said { value: Micro::from_millionths(sign * millionths), ..said() };
        assert!(value(MOST.millionths()).check().is_ok());
        assert_eq!(reason(value(MOST.millionths() + 1)), "OBSERVATION_OUT_OF_RANGE");
    }
}

#[test]
fn a_value_is_an_exact_decimal_of_six_places() {
    assert_eq!(value("-12.345678"), Ok(Micro::from_millionths(-12_345_678)));
    assert_eq!(value(" 0.50000000 "), Ok(Micro::from_millionths(500_000)));
    for text in ["", "1e3", "0.0000001", "twelve", "1,5"] {
        assert_eq!(value(text).unwrap_err().reason(), "OBSERVATION_WITHOUT_NUMBER", "{text}");
    }
    assert_eq!(value("99999999999999"), Err(RowError::TooLarge));
}

#[test]
fn a_subject_comes_back_from_its_kind_and_key() {
    let id = Uuid::from_u128(7);
    let all = [
        Subject::Person(PersonId(id)),
        Subject::Unit(OrgUnitId(id)),
        Subject::Account(AccountId(id)),
        Subject::Store("JD/Star River".into()),
        Subject::Campaign("Spring".into()),
    ];
    for subject in all {
        assert_eq!(Subject::of(subject.kind(), &subject.key()), Some(subject));
    }
    assert_eq!(Subject::of(SubjectKind::Unit, "north/a"), None);
}

#[test]
fn measure_subject_and_time_tell_observations_apart_and_nothing_else_does() {
    let one = placed(1, 0);
    let other = |change: fn(&mut Said)| {
        let mut row = one.clone();
        change(&mut row.said);
        row.key() != one.key()
    };
    assert!(other(|said| said.measure = "training_hour".into()));
    assert!(other(|said| said.subject = Subject::Unit(OrgUnitId(Uuid::from_u128(1)))));
    assert!(other(|said| said.when = When::Days(date(2026, 3, 2), date(2026, 3, 3))));
    assert!(other(|said| said.when = When::At("2026-03-02T00:00:00Z".parse().unwrap())));
    assert!(!other(|said| said.value = Micro::ZERO) && !other(|said| said.source = "gym".into()));
    assert!(!other(|said| said.revision = 9));
}
