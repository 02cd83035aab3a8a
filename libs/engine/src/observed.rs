//! What observations of a measure are of a person: those about the person, and the person's part of those about something that
//! several people stand for.
//!
//! An observation is of a person in parts: one of one that is about the person, so many of its days as the person was in the unit,
//! so many records of the account or the store as the person is credited with. Then
//! - a *sum* takes that part of each value, rounded once, half to even, at a millionth of a millionth;
//! - a *mean* weighs each value with the parts;
//! - the *last* is the last value of which any part is the person's.
//!
//! Two measures of people the suite observes by itself, from duty and employments: nobody sends them.

use tally_kernel::Micro;

use crate::scoring::Sample;
use crate::scoring::definition::Observed;

/// Millionths in one.
const ONE: i128 = 1_000_000;
/// Of each shift that somebody punched in for: 100 where that was in time, 0 where it was late.
pub const PUNCTUALITY: &str = "punctuality";
/// Of somebody whose last employment ends: 1 on its last day. Its mean over a team is the team's turnover in percent.
pub const TURNOVER: &str = "turnover";
/// How long before a shift somebody may come for it.
const EARLY_MS: i64 = 4 * 3_600_000;
const MINUTE_MS: i64 = 60_000;

/// Whether the suite observes a measure by itself.
pub fn is_own(measure: &str) -> bool {
    [PUNCTUALITY, TURNOVER].contains(&measure)
}

/// Of each stretch of shifts that somebody punched in for: when it begins, and whether the punch was in time, to the minute. Shifts
/// that touch each other are one, since nobody punches in between. One without a punch says nothing about being late.
pub fn punctual(shifts: &[(i64, i64)], punched_in: &[i64]) -> Vec<(i64, bool)> {
    let mut shifts = shifts.to_vec();
    shifts.sort_unstable();
    let mut stretches: Vec<(i64, i64)> = Vec::with_capacity(shifts.len());
    for (start, end) in shifts {
        match stretches.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => stretches.push((start, end)),
        }
    }
    let (mut found, mut before) = (Vec::new(), i64::MIN);
    for (start, end) in stretches {
        let since = before.max(start.saturating_sub(EARLY_MS));
        let first = punched_in.iter().copied().filter(|at| (since..end).contains(at)).min();
        found.extend(first.map(|at| (start, at.div_euclid(MINUTE_MS) <= start.div_euclid(MINUTE_MS))));
        before = end;
    }
    found
}

/// An observation, as far as it is somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What was observed.
    pub value: Micro,
    /// By which the last one is found: when it ended.
    pub ended_ms: i64,
    /// How much of it is the person's: in millionths of whatever it is counted in.
    pub part: u64,
    /// How much there is of it.
    pub whole: u64,
}

impl Seen {
    /// One about somebody alone.
    pub fn own(value: Micro, ended_ms: i64) -> Self {
        Self { value, ended_ms, part: 1_000_000, whole: 1_000_000 }
    }
}

/// What somebody's observations come to; those of which nothing is the person's do not count.
pub fn sample(how: Observed, seen: &[Seen]) -> Sample {
    let mut sample = Sample::default();
    let mine = || seen.iter().filter(|seen| seen.part > 0);
    for seen in mine() {
        let value = i128::from(seen.value.millionths());
        sample.ppm += seen.part;
        sample.sum += match how {
            Observed::Sum => portion(value * ONE, seen.part, seen.whole),
            Observed::Mean | Observed::Last => value * i128::from(seen.part),
        };
    }
    let last = mine().max_by_key(|seen| (seen.ended_ms, seen.value));
    match (how, last) {
        (Observed::Last, Some(last)) => {
            Sample { sum: i128::from(last.value.millionths()) * i128::from(sample.ppm), ..sample }
        }
        _ => sample,
    }
}

/// `value * part / whole`, half to even.
pub fn portion(value: i128, part: u64, whole: u64) -> i128 {
    if part == whole {
        return value;
    }
    let Some(product) = value.checked_mul(part.into()).filter(|_| whole > 0) else { return 0 };
    let whole = i128::from(whole);
    let (floor, rest) = (product.div_euclid(whole), product.rem_euclid(whole));
    match (2 * rest).cmp(&whole) {
        std::cmp::Ordering::Less => floor,
        std::cmp::Ordering::Equal => floor + (floor & 1),
        std::cmp::Ordering::Greater => floor + 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn micro(text: &str) -> Micro {
        text.parse().unwrap()
    }

    fn seen(value: &str, ended_ms: i64, part: u64, whole: u64) -> Seen {
        Seen { value: micro(value), ended_ms, part, whole }
    }

    fn mean(sample: Sample) -> Option<Micro> {
        Micro::ratio(sample.sum, i128::from(sample.ppm) * ONE)
    }

    fn total(sample: Sample) -> Option<Micro> {
        Micro::ratio(sample.sum, ONE * ONE)
    }

    #[test]
    fn ones_own_observations_count_each_once() {
        let all = [Seen::own(micro("4"), 1), Seen::own(micro("1.5"), 3), Seen::own(micro("-1"), 2)];
        assert_eq!(total(sample(Observed::Sum, &all)), Some(micro("4.5")));
        assert_eq!(mean(sample(Observed::Mean, &all)), Some(micro("1.5")));
        assert_eq!(mean(sample(Observed::Last, &all)), Some(micro("1.5")), "by when they ended");
        assert_eq!(sample(Observed::Last, &all).ppm, 3_000_000, "three observations were looked at");
        assert_eq!(sample(Observed::Sum, &[]), Sample::default());
    }

    #[test]
    fn what_several_stand_for_is_shared_by_parts() {
        // 31 of a month of 31 days in the unit for one, 10 of them for the other.
        let (days, whole) = (1_000_000, 31_000_000);
        let all = |part| [seen("310", 1, part, whole), seen("31", 2, 0, whole)];
        assert_eq!(total(sample(Observed::Sum, &all(31 * days))), Some(micro("310")));
        assert_eq!(total(sample(Observed::Sum, &all(10 * days))), Some(micro("100")));
        // A mean of two months of units that somebody was in for 10 and for 5 days: (10 * 3 + 5 * 6) / 15.
        let two = [seen("3", 1, 10 * days, whole), seen("6", 2, 5 * days, whole)];
        assert_eq!(mean(sample(Observed::Mean, &two)), Some(micro("4")));
        assert_eq!(mean(sample(Observed::Last, &two)), Some(micro("6")));
        assert_eq!(mean(sample(Observed::Last, &[two[0], seen("9", 9, 0, whole)])), Some(micro("3")), "nothing of it");
    }

    #[test]
    fn a_part_is_rounded_half_to_even_and_nothing_of_nothing_is_nothing() {
        assert_eq!([portion(1, 1, 2), portion(3, 1, 2), portion(-1, 1, 2), portion(-3, 1, 2)], [0, 2, 0, -2]);
        assert_eq!([portion(10, 1, 3), portion(20, 1, 3), portion(-10, 1, 3), portion(7, 3, 0)], [3, 7, -3, 0]);
        assert_eq!(portion(i128::MAX, 5, 5), i128::MAX);
    }

    #[test]
    fn a_shift_is_begun_in_time_by_a_punch_of_its_minute_or_before() {
        let hour = |h: i64| h * 3_600_000;
        let shift = [(hour(9), hour(17))];
        let of = |punches: &[i64]| punctual(&shift, punches);
        assert_eq!(of(&[hour(9) + 59_999]), [(hour(9), true)], "9:00:59 is nine");
        assert_eq!(of(&[hour(9) + 60_000]), [(hour(9), false)]);
        assert_eq!(of(&[hour(8), hour(13)]), [(hour(9), true)], "the first punch counts");
        assert_eq!(of(&[hour(13)]), [(hour(9), false)]);
        assert_eq!([of(&[]), of(&[hour(4), hour(17)])], [vec![], vec![]], "of no punch nothing is said");
        let two = [(hour(13), hour(17)), (hour(9), hour(13)), (hour(20), hour(22))];
        assert_eq!(
            punctual(&two, &[hour(9), hour(20)]),
            [(hour(9), true), (hour(20), true)],
            "one account after the other"
        );
        assert_eq!(punctual(&two, &[hour(16), hour(21)]), [(hour(9), false), (hour(20), false)]);
    }

    proptest! {
        #[test]
        fn the_parts_of_all_are_the_whole_but_for_roundings(
            value in -1_000_000_000_000_000_000_i64..1_000_000_000_000_000_000, parts in vec(1_u64..1_000_000, 1..8),
        ) {
            let (value, whole) = (Micro::from_millionths(value), parts.iter().sum::<u64>());
            let of = |part| sample(Observed::Sum, &[Seen { value, ended_ms: 0, part, whole }]).sum;
            let all: i128 = parts.iter().map(|part| of(*part)).sum();
            prop_assert!((all - i128::from(value.millionths()) * ONE).abs() <= parts.len() as i128);
            let same = sample(Observed::Mean, &[Seen { value, ended_ms: 0, part: parts[0], whole }]);
            prop_assert_eq!(mean(same), Some(value));
        }

        #[test]
        fn the_order_of_observations_does_not_matter(values in vec((-9_i32..9, 0_i64..4, 0_u64..5), 0..6)) {
            let all: Vec<Seen> =
                values.iter().map(|(value, at, part)| Seen { value: Micro::from_int(*value), ended_ms: *at, part: *part, whole: 5 }).collect();
            let mut turned = all.clone();
            turned.reverse();
            for how in [Observed::Sum, Observed::Mean, Observed::Last] {
                prop_assert_eq!(sample(how, &all), sample(how, &turned));
            }
        }
    }
}
