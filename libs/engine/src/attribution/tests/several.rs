//! Several dialogues at once.

use proptest::prelude::*;

use super::*;

/// Three people on one account who answer several at once, each record with up to six messages.
pub(super) fn chat(count: u32, seed: u64) -> Input {
    let mut case = busy_day(count as usize, 4, seed);
    case.accounts.truncate(1);
    case.occupancy.retain(|row| row.account == 0 && row.person < 3);
    case.people.truncate(3);
    // Duty of other days, without any reply: this is no busy desk.
    case.occupancy.extend((0..3).map(|person| duty(person, 1_000..6_000, DutyRule::Rostered)));
    let mut state = seed;
    let mut draw = move |below: i64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % below as u64) as i64
    };
    for (number, record) in (0..).zip(&mut case.records) {
        (record.account, record.tag) = (0, record.tag.filter(|tag| *tag < 3));
        record.end_ms = record.start_ms + (60 + draw(3_600)) * 1_000;
        let length = (record.end_ms - record.start_ms) / 1_000;
        for at in 0..1 + draw(6) {
            let by = if at % 2 == 0 && draw(4) > 0 { Side::Customer } else { Side::Agent };
            let at_ms = record.start_ms + draw(length) * 1_000;
            case.replies.push(Reply { record: number, day: record.day, at_ms, by, device: None });
        }
        case.replies.push(Reply {
            record: number,
            day: record.day,
            at_ms: record.end_ms,
            by: Side::Agent,
            device: None,
        });
    }
    case
}

pub(super) fn found(outcome: &Attribution, kind: FindingKind) -> u32 {
    outcome.findings.iter().filter(|finding| finding.kind == kind).map(|finding| finding.records).sum()
}

#[test]
fn replies_weigh_nothing_before_version_3_and_where_nothing_is_inferred() {
    let (mut case, mut bare) = (chat(160, 1), chat(160, 1));
    bare.replies.clear();
    for (rules, inference) in [(2, true), (3, false)] {
        (case.policy.rules, case.policy.inference) = (rules, inference);
        (bare.policy.rules, bare.policy.inference) = (rules, inference);
        assert_eq!(attribute(&case, &pool(2)).digest, attribute(&bare, &pool(2)).digest);
    }
}

#[test]
fn who_held_the_account_by_hand_over_has_it_so_and_a_team_without_evidence_shares_as_it_did() {
    let replied = |rows: Vec<Occupancy>| {
        let mut case = chat(160, 1);
        let until = |row: &Occupancy| Occupancy { to_ms: 90 * HOUR, ..*row };
        case.occupancy = rows.iter().map(until).collect();
        attribute(&case, &pool(1))
    };
    let held = replied(vec![duty(1, 0..1, DutyRule::HandoverHeld), duty(0, 0..1, DutyRule::Rostered)]);
    assert!(held.credits.iter().all(|credit| matches!(credit.rung, Rung::Handover | Rung::Tagged)));
    let team = [0, 1, 2].map(|person| duty(person, 0..1, DutyRule::Team));
    let team = replied(team.to_vec());
    assert!(team.credits.iter().all(|credit| matches!(credit.rung, Rung::Team | Rung::Tagged)));
    assert!(found(&team, FindingKind::NoDutyEvidence) > 100);
}

#[test]
fn few_replies_and_a_clock_without_seconds_are_shared_by_who_was_on_duty_at_each_and_said() {
    let few = attribute(&chat(50, 1), &pool(2));
    assert!(few.credits.iter().all(|credit| credit.rung != Rung::Replies));
    assert!(found(&few, FindingKind::TooFewReplies) > 10);
    let mut coarse = chat(160, 1);
    coarse.replies.iter_mut().step_by(8).for_each(|reply| reply.at_ms -= reply.at_ms % 60_000);
    for record in &mut coarse.records {
        record.start_ms -= 60_000;
    }
    let coarse = attribute(&coarse, &pool(2));
    assert!(coarse.credits.iter().all(|credit| credit.rung != Rung::Replies));
    assert!(found(&coarse, FindingKind::ClockWithoutSeconds) > 50);
}

#[test]
fn a_reply_outside_its_record_counts_for_nothing_and_is_said() {
    let mut case = chat(160, 1);
    let expected = attribute(&case, &pool(2));
    let (first, last) = (case.records[0].start_ms, case.records[1].end_ms);
    let stray = |record, at_ms| Reply { record, day: 0, at_ms, by: Side::Agent, device: None };
    case.replies.extend([stray(0, first - 60_001), stray(0, first - 3_600_000), stray(1, last + 60_001)]);
    let outcome = attribute(&case, &pool(2));
    assert_eq!((&outcome.credits, &outcome.shares), (&expected.credits, &expected.shares));
    assert_eq!(found(&outcome, FindingKind::ReplyOutsideRecord), 3);
    case.replies.extend([stray(0, first - 60_000), stray(1, last + 60_000)]);
    assert_eq!(found(&attribute(&case, &pool(2)), FindingKind::ReplyOutsideRecord), 3, "a minute either side is in");
}

#[test]
fn a_record_that_began_at_night_is_of_who_answered_in_the_morning() {
    let mut case = chat(160, 1);
    let morning = Record { start_ms: 3 * HOUR, end_ms: 9 * HOUR, ..record("night", 3) };
    let number = case.records.len() as u32;
    case.records.push(morning);
    let nobody = attribute(&case, &pool(2));
    assert_eq!(nobody.credits[0].reason, Some(Reason::NobodyOnDuty));
    case.replies.push(Reply { record: number, day: 0, at_ms: 6 * HOUR + 60_000, by: Side::Agent, device: None });
    let outcome = attribute(&case, &pool(2));
    let credit = outcome.credits.iter().find(|credit| credit.record == number).expect("a credit");
    assert_eq!((credit.rung, outcome.shares_of(credit)[0].person), (Rung::Sole, 0), "the one who had begun");
    let unheld = |outcome| found(outcome, FindingKind::UnheldAccount);
    assert_eq!(unheld(&nobody), unheld(&outcome) + 1);
    case.replies.last_mut().expect("a reply").at_ms = 4 * HOUR;
    let early = attribute(&case, &pool(2));
    assert_eq!(unheld(&early), unheld(&nobody), "nobody was on duty for the reply either");
}

/// Whose each reply of [`chat`] could have been by the device: workstations 100 and up are of person 0 and up, 200 and up of nobody.
pub(super) fn with_devices(mut case: Input, seed: u64) -> Input {
    for (number, reply) in (0..).zip(&mut case.replies) {
        let drawn = (number + seed) % 7;
        reply.device = match drawn {
            0..3 => Some(100 + drawn as u32),
            3..5 => Some(200 + drawn as u32),
            _ => None,
        };
    }
    let all = |device, person| DeviceUse { device, person: Some(person), from_ms: i64::MIN, to_ms: i64::MAX };
    case.devices = vec![all(100, 0), all(101, 1), all(102, 2)];
    case
}

#[test]
fn a_reply_from_somebodys_device_is_mostly_theirs_and_what_a_device_cannot_say_is_a_finding() {
    let case = chat(160, 3);
    let mut all_of_one = case.clone();
    all_of_one.devices = vec![DeviceUse { device: 5, person: Some(1), from_ms: i64::MIN, to_ms: i64::MAX }];
    all_of_one.replies.iter_mut().for_each(|reply| reply.device = Some(5));
    let (plain, outcome) = (attribute(&case, &pool(2)), attribute(&all_of_one, &pool(2)));
    let of = |outcome: &Attribution, person| {
        outcome.by_person.iter().find(|total| total.person == person).map_or(0, |total| total.replies)
    };
    assert!(of(&outcome, 1) > 9 * of(&outcome, 0), "{:?}", outcome.by_person);
    assert!(of(&plain, 1) < 4 * of(&plain, 0), "{:?}", plain.by_person);
    assert!(found(&outcome, FindingKind::DeviceOffDuty) > 0, "used while its owner was not on duty");
    let mut two = all_of_one.clone();
    two.devices.push(DeviceUse { person: Some(0), ..two.devices[0] });
    let two = attribute(&two, &pool(2));
    assert_eq!((&two.credits, &two.shares), (&plain.credits, &plain.shares), "it tells nothing");
    assert!(found(&two, FindingKind::DeviceOfSeveral) > 0);
}

#[test]
fn a_device_of_nobody_says_that_the_same_hands_wrote() {
    // Two on duty, one dialogue each, in turns at two devices that nobody is bound to; one record of each device names its agent.
    let rows = vec![duty(0, 9..20, DutyRule::Rostered), duty(1, 9..20, DutyRule::Rostered)];
    let mut case = input(rows, Vec::new());
    case.accounts[0].phases = vec![PhaseFrom { from_day: 0, phase: Phase::Shared, capacity: 4 }];
    for number in 0..120_u32 {
        let start_ms = 9 * HOUR + i64::from(number) * 297_000;
        let tag = (number < 2).then_some(number);
        case.records.push(Record { start_ms, end_ms: start_ms + 60_000, tag, ..record(&format!("r{number:03}"), 9) });
        case.replies.push(Reply {
            record: number,
            day: 0,
            at_ms: start_ms,
            by: Side::Agent,
            device: Some(7 + number % 2),
        });
    }
    let outcome = attribute(&case, &pool(2));
    let right = outcome.credits.iter().filter(|credit| {
        let best = outcome.shares_of(credit).iter().max_by_key(|share| share.ppm);
        best.is_some_and(|best| best.person == credit.record % 2)
    });
    assert!(right.count() > 110, "{:?}", outcome.by_person);
}

#[test]
fn a_record_that_names_a_device_is_of_its_owner_who_was_on_duty() {
    let rows = vec![duty(0, 9..12, DutyRule::Rostered), duty(1, 9..12, DutyRule::Rostered)];
    let mut case = input(rows, vec![record("a", 10), record("b", 11), record("c", 11), record("d", 11)]);
    case.record_devices = [(0, 4), (1, 5), (2, 6), (3, 7)].into();
    let use_of = |device, person| DeviceUse { device, person: Some(person), from_ms: 0, to_ms: i64::MAX };
    let elsewhere = DeviceUse { person: None, ..use_of(7, 0) };
    case.devices = vec![use_of(4, 1), use_of(5, 2), use_of(6, 0), use_of(6, 1), elsewhere];
    let outcome = attribute(&case, &pool(1));
    let rungs: Vec<Rung> = outcome.credits.iter().map(|credit| credit.rung).collect();
    assert_eq!(rungs, [Rung::Device, Rung::Equal, Rung::Equal, Rung::Equal]);
    assert_eq!((outcome.shares[0].person, outcome.shares[0].ppm), (1, WHOLE));
    assert_eq!((found(&outcome, FindingKind::DeviceOffDuty), found(&outcome, FindingKind::DeviceOfSeveral)), (2, 1));
    let off_duty = outcome.findings.iter().filter(|found| found.kind == FindingKind::DeviceOffDuty);
    assert_eq!(
        off_duty.map(|found| found.person).collect::<Vec<_>>(),
        [None, Some(2)],
        "one is of none of these people"
    );
    let mixed = Input { devices: vec![use_of(7, 0), elsewhere], ..case.clone() };
    assert_eq!(found(&attribute(&mixed, &pool(1)), FindingKind::DeviceOfSeveral), 1, "theirs and somebody else's");
    case.policy.rules = 2;
    assert!(attribute(&case, &pool(1)).credits.iter().all(|credit| credit.rung != Rung::Device));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn neither_the_order_of_rows_nor_the_number_of_threads_matters_to_replies(seed: u64, turn in 0usize..1000) {
        let case = with_devices(chat(160, seed), seed % 7);
        let outcome = attribute(&case, &pool(1));
        prop_assert!(outcome.credits.iter().any(|credit| credit.rung == Rung::Replies));
        for credit in &outcome.credits {
            let shares = outcome.shares_of(credit);
            prop_assert_eq!(shares.iter().map(|share| share.ppm).sum::<u32>(), if shares.is_empty() { 0 } else { WHOLE });
        }
        for total in outcome.by_account.iter().chain(&outcome.by_person) {
            prop_assert!(total.low <= total.total && total.total <= total.high);
        }
        let mut doubled = shuffled(&case, turn);
        doubled.replies.extend(doubled.replies.clone());
        prop_assert_eq!(attribute(&shuffled(&case, turn), &pool(8)).digest, outcome.digest);
        prop_assert_eq!(attribute(&doubled, &pool(3)).digest, outcome.digest, "what an export doubled counts once");
    }
}

#[test]
fn a_record_with_more_messages_than_anybody_writes_is_read_in_parts_and_the_others_as_ever() {
    let mut case = chat(240, 5);
    case.policy.effort = 1;
    let plain = attribute(&case, &pool(2));
    let number = case.records.len() as u32;
    // On a later day, so that it is nobody else's matter: a reply every half second, while three are on duty.
    let (start_ms, end_ms) = (201 * HOUR, 208 * HOUR);
    case.records.push(Record { start_ms, end_ms, day: 8, ..record("endless", 201) });
    case.occupancy.extend((0..3).map(|person| duty(person, 200..209, DutyRule::Rostered)));
    let messages = 50_000;
    case.replies.extend((0..messages).map(|at| Reply {
        record: number,
        day: 8,
        at_ms: start_ms + at * (end_ms - start_ms) / messages,
        by: Side::Agent,
        device: None,
    }));
    let outcome = attribute(&case, &pool(2));
    assert_eq!(outcome.credits.len(), plain.credits.len() + 1);
    let endless = outcome.credits.iter().find(|credit| credit.record == number).expect("a credit");
    assert_eq!((endless.rung, endless.shares > 0), (Rung::Replies, true));
    let rungs = |outcome: &Attribution| -> Vec<(u32, Rung)> {
        outcome
            .credits
            .iter()
            .filter(|credit| credit.record != number)
            .map(|credit| (credit.record, credit.rung))
            .collect()
    };
    assert_eq!(rungs(&outcome), rungs(&plain));
    assert_eq!(attribute(&case, &pool(1)).digest, outcome.digest);
}
