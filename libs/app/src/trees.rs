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
}

/// Days on which a unit hung below the same units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hung {
    /// First day.
    pub from: Date,
    /// Last day, or no end.
    pub to: Option<Date>,
    /// The unit and those above it, without the root.
    pub below: Vec<OrgUnitId>,
}

/// The org tree of every day.
#[derive(Clone, Debug, Default)]
pub struct Trees(HashMap<OrgUnitId, Vec<State>>);

impl Trees {
    /// Of these states, in any order.
    pub fn new(states: impl IntoIterator<Item = State>) -> Self {
        let mut by_unit: HashMap<OrgUnitId, Vec<State>> = HashMap::new();
        states.into_iter().for_each(|state| by_unit.entry(state.unit).or_default().push(state));
        by_unit.values_mut().for_each(|states| states.sort_by_key(|state| state.from));
        Self(by_unit)
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
            Ok(State { unit, parent, name, from, to })
        };
        Ok(Self::new(units.into_iter().map(state).collect::<Result<Vec<_>>>()?))
    }

    /// Names from the branch down to the unit on a day, joined by `/`. A unit that is not there on the day is as it was last before it,
    /// or as it begins; nothing of one that never was.
    pub fn path(&self, unit: OrgUnitId, day: Date) -> Option<String> {
        let mut names: Vec<&str> = self.chain(unit, day).map(|state| state.name.as_str()).collect();
        names.reverse();
        self.0.contains_key(&unit).then(|| names.join("/"))
    }

    /// The path on a day of the team that an account says, by its unit where that is known; nothing where it says none.
    pub fn team(&self, unit: Option<OrgUnitId>, said: &str, day: Date) -> Option<String> {
        let named = Some(said).filter(|said| !said.is_empty())?;
        let unit = unit.or_else(|| self.called(named, day));
        unit.and_then(|unit| self.path(unit, day)).or_else(|| Some(named.to_owned()))
    }

    /// The unit that has this path on a day; where none has, that which had it last before, or has it first after.
    pub fn called(&self, path: &str, day: Date) -> Option<OrgUnitId> {
        let so_called = self.0.iter().filter(|(_, states)| states.iter().any(|state| path.ends_with(&state.name)));
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

    /// Where a unit hung from a day on until another, cut where it or one above it was moved or renamed; empty for a unit that never was.
    pub fn hung(&self, unit: OrgUnitId, from: Date, to: Option<Date>) -> Vec<Hung> {
        let begins = |first: &Date| {
            let states = self.chain(unit, *first).filter_map(|state| self.0.get(&state.unit)).flatten();
            states.map(|state| state.from).filter(|day| day > first && to.is_none_or(|to| *day <= to)).min()
        };
        let firsts: Vec<Date> = successors(self.0.contains_key(&unit).then_some(from), begins).collect();
        let ends = firsts.iter().skip(1).map(|next| next.yesterday().ok()).chain([to]);
        let hung = |(from, to): (&Date, Option<Date>)| Hung {
            from: *from,
            to,
            below: self.chain(unit, *from).map(|state| state.unit).collect(),
        };
        firsts.iter().zip(ends).map(hung).collect()
    }

    /// A unit and those above it on a day, without the root.
    fn chain(&self, unit: OrgUnitId, day: Date) -> impl Iterator<Item = &State> {
        let above = successors(self.nearest(unit, day), move |state| self.nearest(state.parent?, day));
        above.filter(|state| state.parent.is_some()).take(MAX_UNIT_DEPTH)
    }

    fn nearest(&self, unit: OrgUnitId, day: Date) -> Option<&State> {
        let states = self.0.get(&unit)?;
        states.iter().rfind(|state| state.from <= day).or_else(|| states.first())
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use uuid::Uuid;

    use super::*;

    fn id(n: u128) -> OrgUnitId {
        OrgUnitId(Uuid::from_u128(n))
    }

    fn state(n: u128, parent: Option<u128>, name: &str, from: Date) -> State {
        State { unit: id(n), parent: parent.map(id), name: name.into(), from, to: None }
    }

    /// The group 1 with the branches north 2 and south 3. Team 4 of north, called a, is called b from March on and goes to south with
    /// its desk 5 in April; unit 6 begins in May as what team 4 was called at first.
    fn trees() -> Trees {
        let always = date(1900, 1, 1);
        Trees::new([
            state(5, Some(4), "desk", always),
            state(4, Some(3), "b", date(2026, 4, 1)),
            state(4, Some(2), "b", date(2026, 3, 1)),
            state(4, Some(2), "a", date(2026, 1, 1)),
            state(6, Some(2), "a", date(2026, 5, 1)),
            state(3, Some(1), "south", always),
            state(2, Some(1), "north", always),
            state(1, None, "Group", always),
        ])
    }

    #[test]
    fn a_path_is_that_of_the_day_and_of_a_unit_that_is_not_there_the_nearest() {
        let path = |n, day| trees().path(id(n), day);
        let told = [date(2025, 1, 1), date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 1)].map(|day| path(5, day));
        assert_eq!(
            told.each_ref().map(Option::as_deref),
            ["north/a/desk", "north/a/desk", "north/b/desk", "south/b/desk"].map(Some)
        );
        assert_eq!(path(6, date(2026, 1, 1)).as_deref(), Some("north/a"), "as it begins");
        assert_eq!((path(1, date(2026, 1, 1)).as_deref(), path(9, date(2026, 1, 1))), (Some(""), None));
    }

    #[test]
    fn a_unit_hangs_below_others_in_stretches_that_leave_out_no_day() {
        let hung = |n, from: Date, to: Option<Date>| trees().hung(id(n), from, to);
        let below = |units: &[u128]| units.iter().copied().map(id).collect::<Vec<_>>();
        let all = hung(5, date(2026, 1, 15), Some(date(2026, 4, 30)));
        let days: Vec<_> = all.iter().map(|hung| (hung.from, hung.to)).collect();
        let to = |month, day| Some(date(2026, month, day));
        assert_eq!(
            days,
            [(date(2026, 1, 15), to(2, 28)), (date(2026, 3, 1), to(3, 31)), (date(2026, 4, 1), to(4, 30))]
        );
        assert_eq!([&all[0].below, &all[2].below], [&below(&[5, 4, 2]), &below(&[5, 4, 3])]);
        let branch = Hung { from: date(2026, 1, 1), to: None, below: below(&[2]) };
        assert_eq!((hung(2, date(2026, 1, 1), None), hung(9, date(2026, 1, 1), None)), (vec![branch], vec![]));
    }

    #[test]
    fn a_path_means_the_unit_that_has_it_on_the_day_else_the_nearest_before_else_the_first_after() {
        let called = |path, day| trees().called(path, day);
        assert_eq!(
            [called("north/a", date(2026, 4, 30)), called("north/a", date(2026, 5, 1))],
            [Some(id(4)), Some(id(6))]
        );
        assert_eq!(called("north/b/desk", date(2026, 7, 1)), Some(id(5)));
        assert_eq!([called("south/a", date(2026, 7, 1)), called("", date(2026, 7, 1))], [None; 2]);
    }

    #[test]
    fn a_path_of_two_teams_that_swapped_names_means_on_each_day_the_one_that_had_it() {
        let (always, swap, ended) = (date(2025, 1, 1), date(2026, 2, 1), date(2026, 1, 31));
        let until = |state: State, to| State { to: Some(to), ..state };
        let trees = Trees::new([
            state(1, None, "Group", date(1900, 1, 1)),
            state(2, Some(1), "North", always),
            until(state(5, Some(2), "A", always), ended),
            until(state(4, Some(2), "B", always), ended),
            state(5, Some(2), "B", swap),
            state(4, Some(2), "A", swap),
            // Closed, and another one has the name that it had last; what is above is called otherwise for a while.
            until(state(3, Some(2), "C", always), date(2025, 6, 30)),
            state(6, Some(2), "C", date(2025, 9, 1)),
        ]);
        let called = |path, day| trees.called(path, day).map(|unit| unit.0.as_u128());
        assert_eq!([called("North/A", ended), called("North/B", ended)], [Some(5), Some(4)]);
        assert_eq!([called("North/A", swap), called("North/B", swap)], [Some(4), Some(5)]);
        let c =
            [date(2024, 1, 1), date(2025, 6, 30), date(2025, 8, 31), date(2025, 9, 1)].map(|on| called("North/C", on));
        assert_eq!(c, [3, 3, 3, 6].map(Some));
    }

    #[test]
    fn a_list_without_those_above_has_the_paths_that_it_tells() {
        let unit = |n: u128, parent: u128, path: &str, from: &str| pb::OrgUnit {
            unit_id: id(n).to_string(),
            parent_id: id(parent).to_string(),
            name: path.rsplit('/').next().unwrap_or_default().into(),
            path: path.into(),
            valid_from: from.into(),
            ..Default::default()
        };
        let told = vec![unit(4, 3, "East/Sub", "2025-01-01"), unit(5, 4, "East/Sub/Chat", "2025-01-01")];
        let trees = Trees::told(told).unwrap();
        let called = |path| trees.called(path, date(2026, 1, 1));
        assert_eq!([called("East/Sub"), called("East/Sub/Chat"), called("Sub/Chat")], [Some(id(4)), Some(id(5)), None]);
    }
}
