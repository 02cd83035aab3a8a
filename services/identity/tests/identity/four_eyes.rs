//! What takes two here: deleting a group, erasing somebody, reviewing an emergency.

use tally_access::Permission;
use tally_api::identity::v1::{self as pb, ScopeKind};
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::delegations::delegate;
use crate::fixture::{Login, PASSWORD, TestIdentity, answered, person_row};
use crate::roles::define;

async fn suspend(identity: &TestIdentity, by: &Login) {
    let request = pb::SuspendTenantRequest { reason: "moves out".into(), ..Default::default() };
    answered(identity.tenants().suspend_tenant(by.says(request)).await).unwrap();
}

async fn resume(identity: &TestIdentity, by: &Login) {
    answered(identity.tenants().resume_tenant(by.says(pb::ResumeTenantRequest::default())).await).unwrap();
}

/// Why the group is not deleted: another pair of eyes is only told that it is too early.
async fn delete(identity: &TestIdentity, by: &Login) -> &'static str {
    let request = pb::DeleteTenantRequest { name: "Demo".into(), ..Default::default() };
    answered(identity.tenants().delete_tenant(by.says(request)).await).unwrap_err().reason()
}

on_both!(nobody_deletes_a_group_that_was_suspended_with_the_same_hands_whoever_lent_the_right);
/// The same person, a right that the preparer delegated, a right that a third delegated to the preparer, and two people; the other way
/// round as well. A person with two accounts is refused where the second one would be made.
async fn nobody_deletes_a_group_that_was_suspended_with_the_same_hands_whoever_lent_the_right(on: Backend) {
    const REFUSED: &str = "FOUR_EYES_REQUIRED";
    const TOO_EARLY: &str = "SUSPENDED_TOO_SHORT";
    let (stop, end) = (Permission::TenantSuspend, Permission::TenantDelete);
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A")]).await;
    define(&identity, "closer", &[stop, end, Permission::DelegationWrite], 0).await.unwrap();
    define(&identity, "stopper", &[stop], 0).await.unwrap();
    let (boss, third) = (identity.login("boss", "E1").await, identity.login("third", "").await);
    let (deputy, stopper) = (identity.login("deputy", "").await, identity.login("stopper", "").await);
    for (who, role) in [(&boss, "closer"), (&third, "closer"), (&stopper, "stopper")] {
        identity.grant(who, role, ScopeKind::Tenant, "").await;
    }
    let again = pb::CreateLoginRequest {
        login: "boss.too".into(),
        password: PASSWORD.into(),
        person_id: identity.person("E1").await.person_id,
        ..Default::default()
    };
    let second = answered(identity.sessions().create_login(identity.as_admin(again)).await).unwrap_err();
    assert_eq!(second.reason(), "PERSON_HAS_LOGIN", "nobody has two accounts");
    delegate(&identity, &boss, &deputy, end, 24).await.unwrap();
    delegate(&identity, &boss, &deputy, stop, 24).await.unwrap();
    delegate(&identity, &third, &stopper, end, 24).await.unwrap();
    for (name, preparer, approver, reason) in [
        ("the same person", &boss, &boss, REFUSED),
        ("a right that the preparer delegated", &boss, &deputy, REFUSED),
        ("prepared with a right that the approver delegated", &deputy, &boss, REFUSED),
        ("a right that a third delegated to the preparer", &stopper, &stopper, REFUSED),
        ("prepared and approved in the name of one", &deputy, &deputy, REFUSED),
        ("two people", &boss, &third, TOO_EARLY),
        ("two people, one of them with a right of somebody else's", &boss, &stopper, TOO_EARLY),
    ] {
        suspend(&identity, preparer).await;
        assert_eq!(delete(&identity, approver).await, reason, "{name}");
        resume(&identity, preparer).await;
    }
}

on_both!(the_rights_to_ask_for_an_erasure_to_approve_it_and_to_review_an_emergency_are_lent_to_nobody);
async fn the_rights_to_ask_for_an_erasure_to_approve_it_and_to_review_an_emergency_are_lent_to_nobody(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let (boss, deputy) = (identity.login("boss", "").await, identity.login("deputy", "").await);
    define(&identity, "delegator", &[Permission::DelegationWrite], 0).await.unwrap();
    identity.grant(&boss, "delegator", ScopeKind::Tenant, "").await;
    for right in [Permission::ErasureRequest, Permission::ErasureApprove, Permission::BreakGlassReview] {
        let refused = delegate(&identity, &boss, &deputy, right, 24).await.unwrap_err();
        assert_eq!(refused.reason(), "PERMISSION_NOT_DELEGABLE", "{right}");
    }
}
