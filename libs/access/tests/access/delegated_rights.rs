//! Conditions, delegations and emergencies: what holds when, and in whose name.

use std::sync::Arc;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tally_access::roles::RoleBook;
use tally_access::{
    Assignment, Circumstances, Condition, Decision, Facts, Modules, Permission, PersonFacts, Scope, Source, Target,
    TemporaryRight, View, compile, decide,
};
use tally_kernel::id::{PersonId, PrincipalId};
use uuid::Uuid;

const TODAY: Date = date(2026, 3, 2);
const NOON: Timestamp = Timestamp::constant(1_772_452_800, 0);
const DELEGATOR: PrincipalId = PrincipalId(Uuid::from_u128(5));

fn person(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(n))
}

fn given(role: &str, scope: Scope, condition: Condition) -> Assignment {
    Assignment { role: role.into(), scope, valid_from: TODAY, valid_to: None, condition }
}

fn on_group(role: &str) -> Assignment {
    given(role, Scope::Tenant, Condition::default())
}

fn employed(n: u128) -> PersonFacts {
    PersonFacts { person: Some(person(n)), reports: Vec::new(), employed: true }
}

fn view(grants: &[Assignment], temporary_rights: &[TemporaryRight]) -> Arc<View> {
    let (roles, modules) = (RoleBook::default(), Modules::All);
    let facts = Facts {
        revision: 3,
        date: TODAY,
        zone: &TimeZone::UTC,
        units: &[],
        moved: &[],
        roles: &roles,
        modules: &modules,
    };
    Arc::new(compile(grants, temporary_rights, &employed(1), &facts))
}

fn at(view: &Arc<View>, minutes: i64, second_factor: bool) -> Arc<View> {
    let now = NOON + SignedDuration::from_mins(minutes);
    view.at(&Circumstances { now, second_factor })
}

fn delegation(grants: Vec<Assignment>, delegator: PersonFacts, permissions: &[Permission]) -> TemporaryRight {
    TemporaryRight::Delegation {
        delegator: DELEGATOR,
        grants,
        person: delegator,
        permissions: permissions.to_vec(),
        from: NOON,
        until: NOON + SignedDuration::from_mins(60),
    }
}

fn group(view: &View, permission: Permission) -> Decision {
    decide(view, permission, &Target::tenant())
}

#[test]
fn a_grant_with_a_condition_gives_nothing_until_a_call_meets_it() {
    let strict = Condition { second_factor: true, hours: Some("11:00-12:30".parse().unwrap()) };
    let view = view(&[given("group_hr", Scope::Tenant, strict)], &[]);
    assert_eq!(group(&view, Permission::OrgRead), Decision::NoPermission, "before anybody calls");
    let seen =
        [(0, false), (0, true), (29, true), (30, true)].map(|(m, sf)| group(&at(&view, m, sf), Permission::OrgRead));
    let (no, yes) = (Decision::NoPermission, Decision::Allow);
    assert_eq!(seen, [no, yes, yes, no]);
}

#[test]
fn a_delegation_holds_for_its_time_and_names_who_delegated() {
    let right = delegation(vec![on_group("approver")], employed(2), &[Permission::SettlementApprove]);
    let view = view(&[on_group("group_hr")], &[right]);
    let seen = [-1, 0, 59, 60].map(|m| group(&at(&view, m, false), Permission::SettlementApprove));
    assert_eq!(seen, [Decision::NoPermission, Decision::Allow, Decision::Allow, Decision::NoPermission]);
    let now = at(&view, 0, false);
    assert_eq!(now.source(Permission::SettlementApprove, &Target::tenant()), Source::Delegated(DELEGATOR));
    assert_eq!(now.source(Permission::OrgRead, &Target::tenant()), Source::Own);
    assert_eq!(
        now.temporary_sources(Permission::SettlementApprove).collect::<Vec<_>>(),
        [Source::Delegated(DELEGATOR)]
    );
    assert_eq!(group(&now, Permission::StatementReadPay), Decision::NoPermission, "only what was named is delegated");
}

#[test]
fn a_delegation_ends_with_what_the_delegator_has_and_never_delegates_rights_over_rights_or_oneself() {
    let approve = [Permission::SettlementApprove, Permission::StatementReadPay, Permission::GrantWrite];
    let left = PersonFacts { employed: false, ..employed(2) };
    let gone = view(&[], &[delegation(vec![on_group("approver")], left, &approve)]);
    assert_eq!(group(&at(&gone, 0, false), Permission::SettlementApprove), Decision::NoPermission);
    let own = given("agent", Scope::Own, Condition::default());
    let admin = view(&[], &[delegation(vec![on_group("group_admin"), own], employed(2), &approve)]);
    let now = at(&admin, 0, false);
    assert_eq!(group(&now, Permission::GrantWrite), Decision::NoPermission);
    let their_pay = Target { person: Some(person(2)), ..Target::default() };
    assert_eq!(decide(&now, Permission::StatementReadPay, &their_pay), Decision::NoPermission);
}

#[test]
fn an_emergency_wants_a_second_factor_and_ends_by_itself() {
    let right = TemporaryRight::BreakGlass {
        id: Uuid::from_u128(9),
        scope: Scope::Tenant,
        permissions: vec![Permission::StatementReadPay, Permission::GrantAny],
        from: NOON,
        until: NOON + SignedDuration::from_mins(60),
    };
    let view = view(&[], &[right]);
    let pay = |minutes, sf| group(&at(&view, minutes, sf), Permission::StatementReadPay);
    assert_eq!([pay(0, false), pay(60, true)], [Decision::NoPermission; 2]);
    assert_eq!([pay(0, true), pay(59, true)], [Decision::Allow; 2]);
    assert_eq!(group(&at(&view, 0, true), Permission::GrantAny), Decision::NoPermission);
    let source = at(&view, 0, true).source(Permission::StatementReadPay, &Target::tenant());
    assert_eq!(source, Source::BreakGlass(Uuid::from_u128(9)));
}

#[test]
fn a_role_of_the_groups_own_gives_what_it_says_and_never_shadows_a_ready_one() {
    let own =
        [("cashier".to_owned(), vec![Permission::SettlementPost]), ("agent".to_owned(), vec![Permission::GrantAny])];
    let book = RoleBook::with(own);
    assert_eq!(book.permissions("cashier"), [Permission::SettlementPost]);
    assert!(!book.permissions("agent").contains(&Permission::GrantAny));
    assert_eq!(book.permissions("service_talent"), []);
}
