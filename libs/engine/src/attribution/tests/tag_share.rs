//! What several dialogues at once come to by the names near in time, and where they stay equally split.

use proptest::prelude::*;

use super::*;

const MINUTE: i64 = 60_000;

/// An account on which everybody may hold three dialogues, with some on duty from hour to hour.
fn chat(hours: &[std::ops::Range<i64>]) -> Input {
    let mut input = input(Vec::new(), Vec::new());
    input.people = people(hours.len());
    input.accounts[0].phases = vec![PhaseFrom { from_day: 0, phase: Phase::Shared, capacity: 3 }];
    let rows = (0..).zip(hours).map(|(person, hours)| duty(person, hours.clone(), DutyRule::Rostered));
    input.occupancy = rows.collect();
    input
}

/// Adds a record at a minute.
fn add(input: &mut Input, minute: i64, tag: Option<u32>) {
    let (start_ms, end_ms) = (minute * MINUTE, (minute + 30) * MINUTE);
    let key = format!("r{:06}", input.records.len());
    input.records.push(Record { start_ms, end_ms, tag, ..record(&key, 0) });
}

/// Rung and shares of the last record, and how many records the finding is about that they stay equal.
fn last(input: &Input) -> (Rung, Vec<(u32, u32)>, u32) {
    let outcome = attribute(input, &pool(2));
    let record = input.records.len() as u32 - 1;
    let credit = outcome.credits.iter().find(|credit| credit.record == record).expect("the last record");
    let shares = outcome.shares_of(credit).iter().map(|share| (share.person, share.ppm)).collect();
    let equal = outcome.findings.iter().find(|finding| finding.kind == FindingKind::SeveralAtOnce);
    (credit.rung, shares, equal.map_or(0, |finding| finding.records))
}

/// Two on duty; within an hour twelve records name the one and four the other, and the last names nobody.
fn uneven() -> Input {
    let mut input = chat(&[0..9, 0..9]);
    (0..16).for_each(|number| add(&mut input, 120 + number * 3, Some(u32::from(number % 4 == 0))));
    add(&mut input, 150, None);
    input
}

#[test]
fn names_near_in_time_say_how_much_comes_to_whom_and_are_drawn_towards_alike() {
    let (rung, shares, equal) = last(&uneven());
    assert_eq!((rung, equal), (Rung::TagShare, 0));
    assert_eq!(shares.iter().map(|share| share.1).sum::<u32>(), WHOLE);
    // Of what is named three quarters. To the millionth, on any machine.
    assert_eq!(shares, [(0, 577_287), (1, 422_713)]);
    let outcome = attribute(&uneven(), &pool(1));
    let total = outcome.by_person[0];
    assert_eq!(total.tag_share, u64::from(shares[0].1));
    assert!(total.low < total.total && total.total < total.high, "it is no certain knowledge: {total:?}");
}

#[test]
fn a_name_counts_for_the_time_in_which_both_were_there() {
    // The second came an hour later: what the first did before says nothing about the two.
    let mut input = chat(&[0..9, 3..9]);
    (0..20).for_each(|number| add(&mut input, 120 + number, Some(0)));
    (0..20).for_each(|number| add(&mut input, 185 + number, Some(number as u32 % 2)));
    add(&mut input, 190, None);
    let (rung, shares, _) = last(&input);
    assert_eq!((rung, shares[0].1.abs_diff(shares[1].1) <= 1), (Rung::TagShare, true), "{shares:?}");
}

#[test]
fn without_names_near_in_time_of_everybody_it_stays_equal_and_is_said() {
    let equal = (Rung::Equal, vec![(0, 500_000), (1, 500_000)], 1);
    let of = |minutes: &[i64], change: fn(&mut Input)| {
        let mut input = chat(&[0..9, 0..9]);
        minutes.iter().for_each(|minute| add(&mut input, *minute, Some(0)));
        add(&mut input, 240, None);
        change(&mut input);
        last(&input)
    };
    assert_eq!(of(&[], |_| ()), equal, "no names");
    assert_eq!(of(&[179, 301], |_| ()), equal, "61 minutes before and after");
    assert_eq!(of(&[180], |_| ()), equal, "one is not enough");
    assert_eq!(of(&[180, 300], |_| ()).0, Rung::TagShare, "60 minutes before and after");
    assert_eq!(of(&[180, 300], |input| input.occupancy[1].from_ms = 210 * MINUTE), equal, "of the second only one");
    assert_eq!(of(&[180, 300], |input| input.occupancy[0].from_ms = 230 * MINUTE), equal, "one was off duty");
    assert_eq!(of(&[180, 300], |input| input.policy.rules = 2), equal, "closed under the rules before");
    let off = of(&[180, 300], |input| input.policy.inference = false);
    assert_eq!(off, (equal.0, equal.1.clone(), 0), "nothing is to be inferred");
    let voice = of(&[180, 300], |input| input.accounts[0].phases[0].capacity = 1);
    assert_eq!((voice.0, voice.1), (equal.0, equal.1), "one at a time");
}

#[test]
fn whoever_never_signs_is_not_thought_idle() {
    let of = |names: i64| {
        let mut input = chat(&[0..9, 0..9]);
        (0..names).for_each(|number| add(&mut input, 120 + number, Some(0)));
        add(&mut input, 125, None);
        last(&input)
    };
    assert_eq!(of(11).0, Rung::TagShare);
    assert_eq!(of(12), (Rung::Equal, vec![(0, 500_000), (1, 500_000)], 1), "half of twelve would be the other's");
}

#[test]
fn a_name_that_speaks_for_its_session_is_one_observation() {
    let mut input = chat(&[0..9, 0..9]);
    add(&mut input, 120, Some(0));
    add(&mut input, 125, None);
    input.records.iter_mut().for_each(|record| record.customer = Some(3));
    add(&mut input, 130, None);
    let outcome = attribute(&input, &pool(1));
    assert_eq!(outcome.credits[1].rung, Rung::Tagged, "by its session");
    assert_eq!(last(&input).0, Rung::Equal, "but one name is not two");
}

#[test]
fn what_a_session_lends_to_somebody_they_have_already() {
    let of = |lent: u32| {
        let mut input = chat(&[0..9, 0..9]);
        // Alike by their names, but the sessions of the first are the longer ones.
        for number in 0..8 {
            add(&mut input, 120 + i64::from(number), Some(number % 2));
        }
        for number in 0..lent {
            add(&mut input, 130, None);
            input.records[8 + number as usize].customer = Some(0);
        }
        input.records[0].customer = Some(0);
        (0..20).for_each(|number| add(&mut input, 131 + number, None));
        last(&input).1
    };
    assert_eq!(of(0), [(0, 500_000), (1, 500_000)]);
    // Of 24 each would have twelve; the first has four.
    assert_eq!(of(4), [(0, 400_000), (1, 600_000)]);
    // No more than three quarters are taken off: a quarter of ten, against the twenty-five that are the other's.
    assert_eq!(of(30), [(0, 90_909), (1, 909_091)]);
}

/// Many days of people who take what comes with given chances; three in ten records name their agent. The part that goes to the wrong person,
/// and that of an equal split.
fn simulated(chances: &[u64], records: i64) -> (f64, f64) {
    let mut input = chat(&vec![0..i64::MAX / HOUR; chances.len()]);
    let mut state = 7_u64;
    let mut draw = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut truth = vec![0_u64; chances.len()];
    for number in 0..records {
        let mut ticket = draw(chances.iter().sum());
        let person = chances.iter().position(|chance| ticket.checked_sub(*chance).map(|left| ticket = left).is_none());
        let person = person.expect("somebody");
        truth[person] += u64::from(WHOLE);
        add(&mut input, number * 3, (draw(10) < 3).then_some(person as u32));
    }
    let wrong = |rules| {
        let case = Input { policy: Policy { rules, ..Policy::default() }, ..input.clone() };
        let totals = attribute(&case, &pool(2)).by_person;
        let missing = totals.iter().map(|total| truth[total.person as usize].saturating_sub(total.total)).sum::<u64>();
        missing as f64 / truth.iter().sum::<u64>() as f64
    };
    (wrong(3), wrong(2))
}

#[test]
fn a_month_of_people_who_work_unlike_is_told_apart_and_of_people_who_work_alike_left_alone() {
    let (shared, equal) = simulated(&[6, 3, 2, 1], 6_000);
    assert!(equal > 0.15 && shared < 0.1 * equal, "{shared} {equal}");
    let (shared, equal) = simulated(&[1, 1, 1, 1], 6_000);
    assert!(shared < equal + 0.001, "{shared} {equal}");
}

/// A busy day of [`busy_day`] on which so many of ten records name somebody on duty.
fn named_day(count: usize, capacity: u32, seed: u64, names: u64) -> Input {
    let mut case = busy_day(count, capacity, seed);
    for (number, record) in (0_u64..).zip(&mut case.records) {
        let mixed = (seed ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        record.tag = (mixed % 10 < names).then_some((mixed / 10 % 5) as u32);
    }
    case
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_record_is_whole_and_neither_order_nor_threads_matter(
        count in 100usize..500, capacity in 2u32..5, seed: u64, names in 0u64..10, turn in 0usize..1000,
    ) {
        let case = named_day(count, capacity, seed, names);
        let outcome = attribute(&case, &pool(1));
        for credit in outcome.credits.iter().filter(|credit| credit.rung == Rung::TagShare) {
            let shares = outcome.shares_of(credit);
            prop_assert!(shares.len() >= 2 && shares.iter().all(|share| share.ppm >= 1_000), "{:?}", shares);
            prop_assert_eq!(shares.iter().map(|share| share.ppm).sum::<u32>(), WHOLE);
        }
        prop_assert_eq!(attribute(&case, &pool(2)).digest, outcome.digest);
        prop_assert_eq!(attribute(&shuffled(&case, turn), &pool(4)).digest, outcome.digest);
    }

    #[test]
    fn only_what_would_be_equal_is_weighed_among_the_same_people(seed: u64, names in 0u64..10) {
        let case = named_day(300, 3, seed, names);
        let before = attribute(&Input { policy: Policy { rules: 2, ..case.policy.clone() }, ..case.clone() }, &pool(2));
        let outcome = attribute(&case, &pool(2));
        let weighed = outcome.credits.iter().filter(|credit| credit.rung == Rung::TagShare).count();
        for (old, new) in before.credits.iter().zip(&outcome.credits) {
            let people = |of: &Attribution, credit| of.shares_of(credit).iter().map(|share| (share.person, share.evidence)).collect::<Vec<_>>();
            prop_assert_eq!(people(&before, old), people(&outcome, new));
            if new.rung == Rung::TagShare {
                prop_assert_eq!(old.rung, Rung::Equal);
            } else {
                prop_assert_eq!((old.rung, before.shares_of(old)), (new.rung, outcome.shares_of(new)));
            }
        }
        let equal = |of: &Attribution| of.findings.iter().filter(|found| found.kind == FindingKind::SeveralAtOnce).map(|found| found.records).sum::<u32>();
        prop_assert_eq!(equal(&before), equal(&outcome) + weighed as u32);
        if names == 0 {
            prop_assert_eq!(weighed, 0);
            // The ends of intervals are those of other rules.
            let sums = |totals: &[Total]| totals.iter().map(|of| Total { low: 0, high: 0, ..*of }).collect::<Vec<_>>();
            prop_assert_eq!(sums(&before.by_account), sums(&outcome.by_account));
            prop_assert_eq!((sums(&before.by_person), before.findings), (sums(&outcome.by_person), outcome.findings));
        }
    }
}

/// The same told by clicks instead of names: who clicks is who clicks, and no more.
#[test]
fn claims_say_nothing_of_what_nobody_claimed() {
    let mut input = uneven();
    input.policy.rules = 3;
    assert_eq!(last(&input).0, Rung::TagShare);
    for (place, record) in (0..).zip(&mut input.records) {
        let Some(person) = record.tag.take() else { continue };
        let at_ms = record.start_ms;
        input.claims.push(Claim { account: 0, person, at_ms, day: 0, record: Some(place), customer: None });
    }
    let outcome = attribute(&input, &pool(1));
    assert_eq!(outcome.credits.iter().filter(|credit| credit.rung == Rung::Claimed).count(), 16);
    let (rung, shares, equal) = last(&input);
    assert_eq!((rung, equal), (Rung::Equal, 1));
    assert_eq!(shares, [(0, 500_000), (1, 500_000)]);
}
