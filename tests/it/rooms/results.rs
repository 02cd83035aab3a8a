//! What somebody gets and what is known of him: pools, settlements, statements, and the evidence that talent keeps.

use tally_api::common::v1::Money;
use tally_api::compensation::v1 as compensation;
use tally_api::talent::v1 as talent;
use tonic::Code;

use crate::journey::{Done, talent_heard};
use crate::stack::Stack;

/// Does them all, and looks at what came of each.
pub async fn journey(_: &Stack, done: &Done) {
    settlements(done).await;
    let (_, card) = done.outcome.cards.first().expect("a best card");
    talent_heard(done, &card.person_id).await;
    of_others(done).await;
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
    assert!(refused.message().contains("cannot be corrected yet"), "{refused:?}");
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
    assert_eq!(masked.masked_fields, ["settlements.paid", "settlements.pool", "settlements.team_fund"]);
    assert!(masked.settlements.contains(&without), "{:?}", masked.settlements);
    let seen = client.list_settlements(preparer.ask(list)).await.expect("settlements").into_inner();
    assert!(seen.masked_fields.is_empty() && seen.settlements.iter().all(|s| s.pool.is_some()));
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
    let ask = compensation::TraceStatementRequest { settlement_id, person_id: card.person_id.clone(), limit: 5 };
    let traced = statements.trace_statement(who.ask(ask)).await.expect("records").into_inner();
    assert!(!traced.records.is_empty());
}
