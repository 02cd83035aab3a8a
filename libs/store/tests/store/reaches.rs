//! A list shows exactly what a get would allow: random trees, grants, delegations, emergencies and rows, with the rows in the
//! databases themselves. `libs/access` holds the same against a filter in memory; here SQL is the one that is asked.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sea_orm::ActiveValue::Set;
use tally_access::roles::{self, RoleBook};
use tally_access::{
    Assignment, Border, Circumstances, Condition, Decision, Facts, Modules, OpContext, Permission, PersonFacts,
    Placement, Scope, Stay, Target, TemporaryRight, UnitFact, View, compile, decide,
};
use tally_kernel::Rng;
use tally_kernel::id::{OrgUnitId, PersonId, PrincipalId};
use uuid::Uuid;

use crate::databases::{Backend, TestStore};
use crate::on_both;
use crate::sample::{audit, context, database, note, policy, row, unit_of};

const TODAY: Date = date(2026, 3, 2);
const NOON: Timestamp = Timestamp::constant(1_772_452_800, 0);
const REGIONS: [&str; 3] = ["cn-north", "cn-south", "*"];
const UNITS: u64 = 14;
const PEOPLE: u64 = 8;
const ROWS: usize = 150;
const VIEWS: u64 = 250;
/// What the list of the sample asks for.
const READ: Permission = Permission::PunchRead;

/// Where units hang, and where those hung that moved in the last days.
#[derive(Default)]
struct Tree {
    units: Vec<UnitFact>,
    moved: Vec<Placement>,
}

/// Numbers that only look random.
struct Dice(Rng);

impl Dice {
    fn below(&self, n: u64) -> u64 {
        u64::from_le_bytes(self.0.bytes()) % n
    }
    fn one_in(&self, n: u64) -> bool {
        self.below(n) == 0
    }
    fn region(&self) -> &'static str {
        REGIONS[self.below(3) as usize]
    }
    fn unit(&self) -> OrgUnitId {
        OrgUnitId(Uuid::from_u128(u128::from(self.below(UNITS))))
    }
    fn person(&self) -> PersonId {
        PersonId(Uuid::from_u128(100 + u128::from(self.below(PEOPLE))))
    }

    /// A forest in which a parent has a smaller number than its child.
    fn tree(&self) -> Tree {
        let parent = |n: u64| (n > 0 && !self.one_in(10)).then(|| self.below(n));
        let unit = |n: u64| OrgUnitId(Uuid::from_u128(u128::from(n)));
        let mut tree = Tree::default();
        for n in 0..UNITS {
            let (id, now, then) = (unit(n), parent(n).map(unit), parent(n).map(unit));
            tree.units.push(UnitFact { id, parent: now });
            if self.one_in(3) {
                let moved = Border::before(TODAY - jiff::Span::new().days(self.below(5) as i64), &TimeZone::UTC);
                let stay = |from, until| Stay { from, until };
                tree.moved.push(Placement { id, parent: then, gone: false, stay: stay(None, Some(moved)) });
                tree.moved.push(Placement { id, parent: now, gone: false, stay: stay(Some(moved), None) });
            }
        }
        tree
    }

    fn scope(&self) -> Scope {
        match self.below(7) {
            0 => Scope::Own,
            1 => Scope::Reports,
            2 => Scope::Unit(self.unit()),
            3 => Scope::Subtree(self.unit()),
            4 => Scope::LegalEntity(self.unit()),
            5 => Scope::Region(REGIONS[self.below(2) as usize].parse().unwrap()),
            _ if self.one_in(3) => Scope::Tenant,
            _ => Scope::Unit(self.unit()),
        }
    }

    fn grants(&self) -> Vec<Assignment> {
        let day = |at_least: i64| TODAY + jiff::Span::new().days(at_least + self.below(5) as i64);
        let grant = |_| Assignment {
            role: roles::READY[self.below(roles::READY.len() as u64) as usize].name.into(),
            scope: self.scope(),
            valid_from: day(-4),
            valid_to: self.one_in(3).then(|| day(-2)),
            condition: Condition { second_factor: self.one_in(5), hours: None },
        };
        (0..self.below(5)).map(grant).collect()
    }

    fn facts(&self) -> PersonFacts {
        PersonFacts {
            person: Some(self.person()),
            reports: vec![self.person(), self.person()],
            employed: !self.one_in(20),
        }
    }

    fn temporary_rights(&self) -> Vec<TemporaryRight> {
        let right = |_| {
            let from = NOON + SignedDuration::from_hours(self.below(3) as i64 - 1);
            let (until, permissions) = (from + SignedDuration::from_hours(2), vec![READ, Permission::CardRead]);
            if self.one_in(2) {
                return TemporaryRight::BreakGlass {
                    id: Uuid::from_u128(911),
                    scope: self.scope(),
                    permissions,
                    from,
                    until,
                };
            }
            let delegator = PrincipalId(Uuid::from_u128(77));
            TemporaryRight::Delegation {
                delegator,
                grants: self.grants(),
                person: self.facts(),
                permissions,
                from,
                until,
            }
        };
        (0..self.below(3)).map(right).collect()
    }
}

/// Rows anywhere, each with what decides about it.
async fn filled(db: &TestStore, dice: &Dice) -> Vec<(String, Target)> {
    let ctx = context(db, 1);
    let work = unit_of(&db.store, &ctx).await;
    let (mut rows, mut targets) = (Vec::new(), Vec::new());
    for n in 0..ROWS {
        let (code, region) = (format!("{n:03}"), dice.region());
        let (at, of) = ((!dice.one_in(4)).then(|| dice.unit()), (!dice.one_in(3)).then(|| dice.person()));
        // Often at the very beginning of a day, which is where units move.
        let hours = if dice.one_in(2) { 12 + 24 * dice.below(6) } else { dice.below(150) };
        let instant = NOON - SignedDuration::from_hours(hours as i64);
        rows.push(note::ActiveModel {
            recorded_at: Set(tally_store::to_db(instant)),
            region: Set(region.to_owned()),
            unit_id: Set(at.map(|id| id.0)),
            person_id: Set(of.map(|id| id.0)),
            ..row(&ctx, &code)
        });
        let target = Target { region: Some(region.parse().unwrap()), unit: at, person: of, moment: None };
        targets.push((code, target.at(instant)));
    }
    work.insert_many(rows).await.unwrap();
    work.commit(audit(), ()).await.unwrap();
    targets
}

/// Codes of the rows that a list shows; none where the list is refused.
async fn listed(db: &TestStore, ctx: &OpContext) -> BTreeSet<String> {
    let Ok(plan) = ctx.plan::<policy::List>() else { return BTreeSet::new() };
    let tx = db.store.read(ctx).await.unwrap();
    let rows = tx.select::<note::Entity>().within(&plan).all().await.unwrap();
    rows.into_iter().map(|note| note.code).collect()
}

fn allowed(view: &View, rows: &[(String, Target)]) -> BTreeSet<String> {
    let may = |(_, target): &&(String, Target)| decide(view, READ, target) == Decision::Allow;
    rows.iter().filter(may).map(|(code, _)| code.clone()).collect()
}

fn view_of(
    grants: &[Assignment],
    temporary_rights: &[TemporaryRight],
    me: &PersonFacts,
    tree: &Tree,
    at: &Circumstances,
) -> Arc<View> {
    let (book, modules) = (RoleBook::default(), Modules::All);
    let Tree { units, moved } = tree;
    let (zone, roles, modules) = (&TimeZone::UTC, &book, &modules);
    let facts = Facts { revision: 1, date: TODAY, zone, units, moved, roles, modules };
    Arc::new(compile(grants, temporary_rights, me, &facts)).at(at)
}

on_both!(the_rows_that_sql_selects_are_exactly_those_that_a_decision_allows);
async fn the_rows_that_sql_selects_are_exactly_those_that_a_decision_allows(on: Backend) {
    let db = database(on).await;
    let dice = Dice(Rng::seeded(20_261_122));
    let rows = filled(&db, &dice).await;
    let (mut some, mut shown) = (0, 0);
    for n in 0..VIEWS {
        let (grants, temporary_rights, me, tree) = (dice.grants(), dice.temporary_rights(), dice.facts(), dice.tree());
        let at = Circumstances { now: NOON, second_factor: dice.one_in(2) };
        let select = async |grants: &[Assignment], temporary_rights: &[TemporaryRight]| {
            let view = view_of(grants, temporary_rights, &me, &tree, &at);
            let ctx = OpContext { view: view.clone(), ..context(&db, 1) };
            let listed = listed(&db, &ctx).await;
            assert_eq!(listed, allowed(&view, &rows), "{n}: {grants:?} {temporary_rights:?}");
            listed
        };
        let all = select(&grants, &temporary_rights).await;
        some += u64::from(!all.is_empty() && all.len() < ROWS);
        shown += all.len();
        // Revoking never adds a row, neither does ending a right; widening never removes one.
        if let Some((_, fewer)) = grants.split_last() {
            assert!(select(fewer, &temporary_rights).await.is_subset(&all), "{n}");
            let mut wider = grants.clone();
            wider[0].scope = Scope::Tenant;
            assert!(select(&wider, &temporary_rights).await.is_superset(&all), "{n}");
        }
        if let Some((_, fewer)) = temporary_rights.split_last() {
            assert!(select(&grants, fewer).await.is_subset(&all), "{n}");
        }
    }
    assert!(some > VIEWS / 5 && shown > 1_000, "{some} views show some rows, {shown} in all");
}
