//! Closing a cycle, from records to cards.

use std::time::Duration;

use jiff::SignedDuration;
use tally_access::{Permission, Reach};
use tally_api::attendance::v1::DutyRule;
use tally_api::common::v1::ReadEventsRequest;
use tally_api::performance::v1 as pb;
use tally_kernel::id::TenantId;
use tally_testkit::databases::{Backend, TestStore};
use tally_testkit::on_both;
use uuid::Uuid;

use crate::fixture::{Fixture, PeerFacts, account, by, person, reason, record};

/// Three people on two accounts: E0001 and E0003 share the first on the 2nd, E0002 holds the second.
fn told() -> PeerFacts {
    let mut told = PeerFacts::of(4, 3);
    told.on_duty(1, 1, DutyRule::Roster, "2026-03-02T00:00:00Z", "2026-03-02T06:00:00Z");
    told.on_duty(1, 3, DutyRule::Roster, "2026-03-02T04:00:00Z", "2026-03-02T10:00:00Z");
    told.on_duty(2, 2, DutyRule::Handover, "2026-03-02T00:00:00Z", "2026-03-02T08:00:00Z");
    let shift = |a, p| tally_api::attendance::v1::Shift {
        start: Some(prost_types::Timestamp { seconds: 1_772_600_000, nanos: 0 }),
        end: Some(prost_types::Timestamp { seconds: 1_772_630_000, nanos: 0 }),
        person_id: person(p).to_string(),
        account_id: account(a).to_string(),
        ..Default::default()
    };
    told.shifts = vec![shift(1, 1), shift(1, 3)];
    told.findings = vec![tally_api::common::v1::Finding {
        kind: "MISSING_PUNCH".into(),
        subject: "E0002".into(),
        at: "2026-03-02T08:00:00Z".into(),
        detail: "no punch out".into(),
        ..Default::default()
    }];
    told
}

async fn records(fixture: &Fixture) {
    let rows = vec![
        record("sole", "2026-03-02T01:00:00Z"),
        record("both", "2026-03-02T05:00:00Z"),
        by("E0003", "named", "2026-03-02T01:30:00Z"),
        by("ghost", "unknown", "2026-03-02T02:00:00Z"),
        record("nobody", "2026-03-02T12:00:00Z"),
        record("february", "2026-02-28T15:59:59Z"),
        record("first-instant", "2026-02-28T16:00:00Z"),
    ];
    fixture.import(1, rows).await;
    fixture
        .import(2, vec![record("held", "2026-03-02T03:00:00Z"), by("E0001", "helped", "2026-03-02T04:00:00Z")])
        .await;
}

fn rungs(credits: &[pb::Credit]) -> Vec<(&str, pb::Rung, u32)> {
    credits.iter().map(|c| (c.external_id.as_str(), c.rung(), c.shares.iter().map(|s| s.ppm).sum())).collect()
}

on_both!(every_record_of_the_period_climbs_the_ladder_and_everybody_credited_gets_a_card, flavor = "multi_thread");
async fn every_record_of_the_period_climbs_the_ladder_and_everybody_credited_gets_a_card(on: Backend) {
    let fixture = Fixture::working(on, told()).await;
    records(&fixture).await;
    let id = fixture.march().await;
    let closed = fixture.close(&id).await;
    assert_eq!(closed.state(), pb::CycleState::Reviewable, "{}", closed.failure);
    assert_eq!((closed.done, closed.total), (closed.total, 2));
    let summary = closed.summary.unwrap();
    assert_eq!((summary.records, summary.credited, summary.unattributed), (8, 6, 2));
    assert_eq!(summary.people, 3);
    let credits = fixture.credits(&fixture.admin, &id).await;
    use pb::Rung::{Equal, Handover, Sole, Tag, Unattributed};
    let expected = [
        ("first-instant", Unattributed, 0),
        ("sole", Sole, 1_000_000),
        ("named", Tag, 1_000_000),
        ("unknown", Sole, 1_000_000),
        ("both", Equal, 1_000_000),
        ("nobody", Unattributed, 0),
        ("held", Handover, 1_000_000),
        ("helped", Tag, 1_000_000),
    ];
    assert_eq!(rungs(&credits), expected);
    assert_eq!(credits[5].reason, "NOBODY_ON_DUTY");
    assert_eq!(credits[1].evidence, "roster:2026-03-02T00:00:00Z/2026-03-02T06:00:00Z");
    assert_eq!((credits[4].evidence.as_str(), credits[4].policy_version.as_str()), ("roster:2", "3"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_digest_is_the_same_on_both_databases_and_in_a_second_run_and_moves_with_the_records() {
    let mut digests = Vec::new();
    for on in [Backend::Sqlite, Backend::Postgres] {
        let fixture = Fixture::working(on, told()).await;
        records(&fixture).await;
        let id = fixture.march().await;
        let first = fixture.close(&id).await.summary.unwrap().digest;
        let again = fixture.close(&id).await.summary.unwrap().digest;
        assert_eq!(first, again);
        let mut slow = record("slow", "2026-03-02T01:10:00Z");
        slow.first_reply_ms = Some(31_000);
        fixture.import(1, vec![slow]).await;
        assert_ne!(fixture.close(&id).await.summary.unwrap().digest, first);
        digests.push(first);
    }
    assert_eq!(digests[0], digests[1]);
}

on_both!(a_period_without_records_fails_with_a_sentence_that_says_what_to_change, flavor = "multi_thread");
async fn a_period_without_records_fails_with_a_sentence_that_says_what_to_change(on: Backend) {
    let fixture = Fixture::working(on, told()).await;
    fixture.import(1, vec![record("april", "2026-04-01T01:00:00Z")]).await;
    let id = fixture.march().await;
    let failed = fixture.close(&id).await;
    assert_eq!(failed.state(), pb::CycleState::Failed);
    assert!(failed.failure.contains("between 2026-03-01 and 2026-03-31: import"), "{}", failed.failure);
    let ask = pb::PublishCycleRequest { cycle_id: id.clone(), ..Default::default() };
    assert_eq!(reason(fixture.cycles().publish_cycle(fixture.admin.request(ask)).await), "CYCLE_NOT_REVIEWABLE");
    records(&fixture).await;
    assert_eq!(fixture.close(&id).await.state(), pb::CycleState::Reviewable);
}

on_both!(records_that_nobody_can_be_credited_with_fail_the_cycle, flavor = "multi_thread");
async fn records_that_nobody_can_be_credited_with_fail_the_cycle(on: Backend) {
    let mut told = PeerFacts::of(2, 1);
    told.people.iter_mut().flat_map(|p| &mut p.employments).for_each(|e| e.to = "2026-02-28".into());
    let fixture = Fixture::working(on, told).await;
    fixture.import(1, vec![record("a", "2026-03-02T01:00:00Z")]).await;
    let id = fixture.march().await;
    let failed = fixture.close(&id).await;
    assert_eq!(failed.state(), pb::CycleState::Failed);
    let why = "the only record could be credited to nobody, since nobody is employed between 2026-03-01 and 2026-03-31";
    assert!(failed.failure.starts_with(why), "{}", failed.failure);
    assert_eq!(failed.failure_reason, "NOBODY_CREDITED");
}

on_both!(a_cycle_that_could_not_be_closed_says_why_in_its_findings_until_it_is_closed_again, flavor = "multi_thread");
async fn a_cycle_that_could_not_be_closed_says_why_in_its_findings_until_it_is_closed_again(on: Backend) {
    let mut peers = PeerFacts::of(4, 3);
    peers.findings = told().findings;
    let fixture = Fixture::working(on, peers).await;
    fixture.import(1, vec![record("a", "2026-03-02T01:00:00Z")]).await;
    let id = fixture.march().await;
    let failed = fixture.close(&id).await;
    assert_eq!(failed.state(), pb::CycleState::Failed);
    assert!(failed.failure.contains("bring in rosters") && !failed.failure.contains("employed"), "{}", failed.failure);
    let ask = pb::ListFindingsRequest { cycle_id: id.clone(), ..Default::default() };
    let findings = async || {
        let answer = fixture.attribution().list_findings(fixture.admin.request(ask.clone())).await;
        answer.expect("findings").into_inner().findings.into_iter().map(|f| f.kind).collect::<Vec<_>>()
    };
    assert_eq!(findings().await, ["MISSING_PUNCH", "UNHELD_ACCOUNT"]);
    fixture.discarded(&id, 1).await;
    assert_eq!(findings().await, ["MISSING_PUNCH", "UNHELD_ACCOUNT"], "what is thrown away later leaves them");
    let ask = pb::ListTotalsRequest { cycle_id: id.clone(), ..Default::default() };
    let totals = fixture.attribution().list_totals(fixture.admin.request(ask)).await;
    assert_eq!(reason(totals), "CYCLE_WITHOUT_RESULT", "they are no result");
    fixture.tell(|peers| *peers = told());
    assert_eq!(fixture.close(&id).await.state(), pb::CycleState::Reviewable);
    fixture.discarded(&id, 2).await;
    assert_eq!(findings().await.iter().filter(|kind| *kind == "MISSING_PUNCH").count(), 1, "those of this run");
}

on_both!(a_published_cycle_is_told_once_and_never_closed_again, flavor = "multi_thread");
async fn a_published_cycle_is_told_once_and_never_closed_again(on: Backend) {
    let fixture = Fixture::working(on, told()).await;
    records(&fixture).await;
    let id = fixture.march().await;
    let digest = fixture.close(&id).await.summary.unwrap().digest;
    let ask = |request: &str| pb::PublishCycleRequest { request_id: request.into(), cycle_id: id.clone() };
    let publish = async |request: &str| fixture.cycles().publish_cycle(fixture.admin.request(ask(request))).await;
    let first = publish("p1").await.unwrap().into_inner();
    assert_eq!(publish("p1").await.unwrap().into_inner(), first);
    assert_eq!(reason(publish("p2").await), "CYCLE_PUBLISHED");
    let close = pb::CloseCycleRequest { cycle_id: id.clone(), ..Default::default() };
    assert_eq!(reason(fixture.cycles().close_cycle(fixture.admin.request(close)).await), "CYCLE_PUBLISHED");
    fixture.db.store.sequence_now().await.unwrap();
    let events = fixture.events().read_events(fixture.admin.request(ReadEventsRequest::default())).await.unwrap();
    let part = events.into_inner();
    assert_eq!(part.position, 1);
    let reach = [(Permission::EventRead, Reach::everything())];
    let elsewhere = fixture.callers.person(TenantId(Uuid::from_u128(99)), None, reach);
    let theirs = fixture.events().read_events(elsewhere.request(ReadEventsRequest::default())).await.unwrap();
    let theirs = theirs.into_inner();
    assert_eq!((theirs.events.len(), theirs.position), (0, 1), "none of it is theirs, and they get on");
    let nobody = fixture.callers.person(TenantId(Uuid::from_u128(99)), None, []);
    let denied = fixture.events().read_events(nobody.request(ReadEventsRequest::default())).await;
    assert_eq!(reason(denied), "PERMISSION_DENIED");
    let events = part.events;
    assert_eq!(
        events.iter().map(|e| (e.kind.as_str(), e.key.as_str())).collect::<Vec<_>>(),
        [("tally.performance.v1.CyclePublished", id.as_str())]
    );
    let payload: serde_json::Value = serde_json::from_str(&events[0].payload).unwrap();
    assert_eq!((payload["digest"].as_str(), payload["people"].as_u64()), (Some(digest.as_str()), Some(3)));
}

on_both!(a_cancelled_cycle_is_open_again_and_can_be_closed, flavor = "multi_thread");
async fn a_cancelled_cycle_is_open_again_and_can_be_closed(on: Backend) {
    let db = TestStore::on(on, tally_performance::SERVICE, tally_performance::migrations).await;
    // Nobody works yet, so the cycle is surely still closing when it is cancelled.
    let mut fixture = Fixture::on(db, told());
    records(&fixture).await;
    let id = fixture.march().await;
    let close = pb::CloseCycleRequest { cycle_id: id.clone(), ..Default::default() };
    let closing =
        fixture.cycles().close_cycle(fixture.admin.request(close.clone())).await.unwrap().into_inner().cycle.unwrap();
    assert_eq!(closing.state(), pb::CycleState::Closing);
    assert_eq!(reason(fixture.cycles().close_cycle(fixture.admin.request(close)).await), "CYCLE_CLOSING");
    let cancel = pb::CancelCycleRequest { cycle_id: id.clone(), ..Default::default() };
    let open = fixture.cycles().cancel_cycle(fixture.admin.request(cancel)).await.unwrap().into_inner().cycle.unwrap();
    assert_eq!((open.state(), open.failure.as_str()), (pb::CycleState::Open, ""));
    fixture.work();
    assert_eq!(fixture.watch(&id).await.state(), pb::CycleState::Open);
    assert_eq!(fixture.close(&id).await.state(), pb::CycleState::Reviewable);
}

on_both!(an_alias_counts_on_its_days_and_its_platform_only, flavor = "multi_thread");
async fn an_alias_counts_on_its_days_and_its_platform_only(on: Backend) {
    let fixture = Fixture::working(on, told()).await;
    let alias = |alias: &str, platform: &str, to: &str| tally_api::attendance::v1::Alias {
        platform: platform.into(),
        alias: alias.into(),
        person_id: person(3).to_string(),
        to: to.into(),
        ..Default::default()
    };
    fixture.tell(|t| t.aliases = vec![alias("Mimi", "JD", "2026-03-01"), alias("Lulu", "Tmall", "")]);
    fixture.tell(|t| t.aliases.push(alias("Kiki", "JD", "2026-03-02")));
    let day = "2026-03-02T01:00:00Z";
    fixture.import(1, vec![by("Kiki", "1", day), by("Lulu", "2", day), by("Mimi", "3", day)]).await;
    let id = fixture.march().await;
    fixture.close(&id).await;
    let credits = fixture.credits(&fixture.admin, &id).await;
    let whose = |i: usize| (credits[i].rung(), credits[i].shares[0].person_id.clone());
    assert_eq!(whose(0), (pb::Rung::Tag, person(3).to_string()));
    assert_eq!(whose(1), (pb::Rung::Sole, person(1).to_string()));
    assert_eq!(whose(2), (pb::Rung::Sole, person(1).to_string()));
    let ask = pb::ListFindingsRequest { cycle_id: id, ..Default::default() };
    let findings = fixture.attribution().list_findings(fixture.admin.request(ask)).await.unwrap().into_inner().findings;
    let unknown = findings.iter().filter(|f| f.kind == "UNKNOWN_AGENT").count();
    assert_eq!(unknown, 2, "{findings:?}");
}

on_both!(a_worker_that_died_costs_its_lease_and_nothing_else, flavor = "multi_thread");
async fn a_worker_that_died_costs_its_lease_and_nothing_else(on: Backend) {
    let db = TestStore::on(on, tally_performance::SERVICE, tally_performance::migrations).await;
    let mut fixture = Fixture::on(db, told());
    records(&fixture).await;
    let id = fixture.march().await;
    let ask = pb::CloseCycleRequest { cycle_id: id.clone(), ..Default::default() };
    fixture.cycles().close_cycle(fixture.admin.request(ask)).await.unwrap();
    let taken = fixture.db.store.claim_work("closing", "dead", Duration::from_secs(180), 9).await.unwrap();
    assert_eq!(taken.len(), 1);
    fixture.db.clock.advance(SignedDuration::from_secs(181));
    fixture.work();
    let closed = fixture.watch(&id).await;
    assert_eq!(closed.state(), pb::CycleState::Reviewable, "{}", closed.failure);
    assert_eq!(closed.summary.unwrap().records, 8);
}

on_both!(two_replicas_close_a_cycle_of_many_components_once, flavor = "multi_thread");
async fn two_replicas_close_a_cycle_of_many_components_once(on: Backend) {
    let mut told = PeerFacts::of(12, 12);
    for n in 1..=12 {
        told.on_duty(n, n, DutyRule::Roster, "2026-03-02T00:00:00Z", "2026-03-02T06:00:00Z");
    }
    let fixture = Fixture::working(on, told.clone()).await;
    let mut other = Fixture::beside(&fixture, told.clone()).await;
    other.work();
    for n in 1..=12 {
        fixture.import(n, vec![record("a", "2026-03-02T01:00:00Z"), record("b", "2026-03-02T02:00:00Z")]).await;
    }
    let id = fixture.march().await;
    let closed = fixture.close(&id).await;
    assert_eq!((closed.done, closed.total), (13, 13), "{}", closed.failure);
    let summary = closed.summary.unwrap();
    assert_eq!((summary.records, summary.people), (24, 12));
    assert_eq!(fixture.credits(&fixture.admin, &id).await.len(), 24);
}
