//! From grants, org tree and employment to a view: a pure function, so that any view can be made again and compared.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tally_kernel::id::{OrgUnitId, PersonId, PrincipalId};
use uuid::Uuid;

use crate::roles::{self, RoleBook};
use crate::{
    Condition, IdSet, Modules, Moment, NOT_DELEGABLE, Permission, Provisional, Reach, Region, Scope, Source, Stay,
    Stays, View,
};

/// A role on a scope, for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Name of the role; one that this version does not know gives nothing.
    pub role: String,
    /// How far it reaches.
    pub scope: Scope,
    /// First day.
    pub valid_from: Date,
    /// Last day, or no end.
    pub valid_to: Option<Date>,
    /// What must hold of the call.
    pub condition: Condition,
}

impl Assignment {
    /// Whether it holds on `date`.
    pub fn holds_on(&self, date: Date) -> bool {
        self.valid_from <= date && self.valid_to.is_none_or(|last| date <= last)
    }
}

/// A unit of the org tree as of the date of compilation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitFact {
    /// The unit.
    pub id: OrgUnitId,
    /// Its parent; nothing for the root.
    pub parent: Option<OrgUnitId>,
}

/// What is known of the person behind the principal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonFacts {
    /// The person; nothing for a login without one.
    pub person: Option<PersonId>,
    /// The people who report to the person.
    pub reports: Vec<PersonId>,
    /// Whether the person is employed on the date of compilation. Who is not holds nothing.
    pub employed: bool,
}

impl PersonFacts {
    /// Whether there is a person, who is not employed.
    pub(crate) fn left(&self) -> bool {
        self.person.is_some() && !self.employed
    }
}

/// Where a unit hung, or will hang, for some days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The unit.
    pub id: OrgUnitId,
    /// Its parent then; nothing for the root.
    pub parent: Option<OrgUnitId>,
    /// Whether it is no more then, and the parent the unit that its people went to.
    pub gone: bool,
    /// The days.
    pub stay: Stay,
}

/// A unit and all below it, in no particular order. A cycle in the facts ends the walk instead of repeating it.
pub fn subtree(units: &[UnitFact], root: OrgUnitId) -> IdSet<OrgUnitId> {
    let mut children = HashMap::<_, Vec<_>>::new();
    for UnitFact { id, parent } in units {
        children.entry(*parent).or_default().push(*id);
    }
    let (mut seen, mut open) = (IdSet::default(), vec![root]);
    while let Some(unit) = open.pop() {
        if seen.insert(unit) {
            open.extend(children.get(&Some(unit)).into_iter().flatten());
        }
    }
    seen
}

type Children = HashMap<OrgUnitId, Vec<(OrgUnitId, Stay)>>;

/// The children of each unit, with the days on which they hang there.
pub(crate) struct Tree {
    today: Moment,
    children: Children,
    /// Of these those that are no more, and whose people went there.
    gone: Children,
    /// The days of each of those until then.
    was: HashMap<OrgUnitId, Stay>,
}

impl Tree {
    pub(crate) fn of(facts: &Facts<'_>) -> Self {
        let moved: IdSet<OrgUnitId> = facts.moved.iter().map(|placement| placement.id).collect();
        let stayed = facts.units.iter().filter(|unit| !moved.contains(&unit.id));
        let stayed = stayed.map(|unit| (unit.parent, unit.id, Stay::default()));
        let placed = |placement: &Placement| (placement.parent, placement.id, placement.stay);
        let gone = || facts.moved.iter().filter(|placement| placement.gone);
        let was = gone().map(|placement| (placement.id, Stay { from: None, until: placement.stay.from })).collect();
        let children = stayed.chain(facts.moved.iter().map(placed));
        Self { today: Moment::Day(facts.date), children: by_parent(children), gone: by_parent(gone().map(placed)), was }
    }

    /// What a grant on a unit and all below it reaches: each unit on the days on which it hung there. One that is no more gives nothing of what is of
    /// it since its people went: that is of the unit where they went.
    fn below(&self, root: OrgUnitId) -> Reach {
        self.walk(root, &self.children)
    }

    /// What a grant on a unit alone reaches: with it, what is of the units whose people went to it, from then on.
    fn alone(&self, unit: OrgUnitId) -> Reach {
        self.walk(unit, &self.gone)
    }

    fn walk(&self, root: OrgUnitId, children: &Children) -> Reach {
        let (mut reach, mut open) = (Reach::default(), vec![(root, self.was.get(&root).copied().unwrap_or_default())]);
        while let Some((unit, stay)) = open.pop() {
            // What is there already ends the walk, so a cycle in the facts does not repeat it.
            if reach.units.contains(&unit) || reach.moved.get(&unit).is_some_and(|there| there.spans(&stay)) {
                continue;
            }
            if stay == Stay::default() {
                reach.extend([unit]);
            } else {
                reach.extend_some_days(unit, &Stays::new(stay.holds(self.today), [stay]));
            }
            let below = children.get(&unit).into_iter().flatten();
            open.extend(below.filter_map(|(child, there)| Some((*child, stay.meet(there)?))));
        }
        reach
    }
}

fn by_parent(placed: impl Iterator<Item = (Option<OrgUnitId>, OrgUnitId, Stay)>) -> Children {
    let mut children = Children::new();
    for (parent, id, stay) in placed {
        if let Some(parent) = parent {
            children.entry(parent).or_default().push((id, stay));
        }
    }
    children
}

/// What everybody's view of a group is compiled from.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The group's revision of access facts.
    pub revision: u64,
    /// The day.
    pub date: Date,
    /// The group's zone.
    pub zone: &'a TimeZone,
    /// The org tree on that day.
    pub units: &'a [UnitFact],
    /// All placements of the units that do not always hang where they hang on that day.
    pub moved: &'a [Placement],
    /// The roles that can be given.
    pub roles: &'a RoleBook,
    /// The modules that the group has.
    pub modules: &'a Modules,
}

/// Rights that a principal has beside its grants, for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemporaryRight {
    /// From somebody's own grants, whatever those are at the moment: never from what was delegated to that one.
    Delegation {
        /// Who delegates.
        delegator: PrincipalId,
        /// The grants of who delegates.
        grants: Vec<Assignment>,
        /// Who that is.
        person: PersonFacts,
        /// What is delegated.
        permissions: Vec<Permission>,
        /// From when on.
        from: Timestamp,
        /// Until when.
        until: Timestamp,
    },
    /// From nobody: an emergency.
    BreakGlass {
        /// The emergency.
        id: Uuid,
        /// How far it reaches.
        scope: Scope,
        /// What it opens.
        permissions: Vec<Permission>,
        /// From when on.
        from: Timestamp,
        /// Until when.
        until: Timestamp,
    },
}

/// Compiles the view that holds on the day of `facts`.
pub fn compile(
    assignments: &[Assignment],
    temporary_rights: &[TemporaryRight],
    person: &PersonFacts,
    facts: &Facts<'_>,
) -> View {
    let tree = Tree::of(facts);
    let mut provisional = conditional(assignments, person, facts, &tree);
    let temporary_rights = temporary_rights.iter().filter(|_| !person.left());
    provisional.extend(temporary_rights.map(|right| borrowed(right, person, facts, &tree)));
    let always = held(assignments, person, facts).filter(|a| a.condition.is_none());
    View::new(facts.revision, person.person, rules(always, person, facts.roles, &tree))
        .with(provisional, facts.zone.clone())
        .entitled(facts.modules.clone())
}

/// The grants that hold on the day. Who left holds nothing.
fn held<'a>(
    assignments: &'a [Assignment],
    person: &PersonFacts,
    facts: &Facts<'_>,
) -> impl Iterator<Item = &'a Assignment> + use<'a> {
    let (away, date) = (person.left(), facts.date);
    assignments.iter().filter(move |a| !away && a.holds_on(date))
}

/// The grants that ask something of the call, each by itself.
fn conditional(assignments: &[Assignment], person: &PersonFacts, facts: &Facts<'_>, tree: &Tree) -> Vec<Provisional> {
    let asking = held(assignments, person, facts).filter(|a| !a.condition.is_none());
    let provisional = asking.map(|a| Provisional {
        source: Source::Own,
        from: None,
        until: None,
        condition: a.condition,
        rules: rules([a], person, facts.roles, tree),
    });
    provisional.collect()
}

fn borrowed(right: &TemporaryRight, person: &PersonFacts, facts: &Facts<'_>, tree: &Tree) -> Provisional {
    let delegated = |permission: &Permission| !NOT_DELEGABLE.contains(permission);
    match right {
        TemporaryRight::Delegation { delegator, grants, person: their, permissions, from, until } => {
            // What somebody may see of oneself is nobody else's business, and a condition is not delegated along.
            let theirs = held(grants, their, facts).filter(|a| a.scope != Scope::Own && a.condition.is_none());
            let mut rules = rules(theirs, their, facts.roles, tree);
            rules.retain(|(permission, _)| permissions.contains(permission) && delegated(permission));
            let source = Source::Delegated(*delegator);
            Provisional { source, from: Some(*from), until: Some(*until), condition: Condition::default(), rules }
        }
        TemporaryRight::BreakGlass { id, scope, permissions, from, until } => {
            let reach = Arc::new(reach_of(scope, tree, person));
            let rules = permissions.iter().filter(|p| delegated(p)).map(|p| (*p, Arc::clone(&reach))).collect();
            // Whoever breaks the glass has just shown a second factor, and does so again in each session that uses it.
            let condition = Condition { second_factor: true, hours: None };
            Provisional { source: Source::BreakGlass(*id), from: Some(*from), until: Some(*until), condition, rules }
        }
    }
}

fn rules<'a>(
    assignments: impl IntoIterator<Item = &'a Assignment>,
    person: &PersonFacts,
    book: &RoleBook,
    tree: &Tree,
) -> Vec<(Permission, Arc<Reach>)> {
    let mut reaches = Vec::new();
    // Which assignments give each permission: permissions given by the same ones share one reach.
    let mut givers = BTreeMap::<Permission, Vec<usize>>::new();
    for assignment in assignments {
        for permission in book.permissions(&assignment.role) {
            givers.entry(*permission).or_default().push(reaches.len());
        }
        reaches.push(reach_of(&assignment.scope, tree, person));
    }
    let mut shared = BTreeMap::<(Vec<usize>, bool), Arc<Reach>>::new();
    let rules = givers.into_iter().map(|(permission, from)| {
        let key = (from, permission.reads_group_configuration());
        let reach = shared.entry(key.clone()).or_insert_with(|| Arc::new(union(&reaches, &key.0, key.1)));
        (permission, Arc::clone(reach))
    });
    rules.collect()
}

/// The view of a service of the suite at its background work: its own role on the whole group. A name that is no service
/// of the suite gets a view that allows nothing.
pub fn compile_service(name: &str, revision: u64) -> View {
    let all = Arc::new(Reach::everything());
    let permissions = roles::of_service(name).map(|role| role.permissions).unwrap_or_default();
    View::new(revision, None, permissions.iter().map(|permission| (*permission, Arc::clone(&all))))
}

pub(crate) fn reach_of(scope: &Scope, tree: &Tree, person: &PersonFacts) -> Reach {
    let mut reach = Reach::default();
    match scope {
        Scope::Own => reach.persons.extend(person.person),
        Scope::Reports => reach.persons.extend(&person.reports),
        Scope::Unit(unit) => reach = tree.alone(*unit),
        Scope::Subtree(unit) | Scope::LegalEntity(unit) => reach = tree.below(*unit),
        Scope::Region(region) => reach.regions.extend([region.clone()]),
        Scope::Tenant => reach.tenant = true,
    }
    reach
}

pub(crate) fn union(reaches: &[Reach], from: &[usize], with_group_configuration: bool) -> Reach {
    let mut all = Reach::default();
    for reach in from.iter().filter_map(|i| reaches.get(*i)) {
        all.absorb(reach);
    }
    // Only what reaches something opens the group's configuration: a login without a person stays outside.
    if with_group_configuration && !all.is_empty() {
        all.regions.insert(Region::global());
    }
    all
}
