//! Roles of the group's own and the modules it has, over the rpcs.

use tally_access::Permission;
use tally_api::identity::v1::{self as pb, ScopeKind};
use tally_kernel::error::Kind;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{Login, Reply, TestIdentity, answered};

fn asked(name: &str, permissions: &[Permission], version: u32) -> pb::DefineRoleRequest {
    let role = pb::Role {
        name: name.into(),
        description: "for a test".into(),
        permissions: permissions.iter().map(|p| p.name().to_owned()).collect(),
        scopes: vec![ScopeKind::Tenant.into()],
        version,
        ready: false,
    };
    pb::DefineRoleRequest { role: Some(role), reason: "test".into(), ..Default::default() }
}

pub(crate) async fn define(
    identity: &TestIdentity,
    name: &str,
    permissions: &[Permission],
    version: u32,
) -> Reply<pb::DefineRoleResponse> {
    define_as(identity, &identity.admin, name, permissions, version).await
}

async fn define_as(
    identity: &TestIdentity,
    by: &Login,
    name: &str,
    permissions: &[Permission],
    version: u32,
) -> Reply<pb::DefineRoleResponse> {
    answered(identity.roles().define_role(by.says(asked(name, permissions, version))).await)
}

async fn retire(identity: &TestIdentity, name: &str) -> Reply<pb::RetireRoleResponse> {
    let request = pb::RetireRoleRequest { name: name.into(), ..Default::default() };
    answered(identity.roles().retire_role(identity.as_admin(request)).await)
}

on_both!(a_role_of_the_groups_own_is_given_changed_and_retired);
async fn a_role_of_the_groups_own_is_given_changed_and_retired(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let done = define(&identity, "cashier", &[Permission::SettlementPost], 0).await.unwrap().role.unwrap();
    assert_eq!((done.version, done.ready), (1, false));
    let cashier = identity.login("cashier", "").await;
    let grant = identity.grant(&cashier, "cashier", ScopeKind::Tenant, "").await;
    assert!(identity.rule(&cashier, Permission::SettlementPost).await.is_some());
    assert_eq!(identity.rule(&cashier, Permission::OrgRead).await, None);
    let both = [Permission::SettlementPost, Permission::OrgRead];
    assert_eq!(define(&identity, "cashier", &both, 0).await.unwrap_err().reason(), "STALE");
    assert_eq!(define(&identity, "cashier", &both, 1).await.unwrap().role.unwrap().version, 2);
    assert!(identity.rule(&cashier, Permission::OrgRead).await.is_some(), "whoever has it has the new one at once");
    assert_eq!(retire(&identity, "cashier").await.unwrap_err().reason(), "ROLE_IN_USE");
    identity.revoke(&identity.admin, &grant).await.unwrap();
    retire(&identity, "cashier").await.unwrap();
    assert_eq!(retire(&identity, "cashier").await.unwrap_err().kind(), Kind::NotFound);
    let gone = identity.try_grant(&identity.admin, &cashier, "cashier", ScopeKind::Tenant, "").await.unwrap_err();
    assert_eq!(gone.reason(), "ROLE_UNKNOWN");
    assert_eq!(define(&identity, "cashier", &both, 0).await.unwrap().role.unwrap().version, 1, "a new one");
}

on_both!(a_change_of_a_role_never_outlaws_the_last_administrator_or_joins_separated_duties);
async fn a_change_of_a_role_never_outlaws_the_last_administrator_or_joins_separated_duties(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let rights = [Permission::GrantWrite, Permission::GrantAny, Permission::RoleWrite];
    define(&identity, "owner", &rights, 0).await.unwrap();
    let (owner, pay) = (identity.login("owner", "").await, identity.login("pay", "").await);
    identity.grant(&owner, "owner", ScopeKind::Tenant, "").await;
    let request = pb::ListGrantsRequest { principal_id: identity.admin.principal.clone(), ..Default::default() };
    let first = answered(identity.access().list_grants(identity.as_admin(request)).await).unwrap().grants.remove(0);
    identity.revoke(&owner, &first).await.unwrap();
    let outlaw = define_as(&identity, &owner, "owner", &[Permission::RoleWrite], 1).await.unwrap_err();
    assert_eq!(outlaw.reason(), "LAST_ADMINISTRATOR");
    let more = [&rights[..], &[Permission::StatementReadPay]].concat();
    let climb = define_as(&identity, &owner, "owner", &more, 1).await.unwrap_err();
    assert_eq!(climb.reason(), "GRANT_TO_ONESELF", "nobody widens a role that he has");
    let both = [Permission::SettlementPrepare, Permission::SettlementApprove];
    assert_eq!(define_as(&identity, &owner, "both", &both, 0).await.unwrap_err().reason(), "DUTIES_SEPARATED");
    define_as(&identity, &owner, "prepares", &both[..1], 0).await.unwrap();
    identity.try_grant(&owner, &pay, "prepares", ScopeKind::Tenant, "").await.unwrap();
    let refused = identity.try_grant(&owner, &pay, "approver", ScopeKind::Tenant, "").await.unwrap_err();
    assert_eq!(refused.reason(), "DUTIES_SEPARATED");
}

on_both!(only_whoever_writes_roles_defines_them_and_ready_ones_are_listed_with_the_own);
async fn only_whoever_writes_roles_defines_them_and_ready_ones_are_listed_with_the_own(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let hr = identity.login("hr", "").await;
    identity.grant(&hr, "group_hr", ScopeKind::Tenant, "").await;
    let denied = define_as(&identity, &hr, "mine", &[Permission::OrgRead], 0).await.unwrap_err();
    assert_eq!(denied.kind(), Kind::PermissionDenied);
    assert_eq!(define(&identity, "agent", &[Permission::OrgRead], 0).await.unwrap_err().reason(), "ROLE_NAME_RESERVED");
    define(&identity, "mine", &[Permission::OrgRead], 0).await.unwrap();
    let listed = answered(identity.roles().list_roles(hr.says(pb::ListRolesRequest {})).await).unwrap().roles;
    let own: Vec<_> = listed.iter().filter(|role| !role.ready).map(|role| role.name.as_str()).collect();
    assert_eq!(own, ["mine"]);
    assert!(listed.iter().any(|role| role.name == "auditor" && role.permissions.len() > 10));
}

on_both!(a_module_that_the_group_does_not_have_gives_nothing_until_it_does);
async fn a_module_that_the_group_does_not_have_gives_nothing_until_it_does(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let operator = identity.login("operator", "").await;
    identity.grant(&operator, "platform_operator", ScopeKind::Tenant, "").await;
    let hr = identity.login("hr", "").await;
    identity.grant(&hr, "group_hr", ScopeKind::Tenant, "").await;
    let set = |modules: &[&str]| pb::SetModulesRequest {
        modules: modules.iter().map(|name| (*name).to_owned()).collect(),
        ..Default::default()
    };
    let denied = answered(identity.entitlements().set_modules(identity.as_admin(set(&[]))).await).unwrap_err();
    assert_eq!(denied.kind(), Kind::PermissionDenied);
    let wrong = answered(identity.entitlements().set_modules(operator.says(set(&["payroll"]))).await).unwrap_err();
    assert_eq!(wrong.violations()[0].field, "modules[0]");
    assert!(identity.rule(&hr, Permission::CycleClose).await.is_some());
    answered(identity.entitlements().set_modules(operator.says(set(&["attendance"]))).await).unwrap();
    assert_eq!(identity.rule(&hr, Permission::CycleClose).await, None);
    assert!(identity.rule(&hr, Permission::PunchImport).await.is_some());
    let has = answered(identity.entitlements().get_modules(hr.says(pb::GetModulesRequest {})).await).unwrap().modules;
    assert_eq!(has, ["attendance"]);
    let all = ["attendance", "performance", "compensation", "talent"];
    answered(identity.entitlements().set_modules(operator.says(set(&all))).await).unwrap();
    assert!(identity.rule(&hr, Permission::CycleClose).await.is_some());
}
