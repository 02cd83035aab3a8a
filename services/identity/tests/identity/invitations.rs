//! A second group in one store: by invitation, and only on PostgreSQL.

use tally_api::identity::v1 as pb;
use tally_identity::invite;
use tally_kernel::id::TenantId;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;
use uuid::Uuid;

use crate::fixture::{TestIdentity, answered, identity_key, init_request};

/// The group that is invited.
const GUEST: TenantId = TenantId(Uuid::from_u128(0x0199_bbbb_0000_7000_8000_0000_0000_0001));

fn guest_request(invitation: String) -> pb::InitTenantRequest {
    pb::InitTenantRequest {
        request_id: "guest".into(),
        name: "Guest".into(),
        admin_login: "guest-admin".into(),
        invitation,
        ..init_request()
    }
}

#[tokio::test]
async fn sqlite_holds_one_group_and_says_so() {
    let identity = TestIdentity::with_group(Backend::Sqlite).await;
    let invitation = invite(&identity_key(), GUEST, identity.clock.now(), 7).unwrap();
    let refused = answered(identity.tenants().init_tenant(guest_request(invitation)).await).unwrap_err();
    assert_eq!(refused.reason(), "TENANT_NOT_HERE");
}

#[tokio::test]
async fn an_invited_group_lives_beside_the_first_and_sees_nothing_of_it() {
    let identity = TestIdentity::with_company(Backend::Postgres).await;
    let invitation = invite(&identity_key(), GUEST, identity.clock.now(), 7).unwrap();
    let made = answered(identity.tenants().init_tenant(guest_request(invitation.clone())).await).unwrap();
    assert_eq!(made.tenant.as_ref().map(|group| group.tenant_id.clone()), Some(GUEST.to_string()));
    let again = answered(identity.tenants().init_tenant(guest_request(invitation.clone())).await).unwrap();
    assert_eq!(made, again, "the same request gets the same answer");
    let second = pb::InitTenantRequest { request_id: "another".into(), ..guest_request(invitation.clone()) };
    let used = answered(identity.tenants().init_tenant(second).await).unwrap_err();
    assert_eq!(used.reason(), "INITIALISED_ALREADY");
    assert!(used.message().as_told().is_some_and(|told| told.contains("was used already")), "{used}");

    let guest = identity.sign_in("guest-admin").await;
    let units = pb::ListOrgUnitsRequest::default();
    let seen = answered(identity.orgs().list_org_units(guest.says(units.clone())).await).unwrap().units;
    assert_eq!(seen.len(), 1, "its own root and nothing of the other group: {seen:?}");
    let seen = answered(identity.orgs().list_org_units(identity.as_admin(units)).await).unwrap().units;
    assert!(seen.len() > 4 && seen.iter().all(|unit| unit.name != "Guest"), "{seen:?}");
    // A name that signs in leads to one group, so the guests cannot take one that is there.
    let taken = pb::CreateLoginRequest {
        login: "admin".into(),
        password: "correct horse battery".into(),
        ..Default::default()
    };
    assert_eq!(
        answered(identity.sessions().create_login(guest.says(taken)).await).unwrap_err().reason(),
        "LOGIN_TAKEN"
    );
}

#[tokio::test]
async fn nobody_comes_in_without_an_invitation_or_with_one_that_is_not_good() {
    let identity = TestIdentity::with_group(Backend::Postgres).await;
    let now = identity.clock.now();
    let good = invite(&identity_key(), GUEST, now, 1).unwrap();
    let stranger = tally_rpc::SigningKey::generate(tally_rpc::IDENTITY, &tally_kernel::Rng::seeded(99));
    let refused = async |request| answered(identity.tenants().init_tenant(request).await).unwrap_err().reason();
    assert_eq!(refused(guest_request(String::new())).await, "INITIALISED_ALREADY");
    assert_eq!(refused(guest_request("a.b.c".into())).await, "INVITATION_INVALID");
    let forged = invite(&stranger, GUEST, now, 1).unwrap();
    assert_eq!(refused(guest_request(forged)).await, "INVITATION_INVALID");
    assert_eq!(
        refused(guest_request(identity.admin.token.clone())).await,
        "INVITATION_INVALID",
        "a token is no invitation"
    );
    let other = Uuid::from_u128(5).to_string();
    let another = pb::InitTenantRequest { tenant_id: other, ..guest_request(good.clone()) };
    assert_eq!(refused(another).await, "INVITED_ANOTHER");
    identity.wait(24 * 3_600);
    assert_eq!(refused(guest_request(good)).await, "INVITATION_EXPIRED");
}

on_both!(an_invited_group_on_an_empty_store_closes_the_door_behind_it);
async fn an_invited_group_on_an_empty_store_closes_the_door_behind_it(on: Backend) {
    let identity = TestIdentity::empty(on).await;
    let invitation = invite(&identity_key(), GUEST, identity.clock.now(), 7).unwrap();
    answered(identity.tenants().init_tenant(guest_request(invitation)).await).unwrap();
    let refused = answered(identity.tenants().init_tenant(init_request()).await).unwrap_err();
    assert_eq!(refused.reason(), "INITIALISED_ALREADY");
}
