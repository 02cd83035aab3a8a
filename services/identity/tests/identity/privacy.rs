//! Holds, retention and erasures over the rpcs.

use jiff::SignedDuration;
use sea_orm::ConnectionTrait as _;
use tally_api::identity::v1::{self as pb, ScopeKind};
use tally_kernel::error::Kind;

use crate::house::{House, Login, PASSWORD, Told, person_row, told};

/// E77's.
const NUMBER: &str = "11010519491231002X";

/// All that identity exports of somebody: each table's name before its rows.
async fn exported(house: &House, by: &Login, person_id: &str) -> String {
    let ask = pb::ExportPersonRequest { person_id: person_id.into() };
    let parts = told(house.people().export_person(by.says(ask)).await).unwrap().parts;
    // The messages themselves print no rows.
    parts.into_iter().map(|part| format!("{}: {}\n", part.table, part.rows.join("\n"))).collect()
}

async fn hold(house: &House, person_id: &str) -> Told<pb::Hold> {
    let (person_id, reason) = (person_id.to_owned(), "case 7".to_owned());
    let ask = pb::SetHoldRequest { request_id: String::new(), person_id, reason };
    told(house.holds().set_hold(house.as_admin(ask)).await).map(|reply| reply.hold.unwrap())
}

async fn lift(house: &House, hold_id: &str) -> Told<pb::Hold> {
    let (hold_id, reason) = (hold_id.to_owned(), "settled".to_owned());
    let ask = pb::LiftHoldRequest { request_id: String::new(), hold_id, reason };
    told(house.holds().lift_hold(house.as_admin(ask)).await).map(|reply| reply.hold.unwrap())
}

async fn request(house: &House, by: &Login, person_id: &str) -> Told<pb::Erasure> {
    let (person_id, reason) = (person_id.to_owned(), "asked for".to_owned());
    let ask = pb::RequestErasureRequest { request_id: String::new(), person_id, reason };
    told(house.erasures().request_erasure(by.says(ask)).await).map(|reply| reply.erasure.unwrap())
}

async fn approve(house: &House, by: &Login, erasure: &pb::Erasure) -> Told<pb::Erasure> {
    let ask = pb::ApproveErasureRequest { request_id: String::new(), erasure_id: erasure.erasure_id.clone() };
    told(house.erasures().approve_erasure(by.says(ask)).await).map(|reply| reply.erasure.unwrap())
}

async fn get(house: &House, by: &Login, id: &str) -> Told<pb::GetErasureResponse> {
    told(house.erasures().get_erasure(by.says(pb::GetErasureRequest { erasure_id: id.into() })).await)
}

/// Three years on; everybody signs in anew.
async fn much_later(house: &mut House) -> [Login; 2] {
    house.clock.advance(SignedDuration::from_hours(3 * 366 * 24));
    house.admin = house.sign_in("admin").await;
    [house.sign_in("hr").await, house.sign_in("hr2").await]
}

/// Somebody with a login and a grant who left on 2026-02-28, and two of human resources: the person's id.
async fn somebody_who_left(house: &House) -> String {
    for name in ["hr", "hr2"] {
        let login = house.login(name, "").await;
        house.grant(&login, "group_hr", ScopeKind::Tenant, "").await;
    }
    let numbered = pb::PersonRow { id_number: NUMBER.into(), ..person_row("E77", "North/Sales/A") };
    house.import_people(vec![numbered, person_row("E78", "North/Sales/A")]).await;
    let login = house.login("olive", "E77").await;
    house.grant(&login, "agent", ScopeKind::Self_, "").await;
    let person_id = house.person("E77").await.person_id;
    let ask = pb::EndEmploymentRequest {
        request_id: String::new(),
        person_id: person_id.clone(),
        last_day: "2026-02-28".into(),
    };
    told(house.people().end_employment(house.as_admin(ask)).await).unwrap();
    person_id
}

#[tokio::test]
async fn somebody_is_erased_by_two_when_the_law_and_no_hold_stand_against_it() {
    for mut house in House::with_company().await {
        let person = somebody_who_left(&house).await;
        let stays = house.person("E78").await.person_id;
        let hr = house.sign_in("hr").await;
        assert_eq!(request(&house, &hr, &stays).await.unwrap_err().reason(), "STILL_EMPLOYED", "{}", house.db.name);
        let early = request(&house, &hr, &person).await.unwrap_err();
        assert!(["STILL_EMPLOYED", "RETENTION_RUNS"].contains(&early.reason()), "{early:?}");
        let [hr, other] = much_later(&mut house).await;
        assert!(exported(&house, &hr, &person).await.contains(NUMBER), "{}", house.db.name);
        let unopened = exported(&house, &house.admin, &person).await;
        assert!(unopened.contains("E77") && !unopened.contains(NUMBER), "who may not read numbers exports none");
        let held = hold(&house, &person).await.unwrap();
        assert_eq!(request(&house, &hr, &person).await.unwrap_err().reason(), "LEGAL_HOLD");
        lift(&house, &held.hold_id).await.unwrap();
        assert_eq!(lift(&house, &held.hold_id).await.unwrap_err().reason(), "HOLD_LIFTED");
        let asked = request(&house, &hr, &person).await.unwrap();
        assert!(asked.parts.is_empty() && asked.erased_at.is_none());
        assert_eq!(request(&house, &other, &person).await.unwrap_err().reason(), "ERASURE_THERE");
        assert_eq!(approve(&house, &hr, &asked).await.unwrap_err().reason(), "FOUR_EYES_REQUIRED");
        let asked = dropped_and_asked_again(&house, (&hr, &other), asked).await;
        assert!(one_hand_past_the_services(&house).await.is_err(), "{}: the database refuses it too", house.db.name);
        // A hold on everybody that came in between.
        let held = hold(&house, "").await.unwrap();
        assert_eq!(approve(&house, &other, &asked).await.unwrap_err().reason(), "LEGAL_HOLD");
        lift(&house, &held.hold_id).await.unwrap();
        let done = approve(&house, &other, &asked).await.unwrap();
        assert!(done.erased_at.is_some() && done.completed_at.is_none());
        assert_eq!(done.parts.iter().filter(|part| part.done_at.is_none()).count(), 4);
        assert_eq!(approve(&house, &other, &asked).await.unwrap_err().reason(), "ERASED_ALREADY");
        nobody_is_left(&house, &person).await;
        house.db.store.sequence_now().await.unwrap();
        assert!(house.db.store.verify_audit().await.unwrap().ok(), "{}", house.db.name);
    }
}

/// Somebody who may approve says no, and whoever asked takes the next one back: the third stands.
async fn dropped_and_asked_again(house: &House, (hr, other): (&Login, &Login), first: pb::Erasure) -> pb::Erasure {
    let reason = "may come back".to_owned();
    let erasure_id = first.erasure_id.clone();
    let ask = pb::RejectErasureRequest { request_id: "no".into(), erasure_id, reason: reason.clone() };
    let reject = async |by: &Login| told(house.erasures().reject_erasure(by.says(ask.clone())).await);
    let rejected = reject(&house.admin).await.unwrap().erasure.unwrap();
    assert!(rejected.dropped_at.is_some() && rejected.drop_reason == reason, "{rejected:?}");
    assert_eq!(reject(&house.admin).await.unwrap().erasure, Some(rejected), "the same request");
    assert_eq!(approve(house, other, &first).await.unwrap_err().reason(), "ERASURE_DROPPED");
    let second = request(house, hr, &first.person_id).await.unwrap();
    let withdraw = async |reason: &str| {
        let (erasure_id, reason) = (second.erasure_id.clone(), reason.to_owned());
        let ask = pb::WithdrawErasureRequest { request_id: String::new(), erasure_id, reason };
        told(house.erasures().withdraw_erasure(hr.says(ask)).await)
    };
    assert_eq!(withdraw("").await.unwrap_err().violations()[0].field, "reason");
    assert!(withdraw("a mistake").await.unwrap().erasure.unwrap().dropped_at.is_some(), "{}", house.db.name);
    assert_eq!(withdraw("a mistake").await.unwrap_err().reason(), "ERASURE_DROPPED");
    request(house, other, &first.person_id).await.unwrap();
    let all = told(house.erasures().list_erasures(hr.says(pb::ListErasuresRequest::default())).await).unwrap().erasures;
    assert_eq!(all.iter().filter(|erasure| erasure.dropped_at.is_none()).count(), 1, "{all:?}");
    // The one that stands was asked for by the other.
    let standing = all.into_iter().find(|erasure| erasure.dropped_at.is_none()).unwrap();
    let (erasure_id, reason) = (standing.erasure_id, "the first hand asks".to_owned());
    let ask = pb::WithdrawErasureRequest { request_id: String::new(), erasure_id, reason };
    told(house.erasures().withdraw_erasure(hr.says(ask)).await).unwrap();
    request(house, hr, &first.person_id).await.unwrap()
}

/// Approves with the hand that asked, past the services and their code.
async fn one_hand_past_the_services(house: &House) -> Result<(), sea_orm::DbErr> {
    let mut options = sea_orm::ConnectOptions::new(&house.db.owner_url);
    if house.db.name == "postgres" {
        options.set_schema_search_path("identity");
    }
    let owner = sea_orm::Database::connect(options).await?;
    owner.execute_unprepared("UPDATE erasures SET reason = reason").await.expect("any other change is let through");
    owner.execute_unprepared("UPDATE erasures SET approved_by = requested_by").await.map(drop)
}

/// Identity knows nothing of E77 but the id.
async fn nobody_is_left(house: &House, person_id: &str) {
    let ask = pb::GetPersonRequest { person_id: person_id.into(), ..Default::default() };
    let person = told(house.people().get_person(house.as_admin(ask)).await).unwrap().person.unwrap();
    assert!(person.name.starts_with("erased-") && person.name == person.employee_no, "{person:?}");
    let text = exported(house, &house.sign_in("hr2").await, person_id).await;
    for gone in [NUMBER, "E77", "olive"] {
        assert!(!text.contains(gone), "{}: {gone} in {text}", house.db.name);
    }
    assert!(text.contains("erasures: ") && text.contains("principals: "), "{text}");
    // The name is free again, and the old password opens nothing.
    assert!(house.try_sign_in("olive", PASSWORD).await.is_err());
    house.login("olive", "E78").await;
    assert_eq!(hold(house, person_id).await.unwrap_err().reason(), "PERSON_ERASED");
    let person_id = person_id.to_owned();
    let ask = pb::RectifyPersonRequest { person_id, name: "Olive".into(), ..Default::default() };
    let refused = told(house.people().rectify_person(house.as_admin(ask)).await).unwrap_err();
    assert_eq!(refused.reason(), "PERSON_ERASED");
    // The blind index went with the number: somebody else may have it.
    let person_id = house.person("E78").await.person_id;
    let ask = pb::RectifyPersonRequest { person_id, id_number: NUMBER.into(), ..Default::default() };
    let hr = house.sign_in("hr2").await;
    assert!(told(house.people().rectify_person(hr.says(ask)).await).is_ok(), "{}", house.db.name);
}

#[tokio::test]
async fn it_is_complete_when_every_service_has_reported_and_the_number_goes_with_the_last_report() {
    for mut house in House::with_company().await {
        let person = somebody_who_left(&house).await;
        let [hr, other] = much_later(&mut house).await;
        let asked = request(&house, &hr, &person).await.unwrap();
        let id = asked.erasure_id.clone();
        let report = |rows| pb::ReportErasureRequest { erasure_id: id.clone(), rows };
        let early = told(house.erasures().report_erasure(house.as_follower(0, report(1))).await).unwrap_err();
        assert_eq!(early.reason(), "ERASURE_NOT_APPROVED");
        approve(&house, &other, &asked).await.unwrap();
        let events = pb::ReadEventsRequest { after: 0, limit: 0 };
        let sequenced = async || {
            house.db.store.sequence_now().await.unwrap();
            told(house.events().read_events(house.as_follower(0, events)).await).unwrap().events
        };
        let denied = told(house.events().read_events(hr.says(events)).await).unwrap_err();
        assert_eq!(denied.reason(), "PERMISSION_DENIED", "who may not read is told so, and gets no position");
        let told_of: Vec<_> = sequenced().await.into_iter().filter(|e| e.kind == "identity.person.erased").collect();
        assert_eq!(told_of.len(), 1, "{}", house.db.name);
        assert_eq!(told_of[0].key, id);
        assert!(!told_of[0].payload.contains("E77"), "{}", told_of[0].payload);
        assert_eq!(get(&house, &hr, &id).await.unwrap().employee_no, "", "people are not told the number");
        for n in 0..4 {
            let ask = pb::GetErasureRequest { erasure_id: id.clone() };
            let seen = told(house.erasures().get_erasure(house.as_follower(n, ask)).await).unwrap();
            assert_eq!((seen.employee_no.as_str(), seen.erasure.unwrap().completed_at), ("E77", None));
            for rows in [7, 8] {
                told(house.erasures().report_erasure(house.as_follower(n, report(rows))).await).unwrap();
            }
        }
        let done = get(&house, &hr, &id).await.unwrap();
        let erasure = done.erasure.unwrap();
        assert!(erasure.completed_at.is_some() && done.employee_no.is_empty(), "{}", house.db.name);
        assert!(erasure.parts.iter().all(|part| part.rows == 7), "the first report counts: {erasure:?}");
        let ask = pb::GetErasureRequest { erasure_id: id.clone() };
        assert_eq!(told(house.erasures().get_erasure(house.as_follower(0, ask)).await).unwrap().employee_no, "");
        let refused = told(house.erasures().report_erasure(hr.says(report(1))).await).unwrap_err();
        assert_eq!(refused.kind(), Kind::PermissionDenied);
        let ask = pb::ListErasuresRequest::default();
        let listed = told(house.erasures().list_erasures(hr.says(ask)).await).unwrap().erasures;
        assert_eq!(listed, [erasure]);
    }
}

#[tokio::test]
async fn a_branch_asks_for_its_own_people_and_approves_nobody() {
    for mut house in House::with_company().await {
        let person = somebody_who_left(&house).await;
        let south = house.login("south", "").await;
        let unit = house.unit("South").await.unit_id;
        house.grant(&south, "branch_hr", ScopeKind::Subtree, &unit).await;
        let [hr, _] = much_later(&mut house).await;
        let south = house.sign_in("south").await;
        assert_eq!(request(&house, &south, &person).await.unwrap_err().kind(), Kind::PermissionDenied);
        let asked = request(&house, &hr, &person).await.unwrap();
        assert_eq!(approve(&house, &south, &asked).await.unwrap_err().kind(), Kind::PermissionDenied);
        assert_eq!(get(&house, &south, &asked.erasure_id).await.unwrap_err().kind(), Kind::NotFound);
        let ask = pb::ListErasuresRequest::default();
        let listed = told(house.erasures().list_erasures(south.says(ask)).await).unwrap().erasures;
        assert_eq!(listed, [], "{}", house.db.name);
    }
}

async fn run(house: &House) -> pb::RunRetentionResponse {
    told(house.retention().run_retention(house.as_admin(pb::RunRetentionRequest {})).await).unwrap()
}

#[tokio::test]
async fn sessions_go_when_they_are_over_and_nothing_goes_while_a_hold_stands() {
    for mut house in House::with_company().await {
        let person = somebody_who_left(&house).await;
        let of_sessions = |ran: &pb::RunRetentionResponse| {
            ran.taken.iter().find(|taken| taken.table == "sessions").map(|taken| taken.rows)
        };
        assert_eq!(of_sessions(&run(&house).await), None, "nothing is over yet");
        much_later(&mut house).await;
        for held in ["", person.as_str()] {
            let held = hold(&house, held).await.unwrap();
            assert_eq!(run(&house).await, pb::RunRetentionResponse::default(), "{}", house.db.name);
            let ask = pb::ListHoldsRequest { standing: true, ..Default::default() };
            let standing = told(house.holds().list_holds(house.as_admin(ask)).await).unwrap().holds;
            assert_eq!(standing, std::slice::from_ref(&held));
            lift(&house, &held.hold_id).await.unwrap();
        }
        let ran = run(&house).await;
        assert!(of_sessions(&ran).is_some_and(|rows| rows >= 3) && !ran.more, "{}: {ran:?}", house.db.name);
        assert_eq!(of_sessions(&run(&house).await), None, "once");
        house.db.store.sequence_now().await.unwrap();
        assert!(house.db.store.verify_audit().await.unwrap().ok(), "{}", house.db.name);
    }
}

#[tokio::test]
async fn the_group_keeps_longer_and_never_shorter_than_the_law() {
    for house in House::with_company().await {
        let set = async |kind: &str, months| {
            let (kind, reason) = (kind.to_owned(), "our lawyers".to_owned());
            let ask = pb::SetRetentionRequest { request_id: String::new(), kind, months, reason };
            told(house.retention().set_retention(house.as_admin(ask)).await)
        };
        assert_eq!(set("attendance.duty", 23).await.unwrap_err().reason(), "RETENTION_OUT_OF_BOUNDS");
        assert_eq!(set("anything", 24).await.unwrap_err().reason(), "RETENTION_KIND_UNKNOWN");
        for months in [36, 48] {
            assert_eq!(set("attendance.duty", months).await.unwrap().retention.unwrap().months, months);
        }
        let ask = pb::ListRetentionRequest {};
        let all = told(house.retention().list_retention(house.as_admin(ask)).await).unwrap().schedule;
        let duty = all.iter().find(|kind| kind.kind == "attendance.duty").unwrap();
        assert_eq!((duty.months, duty.default_months, duty.set_reason.as_str()), (48, 24, "our lawyers"));
        assert!(
            all.iter().filter(|kind| kind.kind != "attendance.duty").all(|kind| kind.months == kind.default_months)
        );
    }
}
