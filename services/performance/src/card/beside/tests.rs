use jiff::civil::date;
use tally_app::units::Unit;
use tally_engine::scoring::Direction;
use tally_engine::scoring::definition::{Aggregation, Observed, OfRecords, OfTeam, Test};
use tally_kernel::person::{Employment, Post};
use tally_kernel::time::zone;

use super::*;

fn unit(n: u128) -> OrgUnitId {
    OrgUnitId(Uuid::from_u128(n))
}

fn id(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(n))
}

fn account(n: u128) -> AccountId {
    AccountId(Uuid::from_u128(n))
}

fn micro(text: &str) -> Micro {
    text.parse().unwrap()
}

fn march() -> Period {
    Period::month_of(date(2026, 3, 1))
}

fn somebody(n: u128, stretches: &[(u128, Date, Option<Date>)]) -> DirectoryPerson {
    let employment = |(of, from, to): &(u128, Date, Option<Date>)| Employment {
        post: Post::Home,
        from: *from,
        to: *to,
        unit: unit(*of),
        unit_path: "u".into(),
        region: "cn-north".parse().unwrap(),
        position: "agent".into(),
        grade: "P1".into(),
        kind: None,
    };
    let employments = stretches.iter().map(employment).collect();
    DirectoryPerson { id: id(n), employee_no: format!("E{n}"), zone: zone("Asia/Shanghai").unwrap(), employments }
}

/// The branch 10 with the teams 11 and 12. The manager 1 is of the branch, 2 of team 11, 3 of team 11 until the 10th and then of 12,
/// 4 of team 12 until the 20th.
fn around() -> Around {
    let long_ago = date(2020, 1, 1);
    let people = [
        somebody(1, &[(10, long_ago, None)]),
        somebody(2, &[(11, long_ago, None)]),
        somebody(3, &[(11, long_ago, Some(date(2026, 3, 10))), (12, date(2026, 3, 11), None)]),
        somebody(4, &[(12, long_ago, Some(date(2026, 3, 20)))]),
    ];
    let tree = || {
        let unit = |n: u128, parent: Option<u128>| Unit {
            id: unit(n),
            parent: parent.map(unit),
            name: n.to_string(),
            path: n.to_string(),
            region: "cn-north".parse().unwrap(),
        };
        Units::new([unit(1, None), unit(10, Some(1)), unit(11, Some(10)), unit(12, Some(10))])
    };
    let days = team::days(march());
    let trees = days.iter().map(|_| tree()).collect();
    let accounts = [(1, "JD/shop/a"), (2, "JD/shop/b"), (3, "JD/other/c")].map(|(n, key)| AccountFacts {
        id: account(n),
        platform: "JD".into(),
        key: key.into(),
        zone: "Asia/Shanghai".into(),
        team_path: String::new(),
        unit: None,
        region: "cn-north".parse().unwrap(),
        phases: Vec::new(),
    });
    let period = march();
    Around {
        people: Arc::new(People::new(people)),
        period,
        days,
        trees,
        accounts: accounts.into(),
        punctual: HashMap::new(),
    }
}

fn defined(name: &str, of: Of) -> Definition {
    Definition {
        name: name.into(),
        version: 0,
        unit: String::new(),
        standard_unit: false,
        direction: Direction::Higher,
        of,
        min_count: 0,
        from: None,
        to: None,
    }
}

fn observation(name: &str, aggregation: Observed, subject: About) -> Definition {
    defined(name, Of::Observation(OfObservations { aggregation, subject }))
}

fn of_team(name: &str, of: &str, aggregation: Rolled, test: Option<Test>) -> Definition {
    defined(name, Of::Team(OfTeam { of: of.into(), aggregation, test }))
}

fn scheme(measures: Vec<Definition>) -> Scheme {
    Scheme { measures, ..Scheme::standard() }
}

fn seen(from: Date, to: Date, value: &str) -> Observation {
    Observation { days: (from, to), ended_ms: 0, value: micro(value), run_by: None }
}

fn all_march(value: &str) -> Observation {
    seen(date(2026, 3, 1), date(2026, 3, 31), value)
}

/// What each of these people has of a measure, after everything is known.
fn measured(
    around: &Around,
    scheme: &Scheme,
    rows: Vec<(&str, Subject, Observation)>,
    credited: &[(u128, u128, u64)],
    mut people: Vec<PersonInputs>,
) -> Vec<PersonInputs> {
    let mut seen: HashMap<&str, BySubject> =
        scheme.measures.iter().map(|definition| (definition.name.as_str(), BySubject::new())).collect();
    for (measure, subject, row) in rows {
        seen.entry(measure).or_default().entry(subject).or_default().push(row);
    }
    let mut beside = Beside { around, scheme, seen, credited: HashMap::new(), of_all: HashMap::new() };
    beside.observe();
    for (person, of, ppm) in credited {
        beside.credited.entry(id(*person)).or_default().push((account(*of), *ppm));
        *beside.of_all.entry(account(*of)).or_default() += ppm;
    }
    beside.complete(&mut people, &[], &PastOf::new());
    people
}

fn nobody_credited() -> Vec<PersonInputs> {
    (1..=4).map(|n| nothing_of(id(n))).collect()
}

fn of_each(scheme: &Scheme, people: &[PersonInputs], measure: &str) -> Vec<Option<Micro>> {
    values(scheme, people, measure)
}

fn some(texts: [&str; 4]) -> Vec<Option<Micro>> {
    texts.into_iter().map(|text| Some(text).filter(|text| !text.is_empty()).map(micro)).collect()
}

#[test]
fn an_observation_of_a_unit_is_of_whoever_is_there_by_the_part_of_its_days() {
    let scheme = scheme(vec![
        observation("cost", Observed::Sum, About::Unit),
        observation("level", Observed::Mean, About::Unit),
    ]);
    let rows = vec![
        ("cost", Subject::Unit(unit(11)), all_march("310")),
        ("cost", Subject::Unit(unit(12)), all_march("31")),
        ("cost", Subject::Unit(unit(10)), all_march("7")),
        ("level", Subject::Unit(unit(11)), all_march("10")),
        ("level", Subject::Unit(unit(12)), all_march("41")),
    ];
    let people = measured(&around(), &scheme, rows, &[], nobody_credited());
    // 3: 10 of 31 days in 11 and 21 in 12; 4: 20 days in 12.
    assert_eq!(of_each(&scheme, &people, "cost"), some(["7", "310", "121", "20"]));
    // 3: (10 * 10 + 21 * 41) / 31.
    assert_eq!(of_each(&scheme, &people, "level"), some(["", "10", "31", "41"]));
}

#[test]
fn accounts_and_stores_are_of_whoever_is_credited_there_by_the_part_of_their_records() {
    let scheme = scheme(vec![
        observation("traffic", Observed::Sum, About::Account),
        observation("conversion", Observed::Mean, About::Store),
    ]);
    let rows = vec![
        ("traffic", Subject::Account(account(1)), all_march("900")),
        ("traffic", Subject::Account(account(2)), all_march("10")),
        ("conversion", Subject::Store("JD/shop".into()), all_march("0.5")),
        ("conversion", Subject::Store("JD/other".into()), all_march("0.8")),
    ];
    let record = 1_000_000;
    let credited = [(2, 1, 2 * record), (3, 1, record), (2, 2, record), (3, 3, record)];
    let people = measured(&around(), &scheme, rows, &credited, nobody_credited());
    assert_eq!(of_each(&scheme, &people, "traffic"), some(["", "610", "300", ""]), "two and one of three records");
    assert_eq!(of_each(&scheme, &people, "conversion"), some(["", "0.5", "0.65", ""]), "half here, half there");
}

#[test]
fn a_campaign_is_of_those_of_the_unit_that_runs_it_and_the_groups_of_everybody() {
    let scheme = scheme(vec![observation("sales", Observed::Sum, About::Campaign)]);
    let run_by = |n| Observation { run_by: Some(unit(n)), ..all_march("62") };
    let rows = vec![
        ("sales", Subject::Campaign("Spring".into()), run_by(11)),
        ("sales", Subject::Campaign("Group".into()), all_march("1")),
    ];
    let people = measured(&around(), &scheme, rows, &[], nobody_credited());
    assert_eq!(of_each(&scheme, &people, "sales"), some(["1", "63", "21", "1"]));
}

#[test]
fn a_definition_counts_what_was_observed_while_it_holds() {
    let mut training = observation("training", Observed::Sum, About::Person);
    (training.from, training.min_count) = (Some(date(2026, 3, 10)), 2);
    let scheme = scheme(vec![training]);
    let on = |n: u128, day: i8, value: &str| {
        let day = date(2026, 3, day);
        ("training", Subject::Person(id(n)), seen(day, day, value))
    };
    let rows = vec![on(2, 9, "8"), on(2, 10, "1"), on(2, 11, "2"), on(3, 12, "5")];
    let people = measured(&around(), &scheme, rows, &[], nobody_credited());
    assert_eq!(of_each(&scheme, &people, "training"), some(["", "3", "", ""]), "one observation is too few");
}

#[test]
fn a_manager_has_what_the_team_of_each_day_has() {
    let scheme = scheme(vec![
        observation("training", Observed::Sum, About::Person),
        of_team("trained", "training", Rolled::Share, Some(Test::AtLeast(micro("4")))),
        of_team("hours", "training", Rolled::Sum, None),
        of_team("solved", "resolved", Rolled::Mean, None),
        of_team("records", "credited_records", Rolled::Sum, None),
        // Of the teams below: what the leads have, rolled up once more.
        of_team("solved_below", "solved", Rolled::Mean, None),
    ]);
    let day = |n: i8| (date(2026, 3, n), date(2026, 3, n));
    let on = |n: u128, of: i8, value: &str| ("training", Subject::Person(id(n)), seen(day(of).0, day(of).1, value));
    let mut people = nobody_credited();
    let record = 1_000_000;
    for (at, records, yes) in [(1, 31, 31), (2, 31, 0)] {
        people[at].credited_ppm = records * record;
        let sample = Sample { sum: i128::from(yes) * 1_000_000 * 1_000_000, ppm: records * record };
        people[at].samples.insert("resolved".into(), sample);
    }
    let people = measured(&around(), &scheme, vec![on(2, 2, "4"), on(3, 5, "1"), on(3, 15, "3")], &[], people);
    // Of the branch: 2 and 3 have 4 hours each on 31 days, 4 none on 20.
    assert_eq!(of_each(&scheme, &people, "trained")[0], Some(micro("75.609756")), "62 of 82 person-days");
    assert_eq!(of_each(&scheme, &people, "hours")[0], Some(micro("8")));
    // Of 2's team, which has 3 for 10 days: 1 hour, and 10 of 31 records.
    assert_eq!(of_each(&scheme, &people, "hours")[1], Some(micro("1")));
    assert_eq!(of_each(&scheme, &people, "records")[..2], [Some(micro("62")), Some(micro("10"))]);
    assert_eq!(of_each(&scheme, &people, "solved")[0], Some(micro("50")), "100 and 0 on 31 days each; 4 has none");
    assert_eq!(of_each(&scheme, &people, "solved")[1], Some(micro("0")));
    // 3 has 100 from 2 in the first days, 2 and 4 have 0 from 3: 100 * 31 / 82.
    assert_eq!(of_each(&scheme, &people, "solved_below")[0], Some(micro("37.804878")));
}

#[test]
fn who_has_no_record_of_a_count_has_none_of_it_in_the_team_too() {
    let count = |name: &str, min_count| {
        let (value, test, kinds) = (None, None, Vec::new());
        let of = OfRecords { value, aggregation: Aggregation::Count, test, kinds, hours: None, session_minutes: 0 };
        Definition { min_count, ..defined(name, Of::Record(of)) }
    };
    let at_least = || Some(Test::AtLeast(micro("1")));
    let scheme = scheme(vec![
        count("orders", 0),
        count("sure", 1),
        count("unsent", 0),
        of_team("orders_each", "orders", Rolled::Mean, None),
        of_team("sure_each", "sure", Rolled::Mean, None),
        of_team("unsent_each", "unsent", Rolled::Mean, None),
        of_team("ordering", "orders", Rolled::Share, at_least()),
        of_team("records_each", "credited_records", Rolled::Mean, None),
    ]);
    let mut people = nobody_credited();
    let record = 1_000_000;
    for name in ["orders", "sure"] {
        let sample = Sample { sum: 41_i128 * 1_000_000 * 1_000_000, ppm: 41 * record };
        people[1].samples.insert(name.into(), sample);
    }
    people[1].credited_ppm = 82 * record;
    let people = measured(&around(), &scheme, Vec::new(), &[], people);
    let of_branch = |measure| of_each(&scheme, &people, measure)[0];
    // 2 and 3 are there on 31 days each, 4 on 20.
    assert_eq!(of_branch("orders_each"), Some(micro("15.5")), "41 on 31 of 82 person-days");
    assert_eq!(of_branch("ordering"), Some(micro("37.804878")), "31 of 82");
    assert_eq!(of_branch("records_each"), Some(micro("31")));
    assert_eq!(of_branch("sure_each"), Some(micro("41")), "with a least count nothing is nothing");
    assert_eq!(of_branch("unsent_each"), None);
}

#[test]
fn the_suite_observes_turnover_and_punctuality_by_itself() {
    let scheme = scheme(vec![
        observation(TURNOVER, Observed::Sum, About::Person),
        of_team("team_turnover", TURNOVER, Rolled::Mean, None),
        of_team("left", TURNOVER, Rolled::Sum, None),
        observation(PUNCTUALITY, Observed::Mean, About::Person),
        of_team("team_punctuality", PUNCTUALITY, Rolled::Mean, None),
    ]);
    let mut around = around();
    let shift = |n: i8, in_time| (date(2026, 3, n), i64::from(n), in_time);
    around.punctual.insert(id(2), vec![shift(2, true), shift(3, false), (date(2026, 4, 1), 99, false)]);
    around.punctual.insert(id(4), vec![shift(2, true)]);
    let people = measured(&around, &scheme, Vec::new(), &[], nobody_credited());
    // 31 + 31 + 20 person-days in 31 days, one left: 100 * 31 / 82.
    assert_eq!(of_each(&scheme, &people, "team_turnover")[0], Some(micro("37.804878")));
    assert_eq!(of_each(&scheme, &people, "left")[0], Some(micro("1")));
    assert_eq!(
        of_each(&scheme, &people, PUNCTUALITY),
        some(["", "50", "", "100"]),
        "a shift of April is none of March"
    );
    // 50 on 31 days and 100 on 20.
    assert_eq!(of_each(&scheme, &people, "team_punctuality")[0], Some(micro("69.607843")));
}

#[test]
fn a_scheme_of_records_alone_reads_nothing_more() {
    assert!(!reads_more(&Scheme::standard()));
    assert!(reads_more(&scheme(vec![observation("training", Observed::Sum, About::Person)])));
}
