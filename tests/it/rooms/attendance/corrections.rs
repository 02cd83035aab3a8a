//! Facts of duty put right: asked for by the person, approved by somebody else, and what is told of it.

use tally_api::attendance::v1 as attendance;
use tally_api::attendance::v1::correction_service_client::CorrectionServiceClient;
use tally_api::attendance::v1::{CorrectionAction, CorrectionState, HandoverKind, PunchKind};
use tally_api::common::v1 as common;
use tally_rpc::RpcChannel;
use tally_suite::session::Session;
use tonic::Code;

use crate::journey::Done;
use crate::rooms::month;

/// Words that stand in no log.
pub const WHY: &str = "the lift was stuck with the whole night crew";
pub const SHOWN_BY: &str = "porter's book of the seventh, page forty";

/// Does them all, and looks at what came of each.
pub async fn journey(done: &Done, somebody: &Session, person_id: &str) {
    punches(done, somebody, person_id).await;
    handovers(done, somebody, person_id).await;
    shifts(done).await;
    aliases(done).await;
    told(done).await;
}

fn client(of: &Session) -> CorrectionServiceClient<RpcChannel> {
    CorrectionServiceClient::new(of.at.attendance.clone())
}

fn forgotten(person_id: &str, at: Option<prost_types::Timestamp>) -> attendance::CorrectPunchRequest {
    attendance::CorrectPunchRequest {
        action: CorrectionAction::Add.into(),
        person_id: person_id.into(),
        at,
        kind: PunchKind::Out.into(),
        reason: WHY.into(),
        evidence: SHOWN_BY.into(),
        ..Default::default()
    }
}

async fn punches(done: &Done, somebody: &Session, person_id: &str) {
    let hr = &done.crew.hr;
    let at = month(done).0.map(|at| prost_types::Timestamp { seconds: at.seconds + 5 * 86_400 + 61, ..at });
    let ask = somebody.ask(forgotten(person_id, at));
    let asked = client(somebody).correct_punch(ask).await.expect("a request").into_inner().correction;
    let first = asked.expect("a correction");
    let withdraw = attendance::WithdrawCorrectionRequest {
        correction_id: first.correction_id,
        reason: "found it".into(),
        ..Default::default()
    };
    client(somebody).withdraw_correction(somebody.ask(withdraw)).await.expect("withdrawn");
    let ask = somebody.ask(forgotten(person_id, at));
    let asked = client(somebody).correct_punch(ask).await.expect("a request").into_inner().correction;
    let reject = attendance::RejectCorrectionRequest {
        correction_id: asked.expect("a correction").correction_id,
        reason: "ask with the right day".into(),
        ..Default::default()
    };
    client(hr).reject_correction(hr.ask(reject)).await.expect("rejected");
    let ask = somebody.ask(forgotten(person_id, at));
    let asked = client(somebody).correct_punch(ask).await.expect("a request").into_inner().correction;
    let correction_id = asked.expect("a correction").correction_id;
    let approve = attendance::ApproveCorrectionRequest { correction_id: correction_id.clone(), ..Default::default() };
    client(somebody).approve_correction(somebody.ask(approve.clone())).await.expect_err("an agent approves nothing");
    client(hr).approve_correction(hr.ask(approve)).await.expect("approved");
    let auditor = &done.crew.auditor;
    let get = attendance::GetCorrectionRequest { correction_id };
    let found = client(auditor).get_correction(auditor.ask(get)).await.expect("a correction").into_inner().correction;
    let found = found.expect("a correction");
    assert_eq!((found.state(), found.reason.as_str()), (CorrectionState::Approved, WHY));
    assert!(found.touched.is_some_and(|touched| !touched.person_ids.is_empty()));
    let list = attendance::ListCorrectionsRequest::default();
    let page = client(auditor).list_corrections(auditor.ask(list)).await.expect("corrections").into_inner();
    assert_eq!(page.corrections.len(), 3);
}

async fn handovers(done: &Done, somebody: &Session, person_id: &str) {
    let at = month(done).0.map(|at| prost_types::Timestamp { seconds: at.seconds + 6 * 86_400 + 61, ..at });
    let ask = attendance::CorrectHandoverRequest {
        action: CorrectionAction::Add.into(),
        person_id: person_id.into(),
        account_id: done.outcome.ids.accounts.first().expect("an account").clone(),
        at,
        kind: HandoverKind::Release.into(),
        reason: WHY.into(),
        validate_only: true,
        ..Default::default()
    };
    let looked = client(somebody).correct_handover(somebody.ask(ask.clone())).await.expect("a look").into_inner();
    assert_eq!(looked.correction.map(|c| c.state()), Some(CorrectionState::Unspecified));
    let ask = attendance::CorrectHandoverRequest { validate_only: false, ..ask };
    let asked = client(somebody).correct_handover(somebody.ask(ask)).await.expect("a request").into_inner();
    assert_eq!(asked.correction.map(|c| c.state()), Some(CorrectionState::Waiting));
}

async fn shifts(done: &Done) {
    let hr = &done.crew.hr;
    let (from, to) = month(done);
    let mut rosters = attendance::roster_service_client::RosterServiceClient::new(hr.at.attendance.clone());
    let ask = attendance::ListShiftsRequest { from, to, counting_only: true, ..Default::default() };
    let there = rosters.list_shifts(hr.ask(ask)).await.expect("shifts").into_inner().shifts;
    let shift = there.first().expect("a shift");
    let end = shift.end.map(|at| prost_types::Timestamp { seconds: at.seconds - 60, ..at });
    let change = attendance::ChangeShiftRequest {
        shift_id: shift.shift_id.clone(),
        end,
        reason: WHY.into(),
        ..Default::default()
    };
    let changed = client(hr).change_shift(hr.ask(change)).await.expect("changed").into_inner().correction;
    assert!(changed.is_some_and(|changed| changed.late && changed.notice_minutes < Some(0)));
    let ask = attendance::ListShiftsRequest { from, to, counting_only: true, ..Default::default() };
    let there = rosters.list_shifts(hr.ask(ask)).await.expect("shifts").into_inner().shifts;
    let shift = there.iter().find(|shift| shift.end == end).expect("the changed one");
    let cancel =
        attendance::CancelShiftRequest { shift_id: shift.shift_id.clone(), reason: WHY.into(), ..Default::default() };
    client(hr).cancel_shift(hr.ask(cancel)).await.expect("cancelled");
}

async fn aliases(done: &Done) {
    let hr = &done.crew.hr;
    let mut aliases = attendance::alias_service_client::AliasServiceClient::new(hr.at.attendance.clone());
    let list = attendance::ListAliasesRequest { counting_only: true, ..Default::default() };
    let there = aliases.list_aliases(hr.ask(list.clone())).await.expect("aliases").into_inner().aliases;
    let alias = there.iter().find(|alias| alias.to.is_empty()).expect("an open alias");
    let other = done.outcome.ids.people.iter().find(|id| **id != alias.person_id).expect("somebody else");
    let moved = attendance::MoveAliasRequest {
        alias_id: alias.alias_id.clone(),
        person_id: other.clone(),
        from: "2027-01-01".into(),
        ..Default::default()
    };
    client(hr).move_alias(hr.ask(moved)).await.expect("moved");
    let now = aliases.list_aliases(hr.ask(list)).await.expect("aliases").into_inner().aliases;
    let new = now.iter().find(|new| new.alias == alias.alias && new.from == "2027-01-01").expect("the new meaning");
    let end =
        attendance::EndAliasRequest { alias_id: new.alias_id.clone(), to: "2027-06-30".into(), ..Default::default() };
    client(hr).end_alias(hr.ask(end)).await.expect("ended");
}

/// Events are for services, and for whoever was given a role to read them.
async fn told(done: &Done) {
    let who = &done.crew.auditor;
    let mut events = attendance::event_service_client::EventServiceClient::new(who.at.attendance.clone());
    let refused = events.read_events(who.ask(common::ReadEventsRequest::default())).await.expect_err("a refusal");
    assert_eq!(refused.code(), Code::PermissionDenied);
}
