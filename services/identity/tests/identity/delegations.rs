//! Delegations and emergencies over the rpcs.

use tally_access::Permission;
use tally_api::identity::v1::{self as pb, ScopeKind};
use tally_kernel::error::Kind;
use tally_testkit::databases::Backend;
use tally_testkit::on_both;

use crate::fixture::{Login, PASSWORD, Reply, TestIdentity, answered, person_row};
use crate::logins::{code, enrolled, sign_in};

fn at(identity: &TestIdentity, seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: identity.clock.now().as_second() + seconds, nanos: 0 })
}

pub(crate) async fn delegate(
    identity: &TestIdentity,
    by: &Login,
    to: &Login,
    permission: Permission,
    hours: i64,
) -> Reply<pb::DelegateResponse> {
    let delegation = pb::Delegation {
        delegate_id: to.principal.clone(),
        permissions: vec![permission.name().into()],
        until: at(identity, hours * 3600),
        reason: "holiday".into(),
        ..Default::default()
    };
    let request = pb::DelegateRequest { delegation: Some(delegation), ..Default::default() };
    answered(identity.delegations().delegate(by.says(request)).await)
}

async fn may(identity: &TestIdentity, who: &Login, permission: Permission) -> bool {
    let request = pb::CheckRequest { permission: permission.name().into(), ..Default::default() };
    answered(identity.checks().check(who.says(request)).await).unwrap().allowed
}

on_both!(a_right_is_lent_for_a_while_taken_back_and_never_lent_on);
async fn a_right_is_lent_for_a_while_taken_back_and_never_lent_on(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let (boss, deputy, third) =
        (identity.login("boss", "").await, identity.login("deputy", "").await, identity.login("third", "").await);
    identity.grant(&boss, "approver", ScopeKind::Tenant, "").await;
    crate::roles::define(&identity, "delegator", &[Permission::DelegationWrite], 0).await.unwrap();
    identity.grant(&deputy, "delegator", ScopeKind::Tenant, "").await;
    let approve = Permission::SettlementApprove;
    let refused = delegate(&identity, &deputy, &third, approve, 24).await.unwrap_err();
    assert_eq!(refused.reason(), "GRANT_NOT_HELD");
    let delegated = delegate(&identity, &boss, &deputy, approve, 24).await.unwrap().delegation.unwrap();
    assert!(may(&identity, &deputy, approve).await);
    let refused = delegate(&identity, &deputy, &third, approve, 24).await.unwrap_err();
    assert_eq!(refused.reason(), "GRANT_NOT_HELD", "what is delegated is not delegated on");
    let request = pb::EndDelegationRequest { delegation_id: delegated.delegation_id.clone(), ..Default::default() };
    let stranger = answered(identity.delegations().end_delegation(third.says(request.clone())).await).unwrap_err();
    assert_eq!(stranger.kind(), Kind::NotFound);
    answered(identity.delegations().end_delegation(boss.says(request.clone())).await).unwrap();
    assert!(!may(&identity, &deputy, approve).await);
    let again = answered(identity.delegations().end_delegation(deputy.says(request)).await).unwrap_err();
    assert_eq!(again.reason(), "DELEGATION_ENDED");
    delegate(&identity, &boss, &deputy, approve, 1).await.unwrap();
    assert!(may(&identity, &deputy, approve).await);
    identity.wait(3600);
    let deputy = identity.sign_in("deputy").await;
    assert!(!may(&identity, &deputy, approve).await, "it ends by itself");
    let mine = answered(identity.delegations().list_delegations(deputy.says(Default::default())).await).unwrap();
    assert_eq!(mine.delegations.len(), 2);
    let third = identity.sign_in("third").await;
    let none = answered(identity.delegations().list_delegations(third.says(Default::default())).await).unwrap();
    assert!(none.delegations.is_empty());
}

on_both!(a_delegation_ends_with_what_the_delegator_holds_and_with_the_delegator);
async fn a_delegation_ends_with_what_the_delegator_holds_and_with_the_delegator(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A")]).await;
    let (boss, deputy) = (identity.login("boss", "E1").await, identity.login("deputy", "").await);
    let north = identity.unit("North").await.unit_id;
    let grant = identity.grant(&boss, "approver", ScopeKind::Subtree, &north).await;
    let read = Permission::CardRead;
    delegate(&identity, &boss, &deputy, read, 24 * 30).await.unwrap();
    let asked = || pb::CheckRequest {
        permission: read.name().into(),
        target: Some(pb::AccessTarget { unit_id: north.clone(), ..Default::default() }),
        ..Default::default()
    };
    let may = async |who: &Login| answered(identity.checks().check(who.says(asked())).await).unwrap().allowed;
    assert!(may(&deputy).await);
    let why = pb::ExplainRequest { check: Some(asked()) };
    let why = answered(identity.checks().explain(deputy.says(why)).await).unwrap();
    assert_eq!((why.allowed, why.delegator_id.as_str()), (true, boss.principal.as_str()));
    identity.revoke(&identity.admin, &grant).await.unwrap();
    assert!(!may(&deputy).await, "what the delegator lost is lost");
    identity.grant(&boss, "approver", ScopeKind::Subtree, &north).await;
    assert!(may(&deputy).await);
    let end = pb::EndEmploymentRequest {
        person_id: identity.person("E1").await.person_id,
        last_day: "2026-03-01".into(),
        ..Default::default()
    };
    answered(identity.people().end_employment(identity.as_admin(end)).await).unwrap();
    assert!(!may(&deputy).await, "it ends with the delegator");
}

on_both!(a_loan_never_joins_separated_duties_whichever_comes_first);
async fn a_loan_never_joins_separated_duties_whichever_comes_first(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let (boss, pay) = (identity.login("boss", "").await, identity.login("pay", "").await);
    identity.grant(&boss, "approver", ScopeKind::Tenant, "").await;
    let approve = Permission::SettlementApprove;
    delegate(&identity, &boss, &pay, approve, 24).await.unwrap();
    let granted = identity.try_grant(&identity.admin, &pay, "compensation_specialist", ScopeKind::Tenant, "").await;
    assert_eq!(granted.unwrap_err().reason(), "DUTIES_SEPARATED");
    let other = identity.login("other", "").await;
    identity.grant(&other, "compensation_specialist", ScopeKind::Tenant, "").await;
    assert_eq!(delegate(&identity, &boss, &other, approve, 24).await.unwrap_err().reason(), "DUTIES_SEPARATED");
    let rights = delegate(&identity, &boss, &other, Permission::LoginWrite, 24).await.unwrap_err();
    assert_eq!(rights.reason(), "PERMISSION_NOT_DELEGABLE");
    assert_eq!(delegate(&identity, &boss, &boss, approve, 24).await.unwrap_err().reason(), "DELEGATION_TO_ONESELF");
    assert_eq!(delegate(&identity, &boss, &other, approve, -1).await.unwrap_err().reason(), "DELEGATION_TIME");
    assert_eq!(delegate(&identity, &boss, &other, approve, 24 * 91).await.unwrap_err().reason(), "DELEGATION_TOO_LONG");
}

fn emergency(code: &str) -> pb::OpenBreakGlassRequest {
    pb::OpenBreakGlassRequest {
        permissions: vec![Permission::PersonRead.name().into(), Permission::RecordRead.name().into()],
        scope: ScopeKind::Tenant.into(),
        scope_ref: String::new(),
        reason: "the payroll run stands still and nobody answers".into(),
        ticket: "INC-7".into(),
        minutes: 30,
        code: code.into(),
        ..Default::default()
    }
}

on_both!(the_glass_is_broken_with_a_second_factor_for_a_while_and_in_everybodys_sight);
async fn the_glass_is_broken_with_a_second_factor_for_a_while_and_in_everybodys_sight(on: Backend) {
    let identity = TestIdentity::with_company(on).await;
    identity.import_people(vec![person_row("E1", "North/Sales/A"), person_row("E2", "South/Desk")]).await;
    let open = async |by: &Login, request| answered(identity.glasses().open_break_glass(by.says(request)).await);
    assert_eq!(open(&identity.admin, emergency("")).await.unwrap_err().reason(), "SECOND_FACTOR_MISSING");
    let (secret, recovery) = enrolled(&identity).await;
    assert_eq!(open(&identity.admin, emergency("")).await.unwrap_err().reason(), "SECOND_FACTOR_NEEDED");
    assert_eq!(open(&identity.admin, emergency("000000")).await.unwrap_err().reason(), "SECOND_FACTOR_WRONG");
    let done = sign_in(&identity, "admin", PASSWORD, &code(&identity, &secret, 1), "").await.unwrap();
    let admin = Login::of(done);
    let opened = open(&admin, emergency(&recovery[0])).await.unwrap().break_glass.unwrap();
    assert_eq!(open(&admin, emergency(&recovery[1])).await.unwrap_err().reason(), "BREAK_GLASS_OPEN");
    assert!(!may(&identity, &identity.admin, Permission::RecordRead).await, "not in a session without a second factor");
    assert!(may(&identity, &admin, Permission::RecordRead).await);
    answered(identity.people().list_people(admin.says(pb::ListPeopleRequest::default())).await).unwrap();
    let reading = identity.readings.all().pop().expect("what was read is written down");
    assert_eq!(reading.break_glass.map(|id| id.to_string()), Some(opened.break_glass_id.clone()));
    assert_eq!(reading.people.len(), 2, "{reading:?}");
    let reviewer = identity.login("reviewer", "").await;
    identity.grant(&reviewer, "auditor", ScopeKind::Tenant, "").await;
    let review = pb::ReviewBreakGlassRequest {
        break_glass_id: opened.break_glass_id.clone(),
        finding: "it was right".into(),
        ..Default::default()
    };
    let early = answered(identity.glasses().review_break_glass(reviewer.says(review.clone())).await).unwrap_err();
    assert_eq!(early.reason(), "BREAK_GLASS_OPEN");
    identity.wait(30 * 60);
    let admin = Login::of(sign_in(&identity, "admin", PASSWORD, &recovery[2], "").await.unwrap());
    assert!(!may(&identity, &admin, Permission::RecordRead).await, "it ends by itself");
    let own = answered(identity.glasses().review_break_glass(admin.says(review.clone())).await).unwrap_err();
    assert_eq!(own.reason(), "FOUR_EYES_REQUIRED");
    let reviewer = identity.sign_in("reviewer").await;
    answered(identity.glasses().review_break_glass(reviewer.says(review)).await).unwrap();
    let listed = answered(identity.glasses().list_break_glasses(reviewer.says(Default::default())).await).unwrap();
    assert_eq!(listed.break_glasses[0].reviewed_by, reviewer.principal);
    let rights =
        pb::OpenBreakGlassRequest { permissions: vec![Permission::GrantAny.name().into()], ..emergency(&recovery[3]) };
    assert_eq!(open(&admin, rights).await.unwrap_err().reason(), "PERMISSION_NOT_OPENED");
}

on_both!(an_emergency_is_ended_early_by_who_declared_it_or_by_a_reviewer);
async fn an_emergency_is_ended_early_by_who_declared_it_or_by_a_reviewer(on: Backend) {
    let identity = TestIdentity::with_group(on).await;
    let (secret, recovery) = enrolled(&identity).await;
    let admin = Login::of(sign_in(&identity, "admin", PASSWORD, &code(&identity, &secret, 1), "").await.unwrap());
    let request = emergency(&recovery[0]);
    let opened = answered(identity.glasses().open_break_glass(admin.says(request)).await).unwrap().break_glass.unwrap();
    let end = pb::EndBreakGlassRequest { break_glass_id: opened.break_glass_id, ..Default::default() };
    let stranger = identity.login("stranger", "").await;
    let unknown = answered(identity.glasses().end_break_glass(stranger.says(end.clone())).await).unwrap_err();
    assert_eq!(unknown.kind(), Kind::NotFound);
    answered(identity.glasses().end_break_glass(admin.says(end.clone())).await).unwrap();
    assert!(!may(&identity, &admin, Permission::RecordRead).await);
    let again = answered(identity.glasses().end_break_glass(admin.says(end)).await).unwrap_err();
    assert_eq!(again.reason(), "BREAK_GLASS_ENDED");
}
