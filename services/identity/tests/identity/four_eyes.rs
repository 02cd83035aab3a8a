//! What takes two here: deleting a group, erasing somebody, reviewing an emergency.

use tally_access::Permission;
use tally_api::identity::v1::{self as pb, ScopeKind};

use crate::house::{House, Login, PASSWORD, person_row, told};
use crate::lending::lend;
use crate::roles::define;

async fn suspend(house: &House, by: &Login) {
    let request = pb::SuspendTenantRequest { request_id: String::new(), reason: "moves out".into() };
    told(house.tenants().suspend_tenant(by.says(request)).await).unwrap();
}

async fn resume(house: &House, by: &Login) {
    told(house.tenants().resume_tenant(by.says(pb::ResumeTenantRequest::default())).await).unwrap();
}

/// Why the group is not deleted: another pair of eyes is only told that it is too early.
async fn delete(house: &House, by: &Login) -> &'static str {
    let request = pb::DeleteTenantRequest { request_id: String::new(), name: "Demo".into() };
    told(house.tenants().delete_tenant(by.says(request)).await).unwrap_err().reason()
}

/// The same person, a right that the preparer lent, a right that a third lent to the preparer, and two people; the other way
/// round as well. A person with two accounts is refused where the second one would be made.
#[tokio::test]
async fn nobody_deletes_a_group_that_was_suspended_with_the_same_hands_whoever_lent_the_right() {
    const REFUSED: &str = "FOUR_EYES_REQUIRED";
    const TOO_EARLY: &str = "SUSPENDED_TOO_SHORT";
    let (stop, end) = (Permission::TenantSuspend, Permission::TenantDelete);
    for house in House::with_company().await {
        house.import_people(vec![person_row("E1", "North/Sales/A")]).await;
        define(&house, "closer", &[stop, end, Permission::DelegationWrite], 0).await.unwrap();
        define(&house, "stopper", &[stop], 0).await.unwrap();
        let (boss, third) = (house.login("boss", "E1").await, house.login("third", "").await);
        let (deputy, stopper) = (house.login("deputy", "").await, house.login("stopper", "").await);
        for (who, role) in [(&boss, "closer"), (&third, "closer"), (&stopper, "stopper")] {
            house.grant(who, role, ScopeKind::Tenant, "").await;
        }
        let again = pb::CreateLoginRequest {
            login: "boss.too".into(),
            password: PASSWORD.into(),
            person_id: house.person("E1").await.person_id,
            ..Default::default()
        };
        let second = told(house.sessions().create_login(house.as_admin(again)).await).unwrap_err();
        assert_eq!(second.reason(), "PERSON_HAS_LOGIN", "nobody has two accounts: {}", house.db.name);
        lend(&house, &boss, &deputy, end, 24).await.unwrap();
        lend(&house, &boss, &deputy, stop, 24).await.unwrap();
        lend(&house, &third, &stopper, end, 24).await.unwrap();
        for (name, preparer, approver, reason) in [
            ("the same person", &boss, &boss, REFUSED),
            ("a right that the preparer lent", &boss, &deputy, REFUSED),
            ("prepared with a right that the approver lent", &deputy, &boss, REFUSED),
            ("a right that a third lent to the preparer", &stopper, &stopper, REFUSED),
            ("prepared and approved in the name of one", &deputy, &deputy, REFUSED),
            ("two people", &boss, &third, TOO_EARLY),
            ("two people, one of them with a right of somebody else's", &boss, &stopper, TOO_EARLY),
        ] {
            suspend(&house, preparer).await;
            assert_eq!(delete(&house, approver).await, reason, "{name}: {}", house.db.name);
            resume(&house, preparer).await;
        }
    }
}

#[tokio::test]
async fn the_rights_to_ask_for_an_erasure_to_approve_it_and_to_review_an_emergency_are_lent_to_nobody() {
    for house in House::all().await {
        let (boss, deputy) = (house.login("boss", "").await, house.login("deputy", "").await);
        define(&house, "lender", &[Permission::DelegationWrite], 0).await.unwrap();
        house.grant(&boss, "lender", ScopeKind::Tenant, "").await;
        for right in [Permission::ErasureRequest, Permission::ErasureApprove, Permission::BreakGlassReview] {
            let refused = lend(&house, &boss, &deputy, right, 24).await.unwrap_err();
            assert_eq!(refused.reason(), "PERMISSION_NOT_LENT", "{right}: {}", house.db.name);
        }
    }
}
