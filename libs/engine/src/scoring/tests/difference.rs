//! What two versions of a card say differently.

use super::*;

fn sentences(before: Option<&ScoreCard>, after: Option<&ScoreCard>) -> Vec<String> {
    difference(before, after).iter().map(en).collect()
}

fn two() -> Scheme {
    let half = |measure| Kpi { weight: m("50"), ..kpi(measure, Normalisation::MinMax) };
    scheme(vec![half("resolved"), half("rating_at_least_4")])
}

#[test]
fn whatever_differs_is_said_and_nothing_where_nothing_does() {
    let people = |solved| {
        [
            inputs(1, 10, &[("resolved", rate(solved, 10)), ("rating_at_least_4", rate(5, 10))]),
            inputs(2, 10, &[("resolved", rate(5, 10)), ("rating_at_least_4", rate(9, 10))]),
            inputs(3, 10, &[("resolved", rate(1, 10)), ("rating_at_least_4", rate(9, 10))]),
        ]
    };
    let (before, after) = (score(&two(), &people(9)).unwrap(), score(&two(), &people(4)).unwrap());
    assert_eq!(sentences(Some(of(&before, 1)), Some(of(&before, 1))), Vec::<String>::new());
    assert_eq!(
        sentences(Some(of(&before, 1)), Some(of(&after, 1))),
        [
            "Before: Score 60, rank 2 of 3. Now: Score 45, rank 3 of 3.",
            "Resolved: 90 % on 10 records, 120 points, with weight 50 % 60 before; 40 % on 10 records, 90 points, with weight 50 % 45 now.",
        ]
    );
    // Somebody else's number moved: nothing was measured otherwise, and the place in the group is another one.
    assert_eq!(
        sentences(Some(of(&before, 2)), Some(of(&after, 2))),
        [
            "Before: Score 90, rank 1 of 3. Now: Score 120, rank 1 of 3.",
            "Resolved: 50 % on 10 records, 60 points, with weight 50 % 30 before; 50 % on 10 records, 120 points, with weight 50 % 60 now.",
        ]
    );
}

#[test]
fn a_card_that_came_or_went_and_indicators_of_another_version_are_said() {
    let people = [inputs(1, 10, &[("resolved", rate(9, 10))]), inputs(2, 10, &[("resolved", rate(5, 10))])];
    let before = score(&two(), &people).unwrap();
    let after = score(&single("credited_records", Normalisation::MinMax), &people).unwrap();
    assert_eq!(sentences(None, Some(of(&before, 1))), ["There is a card now: Score 120, rank 1 of 2."]);
    assert_eq!(sentences(Some(of(&before, 1)), None), ["There is no card any more. Before: Score 120, rank 1 of 2."]);
    assert_eq!(sentences(None, None), Vec::<String>::new());
    assert_eq!(
        sentences(Some(of(&before, 1)), Some(of(&after, 1))),
        [
            "Before: Score 120, rank 1 of 2. Now: Score 100, rank 1 of 2.",
            "Credited records: counts now: 10 records, 100 points, with weight 100 % 100.",
            "Resolved: counts no more: 90 % on 10 records, 120 points, with weight 100 % 120 before.",
            "Rating at least 4 of 5: counts no more: not measured, not scored before.",
        ]
    );
}

#[test]
fn records_that_moved_are_counted() {
    let with = |records| score(&single("credited_records", Normalisation::MinMax), &[inputs(1, records, &[])]).unwrap();
    let told = difference(Some(of(&with(10), 1)), Some(of(&with(12), 1)));
    let told: Vec<String> = told.iter().map(zh).collect();
    assert_eq!(
        told,
        [
            "归属记录数：更正前 10；更正后 12。",
            "归属记录数：更正前 10 条，100 分，权重 100 % 折算 100；更正后 12 条，100 分，权重 100 % 折算 100。",
        ]
    );
}
