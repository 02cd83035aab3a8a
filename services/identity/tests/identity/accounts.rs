//! Accounts of programs and their keys, over the rpcs.

use tally_access::Permission;
use tally_api::identity::v1::{self as pb, ScopeKind};
use tally_kernel::error::Kind;
use tally_rpc::Views as _;
use tally_testkit::databases::Backend;
use tally_testkit::eventually;
use tally_testkit::on_both;

use crate::fixture::{Login, Reply, TestIdentity, answered};

const DAY: i64 = 24 * 3600;

async fn account(identity: &TestIdentity, name: &str) -> Login {
    let ask = pb::CreateServiceAccountRequest { name: name.into(), ..Default::default() };
    let principal =
        answered(identity.accounts().create_service_account(identity.as_admin(ask)).await).unwrap().principal_id;
    Login::of(pb::SignInResponse { principal_id: principal, ..Default::default() })
}

async fn key(
    identity: &TestIdentity,
    by: &Login,
    of: &Login,
    permissions: &[Permission],
    seconds: i64,
) -> Reply<pb::CreateApiKeyResponse> {
    let ask = pb::CreateApiKeyRequest {
        principal_id: of.principal.clone(),
        name: "nightly".into(),
        permissions: permissions.iter().map(|p| p.name().to_owned()).collect(),
        expires_at: Some(prost_types::Timestamp { seconds: identity.clock.now().as_second() + seconds, nanos: 0 }),
        ..Default::default()
    };
    answered(identity.accounts().create_api_key(by.says(ask)).await)
}

async fn exchange(identity: &TestIdentity, key: &pb::CreateApiKeyResponse) -> Reply<Login> {
    let ask = pb::ExchangeApiKeyRequest { api_key: key.api_key.clone() };
    let done = answered(identity.accounts().exchange_api_key(ask).await)?;
    let session_id = key.key.clone().unwrap().key_id;
    let (principal_id, access_token) = (done.principal_id, done.access_token);
    Ok(Login::of(pb::SignInResponse { principal_id, access_token, session_id, ..Default::default() }))
}

async fn revoke(identity: &TestIdentity, key: &pb::CreateApiKeyResponse) -> Reply<pb::RevokeApiKeyResponse> {
    let ask = pb::RevokeApiKeyRequest { key_id: key.key.clone().unwrap().key_id, ..Default::default() };
    answered(identity.accounts().revoke_api_key(identity.as_admin(ask)).await)
}

on_both!(a_program_works_with_its_key_and_may_what_its_account_may);
async fn a_program_works_with_its_key_and_may_what_its_account_may(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let push = account(&identity, "push").await;
    let made = key(&identity, &identity.admin, &push, &[], 30 * DAY).await.unwrap();
    let session = exchange(&identity, &made).await.unwrap();
    let group = |by: &Login| by.says(pb::GetTenantRequest {});
    assert_eq!(
        answered(identity.tenants().get_tenant(group(&session)).await).unwrap_err().kind(),
        Kind::PermissionDenied
    );
    identity.grant(&push, "integrator", ScopeKind::Tenant, "").await;
    assert!(identity.tenants().get_tenant(group(&session)).await.is_ok());
    assert!(identity.rule(&session, Permission::RecordImport).await.is_some());
    assert_eq!(identity.try_sign_in("push", "").await.unwrap_err().reason(), "SIGN_IN_REFUSED");
    let ask = pb::EnrollTotpRequest::default();
    assert_eq!(answered(identity.logins().enroll_totp(session.says(ask)).await).unwrap_err().reason(), "NO_PASSWORD");
    let again = pb::CreateServiceAccountRequest { name: "push".into(), ..Default::default() };
    let taken = answered(identity.accounts().create_service_account(identity.as_admin(again)).await).unwrap_err();
    assert_eq!(taken.reason(), "LOGIN_TAKEN");
}

on_both!(a_key_made_for_less_opens_less_and_never_more);
async fn a_key_made_for_less_opens_less_and_never_more(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let push = account(&identity, "push").await;
    identity.grant(&push, "integrator", ScopeKind::Region, "cn-north").await;
    let some = [Permission::RecordImport, Permission::SchemeWrite];
    let session =
        exchange(&identity, &key(&identity, &identity.admin, &push, &some, DAY).await.unwrap()).await.unwrap();
    let rule = identity.rule(&session, Permission::RecordImport).await.unwrap();
    assert_eq!((rule.tenant, rule.regions), (false, vec!["cn-north".to_owned()]));
    assert_eq!(identity.rule(&session, Permission::PunchImport).await, None, "held, and not named");
    assert_eq!(identity.rule(&session, Permission::SchemeWrite).await, None, "named, and not held");
    let whole = exchange(&identity, &key(&identity, &identity.admin, &push, &[], DAY).await.unwrap()).await.unwrap();
    assert!(identity.rule(&whole, Permission::PunchImport).await.is_some(), "another key of the same account");
    let units = identity.orgs().list_org_units(session.says(pb::ListOrgUnitsRequest::default())).await;
    assert_eq!(answered(units).unwrap_err().kind(), Kind::PermissionDenied, "identity itself reads the narrowed view");
}

on_both!(keys_are_replaced_side_by_side_and_a_revoked_one_is_dead);
async fn keys_are_replaced_side_by_side_and_a_revoked_one_is_dead(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let push = account(&identity, "push").await;
    identity.grant(&push, "integrator", ScopeKind::Tenant, "").await;
    let old = key(&identity, &identity.admin, &push, &[], 30 * DAY).await.unwrap();
    identity.wait(1);
    let new = key(&identity, &identity.admin, &push, &[], 30 * DAY).await.unwrap();
    let (by_old, by_new) = (exchange(&identity, &old).await.unwrap(), exchange(&identity, &new).await.unwrap());
    revoke(&identity, &old).await.unwrap();
    assert_eq!(revoke(&identity, &old).await.unwrap_err().kind(), Kind::NotFound);
    assert_eq!(exchange(&identity, &old).await.unwrap_err().reason(), "API_KEY_REFUSED");
    let group = |by: &Login| by.says(pb::GetTenantRequest {});
    assert_eq!(answered(identity.tenants().get_tenant(group(&by_old)).await).unwrap_err().reason(), "SESSION_ENDED");
    assert!(identity.tenants().get_tenant(group(&by_new)).await.is_ok());
    let list = pb::ListApiKeysRequest { principal_id: push.principal.clone(), ..Default::default() };
    let live = answered(identity.accounts().list_api_keys(identity.as_admin(list)).await).unwrap().keys;
    let live: Vec<_> = live.iter().map(|k| (k.key_id.as_str(), k.last_used_on.as_str())).collect();
    assert_eq!(live, [(by_new.session.as_str(), "2026-03-02")]);
}

on_both!(accounts_are_listed_oldest_first_page_by_page_and_people_are_not_among_them);
async fn accounts_are_listed_oldest_first_page_by_page_and_people_are_not_among_them(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    identity.login("somebody", "").await;
    for name in ["push", "erp"] {
        identity.clock.advance(jiff::SignedDuration::from_secs(1));
        account(&identity, name).await;
    }
    let list = async |page_token: String| {
        let ask = pb::ListServiceAccountsRequest { page_size: 1, page_token };
        answered(identity.accounts().list_service_accounts(identity.as_admin(ask)).await).unwrap()
    };
    let first = list(String::new()).await;
    let second = list(first.next_page_token.clone()).await;
    let names = [&first, &second].map(|page| page.accounts[0].name.as_str());
    assert_eq!((names, second.next_page_token.as_str()), (["push", "erp"], ""));
    assert!(first.accounts[0].created_at.is_some());
}

#[tokio::test]
async fn a_revoked_keys_leased_views_are_gone_when_the_lease_is() {
    let identity = TestIdentity::with_group(Backend::Sqlite).await;
    let push = account(&identity, "push").await;
    let made = key(&identity, &identity.admin, &push, &[], DAY).await.unwrap();
    let (views, claims) = (identity.leased(), exchange(&identity, &made).await.unwrap().claims(&identity));
    assert!(views.view(&claims, false).await.is_ok());
    revoke(&identity, &made).await.unwrap();
    let refused = eventually("the lease ends", async || views.view(&claims, false).await.err()).await;
    assert_eq!(refused.reason(), "SESSION_ENDED");
}

on_both!(a_key_ends_by_itself_and_so_does_every_token_of_it);
async fn a_key_ends_by_itself_and_so_does_every_token_of_it(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let push = account(&identity, "push").await;
    identity.grant(&push, "integrator", ScopeKind::Tenant, "").await;
    let made = key(&identity, &identity.admin, &push, &[], 5 * 60).await.unwrap();
    let session = exchange(&identity, &made).await.unwrap();
    identity.wait(5 * 60);
    assert_eq!(exchange(&identity, &made).await.unwrap_err().reason(), "API_KEY_REFUSED");
    let late = answered(identity.tenants().get_tenant(session.says(pb::GetTenantRequest {})).await).unwrap_err();
    assert_eq!(late.kind(), Kind::Unauthenticated);
    for seconds in [0, -1, 367 * DAY] {
        let refused = key(&identity, &identity.admin, &push, &[], seconds).await.unwrap_err();
        assert_eq!(refused.reason(), "KEY_LIFE_UNUSABLE");
    }
}

on_both!(an_account_has_few_keys_and_guesses_leave_no_trace);
async fn an_account_has_few_keys_and_guesses_leave_no_trace(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let push = account(&identity, "push").await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(key(&identity, &identity.admin, &push, &[], DAY).await.unwrap());
    }
    assert_eq!(key(&identity, &identity.admin, &push, &[], DAY).await.unwrap_err().reason(), "TOO_MANY_KEYS");
    revoke(&identity, &made[0]).await.unwrap();
    assert!(key(&identity, &identity.admin, &push, &[], DAY).await.is_ok());
    let before = identity.audited().await.len();
    let (head, _) = made[1].api_key.rsplit_once('_').unwrap();
    let (_, other) = made[2].api_key.rsplit_once('_').unwrap();
    for guess in ["", "tally_x_y", &format!("{head}_{other}"), &identity.admin.token] {
        let ask = pb::ExchangeApiKeyRequest { api_key: guess.to_owned() };
        let refused = answered(identity.accounts().exchange_api_key(ask).await).unwrap_err();
        assert_eq!(refused.reason(), "API_KEY_REFUSED", "{guess}");
    }
    assert_eq!(identity.audited().await.len(), before);
}

on_both!(keys_are_made_for_accounts_alone_by_who_may_give_what_they_hold);
async fn keys_are_made_for_accounts_alone_by_who_may_give_what_they_hold(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let hr = identity.login("hr", "").await;
    let wrong = key(&identity, &identity.admin, &hr, &[], DAY).await.unwrap_err();
    assert_eq!(wrong.kind(), Kind::NotFound, "a login of somebody is no account");
    let push = account(&identity, "push").await;
    assert_eq!(key(&identity, &hr, &push, &[], DAY).await.unwrap_err().kind(), Kind::PermissionDenied);
    let ask = pb::CreateApiKeyRequest {
        principal_id: push.principal.clone(),
        permissions: vec!["attendance.punch.import".into(), "of.a.dream".into()],
        ..Default::default()
    };
    let wrong = answered(identity.accounts().create_api_key(identity.as_admin(ask)).await).unwrap_err();
    let fields: Vec<_> = wrong.violations().iter().map(|v| v.field.as_str()).collect();
    assert_eq!(fields, ["name", "permissions[1]", "expires_at"]);
}
