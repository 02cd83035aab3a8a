//! Corrections of published cycles: what is worked out anew, what is taken over, and what people are told.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use tally_access::Permission;
use tally_api::attendance::v1::{self as attendance, DutyRule};
use tally_api::common::v1 as common;
use tally_api::performance::v1 as pb;
use tally_kernel::page::{MAX_SIZE, Page};
use tally_store::{AuditOf, AuditQuery};
use tally_testkit::callers::Caller;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;
use uuid::Uuid;

use crate::fixture::{Fixture, NORTH, PeerFacts, SOUTH, account, at, by, cycle, person, reason, record, scheme};
use crate::{purged, schemes};

/// Longer than a call takes: what was changed before is known to be read.
pub const LATER: SignedDuration = SignedDuration::from_hours(2);

/// Four people, each on an account of the own; the third serves the first account as well.
pub async fn published(on: Backend) -> (Fixture, String) {
    let mut told = PeerFacts::of(4, 5);
    for n in 1..=4 {
        told.on_duty(n, n, DutyRule::Roster, "2026-03-02T00:00:00Z", "2026-03-02T09:00:00Z");
    }
    told.on_duty(1, 3, DutyRule::Roster, "2026-03-02T00:00:00Z", "2026-03-02T09:00:00Z");
    let mut fixture = Fixture::working(on, told).await;
    for n in 1..=4 {
        let rows = (0..3).map(|i| version(n, i, true, 1)).collect();
        fixture.import(n, rows).await;
    }
    fixture.pass(SignedDuration::from_secs(1));
    let scheme = fixture.scheme(scheme()).await;
    let id = fixture.make(cycle(&scheme)).await.unwrap();
    fixture.close(&id).await;
    publish(&fixture, &id).await.unwrap();
    fixture.pass(LATER);
    (fixture, id)
}

pub fn version(account: u128, n: usize, resolved: bool, revision: u64) -> pb::Record {
    let start = format!("2026-03-02T0{}:00:00Z", n + 1);
    pb::Record { resolved: Some(resolved), revision, ..record(&format!("{account}-{n}"), &start) }
}

pub async fn publish(fixture: &Fixture, id: &str) -> Result<pb::Cycle, String> {
    let ask = pb::PublishCycleRequest { cycle_id: id.into(), ..Default::default() };
    let done = fixture.cycles().publish_cycle(fixture.admin.request(ask)).await;
    done.map(|done| done.into_inner().cycle.unwrap()).map_err(|e| tally_rpc::error_from(e).reason().to_owned())
}

pub fn asked(id: &str, why: &str) -> pb::CorrectCycleRequest {
    pb::CorrectCycleRequest { cycle_id: id.into(), reason: why.into(), ..Default::default() }
}

/// Corrects a cycle and watches it until it rests.
pub async fn correct(fixture: &Fixture, request: pb::CorrectCycleRequest) -> pb::Cycle {
    let begun = fixture.cycles().correct_cycle(fixture.admin.request(request)).await.unwrap().into_inner();
    let correction = fixture.watch(&begun.cycle.unwrap().cycle_id).await;
    assert_eq!(correction.state(), pb::CycleState::Reviewable, "{}", correction.failure);
    correction
}

async fn card(fixture: &Fixture, ask: pb::GetCardRequest) -> Result<pb::Card, String> {
    let card = fixture.cards().get_card(fixture.admin.request(ask)).await;
    card.map(|card| card.into_inner().card.unwrap()).map_err(|e| tally_rpc::error_from(e).reason().to_owned())
}

fn of(id: &str, n: u128) -> pb::GetCardRequest {
    pb::GetCardRequest { cycle_id: id.into(), person_id: person(n).to_string(), ..Default::default() }
}

/// How many components the run of a cycle had, and how many of these it took over.
pub async fn components(fixture: &Fixture, cycle: &pb::Cycle) -> (String, String) {
    fixture.db.store.sequence_now().await.unwrap();
    let of = AuditOf::Subject("attribution_run".into(), cycle.attribution_run_id.clone());
    let page = Page::read(MAX_SIZE, "", b"").unwrap();
    let (entries, _) = fixture.db.store.search_audit(&AuditQuery { of, from: None, to: None }, &page).await.unwrap();
    let collected = entries.into_iter().find(|(_, entry)| entry.action == "performance.run.collect").unwrap().1;
    let notes: BTreeMap<String, String> = serde_json::from_str(&collected.notes).unwrap();
    (notes["components"].clone(), notes["taken_over"].clone())
}

on_both!(a_late_change_makes_a_new_version_of_the_cards_and_the_published_ones_stay, flavor = "multi_thread");
async fn a_late_change_makes_a_new_version_of_the_cards_and_the_published_ones_stay(on: Backend) {
    let (mut fixture, id) = published(on).await;
    let first = card(&fixture, of(&id, 2)).await.unwrap();
    assert_eq!(first.result_version, 1);
    fixture.import(2, vec![version(2, 0, false, 2)]).await;
    fixture.pass(LATER);
    let correction = correct(&fixture, asked(&id, "a case was opened again")).await;
    assert_eq!((correction.corrects_id.as_str(), correction.result_version), (id.as_str(), 0));
    assert_eq!(components(&fixture, &correction).await, ("3".into(), "2".into()));
    assert_eq!(correction.summary.as_ref().unwrap().corrected_people, 1);
    assert_eq!(card(&fixture, of(&id, 2)).await.unwrap(), first, "nobody sees what is not published");
    let known = fixture.callers.clock.now();
    fixture.pass(LATER);
    let done = publish(&fixture, &correction.cycle_id).await.unwrap();
    assert_eq!(done.result_version, 2);
    let second = card(&fixture, of(&id, 2)).await.unwrap();
    assert_eq!((second.result_version, second.cycle_id.as_str()), (2, id.as_str()));
    assert_ne!(second.score, first.score);
    let asked_for = |result_version| pb::GetCardRequest { result_version, ..of(&id, 2) };
    assert_eq!(card(&fixture, asked_for(1)).await.unwrap(), first);
    assert_eq!(card(&fixture, asked_for(3)).await.unwrap_err(), "RESULT_VERSION_UNKNOWN");
    let then = |known_at| pb::GetCardRequest { known_at, ..of(&id, 2) };
    assert_eq!(card(&fixture, then(at(&known.to_string()))).await.unwrap(), first, "as known on that day");
    assert_eq!(card(&fixture, then(at("2026-03-01T00:00:00Z"))).await.unwrap_err(), "RESULT_VERSION_UNKNOWN");
    let both = pb::GetCardRequest { result_version: 1, ..then(at(&known.to_string())) };
    assert_eq!(card(&fixture, both).await.unwrap_err(), "INVALID_REQUEST");
    // Who it is about reads both and what changed.
    let agent = fixture.agent(2, &[Permission::CardRead]);
    let ask = |n: u128| pb::ListCardVersionsRequest { cycle_id: id.clone(), person_id: person(n).to_string() };
    let told = fixture.cards().list_card_versions(agent.request(ask(2))).await.unwrap().into_inner().versions;
    assert_eq!(
        told.iter().map(|v| (v.result_version, v.reason.as_str())).collect::<Vec<_>>(),
        [(1, ""), (2, "a case was opened again")]
    );
    assert!(told[0].changes.is_empty());
    assert!(told[1].changes.iter().any(|line| line.starts_with("Resolved: 100 % on 3 records")), "{told:?}");
    assert_eq!(reason(fixture.cards().list_card_versions(agent.request(ask(1))).await), "NOT_FOUND");
    // The published cycle itself is as it was, and an event tells others to read again.
    let ask = pb::GetCycleRequest { cycle_id: id.clone() };
    let root = fixture.cycles().get_cycle(fixture.admin.request(ask)).await.unwrap().into_inner().cycle.unwrap();
    assert_eq!((root.state(), root.result_version), (pb::CycleState::Published, 1));
    let all = fixture.credits(&fixture.admin, &id).await;
    assert_eq!(all.len(), 12, "credits that were taken over are told with the others");
    let explained = pb::ExplainRecordRequest {
        cycle_id: id.clone(),
        account_id: account(1).to_string(),
        external_id: "1-0".into(),
        ..Default::default()
    };
    assert!(fixture.attribution().explain_record(fixture.admin.request(explained)).await.is_ok());
    credits_of_each_version_stay(&mut fixture, &id, &known.to_string()).await;
}

/// Whoever was paid by a version is led back to what it was credited from, also after a record more came.
async fn credits_of_each_version_stay(fixture: &mut Fixture, id: &str, known: &str) {
    let of = |result_version, known_at| {
        let (cycle_id, person_id) = (id.to_owned(), person(2).to_string());
        pb::ExportCreditsRequest { cycle_id, person_id, result_version, known_at, ..Default::default() }
    };
    let before = fixture.credits_of(&fixture.admin, of(0, None)).await;
    fixture.import(2, vec![record("late", "2026-03-02T04:00:00Z")]).await;
    fixture.pass(LATER);
    let correction = correct(fixture, asked(id, "a record came late")).await;
    publish(fixture, &correction.cycle_id).await.unwrap();
    let newest = fixture.credits_of(&fixture.admin, of(0, None)).await;
    assert_eq!((before.len(), newest.len()), (3, 4));
    for (asked, expected) in [(of(1, None), &before), (of(0, at(known)), &before), (of(3, None), &newest)] {
        assert_eq!(&fixture.credits_of(&fixture.admin, asked.clone()).await, expected, "{asked:?}");
    }
    let refused = async |ask| reason(fixture.attribution().export_credits(fixture.admin.request(ask)).await);
    assert_eq!(refused(of(4, None)).await, "RESULT_VERSION_UNKNOWN");
    assert_eq!(refused(of(1, at(known))).await, "INVALID_REQUEST", "both");
    let attribution_run_id = correction.attribution_run_id;
    let of_run = pb::ExportCreditsRequest { cycle_id: String::new(), attribution_run_id, ..of(1, None) };
    assert_eq!(refused(of_run).await, "INVALID_REQUEST", "a run has one result");
    let (cycle_id, account_id) = (id.to_owned(), account(2).to_string());
    let of_record = pb::ExplainRecordRequest { cycle_id, account_id, ..Default::default() };
    let explained = async |external_id: &str, result_version, known_at| {
        let external_id = external_id.to_owned();
        let ask = pb::ExplainRecordRequest { external_id, result_version, known_at, ..of_record.clone() };
        fixture.attribution().explain_record(fixture.admin.request(ask)).await
    };
    for (version, known_at) in [(1, None), (0, at(known))] {
        assert!(explained("2-0", version, known_at).await.is_ok());
        assert_eq!(reason(explained("late", version, known_at).await), "NOT_FOUND", "it had not come");
    }
    assert!(explained("late", 3, None).await.is_ok() && explained("late", 0, None).await.is_ok());
    assert_eq!(reason(explained("late", 1, at(known)).await), "INVALID_REQUEST", "both");
}

/// Something else at each step.
pub async fn put_right(fixture: &Fixture, step: u32) {
    match step {
        0 => drop(fixture.import(2, vec![version(2, 0, false, 2)]).await),
        1 => fixture.tell(|told| {
            told.on_duty(2, 4, DutyRule::Handover, "2026-03-02T01:30:00Z", "2026-03-02T02:30:00Z");
        }),
        2 => drop(fixture.import(3, vec![by("E0003", "late", "2026-03-02T05:00:00Z")]).await),
        3 => {
            let to = account(3).to_string();
            let ask = pb::MoveRecordRequest {
                region: "cn-north".into(),
                unit_id: NORTH.to_string(),
                account_id: account(1).to_string(),
                external_id: "1-1".into(),
                to_region: "cn-north".into(),
                to_unit_id: NORTH.to_string(),
                to_account_id: to,
                reason: "the wrong shop".into(),
                ..Default::default()
            };
            fixture.records().move_record(fixture.admin.request(ask)).await.unwrap();
        }
        4 => {
            let ask = pb::WithdrawRecordRequest {
                region: "cn-north".into(),
                unit_id: NORTH.to_string(),
                account_id: account(3).to_string(),
                external_id: "3-0".into(),
                reason: "a test".into(),
                ..Default::default()
            };
            fixture.records().withdraw_record(fixture.admin.request(ask)).await.unwrap();
        }
        5 => drop(fixture.import(5, vec![by("E0001", "new", "2026-03-02T05:00:00Z")]).await),
        _ => fixture.tell(|told| told.duty.retain(|one| one.account_id != account(2).to_string())),
    }
}

on_both!(whatever_is_put_right_a_correction_says_what_closing_anew_says, flavor = "multi_thread");
async fn whatever_is_put_right_a_correction_says_what_closing_anew_says(on: Backend) {
    let (mut fixture, id) = published(on).await;
    let scheme = fixture.scheme(pb::Scheme { name: "again".into(), ..scheme() }).await;
    let usual = { fixture.watch(&id).await.scheme_id };
    for step in 0..7 {
        put_right(&fixture, step).await;
        if step % 2 == 0 {
            fixture.pass(LATER);
        }
        let correction = correct(&fixture, asked(&id, "put right")).await;
        let (all, taken) = components(&fixture, &correction).await;
        assert!(taken != "0" && taken != all, "step {step}: {taken} of {all}");
        let anew = fixture.make(cycle(&usual)).await.unwrap();
        let anew = fixture.close(&anew).await;
        let figures = |cycle: &pb::Cycle| pb::CycleSummary { corrected_people: 0, ..cycle.summary.clone().unwrap() };
        assert_eq!(figures(&correction), figures(&anew), "step {step}");
        let credits = async |cycle: &pb::Cycle| {
            let told = fixture.credits(&fixture.admin, &cycle.cycle_id).await;
            told.iter().map(|credit| format!("{credit:?}")).collect::<Vec<_>>()
        };
        assert_eq!(credits(&correction).await, credits(&anew).await, "step {step}");
        let totals = async |cycle: &pb::Cycle| {
            let ask = pb::ListTotalsRequest { cycle_id: cycle.cycle_id.clone(), page_size: 1000, ..Default::default() };
            fixture.attribution().list_totals(fixture.admin.request(ask)).await.unwrap().into_inner().totals
        };
        assert_eq!(totals(&correction).await, totals(&anew).await, "step {step}");
        let findings = async |cycle: &pb::Cycle| {
            let ask =
                pb::ListFindingsRequest { cycle_id: cycle.cycle_id.clone(), page_size: 1000, ..Default::default() };
            let found = fixture.attribution().list_findings(fixture.admin.request(ask)).await.unwrap().into_inner();
            let told = |f| common::Finding { finding_id: String::new(), ..f };
            found.findings.into_iter().map(told).collect::<Vec<_>>()
        };
        assert_eq!(findings(&correction).await, findings(&anew).await, "step {step}");
        // A scheme that reads what no run added up reads it where the credits are.
        let mut quality = pb::Scheme { scheme_id: scheme.clone(), name: "again".into(), ..crate::fixture::scheme() };
        quality.kpis[2] =
            pb::Kpi { key: "qa".into(), measure: "qa".into(), target: "10".into(), ..quality.kpis[2].clone() };
        let quality =
            fixture.scheme(pb::Scheme { scheme_id: String::new(), name: format!("q{step}"), ..quality }).await;
        let from = fixture.make(cycle(&quality)).await.unwrap();
        let scored = fixture.close_from(&from, &correction.attribution_run_id).await;
        assert_eq!(scored.state(), pb::CycleState::Reviewable, "step {step}: {}", scored.failure);
        assert_eq!(publish(&fixture, &correction.cycle_id).await.unwrap().result_version, step + 2);
        fixture.pass(LATER);
    }
}

on_both!(only_what_is_published_is_corrected_by_who_may_and_only_where_something_changes, flavor = "multi_thread");
async fn only_what_is_published_is_corrected_by_who_may_and_only_where_something_changes(on: Backend) {
    let (mut fixture, id) = published(on).await;
    let scheme = fixture.watch(&id).await.scheme_id;
    let open = fixture.make(cycle(&scheme)).await.unwrap();
    let mut cycles = fixture.cycles();
    assert_eq!(reason(cycles.correct_cycle(fixture.admin.request(asked(&open, "x"))).await), "CYCLE_NOT_PUBLISHED");
    assert_eq!(reason(cycles.correct_cycle(fixture.admin.request(asked(&id, " "))).await), "INVALID_REQUEST");
    use Permission::{CardRead, CycleClose, CycleRead};
    let branch = fixture.of_unit(SOUTH, &[CycleRead, CycleClose, CardRead]);
    assert_eq!(reason(cycles.correct_cycle(branch.request(asked(&id, "x"))).await), "PERMISSION_DENIED");
    let nothing = correct(&fixture, asked(&id, "looked again")).await;
    assert_eq!(components(&fixture, &nothing).await, ("3".into(), "3".into()), "all is as it was");
    assert_eq!(publish(&fixture, &nothing.cycle_id).await.unwrap_err(), "CORRECTION_CHANGES_NOTHING");
    // What was begun and not published goes on where it is asked for again, by the correction's id as well.
    fixture.import(4, vec![version(4, 1, false, 2)]).await;
    let same = correct(&fixture, asked(&nothing.cycle_id, "looked again")).await;
    assert_eq!((same.cycle_id.as_str(), same.corrects_id.as_str()), (nothing.cycle_id.as_str(), id.as_str()));
    assert_eq!(same.summary.unwrap().corrected_people, 1, "by the facts of now");
    let other = |of: &str| asked(of, "a case was opened again");
    for of in [&id, &nothing.cycle_id] {
        let refused = cycles.correct_cycle(fixture.admin.request(other(of))).await.unwrap_err();
        assert!(refused.message().contains(&nothing.cycle_id), "{refused:?}");
        assert_eq!(reason(Err::<tonic::Response<()>, _>(refused)), "CYCLE_CORRECTION_UNDERWAY");
    }
    assert_eq!(fixture.watch(&nothing.cycle_id).await.correction_reason, "looked again", "nothing is written over");
    let away = pb::CancelCycleRequest { cycle_id: nothing.cycle_id.clone(), ..Default::default() };
    let away = cycles.cancel_cycle(fixture.admin.request(away)).await.unwrap().into_inner().cycle.unwrap();
    assert_eq!((away.state(), away.summary), (pb::CycleState::Open, None));
    let again = correct(&fixture, other(&id)).await;
    assert_eq!(
        (again.cycle_id.as_str(), again.correction_reason.as_str()),
        (nothing.cycle_id.as_str(), "a case was opened again")
    );
    assert_eq!(publish(&fixture, &again.cycle_id).await.unwrap().result_version, 2);
    purged::nothing_comes_to_it(&mut fixture, &id, &open).await;
}

on_both!(a_version_of_a_scheme_that_was_used_by_mistake_is_put_right_by_another, flavor = "multi_thread");
async fn a_version_of_a_scheme_that_was_used_by_mistake_is_put_right_by_another(on: Backend) {
    let (fixture, id) = published(on).await;
    let scheme_id = fixture.watch(&id).await.scheme_id;
    let mut better = pb::Scheme { scheme_id: scheme_id.clone(), ..scheme() };
    (better.kpis[0].weight, better.kpis[1].weight) = ("30".into(), "40".into());
    fixture.scheme(better).await;
    let scored_by = async |fixture: &Fixture, version: u32| {
        let scheme_id = fixture.watch(&id).await.scheme_id;
        let ask = pb::ListTouchedCyclesRequest { scheme_id, scheme_version: version, ..Default::default() };
        let request = fixture.admin.request(ask);
        fixture.changes().list_touched_cycles(request).await.unwrap().into_inner().cycles
    };
    let named = scored_by(&fixture, 1).await;
    assert_eq!(named.iter().map(|of| (&of.cycle_id, of.scheme_version)).collect::<Vec<_>>(), [(&id, 1)]);
    assert_eq!(scored_by(&fixture, 2).await, []);
    let ask = pb::CorrectCycleRequest { scheme_version: 2, ..asked(&id, "the weights were those of last year") };
    let correction = correct(&fixture, ask).await;
    assert_eq!((correction.scheme_version, components(&fixture, &correction).await.1.as_str()), (2, "3"));
    publish(&fixture, &correction.cycle_id).await.unwrap();
    assert_eq!(scored_by(&fixture, 1).await, []);
    assert_eq!(scored_by(&fixture, 0).await.iter().map(|of| of.scheme_version).collect::<Vec<_>>(), [2]);
    schemes::versions_that_are_none(&fixture, &id).await;
    // The next correction goes on with the version that was used last.
    fixture.import(4, vec![version(4, 1, false, 2)]).await;
    assert_eq!(correct(&fixture, asked(&id, "late")).await.scheme_version, 2);
}

on_both!(a_branch_corrects_its_own_month_also_where_the_facts_lead_beyond_it, flavor = "multi_thread");
async fn a_branch_corrects_its_own_month_also_where_the_facts_lead_beyond_it(on: Backend) {
    let (mut fixture, id) = published(on).await;
    let scheme_id = fixture.watch(&id).await.scheme_id;
    let own = fixture.make(pb::Cycle { unit_id: NORTH.to_string(), ..cycle(&scheme_id) }).await.unwrap();
    assert_eq!(fixture.close(&own).await.state(), pb::CycleState::Reviewable);
    publish(&fixture, &own).await.unwrap();
    fixture.pass(LATER);
    fixture.tell(|told| told.on_duty(1, 2, DutyRule::Handover, "2026-03-02T01:30:00Z", "2026-03-02T02:30:00Z"));
    use Permission::{CardRead, CreditRead, CycleClose, CyclePublish, CycleRead};
    let hr = fixture.of_unit(NORTH, &[CycleRead, CycleClose, CyclePublish, CardRead, CreditRead]);
    let begun = fixture.cycles().correct_cycle(hr.request(asked(&own, "a hand-over was forgotten"))).await.unwrap();
    let correction = fixture.watch(&begun.into_inner().cycle.unwrap().cycle_id).await;
    assert_eq!(correction.state(), pb::CycleState::Reviewable, "{}", correction.failure);
    let summary = correction.summary.unwrap();
    assert_eq!((summary.people, summary.outside_people), (2, 1));
    let credits = fixture.credits(&hr, &correction.cycle_id).await;
    assert!(credits.iter().flat_map(|credit| &credit.shares).all(|share| share.person_id != person(2).to_string()));
    assert!(credits.iter().any(|credit| credit.others_ppm > 0), "of the other branch is told how much it is");
}

/// One indicator counts who came back within a week.
fn coming_back() -> pb::Scheme {
    let count = pb::RecordMeasure { aggregation: pb::RecordAggregation::Count.into(), ..Default::default() };
    let again = pb::RepeatMeasure { of: "chats".into(), after: String::new(), within_days: 7 };
    let define = |name: &str, of| pb::MeasureDefinition { name: name.into(), of: Some(of), ..Default::default() };
    let mut scheme = pb::Scheme { name: "coming back".into(), ..scheme() };
    scheme.measures = vec![
        define("chats", pb::measure_definition::Of::Record(count)),
        define("again", pb::measure_definition::Of::Repeat(again)),
    ];
    scheme.kpis[0].measure = "again".into();
    scheme
}

/// The cycles that rest on these accounts, and on how many of them.
async fn touched(
    fixture: &Fixture,
    caller: &Caller,
    accounts: &[u128],
    from: &str,
    to: &str,
) -> Result<Vec<(String, usize)>, String> {
    let ask = pb::ListTouchedCyclesRequest {
        account_ids: accounts.iter().map(|n| account(*n).to_string()).collect(),
        from: from.into(),
        to: to.into(),
        ..Default::default()
    };
    let answer = fixture.changes().list_touched_cycles(caller.request(ask)).await.map_err(tally_rpc::error_from);
    let cycles = answer.map_err(|error| error.reason().to_owned())?.into_inner().cycles;
    Ok(cycles.into_iter().map(|c| (c.cycle_id.clone(), c.account_ids.len())).collect())
}

pub async fn changes(fixture: &Fixture, caller: &Caller, cycle_id: &str) -> pb::ListCycleChangesResponse {
    let ask = pb::ListCycleChangesRequest { cycle_id: cycle_id.into(), ..Default::default() };
    fixture.changes().list_cycle_changes(caller.request(ask)).await.unwrap().into_inner()
}

/// Of what came by import, and of employments, what is otherwise than the result rests on is named.
async fn otherwise(fixture: &Fixture, id: &str) {
    fixture.tell(|told| {
        told.on_duty(3, 1, DutyRule::Punch, "2026-03-05T15:00:00Z", "2026-03-05T18:00:00Z");
        told.people[1].employments[0].to = "2026-03-20".into();
    });
    let told = changes(fixture, &fixture.admin, id).await;
    let third = told.changes.iter().find(|change| change.account_id == account(3).to_string()).unwrap();
    let duty = |date: &str, who| pb::DutyChange { date: date.into(), person_ids: who };
    let hers = || vec![person(1).to_string()];
    assert_eq!(third.duty, [duty("2026-03-05", hers()), duty("2026-03-06", hers())], "by the clock of the account");
    assert_eq!((third.from.as_str(), third.to.as_str(), &third.changed_at), ("2026-03-05", "2026-03-06", &None));
    let kinds = vec![pb::PersonChangeKind::Employment.into()];
    assert_eq!(told.people, [pb::PersonChange { person_id: person(2).to_string(), kinds, ..Default::default() }]);
    let hr = fixture.of_unit(NORTH, &[Permission::CycleRead, Permission::CardRead]);
    let seen = changes(fixture, &hr, id).await;
    assert_eq!((seen.people, seen.other_people), (vec![], 1), "who left the south is nobody's business here");
    // Who went to the south within the month, or for all of it by what is known now, was of the north by the result, and is named there.
    for from in ["2026-03-16", "2026-02-01"] {
        fixture.tell(|told| {
            let south = told.people[1].employments[0].clone();
            let last = from.parse::<jiff::civil::Date>().unwrap().yesterday().unwrap();
            told.people[0].employments[0].to = last.to_string();
            let there = tally_api::identity::v1::Employment { from: from.into(), to: String::new(), ..south };
            told.people[0].employments.push(there);
        });
        let seen = changes(fixture, &hr, id).await;
        let kinds = vec![pb::PersonChangeKind::Employment.into()];
        let went = pb::PersonChange { person_id: person(1).to_string(), kinds, ..Default::default() };
        assert_eq!((seen.people, seen.other_people), (vec![went], 1), "from {from}");
        fixture.tell(|told| {
            told.people[0].employments.pop();
            told.people[0].employments[0].to = String::new();
        });
    }
    fixture.tell(|told| told.people[1].employments[0].to = String::new());
}

on_both!(what_a_correction_touches_is_known_before_it_is_made_and_after, flavor = "multi_thread");
async fn what_a_correction_touches_is_known_before_it_is_made_and_after(on: Backend) {
    let (mut fixture, id) = published(on).await;
    let scheme_id = fixture.watch(&id).await.scheme_id;
    let open = fixture.make(cycle(&scheme_id)).await.unwrap();
    fixture.callers.clock.advance(SignedDuration::from_secs(1));
    let south = fixture.make(pb::Cycle { unit_id: SOUTH.to_string(), ..cycle(&scheme_id) }).await.unwrap();
    let admin = fixture.admin.clone();
    let of_north = touched(&fixture, &admin, &[1], "2026-03-02", "2026-03-02").await.unwrap();
    assert_eq!(of_north, [(open.clone(), 1), (id.clone(), 1)], "newest first; the cycle of the south is about others");
    let of_both = touched(&fixture, &admin, &[1, 2], "", "").await.unwrap();
    assert_eq!(of_both, [(south.clone(), 1), (open.clone(), 2), (id.clone(), 2)]);
    assert_eq!(touched(&fixture, &admin, &[1], "2026-04-01", "").await.unwrap(), []);
    // Somebody may have come back after a record of the week before.
    let again = fixture.scheme(coming_back()).await;
    let again = fixture.make(cycle(&again)).await.unwrap();
    assert_eq!(touched(&fixture, &admin, &[1], "2026-02-01", "2026-02-21").await.unwrap(), []);
    assert_eq!(touched(&fixture, &admin, &[1], "2026-02-01", "2026-02-22").await.unwrap(), [(again.clone(), 1)]);
    assert_eq!(touched(&fixture, &admin, &[], "", "").await.unwrap_err(), "INVALID_REQUEST");
    let hr = fixture.of_unit(NORTH, &[Permission::CycleRead]);
    for (caller, accounts) in [(&admin, [1, 77]), (&hr, [1, 77]), (&hr, [1, 2])] {
        let refused = touched(&fixture, caller, &accounts, "2026-04-01", "").await.unwrap_err();
        assert_eq!(refused, "INVALID_REQUEST", "what is not there and what is not theirs is told alike: {accounts:?}");
    }
    let by_scheme = pb::ListTouchedCyclesRequest { scheme_id: Uuid::from_u128(77).to_string(), ..Default::default() };
    assert_eq!(reason(fixture.changes().list_touched_cycles(admin.request(by_scheme)).await), "NOT_FOUND");
    let ninth = pb::ListTouchedCyclesRequest { scheme_id: scheme_id.clone(), scheme_version: 9, ..Default::default() };
    assert_eq!(reason(fixture.changes().list_touched_cycles(admin.request(ninth)).await), "NOT_FOUND");
    let branch = fixture.of_unit(SOUTH, &[Permission::CycleRead, Permission::CardRead]);
    let seen = touched(&fixture, &branch, &[2], "", "").await.unwrap();
    assert_eq!(
        seen,
        [(south, 1), (id.clone(), 1)],
        "cards of its people are in the published one, and it sees no other of the group's"
    );
    fixture.close(&again).await;
    // Records and duty that changed since the result was worked out.
    assert_eq!(changes(&fixture, &admin, &id).await, pb::ListCycleChangesResponse::default());
    fixture.pass(SignedDuration::from_secs(1));
    fixture.import(4, vec![record("before", "2026-02-22T01:00:00Z")]).await;
    assert_eq!(changes(&fixture, &fixture.admin.clone(), &id).await, pb::ListCycleChangesResponse::default());
    let told = changes(&fixture, &fixture.admin.clone(), &again).await.changes;
    assert_eq!(
        told.iter().map(|c| (c.from.as_str(), c.to.as_str())).collect::<Vec<_>>(),
        [("2026-02-22", "2026-02-22")]
    );
    fixture.import(2, vec![version(2, 0, false, 2)]).await;
    let days = vec!["2026-03-03".to_owned(), "2026-04-01".to_owned()];
    let on = attendance::TouchedAccount { account_id: account(1).to_string(), days, person_ids: vec![] };
    let correction = attendance::Correction {
        correction_id: "of a punch".into(),
        approved_at: at("2026-04-03T00:00:00Z"),
        touched: Some(attendance::Touched { accounts: vec![on], ..Default::default() }),
        ..Default::default()
    };
    fixture.tell(|told| told.corrections.push(correction));
    let told = changes(&fixture, &admin, &id).await;
    let said: Vec<_> = told.changes.iter().map(|c| (c.account_id.clone(), c.records, c.correction_ids.len())).collect();
    assert_eq!(said, [(account(1).to_string(), 0, 1), (account(2).to_string(), 1, 0)]);
    assert_eq!((told.changes[0].from.as_str(), told.changes[0].to.as_str()), ("2026-03-03", "2026-03-03"));
    let hr = fixture.of_unit(NORTH, &[Permission::CycleRead, Permission::CardRead]);
    let seen = changes(&fixture, &hr, &id).await;
    assert_eq!((seen.changes.len(), seen.others), (1, 1), "of another branch only how many");
    fixture.tell(|told| told.corrections.clear());
    otherwise(&fixture, &id).await;
    // A correction has taken them in.
    fixture.pass(LATER);
    let correction = correct(&fixture, asked(&id, "late")).await;
    publish(&fixture, &correction.cycle_id).await.unwrap();
    assert_eq!(changes(&fixture, &fixture.admin.clone(), &id).await, pb::ListCycleChangesResponse::default());
}
