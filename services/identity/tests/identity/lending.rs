//! Delegations and emergencies over the rpcs.

use tally_access::Permission;
use tally_api::identity::v1::{self as pb, ScopeKind};
use tally_kernel::error::Kind;

use crate::house::{House, Login, PASSWORD, Told, person_row, told};
use crate::logins::{code, enrolled, sign_in};

fn at(house: &House, seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: house.clock.now().as_second() + seconds, nanos: 0 })
}

pub(crate) async fn lend(
    house: &House,
    by: &Login,
    to: &Login,
    permission: Permission,
    hours: i64,
) -> Told<pb::DelegateResponse> {
    let delegation = pb::Delegation {
        delegate_id: to.principal.clone(),
        permissions: vec![permission.name().into()],
        until: at(house, hours * 3600),
        reason: "holiday".into(),
        ..Default::default()
    };
    let request = pb::DelegateRequest { request_id: String::new(), delegation: Some(delegation) };
    told(house.delegations().delegate(by.says(request)).await)
}

async fn may(house: &House, who: &Login, permission: Permission) -> bool {
    let request = pb::CheckRequest { permission: permission.name().into(), ..Default::default() };
    told(house.checks().check(who.says(request)).await).unwrap().allowed
}

#[tokio::test]
async fn a_right_is_lent_for_a_while_taken_back_and_never_lent_on() {
    for house in House::all().await {
        let (boss, deputy, third) =
            (house.login("boss", "").await, house.login("deputy", "").await, house.login("third", "").await);
        house.grant(&boss, "approver", ScopeKind::Tenant, "").await;
        crate::roles::define(&house, "lender", &[Permission::DelegationWrite], 0).await.unwrap();
        house.grant(&deputy, "lender", ScopeKind::Tenant, "").await;
        let approve = Permission::SettlementApprove;
        let refused = lend(&house, &deputy, &third, approve, 24).await.unwrap_err();
        assert_eq!(refused.reason(), "GRANT_NOT_HELD", "{}", house.db.name);
        let lent = lend(&house, &boss, &deputy, approve, 24).await.unwrap().delegation.unwrap();
        assert!(may(&house, &deputy, approve).await);
        let refused = lend(&house, &deputy, &third, approve, 24).await.unwrap_err();
        assert_eq!(refused.reason(), "GRANT_NOT_HELD", "what is lent is not lent on");
        let request = pb::EndDelegationRequest { request_id: String::new(), delegation_id: lent.delegation_id.clone() };
        let stranger = told(house.delegations().end_delegation(third.says(request.clone())).await).unwrap_err();
        assert_eq!(stranger.kind(), Kind::NotFound);
        told(house.delegations().end_delegation(boss.says(request.clone())).await).unwrap();
        assert!(!may(&house, &deputy, approve).await);
        let again = told(house.delegations().end_delegation(deputy.says(request)).await).unwrap_err();
        assert_eq!(again.reason(), "DELEGATION_ENDED");
        lend(&house, &boss, &deputy, approve, 1).await.unwrap();
        assert!(may(&house, &deputy, approve).await);
        house.wait(3600);
        let deputy = house.sign_in("deputy").await;
        assert!(!may(&house, &deputy, approve).await, "it ends by itself: {}", house.db.name);
        let mine = told(house.delegations().list_delegations(deputy.says(Default::default())).await).unwrap();
        assert_eq!(mine.delegations.len(), 2);
        let third = house.sign_in("third").await;
        let none = told(house.delegations().list_delegations(third.says(Default::default())).await).unwrap();
        assert!(none.delegations.is_empty());
    }
}

#[tokio::test]
async fn a_delegation_ends_with_what_the_delegator_holds_and_with_the_delegator() {
    for house in House::with_company().await {
        house.import_people(vec![person_row("E1", "North/Sales/A")]).await;
        let (boss, deputy) = (house.login("boss", "E1").await, house.login("deputy", "").await);
        let north = house.unit("North").await.unit_id;
        let grant = house.grant(&boss, "approver", ScopeKind::Subtree, &north).await;
        let read = Permission::CardRead;
        lend(&house, &boss, &deputy, read, 24 * 30).await.unwrap();
        let asked = || pb::CheckRequest {
            permission: read.name().into(),
            target: Some(pb::AccessTarget { unit_id: north.clone(), ..Default::default() }),
            ..Default::default()
        };
        let may = async |who: &Login| told(house.checks().check(who.says(asked())).await).unwrap().allowed;
        assert!(may(&deputy).await, "{}", house.db.name);
        let why = pb::ExplainRequest { check: Some(asked()) };
        let why = told(house.checks().explain(deputy.says(why)).await).unwrap();
        assert_eq!((why.allowed, why.delegator_id.as_str()), (true, boss.principal.as_str()));
        house.revoke(&house.admin, &grant).await.unwrap();
        assert!(!may(&deputy).await, "what the delegator lost is lost");
        house.grant(&boss, "approver", ScopeKind::Subtree, &north).await;
        assert!(may(&deputy).await);
        let end = pb::EndEmploymentRequest {
            person_id: house.person("E1").await.person_id,
            last_day: "2026-03-01".into(),
            ..Default::default()
        };
        told(house.people().end_employment(house.as_admin(end)).await).unwrap();
        assert!(!may(&deputy).await, "it ends with the delegator: {}", house.db.name);
    }
}

#[tokio::test]
async fn a_loan_never_joins_separated_duties_whichever_comes_first() {
    for house in House::all().await {
        let (boss, pay) = (house.login("boss", "").await, house.login("pay", "").await);
        house.grant(&boss, "approver", ScopeKind::Tenant, "").await;
        let approve = Permission::SettlementApprove;
        lend(&house, &boss, &pay, approve, 24).await.unwrap();
        let granted = house.try_grant(&house.admin, &pay, "compensation_specialist", ScopeKind::Tenant, "").await;
        assert_eq!(granted.unwrap_err().reason(), "DUTIES_SEPARATED", "{}", house.db.name);
        let other = house.login("other", "").await;
        house.grant(&other, "compensation_specialist", ScopeKind::Tenant, "").await;
        assert_eq!(lend(&house, &boss, &other, approve, 24).await.unwrap_err().reason(), "DUTIES_SEPARATED");
        let rights = lend(&house, &boss, &other, Permission::LoginWrite, 24).await.unwrap_err();
        assert_eq!(rights.reason(), "PERMISSION_NOT_LENT");
        assert_eq!(lend(&house, &boss, &boss, approve, 24).await.unwrap_err().reason(), "DELEGATION_TO_ONESELF");
        assert_eq!(lend(&house, &boss, &other, approve, -1).await.unwrap_err().reason(), "DELEGATION_TIME");
        assert_eq!(lend(&house, &boss, &other, approve, 24 * 91).await.unwrap_err().reason(), "DELEGATION_TOO_LONG");
    }
}

fn emergency(code: &str) -> pb::OpenBreakGlassRequest {
    pb::OpenBreakGlassRequest {
        request_id: String::new(),
        permissions: vec![Permission::PersonRead.name().into(), Permission::RecordRead.name().into()],
        scope: ScopeKind::Tenant.into(),
        scope_ref: String::new(),
        reason: "the payroll run stands still and nobody answers".into(),
        ticket: "INC-7".into(),
        minutes: 30,
        code: code.into(),
    }
}

#[tokio::test]
async fn the_glass_is_broken_with_a_second_factor_for_a_while_and_in_everybodys_sight() {
    for house in House::with_company().await {
        house.import_people(vec![person_row("E1", "North/Sales/A"), person_row("E2", "South/Desk")]).await;
        let open = async |by: &Login, request| told(house.glasses().open_break_glass(by.says(request)).await);
        assert_eq!(open(&house.admin, emergency("")).await.unwrap_err().reason(), "SECOND_FACTOR_MISSING");
        let (secret, recovery) = enrolled(&house).await;
        assert_eq!(open(&house.admin, emergency("")).await.unwrap_err().reason(), "SECOND_FACTOR_NEEDED");
        assert_eq!(open(&house.admin, emergency("000000")).await.unwrap_err().reason(), "SECOND_FACTOR_WRONG");
        let done = sign_in(&house, "admin", PASSWORD, &code(&house, &secret, 1), "").await.unwrap();
        let admin = Login::of(done);
        let opened = open(&admin, emergency(&recovery[0])).await.unwrap().break_glass.unwrap();
        assert_eq!(open(&admin, emergency(&recovery[1])).await.unwrap_err().reason(), "BREAK_GLASS_OPEN");
        assert!(!may(&house, &house.admin, Permission::RecordRead).await, "not in a session without a second factor");
        assert!(may(&house, &admin, Permission::RecordRead).await, "{}", house.db.name);
        told(house.people().list_people(admin.says(pb::ListPeopleRequest::default())).await).unwrap();
        let reading = house.readings.all().pop().expect("what was read is written down");
        assert_eq!(reading.break_glass.map(|id| id.to_string()), Some(opened.break_glass_id.clone()));
        assert_eq!(reading.people.len(), 2, "{}: {reading:?}", house.db.name);
        let reviewer = house.login("reviewer", "").await;
        house.grant(&reviewer, "auditor", ScopeKind::Tenant, "").await;
        let review = pb::ReviewBreakGlassRequest {
            break_glass_id: opened.break_glass_id.clone(),
            finding: "it was right".into(),
            ..Default::default()
        };
        let early = told(house.glasses().review_break_glass(reviewer.says(review.clone())).await).unwrap_err();
        assert_eq!(early.reason(), "BREAK_GLASS_OPEN");
        house.wait(30 * 60);
        let admin = Login::of(sign_in(&house, "admin", PASSWORD, &recovery[2], "").await.unwrap());
        assert!(!may(&house, &admin, Permission::RecordRead).await, "it ends by itself: {}", house.db.name);
        let own = told(house.glasses().review_break_glass(admin.says(review.clone())).await).unwrap_err();
        assert_eq!(own.reason(), "FOUR_EYES_REQUIRED");
        let reviewer = house.sign_in("reviewer").await;
        told(house.glasses().review_break_glass(reviewer.says(review)).await).unwrap();
        let listed = told(house.glasses().list_break_glasses(reviewer.says(Default::default())).await).unwrap();
        assert_eq!(listed.break_glasses[0].reviewed_by, reviewer.principal);
        let rights = pb::OpenBreakGlassRequest {
            permissions: vec![Permission::GrantAny.name().into()],
            ..emergency(&recovery[3])
        };
        assert_eq!(open(&admin, rights).await.unwrap_err().reason(), "PERMISSION_NOT_OPENED");
    }
}

#[tokio::test]
async fn an_emergency_is_ended_early_by_who_declared_it_or_by_a_reviewer() {
    for house in House::all().await {
        let (secret, recovery) = enrolled(&house).await;
        let admin = Login::of(sign_in(&house, "admin", PASSWORD, &code(&house, &secret, 1), "").await.unwrap());
        let request = emergency(&recovery[0]);
        let opened = told(house.glasses().open_break_glass(admin.says(request)).await).unwrap().break_glass.unwrap();
        let end = pb::EndBreakGlassRequest { break_glass_id: opened.break_glass_id, ..Default::default() };
        let stranger = house.login("stranger", "").await;
        let unknown = told(house.glasses().end_break_glass(stranger.says(end.clone())).await).unwrap_err();
        assert_eq!(unknown.kind(), Kind::NotFound, "{}", house.db.name);
        told(house.glasses().end_break_glass(admin.says(end.clone())).await).unwrap();
        assert!(!may(&house, &admin, Permission::RecordRead).await);
        let again = told(house.glasses().end_break_glass(admin.says(end)).await).unwrap_err();
        assert_eq!(again.reason(), "BREAK_GLASS_ENDED");
    }
}
