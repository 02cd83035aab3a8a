use proptest::prelude::*;

use super::*;
use crate::scoring::definition::{
    Aggregation, Definition, Derived, Observed, Of, OfObservations, OfRecords, OfTeam, Part, Rolled, Subject, Test,
    Value, built_in,
};

fn records(value: Option<Value>, aggregation: Aggregation, test: Option<Test>) -> Of {
    Of::Record(OfRecords { value, aggregation, test, kinds: vec![], hours: None, session_minutes: 0 })
}

fn define(name: &str, of: Of) -> Definition {
    let (name, unit) = (name.to_owned(), String::new());
    Definition {
        name,
        version: 0,
        unit,
        standard_unit: false,
        direction: Direction::Higher,
        of,
        min_count: 0,
        from: None,
        to: None,
    }
}

fn ratio(of: &str, per: &str, percent: bool) -> Of {
    Of::Derived(Derived::Ratio { of: of.into(), per: per.into(), percent })
}

/// A scheme of one indicator, against 100.
fn of_measures(measure: &str, measures: Vec<Definition>) -> Scheme {
    Scheme { measures, collaboration: false, ..single(measure, Normalisation::TargetPiecewise) }
}

/// A count of `n` among `of` whole records.
fn counted(n: u32, of: u32) -> Sample {
    rate(n, of)
}

fn problems(scheme: &Scheme) -> Vec<(String, String)> {
    let problems = scheme.validate(None).err().unwrap_or_default();
    problems.into_iter().map(|p| (p.field, p.description.id().to_owned())).collect()
}

#[test]
fn a_scheme_without_definitions_is_written_as_before_and_one_with_them_comes_back() {
    let standard = serde_json::to_string(&Scheme::standard()).unwrap();
    assert!(!standard.contains("measures"), "{standard}");
    let orders = records(Some(Value::Amount), Aggregation::Count, Some(Test::Above(Micro::ZERO)));
    let defined = of_measures("orders", vec![define("orders", orders)]);
    let written = serde_json::to_string(&defined).unwrap();
    let of = r#""of":{"record":{"value":"amount","aggregation":"count","test":{"above":"0"}}}"#;
    assert!(written.contains(of), "{written}");
    assert_eq!(serde_json::from_str::<Scheme>(&written).unwrap(), defined);
    let cards = score(&Scheme::standard(), &[inputs(1, 3, &[("resolved", rate(1, 2))])]).unwrap();
    assert!(!serde_json::to_string(&cards).unwrap().contains("\"of\":{"), "a line of today stays as it is");
}

#[test]
fn a_ratio_is_that_of_the_sums_and_not_of_rounded_values() {
    // 7 complaints of 300 records and 0 of 40; the group's is 7 of 340.
    let complaints =
        records(Some(Value::Column("complaint".into())), Aggregation::Count, Some(Test::Equal(Micro::ONE)));
    let rate = define("complaint_rate", ratio("complaints", "credited_records", true));
    let scheme = of_measures("complaint_rate", vec![rate, define("complaints", complaints)]);
    assert_eq!(problems(&scheme), []);
    let people = [
        inputs(1, 300, &[("complaints", counted(7, 280))]),
        inputs(2, 40, &[("complaints", counted(0, 40))]),
        inputs(3, 9, &[]),
    ];
    let cards = score(&scheme, &people).unwrap();
    let line = |n| &of(&cards, n).lines[0];
    assert_eq!([line(1).raw, line(2).raw, line(3).raw], [Some(m("2.333333")), Some(m("0")), Some(m("0"))]);
    assert_eq!(line(1).n, m("300"));
    assert_eq!(
        en(&line(1).explain()),
        "complaint_rate (complaints / credited_records in percent): 2.333333 %; against the target of 100 % (set by the \
         scheme) that is 2.333333 points; times weight 100 % gives 2.333333."
    );
    assert!(
        zh(&line(1).explain()).starts_with("complaint_rate（complaints / credited_records（百分比））：2.333333 %")
    );
}

#[test]
fn what_nobody_sends_is_dropped_and_no_zero_of_everybody() {
    let returns = records(Some(Value::Column("returned".into())), Aggregation::Count, Some(Test::Equal(Micro::ONE)));
    let measures = vec![define("returns", returns), define("return_rate", ratio("returns", "credited_records", true))];
    for measure in ["returns", "return_rate"] {
        let cards = score(&of_measures(measure, measures.clone()), &[inputs(1, 300, &[]), inputs(2, 5, &[])]).unwrap();
        assert!(cards.iter().all(|card| card.lines[0].dropped == Some(Dropped::NobodyHasData)), "{measure}");
    }
}

#[test]
fn a_sum_takes_exact_totals_and_rounded_values_by_their_factors() {
    let mean = records(Some(Value::Column("qa".into())), Aggregation::Mean, None);
    let part = |of: &str, factor: &str| Part { of: of.into(), factor: m(factor) };
    let sum = Of::Derived(Derived::Sum(vec![part("qa", "0.5"), part("amount", "0.01"), part("resolved", "-1")]));
    let scheme = of_measures("index", vec![define("index", sum), define("qa", mean)]);
    assert_eq!(problems(&scheme), []);
    let (mut qa, mut amount) = (Sample::default(), Sample::default());
    [m("90"), m("91"), m("91")].into_iter().for_each(|value| qa.add(1_000_000, value));
    amount.add(500_000, m("1234.56"));
    let people = [
        inputs(1, 3, &[("qa", qa), ("amount", amount), ("resolved", rate(1, 3))]),
        inputs(2, 3, &[("amount", amount), ("resolved", rate(1, 3))]),
    ];
    let cards = score(&scheme, &people).unwrap();
    // 0.5 * 90.666667 + 0.01 * 617.28 - 33.333333 = 45.3333335 + 6.1728 - 33.333333 = 18.1728005, half to even.
    assert_eq!(of(&cards, 1).lines[0].raw, Some(m("18.1728")));
    assert_eq!(of(&cards, 2).lines[0].dropped, Some(Dropped::NoDataOfPerson), "a mean of nothing is none");
}

fn before(month: i8, value: &str) -> Past {
    let from = jiff::civil::date(2026, month, 1);
    Past { from, to: from.last_of_month(), value: m(value) }
}

#[test]
fn a_trend_is_against_the_mean_of_the_own_past_which_the_card_names() {
    let scheme = of_measures("more", vec![define("more", Of::Derived(Derived::Trend { of: "resolved".into() }))]);
    assert_eq!(trends(&scheme).into_iter().collect::<Vec<_>>(), ["resolved"]);
    let mut people: Vec<PersonInputs> = (1..=4).map(|n| inputs(n, 10, &[("resolved", rate(6, 10))])).collect();
    people[0].past.insert("resolved".into(), vec![before(2, "50"), before(1, "40")]);
    people[1].past.insert("resolved".into(), vec![before(2, "0")]);
    people[3].samples.clear();
    let cards = score(&scheme, &people).unwrap();
    let raw = |n| of(&cards, n).lines[0].raw;
    assert_eq!([raw(1), raw(2), raw(3)], [Some(m("33.333333")), None, None], "15 of 45, and nothing to compare with");
    let dropped = |n| of(&cards, n).lines[0].dropped;
    assert_eq!([dropped(2), dropped(3)], [Some(Dropped::NoPast); 2]);
    assert_eq!(dropped(4), Some(Dropped::NoDataOfPerson), "nothing of now");
    assert_eq!(of(&cards, 2).kept.get("resolved"), Some(&m("60")), "what the next month is told against");
    let told = en(&of(&cards, 1).lines[0].explain());
    let past = "33.333333 against resolved of 50 from 2026-02-01 to 2026-02-28; 40 from 2026-01-01 to 2026-01-31";
    assert!(told.contains(past), "{told}");
    let told = en(&of(&cards, 3).lines[0].explain());
    assert!(told.contains("there is no value of before other than 0"), "{told}");
}

#[test]
fn a_measure_is_the_same_with_all_that_it_is_computed_from() {
    let part = |of: &str| Part { of: of.into(), factor: Micro::ONE };
    let sum = define("index", Of::Derived(Derived::Sum(vec![part("qa")])));
    let qa = |threshold: &str| {
        let test = Some(Test::AtLeast(m(threshold)));
        define("qa", records(Some(Value::Rating), Aggregation::Share, test))
    };
    let scheme = |threshold| of_measures("index", vec![sum.clone(), qa(threshold)]);
    assert!(is_same(&scheme("4"), &scheme("4"), "index") && is_same(&scheme("4"), &scheme("3"), "resolved"));
    assert!(!is_same(&scheme("4"), &scheme("3"), "index"));
    assert!(!is_same(&scheme("4"), &of_measures("index", vec![]), "index"), "a column of the name");
    let dollars = Scheme { currency: Some(tally_kernel::Currency::USD), ..scheme("4") };
    assert!(!is_same(&scheme("4"), &dollars, "amount"), "sales in another currency");
    assert!(is_same(&scheme("4"), &dollars, "resolved"));
}

#[test]
fn observations_and_teams_are_not_bounded_by_credited_records() {
    let observed = Of::Observation(OfObservations { aggregation: Observed::Mean, subject: Subject::Unit });
    let team = |aggregation, test| Of::Team(OfTeam { of: "resolved".into(), aggregation, test });
    let share = team(Rolled::Share, Some(Test::AtLeast(m("80"))));
    let measures = vec![define("visits", observed), define("reached", share), define("mean", team(Rolled::Mean, None))];
    for measure in ["visits", "reached", "mean"] {
        let scheme = of_measures(measure, measures.clone());
        assert_eq!(problems(&scheme), []);
        let cards = score(&scheme, &[inputs(1, 0, &[(measure, rate(3, 4))])]).unwrap();
        let value = if measure == "reached" { "75" } else { "0.75" };
        assert_eq!(cards[0].lines[0].raw, Some(m(value)), "{measure}");
    }
    let scheme = of_measures("reached", measures);
    let impossible = [inputs(1, 0, &[("reached", Sample { sum: 2_000_000_000_000, ppm: 1_000_000 })])];
    assert!(matches!(score(&scheme, &impossible), Err(CardError::Impossible { .. })), "two of one");
    let own = of_measures("own", vec![define("own", records(Some(Value::Rating), Aggregation::Mean, None))]);
    let impossible = [inputs(1, 1, &[("own", rate(1, 2))])];
    assert!(matches!(score(&own, &impossible), Err(CardError::Impossible { .. })), "more measured than credited");
}

#[test]
fn fewer_than_the_least_count_is_no_data() {
    let mut rating = define("rating", records(Some(Value::Rating), Aggregation::Mean, None));
    rating.min_count = 3;
    let people = [inputs(1, 9, &[("rating", rate(2, 2))]), inputs(2, 9, &[("rating", rate(3, 3))])];
    let cards = score(&of_measures("rating", vec![rating.clone()]), &people).unwrap();
    assert_eq!(of(&cards, 1).lines[0].dropped, Some(Dropped::NoDataOfPerson));
    assert_eq!(of(&cards, 2).lines[0].raw, Some(m("1")));
    assert_eq!(en(&rating.explain()), "the mean of the rating, of at least 3");
}

#[test]
fn fewer_than_the_least_count_is_no_zero_of_a_count_nor_of_what_is_computed_from_it() {
    let part = |of: &str| Part { of: of.into(), factor: Micro::ONE };
    let total = |of: &[&str]| Of::Derived(Derived::Sum(of.iter().map(|of| part(of)).collect()));
    let after = "orders".to_owned();
    let again = Of::Derived(Derived::Repeat { of: "orders".into(), after, within_days: 30 });
    let team = Of::Team(OfTeam { of: "orders".into(), aggregation: Rolled::Sum, test: None });
    let measures = |min_count| {
        let count = |name, aggregation| Definition {
            min_count,
            ..define(name, records(Some(Value::Amount), aggregation, Some(Test::Above(Micro::ZERO))))
        };
        vec![
            count("orders", Aggregation::Count),
            count("buyers", Aggregation::Distinct),
            define("share", ratio("orders", "credited_records", true)),
            define("index", total(&["orders", "amount"])),
            define("above", ratio("index", "credited_records", false)),
            define("again", again.clone()),
            define("team", team.clone()),
            define("of_team", total(&["team", "amount"])),
        ]
    };
    let person = |n, orders: Option<u32>, team: Option<u32>| {
        let all = ["orders", "buyers", "again"].into_iter().zip([orders; 3]).chain([("team", team)]);
        let samples: Vec<_> = all.filter_map(|(name, of)| Some((name, counted(of?, of?)))).collect();
        inputs(n, 40, &[&samples[..], &[("amount", counted(40, 40))]].concat())
    };
    let people =
        [person(1, Some(20), Some(32)), person(2, Some(19), None), person(3, None, None), person(4, Some(20), None)];
    let scored = |measure: &str, min_count| {
        let sales = Kpi { weight: m("50"), ..kpi("amount", Normalisation::TargetPiecewise) };
        let mut scheme = of_measures(measure, measures(min_count));
        scheme.kpis[0].weight = m("50");
        scheme.kpis.push(sales);
        assert_eq!(problems(&scheme), [], "{measure}");
        let cards = score(&scheme, &people).unwrap();
        [1, 2, 3].map(|n| {
            let line = &of(&cards, n).lines[0];
            let weights = of(&cards, n).lines.iter().map(|line| line.weight).collect::<Vec<_>>();
            let left_out = weights == [m("0"), m("100")];
            assert_eq!(left_out, line.dropped == Some(Dropped::NoDataOfPerson), "{measure} of {n}: {line:?}");
            line.raw.filter(|_| !left_out).map(|raw| raw.to_string())
        })
    };
    let told = |values: [Option<&str>; 3]| values.map(|value| value.map(str::to_owned));
    let whole = [("orders", "20", "19", "0"), ("buyers", "20", "19", "0"), ("share", "50", "47.5", "0")];
    for (measure, most, fewer, none) in whole {
        assert_eq!(scored(measure, 0), told([Some(most), Some(fewer), Some(none)]), "{measure}");
        assert_eq!(scored(measure, 20), told([Some(most), None, None]), "{measure} of at least 20");
    }
    for (measure, most) in [("index", "60"), ("above", "1.5"), ("again", "100"), ("of_team", "72")] {
        assert_eq!(scored(measure, 20), told([Some(most), None, None]), "{measure} of at least 20");
    }
    assert_eq!(scored("index", 0), told([Some("60"), Some("59"), Some("40")]));
    assert_eq!(scored("of_team", 0), told([Some("72"), Some("40"), Some("40")]), "nothing of a sum is zero");
    let scheme = of_measures("orders", measures(20));
    let values = ["orders", "index"].map(|name| crate::scoring::values(&scheme, &people, name)[1]);
    assert_eq!(values, [None, None], "what teams are rolled up from");
}

#[test]
fn everything_that_is_wrong_with_definitions_is_named() {
    use Aggregation::{Count, Mean, Share, Sum};
    let part = |of: &str, factor: &str| Part { of: of.into(), factor: m(factor) };
    let sum = |parts| Of::Derived(Derived::Sum(parts));
    let repeat =
        |of: &str, days| Of::Derived(Derived::Repeat { of: of.into(), after: String::new(), within_days: days });
    let team = |of: &str, aggregation, test| Of::Team(OfTeam { of: of.into(), aggregation, test });
    let mut backwards = define("backwards", records(None, Count, None));
    (backwards.from, backwards.to) = (Some("2026-03-02".parse().unwrap()), Some("2026-03-01".parse().unwrap()));
    let (value, kinds) = (Some(Value::Amount), vec![String::new()]);
    let session = OfRecords { value, aggregation: Sum, test: None, kinds, hours: None, session_minutes: 20_000 };
    let session = Of::Record(session);
    let measures = vec![
        define("", records(None, Mean, None)),
        define("resolved", records(Some(Value::Resolved), Share, None)),
        define("late", records(Some(Value::FirstReplySeconds), Share, None)),
        define("late", records(Some(Value::Resolved), Mean, Some(Test::AtMost(Micro::ONE)))),
        backwards,
        define("session", session),
        define("a", sum(vec![part("b", "1")])),
        define("b", sum(vec![part("a", "1"), part("nothing", "0")])),
        define("c", ratio("late", "credited_records", false)),
        define("d", repeat("amount", 0)),
        define("e", team("late", Rolled::Share, None)),
        define("f", sum(vec![])),
    ];
    let found = problems(&of_measures("late", measures));
    let found: Vec<(&str, &str)> = found.iter().map(|(field, id)| (field.as_str(), id.as_str())).collect();
    assert_eq!(
        found,
        [
            ("measures[0].name", "TEXT_EMPTY"),
            ("measures[0].value", "MEASURE_VALUE_MISSING"),
            ("measures[1].name", "MEASURE_BUILT_IN"),
            ("measures[2].test", "MEASURE_TEST_MISSING"),
            ("measures[3].name", "NAME_TWICE"),
            ("measures[3].value", "MEASURE_OF_RESOLVED"),
            ("measures[3].test", "MEASURE_TEST_NOT_HERE"),
            ("measures[4].from", "MEASURE_VALID_BACKWARDS"),
            ("measures[5].kinds", "TEXT_EMPTY"),
            ("measures[5].session_minutes", "MEASURE_SESSION_TOO_LONG"),
            ("measures[5].session_minutes", "MEASURE_SESSION_NOT_HERE"),
            ("measures[6].of", "MEASURE_OF_ITSELF"),
            ("measures[7].sum", "MEASURE_FACTOR_ZERO"),
            ("measures[7].of", "MEASURE_PART_UNKNOWN"),
            ("measures[7].of", "MEASURE_OF_ITSELF"),
            ("measures[8].of", "MEASURE_ADDS_NOT_UP"),
            ("measures[9].of", "MEASURE_COUNT_EXPECTED"),
            ("measures[9].within_days", "MEASURE_DAYS_BEYOND"),
            ("measures[10].test", "MEASURE_TEST_MISSING"),
            ("measures[11].sum", "MEASURE_SUM_EMPTY"),
        ]
    );
}

#[test]
fn the_built_in_measures_are_definitions_of_their_kind() {
    for name in ["first_reply_within_30s", "resolved", "rating_at_least_4", "amount"] {
        let measure = Measure::from(name.to_owned());
        let definition = built_in(&measure).unwrap();
        assert_eq!((definition.kind(), definition.name.as_str()), (measure.kind(), name));
    }
    let told = |name: &str| en(&built_in(&Measure::from(name.to_owned())).unwrap().explain());
    assert_eq!(
        told("first_reply_within_30s"),
        "the percentage of records with the seconds until the first reply at most 30"
    );
    assert_eq!(built_in(&Measure::CreditedRecords), None);
}

#[test]
fn a_scheme_that_names_what_is_supplied_gets_it_with_all_that_it_is_computed_from() {
    let sources = supplied();
    let mut scheme = of_measures("supplied.conversion", vec![]);
    copy_named(["supplied.conversion".to_owned(), "nps".to_owned()], &mut scheme.measures, &sources);
    let mut names: Vec<&str> = scheme.measures.iter().map(|definition| definition.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["supplied.buyers", "supplied.conversion", "supplied.customers"], "a column stays one");
    assert_eq!(problems(&scheme), []);
    let before = scheme.clone();
    copy_named(["supplied.conversion".to_owned(), "amount".to_owned()], &mut scheme.measures, &sources);
    assert_eq!(scheme, before, "nothing twice, and nothing in place of what is built in");
}

#[test]
fn what_is_supplied_is_sound_together_and_told_in_both_languages() {
    let all = supplied();
    let own: Vec<Definition> = all.iter().filter(|one| one.name.starts_with("supplied.")).cloned().collect();
    assert_eq!((all.len() - own.len(), unsound(&own, 0)), (5, vec![]));
    for definition in all {
        let told = [en(&definition.explain()), zh(&definition.explain())];
        // A plain ratio is the same sign in both.
        let differs = told[0] != told[1] || told[0] == "amount / supplied.orders";
        assert!(differs && !told.iter().any(|told| told.contains("DEFINED")), "{told:?}");
    }
}

proptest! {
    /// A definition that says what a built-in measure is scores as that does, whatever the month.
    #[test]
    fn a_definition_equal_to_a_built_in_gives_the_same(parts in prop::collection::vec((1..=1_000_000_u32, any::<bool>()), 1..40)) {
        let mut sample = Sample::default();
        parts.iter().for_each(|(ppm, yes)| sample.add_flag(*ppm, *yes));
        let mine = of_measures("mine", vec![Definition { name: "mine".into(), ..built_in(&Measure::Resolved).unwrap() }]);
        let people = |name: &str| [inputs(1, 1_000, &[(name, sample)]), inputs(2, 1_000, &[(name, rate(1, 3))])];
        let (own, known) = (score(&mine, &people("mine")).unwrap(), score(&of_measures("resolved", vec![]), &people("resolved")).unwrap());
        for (own, known) in own.iter().zip(&known) {
            prop_assert_eq!((own.person, own.score, own.rank), (known.person, known.score, known.rank));
            prop_assert_eq!((own.lines[0].raw, own.lines[0].n), (known.lines[0].raw, known.lines[0].n));
        }
    }

    /// A ratio of two counts is what the numbers give by hand, rounded once.
    #[test]
    fn a_derived_ratio_equals_the_division_by_hand(yes in 0..500_u32, of in 1..500_u32) {
        let count = |column: &str| records(Some(Value::Column(column.into())), Aggregation::Count, Some(Test::Equal(Micro::ONE)));
        let scheme = of_measures("r", vec![define("r", ratio("a", "b", false)), define("a", count("a")), define("b", count("b"))]);
        let people = [inputs(1, 1_000, &[("a", counted(yes, 600)), ("b", counted(of, 600))])];
        let by_hand = Micro::ratio(yes.into(), of.into());
        prop_assert_eq!(score(&scheme, &people).unwrap()[0].lines[0].raw, by_hand);
    }
}
