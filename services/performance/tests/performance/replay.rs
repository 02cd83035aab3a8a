//! Replaying a closed month: the same where nothing was touched, whatever came since; and what was altered past the service, by name.

use tally_access::{Permission, Reach};
use tally_api::common::v1 as common;
use tally_api::performance::v1 as pb;
use tally_api::performance::v1::audit_service_client::AuditServiceClient;
use tally_api::performance::v1::replay_service_client::ReplayServiceClient;
use tally_kernel::id::TenantId;
use tally_kernel::page::{MAX_SIZE, Page};
use tally_store::{AuditOf, AuditQuery};
use tally_testkit::callers::{Caller, everything};
use tally_testkit::databases::Backend;
use tally_testkit::on_both;
use uuid::Uuid;

use crate::corrections::{LATER, asked, correct, publish, published, put_right};
use crate::fixture::{Fixture, NORTH, PeerFacts, TENANT, account, person, reason, record};

/// Everything that a replay tells, the end last.
async fn told(fixture: &Fixture, caller: &Caller, id: &str) -> Vec<pb::ReplayCycleResponse> {
    let ask = pb::ReplayCycleRequest { cycle_id: id.to_owned() };
    let mut client = ReplayServiceClient::new(fixture.channel.clone());
    let mut stream = client.replay_cycle(caller.request(ask)).await.unwrap().into_inner();
    let mut told = Vec::new();
    while let Some(one) = stream.message().await.unwrap() {
        told.push(one);
    }
    told
}

pub async fn replayed(fixture: &Fixture, id: &str) -> pb::CycleReplay {
    told(fixture, &fixture.admin, id).await.pop().and_then(|last| last.replay).expect("an end")
}

/// What is different: kind, record or person, and the first sentence.
fn found(replay: &pb::CycleReplay) -> Vec<(pb::ReplayedKind, &str, &str)> {
    let all = replay.differences.iter().map(|it| {
        let named = if it.external_id.is_empty() { &it.person_id } else { &it.external_id };
        (it.kind(), named.as_str(), it.said.first().map_or("", String::as_str))
    });
    all.collect()
}

on_both!(an_untouched_month_is_the_same_and_says_who_replayed_it, flavor = "multi_thread");
async fn an_untouched_month_is_the_same_and_says_who_replayed_it(on: Backend) {
    let (fixture, id) = published(on).await;
    let all = told(&fixture, &fixture.admin, &id).await;
    let replay = all.last().and_then(|last| last.replay.clone()).expect("an end");
    assert!(replay.same, "{:?}", replay.differences);
    assert_eq!((replay.credits, replay.cards, replay.differing), (12, 4, 0));
    assert!(!replay.digest_then.is_empty() && replay.digest_then == replay.digest_now);
    assert!(!replay.credits_digest_then.is_empty() && replay.credits_digest_then == replay.credits_digest_now);
    let steps: Vec<_> = all.iter().filter(|one| one.replay.is_none()).map(|one| (one.done, one.total)).collect();
    assert_eq!(steps, [(0, 4), (1, 4), (2, 4), (3, 4)], "three components, then the cards");
    assert!(all.iter().filter(|one| one.replay.is_none()).all(|one| !one.step.is_empty()));
    fixture.db.store.sequence_now().await.unwrap();
    let query = AuditQuery { of: AuditOf::Subject("cycle".into(), id), from: None, to: None };
    let page = Page::read(MAX_SIZE, "", b"").unwrap();
    let (entries, _) = fixture.db.store.search_audit(&query, &page).await.unwrap();
    let replays = entries.iter().filter(|(_, entry)| entry.action == "performance.cycle.replay");
    assert_eq!(replays.map(|(_, entry)| entry.principal).collect::<Vec<_>>(), [fixture.admin.actor.principal.0]);
}

on_both!(whatever_came_since_the_month_is_derived_from_what_was_known_then, flavor = "multi_thread");
async fn whatever_came_since_the_month_is_derived_from_what_was_known_then(on: Backend) {
    let (mut fixture, id) = published(on).await;
    for step in 0..=6 {
        put_right(&fixture, step).await;
        fixture.pass(LATER);
        let first = replayed(&fixture, &id).await;
        assert!(first.same, "the first version after step {step}: {:?}", first.differences);
        let correction = correct(&fixture, asked(&id, &format!("step {step}"))).await;
        publish(&fixture, &correction.cycle_id).await.unwrap();
        fixture.pass(LATER);
        let corrected = replayed(&fixture, &correction.cycle_id).await;
        assert!(corrected.same, "the correction of step {step}: {:?}", corrected.differences);
    }
}

on_both!(a_credit_that_was_altered_is_named_with_both_sides, flavor = "multi_thread");
async fn a_credit_that_was_altered_is_named_with_both_sides(on: Backend) {
    let (fixture, id) = published(on).await;
    assert_eq!(fixture.db.tamper("UPDATE credits SET rung = 5 WHERE external_id = '2-0'").await, 1);
    assert_eq!(fixture.db.tamper("DELETE FROM credits WHERE external_id = '2-1'").await, 1);
    let twin = if fixture.db.name == "sqlite" { "x'ff'" } else { "'\\xff'::bytea" };
    assert_eq!(fixture.db.tamper(&format!("UPDATE credits SET shares = {twin} WHERE external_id = '2-2'")).await, 1);
    let replay = replayed(&fixture, &id).await;
    assert!(!replay.same);
    let expected = [
        ("2-0", ""),
        ("2-1", "it follows from the inputs, and is not stored"),
        ("2-2", "what is stored cannot be read: it is not what was written"),
    ];
    assert_eq!(found(&replay), expected.map(|(record, said)| (pb::ReplayedKind::Credit, record, said)));
    let altered = &replay.differences[0];
    assert_eq!(altered.account_id, account(2).to_string());
    let side = |side: &Option<pb::CreditedAs>| side.clone().map(|it| (it.rung(), it.shares)).unwrap_or_default();
    let shares = vec![pb::Share { person_id: person(2).to_string(), ppm: 1_000_000 }];
    assert_eq!(side(&altered.stored_credit), (pb::Rung::Equal, shares.clone()));
    assert_eq!(side(&altered.derived_credit), (pb::Rung::Sole, shares));
    assert!(replay.differences[1].stored_credit.is_none());
}

on_both!(a_card_a_sum_and_a_figure_that_were_altered_are_named, flavor = "multi_thread");
async fn a_card_a_sum_and_a_figure_that_were_altered_are_named(on: Backend) {
    let (fixture, id) = published(on).await;
    let of = |n: u128| format!("body LIKE '%{}%'", person(n));
    let more = "body = replace(body, '\"credited_ppm\":3000000', '\"credited_ppm\":4000000')";
    assert_eq!(fixture.db.tamper(&format!("UPDATE cards SET {more} WHERE {}", of(2))).await, 1);
    assert_eq!(fixture.db.tamper(&format!("DELETE FROM cards WHERE {}", of(4))).await, 1);
    let replay = replayed(&fixture, &id).await;
    let (two, four) = (person(2).to_string(), person(4).to_string());
    let cards: Vec<_> = found(&replay).into_iter().map(|(kind, who, _)| (kind, who.to_owned())).collect();
    assert_eq!(cards, [(pb::ReplayedKind::Card, two.clone()), (pb::ReplayedKind::Card, four.clone())]);
    let altered = &replay.differences[0];
    assert!(!altered.stored.is_empty() && !altered.derived.is_empty());
    assert!(altered.said.iter().any(|said| said.contains('4') && said.contains('3')), "{:?}", altered.said.len());

    let sums = "UPDATE person_sums SET body = replace(body, '\"credited_ppm\":3000000', '\"credited_ppm\":1')";
    assert_eq!(fixture.db.tamper(sums).await, 4, "of four, two of whom share nothing with others");
    let digest = "UPDATE cycles SET summary = replace(summary, '\"records\":12', '\"records\":13')";
    assert_eq!(fixture.db.tamper(digest).await, 1);
    let replay = replayed(&fixture, &id).await;
    let kinds: Vec<_> = found(&replay).into_iter().map(|(kind, ..)| kind).collect();
    use pb::ReplayedKind::{Card, Cycle, Sum};
    assert_eq!(kinds, [Sum, Sum, Card, Card, Cycle], "cards follow from what was derived, whatever is stored of sums");
}

on_both!(the_digest_of_a_cycle_is_held_against_what_it_is_of, flavor = "multi_thread");
async fn the_digest_of_a_cycle_is_held_against_what_it_is_of(on: Backend) {
    let (fixture, id) = published(on).await;
    let then = replayed(&fixture, &id).await.digest_then;
    let forged = format!("UPDATE cycles SET summary = replace(summary, '{then}', '{}')", "0".repeat(then.len()));
    assert_eq!(fixture.db.tamper(&forged).await, 1);
    let replay = replayed(&fixture, &id).await;
    assert_eq!((replay.digest_then, replay.digest_now), ("0".repeat(then.len()), then));
    assert_eq!((replay.same, replay.differences[0].kind()), (false, pb::ReplayedKind::Cycle));
}

on_both!(who_reads_the_log_replays_and_who_reads_no_cards_sees_no_scores, flavor = "multi_thread");
async fn who_reads_the_log_replays_and_who_reads_no_cards_sees_no_scores(on: Backend) {
    let (fixture, id) = published(on).await;
    fixture.db.tamper("DELETE FROM cards WHERE rank = 1").await;
    let ask = || pb::ReplayCycleRequest { cycle_id: id.clone() };
    let mut client = ReplayServiceClient::new(fixture.channel.clone());
    let agent = fixture.agent(2, &[Permission::CardRead]);
    assert_eq!(reason(client.replay_cycle(agent.request(ask())).await), "PERMISSION_DENIED");
    let branch = fixture.of_unit(NORTH, &[Permission::AuditRead, Permission::CardRead]);
    assert_eq!(reason(client.replay_cycle(branch.request(ask())).await), "NOT_FOUND", "it is the group's");
    let operator = fixture.callers.person(TENANT, None, [(Permission::AuditRead, Reach::everything())]);
    let last = told(&fixture, &operator, &id).await.pop().unwrap();
    assert!(last.masked_fields.iter().any(|field| field.ends_with("derived")), "{:?}", last.masked_fields);
    let replay = last.replay.unwrap();
    assert!(!replay.same && replay.differences.iter().all(|it| it.derived.is_empty() && it.said.is_empty()));
    let open = fixture.march().await;
    let ask = pb::ReplayCycleRequest { cycle_id: open };
    assert_eq!(reason(client.replay_cycle(fixture.admin.request(ask)).await), "CYCLE_WITHOUT_RESULT");
}

/// What checking the log tells a caller last.
async fn verified(fixture: &Fixture, caller: &Caller) -> common::AuditVerdict {
    let mut client = AuditServiceClient::new(fixture.channel.clone());
    let ask = caller.request(common::VerifyAuditRequest {});
    let mut stream = client.verify_audit(ask).await.unwrap().into_inner();
    let mut last = None;
    while let Some(one) = stream.message().await.unwrap() {
        last = one.verdict;
    }
    last.expect("an end")
}

on_both!(the_log_is_checked_over_the_rpc_and_a_break_is_named_to_its_group_alone, flavor = "multi_thread");
async fn the_log_is_checked_over_the_rpc_and_a_break_is_named_to_its_group_alone(on: Backend) {
    let fixture = Fixture::working(on, PeerFacts::of(1, 1)).await;
    fixture.import(1, vec![record("a", "2026-03-02T01:00:00Z")]).await;
    fixture.db.store.sequence_now().await.unwrap();
    let whole = verified(&fixture, &fixture.admin).await;
    assert!(whole.whole && whole.rows > 0 && whole.entries >= 1, "{whole:?}");
    assert_eq!(whole.service, "performance");
    assert!(whole.first_at.is_some() && whole.last_at.is_some());
    assert!(fixture.db.tamper("UPDATE audit SET actor = 'nobody' WHERE position = 1").await > 0);
    let broken = verified(&fixture, &fixture.admin).await;
    let first = &broken.breaks[0];
    assert_eq!((broken.whole, first.table.as_str(), first.position), (false, "audit", 1));
    assert!(first.sentence.contains("is not what the service wrote"), "{first:?}");
    let branch = fixture.of_unit(NORTH, &[Permission::AuditRead]);
    let mut client = AuditServiceClient::new(fixture.channel.clone());
    let refused = client.verify_audit(branch.request(common::VerifyAuditRequest {})).await;
    assert_eq!(reason(refused), "PERMISSION_DENIED", "a chain is of the whole group");
    if on == Backend::Postgres {
        let other = fixture.callers.person(TenantId(Uuid::from_u128(0xa2)), None, everything());
        assert!(verified(&fixture, &other).await.whole);
    }
}
