//! What tells of others, asked for by who may: each leaves an entry, which `lists::check_audited` looks for.

use tally_api::attendance::v1 as attendance;
use tally_api::common::v1 as common;
use tally_api::compensation::v1 as compensation;
use tally_api::identity::v1 as identity;
use tally_api::performance::v1 as performance;
use tally_api::talent::v1 as talent;

use crate::journey::Done;

/// All of them, as the auditor.
pub async fn all(done: &Done) {
    duty(done).await;
    records(done).await;
    results(done).await;
    access(done).await;
}

/// From the first day on, for a month in UTC.
fn month(done: &Done) -> (Option<prost_types::Timestamp>, Option<prost_types::Timestamp>) {
    let first = format!("{}T00:00:00Z", done.outcome.summary.from).parse::<prost_types::Timestamp>().expect("a day");
    let at = |days: i64| Some(prost_types::Timestamp { seconds: first.seconds + days * 86_400, nanos: 0 });
    (at(0), at(30))
}

async fn duty(done: &Done) {
    let who = &done.crew.auditor;
    let channel = || who.at.attendance.clone();
    let (from, to) = month(done);
    let mut punches = attendance::punch_service_client::PunchServiceClient::new(channel());
    let found = punches
        .list_punches(who.ask(attendance::ListPunchesRequest { from, to, ..Default::default() }))
        .await
        .expect("punches");
    assert!(!found.into_inner().punches.is_empty());
    let mut rosters = attendance::roster_service_client::RosterServiceClient::new(channel());
    let found = rosters
        .list_shifts(who.ask(attendance::ListShiftsRequest { from, to, ..Default::default() }))
        .await
        .expect("shifts");
    assert!(!found.into_inner().shifts.is_empty());
    let mut handovers = attendance::handover_service_client::HandoverServiceClient::new(channel());
    let ask = attendance::ListHandoversRequest { from, to, ..Default::default() };
    assert!(!handovers.list_handovers(who.ask(ask)).await.expect("hand-overs").into_inner().handovers.is_empty());
    let mut aliases = attendance::alias_service_client::AliasServiceClient::new(channel());
    let ask = attendance::ListAliasesRequest::default();
    assert!(!aliases.list_aliases(who.ask(ask)).await.expect("aliases").into_inner().aliases.is_empty());
    let mut occupancy = attendance::occupancy_service_client::OccupancyServiceClient::new(channel());
    let summary = &done.outcome.summary;
    let period = Some(common::Period { from: summary.from.clone(), to: summary.to.clone() });
    let ask = attendance::ListOccupancyRequest { period, ..Default::default() };
    let mut parts = occupancy.list_occupancy(who.ask(ask)).await.expect("a stream").into_inner();
    let first = parts.message().await.expect("a part").expect("a part");
    assert!(first.accounts.iter().any(|account| !account.rows.is_empty()), "somebody was on duty");
}

async fn records(done: &Done) {
    let who = &done.crew.auditor;
    let mut records = performance::record_service_client::RecordServiceClient::new(who.at.performance.clone());
    let (from, to) = month(done);
    let account_id = done.outcome.ids.accounts.first().expect("an account").clone();
    let ask = performance::ListRecordsRequest { account_id: account_id.clone(), from, to, ..Default::default() };
    let found = records.list_records(who.ask(ask)).await.expect("records").into_inner().records;
    let record = found.iter().find(|record| !record.customer.is_empty() || !record.agent.is_empty());
    let external_id = record.expect("a record of somebody").external_id.clone();
    let ask = performance::GetRecordRequest { account_id: account_id.clone(), external_id: external_id.clone() };
    let one = records.get_record(who.ask(ask)).await.expect("a record").into_inner().record.expect("a record");
    assert_eq!(one.external_id, external_id);
    let mut credits =
        performance::attribution_service_client::AttributionServiceClient::new(who.at.performance.clone());
    let cycle_id = done.outcome.cycle_id.clone();
    let mut shares = 0;
    for record in &found {
        let external_id = record.external_id.clone();
        let (cycle_id, account_id) = (cycle_id.clone(), account_id.clone());
        let ask = performance::ExplainRecordRequest { cycle_id, account_id, external_id };
        // A record outside of the period has no credit.
        let told = credits.explain_record(who.ask(ask)).await.ok().and_then(|reply| reply.into_inner().credit);
        shares = told.map_or(0, |credit| credit.shares.len());
        if shares > 0 {
            break;
        }
    }
    assert!(shares > 0, "somebody is credited");
    let ask = performance::ListTotalsRequest { cycle_id: cycle_id.clone(), ..Default::default() };
    assert!(!credits.list_totals(who.ask(ask)).await.expect("totals").into_inner().totals.is_empty());
    let ask = performance::ListFindingsRequest { cycle_id, ..Default::default() };
    assert!(!credits.list_findings(who.ask(ask)).await.expect("findings").into_inner().findings.is_empty());
}

async fn results(done: &Done) {
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

async fn access(done: &Done) {
    let (who, other) = (&done.crew.auditor, &done.crew.approver);
    let mut checks = identity::check_service_client::CheckServiceClient::new(who.at.identity.clone());
    let check = identity::CheckRequest {
        principal_id: other.principal_id.clone(),
        permission: "compensation.settlement.approve".into(),
        ..Default::default()
    };
    let why = checks.explain(who.ask(identity::ExplainRequest { check: Some(check) })).await.expect("reasons");
    assert!(why.into_inner().allowed);
    let mut delegations = identity::delegation_service_client::DelegationServiceClient::new(who.at.identity.clone());
    let ask = identity::ListDelegationsRequest { principal_id: other.principal_id.clone(), ..Default::default() };
    let lent = delegations.list_delegations(who.ask(ask)).await.expect("delegations").into_inner().delegations;
    assert!(!lent.is_empty(), "the approver has lent something");
    let admin = &done.crew.admin;
    let mut sessions = identity::session_service_client::SessionServiceClient::new(admin.at.identity.clone());
    let ask = identity::ListSessionsRequest { principal_id: who.principal_id.clone(), ..Default::default() };
    assert!(!sessions.list_sessions(admin.ask(ask)).await.expect("sessions").into_inner().sessions.is_empty());
}
