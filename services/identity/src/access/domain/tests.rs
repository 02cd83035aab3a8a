use jiff::civil::date;
use jiff::tz::TimeZone;
use tally_access::{Condition, Modules, PersonFacts, compile};
use uuid::Uuid;

use super::*;
use crate::org::domain::{ALWAYS, State};
use crate::role::domain::OwnRole;

const TODAY: Date = date(2026, 3, 2);

fn unit(n: u128) -> OrgUnitId {
    OrgUnitId(Uuid::from_u128(n))
}
fn principal(n: u128) -> PrincipalId {
    PrincipalId(Uuid::from_u128(n))
}
fn north() -> Region {
    "cn-north".parse().unwrap()
}

/// 1 group > 2 North (branch) > 3 Sales; 1 > 4 Trading (legal entity) > 5 Desk
fn tree() -> OrgTree {
    let state = |n, parent: Option<u128>, kind, region: &str| State {
        row: Uuid::from_u128(n),
        unit: unit(n),
        parent: parent.map(unit),
        name: n.to_string(),
        kind,
        region: region.parse().unwrap(),
        from: ALWAYS,
        to: None,
        into: None,
    };
    OrgTree::new([
        state(1, None, UnitKind::Group, "*"),
        state(2, Some(1), UnitKind::Branch, "cn-north"),
        state(3, Some(2), UnitKind::Team, "cn-north"),
        state(4, Some(1), UnitKind::LegalEntity, "cn-south"),
        state(5, Some(4), UnitKind::Team, "cn-south"),
    ])
}

fn wanted(role: &str, scope: Scope) -> Assignment {
    Assignment { role: role.into(), scope, valid_from: TODAY, valid_to: None, condition: Condition::default() }
}

fn held(n: u128, assignment: Assignment) -> Grant {
    Grant {
        id: GrantId(Uuid::from_u128(n)),
        principal: principal(9),
        assignment,
        reason: "test".into(),
        granted_by: principal(GIVER),
        recorded_at: Timestamp::UNIX_EPOCH,
    }
}

fn view(roles: &[Assignment]) -> View {
    let (units, book, modules) = (tree().facts(TODAY), given().book(), Modules::All);
    let zone = TimeZone::UTC;
    let facts = tally_access::Facts {
        revision: 1,
        date: TODAY,
        zone: &zone,
        units: &units,
        moved: &[],
        roles: &book,
        modules: &modules,
    };
    compile(roles, &[], &PersonFacts::default(), &facts)
}

const GIVER: u128 = 8;

/// The ready roles, and one of the group's own.
fn given() -> Roles {
    let reader = OwnRole {
        name: "reader".into(),
        description: "reads the tree".into(),
        permissions: vec![Permission::OrgRead],
        scopes: vec![ScopeKind::Tenant],
        version: 1,
    };
    Roles::new(vec![reader])
}

fn receiver() -> Receiver {
    let person = PersonId(Uuid::from_u128(90));
    Receiver {
        principal: principal(9),
        person: Some((person, north(), Some(unit(3)))),
        reports: vec![],
        grants: vec![],
        delegated: vec![],
    }
}

fn try_give(view: &View, receiver: &Receiver, assignment: &Assignment) -> Result<(), AccessError> {
    let (tree, regions, roles) = (tree(), [north()], given());
    let facts = Facts { tree: &tree, regions: &regions, roles: &roles, today: TODAY };
    let targets = targets(&assignment.scope, receiver, &facts)?;
    judge(Giver { principal: principal(GIVER), view }, receiver, assignment, &targets, &facts)
}

#[test]
fn an_administrator_gives_any_role_but_not_to_oneself() {
    let admin = view(&[wanted("group_admin", Scope::Tenant)]);
    let approver = wanted("approver", Scope::Tenant);
    assert_eq!(try_give(&admin, &receiver(), &approver), Ok(()));
    let oneself = Receiver { principal: principal(GIVER), ..receiver() };
    assert_eq!(try_give(&admin, &oneself, &approver), Err(AccessError::ToOneself));
    let reader = wanted("reader", Scope::Tenant);
    assert_eq!(try_give(&admin, &oneself, &reader), Ok(()), "what one holds one may give to oneself");
}

#[test]
fn nobody_gives_what_he_does_not_hold_there() {
    let branch = view(&[wanted("branch_hr", Scope::Subtree(unit(2)))]);
    assert_eq!(try_give(&branch, &receiver(), &wanted("supervisor", Scope::Unit(unit(3)))), Ok(()));
    assert_eq!(try_give(&branch, &receiver(), &wanted("branch_hr", Scope::Subtree(unit(3)))), Ok(()));
    let elsewhere = wanted("supervisor", Scope::Unit(unit(5)));
    assert!(matches!(try_give(&branch, &receiver(), &elsewhere), Err(AccessError::NotHeld(_))));
    let wider = wanted("branch_hr", Scope::Subtree(unit(1)));
    assert!(matches!(try_give(&branch, &receiver(), &wider), Err(AccessError::NotHeld(_))));
    let pay = wanted("approver", Scope::Subtree(unit(3)));
    assert!(matches!(try_give(&branch, &receiver(), &pay), Err(AccessError::NotHeld(_))));
}

#[test]
fn a_role_on_ones_own_person_may_be_given_by_who_gives_roles_there() {
    let branch = view(&[wanted("branch_hr", Scope::Subtree(unit(2)))]);
    let own = wanted("agent", Scope::Own);
    assert_eq!(try_give(&branch, &receiver(), &own), Ok(()), "though a branch's HR does not read pay");
    let oneself = Receiver { principal: principal(GIVER), ..receiver() };
    assert_eq!(try_give(&branch, &oneself, &own), Err(AccessError::ToOneself));
    let nobody = Receiver { person: None, ..receiver() };
    assert_eq!(try_give(&branch, &nobody, &own), Err(AccessError::NoPerson));
}

#[test]
fn a_grant_on_reports_is_given_by_whoever_reaches_the_manager_and_all_who_report() {
    let branch = view(&[wanted("branch_hr", Scope::Subtree(unit(2)))]);
    let lead = wanted("supervisor", Scope::Reports);
    let near = Target::person(north(), Some(unit(3)), PersonId(Uuid::from_u128(91)));
    let far = Target::person("cn-south".parse().unwrap(), Some(unit(77)), PersonId(Uuid::from_u128(92)));
    let manager = Receiver { reports: vec![near.clone()], ..receiver() };
    assert_eq!(try_give(&branch, &manager, &lead), Ok(()));
    let manager = Receiver { reports: vec![near, far], ..receiver() };
    assert_eq!(try_give(&branch, &manager, &lead), Err(AccessError::NotHeld(Permission::TenantRead)));
    let nobody = Receiver { person: None, ..receiver() };
    assert_eq!(try_give(&branch, &nobody, &lead), Err(AccessError::NoPerson));
}

#[test]
fn preparing_and_approving_never_meet_in_one_principal() {
    let admin = view(&[wanted("group_admin", Scope::Tenant)]);
    let prepares = wanted("compensation_specialist", Scope::Subtree(unit(2)));
    let mut receiver = Receiver { grants: vec![held(1, prepares.clone())], ..receiver() };
    let approves = wanted("approver", Scope::Region(north()));
    let separated = AccessError::DutiesSeparated(Permission::SettlementPrepare, Permission::SettlementApprove);
    assert_eq!(try_give(&admin, &receiver, &approves), Err(separated.clone()));
    receiver.grants[0].assignment.valid_from = date(2027, 1, 1);
    assert_eq!(try_give(&admin, &receiver, &approves), Err(separated), "a grant to come counts");
    receiver.grants[0].assignment = Assignment { valid_from: ALWAYS, valid_to: Some(date(2026, 3, 1)), ..prepares };
    assert_eq!(try_give(&admin, &receiver, &approves), Ok(()), "one that is over does not");
}

#[test]
fn scopes_must_fit_the_role_and_name_what_is_there() {
    let admin = view(&[wanted("group_admin", Scope::Tenant)]);
    let told = |role: &str, scope| try_give(&admin, &receiver(), &wanted(role, scope)).unwrap_err();
    assert_eq!(told("agent", Scope::Tenant), AccessError::ScopeNotForRole("agent".into(), ScopeKind::Tenant));
    assert_eq!(told("emperor", Scope::Tenant), AccessError::RoleUnknown("emperor".into()));
    assert_eq!(told("service_talent", Scope::Tenant), AccessError::RoleUnknown("service_talent".into()));
    assert_eq!(told("supervisor", Scope::Unit(unit(77))), AccessError::UnitUnknown(unit(77)));
    assert_eq!(told("branch_hr", Scope::LegalEntity(unit(2))), AccessError::NotLegalEntity(unit(2)));
    let abroad: Region = "eu-west".parse().unwrap();
    assert_eq!(told("branch_hr", Scope::Region(abroad.clone())), AccessError::RegionUnknown(abroad));
    assert_eq!(try_give(&admin, &receiver(), &wanted("branch_hr", Scope::LegalEntity(unit(4)))), Ok(()));
}

#[test]
fn the_same_role_twice_on_the_same_days_and_backward_dates_are_refused() {
    let admin = view(&[wanted("group_admin", Scope::Tenant)]);
    let mut march = wanted("group_hr", Scope::Tenant);
    march.valid_to = Some(date(2026, 3, 31));
    let receiver = Receiver { grants: vec![held(1, march.clone())], ..receiver() };
    let again = AccessError::GrantedAlready(GrantId(Uuid::from_u128(1)));
    assert_eq!(try_give(&admin, &receiver, &march), Err(again));
    let april = Assignment { valid_from: date(2026, 4, 1), valid_to: None, ..march.clone() };
    assert_eq!(try_give(&admin, &receiver, &april), Ok(()));
    let backwards = Assignment { valid_to: Some(date(2026, 3, 1)), ..march };
    assert_eq!(try_give(&admin, &receiver, &backwards), Err(AccessError::DatesBackwards));
}

#[test]
fn giving_on_a_subtree_needs_every_unit_of_it() {
    let facts = tree();
    let regions = [north()];
    let facts = Facts { tree: &facts, regions: &regions, roles: &given(), today: TODAY };
    let all = targets(&Scope::Subtree(unit(2)), &receiver(), &facts).unwrap();
    let mut units: Vec<_> = all.iter().filter_map(|target| target.unit).collect();
    units.sort_unstable();
    assert_eq!(units, [unit(2), unit(3)]);
    assert_eq!(place(&Scope::Subtree(unit(2)), &all).unit, Some(unit(2)));
    assert_eq!(targets(&Scope::Tenant, &receiver(), &facts).unwrap(), [Target::tenant()]);
}

#[test]
fn the_last_administrator_stays() {
    let admin = held(1, wanted("group_admin", Scope::Tenant));
    assert_eq!(judge_revoke(&admin, &[admin.id]), Err(AccessError::LastAdministrator));
    assert_eq!(judge_revoke(&admin, &[admin.id, GrantId(Uuid::from_u128(2))]), Ok(()));
    let other = held(3, wanted("group_hr", Scope::Tenant));
    assert_eq!(judge_revoke(&other, &[admin.id]), Ok(()));
    let mut ends = admin.assignment.clone();
    ends.valid_to = Some(date(2030, 1, 1));
    assert!(makes_administrator(&admin.assignment, &given(), TODAY));
    assert!(!makes_administrator(&ends, &given(), TODAY), "who will be gone does not count");
    assert!(!makes_administrator(&Assignment { valid_from: date(2026, 4, 1), ..admin.assignment }, &given(), TODAY));
}

#[test]
fn a_later_fact_or_a_later_day_gives_a_larger_revision() {
    let first = view_revision(5, TODAY);
    assert!(view_revision(5, date(2026, 3, 3)) > first);
    assert!(view_revision(6, ALWAYS) > view_revision(5, date(2100, 1, 1)));
}
