//! The life of a group: regions, suspension, export; and what is held about one person.

use std::collections::BTreeMap;

use tally_access::Permission;
use tally_api::identity::v1::{self as pb, ScopeKind};
use tally_kernel::error::Kind;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{Login, Reply, TestIdentity, answered, person_row, transfer};

async fn suspend(identity: &TestIdentity, by: &Login) -> Reply<pb::SuspendTenantResponse> {
    let request = pb::SuspendTenantRequest { request_id: "stop".into(), reason: "unpaid".into() };
    answered(identity.tenants().suspend_tenant(by.says(request)).await)
}

async fn resume(identity: &TestIdentity, by: &Login) -> Reply<pb::ResumeTenantResponse> {
    answered(identity.tenants().resume_tenant(by.says(pb::ResumeTenantRequest::default())).await)
}

/// The rows of an export, by table.
async fn export(identity: &TestIdentity, by: &Login) -> Reply<BTreeMap<String, Vec<serde_json::Value>>> {
    let mut parts = answered(identity.tenants().export_tenant(by.says(pb::ExportTenantRequest {})).await)?;
    let mut tables = BTreeMap::<_, Vec<_>>::new();
    while let Some(part) = parts.message().await.map_err(tally_rpc::error_from)? {
        let piece = part.piece.unwrap();
        let rows = std::str::from_utf8(&piece.lines).unwrap().lines().map(|row| serde_json::from_str(row).unwrap());
        tables.entry(piece.table).or_default().extend(rows);
    }
    Ok(tables)
}

on_both!(a_region_is_added_once_and_branches_can_be_in_it);
async fn a_region_is_added_once_and_branches_can_be_in_it(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    let add = |region: &str| pb::AddRegionRequest { region: region.into(), ..Default::default() };
    let group =
        answered(identity.tenants().add_region(identity.as_admin(add("eu-west"))).await).unwrap().tenant.unwrap();
    assert_eq!(group.regions, ["cn-north", "cn-south", "eu-west"]);
    assert_eq!(identity.import_units(&["West/Desk"], "eu-west").await.written, 1);
    let again = answered(identity.tenants().add_region(identity.as_admin(add("eu-west"))).await).unwrap_err();
    assert_eq!(again.reason(), "REGION_ALREADY_EXISTS");
    let wrong = answered(identity.tenants().add_region(identity.as_admin(add("*"))).await).unwrap_err();
    assert_eq!(wrong.violations()[0].field, "region");
}

on_both!(a_suspended_group_does_nothing_until_it_is_resumed);
async fn a_suspended_group_does_nothing_until_it_is_resumed(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    let operator = identity.login("operator", "").await;
    assert_eq!(suspend(&identity, &identity.admin).await.unwrap_err().kind(), Kind::PermissionDenied);
    identity.grant(&operator, "platform_operator", ScopeKind::Tenant, "").await;
    assert_eq!(resume(&identity, &operator).await.unwrap_err().reason(), "NOT_SUSPENDED");
    let group = suspend(&identity, &operator).await.unwrap().tenant.unwrap();
    assert!(group.suspended_at.is_some() && group.suspended_reason == "unpaid");
    let list = pb::ListPeopleRequest::default();
    let error = answered(identity.people().list_people(identity.as_admin(list.clone())).await).unwrap_err();
    assert_eq!((error.kind(), error.reason()), (Kind::FailedPrecondition, "TENANT_SUSPENDED"));
    let row = pb::OrgUnitRow { path: "North/New".into(), ..Default::default() };
    let write = pb::ImportOrgUnitsRequest { rows: vec![row], ..Default::default() };
    let error = answered(identity.orgs().import_org_units(identity.as_admin(write)).await).unwrap_err();
    assert_eq!(error.reason(), "TENANT_SUSPENDED");
    assert!(identity.rule(&identity.admin, Permission::PersonRead).await.is_none(), "nor elsewhere");
    let admin = identity.sign_in("admin").await;
    let seen = answered(identity.tenants().get_tenant(admin.says(pb::GetTenantRequest {})).await).unwrap();
    assert_eq!(seen.tenant.unwrap().suspended_reason, "unpaid");
    let along = export(&identity, &admin).await.unwrap();
    assert!(!along["tenants"].is_empty() && !along["org_unit_states"].is_empty(), "one may leave with the data");
    assert_eq!(suspend(&identity, &operator).await.unwrap().tenant, Some(group), "the same request");
    resume(&identity, &operator).await.unwrap();
    assert!(answered(identity.people().list_people(identity.as_admin(list)).await).is_ok());
}

on_both!(an_export_holds_what_is_known_and_what_was_and_no_password);
async fn an_export_holds_what_is_known_and_what_was_and_no_password(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people((0..1_200).map(|n| person_row(&format!("E{n:04}"), "North/Sales/A")).collect()).await;
    let id = identity.person("E0000").await.person_id;
    identity.change(&identity.admin, &id, transfer("", "lead", "", "2026-04-01")).await.unwrap();
    let tables = export(&identity, &identity.admin).await.unwrap();
    assert_eq!(tables["people"].len(), 1_200);
    assert_eq!(tables["employments"].len(), 1_202, "the old version and two new ones");
    let closed = tables["employments"].iter().filter(|row| !row["superseded_at"].is_null()).count();
    assert_eq!(closed, 1);
    let mut ids: Vec<_> = tables["people"].iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1_200, "every row once");
    assert!(!serde_json::to_string(&tables).unwrap().contains("argon2"));
    let hr = identity.login("hr", "").await;
    identity.grant(&hr, "group_hr", ScopeKind::Tenant, "").await;
    assert_eq!(export(&identity, &hr).await.unwrap_err().kind(), Kind::PermissionDenied);
}

on_both!(everybody_gets_all_that_is_held_about_oneself_and_nobody_elses);
async fn everybody_gets_all_that_is_held_about_oneself_and_nobody_elses(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A"), person_row("E2", "North/Sales/A")]).await;
    let (mine, other) = (identity.person("E1").await.person_id, identity.person("E2").await.person_id);
    let b = identity.unit("North/Sales/B").await.unit_id;
    identity.change(&identity.admin, &mine, transfer(&b, "", "", "2026-02-01")).await.unwrap();
    let (me, boss) = (identity.login("me", "E1").await, identity.login("boss", "").await);
    identity.grant(&me, "agent", ScopeKind::Self_, "").await;
    identity.grant(&boss, "supervisor", ScopeKind::Unit, &b).await;
    let ask = |id: &str| pb::ExportPersonRequest { person_id: id.into() };
    let parts = answered(identity.people().export_person(me.says(ask(&mine))).await).unwrap().parts;
    let rows: Vec<_> = parts.iter().map(|part| (part.table.as_str(), part.rows.len())).collect();
    assert_eq!(rows, [("people", 1), ("employments", 3), ("grants", 1), ("principals", 1)]);
    assert!(parts[0].rows[0].contains("Person E1"));
    let error = answered(identity.people().export_person(me.says(ask(&other))).await).unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    let error = answered(identity.people().export_person(boss.says(ask(&mine))).await).unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound, "not for who sees but a part of it");
}
