//! Messages by clocks that are minutes apart from that of the records.

use proptest::prelude::*;

use super::several::{chat, found};
use super::*;

/// [`chat`] with records from their first message to their last and, of one in `open`, half an hour longer on either side.
fn told(seed: u64, open: u32) -> Input {
    let mut case = chat(240, seed);
    for (number, record) in (0..).zip(&mut case.records) {
        let times = || case.replies.iter().filter(|reply| reply.record == number).map(|reply| reply.at_ms);
        let (first, last) = (times().min().expect("a message"), times().max().expect("a message"));
        let before = if open > 0 && number % open == 0 { HOUR / 2 } else { 0 };
        (record.start_ms, record.end_ms) = (first - before, last + before);
    }
    case
}

/// Dialogues that are opened up to twenty seconds before the first message and closed up to twenty after the last, and one in five of them much longer.
fn inexact(seed: u64) -> Input {
    let mut case = told(seed, 5);
    for (number, record) in (seed..).zip(&mut case.records) {
        record.start_ms -= (draw(number) % 20) as i64 * 1_000;
        record.end_ms += (draw(number + 1_000_000) % 20) as i64 * 1_000;
    }
    case
}

/// The same where the messages of every third record were dated by a desk whose clock is ahead; with the number of the desk as device where
/// `devices` says so.
fn by_two_desks(mut case: Input, ahead_ms: i64, devices: bool) -> Input {
    for reply in &mut case.replies {
        let second = reply.record % 3 == 0;
        reply.at_ms += if second { ahead_ms } else { 0 };
        reply.device = devices.then_some(if second { 8 } else { 9 });
    }
    case
}

/// A fixed draw.
fn draw(number: u64) -> u64 {
    let mixed = (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (mixed ^ (mixed >> 27)) >> 20
}

fn clocks(outcome: &Attribution) -> Vec<(i64, u32)> {
    let apart = outcome.findings.iter().filter(|finding| finding.kind == FindingKind::ClocksApart);
    apart.map(|finding| (finding.ahead_ms.expect("how far"), finding.records)).collect()
}

/// Records that are credited to others, of two outcomes of the same records in the same order.
fn moved(one: &Attribution, other: &Attribution) -> f64 {
    let of = |outcome: &Attribution, person| {
        outcome.by_person.iter().find(|total| total.person == person).map_or(0, |total| total.total) as f64
    };
    (0..3).map(|person| (of(one, person) - of(other, person)).abs()).sum::<f64>() / 2.0 / f64::from(WHOLE)
}

#[test]
fn a_desk_whose_clock_is_apart_is_read_by_the_clock_of_the_records_and_said() {
    let case = told(1, 0);
    let plain = attribute(&case, &pool(2));
    assert_eq!(clocks(&plain), []);
    for ahead_ms in [-900_000, -247_000, -61_000, 61_000, 303_000, 900_000, 8 * HOUR] {
        let outcome = attribute(&by_two_desks(case.clone(), ahead_ms, false), &pool(2));
        assert_eq!(clocks(&outcome), [(ahead_ms, 80)]);
        assert_eq!((&outcome.credits, &outcome.shares), (&plain.credits, &plain.shares), "{ahead_ms}");
        assert_eq!(found(&outcome, FindingKind::ReplyOutsideRecord), 0);
    }
    let mut all = case.clone();
    all.replies.iter_mut().for_each(|reply| reply.at_ms += 200_000);
    let outcome = attribute(&all, &pool(2));
    assert_eq!(clocks(&outcome), [(200_000, 240)], "a whole account by another clock");
    assert_eq!((&outcome.credits, &outcome.shares), (&plain.credits, &plain.shares));
}

/// A clock is found to some seconds, which now and then makes much of little; where records do not say their device, one in five of the desk's is
/// read by the other clock, and what that costs says the protocol of the forum.
#[test]
fn a_clock_that_is_found_to_some_seconds_costs_little_where_records_say_their_device() {
    let costs = |seed: u64| {
        let [plain, apart] = [0, 303_000].map(|ahead| attribute(&by_two_desks(inexact(seed), ahead, true), &pool(2)));
        moved(&plain, &apart) / 240.0
    };
    let all: f64 = (0..24).map(costs).sum();
    assert!(all / 24.0 < 0.005, "{}", all / 24.0);
}

#[test]
fn two_clocks_apart_are_two_findings_and_a_clock_within_a_minute_is_none() {
    let three = |first: i64, second: i64| {
        let mut case = told(2, 0);
        for reply in &mut case.replies {
            reply.at_ms += [0, first, second][reply.record as usize % 3];
        }
        clocks(&attribute(&case, &pool(2)))
    };
    assert_eq!(three(-400_000, 120_000), [(-400_000, 80), (120_000, 80)]);
    assert_eq!(three(45_000, 300_000), [(300_000, 80)]);
}

#[test]
fn messages_that_are_read_by_another_clock_are_of_the_working_day_they_then_fall_into() {
    let mut case = told(1, 0);
    let plain = attribute(&case, &pool(2));
    // As the collector would have dated them: those of the second desk by a clock one day ahead.
    case = by_two_desks(case, 24 * HOUR, false);
    case.replies.iter_mut().filter(|reply| reply.record % 3 == 0).for_each(|reply| reply.day += 1);
    let outcome = attribute(&case, &pool(2));
    assert_eq!((clocks(&outcome), &outcome.shares), (vec![(24 * HOUR, 80)], &plain.shares));
}

#[test]
fn a_clock_that_tells_minutes_alone_stays_one_when_it_is_read_by_another() {
    let mut case = told(1, 0);
    case.replies.iter_mut().for_each(|reply| reply.at_ms -= reply.at_ms % 60_000 + 247_000 - 247_000 % 60_000);
    case.records.iter_mut().for_each(|record| record.start_ms += 13_000);
    let outcome = attribute(&case, &pool(2));
    assert_eq!(clocks(&outcome).len(), 1);
    assert!(found(&outcome, FindingKind::ClockWithoutSeconds) > 50);
}

#[test]
fn records_without_an_end_tell_a_clock_by_their_start_alone_where_that_is_tight() {
    let mut case = by_two_desks(told(1, 0), 303_000, false);
    case.records.iter_mut().for_each(|record| record.end_ms = record.start_ms);
    assert_eq!(clocks(&attribute(&case, &pool(2))), [(303_000, 80)]);
    // Customers who wait for the first message for seconds or for minutes.
    for (number, record) in (0..).zip(&mut case.records) {
        record.start_ms -= (draw(number) % 600_000) as i64;
        record.end_ms = record.start_ms;
    }
    assert_eq!(clocks(&attribute(&case, &pool(2))), []);
}

#[test]
fn clocks_are_told_apart_from_version_3_on_alone() {
    let mut case = by_two_desks(told(1, 0), 303_000, false);
    case.policy.rules = 2;
    assert_eq!(clocks(&attribute(&case, &pool(1))), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Those of [`inexact`] that say no difference go with their device, or with what they fit.
    #[test]
    fn a_clock_is_found_to_the_second_where_records_are_not_exact(seed in 0u64..1_000, ahead in 75i64..900, behind: bool, devices: bool, turn in 0usize..100) {
        let ahead_ms = if behind { -ahead } else { ahead } * 1_000;
        let case = inexact(seed);
        prop_assert_eq!(clocks(&attribute(&by_two_desks(case.clone(), 0, devices), &pool(2))), []);
        let case = by_two_desks(case, ahead_ms, devices);
        let outcome = attribute(&case, &pool(2));
        let clocks = clocks(&outcome);
        prop_assert_eq!(clocks.len(), 1, "{:?}", clocks);
        prop_assert!((clocks[0].0 - ahead_ms).abs() <= 6_000, "{} {:?}", ahead_ms, clocks);
        prop_assert!((clocks[0].1 as i32 - 80).abs() <= if devices { 0 } else { 16 }, "{:?}", clocks);
        prop_assert_eq!(attribute(&shuffled(&case, turn), &pool(8)).digest, outcome.digest);
    }
}

/// Starts and ends by the habits of the desk and not by its messages: nothing is a clock, but in one month of a few hundred, where chance
/// makes delays look like one. The months are the same in every run.
#[test]
fn delays_are_no_clocks() {
    let imagined = (0..400u64).filter(|month| {
        let (before, after) = (1 + draw(month * 3) % 899, 1 + draw(month * 3 + 1) % 899);
        let bare = draw(month * 3 + 2).is_multiple_of(2);
        let mut case = told(*month, 0);
        for (number, record) in (*month..).zip(&mut case.records) {
            // More short delays than long ones.
            let delay = |most: u64, side: u64| {
                (draw(number * 4 + side) % (most * 1_000) * (draw(number * 4 + side + 1) % 1_000) / 1_000) as i64
            };
            record.start_ms -= delay(before, 0);
            record.end_ms = if bare { record.start_ms } else { record.end_ms + delay(after, 2) };
        }
        !clocks(&attribute(&case, &pool(2))).is_empty()
    });
    let imagined: Vec<u64> = imagined.collect();
    assert!(imagined.len() <= 2, "{imagined:?}");
}
