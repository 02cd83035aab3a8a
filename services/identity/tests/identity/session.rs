//! Making the group, signing in, logins, and what the logs keep of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use tally_access::{Actor, OpContext, compile_service};
use tally_api::classes::pool;
use tally_api::identity::v1 as pb;
use tally_api::identity::v1::session_service_client::SessionServiceClient;
use tally_identity::{POLICY, SERVICE};
use tally_kernel::Rng;
use tally_kernel::error::Kind;
use tally_rpc::RpcChannel;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{PASSWORD, TestIdentity, answered, identity_key, init_request, person_row, stand};

#[test]
fn every_rpc_has_its_row_in_the_policy_table() {
    let services = pool().services().filter(|s| s.full_name().starts_with("tally.identity."));
    let rpcs: BTreeSet<_> = services
        .flat_map(|s| s.methods().map(|m| format!("{}/{}", s.full_name(), m.name())).collect::<Vec<_>>())
        .collect();
    // Background work has a row and no rpc.
    let rows = POLICY.iter().filter(|row| !row.method.contains(".internal/"));
    assert_eq!(rpcs, rows.map(|row| row.method.to_owned()).collect());
}

on_both!(a_group_is_made_once_and_the_same_request_gets_the_same_answer);
async fn a_group_is_made_once_and_the_same_request_gets_the_same_answer(on: Backend) {
    let identity = TestIdentity::empty(on).await;
    let first = answered(identity.tenants().init_tenant(init_request()).await).unwrap();
    let again = answered(identity.tenants().init_tenant(init_request()).await).unwrap();
    assert_eq!(first, again);
    let other = pb::InitTenantRequest { request_id: "another".into(), ..init_request() };
    let refused = answered(identity.tenants().init_tenant(other).await).unwrap_err();
    assert_eq!(refused.reason(), "INITIALISED_ALREADY");
    let changed = pb::InitTenantRequest { name: "Other".into(), ..init_request() };
    assert_eq!(answered(identity.tenants().init_tenant(changed).await).unwrap_err().reason(), "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn every_wrong_field_of_a_new_group_is_told_at_once() {
    let identity = TestIdentity::empty(Backend::Sqlite).await;
    let request = pb::InitTenantRequest {
        request_id: "x".into(),
        name: " ".into(),
        currency: "XXZ".into(),
        zone: "Mars".into(),
        regions: vec!["*".into(), "cn-north".into(), "cn-north".into()],
        admin_login: "a b".into(),
        admin_password: "short".into(),
        tenant_id: "7".into(),
        invitation: String::new(),
    };
    let error = answered(identity.tenants().init_tenant(request).await).unwrap_err();
    let fields: Vec<_> = error.violations().iter().map(|v| v.field.as_str()).collect();
    assert_eq!(
        fields,
        ["name", "currency", "zone", "regions[0]", "regions[2]", "tenant_id", "admin_login", "admin_password"]
    );
}

on_both!(the_stack_of_another_region_makes_the_same_group_under_its_id);
async fn the_stack_of_another_region_makes_the_same_group_under_its_id(on: Backend) {
    let id = "0199aaaa-0000-7000-8000-000000000001";
    let identity = TestIdentity::empty(on).await;
    let request = pb::InitTenantRequest { tenant_id: id.into(), ..init_request() };
    let made = answered(identity.tenants().init_tenant(request).await).unwrap().tenant.unwrap();
    assert_eq!(made.tenant_id, id);
    let admin = identity.sign_in("admin").await;
    let mine = answered(identity.tenants().get_tenant(admin.says(pb::GetTenantRequest {})).await).unwrap();
    assert_eq!(mine.tenant.unwrap().tenant_id, id);
}

on_both!(a_token_names_the_group_and_lives_ten_minutes);
async fn a_token_names_the_group_and_lives_ten_minutes(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let mine = answered(identity.tenants().get_tenant(identity.as_admin(pb::GetTenantRequest {})).await).unwrap();
    let tenant = mine.tenant.unwrap();
    assert_eq!((tenant.name.as_str(), tenant.currency.as_str()), ("Demo", "CNY"));
    assert_eq!(tenant.regions, ["cn-north", "cn-south"]);
    identity.wait(9 * 60);
    assert!(identity.tenants().get_tenant(identity.as_admin(pb::GetTenantRequest {})).await.is_ok());
    identity.wait(2 * 60);
    let late = answered(identity.tenants().get_tenant(identity.as_admin(pb::GetTenantRequest {})).await).unwrap_err();
    assert_eq!((late.kind(), late.reason()), (Kind::Unauthenticated, "TOKEN_EXPIRED"));
}

on_both!(an_unknown_name_a_wrong_password_and_a_service_are_refused_alike);
async fn an_unknown_name_a_wrong_password_and_a_service_are_refused_alike(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let mut refusals = BTreeSet::new();
    let tries =
        [("nobody", PASSWORD), ("admin", "wrong wrong wrong"), ("service/talent", ""), ("/group", ""), ("", "")];
    for (login, password) in tries {
        let error = identity.try_sign_in(login, password).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Unauthenticated);
        refusals.insert((error.reason(), tally_i18n::sentence(tally_kernel::Locale::En, &error)));
    }
    assert_eq!(refusals.len(), 1, "{refusals:?}");
}

on_both!(five_wrong_passwords_block_even_the_right_one_for_a_while);
async fn five_wrong_passwords_block_even_the_right_one_for_a_while(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    for _ in 0..5 {
        identity.try_sign_in("admin", "wrong wrong wrong").await.unwrap_err();
    }
    assert_eq!(identity.try_sign_in("admin", PASSWORD).await.unwrap_err().reason(), "SIGN_IN_REFUSED");
    identity.wait(179);
    assert_eq!(identity.try_sign_in("admin", PASSWORD).await.unwrap_err().reason(), "SIGN_IN_REFUSED");
    identity.wait(1);
    assert!(identity.try_sign_in("ADMIN", PASSWORD).await.is_ok());
    for _ in 0..4 {
        identity.try_sign_in("admin", "wrong wrong wrong").await.unwrap_err();
    }
    assert!(identity.try_sign_in("admin", PASSWORD).await.is_ok(), "a right password starts the count anew");
}

/// The sign-in of another process on the same database.
async fn another_process(identity: &TestIdentity) -> SessionServiceClient<RpcChannel> {
    let armed = (identity_key().into(), identity.keys.clone());
    SessionServiceClient::new(stand(identity.db.replica().await, &identity.clock, &Rng::seeded(99), armed).0)
}

on_both!(wrong_passwords_at_several_processes_count_together);
async fn wrong_passwords_at_several_processes_count_together(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let mut other = another_process(&identity).await;
    let ask =
        |password: &str| pb::SignInRequest { login: "admin".into(), password: password.into(), ..Default::default() };
    for n in 0..5 {
        let (mut here, wrong) = (identity.sessions(), ask("wrong wrong wrong"));
        let tried = if n % 2 == 0 { here.sign_in(wrong).await } else { other.sign_in(wrong).await };
        assert!(tried.is_err());
    }
    assert_eq!(identity.try_sign_in("admin", PASSWORD).await.unwrap_err().reason(), "SIGN_IN_REFUSED");
    let there = answered(other.sign_in(ask(PASSWORD)).await).unwrap_err();
    assert_eq!(there.reason(), "SIGN_IN_REFUSED");
    identity.wait(180);
    assert!(answered(other.sign_in(ask(PASSWORD)).await).is_ok());
}

on_both!(a_name_is_given_once_and_a_person_has_one_login);
async fn a_name_is_given_once_and_a_person_has_one_login(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A"), person_row("E2", "North/Sales/A")]).await;
    identity.login("li.na", "E1").await;
    let make = async |login: &str, person_id: String| {
        let request =
            pb::CreateLoginRequest { login: login.into(), password: PASSWORD.into(), person_id, ..Default::default() };
        answered(identity.sessions().create_login(identity.as_admin(request)).await).map(|_| ()).map_err(|e| e.reason())
    };
    let (e1, e2) = (identity.person("E1").await.person_id, identity.person("E2").await.person_id);
    assert_eq!(make("LI.NA", e2.clone()).await, Err("LOGIN_TAKEN"));
    assert_eq!(make("li.na.2", e1).await, Err("PERSON_HAS_LOGIN"));
    assert_eq!(make("nobody", uuid::Uuid::nil().to_string()).await, Err("NOT_FOUND"));
    assert_eq!(make("wang", e2).await, Ok(()));
}

on_both!(what_changes_and_who_signs_in_is_in_the_audit_log_without_names_or_passwords);
async fn what_changes_and_who_signs_in_is_in_the_audit_log_without_names_or_passwords(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A")]).await;
    identity.try_sign_in("admin", "wrong wrong wrong").await.unwrap_err();
    let actor = Actor::service(SERVICE, identity.tenant, None);
    let ctx = OpContext::new(actor, Arc::new(compile_service(SERVICE, 0)), identity.clock.clone(), Rng::System);
    let log = identity.db.store.read(&ctx).await.unwrap().audit_log(100).await.unwrap();
    // The clock stands still, so nothing says which came first.
    let mut actions: Vec<_> = log.iter().map(|(_, entry)| entry.action.as_str()).collect();
    actions.sort_unstable();
    let (units, signed_in) = ("identity.org.import", "identity.session.sign_in");
    let expected = [units, units, "identity.person.import", signed_in, signed_in, "identity.tenant.init"];
    assert_eq!(actions, expected);
    let text = format!("{log:?}");
    assert!(!text.contains("Person E1") && !text.contains("horse"), "{text}");
    identity.db.store.sequence_now().await.unwrap();
    assert!(identity.db.store.verify_audit().await.unwrap().ok());
}
