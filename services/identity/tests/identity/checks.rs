//! Questions about access over the rpcs: may they, why, where, and who else.

use futures::future::join_all;
use tally_access::Permission;
use tally_api::identity::v1::{self as pb, GrantVerdict, ScopeKind};
use tally_kernel::error::Kind;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{Login, Reply, TestIdentity, answered, person_row};
use crate::logins::{code, enrolled, sign_in};

fn question(of: Option<&Login>, permission: Permission, unit: &str) -> pb::CheckRequest {
    pb::CheckRequest {
        principal_id: of.map(|login| login.principal.clone()).unwrap_or_default(),
        permission: permission.name().into(),
        target: Some(pb::AccessTarget { unit_id: unit.into(), ..Default::default() }),
        second_factor: false,
    }
}

async fn ask(identity: &TestIdentity, by: &Login, question: pb::CheckRequest) -> Result<bool, Kind> {
    answered(identity.checks().check(by.says(question)).await)
        .map(|answer| answer.allowed)
        .map_err(|error| error.kind())
}

async fn explain(identity: &TestIdentity, by: &Login, check: pb::CheckRequest) -> Reply<pb::ExplainResponse> {
    answered(identity.checks().explain(by.says(pb::ExplainRequest { check: Some(check) })).await)
}

on_both!(everybody_may_ask_about_oneself_and_who_reads_grants_about_others);
async fn everybody_may_ask_about_oneself_and_who_reads_grants_about_others(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    let hr = identity.login("hr", "").await;
    let (north, desk) = (identity.unit("North").await.unit_id, identity.unit("South/Desk").await.unit_id);
    identity.grant(&hr, "branch_hr", ScopeKind::Subtree, &north).await;
    let write = Permission::OrgWrite;
    assert_eq!(ask(&identity, &hr, question(None, write, &north)).await, Ok(true));
    assert_eq!(ask(&identity, &hr, question(None, write, &desk)).await, Ok(false));
    assert_eq!(ask(&identity, &hr, question(None, write, "")).await, Ok(false), "the whole group");
    assert_eq!(ask(&identity, &identity.admin, question(Some(&hr), write, &north)).await, Ok(true));
    let about = question(Some(&identity.admin), write, &north);
    assert_eq!(ask(&identity, &hr, about).await, Ok(true), "hr reads grants in its branch");
    let about = question(Some(&identity.admin), write, &desk);
    assert_eq!(ask(&identity, &hr, about).await, Err(Kind::NotFound));
    let nobody = identity.login("nobody", "").await;
    let about = question(Some(&hr), write, &north);
    assert_eq!(ask(&identity, &nobody, about).await, Err(Kind::NotFound));
    let unknown = question(None, write, &uuid::Uuid::nil().to_string());
    assert_eq!(ask(&identity, &hr, unknown).await, Err(Kind::NotFound));
}

on_both!(many_questions_have_the_answers_of_each);
async fn many_questions_have_the_answers_of_each(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A")]).await;
    let hr = identity.login("hr", "").await;
    let (north, desk) = (identity.unit("North").await.unit_id, identity.unit("South/Desk").await.unit_id);
    identity.grant(&hr, "branch_hr", ScopeKind::Subtree, &north).await;
    let person_id = identity.person("E1").await.person_id;
    let about_person = pb::CheckRequest {
        permission: Permission::PersonWrite.name().into(),
        target: Some(pb::AccessTarget { person_id, ..Default::default() }),
        ..Default::default()
    };
    let checks = vec![
        question(None, Permission::OrgWrite, &north),
        question(None, Permission::OrgWrite, &desk),
        question(None, Permission::StatementReadPay, &north),
        about_person,
    ];
    let request = pb::BatchCheckRequest { checks };
    let done = answered(identity.checks().batch_check(hr.says(request)).await).unwrap();
    assert_eq!(done.allowed, [true, false, false, true]);
    assert!(done.consistency_token.starts_with(&identity.tenant.to_string()));
    let odd = pb::CheckRequest { permission: "a.b.c".into(), ..Default::default() };
    let target = pb::AccessTarget { region: "North!".into(), ..Default::default() };
    let nowhere = pb::CheckRequest { target: Some(target), ..question(None, Permission::OrgRead, "") };
    let request = pb::BatchCheckRequest { checks: vec![odd.clone(), nowhere] };
    let error = answered(identity.checks().batch_check(hr.says(request)).await).unwrap_err();
    let fields: Vec<_> = error.violations().iter().map(|wrong| wrong.field.as_str()).collect();
    assert_eq!(fields, ["checks[0].permission", "checks[1].target.region"]);
    let request = pb::ExplainRequest { check: Some(odd) };
    let error = answered(identity.checks().explain(hr.says(request)).await).unwrap_err();
    assert_eq!(error.violations()[0].field, "check.permission");
    let request = pb::BatchCheckRequest { checks: vec![question(None, Permission::OrgRead, ""); 1_001] };
    assert_eq!(answered(identity.checks().batch_check(hr.says(request)).await).unwrap_err().reason(), "ROWS_TOO_MANY");
}

on_both!(more_questions_at_once_than_there_are_connections_are_all_answered);
async fn more_questions_at_once_than_there_are_connections_are_all_answered(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    let hr = identity.login("hr", "").await;
    let north = identity.unit("North").await.unit_id;
    identity.grant(&hr, "branch_hr", ScopeKind::Subtree, &north).await;
    let asked = join_all((0..64).map(|_| ask(&identity, &hr, question(None, Permission::OrgWrite, &north)))).await;
    assert_eq!(asked, [Ok(true); 64]);
    let explained = (0..64).map(|_| explain(&identity, &hr, question(None, Permission::StatementReadPay, &north)));
    assert!(join_all(explained).await.iter().all(|e| e.as_ref().is_ok_and(|e| !e.allowed)));
}

on_both!(an_answer_says_which_grant_allows_or_what_is_missing_and_who_could_give_it);
async fn an_answer_says_which_grant_allows_or_what_is_missing_and_who_could_give_it(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    let hr = identity.login("hr", "").await;
    let (north, desk) = (identity.unit("North").await.unit_id, identity.unit("South/Desk").await.unit_id);
    let grant = identity.grant(&hr, "branch_hr", ScopeKind::Subtree, &north).await;
    let yes = explain(&identity, &hr, question(None, Permission::OrgWrite, &north)).await.unwrap();
    assert!(yes.allowed && yes.roles.is_empty() && yes.could_be_granted_by.is_empty(), "{yes:?}");
    assert_eq!(yes.grants[0].grant.as_ref().unwrap().grant_id, grant.grant_id);
    assert_eq!(yes.grants[0].verdict(), GrantVerdict::Allows);
    let elsewhere = explain(&identity, &hr, question(None, Permission::OrgWrite, &desk)).await.unwrap();
    assert_eq!(elsewhere.grants[0].verdict(), GrantVerdict::OutOfReach);
    assert_eq!(elsewhere.could_be_granted_by, std::slice::from_ref(&identity.admin.principal));
    let pay = explain(&identity, &hr, question(None, Permission::StatementReadPay, &north)).await.unwrap();
    assert_eq!(pay.grants[0].verdict(), GrantVerdict::RoleLacks);
    assert!(pay.roles.iter().any(|role| role == "approver") && !pay.allowed, "{:?}", pay.roles);
    assert!(pay.sentence.contains("compensation.statement.read_pay"), "{}", pay.sentence);
}

on_both!(a_grant_with_a_condition_holds_in_sessions_and_hours_that_meet_it);
async fn a_grant_with_a_condition_holds_in_sessions_and_hours_that_meet_it(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let grant = |hours: &str, second_factor| pb::Grant {
        principal_id: identity.admin.principal.clone(),
        role: "reader".into(),
        scope: ScopeKind::Tenant.into(),
        valid_from: "2026-01-01".into(),
        reason: "test".into(),
        hours: hours.into(),
        second_factor,
        ..Default::default()
    };
    crate::roles::define(&identity, "reader", &[Permission::PunchRead], 0).await.unwrap();
    let give = |grant| pb::GrantRoleRequest { grant: Some(grant), ..Default::default() };
    let error =
        answered(identity.access().grant_role(identity.as_admin(give(grant("8-20", false)))).await).unwrap_err();
    assert_eq!(error.violations()[0].field, "grant.hours");
    let second = identity.login("second", "").await;
    identity.grant(&second, "group_admin", ScopeKind::Tenant, "").await;
    answered(identity.access().grant_role(second.says(give(grant("08:00-12:00", true)))).await).unwrap();
    let (secret, _) = enrolled(&identity).await;
    let reads = || question(None, Permission::PunchRead, "");
    assert_eq!(ask(&identity, &identity.admin, reads()).await, Ok(false), "no second factor in this session");
    let why = explain(&identity, &identity.admin, reads()).await.unwrap();
    assert_eq!(why.grants[0].verdict(), GrantVerdict::ConditionUnmet);
    let done = sign_in(&identity, "admin", crate::fixture::PASSWORD, &code(&identity, &secret, 1), "").await.unwrap();
    let admin = Login::of(done);
    // The tests begin at 16:00 in Shanghai.
    assert_eq!(ask(&identity, &admin, reads()).await, Ok(false));
    let later = identity.clock.now();
    identity.wait(17 * 3600);
    let done = sign_in(&identity, "admin", crate::fixture::PASSWORD, &code(&identity, &secret, 0), "").await.unwrap();
    assert_eq!(ask(&identity, &Login::of(done), reads()).await, Ok(true), "{later}");
}

on_both!(what_a_permission_reaches_is_listed_in_pages);
async fn what_a_permission_reaches_is_listed_in_pages(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    let hr = identity.login("hr", "").await;
    identity.grant(&hr, "branch_hr", ScopeKind::Subtree, &identity.unit("North").await.unit_id).await;
    let (mut token, mut units) = (String::new(), Vec::new());
    loop {
        let request = pb::ListAllowedRequest {
            permission: Permission::OrgWrite.name().into(),
            page_size: 3,
            page_token: token,
            ..Default::default()
        };
        let page = answered(identity.checks().list_allowed(hr.says(request)).await).unwrap();
        assert!(!page.tenant && page.person_ids.is_empty());
        units.extend(page.unit_ids);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    units.dedup();
    assert_eq!(units.len(), 4, "North, Sales, A, B");
    let request = pb::ListAllowedRequest { permission: Permission::GrantAny.name().into(), ..Default::default() };
    assert!(answered(identity.checks().list_allowed(identity.as_admin(request)).await).unwrap().tenant);
}

on_both!(a_review_names_everybody_who_holds_a_permission_since_when_and_by_whom);
async fn a_review_names_everybody_who_holds_a_permission_since_when_and_by_whom(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A")]).await;
    let (pay, agent) = (identity.login("pay", "").await, identity.login("agent", "E1").await);
    identity.grant(&pay, "approver", ScopeKind::Tenant, "").await;
    identity.wait(1);
    identity.grant(&agent, "agent", ScopeKind::Self_, "").await;
    let ask =
        |permission: Permission| pb::ReviewAccessRequest { permission: permission.name().into(), ..Default::default() };
    let read_pay = ask(Permission::StatementReadPay);
    let rows = answered(identity.checks().review_access(identity.as_admin(read_pay.clone())).await).unwrap().rows;
    let logins: Vec<_> = rows.iter().map(|row| row.login.as_str()).collect();
    assert_eq!(logins, ["agent", "pay"]);
    assert_eq!(rows[1].grant.as_ref().unwrap().granted_by, identity.admin.principal);
    assert!(rows.iter().all(|row| row.holds_today && row.granted_at.is_some()));
    assert!(!rows[0].person_id.is_empty() && rows[1].person_id.is_empty());
    let hr = identity.login("hr", "").await;
    identity.grant(&hr, "branch_hr", ScopeKind::Subtree, &identity.unit("South").await.unit_id).await;
    let seen = answered(identity.checks().review_access(hr.says(read_pay.clone())).await).unwrap().rows;
    assert!(seen.is_empty(), "nothing of another branch");
    let error = answered(identity.checks().review_access(agent.says(read_pay)).await).unwrap_err();
    assert_eq!(error.kind(), Kind::PermissionDenied);
}

on_both!(the_view_of_the_call_answers_about_oneself_as_anew_read_facts_do);
async fn the_view_of_the_call_answers_about_oneself_as_anew_read_facts_do(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    let hr = identity.login("hr", "").await;
    let grant = identity.grant(&hr, "group_hr", ScopeKind::Tenant, "").await;
    let asked = |permission: Permission, of: Option<&Login>| pb::CheckRequest {
        target: Some(pb::AccessTarget { region: "cn-north".into(), ..Default::default() }),
        ..question(of, permission, "")
    };
    let both = async |permission: Permission| {
        let own = answered(identity.checks().check(hr.says(asked(permission, None))).await).unwrap();
        let about = answered(identity.checks().check(identity.as_admin(asked(permission, Some(&hr)))).await).unwrap();
        assert_eq!(own, about, "answer and token");
        own.allowed
    };
    assert!(both(Permission::PersonRead).await && !both(Permission::StatementReadPay).await);
    identity.revoke(&identity.admin, &grant).await.unwrap();
    assert!(!both(Permission::PersonRead).await, "from the next call on");
}
