//! The ladder case by case, and what must hold for any input.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

mod bursts;
mod claims;
mod clocks;
mod several;
mod tag_share;
mod why;
mod worth;

const HOUR: i64 = 3_600_000;

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool")
}

fn people(count: usize) -> Vec<AgentInput> {
    (0..count).map(|number| AgentInput { key: format!("E{number:03}") }).collect()
}

fn account(key: &str) -> AccountInput {
    AccountInput { key: key.to_owned(), phases: Vec::new(), team: Vec::new() }
}

fn duty(person: u32, hours: std::ops::Range<i64>, rule: DutyRule) -> Occupancy {
    Occupancy { account: 0, person, from_ms: hours.start * HOUR, to_ms: hours.end * HOUR, rule, evidence: person + 7 }
}

#[test]
fn the_words_of_rungs_reasons_and_findings_are_these() {
    use Rung::{Equal, Handover, Inferred, Sole, Tagged, Team, Unattributed};
    let rungs = [Tagged, Handover, Sole, Inferred, Equal, Team, Unattributed].map(|rung| rung.to_string());
    assert_eq!(rungs, ["tag", "handover", "sole", "inferred", "equal", "team", "unattributed"]);
    let later = [Rung::Split, Rung::Claimed, Rung::Device, Rung::Replies, Rung::TagShare].map(|rung| rung.to_string());
    assert_eq!(later, ["split", "claim", "device", "replies", "tag_share"]);
    let reasons = [Reason::NobodyOnDuty, Reason::NamedWithoutAgent].map(|reason| reason.to_string());
    assert_eq!(reasons, ["NOBODY_ON_DUTY", "NAMED_WITHOUT_AGENT"]);
    let findings = [
        (FindingKind::NoDutyEvidence, "NO_DUTY_EVIDENCE"),
        (FindingKind::UnheldAccount, "UNHELD_ACCOUNT"),
        (FindingKind::TagOffDuty, "TAG_OFF_DUTY"),
        (FindingKind::NamedWithoutAgent, "NAMED_WITHOUT_AGENT"),
        (FindingKind::MixedWithoutTag, "MIXED_WITHOUT_TAG"),
        (FindingKind::TooFewToInfer, "TOO_FEW_TO_INFER"),
        (FindingKind::DidNotSettle, "DID_NOT_SETTLE"),
        (FindingKind::SeveralAtOnce, "SEVERAL_AT_ONCE"),
        (FindingKind::TooFewReplies, "TOO_FEW_REPLIES"),
        (FindingKind::ClockWithoutSeconds, "CLOCK_WITHOUT_SECONDS"),
        (FindingKind::RepliesTooDense, "REPLIES_TOO_DENSE"),
        (FindingKind::EvidenceUneven, "EVIDENCE_UNEVEN"),
        (FindingKind::ReplyOutsideRecord, "REPLY_OUTSIDE_RECORD"),
        (FindingKind::ClocksApart, "CLOCKS_APART"),
        (FindingKind::ClaimOffDuty, "CLAIM_OFF_DUTY"),
        (FindingKind::ClaimWithoutRecord, "CLAIM_WITHOUT_RECORD"),
        (FindingKind::ClaimsDiffer, "CLAIMS_DIFFER"),
        (FindingKind::DeviceOffDuty, "DEVICE_OFF_DUTY"),
        (FindingKind::DeviceOfSeveral, "DEVICE_OF_SEVERAL"),
        (FindingKind::ContributorOffDuty, "CONTRIBUTOR_OFF_DUTY"),
        (FindingKind::ContributorsNotSplit, "CONTRIBUTORS_NOT_SPLIT"),
    ];
    for (kind, word) in findings {
        assert_eq!(kind.to_string(), word);
    }
    use crate::closing::facts::{DutyRule as By, PhaseKind};
    let rules = [By::Handover, By::Roster, By::Punch, By::Team].map(|rule| rule.to_string());
    assert_eq!(rules, ["handover", "roster", "punch", "team"]);
    let phases = [PhaseKind::Shared, PhaseKind::Mixed, PhaseKind::Named].map(|phase| phase.to_string());
    assert_eq!(phases, ["shared", "mixed", "named"]);
}

fn record(key: &str, hour: i64) -> Record {
    let start_ms = hour * HOUR;
    let (customer, tag) = (None, None);
    Record { key: key.to_owned(), account: 0, day: 0, start_ms, end_ms: start_ms + 60_000, kind: 0, customer, tag }
}

fn input(occupancy: Vec<Occupancy>, records: Vec<Record>) -> Input {
    Input {
        policy: Policy::default(),
        people: people(3),
        accounts: vec![account("a")],
        occupancy,
        records,
        ..Input::default()
    }
}

/// Rung, reason and shares of the only record.
fn only(input: &Input) -> (Rung, Option<Reason>, Vec<(u32, u32)>) {
    let outcome = attribute(input, &pool(1));
    let credit = outcome.credits[0];
    let shares = outcome.shares_of(&credit).iter().map(|share| (share.person, share.ppm)).collect();
    (credit.rung, credit.reason, shares)
}

fn in_phase(mut input: Input, phase: Phase) -> Input {
    input.accounts[0].phases = vec![PhaseFrom { from_day: 0, phase, capacity: 1 }];
    input
}

fn tagged(mut record: Record, person: u32) -> Record {
    record.tag = Some(person);
    record
}

#[test]
fn every_step_of_the_ladder_is_reached_by_its_evidence() {
    use DutyRule::{HandoverHeld, Punched, Rostered, Team};
    let one = |rows: Vec<Occupancy>| only(&input(rows, vec![record("r", 10)]));
    let half = vec![(0, 500_000), (1, 500_000)];
    assert_eq!(one(vec![duty(0, 9..12, HandoverHeld)]), (Rung::Handover, None, vec![(0, WHOLE)]));
    assert_eq!(one(vec![duty(1, 9..12, Rostered)]), (Rung::Sole, None, vec![(1, WHOLE)]));
    assert_eq!(one(vec![duty(1, 9..12, Punched)]), (Rung::Sole, None, vec![(1, WHOLE)]));
    assert_eq!(one(vec![duty(0, 9..12, Rostered), duty(1, 9..12, Rostered)]), (Rung::Equal, None, half.clone()));
    assert_eq!(one(vec![duty(0, 9..12, Team), duty(1, 9..12, Team)]), (Rung::Team, None, half));
    let nobody = (Rung::Unattributed, Some(Reason::NobodyOnDuty), Vec::new());
    assert_eq!(one(vec![duty(0, 11..12, Rostered)]), nobody);
    assert_eq!(one(Vec::new()), nobody);
}

#[test]
fn the_strongest_duty_rule_that_covers_the_instant_decides_alone() {
    let rows = vec![
        duty(0, 9..12, DutyRule::Rostered),
        duty(1, 9..12, DutyRule::HandoverHeld),
        duty(2, 9..12, DutyRule::Punched),
    ];
    assert_eq!(only(&input(rows, vec![record("r", 10)])), (Rung::Handover, None, vec![(1, WHOLE)]));
}

#[test]
fn duty_covers_its_first_instant_and_not_its_last() {
    let rows = || vec![duty(0, 9..10, DutyRule::Rostered)];
    assert_eq!(only(&input(rows(), vec![record("r", 9)])).0, Rung::Sole);
    assert_eq!(only(&input(rows(), vec![record("r", 10)])).0, Rung::Unattributed);
}

#[test]
fn an_account_without_any_duty_evidence_is_credited_to_its_team_with_one_finding() {
    let mut case = input(Vec::new(), vec![record("r", 10), record("s", 11)]);
    case.accounts[0].team = vec![2, 0];
    let outcome = attribute(&case, &pool(1));
    assert_eq!(outcome.credits[1].rung, Rung::Team);
    assert_eq!(outcome.shares_of(&outcome.credits[1]).len(), 2);
    assert_eq!(outcome.findings.len(), 1);
    assert_eq!((outcome.findings[0].kind, outcome.findings[0].records), (FindingKind::NoDutyEvidence, 2));
}

#[test]
fn a_tag_counts_even_off_duty_and_is_reported() {
    let outcome =
        attribute(&input(vec![duty(0, 9..12, DutyRule::Rostered)], vec![tagged(record("r", 10), 1)]), &pool(1));
    assert_eq!(outcome.credits[0].rung, Rung::Tagged);
    assert_eq!(outcome.shares, vec![Share { person: 1, ppm: WHOLE, evidence: None }]);
    assert_eq!((outcome.findings[0].kind, outcome.findings[0].person), (FindingKind::TagOffDuty, Some(1)));
}

#[test]
fn a_named_account_counts_tags_and_hand_overs_only() {
    let case = |rule, tag: Option<u32>| {
        let mut record = record("r", 10);
        record.tag = tag;
        only(&in_phase(input(vec![duty(0, 9..12, rule)], vec![record]), Phase::Named))
    };
    assert_eq!(case(DutyRule::Rostered, None).1, Some(Reason::NamedWithoutAgent));
    assert_eq!(case(DutyRule::HandoverHeld, None), (Rung::Handover, None, vec![(0, WHOLE)]));
    assert_eq!(case(DutyRule::Rostered, Some(2)), (Rung::Tagged, None, vec![(2, WHOLE)]));
}

#[test]
fn a_mixed_account_uses_the_whole_ladder_and_reports_what_names_nobody() {
    let rows = vec![duty(0, 9..12, DutyRule::Rostered)];
    let outcome = attribute(&in_phase(input(rows, vec![record("r", 10)]), Phase::Mixed), &pool(1));
    assert_eq!(outcome.credits[0].rung, Rung::Sole);
    assert_eq!(outcome.findings[0].kind, FindingKind::MixedWithoutTag);
}

#[test]
fn a_tag_speaks_for_its_session_within_the_window_and_on_duty() {
    let rows = vec![duty(0, 9..12, DutyRule::Rostered), duty(1, 9..12, DutyRule::Rostered)];
    let of_customer = |key: &str, ms: i64, tag| {
        let start_ms = 10 * HOUR + ms;
        Record { customer: Some(5), tag, start_ms, end_ms: start_ms + 1_000, ..record(key, 10) }
    };
    let records =
        vec![of_customer("a", 0, None), of_customer("b", 300_000, Some(1)), of_customer("c", 1_000_000, None)];
    let rungs: Vec<Rung> =
        attribute(&input(rows, records), &pool(1)).credits.iter().map(|credit| credit.rung).collect();
    assert_eq!(rungs, [Rung::Tagged, Rung::Tagged, Rung::Equal]);
}

#[test]
fn thirds_add_up_to_one_whole() {
    let rows = (0..3).map(|person| duty(person, 9..12, DutyRule::Rostered)).collect();
    let mut shares: Vec<u32> = only(&input(rows, vec![record("r", 10)])).2.iter().map(|share| share.1).collect();
    shares.sort_unstable();
    assert_eq!(shares, [333_333, 333_333, 333_334]);
}

#[test]
fn an_empty_input_has_an_empty_outcome() {
    let outcome = attribute(&Input::default(), &pool(1));
    assert!(outcome.credits.is_empty() && outcome.by_person.is_empty() && outcome.findings.is_empty());
}

#[test]
fn equal_split_is_the_shapley_value_of_the_duty_cover_game() {
    let covers: [&[u32]; 6] = [&[0], &[0, 1], &[0, 1], &[1, 2], &[0, 1, 2], &[2]];
    let mut rows = Vec::new();
    for (hour, cover) in covers.iter().enumerate() {
        rows.extend(cover.iter().map(|&person| duty(person, hour as i64..hour as i64 + 1, DutyRule::Rostered)));
    }
    let records = (0..6).map(|hour| record(&format!("r{hour}"), hour)).collect();
    let totals: Vec<u64> =
        attribute(&input(rows, records), &pool(1)).by_person.iter().map(|total| total.total).collect();
    // 7/3, 11/6 and 11/6, up to the odd millionth of the record that three share.
    for (total, exact) in totals.iter().zip([2_333_333, 1_833_333, 1_833_333]) {
        assert!(total.abs_diff(exact) <= 1, "{totals:?}");
    }
    assert_eq!(totals.iter().sum::<u64>(), 6 * u64::from(WHOLE));
}

/// A day of three people with overlapping duty on two accounts, `count` records, some tagged.
fn busy_day(count: usize, capacity: u32, seed: u64) -> Input {
    let mut state = seed;
    let mut draw = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut accounts = vec![account("a"), account("b")];
    for account in &mut accounts {
        account.phases = vec![PhaseFrom { from_day: 0, phase: Phase::Shared, capacity }];
    }
    let mut occupancy = Vec::new();
    for day in 0..3 {
        for person in 0..5 {
            let from = day * 24 + 6 + i64::from(person);
            let row = duty(person, from..from + 8, DutyRule::Rostered);
            occupancy.extend([row, Occupancy { account: 1, ..row }]);
        }
    }
    let records = (0..count)
        .map(|number| {
            let day = draw(3) as i32;
            let start_ms = (i64::from(day) * 24 + 6) * HOUR + draw(12 * 3600) as i64 * 1000;
            let tag = (draw(10) == 0).then(|| draw(5) as u32);
            let customer = (draw(3) == 0).then(|| draw(20) as u32);
            let (account, kind) = (draw(2) as u32, draw(3) as u32);
            let end_ms = start_ms + draw(400) as i64 * 1000;
            Record { key: format!("r{number:05}"), account, day, start_ms, end_ms, kind, customer, tag }
        })
        .collect();
    let policy = Policy { effort: 400_000, ..Policy::default() };
    Input { policy, people: people(5), accounts, occupancy, records, ..Input::default() }
}

#[test]
fn the_outcome_of_a_known_case_stays_what_it_is() {
    // By the rules of before, and by those of today.
    for (rules, known) in [(1, "04f7c4e00e981700"), (2, "04f7c4e00e981700"), (3, "b310e534472584ab")] {
        let mut case = busy_day(400, 1, 1);
        case.policy.rules = rules;
        let outcome = attribute(&case, &pool(2));
        assert!(outcome.credits.iter().any(|credit| credit.rung == Rung::Inferred));
        let digest: String = outcome.digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, known, "rules {rules}");
    }
}

#[test]
fn few_ambiguous_records_are_split_equally_and_said_so() {
    let outcome = attribute(&busy_day(40, 1, 2), &pool(1));
    assert!(outcome.credits.iter().all(|credit| credit.rung != Rung::Inferred));
    assert!(outcome.findings.iter().any(|finding| finding.kind == FindingKind::TooFewToInfer));
}

#[test]
fn where_one_person_holds_several_dialogues_nothing_is_inferred_and_it_is_said() {
    let outcome = attribute(&busy_day(400, 3, 2), &pool(1));
    assert!(outcome.credits.iter().all(|credit| credit.rung != Rung::Inferred));
    let noted = outcome.findings.iter().filter(|finding| finding.kind == FindingKind::SeveralAtOnce);
    let noted: usize = noted.map(|finding| finding.records as usize).sum();
    let equal = outcome.credits.iter().filter(|credit| credit.rung == Rung::Equal).count();
    assert!(noted > 100 && noted == equal, "{noted} {equal}");
}

#[test]
fn a_policy_without_inference_splits_equally() {
    let mut case = busy_day(400, 1, 3);
    case.policy.inference = false;
    assert!(attribute(&case, &pool(1)).credits.iter().all(|credit| credit.rung != Rung::Inferred));
}

#[test]
fn work_that_comes_seconds_after_the_last_goes_to_the_same_person() {
    let mut case = input(vec![duty(0, 0..12, DutyRule::Rostered), duty(1, 0..12, DutyRule::Rostered)], Vec::new());
    // Both work in turns; a record overlapping a tagged one of the other person cannot be that person's.
    for number in 0..200i64 {
        let start_ms = number * 200_000;
        let busy = Record { start_ms, end_ms: start_ms + 150_000, ..tagged(record(&format!("t{number:03}"), 0), 0) };
        let open =
            Record { start_ms: start_ms + 30_000, end_ms: start_ms + 90_000, ..record(&format!("u{number:03}"), 0) };
        case.records.extend([busy, open]);
    }
    let outcome = attribute(&case, &pool(1));
    let second = outcome.by_person.iter().find(|total| total.person == 1).expect("the other person");
    assert!(second.inferred > 195 * u64::from(WHOLE), "{second:?}");
}

/// The outcome in terms of keys, for inputs whose rows differ in order.
fn shuffled(input: &Input, seed: usize) -> Input {
    let turn = |length: usize| -> Vec<usize> {
        let mut order: Vec<usize> = (0..length).collect();
        order.rotate_left(seed % length.max(1));
        order.reverse();
        order
    };
    let (people, accounts) = (turn(input.people.len()), turn(input.accounts.len()));
    let place = |order: &[usize], old: u32| order.iter().position(|&at| at == old as usize).expect("a place") as u32;
    Input {
        policy: input.policy.clone(),
        people: people.iter().map(|&old| input.people[old].clone()).collect(),
        accounts: accounts.iter().map(|&old| input.accounts[old].clone()).collect(),
        occupancy: turn(input.occupancy.len())
            .into_iter()
            .map(|old| input.occupancy[old])
            .map(|row| Occupancy { account: place(&accounts, row.account), person: place(&people, row.person), ..row })
            .collect(),
        records: turn(input.records.len())
            .into_iter()
            .map(|old| input.records[old].clone())
            .map(|row| Record {
                account: place(&accounts, row.account),
                tag: row.tag.map(|tag| place(&people, tag)),
                ..row
            })
            .collect(),
        contributions: (0..)
            .zip(turn(input.records.len()))
            .filter_map(|(new, old)| Some((new, input.contributions.get(&(old as u32))?)))
            .map(|(new, named)| (new, named.iter().map(|(role, person)| (*role, place(&people, *person))).collect()))
            .collect(),
        replies: turn(input.replies.len())
            .into_iter()
            .map(|old| input.replies[old])
            .map(|reply| Reply { record: place(&turn(input.records.len()), reply.record), ..reply })
            .collect(),
        claims: turn(input.claims.len())
            .into_iter()
            .map(|old| input.claims[old])
            .map(|claim| Claim {
                account: place(&accounts, claim.account),
                person: place(&people, claim.person),
                record: claim.record.map(|record| place(&turn(input.records.len()), record)),
                ..claim
            })
            .collect(),
        devices: turn(input.devices.len())
            .into_iter()
            .map(|old| DeviceUse {
                person: input.devices[old].person.map(|person| place(&people, person)),
                ..input.devices[old]
            })
            .collect(),
        record_devices: (0..)
            .zip(turn(input.records.len()))
            .filter_map(|(new, old)| Some((new, *input.record_devices.get(&(old as u32))?)))
            .collect(),
    }
}

/// First answer 30 %, closing 50 %, after-sales 20 %.
fn with_split(mut input: Input, named: &[(u32, &[(Role, u32)])]) -> Input {
    let (version, first_answer, closer, after_sales) = ("spring".to_owned(), 300_000, 500_000, 200_000);
    input.policy.split = Some(Split { version, first_answer, closer, after_sales });
    input.contributions = named.iter().map(|(record, named)| (*record, named.to_vec())).collect();
    input
}

#[test]
fn contributors_are_credited_by_their_roles_at_a_rung_of_their_own_before_any_other() {
    let on_duty = || vec![duty(0, 9..12, DutyRule::Rostered), duty(1, 9..12, DutyRule::Rostered)];
    let named: &[(Role, u32)] = &[(Role::FirstAnswer, 0), (Role::Closer, 2)];
    let one = || vec![tagged(record("a", 10), 1)];
    let outcome = attribute(&with_split(input(on_duty(), one()), &[(0, named)]), &pool(2));
    let shares: Vec<_> = outcome.shares.iter().map(|share| (share.person, share.ppm)).collect();
    assert_eq!((outcome.credits[0].rung, shares), (Rung::Split, vec![(0, 375_000), (2, 625_000)]));
    let told: Vec<_> = outcome.findings.iter().map(|found| (found.kind, found.person)).collect();
    assert_eq!(told, [(FindingKind::ContributorOffDuty, Some(2))]);
    assert_eq!(outcome.by_person.iter().map(|total| total.tagged).sum::<u64>(), u64::from(WHOLE), "by name");
    // Without a rule they are told, and the record is credited as without them.
    let plain = attribute(&input(on_duty(), one()), &pool(2));
    let mut unsaid = with_split(input(on_duty(), one()), &[(0, named)]);
    unsaid.policy.split = None;
    let without = attribute(&unsaid, &pool(2));
    assert_eq!((without.credits, without.shares, without.by_person), (plain.credits, plain.shares, plain.by_person));
    let told: Vec<_> = without.findings.iter().map(|found| found.kind).collect();
    assert_eq!(told, [FindingKind::ContributorsNotSplit], "a name that does not count may be off duty");
}

#[test]
fn a_rule_that_no_record_needs_changes_nothing_but_is_part_of_no_old_digest_either() {
    let case = busy_day(120, 1, 7);
    assert_eq!(attribute(&with_split(case.clone(), &[]), &pool(2)).digest, attribute(&case, &pool(2)).digest);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn shared_records_add_up_and_depend_on_no_order(
        named in prop::collection::btree_map(0..100_u32, prop::collection::btree_set((0..3_usize, 0..5_u32), 1..8), 1..40),
        seed: u64, turn in 0usize..1000,
    ) {
        let mut case = with_split(busy_day(100, 1, seed), &[]);
        let roles = |of: BTreeSet<(usize, u32)>| of.into_iter().map(|(role, person)| (Role::ALL[role], person)).collect::<Vec<_>>();
        case.contributions = named.into_iter().map(|(record, of)| (record, roles(of))).collect();
        let outcome = attribute(&case, &pool(2));
        for credit in &outcome.credits {
            let shares = outcome.shares_of(credit);
            let whole = if shares.is_empty() { 0 } else { WHOLE };
            prop_assert_eq!(shares.iter().map(|share| share.ppm).sum::<u32>(), whole);
            prop_assert_eq!(credit.rung == Rung::Split, case.contributions.contains_key(&credit.record));
        }
        prop_assert_eq!(attribute(&shuffled(&case, turn), &pool(8)).digest, outcome.digest);
    }

    #[test]
    fn shares_add_up_and_noise_is_gone(count in 0usize..300, capacity in 0u32..5, seed: u64) {
        let case = busy_day(count, capacity, seed);
        let outcome = attribute(&case, &pool(2));
        prop_assert_eq!(outcome.credits.len(), count);
        for credit in &outcome.credits {
            let shares = outcome.shares_of(credit);
            prop_assert_eq!(shares.iter().map(|share| share.ppm).sum::<u32>(), if shares.is_empty() { 0 } else { WHOLE });
            prop_assert!(shares.iter().all(|share| share.ppm >= 1_000));
            prop_assert_eq!(shares.is_empty(), credit.reason.is_some());
        }
        for total in outcome.by_account.iter().chain(&outcome.by_person) {
            prop_assert!(total.low <= total.total && total.total <= total.high);
            prop_assert!(total.low >= total.tagged + total.handover + total.sole);
        }
    }

    #[test]
    fn what_is_open_of_an_interval_is_whole_records_among_those_there_are(
        count in 0usize..300, capacity in 1u32..3, seed: u64,
    ) {
        let case = busy_day(count, capacity, seed);
        let outcome = attribute(&case, &pool(2));
        let whole = u64::from(WHOLE);
        for total in outcome.by_account.iter().chain(&outcome.by_person) {
            let certain = total.tagged + total.handover + total.sole;
            let of_account = |credit: &&Credit| total.account.is_none_or(|account| case.records[credit.record as usize].account == account);
            let open = |credit: &&Credit| matches!(credit.rung, Rung::Inferred | Rung::Replies | Rung::TagShare | Rung::Equal | Rung::Team);
            let theirs = |credit: &&Credit| outcome.shares_of(credit).iter().any(|share| share.person == total.person);
            let records = outcome.credits.iter().filter(of_account).filter(open).filter(theirs).count() as u64;
            prop_assert!(certain <= total.low && total.high <= certain + records * whole, "{total:?} of {records}");
            prop_assert!((total.low - certain) % whole == 0 && (total.high - certain) % whole == 0, "{total:?}");
        }
    }

    #[test]
    fn before_the_rules_of_the_newest_interval_only_the_ends_differ(count in 0usize..300, seed: u64) {
        let mut case = busy_day(count, 1, seed);
        let newest = attribute(&case, &pool(2));
        case.policy.rules = 2;
        let before = attribute(&case, &pool(2));
        prop_assert_eq!((&newest.credits, &newest.shares, &newest.findings), (&before.credits, &before.shares, &before.findings));
        for (newest, before) in newest.by_person.iter().zip(&before.by_person) {
            prop_assert_eq!(Total { low: 0, high: 0, ..*newest }, Total { low: 0, high: 0, ..*before });
        }
    }

    #[test]
    fn neither_the_order_of_rows_nor_the_number_of_threads_matters(seed: u64, turn in 0usize..1000) {
        let case = busy_day(300, 1 + (seed % 3) as u32, seed);
        let digest = attribute(&case, &pool(1)).digest;
        prop_assert_eq!(attribute(&case, &pool(2)).digest, digest);
        prop_assert_eq!(attribute(&shuffled(&case, turn), &pool(8)).digest, digest);
    }
}
