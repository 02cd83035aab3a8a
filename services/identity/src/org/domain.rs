//! The dated org tree. A unit has states, each for a stretch of days: where it hangs, what it is called, what it is.
//! States do not overlap and are never rewritten: a change closes what was known and writes what is known now.

use std::collections::{BTreeSet, HashMap};

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use strum_macros::{Display, EnumString};
use tally_access::{Border, Placement, Region, Stay, Target, UnitFact};
use tally_kernel::dated::{Dated as _, last_day};
use tally_kernel::id::OrgUnitId;
use uuid::Uuid;

pub use change::{Command, plan};
pub use import::{KindAsked, UnitRow, plan_import};

mod change;
mod import;

/// The first day of what has always been so.
pub const ALWAYS: Date = date(1900, 1, 1);
/// How deep a tree may be.
pub const MAX_DEPTH: usize = tally_kernel::MAX_UNIT_DEPTH;
/// Characters of one name.
const MAX_NAME: usize = tally_kernel::limits::TEXT;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum UnitKind {
    /// The whole group: the root.
    Group,
    /// An employer in law.
    LegalEntity,
    /// A branch: its region is where its people's data live.
    Branch,
    Department,
    Team,
}

/// A unit for a stretch of days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Id of this state.
    pub row: Uuid,
    pub unit: OrgUnitId,
    /// Its parent; nothing for the root.
    pub parent: Option<OrgUnitId>,
    /// Name of this node alone; for the root the group's.
    pub name: String,
    pub kind: UnitKind,
    /// Region of the branch; `*` for the root.
    pub region: Region,
    /// First day.
    pub from: Date,
    /// Last day, or no end.
    pub to: Option<Date>,
    /// Of the last state of a unit that closes: the unit that its people go to, where that is said.
    pub into: Option<OrgUnitId>,
}

tally_kernel::dated!(State);

impl State {
    /// What a call about this unit is decided on.
    pub fn target(&self) -> Target {
        Target::unit(self.region.clone(), self.unit)
    }
}

/// A unit with its path at a date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    pub id: OrgUnitId,
    /// Its parent; nothing for the root.
    pub parent: Option<OrgUnitId>,
    /// Name of this node alone.
    pub name: String,
    /// Names from the branch down, joined by `/`; empty for the root.
    pub path: String,
    pub kind: UnitKind,
    /// Region of the branch; `*` for the root.
    pub region: Region,
    /// First day of this state.
    pub from: Date,
    /// Last day of this state, or no end.
    pub to: Option<Date>,
    /// Where its people go when it closes with this state; nothing where that is not said.
    pub into: Option<OrgUnitId>,
}

/// What can be wrong with a change of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrgError {
    /// Not a path of 1 to 16 names.
    PathMalformed,
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
    /// A kind that this version does not know.
    KindUnknown,
    /// The unit, or one above it, is there but begins later.
    BeginsLater(Date),
    /// The unit, by its path of that day, closes with it; its people go to that one.
    Closes {
        unit: String,
        last: Date,
        into: Option<String>,
    },
    /// A unit that is there had that name at this place until that day.
    HadName(String, Date),
    /// There is no such unit at that date.
    UnitUnknown(OrgUnitId),
    /// Not a name of one unit.
    NameMalformed,
    /// The root stays as it is: it is the group.
    RootStays,
    /// The new parent is the unit itself or lies below it, now or when a planned move comes.
    Cycle,
    /// The tree would be deeper than it may be, now or when a planned move comes.
    TooDeep,
    /// Data do not move between regions.
    RegionCrossed,
    /// Another unit has that name at the same place.
    NameTaken(String),
    /// The unit has a planned change after that date.
    ChangePlanned(Date),
    /// The change begins before the month that goes on, and the caller does not say that it is meant.
    Backdated {
        from: Date,
        /// Of the month that goes on.
        first: Date,
    },
    /// Nothing would be different.
    NothingChanges,
    /// Other units hang below the one that closes.
    HasChildren(String),
    /// People are employed by the unit that closes.
    HasPeople(usize),
    /// The units of a merger are several, and the one that stays is none of them.
    MergedIntoItself,
    /// People are to move to a unit that closes itself, or that holds no people.
    PeopleToNowhere,
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

    pub fn add(&mut self, state: State) {
        let at = self.states.len();
        self.by_unit.entry(state.unit).or_default().push(at);
        self.by_place.entry((state.parent, state.name.clone())).or_default().push(at);
        self.states.push(state);
    }

    /// The unit's state at a date.
    pub fn at(&self, unit: OrgUnitId, day: Date) -> Option<&State> {
        self.of(unit).find(|state| state.covers(day))
    }

    /// The last day of a unit; nothing while no end is known, or for a unit that is not there.
    pub fn closes(&self, unit: OrgUnitId) -> Option<Date> {
        last_day(self.of(unit))
    }

    /// That it closes with its last day, in words for whoever named it.
    pub fn closing(&self, unit: OrgUnitId, last: Date) -> OrgError {
        let path = |unit: OrgUnitId, day| self.path(unit, day).unwrap_or_else(|| unit.to_string());
        let into = self.at(unit, last).and_then(|state| state.into);
        let into = into.map(|into| path(into, last.tomorrow().unwrap_or(last)));
        OrgError::Closes { unit: path(unit, last), last, into }
    }

    pub fn root(&self, day: Date) -> Option<&State> {
        self.states.iter().find(|state| state.parent.is_none() && state.covers(day))
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

    /// Whether the unit had this path on some day.
    pub fn was_at(&self, unit: OrgUnitId, path: &str) -> bool {
        let names: Vec<&str> = path.split('/').map(str::trim).collect();
        self.was_named(unit, &names, (Date::MIN, Date::MAX))
    }

    /// Whether some unit had this path on some day.
    pub fn was(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or_default().trim();
        self.states.iter().any(|state| state.name == name && self.was_at(state.unit, path))
    }

    /// Whether it had these names within these days: those above have to have had their names on the same ones.
    fn was_named(&self, unit: OrgUnitId, names: &[&str], (from, to): (Date, Date)) -> bool {
        self.of(unit).any(|state| {
            let days = (from.max(state.from), to.min(state.to.unwrap_or(Date::MAX)));
            days.0 <= days.1
                && match (names.split_last(), state.parent) {
                    (Some((name, above)), Some(parent)) => state.name == *name && self.was_named(parent, above, days),
                    (None, None) => true,
                    _ => false,
                }
        })
    }

    /// The first of some days, and each of them on which the unit, or one above it, began to hang elsewhere or was called otherwise: whom
    /// it was under on these it was under on all of them.
    pub fn turns(&self, unit: OrgUnitId, (first, last): (Date, Date)) -> BTreeSet<Date> {
        let mut turns = BTreeSet::from([first]);
        for state in self.of(unit) {
            let days = (first.max(state.from), last.min(state.to.unwrap_or(Date::MAX)));
            if days.0 <= days.1 {
                turns.insert(days.0);
                turns.extend(state.parent.map(|above| self.turns(above, days)).unwrap_or_default());
            }
        }
        turns
    }

    /// Every unit that exists at a date, by path: parents before their children.
    pub fn as_of(&self, day: Date) -> Vec<Unit> {
        let mut units: Vec<Unit> = self.states.iter().filter_map(|state| self.unit(state, day)).collect();
        units.sort_by(|a, b| a.path.cmp(&b.path));
        units
    }

    /// These units at a date, by path. One that is not there then is as it was last before, or as it begins.
    pub fn nearest(&self, units: &[OrgUnitId], day: Date) -> Vec<Unit> {
        let told = |unit: &OrgUnitId| {
            let before = self.of(*unit).filter(|state| state.from <= day).max_by_key(|state| state.from);
            let state = before.or_else(|| self.of(*unit).min_by_key(|state| state.from))?;
            self.unit(state, day.max(state.from).min(state.to.unwrap_or(Date::MAX)))
        };
        let mut told: Vec<Unit> = units.iter().filter_map(told).collect();
        told.sort_by_cached_key(|unit| (unit.path.clone(), unit.id));
        told.dedup_by_key(|unit| unit.id);
        told
    }

    /// Every state of the units on some days, by path and first day: each as the unit it was on the first of these days.
    pub fn through(&self, first: Date, last: Date) -> Vec<Unit> {
        let there = self.states.iter().filter(|state| state.from <= last && state.to.is_none_or(|to| first <= to));
        let mut units: Vec<Unit> = there.filter_map(|state| self.unit(state, state.from.max(first))).collect();
        units.sort_by_cached_key(|unit| (unit.path.clone(), unit.id, unit.from));
        units
    }

    /// A state as the unit it is at a date.
    pub fn unit(&self, state: &State, day: Date) -> Option<Unit> {
        let path = self.path(state.unit, day).filter(|_| state.covers(day))?;
        let State { unit, parent, name, kind, region, from, to, into, .. } = state.clone();
        Some(Unit { id: unit, parent, name, path, kind, region, from, to, into })
    }

    /// The units that were closed before a day, as they were last, by path.
    pub fn gone(&self, day: Date) -> Vec<Unit> {
        let last = |unit: &OrgUnitId| self.of(*unit).max_by_key(|state| state.from);
        let ended = |state: &State| self.unit(state, state.to.filter(|last| *last < day)?);
        let mut gone: Vec<Unit> = self.by_unit.keys().filter_map(last).filter_map(ended).collect();
        gone.sort_by_cached_key(|unit| (unit.path.clone(), unit.id));
        gone
    }

    /// All placements of the units that do not always hang where they hang at a date: they move, or are not there at that date. A unit
    /// counts as hanging where it began before its first day, and after its last below the unit that its people went to. Where nobody said
    /// that, it counts as hanging where it ended: what is of it stays with whom it was closed under.
    pub fn moved(&self, day: Date, zone: &TimeZone) -> Vec<Placement> {
        let mut moved = Vec::new();
        for unit in self.by_unit.keys() {
            let mut states: Vec<&State> = self.of(*unit).collect();
            states.sort_unstable_by_key(|state| state.from);
            let gone = states.last().and_then(|last| Some((last.into?, last.to?.tomorrow().ok()?)));
            let gone = gone.map(|(into, from)| (Some(into), from, true));
            let mut places: Vec<_> = states.iter().map(|state| (state.parent, state.from, false)).chain(gone).collect();
            places.dedup_by_key(|(parent, _, gone)| (*parent, *gone));
            if places.len() == 1 && self.at(*unit, day).is_some() {
                continue;
            }
            let border = |at: usize| places.get(at).map(|(_, from, _)| Border::before(*from, zone));
            moved.extend(places.iter().enumerate().map(|(at, (parent, _, gone))| Placement {
                id: *unit,
                parent: *parent,
                gone: *gone,
                stay: Stay { from: border(at).filter(|_| at > 0), until: border(at + 1) },
            }));
        }
        moved
    }

    /// What a view is compiled from.
    pub fn facts(&self, day: Date) -> Vec<UnitFact> {
        let there = self.states.iter().filter(|state| state.covers(day));
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
        self.placed(parent, name).find(|state| state.covers(day))
    }
}

#[cfg(test)]
mod tests;
