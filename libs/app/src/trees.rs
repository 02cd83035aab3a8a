//! The org tree of every day: where each unit hung and what it was called, as identity knows it now.
//!
//! Paths are for people; a unit that is renamed or moved has another one from that day on. What is compared over days goes by ids.

use std::collections::{HashMap, HashSet};
use std::iter::successors;

use jiff::SignedDuration;
use jiff::civil::Date;
use tally_access::OpContext;
use tally_api::identity::v1 as pb;
use tally_api::identity::v1::org_service_client::OrgServiceClient;
use tally_kernel::id::OrgUnitId;
use tally_kernel::page::MAX_SIZE;
use tally_kernel::person::Employment;
use tally_kernel::{MAX_UNIT_DEPTH, Result};
use tally_rpc::{Peer, pages};

use crate::convert::{date_text, sent};

/// A unit for a stretch of days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The unit.
    pub unit: OrgUnitId,
    /// Its parent; nothing for the root.
    pub parent: Option<OrgUnitId>,
    /// Name of this node alone.
    pub name: String,
    /// First day.
    pub from: Date,
    /// Last day, or no end.
    pub to: Option<Date>,
    /// Of the last state of a unit that closes: the unit that its people go to, where that is said.
    pub into: Option<OrgUnitId>,
}

impl State {
    /// The unit that its people went to with the day on which they came there; nothing of a state that does not end so.
    fn goes(&self) -> Option<(OrgUnitId, Date)> {
        Some((self.into?, self.to?.tomorrow().ok()?))
    }
}

/// Days on which a unit hung below the same units, and these went on for the same ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hung {
    /// First day.
    pub from: Date,
    /// Last day, or no end.
    pub to: Option<Date>,
    /// The unit and those above it, without the root.
    pub below: Vec<OrgUnitId>,
    /// The closed units that these go on for: those whose people went to one of them, or to one that went on in it.
    pub closed: Vec<OrgUnitId>,
}

/// The org tree of every day.
#[derive(Clone, Debug, Default)]
pub struct Trees {
    states: HashMap<OrgUnitId, Vec<State>>,
    /// The units that went into another one, by that one, with the first day on which each is no more.
    gone: HashMap<OrgUnitId, Vec<(OrgUnitId, Date)>>,
}

impl Trees {
    /// Of these states, in any order.
    pub fn new(states: impl IntoIterator<Item = State>) -> Self {
        let mut by_unit: HashMap<OrgUnitId, Vec<State>> = HashMap::new();
        states.into_iter().for_each(|state| by_unit.entry(state.unit).or_default().push(state));
        by_unit.values_mut().for_each(|states| states.sort_by_key(|state| state.from));
        let mut gone: HashMap<OrgUnitId, Vec<(OrgUnitId, Date)>> = HashMap::new();
        for (unit, states) in &by_unit {
            if let Some((into, from)) = states.last().and_then(State::goes) {
                gone.entry(into).or_default().push((*unit, from));
            }
        }
        gone.values_mut().for_each(|units| units.sort_unstable());
        Self { states: by_unit, gone }
    }

    /// As identity tells it. Asked as the service: who is of a team must not depend on whom the caller may see.
    ///
    /// # Errors
    /// What identity says, or that it is away.
    pub async fn of(identity: &Peer, ctx: &OpContext) -> Result<Self> {
        let (as_of, through) = (date_text(Some(Date::constant(1, 1, 1))), date_text(Some(Date::MAX)));
        let told = pages(async |page_token| {
            let (as_of, through) = (as_of.clone(), through.clone());
            let ask = pb::ListOrgUnitsRequest { as_of, through, page_size: MAX_SIZE, page_token, ..Default::default() };
            let mut client = OrgServiceClient::new(identity.channel());
            let page = client.list_org_units(identity.as_service(ctx, ask)).await?.into_inner();
            Ok((page.units, page.next_page_token))
        });
        Self::told(told.await?)
    }

    /// Of units as identity tells all their states. Where those above are not among them, what is told of the path stands for them.
    ///
    /// # Errors
    /// A fault of identity's.
    pub fn told(units: Vec<pb::OrgUnit>) -> Result<Self> {
        let listed: HashSet<String> = units.iter().map(|unit| unit.unit_id.clone()).collect();
        let state = |told: pb::OrgUnit| {
            let (unit, parent) = (sent::value(&told.unit_id)?, sent::optional_value(&told.parent_id)?);
            let (from, to) = (sent::date(&told.valid_from)?, sent::optional_date(&told.valid_to)?);
            let name = if parent.is_none() || listed.contains(&told.parent_id) { told.name } else { told.path };
            Ok(State { unit, parent, name, from, to, into: sent::optional_value(&told.into_id)? })
        };
        Ok(Self::new(units.into_iter().map(state).collect::<Result<Vec<_>>>()?))
    }

    /// Names from the branch down to the unit on a day, joined by `/`. A unit that was closed before the day is where its people went, if
    /// that is said. One that is not there on the day else is as it was last before it, or as it begins; nothing of one that never was.
    pub fn path(&self, unit: OrgUnitId, day: Date) -> Option<String> {
        let unit = self.goes_on_in(unit, day).unwrap_or(unit);
        let mut names: Vec<&str> = self.chain(unit, day).map(|state| state.name.as_str()).collect();
        names.reverse();
        self.states.contains_key(&unit).then(|| names.join("/"))
    }

    /// The path on a day of the team that an account says, by its unit where that is known; nothing where it says none.
    pub fn team(&self, unit: Option<OrgUnitId>, said: &str, day: Date) -> Option<String> {
        let named = Some(said).filter(|said| !said.is_empty())?;
        let unit = self.team_unit(unit, named, day);
        unit.and_then(|unit| self.path(unit, day)).or_else(|| Some(named.to_owned()))
    }

    /// The team that an account says, by its unit where that is known; nothing where it says none, or one that never was.
    pub fn team_unit(&self, unit: Option<OrgUnitId>, said: &str, day: Date) -> Option<OrgUnitId> {
        let named = Some(said).filter(|said| !said.is_empty())?;
        unit.or_else(|| self.called(named, day))
    }

    /// The unit that a closed one goes on in on a day: where its people went, and where that one's went if it was closed too, and so on;
    /// nothing of a unit that was not closed before the day, or whose people went nowhere.
    pub fn goes_on_in(&self, unit: OrgUnitId, day: Date) -> Option<OrgUnitId> {
        let mut seen = vec![unit];
        while let Some(into) = self.went_to(*seen.last()?, day).filter(|into| !seen.contains(into)) {
            seen.push(into);
        }
        seen.into_iter().skip(1).last()
    }

    fn went_to(&self, unit: OrgUnitId, day: Date) -> Option<OrgUnitId> {
        let (into, from) = self.states.get(&unit)?.last()?.goes()?;
        (from <= day).then_some(into)
    }

    /// Whether a unit, or the one that it goes on in, is there on a day and is `above` or below it. One whose people went nowhere stays with the unit
    /// that it was closed under.
    pub fn holds(&self, above: OrgUnitId, below: OrgUnitId, day: Date) -> bool {
        self.standing(below, day).is_some_and(|below| self.chain(below, day).any(|state| state.unit == above))
    }

    /// The unit in which somebody whose home on a day this is counts then: that of the home, or, of whoever left before, [`Self::counted_in`].
    pub fn counted(&self, home: &Employment, day: Date) -> OrgUnitId {
        self.counted_in(home.unit, home.until(day), day)
    }

    /// The unit in which somebody counts on a day who was last of this one: the lowest of those that the person was below on that last day
    /// which hangs below all the others of them still, or the unit that it goes on in does. So whoever left a team before it went to another
    /// branch counts in the branch that had the team then, and in no other one, whatever became of the team; somebody who is there on the
    /// day itself in the unit. The root where nothing of it all is left below it.
    pub fn counted_in(&self, unit: OrgUnitId, until: Date, day: Date) -> OrgUnitId {
        if until >= day {
            return unit;
        }
        let below: Vec<OrgUnitId> = self.chain(unit, until).map(|state| state.unit).collect();
        let now: Vec<Option<OrgUnitId>> = below.iter().map(|unit| self.standing(*unit, day)).collect();
        let held = |at: usize| {
            let there = now[at]?;
            let is_held = |above: &Option<OrgUnitId>| above.is_some_and(|above| self.below(above, there, day));
            now[at + 1..].iter().all(is_held).then_some(there)
        };
        (0..now.len()).find_map(held).or_else(|| self.root()).unwrap_or(unit)
    }

    /// Whether a unit that is there is another one, or below it; all are below the root.
    fn below(&self, above: OrgUnitId, below: OrgUnitId, day: Date) -> bool {
        let is_root = || self.states.get(&above).into_iter().flatten().any(|state| state.parent.is_none());
        self.chain(below, day).any(|state| state.unit == above) || is_root()
    }

    fn root(&self) -> Option<OrgUnitId> {
        self.states.values().flatten().find(|state| state.parent.is_none()).map(|state| state.unit)
    }

    /// The unit, or the one that it goes on in; of one whose people went nowhere that which it was closed under. Nothing of one that is not
    /// there on the day and was not before.
    fn standing(&self, unit: OrgUnitId, day: Date) -> Option<OrgUnitId> {
        let unit = self.goes_on_in(unit, day).unwrap_or(unit);
        let states = self.states.get(&unit)?;
        match states.last().filter(|last| last.to.is_some_and(|to| to < day)) {
            Some(ended) => self.standing(ended.parent?, day),
            None => {
                let on_day = |state: &State| state.from <= day && state.to.is_none_or(|to| day <= to);
                states.iter().any(on_day).then_some(unit)
            }
        }
    }

    /// The unit that has this path on a day; where none has, that which had it last before, or has it first after.
    pub fn called(&self, path: &str, day: Date) -> Option<OrgUnitId> {
        let so_called = self.states.iter().filter(|(_, states)| states.iter().any(|state| path.ends_with(&state.name)));
        let had = so_called.flat_map(|(unit, states)| {
            let ends = states.last().and_then(|state| state.to);
            let hung = states.first().map(|state| self.hung(*unit, state.from, ends)).unwrap_or_default();
            hung.into_iter().map(|hung| (*unit, hung))
        });
        let had = had.filter(|(unit, hung)| self.path(*unit, hung.from).is_some_and(|there| there == path));
        let away = |from: Date, to: Option<Date>| match to {
            Some(to) if to < day => (1, day.duration_since(to)),
            _ if from > day => (2, from.duration_since(day)),
            _ => (0, SignedDuration::ZERO),
        };
        let nearest = had.min_by_key(|(unit, hung)| (away(hung.from, hung.to), *unit));
        nearest.map(|(unit, _)| unit)
    }

    /// Where a unit hung from a day on until another, cut where it or one above it was moved or renamed, or began to go on for a closed one;
    /// empty for a unit that never was.
    pub fn hung(&self, unit: OrgUnitId, from: Date, to: Option<Date>) -> Vec<Hung> {
        let begins = |first: &Date| {
            let Hung { below, closed, .. } = self.hung_on(unit, *first);
            let states = below.iter().filter_map(|unit| self.states.get(unit)).flatten().map(|state| state.from);
            let gone = below.iter().chain(&closed).filter_map(|unit| self.gone.get(unit)).flatten();
            states.chain(gone.map(|(_, from)| *from)).filter(|day| day > first && to.is_none_or(|to| *day <= to)).min()
        };
        let firsts: Vec<Date> = successors(self.states.contains_key(&unit).then_some(from), begins).collect();
        let ends = firsts.iter().skip(1).map(|next| next.yesterday().ok()).chain([to]);
        let hung = |(from, to): (&Date, Option<Date>)| Hung { to, ..self.hung_on(unit, *from) };
        firsts.iter().zip(ends).map(hung).collect()
    }

    fn hung_on(&self, unit: OrgUnitId, day: Date) -> Hung {
        let below: Vec<OrgUnitId> = self.chain(unit, day).map(|state| state.unit).collect();
        let (mut open, mut closed) = (below.clone(), Vec::new());
        while let Some(unit) = open.pop() {
            let gone =
                self.gone.get(&unit).into_iter().flatten().filter(|(_, from)| *from <= day).map(|(unit, _)| *unit);
            let new: Vec<OrgUnitId> = gone.filter(|unit| !below.contains(unit) && !closed.contains(unit)).collect();
            open.extend(&new);
            closed.extend(new);
        }
        Hung { from: day, to: None, below, closed }
    }

    /// A unit and those above it on a day, without the root.
    fn chain(&self, unit: OrgUnitId, day: Date) -> impl Iterator<Item = &State> {
        let above = successors(self.nearest(unit, day), move |state| self.nearest(state.parent?, day));
        above.filter(|state| state.parent.is_some()).take(MAX_UNIT_DEPTH)
    }

    fn nearest(&self, unit: OrgUnitId, day: Date) -> Option<&State> {
        let states = self.states.get(&unit)?;
        states.iter().rfind(|state| state.from <= day).or_else(|| states.first())
    }
}

#[cfg(test)]
mod tests;
