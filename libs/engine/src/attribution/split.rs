//! What each contributor of a record is worth: the first step of the ladder.

use std::collections::BTreeMap;

use tally_kernel::contribution::Role;

use super::WHOLE;
use crate::policy::Split;

/// Divisible by every number of people who may have held one role.
const DIVISIBLE: u64 = 2_520;

/// The weight of each contributor, by person: of every role that somebody held its part, shared equally by those who held it. Nothing where
/// no role is worth anything.
pub(super) fn weights(split: &Split, named: &[(Role, u32)]) -> Option<BTreeMap<u32, u64>> {
    let mut weights: BTreeMap<u32, u64> = BTreeMap::new();
    for role in Role::ALL {
        let held = || named.iter().filter(|(of, _)| *of == role).map(|(_, person)| *person);
        let holders = held().count() as u64;
        for person in held() {
            *weights.entry(person).or_default() += u64::from(split.part(role)) * DIVISIBLE / holders;
        }
    }
    weights.values().any(|weight| *weight > 0).then_some(weights)
}

/// A whole record by exact weights: largest remainder, equal remainders by the smallest `lot`.
pub(super) fn exactly(weights: &[u64], lot: impl Fn(usize) -> u64, ppm: &mut Vec<u32>) {
    let (whole, total) = (u128::from(WHOLE), weights.iter().map(|weight| u128::from(*weight)).sum::<u128>().max(1));
    let quota = |weight: &u64| (u128::from(*weight) * whole / total, u128::from(*weight) * whole % total);
    ppm.clear();
    ppm.extend(weights.iter().map(|weight| quota(weight).0 as u32));
    let odd = WHOLE.saturating_sub(ppm.iter().sum()) as usize;
    let mut places: Vec<usize> = (0..weights.len()).filter(|place| quota(&weights[*place]).1 > 0).collect();
    places.sort_by_key(|&place| (std::cmp::Reverse(quota(&weights[place]).1), lot(place)));
    for &place in places.iter().take(odd) {
        ppm[place] += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(first_answer: u32, closer: u32) -> Split {
        Split { version: "s".into(), first_answer, closer, after_sales: WHOLE - first_answer - closer }
    }

    fn parts(split: &Split, named: &[(Role, u32)]) -> Vec<(u32, u32)> {
        let Some(weights) = weights(split, named) else { return Vec::new() };
        let (people, weights): (Vec<u32>, Vec<u64>) = weights.into_iter().unzip();
        let mut ppm = Vec::new();
        exactly(&weights, |place| u64::from(people[place]), &mut ppm);
        people.into_iter().zip(ppm).collect()
    }

    #[test]
    fn every_role_has_its_part_and_the_part_of_nobody_goes_to_the_others_in_proportion() {
        use Role::{AfterSales, Closer, FirstAnswer};
        let split = rule(300_000, 500_000);
        let all = [(FirstAnswer, 1), (Closer, 2), (AfterSales, 3)];
        assert_eq!(parts(&split, &all), [(1, 300_000), (2, 500_000), (3, 200_000)]);
        assert_eq!(parts(&split, &all[..2]), [(1, 375_000), (2, 625_000)]);
        assert_eq!(parts(&split, &[(Closer, 2)]), [(2, WHOLE)]);
        assert_eq!(parts(&split, &[(Closer, 2), (FirstAnswer, 2)]), [(2, WHOLE)], "one person in two roles");
        assert_eq!(parts(&split, &[(Closer, 1), (Closer, 2), (FirstAnswer, 2)]), [(1, 312_500), (2, 687_500)]);
        assert_eq!(parts(&rule(0, 0), &all[..2]), [], "roles that are worth nothing");
        assert_eq!(parts(&rule(0, WHOLE), &all), [(1, 0), (2, WHOLE), (3, 0)]);
    }

    proptest! {
        #[test]
        fn the_parts_sum_to_the_whole_and_are_within_one_millionth_of_exact(
            (first, closer) in (0..=WHOLE).prop_flat_map(|first| (Just(first), 0..=WHOLE - first)),
            named in prop::collection::btree_set((0..3_usize, 0..8_u32), 1..=10),
        ) {
            let split = rule(first, closer);
            let named: Vec<(Role, u32)> = named.into_iter().map(|(role, person)| (Role::ALL[role], person)).collect();
            let parts = parts(&split, &named);
            let held = |role| named.iter().filter(|(of, _)| *of == role).count() as u128;
            let worth: u128 = Role::ALL.into_iter().filter(|role| held(*role) > 0).map(|role| u128::from(split.part(role))).sum();
            if worth == 0 {
                prop_assert!(parts.is_empty());
                return Ok(());
            }
            prop_assert_eq!(parts.iter().map(|(_, ppm)| u128::from(*ppm)).sum::<u128>(), u128::from(WHOLE));
            for (person, ppm) in parts {
                // The exact part times the common denominator.
                let denominator = worth * 2_520;
                let exact: u128 = named.iter().filter(|(_, one)| *one == person)
                    .map(|(role, _)| u128::from(split.part(*role)) * 2_520 / held(*role) * u128::from(WHOLE)).sum();
                let given = u128::from(ppm) * denominator;
                prop_assert!(given.abs_diff(exact) < denominator, "{} {} {}", person, given, exact);
            }
        }
    }
}
