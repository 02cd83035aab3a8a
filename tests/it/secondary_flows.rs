//! What the main job does not do by itself: moves, ends, revocations, punches of one's own, cancelled and discarded work.

use tally_api::attendance::v1 as attendance;
use tally_api::common::v1::Money;
use tally_api::compensation::v1 as compensation;
use tally_api::identity::v1 as identity;
use tally_api::performance::v1 as performance;
use tally_suite::session::Session;
use tonic::Code;

use crate::journey::{Done, agent};

pub mod access;
pub mod deletion;
mod organisation;
pub mod privacy;
mod reads;
pub mod regions;
pub mod sign_in;
pub mod taking_along;

/// Does them all, and looks at what came of each.
pub async fn all(done: &Done) {
    organisation::all(done).await;
    grants(done).await;
    duty(done).await;
    cycles(done).await;
    settlements(done).await;
    sign_in::all(done).await;
    access::all(done).await;
    reads::all(done).await;
    privacy::all(done).await;
    audit(done).await;
}

/// Who saw or changed what about the best of the month: every service says its part.
async fn audit(done: &Done) {
    let (_, card) = done.outcome.cards.first().expect("a best card");
    let auditor = &done.crew.auditor;
    macro_rules! ask {
        ($service:ident) => {{
            use tally_api::$service::v1 as pb;
            let mut log = pb::audit_service_client::AuditServiceClient::new(auditor.at.$service.clone());
            let ask =
                tally_api::common::v1::SearchAuditRequest { person_id: card.person_id.clone(), ..Default::default() };
            let told = log.search_audit(auditor.ask(ask.clone())).await.expect("entries").into_inner().entries;
            assert!(told.iter().all(|entry| entry.service == stringify!($service)), "{told:?}");
            let refused = log.search_audit(done.crew.hr.ask(ask)).await;
            let actions: Vec<String> = told.into_iter().map(|entry| entry.action).collect();
            (actions, refused.map(drop).map_err(|status| status.code()))
        }};
    }
    let (people, _) = ask!(identity);
    let (duty, _) = ask!(attendance);
    let (cards, _) = ask!(performance);
    let (pay, refused) = ask!(compensation);
    let (evidence, _) = ask!(talent);
    assert_eq!(refused, Err(Code::PermissionDenied), "who pays nobody does not read who saw pay");
    for (actions, action) in [
        (&people, "identity.person.import"),
        (&cards, "performance.card.read"),
        (&pay, "compensation.settlement.post"),
        (&pay, "compensation.statement.read"),
        (&evidence, "talent.evidence.record"),
    ] {
        assert!(actions.iter().any(|told| told == action), "{action} is not in {actions:?}");
    }
    assert!(!duty.is_empty(), "somebody with a card was on duty");
}

async fn grants(done: &Done) {
    let admin = &done.crew.admin;
    let mut access = identity::access_service_client::AccessServiceClient::new(admin.at.identity.clone());
    let principal_id = done.crew.approver.principal_id.clone();
    let ask = identity::ListGrantsRequest { principal_id, page_size: 0, page_token: String::new() };
    let grants = access.list_grants(admin.ask(ask)).await.expect("grants").into_inner().grants;
    let grant_id = grants.first().expect("the approver's grant").grant_id.clone();
    // Nobody may take from himself the last way to administer the group.
    let own = identity::ListGrantsRequest { principal_id: admin.principal_id.clone(), ..Default::default() };
    let own = access.list_grants(admin.ask(own)).await.expect("grants").into_inner().grants;
    let last = identity::RevokeGrantRequest {
        request_id: String::new(),
        grant_id: own.first().expect("the administrator's grant").grant_id.clone(),
        reason: "a slip".into(),
    };
    let refused = access.revoke_grant(admin.ask(last)).await.expect_err("the last administrator");
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
    let other = grants.iter().find(|grant| grant.role != "approver").map(|grant| grant.grant_id.clone());
    let spare = spare_grant(done).await;
    let ask = identity::RevokeGrantRequest {
        request_id: String::new(),
        grant_id: other.unwrap_or(spare),
        reason: "no longer needed".into(),
    };
    let token = access.revoke_grant(admin.ask(ask)).await.expect("a revocation").into_inner().consistency_token;
    assert!(!token.is_empty() && !grant_id.is_empty());
}

/// A grant that nobody needs.
async fn spare_grant(done: &Done) -> String {
    let admin = &done.crew.admin;
    let mut access = identity::access_service_client::AccessServiceClient::new(admin.at.identity.clone());
    let grant = identity::Grant {
        principal_id: done.crew.approver.principal_id.clone(),
        role: "auditor".into(),
        scope: identity::ScopeKind::Tenant.into(),
        valid_from: "2026-01-01".into(),
        reason: "for a day".into(),
        ..Default::default()
    };
    let ask = identity::GrantRoleRequest { request_id: String::new(), grant: Some(grant) };
    access.grant_role(admin.ask(ask)).await.expect("a grant").into_inner().grant.expect("a grant").grant_id
}

async fn duty(done: &Done) {
    let hr = &done.crew.hr;
    let mut sites = attendance::site_service_client::SiteServiceClient::new(hr.at.attendance.clone());
    let site = attendance::Site {
        name: "Head office".into(),
        zone: "Asia/Shanghai".into(),
        cut_over: "04:00".into(),
        region: "*".into(),
        ..Default::default()
    };
    let region = done.reading.bundle.group.branches.values().next().cloned();
    let site = attendance::Site { region: region.unwrap_or_else(|| "default".into()), ..site };
    let ask = attendance::ImportSitesRequest { request_id: String::new(), rows: vec![site] };
    let written = sites.import_sites(hr.ask(ask)).await.expect("a site").into_inner().result.expect("a result");
    assert_eq!((written.written, written.problems.len()), (1, 0), "{written:?}");

    let (_, card) = done.outcome.cards.get(1).expect("a second card");
    let somebody = agent(done, &card.person_id, "agent-two").await;
    own_punch(&somebody).await;
    own_handover(done, &somebody).await;
}

async fn own_punch(somebody: &Session) {
    let mut punches = attendance::punch_service_client::PunchServiceClient::new(somebody.at.attendance.clone());
    let ask = attendance::RecordPunchRequest {
        request_id: "punch-1".into(),
        kind: attendance::PunchKind::In.into(),
        device_at: None,
    };
    let first = punches.record_punch(somebody.ask(ask.clone())).await.expect("a punch").into_inner();
    let again = punches.record_punch(somebody.ask(ask.clone())).await.expect("the same punch").into_inner();
    assert_eq!(first, again, "a repeated request is one punch");
    let other = attendance::RecordPunchRequest { kind: attendance::PunchKind::Out.into(), ..ask };
    let refused = punches.record_punch(somebody.ask(other)).await.expect_err("the same id with another body");
    assert_ne!(refused.code(), Code::Internal, "{refused:?}");
}

async fn own_handover(done: &Done, somebody: &Session) {
    let mut handovers = attendance::handover_service_client::HandoverServiceClient::new(somebody.at.attendance.clone());
    let ask = attendance::RecordHandoverRequest {
        request_id: "take-1".into(),
        account_id: done.outcome.ids.accounts.first().expect("an account").clone(),
        kind: attendance::HandoverKind::Take.into(),
    };
    let taken = handovers.record_handover(somebody.ask(ask)).await.expect("a take").into_inner().handover;
    assert_eq!(taken.map(|h| h.kind()), Some(attendance::HandoverKind::Take));
}

async fn cycles(done: &Done) {
    let hr = &done.crew.hr;
    let mut cycles = performance::cycle_service_client::CycleServiceClient::new(hr.at.performance.clone());
    let ask = performance::GetCycleRequest { cycle_id: done.outcome.cycle_id.clone() };
    let published = cycles.get_cycle(hr.ask(ask)).await.expect("the cycle").into_inner().cycle.expect("the cycle");
    assert_eq!(published.state(), performance::CycleState::Published);
    let ask = performance::CloseCycleRequest { request_id: String::new(), cycle_id: done.outcome.cycle_id.clone() };
    let refused = cycles.close_cycle(hr.ask(ask)).await.expect_err("a published cycle");
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");

    let another = performance::Cycle {
        name: "once more".into(),
        period: published.period,
        scheme_id: published.scheme_id,
        scheme_version: published.scheme_version,
        policy: published.policy,
        ..Default::default()
    };
    let ask = performance::CreateCycleRequest { request_id: String::new(), cycle: Some(another) };
    let cycle_id =
        cycles.create_cycle(hr.ask(ask)).await.expect("a cycle").into_inner().cycle.expect("a cycle").cycle_id;
    let ask = performance::CloseCycleRequest { request_id: String::new(), cycle_id: cycle_id.clone() };
    cycles.close_cycle(hr.ask(ask)).await.expect("closing");
    let ask = performance::CancelCycleRequest { request_id: String::new(), cycle_id };
    let cancelled = cycles.cancel_cycle(hr.ask(ask)).await.expect("cancelling").into_inner().cycle.expect("the cycle");
    assert_eq!(cancelled.state(), performance::CycleState::Open, "what was begun can be begun again");
}

async fn settlements(done: &Done) {
    let preparer = &done.crew.preparer;
    let mut pools = compensation::pool_service_client::PoolServiceClient::new(preparer.at.compensation.clone());
    let part = compensation::PoolPart {
        share_ppm: 1_000_000,
        rule: Some(compensation::pool_part::Rule::Proportional(compensation::ProportionalRule::default())),
    };
    let pool = compensation::Pool {
        name: "a second pool".into(),
        cycle_id: done.outcome.cycle_id.clone(),
        amount: Some(Money { currency: "CNY".into(), minor: 100_001 }),
        parts: vec![part],
        ..Default::default()
    };
    let ask = compensation::CreatePoolRequest { request_id: String::new(), pool: Some(pool) };
    let pool_id =
        pools.create_pool(preparer.ask(ask)).await.expect("a pool").into_inner().pool.expect("a pool").pool_id;
    let channel = preparer.at.compensation.clone();
    let mut client = compensation::settlement_service_client::SettlementServiceClient::new(channel);
    let ask = compensation::DraftSettlementRequest { request_id: String::new(), pool_id };
    let draft = client.draft_settlement(preparer.ask(ask)).await.expect("a draft").into_inner().settlement;
    let settlement_id = draft.expect("a draft").settlement_id;
    let ask =
        compensation::ApproveSettlementRequest { request_id: String::new(), settlement_id: settlement_id.clone() };
    let refused = client.approve_settlement(preparer.ask(ask)).await.expect_err("the preparer approves");
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");
    let ask = compensation::DiscardSettlementRequest { request_id: String::new(), settlement_id };
    let gone = client.discard_settlement(preparer.ask(ask)).await.expect("a discard").into_inner().settlement;
    assert_eq!(gone.map(|s| s.state()), Some(compensation::SettlementState::Discarded));

    sums(done).await;
    let settlement_id = done.outcome.settlement_id.clone().expect("a settlement");
    let ask = compensation::DiscardSettlementRequest { request_id: String::new(), settlement_id };
    let refused = client.discard_settlement(preparer.ask(ask)).await.expect_err("a posted settlement");
    assert!(refused.message().contains("corrections come as deltas"), "{refused:?}");
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
