//! Grants and views over the rpcs.

use futures::future::join_all;
use tally_access::Permission;
use tally_api::identity::v1::{self as pb, ScopeKind};
use tally_kernel::error::Kind;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{TestIdentity, answered, person_row};

fn revision(token: &str) -> u64 {
    token.rsplit('.').next().unwrap().parse().unwrap()
}

on_both!(a_grant_is_seen_at_once_and_so_is_its_end);
async fn a_grant_is_seen_at_once_and_so_is_its_end(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    let hr = identity.login("hr", "").await;
    assert_eq!(identity.rule(&hr, Permission::PunchImport).await, None);
    let north = identity.unit("North").await.unit_id;
    let given = identity.try_grant(&identity.admin, &hr, "branch_hr", ScopeKind::Subtree, &north).await.unwrap();
    let rule = identity.rule(&hr, Permission::PunchImport).await.unwrap();
    assert_eq!(rule.unit_ids.len(), 4, "North, Sales, A, B");
    let taken = identity.revoke(&identity.admin, &given.grant.unwrap()).await.unwrap();
    assert_eq!(revision(&taken.consistency_token), revision(&given.consistency_token) + 1);
    assert_eq!(identity.rule(&hr, Permission::PunchImport).await, None);
}

on_both!(a_view_follows_the_org_tree);
async fn a_view_follows_the_org_tree(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    let hr = identity.login("hr", "").await;
    identity.grant(&hr, "branch_hr", ScopeKind::Subtree, &identity.unit("North").await.unit_id).await;
    identity.import_units(&["North/Support"], "").await;
    let rule = identity.rule(&hr, Permission::PunchImport).await.unwrap();
    assert!(rule.unit_ids.contains(&identity.unit("North/Support").await.unit_id));
}

on_both!(a_grant_ends_with_its_last_day_without_anybody_doing_anything);
async fn a_grant_ends_with_its_last_day_without_anybody_doing_anything(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let hr = identity.login("hr", "").await;
    let grant = pb::Grant {
        principal_id: hr.principal.clone(),
        role: "group_hr".into(),
        scope: ScopeKind::Tenant.into(),
        valid_from: "2026-03-01".into(),
        valid_to: "2026-03-02".into(),
        reason: "stand-in".into(),
        ..Default::default()
    };
    let request = pb::GrantRoleRequest { grant: Some(grant), ..Default::default() };
    answered(identity.access().grant_role(identity.as_admin(request)).await).unwrap();
    assert!(identity.rule(&hr, Permission::SchemeWrite).await.is_some());
    identity.wait(24 * 3600);
    assert_eq!(identity.rule(&hr, Permission::SchemeWrite).await, None);
}

on_both!(views_are_for_services_of_the_same_group);
async fn views_are_for_services_of_the_same_group(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let ask = |tenant: String, known_revision| pb::GetViewRequest {
        principal_id: identity.admin.principal.clone(),
        tenant_id: tenant,
        known_revision,
        session_id: identity.admin.session.clone(),
    };
    let mine = identity.tenant.to_string();
    let denied = answered(identity.access().get_view(identity.as_admin(ask(mine.clone(), 0))).await).unwrap_err();
    assert_eq!(denied.kind(), Kind::PermissionDenied, "not for people, not even administrators");
    let other = uuid::Uuid::from_u128(5).to_string();
    let denied = answered(identity.access().get_view(identity.as_performance(ask(other, 0))).await).unwrap_err();
    assert_eq!(denied.kind(), Kind::PermissionDenied);
    let view = answered(identity.access().get_view(identity.as_performance(ask(mine.clone(), 0))).await).unwrap();
    assert!(!view.unchanged && view.lease_ms == 1_000 && !view.rules.is_empty());
    let again =
        answered(identity.access().get_view(identity.as_performance(ask(mine.clone(), view.revision))).await).unwrap();
    assert!(again.unchanged && again.rules.is_empty());
    let later = pb::GetViewRequest { session_id: String::new(), ..ask(mine.clone(), 0) };
    let standing = answered(identity.access().get_view(identity.as_performance(later)).await).unwrap();
    assert_eq!(standing.rules, view.rules, "what somebody holds, while nobody is signed in");
    let gone = pb::GetViewRequest { session_id: String::new(), principal_id: mine.clone(), ..ask(mine.clone(), 0) };
    let error = answered(identity.access().get_view(identity.as_performance(gone)).await).unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    let unknown =
        pb::GetViewRequest { principal_id: mine.clone(), tenant_id: mine.clone(), known_revision: 0, session_id: mine };
    let error = answered(identity.access().get_view(identity.as_performance(unknown)).await).unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
}

on_both!(the_last_administrator_cannot_be_removed_and_a_second_one_can);
async fn the_last_administrator_cannot_be_removed_and_a_second_one_can(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let request = pb::ListGrantsRequest::default();
    let first = answered(identity.access().list_grants(identity.as_admin(request)).await).unwrap().grants.remove(0);
    let error = identity.revoke(&identity.admin, &first).await.unwrap_err();
    assert_eq!(error.reason(), "LAST_ADMINISTRATOR");
    let second = identity.login("second", "").await;
    identity.grant(&second, "group_admin", ScopeKind::Tenant, "").await;
    identity.revoke(&second, &first).await.unwrap();
    assert_eq!(identity.revoke(&second, &first).await.unwrap_err().reason(), "REVOKED_ALREADY");
    let error = identity.revoke(&identity.admin, &first).await.unwrap_err();
    assert_eq!(error.kind(), Kind::PermissionDenied, "the first one is nobody now");
}

on_both!(preparing_and_approving_are_not_given_to_one_principal);
async fn preparing_and_approving_are_not_given_to_one_principal(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let pay = identity.login("pay", "").await;
    identity.grant(&pay, "compensation_specialist", ScopeKind::Tenant, "").await;
    let error = identity.try_grant(&identity.admin, &pay, "approver", ScopeKind::Region, "cn-north").await.unwrap_err();
    assert_eq!(error.reason(), "DUTIES_SEPARATED");
    let error = identity.try_grant(&pay, &identity.admin, "approver", ScopeKind::Tenant, "").await.unwrap_err();
    assert_eq!(error.kind(), Kind::PermissionDenied);
}

on_both!(a_branch_gives_roles_in_the_branch_and_sees_the_grants_there);
async fn a_branch_gives_roles_in_the_branch_and_sees_the_grants_there(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A")]).await;
    let (hr, agent) = (identity.login("hr", "").await, identity.login("agent", "E1").await);
    identity.grant(&hr, "branch_hr", ScopeKind::Subtree, &identity.unit("North").await.unit_id).await;
    let (a, desk) = (identity.unit("North/Sales/A").await.unit_id, identity.unit("South/Desk").await.unit_id);
    identity.try_grant(&hr, &agent, "agent", ScopeKind::Self_, "").await.unwrap();
    identity.try_grant(&hr, &agent, "supervisor", ScopeKind::Unit, &a).await.unwrap();
    let error = identity.try_grant(&hr, &agent, "supervisor", ScopeKind::Unit, &desk).await.unwrap_err();
    assert_eq!(error.kind(), Kind::PermissionDenied);
    let error = identity.try_grant(&hr, &agent, "approver", ScopeKind::Subtree, &a).await.unwrap_err();
    assert_eq!(error.reason(), "GRANT_NOT_HELD");
    let seen = answered(identity.access().list_grants(hr.says(pb::ListGrantsRequest::default())).await).unwrap().grants;
    let mut roles: Vec<_> = seen.iter().map(|grant| grant.role.as_str()).collect();
    roles.sort_unstable();
    assert_eq!(roles, ["agent", "branch_hr", "supervisor"], "not the administrator's");
}

on_both!(grants_are_listed_newest_first_in_pages);
async fn grants_are_listed_newest_first_in_pages(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let hr = identity.login("hr", "").await;
    for role in ["auditor", "platform_operator", "group_hr"] {
        identity.wait(1);
        identity.grant(&hr, role, ScopeKind::Tenant, "").await;
    }
    let (mut token, mut seen) = (String::new(), Vec::new());
    loop {
        let request = pb::ListGrantsRequest { principal_id: hr.principal.clone(), page_size: 2, page_token: token };
        let page = answered(identity.access().list_grants(identity.as_admin(request)).await).unwrap();
        seen.extend(page.grants.into_iter().map(|grant| grant.role));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, ["group_hr", "platform_operator", "auditor"]);
}

on_both!(changes_at_the_same_moment_each_get_a_revision_of_their_own);
async fn changes_at_the_same_moment_each_get_a_revision_of_their_own(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let hr = identity.login("hr", "").await;
    let roles = ["auditor", "platform_operator", "group_hr", "integrator", "group_admin"];
    let given = roles.map(|role| identity.try_grant(&identity.admin, &hr, role, ScopeKind::Tenant, ""));
    let mut revisions: Vec<_> =
        join_all(given).await.into_iter().map(|given| revision(&given.unwrap().consistency_token)).collect();
    revisions.sort_unstable();
    let first = revisions[0];
    assert_eq!(revisions, (first..first + 5).collect::<Vec<_>>());
}

on_both!(the_same_grant_at_the_same_moment_is_given_once);
async fn the_same_grant_at_the_same_moment_is_given_once(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let hr = identity.login("hr", "").await;
    let given = [0; 4].map(|_| identity.try_grant(&identity.admin, &hr, "group_hr", ScopeKind::Tenant, ""));
    let given = join_all(given).await;
    assert_eq!(given.iter().filter(|given| given.is_ok()).count(), 1, "{given:?}");
    assert!(given.iter().filter_map(|g| g.as_ref().err()).all(|e| e.reason() == "GRANTED_ALREADY"));
}

on_both!(a_role_is_given_by_sign_in_name_as_well_as_by_principal);
async fn a_role_is_given_by_sign_in_name_as_well_as_by_principal(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let hr = identity.login("hr", "").await;
    let ask = |login: &str, principal_id: &str| {
        let grant = pb::Grant {
            principal_id: principal_id.into(),
            role: "group_hr".into(),
            scope: ScopeKind::Tenant.into(),
            valid_from: "2026-01-01".into(),
            reason: "test".into(),
            ..Default::default()
        };
        pb::GrantRoleRequest { grant: Some(grant), login: login.into(), ..Default::default() }
    };
    let give = async |request| answered(identity.access().grant_role(identity.as_admin(request)).await);
    let unknown = give(ask("nobody", "")).await.unwrap_err();
    assert_eq!((unknown.kind(), unknown.metadata()["resource"].as_str()), (Kind::NotFound, "login"));
    for wrong in [ask("hr", &hr.principal), ask("", "")] {
        assert_eq!(give(wrong).await.unwrap_err().kind(), Kind::InvalidArgument);
    }
    let given = give(ask("HR", "")).await.unwrap().grant.unwrap();
    assert_eq!(given.principal_id, hr.principal, "however it is typed");
    assert!(identity.rule(&hr, Permission::SchemeWrite).await.is_some());
}
