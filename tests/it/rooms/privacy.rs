//! What is held about somebody who left long ago: told, held back, erased by two; and what is over is removed.
//! And who saw or changed it, as the audit logs tell.

use tally_api::common::v1 as common;
use tally_api::identity::v1 as identity;
use tally_rpc::error_from;
use tally_suite::session::Session;
use tally_testkit::eventually;
use tonic::Code;

use crate::journey::{Done, look};
use crate::stack::Stack;

/// Does them all, and looks at what came of each.
pub async fn journey(stack: &Stack, done: &Done) {
    look(stack, done).await;
    let person_id = somebody_who_left(done).await;
    schedule(done).await;
    let hold_id = hold(done, &person_id).await;
    let mut erasures = erasures(&done.crew.hr);
    let reason = "asked for".to_owned();
    let ask = identity::RequestErasureRequest { person_id: person_id.clone(), reason, ..Default::default() };
    let held = erasures.request_erasure(done.crew.hr.ask(ask.clone())).await.expect_err("a hold");
    assert_eq!(error_from(held).reason(), "LEGAL_HOLD");
    lift(done, hold_id).await;
    let request = async || {
        let asked = erasures.clone().request_erasure(done.crew.hr.ask(ask.clone())).await.expect("a request");
        asked.into_inner().erasure.expect("an erasure").erasure_id
    };
    let (request_id, erasure_id, reason) = (String::new(), request().await, "the wrong one".to_owned());
    let withdraw = identity::WithdrawErasureRequest { request_id, erasure_id, reason };
    erasures.clone().withdraw_erasure(done.crew.hr.ask(withdraw)).await.expect("it is taken back");
    let (request_id, erasure_id, reason) = (String::new(), request().await, "not yet".to_owned());
    let reject = identity::RejectErasureRequest { request_id, erasure_id, reason };
    erasures.clone().reject_erasure(done.crew.admin.ask(reject)).await.expect("a no");
    erase(done, request().await).await;
    exports(done).await;
    retention(done).await;
    audit(done).await;
}

pub fn erasures(session: &Session) -> identity::erasure_service_client::ErasureServiceClient<tally_rpc::RpcChannel> {
    identity::erasure_service_client::ErasureServiceClient::new(session.at.identity.clone())
}

async fn somebody_who_left(done: &Done) -> String {
    let hr = &done.crew.hr;
    let mut people = identity::person_service_client::PersonServiceClient::new(hr.at.identity.clone());
    let row = identity::PersonRow {
        employee_no: "LEFT-1".into(),
        name: "Long Gone".into(),
        unit_path: done.reading.bundle.people[0].employments[0].org_unit.clone(),
        position: "agent".into(),
        grade: "P1".into(),
        hired_on: "2021-01-04".into(),
        left_on: "2022-06-30".into(),
        ..Default::default()
    };
    let ask = identity::ImportPeopleRequest { rows: vec![row], ..Default::default() };
    let written = people.import_people(hr.ask(ask)).await.expect("an import").into_inner().result.expect("a result");
    assert_eq!(written.written, 1, "{written:?}");
    let ask = identity::GetPersonRequest { employee_no: "LEFT-1".into(), ..Default::default() };
    people.get_person(hr.ask(ask)).await.expect("a person").into_inner().person.expect("a person").person_id
}

async fn schedule(done: &Done) {
    let admin = &done.crew.admin;
    let mut client = identity::retention_service_client::RetentionServiceClient::new(admin.at.identity.clone());
    let (kind, reason) = ("talent.evidence".to_owned(), "to see how people grow".to_owned());
    let ask = identity::SetRetentionRequest { kind, months: 60, reason, ..Default::default() };
    client.set_retention(admin.ask(ask)).await.expect("months");
    let ask = identity::ListRetentionRequest {};
    let all = client.list_retention(admin.ask(ask)).await.expect("a schedule").into_inner().schedule;
    let set: Vec<_> = all.iter().filter(|one| one.months != one.default_months).map(|one| one.kind.as_str()).collect();
    assert_eq!(set, ["talent.evidence"]);
}

pub async fn hold(done: &Done, person_id: &str) -> String {
    let admin = &done.crew.admin;
    let mut client = identity::hold_service_client::HoldServiceClient::new(admin.at.identity.clone());
    let (person_id, reason) = (person_id.to_owned(), "case 7".to_owned());
    let ask = identity::SetHoldRequest { person_id, reason, ..Default::default() };
    let held = client.set_hold(admin.ask(ask)).await.expect("a hold").into_inner().hold.expect("a hold");
    let ask = identity::ListHoldsRequest { standing: true, ..Default::default() };
    let standing = client.list_holds(done.crew.auditor.ask(ask)).await.expect("the register").into_inner().holds;
    assert_eq!(standing, std::slice::from_ref(&held));
    held.hold_id
}

pub async fn lift(done: &Done, hold_id: String) {
    let admin = &done.crew.admin;
    let mut client = identity::hold_service_client::HoldServiceClient::new(admin.at.identity.clone());
    let ask = identity::LiftHoldRequest { hold_id, reason: "settled".into(), ..Default::default() };
    client.lift_hold(admin.ask(ask)).await.expect("no hold");
}

async fn erase(done: &Done, erasure_id: String) {
    let (hr, admin) = (&done.crew.hr, &done.crew.admin);
    let mut client = erasures(admin);
    let ask = identity::ApproveErasureRequest { erasure_id: erasure_id.clone(), ..Default::default() };
    let own = client.approve_erasure(hr.ask(ask.clone())).await.expect_err("the own request");
    assert_eq!(error_from(own).reason(), "FOUR_EYES_REQUIRED");
    client.approve_erasure(admin.ask(ask)).await.expect("an approval");
    eventually("the reports of four services", async || {
        let ask = identity::GetErasureRequest { erasure_id: erasure_id.clone() };
        let found = erasures(hr).get_erasure(hr.ask(ask)).await.ok()?.into_inner().erasure?;
        found.completed_at.map(drop)
    })
    .await;
    let ask = identity::ListErasuresRequest::default();
    let listed = client.list_erasures(admin.ask(ask)).await.expect("erasures").into_inner().erasures;
    assert_eq!(listed.iter().map(|one| one.dropped_at.is_some()).collect::<Vec<_>>(), [false, true, true]);
    assert!(listed[0].parts.iter().all(|part| part.done_at.is_some()), "{listed:?}");
}

/// The auditor takes out all that is held about the best of the month; who lays out the group does not see the pay.
async fn exports(done: &Done) {
    let (_, card) = done.outcome.cards.first().expect("a best card");
    macro_rules! ask {
        ($service:ident, $by:expr) => {{
            use tally_api::$service::v1 as pb;
            let by: &Session = $by;
            let mut client = pb::privacy_service_client::PrivacyServiceClient::new(by.at.$service.clone());
            let ask = common::ExportPersonRequest { person_id: card.person_id.clone() };
            let mut stream = client.export_person(by.ask(ask)).await.expect("an export").into_inner();
            let (mut rows, mut withheld) = (Vec::new(), 0);
            while let Some(message) = stream.message().await.expect("a part") {
                let part = message.part.expect("a table");
                withheld += part.withheld;
                rows.extend(part.rows);
            }
            (rows, withheld)
        }};
    }
    let (auditor, admin) = (&done.crew.auditor, &done.crew.admin);
    for (rows, withheld) in [ask!(attendance, auditor), ask!(performance, auditor), ask!(talent, auditor)] {
        assert!(!rows.is_empty() && withheld == 0);
        assert!(rows.iter().all(|row| row.contains(&card.person_id)), "{rows:?}");
    }
    let (rows, withheld) = ask!(compensation, auditor);
    assert!(rows.iter().any(|row| row.contains("\"minor\"")) && withheld == 0, "{rows:?}");
    let (rows, withheld) = ask!(compensation, admin);
    assert!(rows.is_empty() && withheld > 0, "{rows:?}");
}

async fn retention(done: &Done) {
    let admin = &done.crew.admin;
    macro_rules! run {
        ($service:ident) => {{
            use tally_api::$service::v1 as pb;
            let mut client = pb::privacy_service_client::PrivacyServiceClient::new(admin.at.$service.clone());
            let ran =
                client.run_retention(admin.ask(common::RunRetentionRequest {})).await.expect("a run").into_inner();
            assert!(!ran.more && ran.taken.is_empty(), "{ran:?}");
        }};
    }
    run!(attendance);
    run!(performance);
    run!(compensation);
    run!(talent);
    let mut client = identity::retention_service_client::RetentionServiceClient::new(admin.at.identity.clone());
    let ran = client.run_retention(admin.ask(common::RunRetentionRequest {})).await.expect("a run").into_inner();
    assert!(!ran.more && ran.taken.is_empty(), "{ran:?}");
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
            let whole = log.verify_audit(auditor.ask(common::VerifyAuditRequest {})).await.expect("a check");
            let (mut whole, mut verdict) = (whole.into_inner(), None);
            while let Some(told) = whole.message().await.expect("how far it is") {
                verdict = told.verdict;
            }
            let verdict = verdict.expect("an end");
            assert!(verdict.whole && verdict.entries > 0 && verdict.rows > 0, "{verdict:?}");
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
