use proptest::prelude::*;

use super::*;

/// The reference cases, or nothing (with a word about it) where the data folder is not named.
fn oracle() -> Option<Vec<serde_json::Value>> {
    #[expect(clippy::disallowed_methods, reason = "tests find the reference data by the environment")]
    let Ok(dir) = std::env::var("TALLY_REFERENCE_DATA") else {
        eprintln!("did not run: TALLY_REFERENCE_DATA is not set");
        return None;
    };
    let path = std::path::Path::new(&dir).join("oracles/apportionment.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    Some(serde_json::from_str(&text).unwrap())
}

#[test]
fn largest_remainder_agrees_with_the_reference_cases() {
    let Some(cases) = oracle() else { return };
    assert!(cases.len() >= 13, "the reference file lost cases");
    for case in &cases {
        let numbers = |key: &str| -> Option<Vec<i64>> {
            case[key].as_array().map(|a| a.iter().map(|n| n.as_i64().unwrap()).collect())
        };
        let total = case["total"].as_i64().unwrap();
        let weights: Vec<u128> = numbers("weights").unwrap().iter().map(|w| u128::try_from(*w).unwrap()).collect();
        let hamilton = numbers("hamilton_ties_lowest_index").unwrap();
        assert_eq!(largest_remainder(total, &weights).unwrap(), hamilton, "{case}");
    }
}

#[test]
fn a_claw_back_mirrors_the_payout() {
    assert_eq!(largest_remainder(-100, &[1, 1, 1]).unwrap(), [-34, -33, -33]);
    assert_eq!(largest_remainder(i64::MIN, &[1]).unwrap(), [i64::MIN]);
}

#[test]
fn what_cannot_be_split_says_why() {
    assert_eq!(largest_remainder(5, &[]), Err(ApportionError::Empty));
    assert_eq!(largest_remainder(5, &[0, 0]), Err(ApportionError::NoWeight));
    assert_eq!(largest_remainder(0, &[0]), Err(ApportionError::NoWeight));
    assert_eq!(largest_remainder(5, &[u128::MAX, 1]), Err(ApportionError::TooLarge));
    assert_eq!(largest_remainder(i64::MAX, &[1 << 100, 1]), Err(ApportionError::TooLarge));
    assert_eq!(split_by_id(5, &[("a", 1), ("a", 2)]), Err(ApportionError::DuplicateKey));
    assert_eq!(with_carry(5, &[("a", 0)], &Carry::default()), Err(ApportionError::NoWeight));
}

#[test]
fn quotas_make_bands_and_a_tie_is_never_torn_apart() {
    let quotas = [200_000, 700_000, 100_000];
    assert_eq!(bands(&[9, 8, 7, 6, 5, 4, 3, 2, 1, 0], &quotas).unwrap(), [0, 0, 1, 1, 1, 1, 1, 1, 1, 2]);
    assert_eq!(bands(&[9, 8, 8, 8, 5, 4, 3, 2, 0, 0], &quotas).unwrap(), [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
    assert_eq!(bands::<u8>(&[], &quotas).unwrap(), [0_usize; 0]);
    assert_eq!(bands(&[1], &[]), Err(ApportionError::Empty));
}

#[test]
fn the_odd_cent_goes_round_instead_of_to_the_same_person() {
    let weights = [("ann", 1), ("bob", 1), ("cem", 1)];
    let mut carry = Carry::default();
    let mut winners = Vec::new();
    for _ in 0..6 {
        let (parts, after) = with_carry(100, &weights, &carry).unwrap();
        assert_eq!(parts.iter().map(|p| p.amount).sum::<i64>(), 100);
        winners.extend(parts.iter().filter(|p| p.odd_unit).map(|p| p.id));
        carry = after;
    }
    assert_eq!(winners, ["ann", "bob", "cem", "ann", "bob", "cem"]);
    assert!(carry.iter().all(|(_, b)| b.abs() < 10), "after full rounds only billionths are left: {carry:?}");
}

#[test]
fn a_part_with_carry_tells_its_quota_and_balance() {
    let carry: Carry<&str> = [("bob", 200_000_000), ("zoe", -5)].into_iter().collect();
    let (parts, after) = with_carry(100, &[("bob", 1), ("ann", 2)], &carry).unwrap();
    let bob = parts.iter().find(|p| p.id == "bob").unwrap();
    assert_eq!((bob.floor, bob.remainder, bob.weight_sum), (33, 1, 3));
    // ann's remainder is 2/3, bob's 1/3 + 0.2: ann wins the cent.
    assert!(!bob.odd_unit);
    assert_eq!(bob.carry_out, 200_000_000 + 333_333_333);
    assert_eq!(after.of(&"ann"), -333_333_333);
    assert_eq!(after.of(&"zoe"), -5, "whoever is not part of the split keeps the balance");
    assert_eq!(after.sum(), carry.sum());
}

#[test]
fn nobody_strays_over_a_cent_and_a_half_from_the_exact_sum_in_ten_years() {
    let weights: Vec<(u32, u128)> =
        [31_007, 28_411, 28_411, 19_999, 12_345, 7_001, 3].into_iter().zip(0..).map(|(w, i)| (i, w)).collect();
    let mut carry = Carry::default();
    for month in 0..120_i64 {
        carry = with_carry(500_000 + 137 * month, &weights, &carry).unwrap().1;
        assert_eq!(carry.sum(), 0);
        assert!(carry.iter().all(|(_, b)| b.abs() < CARRY_SCALE * 3 / 2), "month {month}: {carry:?}");
    }
}

fn weights() -> impl Strategy<Value = Vec<u128>> {
    // Small weights for many ties, large ones for skew.
    let weight = prop_oneof![0..4_u128, 0..1_000_u128, 0..1_u128 << 58];
    prop::collection::vec(weight, 1..12).prop_filter("somebody must have a claim", |w| w.iter().any(|w| *w > 0))
}

fn people() -> impl Strategy<Value = Vec<(usize, u128)>> {
    weights().prop_map(|w| w.into_iter().enumerate().collect())
}

proptest! {
    #[test]
    fn every_split_sums_to_its_total(total: i64, weights in weights()) {
        let sum: i128 = largest_remainder(total, &weights).unwrap().iter().map(|p| i128::from(*p)).sum();
        prop_assert_eq!(sum, i128::from(total));
    }

    #[test]
    fn largest_remainder_is_within_one_unit_of_exact_and_zero_weight_gets_nothing(total: i64, weights in weights()) {
        let sum: u128 = weights.iter().sum();
        for (w, p) in weights.iter().zip(largest_remainder(total, &weights).unwrap()) {
            let (size, exact) = (u128::from(p.unsigned_abs()) * sum, u128::from(total.unsigned_abs()) * w);
            prop_assert!(size.abs_diff(exact) < sum);
            prop_assert!(*w > 0 || p == 0);
        }
    }

    #[test]
    fn the_order_of_input_does_not_matter(total: i32, shuffled in people().prop_shuffle()) {
        let mut sorted = shuffled.clone();
        sorted.sort();
        let parts = |people: &[(usize, u128)]| split_by_id(total.into(), people).unwrap();
        prop_assert_eq!(parts(&shuffled), parts(&sorted));
        let parts = |people: &[(usize, u128)]| with_carry(total.into(), people, &Carry::default()).unwrap();
        prop_assert_eq!(parts(&shuffled), parts(&sorted));
    }

    #[test]
    fn a_split_with_carry_keeps_every_sum_and_stays_within_one_unit(
        total: i32,
        people in prop::collection::vec((0..1_000_u128, -CARRY_SCALE..CARRY_SCALE), 1..9),
    ) {
        prop_assume!(people.iter().any(|(w, _)| *w > 0));
        let weights: Vec<(usize, u128)> = people.iter().enumerate().map(|(i, (w, _))| (i, *w)).collect();
        let carry: Carry<usize> = people.iter().enumerate().map(|(i, (_, c))| (i, *c)).collect();
        let (parts, after) = with_carry(total.into(), &weights, &carry).unwrap();
        prop_assert_eq!(parts.iter().map(|p| p.amount).sum::<i64>(), i64::from(total));
        prop_assert_eq!(after.sum(), carry.sum());
        for part in &parts {
            let size = part.amount.unsigned_abs();
            prop_assert!(size == part.floor || (size == part.floor + 1 && part.remainder > 0));
        }
        // With nothing carried it is largest remainder.
        let plain: Vec<u128> = people.iter().map(|(w, _)| *w).collect();
        let fresh = with_carry(total.into(), &weights, &Carry::default()).unwrap().0;
        prop_assert_eq!(fresh.iter().map(|p| p.amount).collect::<Vec<_>>(), largest_remainder(total.into(), &plain).unwrap());
    }
}
