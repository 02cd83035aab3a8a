//! What told people apart, in small worlds in which one sign does.

use proptest::prelude::*;

use super::several::{chat, with_devices};
use super::*;

/// Two people on one account from nine to nineteen, who may hold four dialogues each.
fn two() -> Input {
    let rows = vec![duty(0, 9..19, DutyRule::Rostered), duty(1, 9..19, DutyRule::Rostered)];
    let mut case = input(rows, Vec::new());
    case.accounts[0].phases = vec![PhaseFrom { from_day: 0, phase: Phase::Shared, capacity: 4 }];
    case
}

/// Adds a record that is answered once, after the customer has waited so many seconds.
fn answered(case: &mut Input, at_ms: i64, wait: Option<i64>, tag: Option<u32>) -> u32 {
    let number = case.records.len() as u32;
    let start_ms = at_ms - wait.unwrap_or_default() * 1_000;
    case.records.push(Record { start_ms, end_ms: at_ms, tag, ..record(&format!("r{number:04}"), 9) });
    let reply = |at_ms, by| Reply { record: number, day: 0, at_ms, by, device: None };
    case.replies.extend(wait.map(|_| reply(start_ms, Side::Customer)));
    case.replies.push(reply(at_ms, Side::Agent));
    number
}

/// What told a record's people apart, and the largest share's person.
fn why(outcome: &Attribution, number: u32) -> Why {
    let credit = outcome.credits.iter().find(|credit| credit.record == number).expect("a credit");
    *outcome.why_of(credit).expect("a reason")
}

/// A fixed draw.
fn draws(seed: u64) -> impl FnMut(i64) -> i64 {
    let mut state = seed;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % below as u64) as i64
    }
}

#[test]
fn whoever_wrote_last_a_moment_ago_has_the_reply_and_the_pauses_of_both_are_told() {
    // Turns of ten replies in quick succession; the first two name their agent.
    let mut case = two();
    for turn in 0..28_i64 {
        for place in 0..10_i64 {
            let tag = (place < 2).then_some((turn % 2) as u32);
            answered(&mut case, 9 * HOUR + turn * 1_200_000 + place * 43_000 + 7_000, None, tag);
        }
    }
    let outcome = attribute(&case, &pool(2));
    let hands = |number: u32| {
        let why = why(&outcome, number);
        let Sign::Hands { first, second } = why.sign else { return None };
        Some((why.people?, first, second))
    };
    let of = |seconds, wrote| Pause { seconds, wrote };
    // The seventh of a turn of each: the other one's last reply was the end of the turn before.
    assert_eq!(hands(100 + 6), Some(([0, 1], of(43, true), of(1_200 - 9 * 43 + 6 * 43, true))));
    assert_eq!(hands(110 + 6), Some(([1, 0], of(43, true), of(1_200 - 9 * 43 + 6 * 43, true))));
    // In the first turn the other one had only come on duty.
    assert_eq!(hands(5), Some(([0, 1], of(43, true), of(5 * 43 + 7, false))));
    let right = (0..case.records.len() as u32).filter(|number| number % 10 > 1);
    assert!(right.filter(|number| hands(*number).is_some()).count() > 200);
}

/// How long each of the two waits for customers in [`paired`].
const WAITS: [i64; 2] = [50, 7_300];

/// Every five and a half minutes both write within a second, to customers of their own and under their names, so that their hands tell nothing; five minutes
/// later one of them writes once more, in turns, a third of it under a name. Of the rest that is returned: record, person.
fn paired(case: &mut Input, wait: impl Fn(u32) -> Option<i64>, same_customer: bool) -> Vec<(u32, u32)> {
    let mut later = Vec::new();
    for turn in 0..38_u32 {
        let at_ms = 12 * HOUR + i64::from(turn) * 331_000;
        let pair = [0, 1].map(|person| answered(case, at_ms + i64::from(person) * 1_000, wait(person), Some(person)));
        let person = turn % 2;
        let named = (turn % 6 < 2).then_some(person);
        let once_more = answered(case, at_ms + 320_000, wait(person), named);
        if same_customer {
            case.records[pair[person as usize] as usize].customer = Some(turn);
            case.records[once_more as usize].customer = Some(turn);
        }
        later.extend(named.is_none().then_some((once_more, person)));
    }
    case.policy.session_window_ms = 0;
    later
}

#[test]
fn whoever_answered_the_customer_before_has_the_reply_and_since_when_is_told() {
    let mut case = two();
    let later = paired(&mut case, |_| None, true);
    let outcome = attribute(&case, &pool(2));
    for (number, person) in later {
        let seconds = 320 - person;
        let wanted = Why { people: Some([person, 1 - person]), sign: Sign::Thread { seconds }, against: None };
        assert_eq!(why(&outcome, number), wanted);
    }
}

#[test]
fn whoever_answers_old_messages_has_them_and_how_long_was_waited_is_told() {
    let mut case = two();
    let later = paired(&mut case, |person| Some(WAITS[person as usize]), false);
    let outcome = attribute(&case, &pool(2));
    for (number, person) in later {
        let sign = Sign::Profile { kind: ReplyKind::First, wait: Some(WAITS[person as usize] as u32) };
        assert_eq!(why(&outcome, number), Why { people: Some([person, 1 - person]), sign, against: None });
    }
}

#[test]
fn a_device_and_duty_at_more_replies_tell_people_apart_too() {
    let mut case = chat(160, 3);
    case.devices = vec![DeviceUse { device: 5, person: Some(1), from_ms: i64::MIN, to_ms: i64::MAX }];
    case.replies.iter_mut().for_each(|reply| reply.device = Some(5));
    let outcome = attribute(&case, &pool(2));
    let counted = |wanted: fn(&Why) -> bool| outcome.whys.iter().filter(|(_, why)| wanted(why)).count();
    let all = outcome.credits.iter().filter(|credit| credit.rung == Rung::Replies).count();
    let owned =
        counted(|why| why.sign == Sign::Device { owned: true } && why.people.is_some_and(|people| people[0] == 1));
    assert!(owned > all / 2, "{owned} of {all}");
    case.replies.iter_mut().for_each(|reply| reply.device = None);
    // Somebody who goes while a record is being answered.
    let outcome = attribute(&case, &pool(2));
    let on_duty = outcome.whys.iter().filter_map(|(_, why)| match why.sign {
        Sign::Duty { first, second, replies } => Some((first, second, replies)),
        _ => None,
    });
    let on_duty: Vec<_> = on_duty.collect();
    assert!(on_duty.len() > 5 && on_duty.iter().all(|(first, second, replies)| second < first && first <= replies));
}

#[test]
fn of_a_record_without_times_of_replies_the_names_around_it_are_counted() {
    let (mut case, mut draw) = (two(), draws(9));
    for number in 0..160 {
        let person = u32::from(draw(5) == 0);
        let start_ms = 9 * HOUR + number * 200_000;
        let tag = (number % 2 == 0).then_some(person);
        case.records.push(Record { start_ms, end_ms: start_ms, tag, ..record(&format!("r{number:04}"), 9) });
    }
    let outcome = attribute(&case, &pool(2));
    let named = |from: i64, to: i64, person| {
        let near = case.records.iter().filter(|record| (from..=to).contains(&record.start_ms));
        near.filter(|record| record.tag == Some(person)).count() as u16
    };
    for number in (1..160).step_by(2) {
        let now = case.records[number as usize].start_ms;
        let why = why(&outcome, number);
        let own = [0, 1].map(|person| named(now - HOUR, now + HOUR, person));
        let of = own.iter().sum();
        let [first, second] = own.map(|own| Named { own, of });
        assert_eq!((why.people, why.sign), (Some([0, 1]), Sign::Names { first, second, near: true }));
    }
    case.records.iter_mut().for_each(|record| record.tag = None);
    let outcome = attribute(&case, &pool(2));
    assert!(outcome.whys.iter().all(|(_, why)| (why.people, why.sign) == (None, Sign::NoReplyTimes)));
    assert_eq!(outcome.whys.len(), 160);
    case.policy.rules = 2;
    assert!(attribute(&case, &pool(2)).whys.is_empty(), "months of before say what they said");
}

#[test]
fn where_nothing_was_weighed_it_is_said_what_was_missing() {
    let few = attribute(&chat(50, 1), &pool(2));
    let equal = few.credits.iter().filter(|credit| credit.rung == Rung::Equal).count();
    assert_eq!(few.whys.iter().filter(|(_, why)| why.sign == Sign::TooFewReplies).count(), equal);
    let mut coarse = chat(160, 1);
    coarse.replies.iter_mut().for_each(|reply| reply.at_ms -= reply.at_ms % 60_000);
    let coarse = attribute(&coarse, &pool(2));
    assert!(coarse.whys.iter().all(|(_, why)| why.sign == Sign::ClockWithoutSeconds && why.people.is_none()));
    assert!(coarse.whys.len() > 50);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn a_reason_is_about_the_two_largest_shares_and_the_same_for_any_order_and_threads(seed: u64, turn in 0usize..1000) {
        let case = with_devices(chat(160, seed), seed % 7);
        let outcome = attribute(&case, &pool(1));
        let (mut replies, turned) = (0, shuffled(&case, turn));
        let other = attribute(&turned, &pool(8));
        for (credit, same) in outcome.credits.iter().zip(&other.credits) {
            let key = |people: Option<[u32; 2]>, of: &Input| people.map(|two| two.map(|one| of.people[one as usize].key.clone()));
            let told = |outcome: &Attribution, credit, of| {
                outcome.why_of(credit).map(|why| (key(why.people, of), why.sign, why.against))
            };
            prop_assert_eq!(told(&outcome, credit, &case), told(&other, same, &turned));
            let Some(why) = outcome.why_of(credit) else {
                prop_assert!(!matches!(credit.rung, Rung::Replies | Rung::TagShare));
                continue;
            };
            let shares = outcome.shares_of(credit);
            let share = |person| shares.iter().find(|share| share.person == person).map_or(0, |share| share.ppm);
            let Some([first, second]) = why.people else { continue };
            prop_assert!(first != second && share(second) <= share(first));
            prop_assert!(shares.iter().all(|one| [first, second].contains(&one.person) || one.ppm <= share(second)));
            replies += u32::from(credit.rung == Rung::Replies);
        }
        prop_assert!(replies > 50);
    }
}
