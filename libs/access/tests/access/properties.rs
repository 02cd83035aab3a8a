//! Properties over random trees, grants and rows.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use tally_access::roles::RoleBook;
use tally_access::{
    Actor, Assignment, Border, Circumstances, Condition, Decision, Explainer, Facts, MODULES, Modules, Moment,
    NOT_DELEGABLE, OpContext, Permission, PersonFacts, Placement, Reach, Region, Scope, Source, Stay, Target,
    TemporaryRight, UnitFact, Verdict, View, compile, decide, roles,
};
use tally_kernel::id::{OrgUnitId, PersonId, PrincipalId, TenantId};
use tally_kernel::{Clock, Rng};
use uuid::Uuid;

mod policy {
    tally_access::rpcs! {
        ListPunches = "tally.attendance.v1.PunchService/ListPunches", PunchRead, Read;
    }
}

const TODAY: Date = date(2026, 3, 2);
const REGIONS: [&str; 3] = ["cn-north", "cn-south", "*"];
const NOON: Timestamp = Timestamp::constant(1_772_452_800, 0);
const OWN_ROLE: &str = "cashier";
const DELEGATOR: PrincipalId = PrincipalId(Uuid::from_u128(77));
const UNITS: u128 = 12;
const PEOPLE: u128 = 6;

fn unit(n: u128) -> OrgUnitId {
    OrgUnitId(Uuid::from_u128(n))
}
fn person(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(100 + n))
}

/// Where every unit hangs on which days.
#[derive(Clone, Debug)]
struct Tree {
    placements: Vec<Placement>,
}

impl Tree {
    fn parent(&self, id: OrgUnitId, moment: Moment) -> Option<OrgUnitId> {
        self.placements.iter().find(|there| there.id == id && there.stay.holds(moment))?.parent
    }

    fn units(&self) -> Vec<UnitFact> {
        let there = self.placements.iter().filter(|there| there.stay.holds(Moment::Day(TODAY)));
        there.map(|there| UnitFact { id: there.id, parent: there.parent }).collect()
    }

    fn moved(&self) -> Vec<Placement> {
        self.placements.iter().filter(|there| there.stay != Stay::default()).cloned().collect()
    }

    fn turned(&self) -> Self {
        Self { placements: self.placements.iter().rev().cloned().collect() }
    }
}

fn day(days: i64) -> Date {
    TODAY + jiff::Span::new().days(days)
}

/// Any forest in which a parent has a smaller number than its child. Some units move once or twice, within six days of today.
fn trees() -> impl Strategy<Value = Tree> {
    let parent = |n: u128| proptest::option::weighted(0.9, 0..n.max(1)).prop_map(move |p| p.filter(|p| *p < n));
    let moves = |n| proptest::collection::btree_map(-6..6_i64, parent(n), 0..3);
    let units: Vec<_> = (0..UNITS).map(|n| (parent(n), moves(n))).collect();
    units.prop_map(|units| {
        let mut placements = Vec::new();
        for (n, (first, moves)) in (0..UNITS).zip(units) {
            let border = |days: &i64| Border::before(day(*days), &TimeZone::UTC);
            let mut from = None;
            let mut parent = first;
            for (days, next) in &moves {
                let stay = Stay { from, until: Some(border(days)) };
                placements.push(Placement { id: unit(n), parent: parent.map(unit), gone: false, stay });
                (from, parent) = (Some(border(days)), *next);
            }
            placements.push(Placement {
                id: unit(n),
                parent: parent.map(unit),
                gone: false,
                stay: Stay { from, until: None },
            });
        }
        Tree { placements }
    })
}

fn moments() -> impl Strategy<Value = Option<Moment>> {
    let at = |hours: i64| NOON + jiff::SignedDuration::from_hours(hours);
    prop_oneof![
        Just(None),
        (-8..8_i64).prop_map(|days| Some(Moment::Day(day(days)))),
        (-180..180_i64).prop_map(move |hours| Some(Moment::Instant(at(hours)))),
        (-8..8_i64, proptest::option::of(0..4_i64))
            .prop_map(|(first, more)| Some(Moment::Days(day(first), more.map(|more| day(first + more))))),
    ]
}

fn scopes() -> impl Strategy<Value = Scope> {
    prop_oneof![
        Just(Scope::Own),
        Just(Scope::Reports),
        (0..UNITS).prop_map(|n| Scope::Unit(unit(n))),
        (0..UNITS).prop_map(|n| Scope::Subtree(unit(n))),
        (0..UNITS).prop_map(|n| Scope::LegalEntity(unit(n))),
        (0..2_usize).prop_map(|n| Scope::Region(REGIONS[n].parse().unwrap())),
        Just(Scope::Tenant),
    ]
}

fn grants() -> impl Strategy<Value = Vec<Assignment>> {
    let one = (0..=roles::READY.len(), scopes(), -3..3_i64, proptest::option::of(-3..3_i64), conditions());
    let one = one.prop_map(|(role, scope, from, to, condition)| Assignment {
        role: roles::READY.get(role).map_or(OWN_ROLE, |role| role.name).into(),
        scope,
        valid_from: TODAY + jiff::Span::new().days(from),
        valid_to: to.map(|days| TODAY + jiff::Span::new().days(days)),
        condition,
    });
    proptest::collection::vec(one, 0..6)
}

fn conditions() -> impl Strategy<Value = Condition> {
    let hours = proptest::option::weighted(0.2, prop_oneof![Just("08:00-20:00"), Just("22:00-06:00")]);
    (proptest::bool::weighted(0.2), hours).prop_map(|(second_factor, hours)| Condition {
        second_factor,
        hours: hours.map(|hours| hours.parse().unwrap()),
    })
}

fn circumstances() -> impl Strategy<Value = Circumstances> {
    (0..48_i64, any::<bool>()).prop_map(|(half_hours, second_factor)| Circumstances {
        now: NOON + jiff::SignedDuration::from_mins(30 * (half_hours - 24)),
        second_factor,
    })
}

fn modules() -> impl Strategy<Value = Modules> {
    let some = proptest::sample::subsequence(MODULES.to_vec(), 0..=MODULES.len());
    prop_oneof![
        Just(Modules::All),
        some.prop_map(|names| Modules::Only(names.into_iter().map(str::to_owned).collect()))
    ]
}

/// Delegations and emergencies that began an hour before noon or later, for two hours.
fn temporary_rights() -> impl Strategy<Value = Vec<TemporaryRight>> {
    let permissions = || proptest::sample::subsequence(Permission::ALL.to_vec(), 0..Permission::COUNT);
    let time = || {
        (-1..3_i64).prop_map(|hours| {
            let from = NOON + jiff::SignedDuration::from_hours(hours);
            (from, from + jiff::SignedDuration::from_hours(2))
        })
    };
    let delegation =
        (grants(), permissions(), time()).prop_map(|(grants, permissions, (from, until))| TemporaryRight::Delegation {
            delegator: DELEGATOR,
            grants,
            person: PersonFacts { person: Some(person(3)), reports: vec![person(4)], employed: true },
            permissions,
            from,
            until,
        });
    let emergency = (scopes(), permissions(), time()).prop_map(|(scope, permissions, (from, until))| {
        TemporaryRight::BreakGlass { id: Uuid::from_u128(911), scope, permissions, from, until }
    });
    proptest::collection::vec(prop_oneof![delegation, emergency], 0..3)
}

fn rows() -> impl Strategy<Value = Vec<Target>> {
    let one = (
        proptest::option::weighted(0.9, 0..REGIONS.len()),
        proptest::option::of(0..UNITS),
        proptest::option::of(0..PEOPLE),
        moments(),
    );
    let one = one.prop_map(|(r, u, p, moment)| Target {
        region: r.map(|r| REGIONS[r].parse().unwrap()),
        unit: u.map(unit),
        person: p.map(person),
        moment,
    });
    proptest::collection::vec(one, 1..40)
}

fn me() -> PersonFacts {
    PersonFacts { person: Some(person(0)), reports: vec![person(1), person(2)], employed: true }
}

fn book() -> RoleBook {
    RoleBook::with([(OWN_ROLE.to_owned(), vec![Permission::PunchRead, Permission::CardRead])])
}

/// The view of a call by day without a second factor.
fn view(grants: &[Assignment], tree: &Tree) -> Arc<View> {
    let by_day = Circumstances { now: NOON, second_factor: false };
    view_at(grants, &[], tree, &Modules::All, &by_day)
}

fn view_at(
    grants: &[Assignment],
    temporary_rights: &[TemporaryRight],
    tree: &Tree,
    modules: &Modules,
    at: &Circumstances,
) -> Arc<View> {
    let (units, moved, roles) = (tree.units(), tree.moved(), book());
    let facts = facts(&units, &moved, &roles, modules);
    Arc::new(compile(grants, temporary_rights, &me(), &facts)).at(at)
}

fn facts<'a>(units: &'a [UnitFact], moved: &'a [Placement], roles: &'a RoleBook, modules: &'a Modules) -> Facts<'a> {
    static ZONE: TimeZone = TimeZone::UTC;
    Facts { revision: 1, date: TODAY, zone: &ZONE, units, moved, roles, modules }
}

/// The list filter written out as the store writes it, apart from `Reach::covers`.
fn filter(reach: &Reach, row: &Target) -> bool {
    let regions: Vec<&Region> = reach.regions.iter().collect();
    reach.tenant
        || row.region.as_ref().is_some_and(|r| regions.contains(&r))
        || row.unit.is_some_and(|u| reach.units.iter().any(|v| *v == u))
        || reach.moved.iter().any(|(unit, stays)| {
            let then = row.moment.map_or(stays.today(), |moment| stays.days().iter().any(|stay| stay.holds(moment)));
            row.unit == Some(*unit) && then
        })
        || row.person.is_some_and(|p| reach.persons.iter().any(|q| *q == p))
}

fn allowed(view: &View, row: &Target) -> Vec<Permission> {
    Permission::ALL.iter().copied().filter(|p| decide(view, *p, row) == Decision::Allow).collect()
}

proptest! {
    #[test]
    fn a_list_shows_exactly_what_a_get_would_allow(
        grants in grants(), temporary_rights in temporary_rights(), tree in trees(), rows in rows(), modules in modules(), at in circumstances(),
    ) {
        let ctx = OpContext::new(
            Actor::service("performance", TenantId(Uuid::from_u128(1)), None),
            view_at(&grants, &temporary_rights, &tree, &modules, &at),
            Clock::default(),
            Rng::seeded(1),
        );
        let got: Vec<_> = rows.iter().filter(|row| ctx.permit::<policy::ListPunches>(row).is_ok()).collect();
        let listed: Vec<_> = match ctx.plan::<policy::ListPunches>() {
            Ok(plan) => rows.iter().filter(|row| filter(plan.reach(), row)).collect(),
            Err(_) => Vec::new(),
        };
        prop_assert_eq!(got, listed);
    }

    #[test]
    fn revoking_never_adds(grants in grants(), tree in trees(), rows in rows(), which in any::<prop::sample::Index>()) {
        prop_assume!(!grants.is_empty());
        let mut fewer = grants.clone();
        fewer.remove(which.index(grants.len()));
        let (before, after) = (view(&grants, &tree), view(&fewer, &tree));
        for row in &rows {
            let before = allowed(&before, row);
            prop_assert!(allowed(&after, row).iter().all(|p| before.contains(p)), "{row:?}");
        }
    }

    #[test]
    fn widening_never_removes(grants in grants(), tree in trees(), rows in rows(), which in any::<prop::sample::Index>()) {
        prop_assume!(!grants.is_empty());
        let mut wider = grants.clone();
        let scope = &mut wider[which.index(grants.len())].scope;
        *scope = match scope.clone() {
            Scope::Unit(u) => Scope::Subtree(u),
            Scope::Subtree(u) | Scope::LegalEntity(u) => {
                // The parent of today would take away what the unit reached elsewhere.
                let parent = tree.parent(u, Moment::Day(TODAY)).filter(|_| tree.moved().iter().all(|t| t.id != u));
                parent.map_or(Scope::Tenant, Scope::Subtree)
            }
            Scope::Own | Scope::Reports | Scope::Region(_) | Scope::Tenant => Scope::Tenant,
        };
        let (before, after) = (view(&grants, &tree), view(&wider, &tree));
        for row in &rows {
            let after = allowed(&after, row);
            prop_assert!(allowed(&before, row).iter().all(|p| after.contains(p)), "{row:?}");
        }
    }

    #[test]
    fn narrowing_never_adds_and_keeps_all_that_is_named(
        grants in grants(),
        tree in trees(),
        rows in rows(),
        named in proptest::collection::btree_set(0..Permission::COUNT, 0..20),
    ) {
        let named: std::collections::BTreeSet<_> = named.into_iter().map(|n| Permission::ALL[n]).collect();
        let whole = view(&grants, &tree);
        let narrow = whole.only(&named);
        for row in &rows {
            let mut left = allowed(&whole, row);
            left.retain(|p| named.contains(p));
            prop_assert_eq!(allowed(&narrow, row), left);
        }
    }

    #[test]
    fn who_is_not_employed_reaches_no_row(
        grants in grants(), temporary_rights in temporary_rights(), tree in trees(), rows in rows(), at in circumstances(),
    ) {
        let left = PersonFacts { employed: false, ..me() };
        let (units, moved, roles) = (tree.units(), tree.moved(), book());
        let facts = facts(&units, &moved, &roles, &Modules::All);
        let away = Arc::new(compile(&grants, &temporary_rights, &left, &facts)).at(&at);
        for row in &rows {
            prop_assert_eq!(allowed(&away, row), vec![]);
        }
    }

    #[test]
    fn the_order_of_grants_and_units_does_not_matter(grants in grants(), tree in trees()) {
        let rules = |v: &View| v.rules().map(|(p, r)| (p, Reach::clone(r))).collect::<Vec<_>>();
        let mut turned = grants.clone();
        turned.reverse();
        prop_assert_eq!(rules(&view(&grants, &tree)), rules(&view(&turned, &tree.turned())));
    }

    #[test]
    fn a_unit_is_reached_from_where_it_hung_on_the_day_of_the_fact(tree in trees(), rows in rows(), root in 0..UNITS) {
        let grant = Assignment {
            role: OWN_ROLE.into(),
            scope: Scope::Subtree(unit(root)),
            valid_from: TODAY,
            valid_to: None,
            condition: Condition::default(),
        };
        let view = view(&[grant], &tree);
        for row in &rows {
            let Some(unit_of_row) = row.unit else { continue };
            // No unit moves more than six days from today.
            let moments = match row.moment.unwrap_or(Moment::Day(TODAY)) {
                Moment::Days(first, last) => {
                    let days = first.series(jiff::Span::new().days(1)).take_while(|at| *at <= last.unwrap_or(day(20)));
                    days.map(Moment::Day).collect()
                }
                one => vec![one],
            };
            let hung = moments.into_iter().any(|moment| {
                let mut above = std::iter::successors(Some(unit_of_row), |id| tree.parent(*id, moment));
                above.any(|id| id == unit(root))
            });
            let row = Target { region: None, person: None, ..row.clone() };
            prop_assert_eq!(decide(&view, Permission::PunchRead, &row) == Decision::Allow, hung, "{:?}", row);
        }
    }

    #[test]
    fn whoever_reaches_a_whole_reaches_its_parts_and_nobody_else_gains(grants in grants(), tree in trees(), rows in rows()) {
        let actor = Actor::service("performance", TenantId(Uuid::from_u128(1)), None);
        let ctx = OpContext::new(actor, view(&grants, &tree), Clock::default(), Rng::seeded(1));
        let Ok(whole) = ctx.plan::<policy::ListPunches>() else { return Ok(()) };
        for row in &rows {
            let through = ctx.plan::<policy::ListPunches>().unwrap().through(row);
            for part in &rows {
                prop_assert_eq!(through.covers(part), whole.covers(row) || whole.covers(part));
            }
        }
    }

    #[test]
    fn one_of_the_grants_explains_whatever_the_grants_allow(
        grants in grants(), tree in trees(), rows in rows(), modules in modules(), at in circumstances(),
    ) {
        let (view, me, book) = (view_at(&grants, &[], &tree, &modules, &at), me(), book());
        let (units, moved) = (tree.units(), tree.moved());
        let facts = facts(&units, &moved, &book, &modules);
        let explainer = Explainer::new(&facts, &me);
        for row in &rows {
            for permission in Permission::ALL {
                let allows = |grant| explainer.ask(grant, *permission, row, &at) == Verdict::Allows;
                let allowed = decide(&view, *permission, row) == Decision::Allow;
                prop_assert_eq!(grants.iter().any(allows), allowed, "{} on {:?}", permission, row);
            }
        }
    }

    #[test]
    fn a_delegation_adds_what_the_delegator_has_and_nothing_that_is_not_delegable(
        grants in grants(), temporary_rights in temporary_rights(), tree in trees(), rows in rows(), at in circumstances(),
    ) {
        let own = view_at(&grants, &[], &tree, &Modules::All, &at);
        let both = view_at(&grants, &temporary_rights, &tree, &Modules::All, &at);
        for row in &rows {
            let before = allowed(&own, row);
            for permission in allowed(&both, row) {
                let source = both.source(permission, row);
                prop_assert_eq!(source == Source::Own, before.contains(&permission), "{} on {:?}", permission, row);
                prop_assert!(source == Source::Own || !NOT_DELEGABLE.contains(&permission));
                if source == Source::Delegated(DELEGATOR) {
                    let delegates = |right: &TemporaryRight| match right {
                        TemporaryRight::Delegation { grants, permissions, person, .. } => {
                            let (units, moved, roles) = (tree.units(), tree.moved(), book());
                            let facts = facts(&units, &moved, &roles, &Modules::All);
                            let theirs = Arc::new(compile(grants, &[], person, &facts)).at(&at);
                            permissions.contains(&permission) && decide(&theirs, permission, row) == Decision::Allow
                        }
                        TemporaryRight::BreakGlass { .. } => false,
                    };
                    prop_assert!(temporary_rights.iter().any(delegates), "{} on {:?} comes from nowhere", permission, row);
                }
            }
            prop_assert!(before.iter().all(|p| decide(&both, *p, row) == Decision::Allow), "a right took something away");
        }
    }

    #[test]
    fn a_module_that_the_group_lacks_gives_nothing(
        grants in grants(), temporary_rights in temporary_rights(), tree in trees(), rows in rows(), modules in modules(), at in circumstances(),
    ) {
        let (all, some) = (
            view_at(&grants, &temporary_rights, &tree, &Modules::All, &at),
            view_at(&grants, &temporary_rights, &tree, &modules, &at),
        );
        for row in &rows {
            let left: Vec<_> = allowed(&all, row).into_iter().filter(|p| modules.hold(*p)).collect();
            prop_assert_eq!(allowed(&some, row), left);
        }
    }
}
