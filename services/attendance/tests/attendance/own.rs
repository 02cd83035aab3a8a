//! What people record for themselves: punches and hand-overs at the server's time.

use jiff::SignedDuration;
use tally_access::Permission;
use tally_api::attendance::v1 as pb;
use tally_api::attendance::v1::{HandoverKind, PunchKind, PunchVerdict};
use tally_testkit::callers::Caller;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;
use tonic::metadata::MetadataValue;

use crate::fixture::{TestAttendance, account, at, counts, person, reason, shift};

async fn punch(
    attendance: &TestAttendance,
    caller: &Caller,
    request_id: &str,
    kind: PunchKind,
) -> pb::RecordPunchResponse {
    let ask = pb::RecordPunchRequest { request_id: request_id.into(), kind: kind.into(), device_at: None };
    attendance.punches().record_punch(caller.request(ask)).await.expect("an answer").into_inner()
}

on_both!(a_punch_is_recorded_at_the_servers_time_with_its_verdict);
async fn a_punch_is_recorded_at_the_servers_time_with_its_verdict(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let agent = attendance.agent(1, &[Permission::PunchRecord, Permission::PunchRead]);
    let first = punch(&attendance, &agent, "", PunchKind::In).await;
    let told = first.punch.clone().unwrap_or_default();
    assert_eq!(
        (told.at, told.verdict(), told.person_id),
        (at(crate::fixture::NOW), PunchVerdict::Accepted, person(1).to_string())
    );
    assert_eq!(first.reasons, ["you are in from now on"]);
    attendance.callers.clock.advance(SignedDuration::from_mins(5));
    let double = punch(&attendance, &agent, "", PunchKind::In).await;
    assert_eq!(double.punch.unwrap_or_default().verdict(), PunchVerdict::DoubleIn);
    attendance.callers.clock.advance(SignedDuration::from_mins(4));
    let out = punch(&attendance, &agent, "", PunchKind::Out).await;
    assert_eq!(out.punch.unwrap_or_default().verdict(), PunchVerdict::Accepted);
    let again = punch_refused(&attendance, &agent, PunchKind::Out).await;
    assert_eq!(again, "PUNCH_REPEATED");
    let ask = pb::ListPunchesRequest {
        from: at("2026-03-02T00:00:00Z"),
        to: at("2026-03-03T00:00:00Z"),
        ..Default::default()
    };
    assert_eq!(attendance.punches().list_punches(agent.request(ask)).await.unwrap().into_inner().punches.len(), 3);
}

async fn punch_refused(attendance: &TestAttendance, caller: &Caller, kind: PunchKind) -> String {
    let ask = pb::RecordPunchRequest { kind: kind.into(), device_at: None, ..Default::default() };
    reason(attendance.punches().record_punch(caller.request(ask)).await)
}

on_both!(a_repeated_request_is_one_punch);
async fn a_repeated_request_is_one_punch(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let agent = attendance.agent(1, &[Permission::PunchRecord]);
    let first = punch(&attendance, &agent, "r-1", PunchKind::In).await;
    attendance.callers.clock.advance(SignedDuration::from_mins(1));
    assert_eq!(punch(&attendance, &agent, "r-1", PunchKind::In).await, first);
    attendance.db.store.sequence_now().await.unwrap();
    assert!(attendance.db.store.verify_audit().await.unwrap().ok());
}

on_both!(somebody_planned_for_another_time_is_told_in_their_language);
async fn somebody_planned_for_another_time_is_told_in_their_language(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let a = attendance.with_accounts(vec![account("a", "")]).await.remove(0);
    attendance.publish(vec![shift(1, &a, "2026-03-03T01:00:00Z", "2026-03-03T09:00:00Z")]).await;
    let agent = attendance.agent(1, &[Permission::PunchRecord]);
    let mut ask = agent.request(pb::RecordPunchRequest {
        kind: PunchKind::In.into(),
        device_at: at("2026-03-02T00:00:00Z"),
        ..Default::default()
    });
    ask.metadata_mut().insert("accept-language", MetadataValue::from_static("zh-CN"));
    let answer = attendance.punches().record_punch(ask).await.unwrap().into_inner();
    assert_eq!(answer.punch.unwrap_or_default().verdict(), PunchVerdict::OffRoster);
    assert_eq!(answer.reasons.len(), 3);
    assert_eq!(answer.reasons[0], "这个时间附近没有您的班次");
    assert!(answer.reasons[2].contains("-3600"), "{}", answer.reasons[2]);
}

on_both!(only_people_punch_and_only_for_themselves);
async fn only_people_punch_and_only_for_themselves(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    assert_eq!(punch_refused(&attendance, &attendance.admin, PunchKind::In).await, "NO_PERSON");
    let nobody = attendance.agent(9, &[Permission::PunchRecord]);
    assert_eq!(punch_refused(&attendance, &nobody, PunchKind::In).await, "NOT_FOUND");
    let without = attendance.agent(1, &[Permission::PunchRead]);
    assert_eq!(punch_refused(&attendance, &without, PunchKind::In).await, "PERMISSION_DENIED");
    let agent = attendance.agent(1, &[Permission::PunchRecord]);
    assert_eq!(punch_refused(&attendance, &agent, PunchKind::Unspecified).await, "INVALID_REQUEST");
}

on_both!(a_person_takes_and_releases_an_account_that_is_there);
async fn a_person_takes_and_releases_an_account_that_is_there(on: Backend) {
    let attendance = TestAttendance::on(on).await;
    let a = attendance.with_accounts(vec![account("a", "")]).await.remove(0);
    let agent = attendance.agent(2, &[Permission::HandoverRecord, Permission::HandoverRead]);
    let record = async |account_id: &str, kind: HandoverKind| {
        let ask =
            pb::RecordHandoverRequest { request_id: "h".into(), account_id: account_id.into(), kind: kind.into() };
        attendance.handovers().record_handover(agent.request(ask)).await
    };
    let took = record(&a, HandoverKind::Take).await.unwrap().into_inner().handover.unwrap_or_default();
    assert_eq!((took.person_id.as_str(), took.kind()), (person(2).to_string().as_str(), HandoverKind::Take));
    let again = record(&a, HandoverKind::Take).await.unwrap().into_inner().handover.unwrap_or_default();
    assert_eq!(again, took);
    let missing = pb::RecordHandoverRequest {
        account_id: person(1).to_string(),
        kind: HandoverKind::Take.into(),
        ..Default::default()
    };
    assert_eq!(reason(attendance.handovers().record_handover(agent.request(missing)).await), "NOT_FOUND");
    let same = attendance.hand_over(vec![pb::Handover { handover_id: String::new(), ..took }]).await;
    assert_eq!(counts(same), (0, 1, vec![]), "an import finds it there");
}
