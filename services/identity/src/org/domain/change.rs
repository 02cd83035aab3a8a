//! Changes of the tree from a day on: moves, new names, closures, mergers. Each closes what was known of some states and
//! writes what is known now; the days before keep what they said.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::civil::Date;
use strum_macros::IntoStaticStr;
use tally_kernel::dated::{Dated as _, Days, Succession};
use tally_kernel::id::OrgUnitId;
use uuid::Uuid;

use super::import::segments;
use super::{MAX_DEPTH, OrgError, OrgTree, State};

/// What is to be different.
#[derive(Clone, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case", prefix = "identity.org.")]
pub enum Command {
    /// A unit hangs below another parent.
    Move { unit: OrgUnitId, parent: OrgUnitId },
    /// A unit has another name.
    Rename { unit: OrgUnitId, name: String },
    /// A unit is no more.
    Close {
        unit: OrgUnitId,
        /// Where its people go.
        people_to: Option<OrgUnitId>,
    },
    /// Units become part of another one: their children and their people go there, and they are no more.
    Merge {
        /// The units that are no more.
        units: Vec<OrgUnitId>,
        /// The one that stays.
        into: OrgUnitId,
    },
}

impl Command {
    /// The unit that the answer is about.
    pub fn subject(&self) -> OrgUnitId {
        match self {
            Self::Move { unit, .. } | Self::Rename { unit, .. } | Self::Close { unit, .. } => *unit,
            Self::Merge { into, .. } => *into,
        }
    }

    /// Every unit that it names: the caller must be allowed to write to each.
    pub fn names(&self) -> Vec<OrgUnitId> {
        match self {
            Self::Move { unit, parent } => vec![*unit, *parent],
            Self::Rename { unit, .. } => vec![*unit],
            Self::Close { unit, people_to } => [*unit].into_iter().chain(*people_to).collect(),
            Self::Merge { units, into } => units.iter().copied().chain([*into]).collect(),
        }
    }

    /// The units that are no more.
    pub fn closes(&self) -> &[OrgUnitId] {
        match self {
            Self::Move { .. } | Self::Rename { .. } => &[],
            Self::Close { unit, .. } => std::slice::from_ref(unit),
            Self::Merge { units, .. } => units,
        }
    }

    /// Where the people of the units go that are no more.
    pub fn people_to(&self) -> Option<OrgUnitId> {
        match self {
            Self::Move { .. } | Self::Rename { .. } => None,
            Self::Close { people_to, .. } => *people_to,
            Self::Merge { into, .. } => Some(*into),
        }
    }
}

/// Decides what a command writes from a day on: the change, and the tree after it. States that follow on each other and say the same are
/// one: what was planned and is planned back is no change.
///
/// # Errors
/// See [`OrgError`].
pub fn plan(
    tree: &OrgTree,
    command: &Command,
    from: Date,
    mut id: impl FnMut() -> Uuid,
) -> Result<(Succession<State>, OrgTree), OrgError> {
    let there = OrgTree::new(joined(&tree.states));
    let change = change(&there, command, from, &mut id)?;
    let after = OrgTree::new(gone(joined(change.apply(&there.states)), command));
    hold_together(&after, from)?;
    let known: HashMap<Uuid, &State> = there.states.iter().map(|state| (state.row, state)).collect();
    let ended = change.closes.iter().filter_map(|row| known.get(row)).map(|state| state.unit);
    let touched = ended.chain(change.writes.iter().map(|state| state.unit)).collect();
    let change = between(tree, &after, &touched, id);
    if change == Succession::default() {
        return Err(OrgError::NothingChanges);
    }
    let after = OrgTree::new(change.apply(&tree.states).cloned());
    Ok((change, after))
}

/// These states with where the people of each unit go that is no more, which its last state alone says. They are in order.
fn gone(mut states: Vec<State>, command: &Command) -> Vec<State> {
    for at in 0..states.len() {
        let unit = states[at].unit;
        if states.get(at + 1).is_some_and(|next| next.unit == unit) {
            states[at].into = None;
        } else if command.closes().contains(&unit) {
            states[at].into = command.people_to();
        }
    }
    states
}

/// What the same units say without a border in between.
fn joined<'s>(states: impl IntoIterator<Item = &'s State>) -> Vec<State> {
    let mut states: Vec<State> = states.into_iter().cloned().collect();
    states.sort_unstable_by_key(|state| (state.unit, state.from));
    states.dedup_by(|next, last| {
        let follows = last.to.and_then(|day| day.tomorrow().ok()) == Some(next.from);
        let same = follows && same(last, next);
        if same {
            (last.to, last.into) = (next.to, next.into);
        }
        same
    });
    states
}

/// Whether two states say the same, of whatever days, and whatever comes after these.
fn same(one: &State, other: &State) -> bool {
    State { row: one.row, from: one.from, to: one.to, into: one.into, ..other.clone() } == *one
}

/// What leads from the states of these units to others: those that stay as they are stay the same versions.
fn between(
    tree: &OrgTree,
    after: &OrgTree,
    units: &BTreeSet<OrgUnitId>,
    mut id: impl FnMut() -> Uuid,
) -> Succession<State> {
    let as_is = |state: &State, of: &OrgTree| {
        let is = |there: &State| (there.days(), there.into) == (state.days(), state.into) && same(there, state);
        of.of(state.unit).any(is)
    };
    let mut change = Succession::default();
    for unit in units {
        change.closes.extend(tree.of(*unit).filter(|state| !as_is(state, after)).map(|state| state.row));
        let new = after.of(*unit).filter(|state| !as_is(state, tree));
        change.writes.extend(new.map(|state| State { row: id(), ..state.clone() }));
    }
    change
}

fn change(
    tree: &OrgTree,
    command: &Command,
    from: Date,
    id: &mut impl FnMut() -> Uuid,
) -> Result<Succession<State>, OrgError> {
    let mut change = Succession::default();
    match command {
        Command::Move { unit, parent } => {
            let old = changeable(tree, *unit, from)?;
            let below = tree.at(*parent, from).ok_or(OrgError::UnitUnknown(*parent))?;
            if !below.region.is_global() && below.region != old.region {
                return Err(OrgError::RegionCrossed);
            }
            change.turn(old, from, &State { parent: Some(*parent), ..old.clone() }, id);
        }
        Command::Rename { unit, name } => {
            let old = changeable(tree, *unit, from)?;
            let [name] = segments(name).map_err(|_| OrgError::NameMalformed)?[..] else {
                return Err(OrgError::NameMalformed);
            };
            if old.name == name {
                return Err(OrgError::NothingChanges);
            }
            change.turn(old, from, &State { name: name.to_owned(), ..old.clone() }, id);
        }
        Command::Close { unit, people_to } => {
            let old = changeable(tree, *unit, from)?;
            if let Some(to) = people_to {
                goes_nowhere_else(tree, *unit, *to)?;
                takes_in(tree, old, *to, from)?;
            }
            if let Some(child) = children(tree, *unit, from).next() {
                return Err(OrgError::HasChildren(child.name.clone()));
            }
            change.give_way(old, Days::new(from, None), id);
        }
        Command::Merge { units, into } => merge(tree, units, *into, from, &mut change, id)?,
    }
    Ok(change)
}

fn merge(
    tree: &OrgTree,
    units: &[OrgUnitId],
    into: OrgUnitId,
    from: Date,
    change: &mut Succession<State>,
    id: &mut impl FnMut() -> Uuid,
) -> Result<(), OrgError> {
    let gone: BTreeSet<OrgUnitId> = units.iter().copied().collect();
    if gone.is_empty() || gone.len() != units.len() || gone.contains(&into) {
        return Err(OrgError::MergedIntoItself);
    }
    let stays = tree.at(into, from).ok_or(OrgError::UnitUnknown(into))?;
    if let Some(last) = tree.closes(into) {
        return Err(tree.closing(into, last));
    }
    for unit in &gone {
        let old = changeable(tree, *unit, from)?;
        goes_nowhere_else(tree, *unit, into)?;
        if old.region != stays.region {
            return Err(OrgError::RegionCrossed);
        }
        change.give_way(old, Days::new(from, None), id);
        // A child that comes later, by plan, finds its parent gone too.
        for child in children(tree, *unit, from).filter(|child| !gone.contains(&child.unit)) {
            change.turn(child, from, &State { parent: Some(into), ..child.clone() }, id);
        }
    }
    Ok(())
}

/// A unit whose people go to another one from some day on may close earlier, but into no other: they would be in one then, and what is of the unit
/// in another.
fn goes_nowhere_else(tree: &OrgTree, unit: OrgUnitId, to: OrgUnitId) -> Result<(), OrgError> {
    let last = tree
        .closes(unit)
        .filter(|last| tree.at(unit, *last).and_then(|state| state.into).is_some_and(|into| into != to));
    last.map_or(Ok(()), |last| Err(tree.closing(unit, last)))
}

/// Whether the people of a unit that closes, and what is of it, can go to another one.
fn takes_in(tree: &OrgTree, closes: &State, to: OrgUnitId, from: Date) -> Result<(), OrgError> {
    let there = tree.at(to, from).ok_or(OrgError::UnitUnknown(to))?;
    if there.unit == closes.unit || there.region.is_global() {
        return Err(OrgError::PeopleToNowhere);
    }
    if there.region != closes.region {
        return Err(OrgError::RegionCrossed);
    }
    tree.closes(to).map_or(Ok(()), |last| Err(tree.closing(to, last)))
}

/// The state that a change from a day on starts at. What is planned for later days is not guessed at.
fn changeable(tree: &OrgTree, unit: OrgUnitId, from: Date) -> Result<&State, OrgError> {
    let old = tree.at(unit, from).ok_or(OrgError::UnitUnknown(unit))?;
    if old.parent.is_none() {
        return Err(OrgError::RootStays);
    }
    match tree.of(unit).find(|state| state.from > from) {
        Some(planned) => Err(OrgError::ChangePlanned(planned.from)),
        None => Ok(old),
    }
}

/// States that hang on a unit on some day from `from` on.
fn children(tree: &OrgTree, unit: OrgUnitId, from: Date) -> impl Iterator<Item = &State> {
    tree.states.iter().filter(move |state| state.parent == Some(unit) && state.to.is_none_or(|last| last >= from))
}

/// Whether the tree is a tree on every day from `from` on: other units may have planned changes, so the days on which
/// something begins or ends are looked at one by one.
fn hold_together(tree: &OrgTree, from: Date) -> Result<(), OrgError> {
    let begins = tree.states.iter().map(|state| state.from);
    let gone = tree.states.iter().filter_map(|state| state.to?.tomorrow().ok());
    let days: BTreeSet<Date> = begins.chain(gone).filter(|day| *day > from).chain([from]).collect();
    days.into_iter().try_for_each(|day| stands(tree, day))
}

fn stands(tree: &OrgTree, day: Date) -> Result<(), OrgError> {
    let there: HashMap<OrgUnitId, &State> =
        tree.states.iter().filter(|state| state.covers(day)).map(|state| (state.unit, state)).collect();
    let mut places = HashSet::new();
    for state in tree.states.iter().filter(|state| state.covers(day)) {
        if !places.insert((state.parent, state.name.as_str())) {
            return Err(OrgError::NameTaken(state.name.clone()));
        }
        let (mut here, mut depth) = (state, 0);
        while let Some(parent) = here.parent {
            depth += 1;
            if depth > there.len() {
                return Err(OrgError::Cycle);
            }
            here = there.get(&parent).ok_or_else(|| tree.closing(parent, tree.closes(parent).unwrap_or(day)))?;
        }
        if depth > MAX_DEPTH {
            return Err(OrgError::TooDeep);
        }
    }
    Ok(())
}
