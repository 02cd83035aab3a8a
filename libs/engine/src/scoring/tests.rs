use tally_i18n::text;
use tally_kernel::error::Error;
use tally_kernel::{Locale, Message, Ppm};

use super::*;

fn en(message: &Message) -> String {
    text(Locale::En, message)
}

fn zh(message: &Message) -> String {
    text(Locale::ZhCn, message)
}

mod bounds;
mod definition;
mod difference;
mod large;
mod properties;
mod refine;

fn person(n: u128) -> PersonId {
    PersonId(format!("{n:032x}").parse().unwrap())
}

fn team(n: u128) -> OrgUnitId {
    OrgUnitId(format!("{n:032x}").parse().unwrap())
}

fn m(text: &str) -> Micro {
    text.parse().unwrap()
}

/// `yes` of `of` whole records.
fn rate(yes: u32, of: u32) -> Sample {
    let mut sample = Sample::default();
    (0..of).for_each(|i| sample.add_flag(1_000_000, i < yes));
    sample
}

fn inputs(n: u128, records: u64, samples: &[(&str, Sample)]) -> PersonInputs {
    PersonInputs {
        person: person(n),
        unit: team(1),
        credited_ppm: records * 1_000_000,
        outside_ppm: None,
        samples: samples.iter().map(|(name, s)| ((*name).to_owned(), *s)).collect(),
        past: BTreeMap::new(),
    }
}

fn kpi(measure: &str, normalisation: Normalisation) -> Kpi {
    Kpi {
        key: measure.to_owned(),
        measure: measure.to_owned().into(),
        normalisation,
        small_sample: 0,
        ..Scheme::standard().kpis[1].clone()
    }
}

fn scheme(kpis: Vec<Kpi>) -> Scheme {
    Scheme { kpis, ..Scheme::standard() }
}

/// A scheme of one indicator with weight 100.
fn single(measure: &str, normalisation: Normalisation) -> Scheme {
    scheme(vec![Kpi { weight: Micro::HUNDRED, ..kpi(measure, normalisation) }])
}

fn of(cards: &[ScoreCard], n: u128) -> &ScoreCard {
    cards.iter().find(|c| c.person == person(n)).unwrap()
}

fn points(cards: &[ScoreCard], n: u128) -> String {
    of(cards, n).score.to_string()
}

#[test]
fn the_standard_scheme_is_sound_and_scores_a_team_by_hand() {
    let scheme = Scheme::standard();
    assert_eq!(scheme.validate(None), Ok(()));
    let people = [
        inputs(
            1,
            400,
            &[
                ("first_reply_within_30s", rate(90, 100)),
                ("resolved", rate(80, 100)),
                ("rating_at_least_4", rate(45, 50)),
            ],
        ),
        inputs(
            2,
            500,
            &[
                ("first_reply_within_30s", rate(50, 100)),
                ("resolved", rate(100, 100)),
                ("rating_at_least_4", rate(50, 50)),
            ],
        ),
        inputs(
            3,
            900,
            &[
                ("first_reply_within_30s", rate(70, 100)),
                ("resolved", rate(60, 100)),
                ("rating_at_least_4", rate(25, 50)),
            ],
        ),
    ];
    let cards = score(&scheme, &people).unwrap();
    // Median 500. Person 1: 80 * .4 + 90 * .2 + 80 * .2 + 90 * .2.
    assert_eq!([points(&cards, 1), points(&cards, 2), points(&cards, 3)], ["84", "90", "84"]);
    // Person 3 is cut to the cap: 180 becomes 120.
    let line = &of(&cards, 3).lines[0];
    assert_eq!((line.normalised, line.limit, line.weighted), (Some(m("120")), Some(Limit::Cap), m("48")));
    assert_eq!(line.target, Some(TargetUsed { value: m("500"), basis: Basis::TeamMedian { people: 3 } }));
    assert_eq!(
        cards.iter().map(|c| (c.person, c.rank)).collect::<Vec<_>>(),
        [(person(2), 1), (person(1), 2), (person(3), 2)]
    );
    assert_eq!(of(&cards, 1).of, 3);
}

#[test]
fn the_next_improvement_is_worth_what_the_same_steps_give() {
    let people = [
        inputs(
            1,
            400,
            &[
                ("first_reply_within_30s", rate(90, 100)),
                ("resolved", rate(100, 100)),
                ("rating_at_least_4", rate(9, 10)),
            ],
        ),
        inputs(2, 500, &[]),
        inputs(3, 900, &[]),
    ];
    let cards = score(&Scheme::standard(), &people).unwrap();
    let next = |n, i: usize| of(&cards, n).lines[i].next;
    assert_eq!(next(1, 0), Some(Next { step: m("1"), gain: m("0.08") }), "a record of 500 is 0.2 points times 40 %");
    assert_eq!(next(1, 1), Some(Next { step: m("1"), gain: m("0.2") }), "a percentage point times 20 %");
    assert_eq!(next(1, 2), None, "nothing is better than all");
    assert_eq!(
        next(1, 3),
        Some(Next { step: m("1"), gain: m("0.066667") }),
        "ten of thirty records move the value by a third"
    );
    assert_eq!(next(3, 0).unwrap().gain, Micro::ZERO, "the cap is reached");
    assert_eq!(
        en(&of(&cards, 3).lines[0].explain_next().unwrap()),
        "1 more credited record would add nothing: the cap is reached."
    );
    assert_eq!(zh(&of(&cards, 1).lines[1].explain_next().unwrap()), "再提高 1 个百分点可加 0.2 分。");
}

#[test]
fn two_good_ratings_of_two_do_not_outrank_190_of_200() {
    let mut scheme = single("rating_at_least_4", Normalisation::TargetPiecewise);
    let people = [
        inputs(1, 2, &[("rating_at_least_4", rate(2, 2))]),
        inputs(2, 200, &[("rating_at_least_4", rate(190, 200))]),
        inputs(3, 100, &[("rating_at_least_4", rate(60, 100))]),
    ];
    let raw = score(&scheme, &people).unwrap();
    assert!(of(&raw, 1).score > of(&raw, 2).score, "without the rule it would");
    scheme.kpis[0].small_sample = 30;
    let cards = score(&scheme, &people).unwrap();
    let line = &of(&cards, 1).lines[0];
    // Pooled 252 of 302; (2 * 100 + 28 * 83.443709) / 30.
    assert_eq!(line.small_sample, Some(SmallSample { below: 30, group: m("83.443709") }));
    assert_eq!((line.n, line.raw, line.adjusted), (m("2"), Some(m("100")), Some(m("84.547462"))));
    assert_eq!(points(&cards, 2), "95", "enough records stay as they are");
    assert!(of(&cards, 1).score < of(&cards, 2).score);
}

#[test]
fn nothing_jumps_where_the_small_sample_rule_ends() {
    let mut scheme = single("resolved", Normalisation::TargetPiecewise);
    scheme.kpis[0].small_sample = 30;
    let at = |n| {
        let cards = score(
            &scheme,
            &[inputs(1, 30, &[("resolved", rate(n, n))]), inputs(2, 900, &[("resolved", rate(450, 900))])],
        );
        of(&cards.unwrap(), 1).score
    };
    assert_eq!(at(30), m("100"));
    assert!(at(29) > m("98") && at(29) < at(30), "{}", at(29));
}

#[test]
fn an_indicator_without_data_is_dropped_for_everybody_and_its_weight_spread() {
    let people = [inputs(1, 10, &[("resolved", rate(5, 10))]), inputs(2, 10, &[("resolved", rate(10, 10))])];
    let mut scheme = Scheme::standard();
    scheme.kpis.iter_mut().for_each(|k| k.small_sample = 0);
    let cards = score(&scheme, &people).unwrap();
    for card in &cards {
        let weights: Vec<_> = card.lines.iter().map(|l| (l.weight.to_string(), l.dropped)).collect();
        let none = Some(Dropped::NobodyHasData);
        let expected = [
            ("66.666667".to_owned(), None),
            ("0".to_owned(), none),
            ("33.333333".to_owned(), None),
            ("0".to_owned(), none),
        ];
        assert_eq!(weights, expected);
        assert_eq!(
            en(&card.lines[1].explain()),
            "First reply within 30 s: nobody has data in the period, so it is dropped for everybody, and its weight of 20 is spread over the other indicators in proportion."
        );
    }
    assert_eq!(points(&cards, 2), "100");
    assert_eq!(points(&cards, 1), "83.333333", "66.666667 + 16.6666665 rounded to the even neighbour");
}

#[test]
fn a_person_without_data_keeps_the_other_weights_or_counts_as_average() {
    let people =
        [inputs(1, 10, &[]), inputs(2, 10, &[("resolved", rate(5, 10))]), inputs(3, 10, &[("resolved", rate(9, 10))])];
    let mut scheme = scheme(vec![
        Kpi {
            weight: m("50"),
            target: Some(Target::TeamMedian),
            ..kpi("credited_records", Normalisation::TargetPiecewise)
        },
        Kpi { weight: m("50"), ..kpi("resolved", Normalisation::TargetPiecewise) },
    ]);
    let cards = score(&scheme, &people).unwrap();
    assert_eq!(of(&cards, 1).lines[1].dropped, Some(Dropped::NoDataOfPerson));
    assert_eq!(points(&cards, 1), "100");
    scheme.kpis[1].small_sample = 10;
    let cards = score(&scheme, &people).unwrap();
    assert_eq!(of(&cards, 1).lines[1].adjusted, Some(m("70")), "14 of 20 in the group");
    assert_eq!(points(&cards, 1), "85");
}

#[test]
fn who_served_nobody_is_not_lifted_to_the_average() {
    let people = [inputs(1, 0, &[]), inputs(2, 10, &[("resolved", rate(5, 10))]), inputs(3, 1, &[])];
    let cards = score(&Scheme::standard(), &people).unwrap();
    assert_eq!(points(&cards, 1), "0");
    assert_eq!(of(&cards, 1).lines[2].dropped, Some(Dropped::NoDataOfPerson));
    assert_eq!(of(&cards, 3).lines[2].adjusted, Some(m("50")));
}

#[test]
fn a_team_of_fewer_than_three_takes_the_median_of_everybody() {
    let mut people: Vec<_> = (1..=5).map(|n| inputs(n, 100 * u64::try_from(n).unwrap(), &[])).collect();
    people[4].unit = team(2);
    people.push(PersonInputs { credited_ppm: 0, ..inputs(6, 0, &[]) });
    let mut scheme = single("credited_records", Normalisation::TargetPiecewise);
    scheme.kpis[0].target = Some(Target::TeamMedian);
    let cards = score(&scheme, &people).unwrap();
    let target = |n| of(&cards, n).lines[0].target.unwrap();
    assert_eq!(
        target(1),
        TargetUsed { value: m("250"), basis: Basis::TeamMedian { people: 4 } },
        "who has no record does not pull it down"
    );
    assert_eq!(target(5), TargetUsed { value: m("300"), basis: Basis::GroupMedian { people: 5 } });
    assert_eq!(points(&cards, 6), "0");
}

#[test]
fn less_is_better_where_the_scheme_says_so() {
    let mut scheme = single("handle_minutes", Normalisation::TargetPiecewise);
    (scheme.kpis[0].direction, scheme.kpis[0].target) = (Direction::Lower, Some(Target::Fixed(m("8"))));
    let minutes = |value: &str| {
        let mut s = Sample::default();
        s.add(1_000_000, m(value));
        s
    };
    let people: Vec<_> = [(1, "8"), (2, "6"), (3, "17"), (4, "0.5")]
        .map(|(n, v)| inputs(n, 1, &[("handle_minutes", minutes(v))]))
        .into();
    let cards = score(&scheme, &people).unwrap();
    assert_eq!([1, 2, 3, 4].map(|n| points(&cards, n)), ["100", "120", "0", "120"]);
    assert_eq!(of(&cards, 1).lines[0].next, Some(Next { step: m("0.08"), gain: m("1") }));
}

#[test]
fn normalisations_against_the_group_give_the_values_worked_out_by_hand() {
    let people: Vec<_> =
        [(1, 10), (2, 20), (3, 20), (4, 50)].map(|(n, yes)| inputs(n, 100, &[("resolved", rate(yes, 100))])).into();
    let run = |normalisation| {
        let cards = score(&single("resolved", normalisation), &people).unwrap();
        [1, 2, 3, 4].map(|n| points(&cards, n))
    };
    assert_eq!(run(Normalisation::MinMax), ["0", "30", "30", "120"]);
    assert_eq!(run(Normalisation::Percentile), ["25", "75", "75", "100"]);
    // Mean 25, deviation 15: 50 + 10 * (10 - 25) / 15.
    assert_eq!(run(Normalisation::TScore), ["40", "46.666667", "46.666667", "66.666667"]);
    let mut forced = single("resolved", Normalisation::ForcedDistribution);
    let band = |quota, points| Band { quota: Ppm::new(quota).unwrap(), points: m(points) };
    forced.kpis[0].bands = vec![band(500_000, "110"), band(500_000, "80")];
    let cards = score(&forced, &people).unwrap();
    assert_eq!([1, 2, 3, 4].map(|n| points(&cards, n)), ["80", "110", "110", "110"], "a tie goes to the better band");
}

#[test]
fn a_deviation_is_rounded_to_the_nearest_millionth() {
    let people: Vec<_> =
        [(1, 1), (2, 2), (3, 2)].map(|(n, yes)| inputs(n, 100, &[("resolved", rate(yes, 100))])).into();
    let cards = score(&single("resolved", Normalisation::TScore), &people).unwrap();
    // Mean 1.666667, deviation 0.4714045.. so 0.471405: 50 - 10 * 0.666667 / 0.471405.
    assert_eq!(points(&cards, 1), "35.857872");
}

#[test]
fn where_all_are_equal_nobody_is_ranked_apart() {
    let people: Vec<_> = (1..=3).map(|n| inputs(n, 10, &[("resolved", rate(5, 10))])).collect();
    for (normalisation, expected) in
        [(Normalisation::MinMax, "100"), (Normalisation::Percentile, "100"), (Normalisation::TScore, "50")]
    {
        let cards = score(&single("resolved", normalisation), &people).unwrap();
        assert!(cards.iter().all(|c| c.score == m(expected) && c.rank == 1), "{normalisation:?}");
    }
}

#[test]
fn collaboration_adds_at_most_five_points_and_nothing_without_rosters() {
    let mut people = vec![inputs(1, 200, &[]), inputs(2, 200, &[]), inputs(3, 200, &[])];
    (people[0].outside_ppm, people[1].outside_ppm) = (Some(3_500_000), Some(150_000_000));
    let mut scheme = single("credited_records", Normalisation::TargetPiecewise);
    scheme.kpis[0].target = Some(Target::TeamMedian);
    let cards = score(&scheme, &people).unwrap();
    assert_eq!([1, 2, 3].map(|n| points(&cards, n)), ["101.75", "105", "100"]);
    assert_eq!(of(&cards, 3).collaboration, None);
    assert_eq!(
        en(&of(&cards, 1).explain()),
        "Score 101.75, rank 2 of 3; 1.75 of it for collaboration: 3.5 of 200 records were outside the own roster or team."
    );
    scheme.collaboration = false;
    assert_eq!(points(&score(&scheme, &people).unwrap(), 2), "100");
}

#[test]
fn grades_follow_thresholds_or_quotas() {
    let people: Vec<_> = [(1, 95), (2, 80), (3, 80), (4, 60), (5, 10)]
        .map(|(n, yes)| inputs(n, 100, &[("resolved", rate(yes, 100))]))
        .into();
    let mut scheme = single("resolved", Normalisation::TargetPiecewise);
    let grade = |name: &str, min: Option<&str>, quota: Option<u32>| Grade {
        name: name.to_owned(),
        min_score: min.map(m),
        quota: quota.map(|q| Ppm::new(q).unwrap()),
    };
    let run = |scheme: &Scheme| {
        let cards = score(scheme, &people).unwrap();
        [1, 2, 3, 4, 5].map(|n| of(&cards, n).grade.clone().unwrap_or_default())
    };
    scheme.grades = vec![grade("A", Some("90"), None), grade("B", Some("60"), None)];
    assert_eq!(run(&scheme), ["A", "B", "B", "B", ""]);
    scheme.grades = vec![grade("A", None, Some(400_000)), grade("B", None, Some(600_000))];
    assert_eq!(run(&scheme), ["A", "A", "A", "B", "B"], "the tie at the edge goes to the better grade");
}

#[test]
fn every_problem_of_a_scheme_is_told_at_once() {
    let good = Scheme::standard();
    let mut bad = good.clone();
    bad.name = String::new();
    bad.kpis[0] = Kpi { weight: Micro::ZERO, small_sample: 5, target: None, ..good.kpis[0].clone() };
    bad.kpis[1] =
        Kpi { key: "resolved".into(), measure: Measure::Custom("nps".into()), floor: m("120"), ..good.kpis[1].clone() };
    bad.kpis[3] = Kpi { target: Some(Target::Fixed(Micro::ZERO)), ..good.kpis[3].clone() };
    bad.grades = vec![Grade { name: "A".into(), min_score: Some(m("1")), quota: Some(Ppm::WHOLE) }];
    let problems = bad.validate(Some(&BTreeSet::new())).unwrap_err();
    let found: Vec<_> = problems.iter().map(|p| (p.field.as_str(), p.kind)).collect();
    assert_eq!(
        found,
        [
            ("name", ProblemKind::Missing),
            ("kpis[0].weight", ProblemKind::WeightNotPositive),
            ("kpis[0].target", ProblemKind::Target),
            ("kpis[0].small_sample", ProblemKind::SmallSample),
            ("kpis[1].measure", ProblemKind::UnknownMeasure),
            ("kpis[1].floor", ProblemKind::Range),
            ("kpis[2].key", ProblemKind::Duplicate),
            ("kpis[3].target", ProblemKind::Target),
            ("kpis", ProblemKind::WeightsDoNotSum),
            ("grades", ProblemKind::Bands),
        ]
    );
    let error = Error::from(score(&bad, &[inputs(1, 1, &[])]).unwrap_err());
    assert_eq!((error.reason(), error.violations().len()), ("INVALID_REQUEST", 9), "scoring takes any column's name");
}

#[test]
fn weights_that_miss_100_by_a_millionth_are_refused() {
    let mut scheme = Scheme::standard();
    scheme.kpis[0].weight = m("40.000001");
    let problems = scheme.validate(None).unwrap_err();
    assert_eq!(problems[0].kind, ProblemKind::WeightsDoNotSum);
    assert!(en(&problems[0].description).contains("100.000001"), "{}", en(&problems[0].description));
}

#[test]
fn inputs_that_cannot_be_are_refused_and_not_scored() {
    let scheme = Scheme::standard();
    assert_eq!(score(&scheme, &[]), Err(CardError::NoPeople));
    let one = inputs(1, 1, &[]);
    assert_eq!(score(&scheme, &[one.clone(), one.clone()]), Err(CardError::DuplicatePerson(person(1))));
    let more_than_all = Sample { sum: 2_000_000_000_000, ppm: 1_000_000 };
    let wrong = inputs(1, 1, &[("resolved", more_than_all)]);
    assert!(matches!(score(&scheme, &[wrong]), Err(CardError::Impossible { .. })));
    let outside = PersonInputs { outside_ppm: Some(2_000_000), ..one };
    assert!(matches!(score(&scheme, &[outside]), Err(CardError::Impossible { .. })));
}

#[test]
fn where_no_indicator_can_be_scored_every_card_says_why_and_nothing_is_lost() {
    let zeros = [inputs(1, 1, &[("amount", Sample { sum: 0, ppm: 1_000_000 })]), inputs(2, 0, &[])];
    let mut median = single("amount", Normalisation::TargetPiecewise);
    median.kpis[0].target = Some(Target::TeamMedian);
    let unmeasured = single("resolved", Normalisation::MinMax);
    for (scheme, first, second) in [
        (median, Dropped::NoTarget, Dropped::NoDataOfPerson),
        (unmeasured, Dropped::NobodyHasData, Dropped::NobodyHasData),
    ] {
        let cards = score(&scheme, &zeros).unwrap();
        for (n, dropped) in [(1, first), (2, second)] {
            let card = of(&cards, n);
            let line = &card.lines[0];
            assert_eq!((line.dropped, line.weight, card.score), (Some(dropped), Micro::ZERO, Micro::ZERO));
        }
    }
}

#[test]
fn a_line_says_every_step_in_both_languages() {
    let people =
        [inputs(1, 40, &[("resolved", rate(3, 4))]), inputs(2, 50, &[("resolved", rate(90, 100))]), inputs(3, 60, &[])]
            .map(|p| PersonInputs { credited_ppm: p.credited_ppm.max(100_000_000), ..p });
    let cards = score(&Scheme::standard(), &people).unwrap();
    let line = &of(&cards, 1).lines[2];
    assert_eq!(
        en(&line.explain()),
        "Resolved: 75 % on 4 records; below 30 records the missing ones count as average (89.423077 %), which gives 87.5 %; against the \
         target of 100 % (set by the scheme) that is 87.5 points; times weight 33.333333 % (20 in the scheme, and a part of what dropped \
         indicators left) gives 29.166666."
    );
    assert_eq!(
        zh(&line.explain()),
        "解决率：4 条记录中为 75 %；不足 30 条，缺少部分按平均水平（89.423077 %）计入，得 87.5 %；对照目标 100 %（方案规定）得 87.5 分；乘以权重 33.333333 %（方案权重 20，含剔除指标分摊的部分），计 29.166666 分。"
    );
}

#[test]
fn a_card_and_a_scheme_survive_storage_as_json() {
    let scheme = Scheme::standard();
    let json = serde_json::to_string(&scheme).unwrap();
    assert!(json.contains(r#""target":"team_median""#) && json.contains(r#""weight":"40""#), "{json}");
    assert_eq!(serde_json::from_str::<Scheme>(&json).unwrap(), scheme);
    let cards = score(&scheme, &[inputs(1, 3, &[("resolved", rate(1, 3))])]).unwrap();
    let json = serde_json::to_string(&cards).unwrap();
    assert_eq!(serde_json::from_str::<Vec<ScoreCard>>(&json).unwrap(), cards);
    let huge = Sample { sum: i128::from(u64::MAX) * 1_000_000, ppm: 3_000_000 };
    let people = vec![inputs(1, 3, &[("resolved", rate(1, 3)), ("amount", huge)])];
    assert_eq!(serde_json::from_str::<Vec<PersonInputs>>(&serde_json::to_string(&people).unwrap()).unwrap(), people);
}

#[test]
fn a_written_scheme_needs_only_what_differs_from_the_usual() {
    let text = r#"{"name": "s", "kpis": [
        {"key": "a", "measure": "resolved", "target": 90, "weight": 66.5},
        {"key": "b", "measure": "wait_seconds", "direction": "lower", "normalisation": "percentile", "weight": "33.5"}]}"#;
    let scheme: Scheme = serde_json::from_str(text).unwrap();
    assert_eq!(scheme.validate(None), Ok(()));
    assert_eq!(
        (scheme.version, scheme.kpis[0].cap, scheme.kpis[0].target),
        (1, m("120"), Some(Target::Fixed(m("90"))))
    );
    assert_eq!(scheme.kpis[1].measure, Measure::Custom("wait_seconds".to_owned()));
    assert_eq!(measures_of(&scheme), ["resolved", "wait_seconds"].into());
    assert!(
        serde_json::from_str::<Scheme>(&text.replace("weight", "wieght")).is_err(),
        "a misspelt field is not passed over"
    );
}

#[test]
fn wilsons_interval_agrees_with_published_arithmetic() {
    // 190 of 200 and 2 of 2 at 90 %, computed with 40-digit decimals.
    let shown = |s: &Sample| wilson_90(s).map(|(l, h)| (l.to_string(), h.to_string()));
    assert_eq!(shown(&rate(190, 200)), Some(("91.810817".to_owned(), "96.987939".to_owned())));
    assert_eq!(shown(&rate(2, 2)), Some(("42.503061".to_owned(), "100".to_owned())));
    assert_eq!(wilson_90(&Sample::default()), None);
}
