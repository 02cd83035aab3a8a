//! Claims.

use proptest::prelude::*;

use super::*;

const MINUTE: i64 = 60_000;

fn claim(person: u32, at_ms: i64) -> Claim {
    Claim { account: 0, person, at_ms, day: 0, record: None, customer: None }
}

/// Two on duty from nine to twelve, three on a later day, and some records of nobody.
fn desk(records: Vec<Record>, claims: Vec<Claim>) -> Input {
    let mut case = input(vec![duty(0, 9..12, DutyRule::Rostered), duty(1, 9..12, DutyRule::Rostered)], records);
    case.accounts[0].phases = vec![PhaseFrom { from_day: 0, phase: Phase::Shared, capacity: 4 }];
    case.claims = claims;
    case
}

fn of_customer(key: &str, minute: i64, customer: u32) -> Record {
    let start_ms = 9 * HOUR + minute * MINUTE;
    Record { start_ms, end_ms: start_ms + 5 * MINUTE, customer: Some(customer), ..record(key, 9) }
}

/// Whose each record is, where that is one, and by which rung.
fn whose(outcome: &Attribution) -> Vec<(Rung, Option<u32>)> {
    let one = |credit: &Credit| match outcome.shares_of(credit) {
        [only] => Some(only.person),
        _ => None,
    };
    outcome.credits.iter().map(|credit| (credit.rung, one(credit))).collect()
}

fn noticed(outcome: &Attribution) -> Vec<(FindingKind, Option<u32>)> {
    let told = outcome.findings.iter().filter(|found| found.kind != FindingKind::SeveralAtOnce);
    told.map(|found| (found.kind, found.person)).collect()
}

#[test]
fn a_claim_is_of_the_record_it_names_of_its_customers_or_of_the_next_one() {
    let records =
        || vec![of_customer("a", 0, 7), of_customer("b", 3, 8), of_customer("c", 30, 7), of_customer("d", 60, 9)];
    let at = |minute: i64| 9 * HOUR + minute * MINUTE;
    let cases = [
        (Claim { record: Some(3), ..claim(1, at(0)) }, 3),
        (Claim { customer: Some(7), ..claim(1, at(2)) }, 0),
        // Ten minutes after the end it is still about what was; half an hour later about the next.
        (Claim { customer: Some(7), ..claim(1, at(15)) }, 0),
        (Claim { customer: Some(7), ..claim(1, at(21)) }, 2),
        (claim(1, at(-9)), 0),
        (claim(1, at(1)), 0),
        (claim(1, at(3)), 1),
        (claim(1, at(25)), 2),
    ];
    for (claim, place) in cases {
        let at_nine = Claim { at_ms: claim.at_ms.max(9 * HOUR), ..claim };
        let outcome = attribute(&desk(records(), vec![at_nine]), &pool(1));
        let claimed: Vec<usize> = whose(&outcome)
            .iter()
            .enumerate()
            .filter(|(_, of)| of.0 == Rung::Claimed)
            .map(|(place, _)| place)
            .collect();
        assert_eq!(claimed, [place], "{claim:?}");
        assert_eq!(whose(&outcome)[place].1, Some(1));
        assert_eq!(outcome.by_person.iter().map(|total| total.claimed).sum::<u64>(), u64::from(WHOLE));
    }
    // Two who take the next one take one each.
    let outcome = attribute(&desk(records(), vec![claim(1, at(0)), claim(0, at(0))]), &pool(1));
    assert_eq!(whose(&outcome)[..2], [(Rung::Claimed, Some(0)), (Rung::Claimed, Some(1))]);
}

#[test]
fn what_a_claim_cannot_say_is_a_finding_and_takes_nothing_from_the_rest() {
    let records = || vec![of_customer("a", 0, 7), tagged(of_customer("b", 3, 8), 0), of_customer("c", 20, 9)];
    let at = |minute: i64| 9 * HOUR + minute * MINUTE;
    let of = |person, record, minute| Claim { record: Some(record), ..claim(person, at(minute)) };
    let noticed_of = |claims: Vec<Claim>| noticed(&attribute(&desk(records(), claims), &pool(1)));
    assert_eq!(noticed_of(vec![of(2, 0, 1)]), [(FindingKind::ClaimOffDuty, Some(2))], "somebody who was not on duty");
    assert_eq!(noticed_of(vec![claim(0, at(120))]), [(FindingKind::ClaimWithoutRecord, Some(0))], "nothing came");
    let stranger = Claim { customer: Some(99), ..claim(0, at(1)) };
    assert_eq!(noticed_of(vec![stranger]), [(FindingKind::ClaimWithoutRecord, Some(0))]);
    assert_eq!(noticed_of(vec![of(1, 1, 4)]), [(FindingKind::ClaimsDiffer, Some(1))], "the record names another");
    assert_eq!(noticed_of(vec![of(0, 1, 4)]), [], "it names the same");
    let both = attribute(&desk(records(), vec![of(0, 0, 1), of(1, 0, 2), of(1, 2, 21)]), &pool(1));
    assert_eq!(noticed(&both), [(FindingKind::ClaimsDiffer, Some(1))]);
    let rungs = whose(&both);
    assert_ne!(rungs[0].0, Rung::Claimed, "two say that it is theirs");
    assert_eq!(rungs[1..], [(Rung::Tagged, Some(0)), (Rung::Claimed, Some(1))]);
    let mut before = desk(records(), vec![of(1, 2, 21)]);
    before.policy.rules = 2;
    assert_eq!(whose(&attribute(&before, &pool(1)))[2].0, Rung::Equal, "before version 3 nobody knew claims");
}

#[test]
fn what_is_found_of_claims_is_of_the_click_and_names_both_people() {
    let at = |minute: i64| 9 * HOUR + minute * MINUTE;
    let records = vec![
        of_customer("a", 0, 7),
        tagged(of_customer("b", 3, 8), 0),
        of_customer("c", 20, 9),
        of_customer("d", 25, 6),
    ];
    // The clicks are of the next working day.
    let of = |person, record, minute| Claim { record, day: 1, ..claim(person, at(minute)) };
    let claims = vec![
        of(1, Some(0), 2),
        of(0, Some(0), 5),
        of(1, Some(0), 6),
        of(0, Some(2), 21),
        of(1, Some(2), 30),
        of(1, Some(1), 4),
        of(2, Some(3), 40),
        of(2, Some(3), 39),
        Claim { customer: Some(99), ..of(0, None, 50) },
        of(0, Some(3), 170),
        of(1, Some(3), 171),
    ];
    let case = desk(records, claims);
    let outcome = attribute(&case, &pool(1));
    let found = outcome.findings.iter().filter(|found| found.kind != FindingKind::SeveralAtOnce);
    let told: Vec<_> = found
        .map(|found| {
            assert_eq!(found.day, Some(1), "the day of the click: {found:?}");
            let minute = |at: Option<i64>| at.map(|at| (at - 9 * HOUR) / MINUTE);
            let key = case.records[found.record as usize].key.as_str();
            (
                found.kind,
                (found.person, minute(found.at_ms)),
                (found.other, minute(found.other_at_ms)),
                key,
                found.records,
            )
        })
        .collect();
    let near = |kind, person, minute, key, count| (kind, (Some(person), Some(minute)), (None, None), key, count);
    let expected = [
        near(FindingKind::ClaimOffDuty, 2, 39, "d", 2),
        near(FindingKind::ClaimWithoutRecord, 0, 50, "d", 1),
        (FindingKind::ClaimsDiffer, (Some(0), Some(5)), (Some(1), Some(2)), "a", 1),
        (FindingKind::ClaimsDiffer, (Some(1), Some(4)), (Some(0), None), "b", 1),
        (FindingKind::ClaimsDiffer, (Some(1), Some(30)), (Some(0), Some(21)), "c", 2),
    ];
    assert_eq!(told, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn neither_the_order_of_claims_nor_threads_matter_and_no_record_is_claimed_twice(
        claims in prop::collection::vec((0..3_u32, 0..200_i64, 0..3_u8, 0..40_u32), 0..60), turn in 0usize..1000,
    ) {
        let records: Vec<Record> = (0..40).map(|n| of_customer(&format!("r{n:02}"), i64::from(n) * 4, n % 9)).collect();
        let claims = claims.into_iter().map(|(person, minute, by, of)| Claim {
            record: (by == 1).then_some(of),
            customer: (by == 2).then_some(of % 11),
            ..claim(person, 9 * HOUR + minute * MINUTE)
        });
        let case = desk(records, claims.collect());
        let outcome = attribute(&case, &pool(1));
        let (claimed, told) = (outcome.credits.iter().filter(|credit| credit.rung == Rung::Claimed).count(), outcome.findings.len());
        prop_assert!(case.claims.is_empty() || claimed + told > 0, "nothing of it is silent");
        prop_assert_eq!(attribute(&shuffled(&case, turn), &pool(4)).digest, outcome.digest);
    }
}

#[test]
fn where_one_claims_far_more_than_the_other_and_nothing_weighs_the_rest_that_is_said() {
    let day = |number: i64| -> Vec<Record> {
        let key = format!("r{number:03}");
        vec![of_customer(&key, number % 170, u32::try_from(number).expect("a small number"))]
    };
    let records: Vec<Record> = (0..160).flat_map(day).collect();
    // Every second dialogue is the second's; of those the first claims so many in a hundred, and the second so many.
    let outcome = |rates: [i64; 2]| {
        let claimed = |number: i64| (number / 2 * 37 % 100) < rates[usize::from(number % 2 == 1)];
        let claims = (0..160).filter(|number| claimed(*number)).map(|number| Claim {
            record: u32::try_from(number).ok(),
            ..claim(u32::from(number % 2 == 1), 9 * HOUR + number % 170 * MINUTE + MINUTE)
        });
        attribute(&desk(records.clone(), claims.collect()), &pool(1))
    };
    let uneven = |outcome: &Attribution| -> Vec<(Option<u32>, u32)> {
        let told = outcome.findings.iter().filter(|found| found.kind == FindingKind::EvidenceUneven);
        told.map(|found| (found.person, found.records)).collect()
    };
    for even in [[50, 50], [0, 0], [100, 100], [60, 45]] {
        assert_eq!(uneven(&outcome(even)), [], "{even:?}");
    }
    let apart = outcome([80, 10]);
    let open = apart.credits.iter().filter(|credit| credit.rung == Rung::Equal).count();
    assert_eq!(uneven(&apart), [(Some(1), u32::try_from(open).expect("a small number"))]);
    let first_rules = Input { policy: Policy { rules: 2, ..Policy::default() }, ..desk(records, Vec::new()) };
    assert_eq!(uneven(&attribute(&first_rules, &pool(1))), []);
}
