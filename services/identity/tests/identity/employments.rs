//! Changes of employments over the rpc.

use tally_api::common::v1::EmploymentKind;
use tally_api::identity::v1::change_employment_request::Change;
use tally_api::identity::v1::{self as pb, EmploymentReason, Post, ScopeKind};
use tally_kernel::error::Kind;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{Login, TestIdentity, answered, person_row, transfer};

fn post(post: Post, unit_id: &str, from: &str, to: &str) -> Change {
    let terms = pb::Terms { unit_id: unit_id.into(), ..Default::default() };
    Change::Post(pb::NewPost { post: post.into(), terms: Some(terms), from: from.into(), to: to.into() })
}

async fn seen_by(identity: &TestIdentity, by: &Login) -> Vec<String> {
    let request = pb::ListPeopleRequest { page_size: 100, ..Default::default() };
    let people = answered(identity.people().list_people(by.says(request)).await).unwrap().people;
    people.into_iter().map(|person| person.employee_no).collect()
}

on_both!(as_what_somebody_is_employed_is_dated_and_never_guessed);
async fn as_what_somebody_is_employed_is_dated_and_never_guessed(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    let said = |no: &str, kind: &str| pb::PersonRow { employment_kind: kind.into(), ..person_row(no, "North/Sales/A") };
    let rows = vec![said("E1", "intern"), said("E2", ""), said("E3", "full time")];
    let request = pb::ImportPeopleRequest { rows, ..Default::default() };
    let result = answered(identity.people().import_people(identity.as_admin(request)).await).unwrap().result.unwrap();
    let problems: Vec<_> = result.problems.iter().map(|p| (p.index, p.reason.as_str())).collect();
    assert_eq!((result.written, problems), (2, vec![(2, "EMPLOYMENT_KIND_UNKNOWN")]));
    assert!(result.problems[0].message.contains("full time"), "{:?}", result.problems);
    let id = identity.person("E1").await.person_id;
    let to = |kind: i32, from: &str| {
        let terms = pb::Terms { kind, ..Default::default() };
        Change::Transfer(pb::Transfer { terms: Some(terms), from: from.into(), ..Default::default() })
    };
    let full_time = EmploymentKind::FullTime.into();
    let person = identity.change(&identity.admin, &id, to(full_time, "2026-03-01")).await.unwrap();
    let told: Vec<_> = person.employments.iter().map(|e| (e.kind(), e.reason(), e.to.as_str())).collect();
    let expected = [
        (EmploymentKind::Intern, EmploymentReason::Hire, "2026-02-28"),
        (EmploymentKind::FullTime, EmploymentReason::Transfer, ""),
    ];
    assert_eq!(told, expected);
    let again = identity.change(&identity.admin, &id, to(full_time, "2026-04-01")).await.unwrap_err();
    assert_eq!(again.reason(), "NOTHING_CHANGES");
    let unknown = identity.change(&identity.admin, &id, to(99, "2026-04-01")).await.unwrap_err();
    assert_eq!((unknown.kind(), unknown.violations()[0].field.as_str()), (Kind::InvalidArgument, "terms.kind"));
    let other = identity.person("E2").await;
    assert_eq!(other.employments[0].kind(), EmploymentKind::Unspecified, "nobody is guessed to be full time");
    // What was forgotten is put in from the first day on, and is no other stretch.
    let put_in = to(EmploymentKind::Agency.into(), "2026-01-05");
    let other = identity.change(&identity.admin, &other.person_id, put_in).await.unwrap();
    assert_eq!((other.employments.len(), other.employments[0].kind()), (1, EmploymentKind::Agency));
}

on_both!(a_working_life_from_hire_to_rehire);
async fn a_working_life_from_hire_to_rehire(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A")]).await;
    let (b, north) = (identity.unit("North/Sales/B").await.unit_id, identity.unit("North").await.unit_id);
    let id = identity.person("E1").await.person_id;
    let change = async |change| identity.change(&identity.admin, &id, change).await.unwrap();
    change(transfer(&b, "lead", "", "2026-02-01")).await;
    change(transfer("", "", "P3", "2026-03-01")).await;
    change(post(Post::Secondment, &north, "2026-04-01", "2026-06-30")).await;
    change(post(Post::Concurrent, &north, "2026-05-01", "")).await;
    let away = Change::Leave(pb::NewLeave { from: "2026-07-01".into(), ..Default::default() });
    let leave = change(away).await.leaves[0].leave_id.clone();
    change(Change::EndLeave(pb::EndLeave { leave_id: leave, last_day: "2026-07-31".into() })).await;
    let end = pb::EndEmploymentRequest { person_id: id.clone(), last_day: "2026-08-31".into(), ..Default::default() };
    answered(identity.people().end_employment(identity.as_admin(end)).await).unwrap();
    let back = pb::Rehire { terms: None, from: "2026-10-01".into(), to: String::new() };
    let person = change(Change::Rehire(back)).await;
    assert_eq!(person.employee_no, "E1", "the number stays");
    let told_of = |e: &pb::Employment| (e.post(), e.reason(), e.from.clone(), e.to.clone());
    let told_of: Vec<_> = person.employments.iter().map(told_of).collect();
    use EmploymentReason as R;
    let expected = [
        (Post::Home, R::Hire, "2026-01-05", "2026-01-31"),
        (Post::Home, R::Transfer, "2026-02-01", "2026-02-28"),
        (Post::Home, R::Promotion, "2026-03-01", "2026-08-31"),
        (Post::Secondment, R::Secondment, "2026-04-01", "2026-06-30"),
        (Post::Concurrent, R::ConcurrentPost, "2026-05-01", "2026-08-31"),
        (Post::Home, R::Rehire, "2026-10-01", ""),
    ];
    let expected = expected.map(|(post, reason, from, to)| (post, reason, from.to_owned(), to.to_owned()));
    assert_eq!(told_of, expected);
    assert_eq!(person.leaves.len(), 1);
    assert_eq!(person.leaves[0].to, "2026-07-31");
    let request = pb::GetPersonRequest { person_id: id.clone(), as_of: "2026-05-15".into(), ..Default::default() };
    let then = answered(identity.people().get_person(identity.as_admin(request)).await).unwrap().person.unwrap();
    let posts: Vec<_> = then.employments.iter().map(pb::Employment::post).collect();
    assert_eq!(posts, [Post::Home, Post::Secondment, Post::Concurrent]);
    let request = pb::GetPersonRequest { person_id: id.clone(), as_of: "2026-09-15".into(), ..Default::default() };
    let error = answered(identity.people().get_person(identity.as_admin(request)).await).unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound, "not employed that day");
}

on_both!(the_host_of_a_secondment_sees_who_is_there_and_the_home_still_does);
async fn the_host_of_a_secondment_sees_who_is_there_and_the_home_still_does(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A")]).await;
    let (a, b) = (identity.unit("North/Sales/A").await.unit_id, identity.unit("North/Sales/B").await.unit_id);
    let (home, host) = (identity.login("home", "").await, identity.login("host", "").await);
    identity.grant(&home, "supervisor", ScopeKind::Unit, &a).await;
    identity.grant(&host, "supervisor", ScopeKind::Unit, &b).await;
    assert!(seen_by(&identity, &host).await.is_empty());
    let id = identity.person("E1").await.person_id;
    identity.change(&identity.admin, &id, post(Post::Secondment, &b, "2026-03-01", "2026-05-31")).await.unwrap();
    assert_eq!(seen_by(&identity, &host).await, ["E1"]);
    assert_eq!(seen_by(&identity, &home).await, ["E1"]);
    let request = pb::GetPersonRequest { person_id: id, ..Default::default() };
    let there = answered(identity.people().get_person(host.says(request)).await).unwrap().person.unwrap();
    assert_eq!(there.employments.len(), 1, "and only what is there");
}

on_both!(both_sides_of_a_transfer_must_be_in_reach);
async fn both_sides_of_a_transfer_must_be_in_reach(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A"), person_row("E2", "North/Sales/B")]).await;
    let (a, b) = (identity.unit("North/Sales/A").await.unit_id, identity.unit("North/Sales/B").await.unit_id);
    let hr = identity.login("hr.a", "").await;
    identity.grant(&hr, "branch_hr", ScopeKind::Subtree, &a).await;
    let (mine, other) = (identity.person("E1").await.person_id, identity.person("E2").await.person_id);
    let error = identity.change(&hr, &mine, transfer(&b, "", "", "2026-04-01")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::PermissionDenied);
    let error = identity.change(&hr, &other, transfer(&a, "", "", "2026-04-01")).await.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound, "who is not there to be seen is not there");
    identity.change(&hr, &mine, transfer("", "lead", "", "2026-04-01")).await.unwrap();
    assert_eq!(identity.person("E2").await.employments.len(), 1);
}

on_both!(a_transfer_to_another_region_says_what_to_do_instead);
async fn a_transfer_to_another_region_says_what_to_do_instead(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A")]).await;
    let id = identity.person("E1").await.person_id;
    let desk = identity.unit("South/Desk").await.unit_id;
    let error = identity.change(&identity.admin, &id, transfer(&desk, "", "", "2026-04-01")).await.unwrap_err();
    assert_eq!(error.reason(), "REGION_CROSSED");
    assert!(
        tally_i18n::sentence(tally_kernel::Locale::En, &error).contains("end the employment here"),
        "{}",
        tally_i18n::sentence(tally_kernel::Locale::En, &error)
    );
}

#[tokio::test]
async fn everything_wrong_with_a_change_is_told_at_once() {
    let identity = TestIdentity::with_company(Backend::Sqlite).await;
    let wrong = pb::NewPost { post: 0, terms: None, from: "soon".into(), to: "later".into() };
    let error = identity.change(&identity.admin, "nobody", Change::Post(wrong)).await.unwrap_err();
    let fields: Vec<_> = error.violations().iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["person_id", "post.post", "post.to", "post.from"]);
    let request = pb::ChangeEmploymentRequest::default();
    let error = answered(identity.people().change_employment(identity.as_admin(request)).await).unwrap_err();
    let fields: Vec<_> = error.violations().iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["person_id", "change"]);
}

on_both!(the_same_request_changes_once_and_a_plan_can_be_dropped);
async fn the_same_request_changes_once_and_a_plan_can_be_dropped(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A")]).await;
    let person = identity.person("E1").await;
    let b = identity.unit("North/Sales/B").await.unit_id;
    let request = pb::ChangeEmploymentRequest {
        request_id: "transfer".into(),
        person_id: person.person_id.clone(),
        change: Some(transfer(&b, "", "", "2026-04-01")),
    };
    let first = answered(identity.people().change_employment(identity.as_admin(request.clone())).await).unwrap();
    assert_eq!(answered(identity.people().change_employment(identity.as_admin(request)).await).unwrap(), first);
    let employment_id = person.employments[0].employment_id.clone();
    let cancel = Change::Cancel(pb::CancelPlan { employment_id, on: "2026-04-01".into() });
    let after = identity.change(&identity.admin, &person.person_id, cancel).await.unwrap();
    assert_eq!(after.employments, person.employments, "as if nothing had been planned");
}

on_both!(a_wrong_first_day_is_put_right_and_what_was_known_stays_on_file);
async fn a_wrong_first_day_is_put_right_and_what_was_known_stays_on_file(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A")]).await;
    let (before, known_at) = (identity.person("E1").await, identity.now());
    identity.clock.advance(jiff::SignedDuration::from_mins(1));
    let employment_id = before.employments[0].employment_id.clone();
    let right = Change::CorrectStart(pb::CorrectStart { employment_id, first_day: "2025-06-02".into() });
    let after = identity.change(&identity.admin, &before.person_id, right.clone()).await.unwrap();
    assert_eq!((after.employments.len(), after.employments[0].from.as_str()), (1, "2025-06-02"));
    let again = identity.change(&identity.admin, &before.person_id, right).await.unwrap_err();
    assert_eq!(again.reason(), "NOTHING_CHANGES");
    let ask =
        pb::GetPersonRequest { person_id: before.person_id.clone(), known_at: Some(known_at), ..Default::default() };
    let then = answered(identity.people().get_person(identity.as_admin(ask)).await).unwrap().person.unwrap();
    assert_eq!(then.employments, before.employments);
}
