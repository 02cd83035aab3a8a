//! People over the rpcs.

use tally_access::Permission;
use tally_api::common::v1::Period;
use tally_api::identity::v1::{self as pb, ScopeKind};
use tally_kernel::error::Kind;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{Login, PASSWORD, TestIdentity, answered, person_row, transfer};

async fn listed(identity: &TestIdentity, by: &Login, period: Option<Period>) -> Vec<String> {
    let (mut token, mut seen) = (String::new(), Vec::new());
    loop {
        let request =
            pb::ListPeopleRequest { period: period.clone(), page_size: 2, page_token: token, ..Default::default() };
        let page = answered(identity.people().list_people(by.says(request)).await).unwrap();
        seen.extend(page.people.into_iter().map(|person| person.employee_no));
        token = page.next_page_token;
        if token.is_empty() {
            return seen;
        }
    }
}

on_both!(people_are_imported_once_and_listed_by_number);
async fn people_are_imported_once_and_listed_by_number(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    let rows: Vec<_> = ["E3", "E1", "E2", "E5", "E4"].map(|number| person_row(number, "North/Sales/A")).to_vec();
    assert_eq!(identity.import_people(rows.clone()).await.written, 5);
    assert_eq!(identity.import_people(rows).await.unchanged, 5);
    assert_eq!(listed(&identity, &identity.admin, None).await, ["E1", "E2", "E3", "E4", "E5"]);
    let person = identity.person("E3").await;
    assert_eq!((person.name.as_str(), person.zone.as_str()), ("Person E3", "Asia/Shanghai"));
    let employment = &person.employments[0];
    assert_eq!((employment.unit_path.as_str(), employment.region.as_str()), ("North/Sales/A", "cn-north"));
    assert_eq!((employment.from.as_str(), employment.to.as_str()), ("2026-01-05", ""));
}

on_both!(rows_that_cannot_be_written_are_told_and_the_others_are_written);
async fn rows_that_cannot_be_written_are_told_and_the_others_are_written(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    let other = pb::PersonRow { name: "Somebody Else".into(), ..person_row("E1", "North/Sales/A") };
    let rows = vec![
        person_row("E1", "North/Sales/A"),
        person_row("E2", "North/Nowhere"),
        other,
        pb::PersonRow { hired_on: "yesterday".into(), ..person_row("E3", "South/Desk") },
        person_row("E4", "South/Desk"),
    ];
    let done = identity.import_people(rows).await;
    let problems: Vec<_> = done.problems.iter().map(|p| (p.index, p.reason.as_str())).collect();
    assert_eq!(problems, [(1, "UNIT_UNKNOWN"), (2, "PERSON_DIFFERS"), (3, "DATE_MALFORMED")]);
    assert_eq!(listed(&identity, &identity.admin, None).await, ["E1", "E4"]);
}

on_both!(a_period_shows_who_was_employed_on_some_day_of_it);
async fn a_period_shows_who_was_employed_on_some_day_of_it(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    let left = pb::PersonRow { left_on: "2026-02-10".into(), ..person_row("E1", "North/Sales/A") };
    let later = pb::PersonRow { hired_on: "2026-03-15".into(), ..person_row("E3", "North/Sales/A") };
    identity.import_people(vec![left, person_row("E2", "North/Sales/A"), later]).await;
    let period = |from: &str, to: &str| Some(Period { from: from.into(), to: to.into() });
    assert_eq!(listed(&identity, &identity.admin, period("2026-02-10", "2026-02-28")).await, ["E1", "E2"]);
    assert_eq!(listed(&identity, &identity.admin, period("2026-02-11", "2026-02-28")).await, ["E2"]);
    assert_eq!(listed(&identity, &identity.admin, period("2026-03-01", "2026-03-15")).await, ["E2", "E3"]);
    assert_eq!(listed(&identity, &identity.admin, period("2025-01-01", "2026-01-04")).await, [""; 0]);
}

on_both!(ending_an_employment_is_a_new_fact_beside_the_old_one);
async fn ending_an_employment_is_a_new_fact_beside_the_old_one(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A")]).await;
    let person = identity.person("E1").await;
    let end = |day: &str| pb::EndEmploymentRequest {
        person_id: person.person_id.clone(),
        last_day: day.into(),
        ..Default::default()
    };
    let ended = answered(identity.people().end_employment(identity.as_admin(end("2026-03-15"))).await).unwrap();
    let employments = ended.person.unwrap().employments;
    assert_eq!(employments.len(), 1);
    assert_eq!(employments[0].to, "2026-03-15");
    assert_eq!(employments[0].employment_id, person.employments[0].employment_id);
    assert_eq!(identity.person("E1").await.employments[0].to, "2026-03-15");
    let again = answered(identity.people().end_employment(identity.as_admin(end("2026-03-15"))).await).unwrap_err();
    assert_eq!(again.reason(), "ENDS_ALREADY");
    let late = answered(identity.people().end_employment(identity.as_admin(end("2026-05-01"))).await).unwrap_err();
    assert_eq!(late.reason(), "NOT_EMPLOYED");
}

on_both!(a_supervisor_sees_the_team_and_others_are_not_there);
async fn a_supervisor_sees_the_team_and_others_are_not_there(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A"), person_row("E2", "North/Sales/B")]).await;
    let boss = identity.login("boss", "").await;
    let request = |number: &str| pb::GetPersonRequest { employee_no: number.into(), ..Default::default() };
    let error = answered(identity.people().get_person(boss.says(request("E1"))).await).unwrap_err();
    assert_eq!(error.kind(), Kind::PermissionDenied, "no grant at all");
    identity.grant(&boss, "supervisor", ScopeKind::Unit, &identity.unit("North/Sales/A").await.unit_id).await;
    assert_eq!(listed(&identity, &boss, None).await, ["E1"]);
    assert!(answered(identity.people().get_person(boss.says(request("E1"))).await).is_ok());
    let error = answered(identity.people().get_person(boss.says(request("E2"))).await).unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
}

on_both!(an_agent_sees_oneself_alone);
async fn an_agent_sees_oneself_alone(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A"), person_row("E2", "North/Sales/A")]).await;
    let agent = identity.login("agent", "E1").await;
    identity.grant(&agent, "agent", ScopeKind::Self_, "").await;
    assert_eq!(listed(&identity, &agent, None).await, ["E1"]);
    let rule = identity.rule(&agent, Permission::StatementReadPay).await.unwrap();
    assert_eq!(rule.person_ids, [identity.person("E1").await.person_id]);
    assert!(!rule.tenant && rule.unit_ids.is_empty());
}

on_both!(who_has_left_is_signed_out_and_comes_back_to_nothing);
async fn who_has_left_is_signed_out_and_comes_back_to_nothing(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A"), person_row("E2", "North/Sales/A")]).await;
    let boss = identity.login("boss", "E1").await;
    identity.grant(&boss, "agent", ScopeKind::Self_, "").await;
    identity.grant(&boss, "supervisor", ScopeKind::Unit, &identity.unit("North/Sales/A").await.unit_id).await;
    assert_eq!(listed(&identity, &boss, None).await, ["E1", "E2"]);
    let request = pb::EndEmploymentRequest {
        person_id: identity.person("E1").await.person_id,
        last_day: "2026-03-01".into(),
        ..Default::default()
    };
    answered(identity.people().end_employment(identity.as_admin(request)).await).unwrap();
    let own = pb::ListPeopleRequest::default();
    let out = answered(identity.people().list_people(boss.says(own.clone())).await).unwrap_err();
    assert_eq!(out.reason(), "SESSION_ENDED");
    assert_eq!(identity.try_sign_in("boss", PASSWORD).await.unwrap_err().reason(), "EMPLOYMENT_ENDED");
    let again = pb::PersonRow { hired_on: "2026-03-02".into(), ..person_row("E1", "North/Sales/A") };
    assert_eq!(identity.import_people(vec![again]).await.written, 1);
    let out = answered(identity.people().list_people(boss.says(own.clone())).await).unwrap_err();
    assert_eq!(out.reason(), "SESSION_ENDED", "the old session stays ended");
    let back = identity.sign_in("boss").await;
    let nothing = answered(identity.people().list_people(back.says(own)).await).unwrap_err();
    assert_eq!(nothing.kind(), Kind::PermissionDenied, "grants are given again");
}

on_both!(who_may_not_read_names_gets_people_without_them_and_cannot_ask_by_number);
async fn who_may_not_read_names_gets_people_without_them_and_cannot_ask_by_number(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A")]).await;
    let id = identity.person("E1").await.person_id;
    // Identity at its own background work reads people without their names.
    let request = |message: pb::GetPersonRequest| identity.as_identity(message);
    let by_id = pb::GetPersonRequest { person_id: id, ..Default::default() };
    let seen = answered(identity.people().get_person(request(by_id)).await).unwrap();
    assert_eq!(seen.masked_fields, ["employee_no", "name"]);
    let person = seen.person.unwrap();
    assert!(person.name.is_empty() && person.employee_no.is_empty() && !person.employments.is_empty());
    let by_number = pb::GetPersonRequest { employee_no: "E1".into(), ..Default::default() };
    let error = answered(identity.people().get_person(request(by_number)).await).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (Kind::PermissionDenied, "FIELD_NOT_READABLE"));
    let list = pb::ListPeopleRequest { page_size: 1, ..Default::default() };
    let page = answered(identity.people().list_people(identity.as_identity(list)).await).unwrap();
    assert_eq!(page.masked_fields, ["people.employee_no", "people.name"]);
}

on_both!(what_is_wrong_about_a_person_is_put_right);
async fn what_is_wrong_about_a_person_is_put_right(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A"), person_row("E2", "North/Sales/B")]).await;
    let id = identity.person("E1").await.person_id;
    let right = |employee_no: &str, name: &str, zone: &str| pb::RectifyPersonRequest {
        person_id: id.clone(),
        employee_no: employee_no.into(),
        name: name.into(),
        zone: zone.into(),
        id_number: String::new(),
        ..Default::default()
    };
    let done = answered(identity.people().rectify_person(identity.as_admin(right("E9", " Li Na ", ""))).await).unwrap();
    let person = done.person.unwrap();
    assert_eq!((person.employee_no.as_str(), person.name.as_str()), ("E9", "Li Na"));
    assert_eq!(identity.person("E9").await, person);
    assert_eq!(listed(&identity, &identity.admin, None).await, ["E2", "E9"], "lists follow the number");
    let refused = async |request| {
        let error = answered(identity.people().rectify_person(identity.as_admin(request)).await).unwrap_err();
        error.reason()
    };
    assert_eq!(refused(right("E2", "", "")).await, "EMPLOYEE_NO_TAKEN");
    assert_eq!(refused(right("", "Li Na", "")).await, "NOTHING_CHANGES");
    assert_eq!(refused(right("", "", "Mars/Base")).await, "ZONE_UNKNOWN");
    assert_eq!(refused(right("", &"x".repeat(201), "")).await, "TEXT_UNUSABLE");
    assert_eq!(refused(right("E9\u{200b}", "", "")).await, "ID_WITH_UNSEEN");
    let hr = identity.login("hr.b", "").await;
    identity.grant(&hr, "branch_hr", ScopeKind::Subtree, &identity.unit("North/Sales/B").await.unit_id).await;
    let error = answered(identity.people().rectify_person(hr.says(right("", "Mallory", ""))).await).unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
}

on_both!(a_service_that_knows_the_newest_revision_is_told_so_and_everybody_else_the_people);
async fn a_service_that_knows_the_newest_revision_is_told_so_and_everybody_else_the_people(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A")]).await;
    let ask = |known_revision| pb::ListPeopleRequest { known_revision, ..Default::default() };
    let list =
        async |known| answered(identity.people().list_people(identity.as_performance(ask(known))).await).unwrap();
    let mut known = list(0).await;
    assert!(known.people.len() == 1 && known.revision > 0 && !known.unchanged);
    let person_id = known.people[0].person_id.clone();
    let again = list(known.revision).await;
    assert!(again.unchanged && again.people.is_empty() && again.revision == known.revision, "{again:?}");
    let by_person = answered(identity.people().list_people(identity.as_admin(ask(known.revision))).await).unwrap();
    assert_eq!(by_person.people.len(), 1, "what people see also depends on the day");
    let moved = transfer(&identity.unit("North/Sales/B").await.unit_id, "", "", "2026-04-01");
    let number = "E9".to_owned();
    let right = pb::RectifyPersonRequest { person_id: person_id.clone(), employee_no: number, ..Default::default() };
    for change in ["a transfer", "another number", "another unit"] {
        match change {
            "a transfer" => drop(identity.change(&identity.admin, &person_id, moved.clone()).await.unwrap()),
            "another number" => {
                drop(answered(identity.people().rectify_person(identity.as_admin(right.clone())).await).unwrap())
            }
            _ => drop(identity.import_units(&["North/New"], "cn-north").await),
        }
        let next = list(known.revision).await;
        assert!(!next.unchanged && next.people.len() == 1, "{change}");
        assert!(next.revision > known.revision, "{change}");
        known = next;
    }
}
