//! Holds, retention and erasures over the rpcs.

use jiff::SignedDuration;
use sea_orm::ConnectionTrait as _;
use tally_api::common::v1 as common;
use tally_api::identity::v1::{self as pb, ScopeKind};
use tally_kernel::error::Kind;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{Login, PASSWORD, Reply, TestIdentity, answered, person_row};

/// E77's.
const NUMBER: &str = "11010519491231002X";

/// All that identity exports of somebody: each table's name before its rows.
async fn exported(identity: &TestIdentity, by: &Login, person_id: &str) -> String {
    let ask = pb::ExportPersonRequest { person_id: person_id.into() };
    let parts = answered(identity.people().export_person(by.says(ask)).await).unwrap().parts;
    // The messages themselves print no rows.
    parts.into_iter().map(|part| format!("{}: {}\n", part.table, part.rows.join("\n"))).collect()
}

async fn hold(identity: &TestIdentity, person_id: &str) -> Reply<pb::Hold> {
    let (person_id, reason) = (person_id.to_owned(), "case 7".to_owned());
    let ask = pb::SetHoldRequest { person_id, reason, ..Default::default() };
    answered(identity.holds().set_hold(identity.as_admin(ask)).await).map(|reply| reply.hold.unwrap())
}

async fn lift(identity: &TestIdentity, hold_id: &str) -> Reply<pb::Hold> {
    let (hold_id, reason) = (hold_id.to_owned(), "settled".to_owned());
    let ask = pb::LiftHoldRequest { hold_id, reason, ..Default::default() };
    answered(identity.holds().lift_hold(identity.as_admin(ask)).await).map(|reply| reply.hold.unwrap())
}

async fn request(identity: &TestIdentity, by: &Login, person_id: &str) -> Reply<pb::Erasure> {
    let (person_id, reason) = (person_id.to_owned(), "asked for".to_owned());
    let ask = pb::RequestErasureRequest { person_id, reason, ..Default::default() };
    answered(identity.erasures().request_erasure(by.says(ask)).await).map(|reply| reply.erasure.unwrap())
}

async fn approve(identity: &TestIdentity, by: &Login, erasure: &pb::Erasure) -> Reply<pb::Erasure> {
    let ask = pb::ApproveErasureRequest { erasure_id: erasure.erasure_id.clone(), ..Default::default() };
    answered(identity.erasures().approve_erasure(by.says(ask)).await).map(|reply| reply.erasure.unwrap())
}

async fn get(identity: &TestIdentity, by: &Login, id: &str) -> Reply<pb::GetErasureResponse> {
    answered(identity.erasures().get_erasure(by.says(pb::GetErasureRequest { erasure_id: id.into() })).await)
}

/// Three years on; everybody signs in anew.
async fn much_later(identity: &mut TestIdentity) -> [Login; 2] {
    identity.clock.advance(SignedDuration::from_hours(3 * 366 * 24));
    identity.admin = identity.sign_in("admin").await;
    [identity.sign_in("hr").await, identity.sign_in("hr2").await]
}

/// Somebody with a login and a grant who left on 2026-02-28, and two of human resources: the person's id.
async fn somebody_who_left(identity: &TestIdentity) -> String {
    for name in ["hr", "hr2"] {
        let login = identity.login(name, "").await;
        identity.grant(&login, "group_hr", ScopeKind::Tenant, "").await;
    }
    let numbered = pb::PersonRow { id_number: NUMBER.into(), ..person_row("E77", "North/Sales/A") };
    identity.import_people(vec![numbered, person_row("E78", "North/Sales/A")]).await;
    let login = identity.login("olive", "E77").await;
    identity.grant(&login, "agent", ScopeKind::Self_, "").await;
    let person_id = identity.person("E77").await.person_id;
    let ask =
        pb::EndEmploymentRequest { person_id: person_id.clone(), last_day: "2026-02-28".into(), ..Default::default() };
    answered(identity.people().end_employment(identity.as_admin(ask)).await).unwrap();
    person_id
}

on_both!(somebody_is_erased_by_two_when_the_law_and_no_hold_stand_against_it);
async fn somebody_is_erased_by_two_when_the_law_and_no_hold_stand_against_it(on: Backend) {
    let mut identity = TestIdentity::with_company(on).await;
    let person = somebody_who_left(&identity).await;
    let stays = identity.person("E78").await.person_id;
    let hr = identity.sign_in("hr").await;
    assert_eq!(request(&identity, &hr, &stays).await.unwrap_err().reason(), "STILL_EMPLOYED");
    let early = request(&identity, &hr, &person).await.unwrap_err();
    assert!(["STILL_EMPLOYED", "RETENTION_RUNS"].contains(&early.reason()), "{early:?}");
    let [hr, other] = much_later(&mut identity).await;
    assert!(exported(&identity, &hr, &person).await.contains(NUMBER));
    let unopened = exported(&identity, &identity.admin, &person).await;
    assert!(unopened.contains("E77") && !unopened.contains(NUMBER), "who may not read numbers exports none");
    let held = hold(&identity, &person).await.unwrap();
    assert_eq!(request(&identity, &hr, &person).await.unwrap_err().reason(), "LEGAL_HOLD");
    lift(&identity, &held.hold_id).await.unwrap();
    assert_eq!(lift(&identity, &held.hold_id).await.unwrap_err().reason(), "HOLD_LIFTED");
    let asked = request(&identity, &hr, &person).await.unwrap();
    assert!(asked.parts.is_empty() && asked.erased_at.is_none());
    assert_eq!(request(&identity, &other, &person).await.unwrap_err().reason(), "ERASURE_ALREADY_EXISTS");
    assert_eq!(approve(&identity, &hr, &asked).await.unwrap_err().reason(), "FOUR_EYES_REQUIRED");
    let asked = dropped_and_asked_again(&identity, (&hr, &other), asked).await;
    assert!(one_hand_past_the_services(&identity).await.is_err(), "the database refuses it too");
    // A hold on everybody that came in between.
    let held = hold(&identity, "").await.unwrap();
    assert_eq!(approve(&identity, &other, &asked).await.unwrap_err().reason(), "LEGAL_HOLD");
    lift(&identity, &held.hold_id).await.unwrap();
    let done = approve(&identity, &other, &asked).await.unwrap();
    assert!(done.erased_at.is_some() && done.completed_at.is_none());
    assert_eq!(done.parts.iter().filter(|part| part.done_at.is_none()).count(), 4);
    assert_eq!(approve(&identity, &other, &asked).await.unwrap_err().reason(), "ERASED_ALREADY");
    nobody_is_left(&identity, &person).await;
    identity.db.store.sequence_now().await.unwrap();
    assert!(identity.db.store.verify_audit().await.unwrap().ok());
}

/// Somebody who may approve says no, and whoever asked takes the next one back: the third stands.
async fn dropped_and_asked_again(
    identity: &TestIdentity,
    (hr, other): (&Login, &Login),
    first: pb::Erasure,
) -> pb::Erasure {
    let reason = "may come back".to_owned();
    let erasure_id = first.erasure_id.clone();
    let ask = pb::RejectErasureRequest { request_id: "no".into(), erasure_id, reason: reason.clone() };
    let reject = async |by: &Login| answered(identity.erasures().reject_erasure(by.says(ask.clone())).await);
    let rejected = reject(&identity.admin).await.unwrap().erasure.unwrap();
    assert!(rejected.dropped_at.is_some() && rejected.drop_reason == reason, "{rejected:?}");
    assert_eq!(reject(&identity.admin).await.unwrap().erasure, Some(rejected), "the same request");
    assert_eq!(approve(identity, other, &first).await.unwrap_err().reason(), "ERASURE_DROPPED");
    let second = request(identity, hr, &first.person_id).await.unwrap();
    let withdraw = async |reason: &str| {
        let (erasure_id, reason) = (second.erasure_id.clone(), reason.to_owned());
        let ask = pb::WithdrawErasureRequest { erasure_id, reason, ..Default::default() };
        answered(identity.erasures().withdraw_erasure(hr.says(ask)).await)
    };
    assert_eq!(withdraw("").await.unwrap_err().violations()[0].field, "reason");
    assert!(withdraw("a mistake").await.unwrap().erasure.unwrap().dropped_at.is_some());
    assert_eq!(withdraw("a mistake").await.unwrap_err().reason(), "ERASURE_DROPPED");
    request(identity, other, &first.person_id).await.unwrap();
    let all = answered(identity.erasures().list_erasures(hr.says(pb::ListErasuresRequest::default())).await)
        .unwrap()
        .erasures;
    assert_eq!(all.iter().filter(|erasure| erasure.dropped_at.is_none()).count(), 1, "{all:?}");
    // The one that stands was asked for by the other.
    let standing = all.into_iter().find(|erasure| erasure.dropped_at.is_none()).unwrap();
    let (erasure_id, reason) = (standing.erasure_id, "the first hand asks".to_owned());
    let ask = pb::WithdrawErasureRequest { erasure_id, reason, ..Default::default() };
    answered(identity.erasures().withdraw_erasure(hr.says(ask)).await).unwrap();
    request(identity, hr, &first.person_id).await.unwrap()
}

/// Approves with the hand that asked, past the services and their code.
async fn one_hand_past_the_services(identity: &TestIdentity) -> Result<(), sea_orm::DbErr> {
    let mut options = sea_orm::ConnectOptions::new(&identity.db.owner_url);
    if identity.db.name == "postgres" {
        options.set_schema_search_path("identity");
    }
    let owner = sea_orm::Database::connect(options).await?;
    owner.execute_unprepared("UPDATE erasures SET reason = reason").await.expect("any other change is let through");
    owner.execute_unprepared("UPDATE erasures SET approved_by = requested_by").await.map(drop)
}

/// Identity knows nothing of E77 but the id.
async fn nobody_is_left(identity: &TestIdentity, person_id: &str) {
    let ask = pb::GetPersonRequest { person_id: person_id.into(), ..Default::default() };
    let person = answered(identity.people().get_person(identity.as_admin(ask)).await).unwrap().person.unwrap();
    assert!(person.name.starts_with("erased-") && person.name == person.employee_no, "{person:?}");
    let text = exported(identity, &identity.sign_in("hr2").await, person_id).await;
    for gone in [NUMBER, "E77", "olive"] {
        assert!(!text.contains(gone), "{gone} in {text}");
    }
    assert!(text.contains("erasures: ") && text.contains("principals: "), "{text}");
    // The name is free again, and the old password opens nothing.
    assert!(identity.try_sign_in("olive", PASSWORD).await.is_err());
    identity.login("olive", "E78").await;
    assert_eq!(hold(identity, person_id).await.unwrap_err().reason(), "PERSON_ERASED");
    let person_id = person_id.to_owned();
    let ask = pb::RectifyPersonRequest { person_id, name: "Olive".into(), ..Default::default() };
    let refused = answered(identity.people().rectify_person(identity.as_admin(ask)).await).unwrap_err();
    assert_eq!(refused.reason(), "PERSON_ERASED");
    // The blind index went with the number: somebody else may have it.
    let person_id = identity.person("E78").await.person_id;
    let ask = pb::RectifyPersonRequest { person_id, id_number: NUMBER.into(), ..Default::default() };
    let hr = identity.sign_in("hr2").await;
    assert!(answered(identity.people().rectify_person(hr.says(ask)).await).is_ok());
}

on_both!(it_is_complete_when_every_service_has_reported_and_the_number_goes_with_the_last_report);
async fn it_is_complete_when_every_service_has_reported_and_the_number_goes_with_the_last_report(on: Backend) {
    let mut identity = TestIdentity::with_company(on).await;
    let person = somebody_who_left(&identity).await;
    let [hr, other] = much_later(&mut identity).await;
    let asked = request(&identity, &hr, &person).await.unwrap();
    let id = asked.erasure_id.clone();
    let report = |rows| pb::ReportErasureRequest { erasure_id: id.clone(), rows };
    let early = answered(identity.erasures().report_erasure(identity.as_follower(0, report(1))).await).unwrap_err();
    assert_eq!(early.reason(), "ERASURE_NOT_APPROVED");
    approve(&identity, &other, &asked).await.unwrap();
    let events = common::ReadEventsRequest { after: 0, limit: 0 };
    let sequenced = async || {
        identity.db.store.sequence_now().await.unwrap();
        answered(identity.events().read_events(identity.as_follower(0, events)).await).unwrap().events
    };
    let denied = answered(identity.events().read_events(hr.says(events)).await).unwrap_err();
    assert_eq!(denied.reason(), "PERMISSION_DENIED", "who may not read is told so, and gets no position");
    let told_of: Vec<_> =
        sequenced().await.into_iter().filter(|e| e.kind == "tally.identity.v1.PersonErased").collect();
    assert_eq!(told_of.len(), 1);
    assert_eq!(told_of[0].key, id);
    assert!(!told_of[0].payload.contains("E77"), "{}", told_of[0].payload);
    assert_eq!(get(&identity, &hr, &id).await.unwrap().employee_no, "", "people are not told the number");
    for n in 0..4 {
        let ask = pb::GetErasureRequest { erasure_id: id.clone() };
        let seen = answered(identity.erasures().get_erasure(identity.as_follower(n, ask)).await).unwrap();
        assert_eq!((seen.employee_no.as_str(), seen.erasure.unwrap().completed_at), ("E77", None));
        for rows in [7, 8] {
            answered(identity.erasures().report_erasure(identity.as_follower(n, report(rows))).await).unwrap();
        }
    }
    let done = get(&identity, &hr, &id).await.unwrap();
    let erasure = done.erasure.unwrap();
    assert!(erasure.completed_at.is_some() && done.employee_no.is_empty());
    assert!(erasure.parts.iter().all(|part| part.rows == 7), "the first report counts: {erasure:?}");
    let ask = pb::GetErasureRequest { erasure_id: id.clone() };
    assert_eq!(answered(identity.erasures().get_erasure(identity.as_follower(0, ask)).await).unwrap().employee_no, "");
    let refused = answered(identity.erasures().report_erasure(hr.says(report(1))).await).unwrap_err();
    assert_eq!(refused.kind(), Kind::PermissionDenied);
    let ask = pb::ListErasuresRequest::default();
    let listed = answered(identity.erasures().list_erasures(hr.says(ask)).await).unwrap().erasures;
    assert_eq!(listed, [erasure]);
}

on_both!(a_branch_asks_for_its_own_people_and_approves_nobody);
async fn a_branch_asks_for_its_own_people_and_approves_nobody(on: Backend) {
    let mut identity = TestIdentity::with_company(on).await;
    let person = somebody_who_left(&identity).await;
    let south = identity.login("south", "").await;
    let work = identity.unit("South").await.unit_id;
    identity.grant(&south, "branch_hr", ScopeKind::Subtree, &work).await;
    let [hr, _] = much_later(&mut identity).await;
    let south = identity.sign_in("south").await;
    assert_eq!(request(&identity, &south, &person).await.unwrap_err().kind(), Kind::PermissionDenied);
    let asked = request(&identity, &hr, &person).await.unwrap();
    assert_eq!(approve(&identity, &south, &asked).await.unwrap_err().kind(), Kind::PermissionDenied);
    assert_eq!(get(&identity, &south, &asked.erasure_id).await.unwrap_err().kind(), Kind::NotFound);
    let ask = pb::ListErasuresRequest::default();
    let listed = answered(identity.erasures().list_erasures(south.says(ask)).await).unwrap().erasures;
    assert_eq!(listed, []);
}

async fn run(identity: &TestIdentity) -> common::RunRetentionResponse {
    answered(identity.retention().run_retention(identity.as_admin(common::RunRetentionRequest {})).await).unwrap()
}

on_both!(sessions_go_when_they_are_over_and_nothing_goes_while_a_hold_stands);
async fn sessions_go_when_they_are_over_and_nothing_goes_while_a_hold_stands(on: Backend) {
    let mut identity = TestIdentity::with_company(on).await;
    let person = somebody_who_left(&identity).await;
    let of_sessions = |ran: &common::RunRetentionResponse| {
        ran.taken.iter().find(|taken| taken.table == "sessions").map(|taken| taken.rows)
    };
    assert_eq!(of_sessions(&run(&identity).await), None, "nothing is over yet");
    much_later(&mut identity).await;
    for held in ["", person.as_str()] {
        let held = hold(&identity, held).await.unwrap();
        assert_eq!(run(&identity).await, common::RunRetentionResponse::default());
        let ask = pb::ListHoldsRequest { standing: true, ..Default::default() };
        let standing = answered(identity.holds().list_holds(identity.as_admin(ask)).await).unwrap().holds;
        assert_eq!(standing, std::slice::from_ref(&held));
        lift(&identity, &held.hold_id).await.unwrap();
    }
    let ran = run(&identity).await;
    assert!(of_sessions(&ran).is_some_and(|rows| rows >= 3) && !ran.more, "{ran:?}");
    assert_eq!(of_sessions(&run(&identity).await), None, "once");
    identity.db.store.sequence_now().await.unwrap();
    assert!(identity.db.store.verify_audit().await.unwrap().ok());
}

on_both!(the_group_keeps_longer_and_never_shorter_than_the_law);
async fn the_group_keeps_longer_and_never_shorter_than_the_law(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    let set = async |kind: &str, months| {
        let (kind, reason) = (kind.to_owned(), "our lawyers".to_owned());
        let ask = pb::SetRetentionRequest { kind, months, reason, ..Default::default() };
        answered(identity.retention().set_retention(identity.as_admin(ask)).await)
    };
    assert_eq!(set("attendance.duty", 23).await.unwrap_err().reason(), "RETENTION_OUT_OF_BOUNDS");
    assert_eq!(set("anything", 24).await.unwrap_err().reason(), "RETENTION_KIND_UNKNOWN");
    for months in [36, 48] {
        assert_eq!(set("attendance.duty", months).await.unwrap().retention.unwrap().months, months);
    }
    let ask = pb::ListRetentionRequest {};
    let all = answered(identity.retention().list_retention(identity.as_admin(ask)).await).unwrap().schedule;
    let duty = all.iter().find(|kind| kind.kind == "attendance.duty").unwrap();
    assert_eq!((duty.months, duty.default_months, duty.set_reason.as_str()), (48, 24, "our lawyers"));
    let over = tally_privacy::months_before(identity.clock.now(), 24).unwrap();
    let over = prost_types::Timestamp { seconds: over.as_second(), nanos: over.subsec_nanosecond() };
    assert_eq!((duty.removed_before, duty.raised_at), (Some(over), Some(identity.now())), "what was over stays over");
    assert!(
        all.iter()
            .filter(|kind| kind.kind != "attendance.duty")
            .all(|kind| { (kind.months, kind.removed_before, kind.raised_at) == (kind.default_months, None, None) })
    );
}
