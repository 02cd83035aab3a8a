//! Views of a small group, scope by scope.

use std::sync::Arc;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use tally_access::roles::RoleBook;
use tally_access::{
    Actor, ActorKind, Assignment, Border, Condition, Decision, Facts, Modules, OpContext, Permission, PersonFacts,
    Placement, Region, Regions, Scope, Stay, Target, UnitFact, View, compile, compile_service, decide, plan, subtree,
};
use tally_kernel::id::{OrgUnitId, PersonId, PrincipalId, TenantId};
use tally_kernel::{Clock, Kind, Rng};
use uuid::Uuid;

mod policy {
    tally_access::rpcs! {
        ImportPunches = "tally.attendance.v1.PunchService/ImportPunches", PunchImport, Change;
        GetPerson = "tally.identity.v1.PersonService/GetPerson", PersonRead, Read;
        SignIn = "tally.identity.v1.SessionService/SignIn", public, Change;
        ChangePassword = "tally.identity.v1.LoginService/ChangePassword", signed_in, Change;
    }
}
use policy::{ChangePassword, GetPerson, ImportPunches, SignIn};

const TODAY: Date = date(2026, 3, 2);

fn unit(n: u128) -> OrgUnitId {
    OrgUnitId(Uuid::from_u128(n))
}
fn person(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(n))
}
fn region(name: &str) -> Region {
    name.parse().unwrap()
}

/// 0 group > 1 north > (2 > 4), 3 ; 0 > 5 south
fn tree() -> Vec<UnitFact> {
    [(0, None), (1, Some(0)), (2, Some(1)), (3, Some(1)), (4, Some(2)), (5, Some(0))]
        .map(|(id, parent)| UnitFact { id: unit(id), parent: parent.map(unit) })
        .to_vec()
}

fn given(role: &str, scope: Scope) -> Assignment {
    let condition = Condition::default();
    Assignment { role: role.into(), scope, valid_from: date(2026, 1, 1), valid_to: None, condition }
}

fn view(assignments: &[Assignment]) -> View {
    let facts = PersonFacts { person: Some(person(7)), reports: vec![person(8)], employed: true };
    seen_by(assignments, &facts)
}

fn seen_by(assignments: &[Assignment], person: &PersonFacts) -> View {
    seen_in(assignments, person, &[])
}

fn seen_in(assignments: &[Assignment], person: &PersonFacts, moved: &[Placement]) -> View {
    let (roles, modules, units) = (RoleBook::default(), Modules::All, tree());
    let facts = Facts {
        revision: 3,
        date: TODAY,
        zone: &TimeZone::UTC,
        units: &units,
        moved,
        roles: &roles,
        modules: &modules,
    };
    compile(assignments, &[], person, &facts)
}

fn context(view: View) -> OpContext {
    let actor = Actor {
        principal: PrincipalId(Uuid::from_u128(1)),
        kind: ActorKind::Person(person(7)),
        tenant: TenantId(Uuid::from_u128(9)),
        on_behalf_of: None,
    };
    OpContext::new(actor, Arc::new(view), Clock::default(), Rng::seeded(1))
}

#[test]
fn a_subtree_reaches_all_below_and_nothing_beside() {
    let view = view(&[given("branch_hr", Scope::Subtree(unit(1)))]);
    let at = |n| decide(&view, Permission::PunchImport, &Target::unit(region("cn-north"), unit(n)));
    assert_eq!([1, 2, 3, 4].map(at), [Decision::Allow; 4]);
    assert_eq!([0, 5].map(at), [Decision::OutOfReach; 2]);
    assert_eq!(decide(&view, Permission::SettlementApprove, &Target::tenant()), Decision::NoPermission);
}

#[test]
fn a_unit_reaches_itself_alone() {
    let view = view(&[given("supervisor", Scope::Unit(unit(2)))]);
    let at = |n| decide(&view, Permission::CardRead, &Target::unit(region("cn-north"), unit(n)));
    assert_eq!([2, 4].map(at), [Decision::Allow, Decision::OutOfReach]);
}

#[test]
fn what_is_of_a_closed_unit_is_reached_with_the_unit_that_its_people_went_to_from_that_day_on() {
    // 6 of 2 was closed on the first of March into 3, 7 of 5 into 6 a day before that.
    let border = |day| Border::before(date(2026, 3, day), &TimeZone::UTC);
    let placed = |id, parent, gone, from: Option<i8>, until: Option<i8>| Placement {
        id: unit(id),
        parent: Some(unit(parent)),
        gone,
        stay: Stay { from: from.map(border), until: until.map(border) },
    };
    let moved = [
        placed(6, 2, false, None, Some(2)),
        placed(6, 3, true, Some(2), None),
        placed(7, 5, false, None, Some(1)),
        placed(7, 6, true, Some(1), None),
    ];
    let nobody = PersonFacts::default();
    let reached = |scope: Scope| {
        let view = seen_in(&[given("branch_hr", scope)], &nobody, &moved);
        let on = |n, day: Option<i8>| {
            let target = Target::unit(region("cn-north"), unit(n));
            let target = day.map_or(target.clone(), |day| target.on(date(2026, 3, day)));
            decide(&view, Permission::PunchImport, &target) == Decision::Allow
        };
        [6, 7].map(|n| [on(n, Some(1)), on(n, Some(2)), on(n, None)])
    };
    assert_eq!(reached(Scope::Unit(unit(3))), [[false, true, true]; 2]);
    assert_eq!(reached(Scope::Subtree(unit(3))), [[false, true, true]; 2]);
    assert_eq!(reached(Scope::Unit(unit(2))), [[false; 3]; 2]);
    assert_eq!(reached(Scope::Subtree(unit(2))), [[true, false, false]; 2]);
    assert_eq!(reached(Scope::Subtree(unit(1))), [[true; 3]; 2], "within one branch no day is missing");
    let own = [[true, false, false]; 2];
    assert_eq!([reached(Scope::Unit(unit(6))), reached(Scope::Subtree(unit(6)))], [own; 2], "of its own days");
    assert_eq!(reached(Scope::Subtree(unit(5))), [[false; 3]; 2]);
}

#[test]
fn self_and_reports_test_the_person_wherever_the_row_is() {
    let own = view(&[given("agent", Scope::Own)]);
    let reports = view(&[given("supervisor", Scope::Reports)]);
    let about = |n| Target::person(region("cn-north"), Some(unit(5)), person(n));
    assert_eq!(decide(&own, Permission::StatementReadPay, &about(7)), Decision::Allow);
    assert_eq!(decide(&own, Permission::StatementReadPay, &about(8)), Decision::OutOfReach);
    assert_eq!(decide(&reports, Permission::CardRead, &about(8)), Decision::Allow);
    assert_eq!(decide(&reports, Permission::StatementReadPay, &about(8)), Decision::NoPermission);
}

#[test]
fn a_region_reaches_its_rows_and_the_group_scope_reaches_everything() {
    let north = view(&[given("branch_hr", Scope::Region(region("cn-north")))]);
    assert_eq!(decide(&north, Permission::OrgWrite, &Target::region(region("cn-north"))), Decision::Allow);
    assert_eq!(decide(&north, Permission::OrgWrite, &Target::region(region("eu-west"))), Decision::OutOfReach);
    assert_eq!(decide(&north, Permission::OrgWrite, &Target::tenant()), Decision::OutOfReach);
    let group = view(&[given("group_hr", Scope::Tenant)]);
    assert_eq!(decide(&group, Permission::OrgWrite, &Target::tenant()), Decision::Allow);
    assert_eq!(decide(&group, Permission::OrgWrite, &Target::unit(region("eu-west"), unit(5))), Decision::Allow);
}

#[test]
fn what_the_group_laid_down_is_read_by_whoever_reads_any_of_it_and_written_by_the_group_alone() {
    let branch = view(&[given("branch_hr", Scope::Subtree(unit(1)))]);
    let group_wide = Target::region(Region::global());
    assert_eq!(decide(&branch, Permission::SchemeRead, &group_wide), Decision::Allow);
    assert_eq!(decide(&branch, Permission::OrgWrite, &group_wide), Decision::OutOfReach);
    assert_eq!(decide(&branch, Permission::PersonRead, &group_wide), Decision::OutOfReach);
    let without_person = seen_by(&[given("agent", Scope::Own)], &PersonFacts::default());
    assert_eq!(decide(&without_person, Permission::SchemeRead, &group_wide), Decision::NoPermission);
}

#[test]
fn a_grant_holds_from_its_first_to_its_last_day() {
    let mut grant = given("group_hr", Scope::Tenant);
    grant.valid_to = Some(TODAY);
    assert!(plan(&view(std::slice::from_ref(&grant)), Permission::OrgRead).is_some());
    grant.valid_to = Some(date(2026, 3, 1));
    assert!(plan(&view(std::slice::from_ref(&grant)), Permission::OrgRead).is_none());
    grant.valid_from = date(2026, 3, 3);
    grant.valid_to = None;
    assert!(plan(&view(&[grant]), Permission::OrgRead).is_none());
}

#[test]
fn who_is_not_employed_holds_nothing() {
    let grants = [given("agent", Scope::Own), given("supervisor", Scope::Subtree(unit(1)))];
    let facts = PersonFacts { person: Some(person(7)), reports: Vec::new(), employed: false };
    let left = seen_by(&grants, &facts);
    let own = Target::person(region("cn-north"), Some(unit(2)), person(7));
    let team = Target::person(region("cn-north"), Some(unit(2)), person(8));
    assert_eq!(decide(&left, Permission::StatementReadPay, &own), Decision::NoPermission);
    assert_eq!(decide(&left, Permission::RosterWrite, &team), Decision::NoPermission);
    assert_eq!(left.rules().count(), 0);
    let login_without_person = seen_by(&grants, &PersonFacts::default());
    assert_eq!(decide(&login_without_person, Permission::CardRead, &team), Decision::Allow);
}

#[test]
fn a_role_that_is_unknown_or_belongs_to_a_service_gives_nothing() {
    let odd = view(&[given("emperor", Scope::Tenant), given("service_performance", Scope::Tenant)]);
    assert_eq!(odd.rules().count(), 0);
    assert_eq!(compile_service("nobody", 1).rules().count(), 0);
    let performance = compile_service("performance", 1);
    assert_eq!(decide(&performance, Permission::OccupancyRead, &Target::tenant()), Decision::Allow);
    assert_eq!(decide(&performance, Permission::StatementReadPay, &Target::tenant()), Decision::NoPermission);
}

#[test]
fn a_suspended_group_takes_along_what_it_could_read_and_an_api_key_no_more_than_it_may() {
    let mine = Target::person(region("cn-north"), Some(unit(2)), person(7));
    let view = view(&[given("branch_hr", Scope::Subtree(unit(1))), given("group_admin", Scope::Tenant)]);
    assert!(view.takes_along(Permission::PunchRead, &mine), "as decide() says");
    let stopped = view.suspended();
    assert_eq!(decide(&stopped, Permission::PunchRead, &mine), Decision::NoPermission);
    assert!(stopped.takes_along(Permission::PunchRead, &mine));
    assert!(!stopped.takes_along(Permission::PunchRead, &Target::tenant()), "where it was given, and not elsewhere");
    assert!(!stopped.takes_along(Permission::StatementReadPay, &mine));
    let key = stopped.only(&[Permission::TenantExport].into());
    assert!(!key.takes_along(Permission::PunchRead, &mine));
    assert_eq!(decide(&key, Permission::TenantExport, &Target::tenant()), Decision::Allow);
}

#[test]
fn permissions_of_the_same_grants_share_one_reach() {
    let view = view(&[given("branch_hr", Scope::Subtree(unit(1)))]);
    let of = |p| view.rules().find(|(q, _)| *q == p).unwrap().1;
    assert!(Arc::ptr_eq(of(Permission::PunchRead), of(Permission::PunchImport)));
}

#[test]
fn a_tree_with_a_cycle_is_walked_once() {
    let twisted = [(1, Some(2)), (2, Some(1))].map(|(id, p)| UnitFact { id: unit(id), parent: p.map(unit) });
    assert_eq!(subtree(&twisted, unit(1)).len(), 2);
}

#[test]
fn a_permit_needs_reach_and_a_refusal_says_what_is_missing() {
    let ctx = context(view(&[given("branch_hr", Scope::Subtree(unit(1)))]));
    let (inside, outside) = (Target::unit(region("cn-north"), unit(4)), Target::unit(region("cn-south"), unit(5)));
    let permit = ctx.permit::<ImportPunches>(&inside).unwrap();
    assert_eq!((permit.method(), permit.principal()), (policy::POLICY[0].method, ctx.actor.principal));
    let refused = ctx.permit::<ImportPunches>(&outside).unwrap_err();
    assert_eq!((refused.kind(), refused.reason()), (Kind::PermissionDenied, "PERMISSION_DENIED"));
    assert_eq!(refused.metadata()["permission"], "attendance.punch.import");
    assert!(ctx.permit_all::<ImportPunches>([inside.clone(), outside]).is_err());
    assert!(ctx.permit_all::<ImportPunches>([inside.clone(), inside]).is_ok());
}

#[test]
fn reading_what_is_out_of_reach_looks_like_reading_what_is_not_there() {
    let ctx = context(view(&[given("agent", Scope::Own)]));
    let colleague = Target::person(region("cn-north"), None, person(8));
    let error = ctx.permit_read::<GetPerson>(&colleague, "person", person(8)).unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    let nobody = context(View::nothing(0, None));
    let error = nobody.permit_read::<GetPerson>(&colleague, "person", person(8)).unwrap_err();
    assert_eq!(error.kind(), Kind::PermissionDenied);
}

#[test]
fn nobody_may_call_what_is_public_and_is_told_to_sign_in_for_the_rest() {
    let ctx = OpContext::new(Actor::nobody(), Arc::new(View::nothing(0, None)), Clock::default(), Rng::seeded(1));
    assert!(ctx.permit::<SignIn>(&Target::tenant()).is_ok());
    assert_eq!(ctx.permit::<GetPerson>(&Target::tenant()).unwrap_err().kind(), Kind::Unauthenticated);
    assert_eq!(ctx.plan::<GetPerson>().unwrap_err().kind(), Kind::Unauthenticated);
}

#[test]
fn what_is_about_oneself_needs_a_session_and_no_grant() {
    let nobody = OpContext::new(Actor::nobody(), Arc::new(View::nothing(0, None)), Clock::default(), Rng::seeded(1));
    assert_eq!(nobody.permit::<ChangePassword>(&Target::tenant()).unwrap_err().kind(), Kind::Unauthenticated);
    let ctx = context(View::nothing(0, None));
    assert!(ctx.permit::<ChangePassword>(&Target::tenant()).is_ok());
    let plan = ctx.plan::<ChangePassword>().unwrap();
    assert!(plan.covers(&Target::person(region("cn-north"), None, person(7))));
    assert!(!plan.covers(&Target::person(region("cn-north"), None, person(8))));
    let service = ctx.as_service("talent");
    assert_eq!(service.permit::<ChangePassword>(&Target::tenant()).unwrap_err().kind(), Kind::PermissionDenied);
}

#[test]
fn a_view_that_is_narrowed_keeps_the_reach_of_what_is_left() {
    let whole = view(&[given("branch_hr", Scope::Subtree(unit(1)))]);
    let narrow = whole.only(&[Permission::PunchRead, Permission::StatementReadPay].into());
    let inside = Target::unit(region("cn-north"), unit(2));
    assert_eq!(decide(&narrow, Permission::PunchRead, &inside), Decision::Allow);
    assert_eq!(decide(&narrow, Permission::PunchRead, &Target::tenant()), Decision::OutOfReach);
    assert_eq!(decide(&narrow, Permission::PunchImport, &inside), Decision::NoPermission);
    assert_eq!(decide(&narrow, Permission::StatementReadPay, &inside), Decision::NoPermission, "nothing is added");
    assert_eq!(narrow.revision(), whole.revision());
}

#[test]
fn a_stack_of_one_region_refuses_the_data_of_another_even_to_the_group() {
    let mut ctx = context(view(&[given("group_hr", Scope::Tenant)]));
    ctx.regions = Regions::Only([region("cn-north")].into());
    let abroad = ctx.permit::<ImportPunches>(&Target::region(region("eu-west"))).unwrap_err();
    assert_eq!((abroad.kind(), abroad.reason()), (Kind::FailedPrecondition, "REGION_NOT_SERVED"));
    assert!(ctx.permit::<ImportPunches>(&Target::region(region("cn-north"))).is_ok());
}

#[test]
fn background_work_runs_as_the_service_and_remembers_for_whom() {
    let ctx = context(view(&[given("group_hr", Scope::Tenant)]));
    let work = ctx.as_service("performance");
    assert_eq!(work.actor.on_behalf_of, Some(ctx.actor.principal));
    assert_eq!(work.tenant(), ctx.tenant());
    assert!(work.permit::<ImportPunches>(&Target::tenant()).is_err(), "the caller's rights do not come along");
    assert_eq!(work.as_service("talent").actor.on_behalf_of, Some(ctx.actor.principal));
}

#[test]
fn scopes_read_back_from_their_names() {
    let all = [
        Scope::Own,
        Scope::Reports,
        Scope::Unit(unit(1)),
        Scope::Subtree(unit(2)),
        Scope::LegalEntity(unit(3)),
        Scope::Region(region("cn-north")),
        Scope::Tenant,
    ];
    for scope in all {
        assert_eq!(Scope::read(&scope.kind().to_string(), &scope.reference()).unwrap(), scope);
    }
    for (kind, reference) in [("self", "x"), ("unit", ""), ("region", ""), ("galaxy", "")] {
        assert!(Scope::read(kind, reference).is_err(), "{kind} {reference}");
    }
}
