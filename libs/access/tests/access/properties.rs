//! Properties over random trees, grants and rows.

use std::sync::Arc;

use jiff::civil::{Date, date};
use proptest::prelude::*;
use tally_access::{
    Actor, Assignment, Decision, OpContext, Permission, PersonFacts, Reach, Region, Scope, Target, UnitFact, View,
    compile, decide, roles,
};
use tally_kernel::id::{OrgUnitId, PersonId, TenantId};
use tally_kernel::{Clock, Rng};
use uuid::Uuid;

mod policy {
    tally_access::rpcs! {
        ListPunches = "tally.attendance.v1.PunchService/ListPunches", PunchRead, Read;
    }
}

const TODAY: Date = date(2026, 3, 2);
const REGIONS: [&str; 3] = ["cn-north", "cn-south", "*"];
const UNITS: u128 = 12;
const PEOPLE: u128 = 6;

fn unit(n: u128) -> OrgUnitId {
    OrgUnitId(Uuid::from_u128(n))
}
fn person(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(100 + n))
}

/// Any forest in which a parent has a smaller number than its child.
fn trees() -> impl Strategy<Value = Vec<UnitFact>> {
    let parents: Vec<_> = (0..UNITS).map(|n| proptest::option::weighted(0.9, 0..n.max(1))).collect();
    parents.prop_map(|parents| {
        let fact =
            |(n, parent): (u128, Option<u128>)| UnitFact { id: unit(n), parent: parent.filter(|p| *p < n).map(unit) };
        (0..UNITS).zip(parents).map(fact).collect()
    })
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
    let one = (0..roles::READY.len(), scopes(), -3..3_i64, proptest::option::of(-3..3_i64));
    let one = one.prop_map(|(role, scope, from, to)| Assignment {
        role: roles::READY[role].name.into(),
        scope,
        valid_from: TODAY + jiff::Span::new().days(from),
        valid_to: to.map(|days| TODAY + jiff::Span::new().days(days)),
    });
    proptest::collection::vec(one, 0..6)
}

fn rows() -> impl Strategy<Value = Vec<Target>> {
    let one = (
        proptest::option::weighted(0.9, 0..REGIONS.len()),
        proptest::option::of(0..UNITS),
        proptest::option::of(0..PEOPLE),
    );
    let one = one.prop_map(|(r, u, p)| Target {
        region: r.map(|r| REGIONS[r].parse().unwrap()),
        unit: u.map(unit),
        person: p.map(person),
    });
    proptest::collection::vec(one, 1..40)
}

fn view(grants: &[Assignment], tree: &[UnitFact]) -> View {
    let facts = PersonFacts { person: Some(person(0)), reports: vec![person(1), person(2)], employed: true };
    compile(1, grants, tree, &facts, TODAY)
}

/// The list filter written out as the store writes it, apart from `Reach::covers`.
fn filter(reach: &Reach, row: &Target) -> bool {
    let regions: Vec<&Region> = reach.regions.iter().collect();
    reach.tenant
        || row.region.as_ref().is_some_and(|r| regions.contains(&r))
        || row.unit.is_some_and(|u| reach.units.iter().any(|v| *v == u))
        || row.person.is_some_and(|p| reach.persons.iter().any(|q| *q == p))
}

fn allowed(view: &View, row: &Target) -> Vec<Permission> {
    Permission::ALL.iter().copied().filter(|p| decide(view, *p, row) == Decision::Allow).collect()
}

proptest! {
    #[test]
    fn a_list_shows_exactly_what_a_get_would_allow(grants in grants(), tree in trees(), rows in rows()) {
        let ctx = OpContext::new(
            Actor::service("performance", TenantId(Uuid::from_u128(1)), None),
            Arc::new(view(&grants, &tree)),
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
                let parent = tree.iter().find(|t| t.id == u).and_then(|t| t.parent);
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
    fn the_order_of_grants_and_units_does_not_matter(grants in grants(), tree in trees()) {
        let rules = |v: &View| v.rules().map(|(p, r)| (p, Reach::clone(r))).collect::<Vec<_>>();
        let (mut turned, mut unrooted) = (grants.clone(), tree.clone());
        turned.reverse();
        unrooted.reverse();
        prop_assert_eq!(rules(&view(&grants, &tree)), rules(&view(&turned, &unrooted)));
    }
}
