//! The dated org tree. A unit has states, each for a stretch of days: where it hangs, what it is called, what it is.
//! States do not overlap and are never rewritten: a change closes what was known and writes what is known now.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::civil::{Date, date};
use serde::{Deserialize, Serialize};
use tally_access::{Region, Target, UnitFact};
use tally_kernel::id::OrgUnitId;
use uuid::Uuid;

/// The first day of what has always been so.
pub const ALWAYS: Date = date(1900, 1, 1);
/// How deep a tree may be.
pub const MAX_DEPTH: usize = 16;
/// Characters of one name.
const MAX_NAME: usize = 200;

/// What a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitKind {
    /// The whole group: the root.
    Group,
    /// An employer in law.
    LegalEntity,
    /// A branch: its region is where its people's data live.
    Branch,
    /// A department.
    Department,
    /// A team.
    Team,
}

impl UnitKind {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::LegalEntity => "legal_entity",
            Self::Branch => "branch",
            Self::Department => "department",
            Self::Team => "team",
        }
    }

    /// The kind of a stored name.
    pub fn read(name: &str) -> Option<Self> {
        let all = [Self::Group, Self::LegalEntity, Self::Branch, Self::Department, Self::Team];
        all.into_iter().find(|kind| kind.name() == name)
    }
}

/// A unit for a stretch of days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Id of this state.
    pub row: Uuid,
    /// The unit.
    pub unit: OrgUnitId,
    /// Its parent; nothing for the root.
    pub parent: Option<OrgUnitId>,
    /// Name of this node alone; for the root the group's.
    pub name: String,
    /// What it is.
    pub kind: UnitKind,
    /// Region of the branch; `*` for the root.
    pub region: Region,
    /// First day.
    pub from: Date,
    /// Last day, or no end.
    pub to: Option<Date>,
}

impl State {
    /// What a call about this unit is decided on.
    pub fn target(&self) -> Target {
        Target::unit(self.region.clone(), self.unit)
    }

    fn holds_on(&self, day: Date) -> bool {
        self.from <= day && self.to.is_none_or(|last| day <= last)
    }
}

/// A unit with its path at a date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// The unit.
    pub id: OrgUnitId,
    /// Its parent; nothing for the root.
    pub parent: Option<OrgUnitId>,
    /// Name of this node alone.
    pub name: String,
    /// Names from the branch down, joined by `/`; empty for the root.
    pub path: String,
    /// What it is.
    pub kind: UnitKind,
    /// Region of the branch; `*` for the root.
    pub region: Region,
    /// First day of this state.
    pub from: Date,
    /// Last day of this state, or no end.
    pub to: Option<Date>,
}

/// What can be wrong with a change of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrgError {
    /// Not a path of 1 to 16 names.
    PathMalformed,
    /// Not a date.
    DateMalformed(String),
    /// A branch without a region in a group that has several.
    RegionMissing,
    /// A region the group does not have.
    RegionUnknown(String),
    /// The branch has another region.
    RegionDiffers(Region),
    /// The unit is there as another kind.
    KindDiffers(UnitKind),
    /// Only the root is the group.
    KindIsRoots,
    /// The unit, or one above it, is there but begins later.
    BeginsLater(Date),
    /// There is no such unit at that date.
    UnitUnknown(OrgUnitId),
    /// The root stays where it is.
    RootMoved,
    /// The new parent is the unit itself or lies below it, now or when a planned move comes.
    Cycle,
    /// Data do not move between regions.
    RegionCrossed,
    /// The new parent has a child of that name.
    NameTaken(String),
    /// The unit has a planned change after that date.
    ChangePlanned(Date),
}

/// All states of a group's tree that are known now.
#[derive(Clone, Debug, Default)]
pub struct OrgTree {
    states: Vec<State>,
    by_unit: HashMap<OrgUnitId, Vec<usize>>,
    by_place: HashMap<(Option<OrgUnitId>, String), Vec<usize>>,
}

impl OrgTree {
    /// A tree of these states, in any order.
    pub fn new(states: impl IntoIterator<Item = State>) -> Self {
        let mut tree = Self::default();
        states.into_iter().for_each(|state| tree.add(state));
        tree
    }

    /// Adds a state.
    pub fn add(&mut self, state: State) {
        let at = self.states.len();
        self.by_unit.entry(state.unit).or_default().push(at);
        self.by_place.entry((state.parent, state.name.clone())).or_default().push(at);
        self.states.push(state);
    }

    /// The unit's state at a date.
    pub fn at(&self, unit: OrgUnitId, day: Date) -> Option<&State> {
        self.of(unit).find(|state| state.holds_on(day))
    }

    /// The root at a date.
    pub fn root(&self, day: Date) -> Option<&State> {
        self.states.iter().find(|state| state.parent.is_none() && state.holds_on(day))
    }

    /// The path of a unit at a date; nothing when it or one above it does not exist then.
    pub fn path(&self, unit: OrgUnitId, day: Date) -> Option<String> {
        let mut names = Vec::new();
        let mut here = self.at(unit, day)?;
        while let Some(parent) = here.parent {
            names.push(here.name.as_str());
            here = self.at(parent, day).filter(|_| names.len() <= MAX_DEPTH * 4)?;
        }
        names.reverse();
        Some(names.join("/"))
    }

    /// The unit with this path at a date.
    pub fn find(&self, path: &str, day: Date) -> Option<&State> {
        let root = self.root(day)?;
        path.split('/').try_fold(root, |here, name| self.child(here.unit, name.trim(), day))
    }

    /// Every unit that exists at a date, by path: parents before their children.
    pub fn as_of(&self, day: Date) -> Vec<Unit> {
        let mut units: Vec<Unit> = self.states.iter().filter_map(|state| self.unit(state, day)).collect();
        units.sort_by(|a, b| a.path.cmp(&b.path));
        units
    }

    /// A state as the unit it is at a date.
    pub fn unit(&self, state: &State, day: Date) -> Option<Unit> {
        let path = self.path(state.unit, day).filter(|_| state.holds_on(day))?;
        let State { unit, parent, name, kind, region, from, to, .. } = state.clone();
        Some(Unit { id: unit, parent, name, path, kind, region, from, to })
    }

    /// What a view is compiled from.
    pub fn facts(&self, day: Date) -> Vec<UnitFact> {
        let there = self.states.iter().filter(|state| state.holds_on(day));
        there.map(|state| UnitFact { id: state.unit, parent: state.parent }).collect()
    }

    fn of(&self, unit: OrgUnitId) -> impl Iterator<Item = &State> {
        self.by_unit.get(&unit).into_iter().flatten().filter_map(|at| self.states.get(*at))
    }

    fn placed(&self, parent: OrgUnitId, name: &str) -> impl Iterator<Item = &State> {
        let place = (Some(parent), name.to_owned());
        self.by_place.get(&place).into_iter().flatten().filter_map(|at| self.states.get(*at))
    }

    fn child(&self, parent: OrgUnitId, name: &str, day: Date) -> Option<&State> {
        self.placed(parent, name).find(|state| state.holds_on(day))
    }
}

/// A unit to be written, as it was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitRow {
    /// Names from the branch down, joined by `/`.
    pub path: String,
    /// Region of the branch, or empty.
    pub region: String,
    /// What it is, or by default.
    pub kind: Option<UnitKind>,
    /// First day, or empty for always.
    pub from: String,
}

/// What an import comes to.
#[derive(Clone, Debug, Default)]
pub struct ImportPlan {
    /// States to write, parents before children.
    pub new: Vec<State>,
    /// What the caller must be allowed to write to.
    pub targets: Vec<Target>,
    /// Rows that make a unit.
    pub written: u32,
    /// Rows whose unit is there.
    pub unchanged: u32,
    /// Rows refused.
    pub problems: Vec<(u32, OrgError)>,
}

/// Decides what becomes of each row; `id` gives new ids. A row that is refused leaves nothing behind.
pub fn plan_import(
    tree: &mut OrgTree,
    rows: &[UnitRow],
    regions: &[Region],
    mut id: impl FnMut() -> Uuid,
) -> ImportPlan {
    let parents: BTreeSet<String> = rows.iter().filter_map(|row| segments(&row.path).ok()).flat_map(above).collect();
    let mut plan = ImportPlan::default();
    for (index, row) in (0_u32..).zip(rows) {
        match plan_row(tree, row, regions, &parents, &mut id) {
            Err(problem) => plan.problems.push((index, problem)),
            Ok((_, new)) if new.is_empty() => plan.unchanged += 1,
            Ok((target, new)) => {
                plan.written += 1;
                plan.targets.push(target);
                new.iter().cloned().for_each(|state| tree.add(state));
                plan.new.extend(new);
            }
        }
    }
    plan
}

fn plan_row(
    tree: &OrgTree,
    row: &UnitRow,
    regions: &[Region],
    parents: &BTreeSet<String>,
    id: &mut impl FnMut() -> Uuid,
) -> Result<(Target, Vec<State>), OrgError> {
    let names = segments(&row.path)?;
    let from = read_date(&row.from)?.unwrap_or(ALWAYS);
    let asked = read_region(&row.region, regions)?;
    if row.kind == Some(UnitKind::Group) {
        return Err(OrgError::KindIsRoots);
    }
    let root = tree.root(from).ok_or(OrgError::BeginsLater(from))?;
    let (mut here, mut depth) = (root, 0);
    while let Some(child) = names.get(depth).and_then(|name| tree.child(here.unit, name, from)) {
        (here, depth) = (child, depth + 1);
    }
    if let Some(later) = names.get(depth).and_then(|name| tree.placed(here.unit, name).find(|s| s.from > from)) {
        return Err(OrgError::BeginsLater(later.from));
    }
    let region = branch_region(here, asked, regions)?;
    if depth == names.len() {
        return match row.kind {
            Some(kind) if kind != here.kind => Err(OrgError::KindDiffers(here.kind)),
            _ => Ok((here.target(), Vec::new())),
        };
    }
    // A new branch is the region's business; anything below is the unit's it hangs on.
    let target = if depth == 0 { Target::region(region.clone()) } else { here.target() };
    let mut new = Vec::new();
    let mut parent = here.unit;
    for (depth, name) in names.iter().enumerate().skip(depth) {
        let unit = OrgUnitId(id());
        let last = depth + 1 == names.len();
        let default = match depth {
            0 => UnitKind::Branch,
            _ if last && !parents.contains(&names.join("/")) => UnitKind::Team,
            _ => UnitKind::Department,
        };
        new.push(State {
            row: id(),
            unit,
            parent: Some(parent),
            name: (*name).to_owned(),
            kind: row.kind.filter(|_| last).unwrap_or(default),
            region: region.clone(),
            from,
            to: None,
        });
        parent = unit;
    }
    Ok((target, new))
}

/// The region that a row's units take: their branch's.
fn branch_region(here: &State, asked: Option<Region>, regions: &[Region]) -> Result<Region, OrgError> {
    match (here.region.is_global(), asked, regions) {
        (true, Some(asked), _) => Ok(asked),
        (true, None, [only]) => Ok(only.clone()),
        (true, None, _) => Err(OrgError::RegionMissing),
        (false, Some(asked), _) if asked != here.region => Err(OrgError::RegionDiffers(here.region.clone())),
        (false, _, _) => Ok(here.region.clone()),
    }
}

fn segments(path: &str) -> Result<Vec<&str>, OrgError> {
    let names: Vec<_> = path.split('/').map(str::trim).collect();
    let good = |name: &&str| !name.is_empty() && name.chars().count() <= MAX_NAME;
    if names.len() <= MAX_DEPTH && names.iter().all(good) { Ok(names) } else { Err(OrgError::PathMalformed) }
}

fn above(names: Vec<&str>) -> Vec<String> {
    (1..names.len()).map(|n| names[..n].join("/")).collect()
}

/// A date, or nothing for an empty text.
pub fn read_date(text: &str) -> Result<Option<Date>, OrgError> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| OrgError::DateMalformed(text.chars().take(32).collect())),
    }
}

fn read_region(text: &str, regions: &[Region]) -> Result<Option<Region>, OrgError> {
    if text.is_empty() {
        return Ok(None);
    }
    let known = regions.iter().find(|region| region.as_str() == text).cloned();
    known.map(Some).ok_or_else(|| OrgError::RegionUnknown(text.chars().take(32).collect()))
}

/// What a move writes: the state it closes, what stays of it, and the new place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The state that is known no longer.
    pub closes: Uuid,
    /// The days before the move, at the old place.
    pub before: Option<State>,
    /// From the move on.
    pub after: State,
}

/// Decides a move of `unit` below `parent` from a date on.
///
/// # Errors
/// See [`OrgError`].
pub fn plan_move(
    tree: &OrgTree,
    unit: OrgUnitId,
    parent: OrgUnitId,
    from: Date,
    mut id: impl FnMut() -> Uuid,
) -> Result<Move, OrgError> {
    let old = tree.at(unit, from).ok_or(OrgError::UnitUnknown(unit))?;
    let new_parent = tree.at(parent, from).ok_or(OrgError::UnitUnknown(parent))?;
    if old.parent.is_none() {
        return Err(OrgError::RootMoved);
    }
    if let Some(planned) = tree.of(unit).find(|state| state.from > from) {
        return Err(OrgError::ChangePlanned(planned.from));
    }
    if !new_parent.region.is_global() && new_parent.region != old.region {
        return Err(OrgError::RegionCrossed);
    }
    let taken = |state: &State| state.unit != unit && state.to.is_none_or(|last| last >= from);
    if tree.placed(parent, &old.name).any(taken) {
        return Err(OrgError::NameTaken(old.name.clone()));
    }
    // Other units may have planned moves: the new place must hold on each of those days too.
    let days: BTreeSet<Date> = tree.states.iter().map(|s| s.from).filter(|day| *day > from).chain([from]).collect();
    if days.into_iter().any(|day| lies_below(tree, parent, unit, day)) {
        return Err(OrgError::Cycle);
    }
    let before = from.yesterday().ok().filter(|last| old.from <= *last);
    Ok(Move {
        closes: old.row,
        before: before.map(|last| State { row: id(), to: Some(last), ..old.clone() }),
        after: State { row: id(), parent: Some(parent), from, ..old.clone() },
    })
}

/// Whether `unit` is `top` or lies below it on `day`.
fn lies_below(tree: &OrgTree, unit: OrgUnitId, top: OrgUnitId, day: Date) -> bool {
    let mut seen = HashSet::new();
    let mut here = Some(unit);
    while let Some(at) = here.filter(|at| seen.insert(*at)) {
        if at == top {
            return true;
        }
        here = tree.at(at, day).and_then(|state| state.parent);
    }
    false
}

#[cfg(test)]
mod tests;
