//! What somebody gets and what is known of him: pools, settlements, statements, and the evidence that talent keeps.

use tally_api::common::v1::Money;
use tally_api::compensation::v1 as compensation;
use tally_api::identity::v1 as identity;
use tally_api::performance::v1 as performance;
use tally_api::talent::v1 as talent;
use tally_suite::session::Session;
use tonic::Code;

use crate::journey::{Done, talent_heard};
use crate::rooms::access::somebody_on;
use crate::rooms::corrections_of_pay::{self, Branch};
use crate::stack::Stack;

/// Does them all, and looks at what came of each.
pub async fn journey(_: &Stack, done: &Done) {
    settlements(done).await;
    let (_, card) = done.outcome.cards.first().expect("a best card");
    branches(done).await;
    talent_heard(done, &card.person_id).await;
    of_others(done).await;
    replays(done).await;
}

/// What the month came to is derived once more, and is the same.
async fn replays(done: &Done) {
    let auditor = &done.crew.auditor;
    let mut client = performance::replay_service_client::ReplayServiceClient::new(auditor.at.performance.clone());
    let ask = performance::ReplayCycleRequest { cycle_id: done.outcome.cycle_id.clone() };
    let mut told = client.replay_cycle(auditor.ask(ask)).await.expect("a replay").into_inner();
    let mut last = None;
    while let Some(step) = told.message().await.expect("how far it is") {
        last = step.replay;
    }
    let replay = last.expect("an end");
    assert!(replay.same && replay.credits > 0 && replay.cards > 0, "{replay:?}");
    assert_eq!(replay.digest_then, replay.digest_now);

    let channel = auditor.at.compensation.clone();
    let mut client = compensation::settlement_service_client::SettlementServiceClient::new(channel);
    let settlement_id = done.outcome.settlement_id.clone().expect("a settlement");
    let ask = compensation::ReplaySettlementRequest { settlement_id };
    let mut told = client.replay_settlement(auditor.ask(ask)).await.expect("a replay").into_inner();
    let mut last = None;
    while let Some(step) = told.message().await.expect("how far it is") {
        last = step.replay;
    }
    let replay = last.expect("an end");
    assert!(replay.same && replay.statements > 0, "{replay:?}");
    assert_eq!(replay.inputs_digest_then, replay.inputs_digest_now);
}

/// A pool for a cycle, split in proportion to points; so much in CNY's minor units.
pub fn proportional(name: &str, cycle_id: &str, minor: i64) -> compensation::Pool {
    let part = compensation::PoolPart {
        share_ppm: 1_000_000,
        rule: Some(compensation::pool_part::Rule::Proportional(compensation::ProportionalRule::default())),
    };
    compensation::Pool {
        name: name.into(),
        cycle_id: cycle_id.into(),
        amount: Some(Money { currency: "CNY".into(), minor }),
        parts: vec![part],
        ..Default::default()
    }
}

async fn settlements(done: &Done) {
    let preparer = &done.crew.preparer;
    let mut pools = compensation::pool_service_client::PoolServiceClient::new(preparer.at.compensation.clone());
    let pool = proportional("a second pool", &done.outcome.cycle_id, 100_001);
    let ask = compensation::CreatePoolRequest { pool: Some(pool), ..Default::default() };
    let pool_id =
        pools.create_pool(preparer.ask(ask)).await.expect("a pool").into_inner().pool.expect("a pool").pool_id;
    let channel = preparer.at.compensation.clone();
    let mut client = compensation::settlement_service_client::SettlementServiceClient::new(channel);
    let ask = compensation::DraftSettlementRequest { pool_id, ..Default::default() };
    let draft = client.draft_settlement(preparer.ask(ask)).await.expect("a draft").into_inner().settlement;
    let settlement_id = draft.expect("a draft").settlement_id;
    let ask = compensation::ApproveSettlementRequest { settlement_id: settlement_id.clone(), ..Default::default() };
    let refused = client.approve_settlement(preparer.ask(ask)).await.expect_err("the preparer approves");
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");
    let ask = compensation::DiscardSettlementRequest { settlement_id, ..Default::default() };
    let gone = client.discard_settlement(preparer.ask(ask)).await.expect("a discard").into_inner().settlement;
    assert_eq!(gone.map(|s| s.state()), Some(compensation::SettlementState::Discarded));

    sums(done).await;
    let settlement_id = done.outcome.settlement_id.clone().expect("a settlement");
    let ask = compensation::DiscardSettlementRequest { settlement_id: settlement_id.clone(), ..Default::default() };
    let refused = client.discard_settlement(preparer.ask(ask)).await.expect_err("a posted settlement");
    assert!(refused.message().contains("draft a correction of it"), "{refused:?}");
    let posted = client.get_settlement(preparer.ask(compensation::GetSettlementRequest { settlement_id })).await;
    let pool_id = posted.expect("a settlement").into_inner().settlement.expect("a settlement").pool_id;
    let ask = compensation::DraftSettlementRequest { pool_id, ..Default::default() };
    let refused = client.draft_settlement(preparer.ask(ask)).await.expect_err("a draft of a pool that is paid");
    assert!(refused.message().contains("a pool is paid once"), "{refused:?}");
}

/// Who may read pools sees them and what settlements come to; who may only read settlements sees where they stand.
async fn sums(done: &Done) {
    let (preparer, hr) = (&done.crew.preparer, &done.crew.hr);
    let mut pools = compensation::pool_service_client::PoolServiceClient::new(preparer.at.compensation.clone());
    let listed = pools.list_pools(preparer.ask(compensation::ListPoolsRequest::default())).await.expect("pools");
    let pool = listed.into_inner().pools.pop().expect("a pool");
    let ask = || compensation::GetPoolRequest { pool_id: pool.pool_id.clone() };
    let again = pools.get_pool(preparer.ask(ask())).await.expect("a pool").into_inner().pool;
    assert_eq!(again.as_ref(), Some(&pool));
    let refused = pools.get_pool(hr.ask(ask())).await.expect_err("no permission");
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");

    let channel = preparer.at.compensation.clone();
    let mut client = compensation::settlement_service_client::SettlementServiceClient::new(channel);
    let settlement_id = done.outcome.settlement_id.clone().expect("a settlement");
    let ask = || compensation::GetSettlementRequest { settlement_id: settlement_id.clone() };
    let whole = client.get_settlement(preparer.ask(ask())).await.expect("a settlement").into_inner();
    assert!(whole.masked_fields.is_empty(), "{:?}", whole.masked_fields);
    let whole = whole.settlement.expect("a settlement");
    assert_eq!(whole.pool.as_ref().map(|money| money.minor), done.outcome.summary.pool_minor);
    let masked = client.get_settlement(hr.ask(ask())).await.expect("a settlement").into_inner();
    assert_eq!(masked.masked_fields, ["paid", "pool", "team_fund"]);
    let without = compensation::Settlement { pool: None, paid: None, team_fund: None, ..whole };
    assert_eq!(masked.settlement, Some(without.clone()));
    let list = compensation::ListSettlementsRequest::default();
    let masked = client.list_settlements(hr.ask(list.clone())).await.expect("settlements").into_inner();
    // After a journey that put pay right there is one with adjustments, which are hidden as well.
    let hidden: Vec<_> = masked.masked_fields.iter().filter(|field| *field != "settlements.adjustments").collect();
    assert_eq!(hidden, ["settlements.paid", "settlements.pool", "settlements.team_fund"]);
    assert!(masked.settlements.contains(&without), "{:?}", masked.settlements);
    let seen = client.list_settlements(preparer.ask(list)).await.expect("settlements").into_inner();
    assert!(seen.masked_fields.is_empty() && seen.settlements.iter().all(|s| s.pool.is_some()));
}

/// Two branches pay their people out of pools of their own for the cycle of the group, in money of their own. Each prepares,
/// approves and posts by itself, and the other finds nothing of it.
async fn branches(done: &Done) {
    let admin = &done.crew.admin;
    let mut org = identity::org_service_client::OrgServiceClient::new(admin.at.identity.clone());
    let ask = identity::ListOrgUnitsRequest { page_size: 1_000, as_of: "2026-03-31".into(), ..Default::default() };
    let units = org.list_org_units(admin.ask(ask)).await.expect("units").into_inner().units;
    let path = |unit_id: &str| units.iter().find(|unit| unit.unit_id == unit_id).expect("a unit").path.clone();
    let branch_of = |card: &performance::Card| path(&card.unit_id).split('/').next().expect("a branch").to_owned();
    let (_, best) = done.outcome.cards.first().expect("a best card");
    let first = branch_of(best);
    let mine: Vec<_> = done.outcome.cards.iter().filter(|(_, card)| branch_of(card) == first).collect();
    let second = done.outcome.cards.iter().map(|(_, card)| branch_of(card)).find(|branch| *branch != first);
    let unit = |path: &str| units.iter().find(|unit| unit.path == path).expect("a branch").unit_id.clone();
    let (first, second) = (unit(&first), unit(&second.expect("another branch")));
    let staff =
        async |login, role, unit: &str| somebody_on(admin, login, role, (identity::ScopeKind::Subtree, unit)).await;
    let specialist = "compensation_specialist";
    let preparer = staff("branch-preparer", specialist, &first).await;
    let approver = staff("branch-approver", "approver", &first).await;
    let payer = staff("branch-payer", specialist, &first).await;
    let stranger = staff("branch-stranger", specialist, &second).await;

    let dollars = Money { currency: "USD".into(), minor: 50_003 };
    let pool = |unit_id: &str| compensation::Pool {
        unit_id: unit_id.into(),
        amount: Some(dollars.clone()),
        ..proportional("of a branch", &done.outcome.cycle_id, 0)
    };
    let refused = make(&preparer, pool("")).await.expect_err("a pool of the group");
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");
    let refused = make(&preparer, pool(&second)).await.expect_err("a pool of another branch");
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");
    let made = make(&preparer, pool(&first)).await.expect("a pool");
    assert_eq!(made.unit_id, first);
    assert!(pools_of(&stranger).await.is_empty(), "neither the group's nor those of another branch");
    assert_eq!(pools_of(&preparer).await, std::slice::from_ref(&made));

    let draft = settle(&preparer, Step::Draft(&made.pool_id)).await.expect("a draft");
    assert_eq!((draft.unit_id.as_str(), draft.people as usize), (first.as_str(), mine.len()), "its own people alone");
    let id = draft.settlement_id.as_str();
    for step in [Step::Draft(&made.pool_id), Step::Discard(id), Step::Post(id)] {
        assert_eq!(settle(&stranger, step).await.expect_err("another branch's").code(), Code::NotFound);
    }
    let refused = settle(&preparer, Step::Post(id)).await.expect_err("not approved");
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
    settle(&approver, Step::Approve(id)).await.expect("approved");
    let refused = settle(&preparer, Step::Post(id)).await.expect_err("the same hands");
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");
    let posted = settle(&payer, Step::Post(id)).await.expect("posted");
    assert_eq!(posted.paid, Some(dollars.clone()));

    let mut client = compensation::statement_service_client::StatementServiceClient::new(payer.at.compensation.clone());
    let ask =
        || compensation::ListStatementsRequest { settlement_id: id.to_owned(), page_size: 1_000, ..Default::default() };
    let shown = client.list_statements(payer.ask(ask())).await.expect("statements").into_inner().statements;
    let paid: Vec<_> = shown.iter().filter_map(|statement| statement.amount.clone()).collect();
    assert!(paid.len() == mine.len() && paid.iter().all(|money| money.currency == dollars.currency));
    assert_eq!(paid.iter().map(|money| money.minor).sum::<i64>(), dollars.minor);
    let hidden = client.list_statements(stranger.ask(ask())).await.expect("a page").into_inner().statements;
    assert!(hidden.is_empty(), "{hidden:?}");
    let several = |card: &performance::Card| mine.iter().filter(|(_, one)| one.unit_id == card.unit_id).count() > 1;
    let (_, card) = mine.iter().rfind(|(_, card)| card.unit_id != first && several(card)).expect("a team of several");
    let branch = Branch {
        preparer: &preparer,
        approver: &approver,
        payer: &payer,
        stranger: &stranger,
        unit_id: &first,
        pool: pool(&card.unit_id),
        person_id: &card.person_id,
    };
    corrections_of_pay::journey(done, &branch).await;
}

/// What is done to a pool or a settlement.
#[derive(Clone, Copy)]
pub enum Step<'a> {
    Draft(&'a str),
    Discard(&'a str),
    Approve(&'a str),
    Post(&'a str),
}

pub async fn settle(who: &Session, step: Step<'_>) -> Result<compensation::Settlement, tonic::Status> {
    let mut client = compensation::settlement_service_client::SettlementServiceClient::new(who.at.compensation.clone());
    let request_id = String::new();
    let settlement = match step {
        Step::Draft(id) => {
            let ask = compensation::DraftSettlementRequest { request_id, pool_id: id.into() };
            client.draft_settlement(who.ask(ask)).await?.into_inner().settlement
        }
        Step::Discard(id) => {
            let ask = compensation::DiscardSettlementRequest { request_id, settlement_id: id.into() };
            client.discard_settlement(who.ask(ask)).await?.into_inner().settlement
        }
        Step::Approve(id) => {
            let ask = compensation::ApproveSettlementRequest { request_id, settlement_id: id.into() };
            client.approve_settlement(who.ask(ask)).await?.into_inner().settlement
        }
        Step::Post(id) => {
            let ask = compensation::PostSettlementRequest { request_id, settlement_id: id.into() };
            client.post_settlement(who.ask(ask)).await?.into_inner().settlement
        }
    };
    Ok(settlement.expect("a settlement"))
}

pub async fn make(who: &Session, pool: compensation::Pool) -> Result<compensation::Pool, tonic::Status> {
    let mut client = compensation::pool_service_client::PoolServiceClient::new(who.at.compensation.clone());
    let ask = compensation::CreatePoolRequest { pool: Some(pool), ..Default::default() };
    Ok(client.create_pool(who.ask(ask)).await?.into_inner().pool.expect("a pool"))
}

async fn pools_of(who: &Session) -> Vec<compensation::Pool> {
    let mut client = compensation::pool_service_client::PoolServiceClient::new(who.at.compensation.clone());
    client.list_pools(who.ask(compensation::ListPoolsRequest::default())).await.expect("pools").into_inner().pools
}

/// As the auditor, who reads everything.
async fn of_others(done: &Done) {
    let who = &done.crew.auditor;
    let (_, card) = done.outcome.cards.first().expect("a best card");
    let mut profiles = talent::profile_service_client::ProfileServiceClient::new(who.at.talent.clone());
    let ask = talent::ListEvidenceRequest { person_id: card.person_id.clone(), ..Default::default() };
    assert!(!profiles.list_evidence(who.ask(ask)).await.expect("evidence").into_inner().evidence.is_empty());
    let mut statements =
        compensation::statement_service_client::StatementServiceClient::new(who.at.compensation.clone());
    let settlement_id = done.outcome.settlement_id.clone().expect("a settlement");
    let ask = compensation::TraceStatementRequest {
        settlement_id,
        person_id: card.person_id.clone(),
        limit: 5,
        ..Default::default()
    };
    let traced = statements.trace_statement(who.ask(ask)).await.expect("records").into_inner();
    assert!(traced.records.iter().all(|record| record.account_key.matches('/').count() == 2), "{traced:?}");
    assert!(!traced.records.is_empty());
    let ask = compensation::ListPersonStatementsRequest { person_id: card.person_id.clone(), ..Default::default() };
    let found = statements.list_person_statements(who.ask(ask)).await.expect("statements").into_inner().statements;
    assert!(!found.is_empty() && found.iter().all(|statement| statement.person_id == card.person_id), "{found:?}");
}
