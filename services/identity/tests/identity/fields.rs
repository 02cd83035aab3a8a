//! Identity numbers and reasons of leaves: kept under the person's key, shown to few, asked by few, and every sight of them
//! written down.

use tally_api::classes::DataClass;
use tally_api::identity::v1::change_employment_request::Change;
use tally_api::identity::v1::{self as pb, LeaveKind, ScopeKind};
use tally_kernel::error::Kind;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{Login, TestIdentity, answered, person_row};

const NUMBER: &str = "11010519491231002X";

fn numbered(employee_no: &str, unit_path: &str, id_number: &str) -> pb::PersonRow {
    pb::PersonRow { id_number: id_number.into(), ..person_row(employee_no, unit_path) }
}

/// Somebody of branch HR in North, and a supervisor of North/Sales/A.
async fn desks(identity: &TestIdentity) -> (Login, Login) {
    let (hr, boss) = (identity.login("hr", "").await, identity.login("boss", "").await);
    identity.grant(&hr, "branch_hr", ScopeKind::Subtree, &identity.unit("North").await.unit_id).await;
    identity.grant(&boss, "supervisor", ScopeKind::Unit, &identity.unit("North/Sales/A").await.unit_id).await;
    (hr, boss)
}

async fn by_id(identity: &TestIdentity, by: &Login, id: &str) -> pb::GetPersonResponse {
    let request = pb::GetPersonRequest { person_id: id.into(), ..Default::default() };
    answered(identity.people().get_person(by.says(request)).await).unwrap()
}

on_both!(an_identity_number_is_one_persons_of_a_region_and_must_be_sound);
async fn an_identity_number_is_one_persons_of_a_region_and_must_be_sound(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    let rows = vec![
        numbered("E1", "North/Sales/A", " 110105 19491231 002x "),
        numbered("E2", "North/Sales/A", "11010519491231002X"),
        numbered("E3", "North/Sales/A", "110105194912310021"),
        numbered("E4", "South/Desk", NUMBER),
        numbered("E5", "North/Sales/A", "E12345678"),
    ];
    let done = identity.import_people(rows).await;
    let problems: Vec<_> = done.problems.iter().map(|p| (p.index, p.reason.as_str())).collect();
    assert_eq!(problems, [(1, "ID_NUMBER_TAKEN"), (2, "ID_NUMBER_CHECKSUM")]);
    assert!(done.problems.iter().all(|p| !p.message.contains("1949")), "{:?}", done.problems);
    let again = vec![
        numbered("E1", "North/Sales/A", NUMBER),
        numbered("E1", "North/Sales/A", ""),
        numbered("E1", "North/Sales/A", "E99999999"),
        numbered("E6", "North/Sales/B", NUMBER),
    ];
    let done = identity.import_people(again).await;
    assert_eq!(done.unchanged, 2);
    let problems: Vec<_> = done.problems.iter().map(|p| (p.index, p.reason.as_str())).collect();
    assert_eq!(problems, [(2, "PERSON_DIFFERS"), (3, "ID_NUMBER_TAKEN")]);
    let (hr, _) = desks(&identity).await;
    let (one, five) = (identity.person("E1").await.person_id, identity.person("E5").await.person_id);
    assert_eq!(by_id(&identity, &hr, &one).await.person.unwrap().id_number, NUMBER);
    let right = async |person_id: &str, id_number: &str| {
        let (person_id, id_number) = (person_id.into(), id_number.into());
        let request = pb::RectifyPersonRequest { person_id, id_number, ..Default::default() };
        answered(identity.people().rectify_person(hr.says(request)).await)
    };
    assert_eq!(right(&five, NUMBER).await.unwrap_err().reason(), "ID_NUMBER_TAKEN");
    assert_eq!(right(&one, NUMBER).await.unwrap_err().reason(), "NOTHING_CHANGES");
    assert_eq!(right(&one, "110105194912310021").await.unwrap_err().reason(), "INVALID_REQUEST");
    let done = right(&one, "440524188001010014").await.unwrap().person.unwrap();
    assert_eq!(done.id_number, "440524188001010014");
    assert_eq!(right(&five, NUMBER).await.unwrap().person.unwrap().id_number, NUMBER, "it is free now");
}

on_both!(an_identity_number_is_read_and_asked_by_only_with_its_permission_and_every_sight_is_written_down);
async fn an_identity_number_is_read_and_asked_by_only_with_its_permission_and_every_sight_is_written_down(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![numbered("E1", "North/Sales/A", NUMBER), person_row("E2", "North/Sales/A")]).await;
    let (hr, boss) = desks(&identity).await;
    let (one, two) = (identity.person("E1").await.person_id, identity.person("E2").await.person_id);
    let agent = identity.login("agent", "E1").await;
    identity.grant(&agent, "agent", ScopeKind::Self_, "").await;
    let before = identity.readings.all().len();
    for by in [&boss, &identity.admin] {
        let seen = by_id(&identity, by, &one).await;
        assert_eq!(seen.masked_fields, ["id_number"]);
        let person = seen.person.unwrap();
        assert_eq!((person.id_number.as_str(), person.name.as_str()), ("", "Person E1"));
        let list = pb::ListPeopleRequest::default();
        let page = answered(identity.people().list_people(by.says(list)).await).unwrap();
        assert_eq!((page.people.len(), page.masked_fields), (2, vec!["people.id_number".to_owned()]));
        let ask = pb::GetPersonRequest { id_number: NUMBER.into(), ..Default::default() };
        let refused = answered(identity.people().get_person(by.says(ask)).await).unwrap_err();
        assert_eq!((refused.kind(), refused.reason()), (Kind::PermissionDenied, "FIELD_NOT_READABLE"));
        assert!(!tally_i18n::sentence(tally_kernel::Locale::En, &refused).contains(NUMBER), "{refused:?}");
    }
    assert!(by_id(&identity, &hr, &two).await.masked_fields.is_empty());
    let seen = &identity.readings.all()[before..];
    assert_eq!(seen.len(), 5, "each sight of somebody else leaves an entry");
    assert!(
        seen.iter().all(|reading| !reading.classes.contains(&DataClass::IdNumber)),
        "no number was shown: {seen:?}"
    );
    for by in [&hr, &agent] {
        let ask = pb::GetPersonRequest { id_number: "110105 19491231002x".into(), ..Default::default() };
        let found = answered(identity.people().get_person(by.says(ask)).await).unwrap().person.unwrap();
        assert_eq!((&found.person_id, found.id_number.as_str()), (&one, NUMBER));
        let reading = identity.readings.all().pop().expect("what was read is written down");
        assert!(reading.classes.contains(&DataClass::IdNumber), "{reading:?}");
        assert!(reading.people.iter().map(ToString::to_string).eq([one.as_str()]), "{reading:?}");
    }
    let ask = pb::GetPersonRequest { id_number: "E99999999".into(), ..Default::default() };
    let missing = answered(identity.people().get_person(hr.says(ask)).await).unwrap_err();
    assert_eq!(missing.kind(), Kind::NotFound);
    assert!(!tally_i18n::sentence(tally_kernel::Locale::En, &missing).contains("E99999999"), "{missing:?}");
}

on_both!(who_may_read_numbers_elsewhere_does_not_find_out_by_one);
async fn who_may_read_numbers_elsewhere_does_not_find_out_by_one(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![numbered("E1", "South/Desk", NUMBER)]).await;
    let (hr, _) = desks(&identity).await;
    let ask = pb::GetPersonRequest { id_number: NUMBER.into(), ..Default::default() };
    let missing = answered(identity.people().get_person(hr.says(ask)).await).unwrap_err();
    assert_eq!(missing.kind(), Kind::NotFound);
}

on_both!(why_somebody_is_on_leave_is_told_to_that_person_and_to_hr_alone);
async fn why_somebody_is_on_leave_is_told_to_that_person_and_to_hr_alone(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A")]).await;
    let (hr, boss) = desks(&identity).await;
    let id = identity.person("E1").await.person_id;
    let agent = identity.login("agent", "E1").await;
    identity.grant(&agent, "agent", ScopeKind::Self_, "").await;
    let leave = pb::NewLeave {
        from: "2026-07-01".into(),
        to: String::new(),
        kind: LeaveKind::Sick.into(),
        reason: "a broken ankle".into(),
    };
    let request = pb::ChangeEmploymentRequest {
        request_id: "leave-1".into(),
        person_id: id.clone(),
        change: Some(Change::Leave(leave)),
    };
    let first = answered(identity.people().change_employment(hr.says(request.clone())).await).unwrap();
    let again = answered(identity.people().change_employment(hr.says(request.clone())).await).unwrap();
    assert_eq!(first, again, "the same request gives the same result");
    assert_eq!(first.person.as_ref().unwrap().leaves[0].reason, "a broken ankle");
    let of_admin = pb::ChangeEmploymentRequest { ..request };
    let refused = answered(identity.people().change_employment(identity.as_admin(of_admin)).await).unwrap_err();
    assert_eq!(refused.reason(), "LEAVE_OVERLAPS");
    let leave_id = first.person.unwrap().leaves[0].leave_id.clone();
    let back = Change::EndLeave(pb::EndLeave { leave_id, last_day: "2026-07-31".into() });
    identity.change(&identity.admin, &id, back).await.unwrap();
    for by in [&hr, &agent] {
        let seen = by_id(&identity, by, &id).await;
        let leave = &seen.person.as_ref().unwrap().leaves[0];
        let answered = (leave.kind(), leave.reason.as_str(), leave.to.as_str());
        assert_eq!(answered, (LeaveKind::Sick, "a broken ankle", "2026-07-31"));
        let reading = identity.readings.all().pop().expect("what was read is written down");
        assert!(reading.classes.contains(&DataClass::Medical), "{reading:?}");
    }
    let before = identity.readings.all().len();
    for by in [&boss, &identity.admin] {
        let seen = by_id(&identity, by, &id).await;
        let leave = &seen.person.as_ref().unwrap().leaves[0];
        assert_eq!((leave.kind(), leave.reason.as_str()), (LeaveKind::Unspecified, ""));
        assert_eq!(leave.to, "2026-07-31", "that somebody is away is no secret");
        assert_eq!(seen.masked_fields, ["leaves.kind", "leaves.reason"]);
    }
    let seen = &identity.readings.all()[before..];
    assert_eq!(seen.len(), 2, "each sight of somebody else leaves an entry");
    assert!(seen.iter().all(|reading| !reading.classes.contains(&DataClass::Medical)), "no cause was shown: {seen:?}");
}

on_both!(what_was_sealed_for_somebody_who_was_erased_is_gone_and_nothing_is_sealed_again);
async fn what_was_sealed_for_somebody_who_was_erased_is_gone_and_nothing_is_sealed_again(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![numbered("E1", "North/Sales/A", NUMBER)]).await;
    let (hr, _) = desks(&identity).await;
    let id = identity.person("E1").await.person_id;
    let leave = |from: &str, to: &str, reason: &str| {
        let (from, to, reason) = (from.into(), to.into(), reason.into());
        Change::Leave(pb::NewLeave { from, to, reason, ..Default::default() })
    };
    identity.change(&hr, &id, leave("2026-07-01", "2026-07-31", "a broken ankle")).await.unwrap();
    identity.erase(id.parse().unwrap()).await;
    let seen = by_id(&identity, &hr, &id).await;
    let person = seen.person.unwrap();
    assert_eq!((person.id_number.as_str(), person.leaves[0].reason.as_str()), ("", ""));
    assert!(seen.masked_fields.is_empty(), "there is nothing left to hide");
    let again = identity.change(&hr, &id, leave("2026-09-01", "", "the other ankle")).await.unwrap_err();
    assert_eq!(again.reason(), "PERSON_ERASED");
    identity.change(&hr, &id, leave("2026-10-01", "", "")).await.expect("days alone are kept");
}
