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
        let below = self.goes_on_in(below, day).unwrap_or(below);
        let Some(states) = self.states.get(&below) else { return false };
        let ended = states.last().filter(|last| last.to.is_some_and(|to| to < day));
        match ended.and_then(|last| last.parent) {
            Some(under) => self.holds(above, under, day),
            None => {
                let on_day = |state: &State| state.from <= day && state.to.is_none_or(|to| day <= to);
                states.iter().any(on_day) && self.chain(below, day).any(|state| state.unit == above)
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
mod tests {
    use jiff::civil::date;
    use uuid::Uuid;

    use super::*;

    fn id(n: u128) -> OrgUnitId {
        OrgUnitId(Uuid::from_u128(n))
    }

    fn state(n: u128, parent: Option<u128>, name: &str, from: Date) -> State {
        State { unit: id(n), parent: parent.map(id), name: name.into(), from, to: None, into: None }
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
        let branch = Hung { from: date(2026, 1, 1), to: None, below: below(&[2]), closed: vec![] };
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

    /// The group 1 with north 2 and south 3. Team 4 of north is closed on the 10th of March into 5 of north; that goes to south on the 20th
    /// and is closed in April into 6 of south, which has the desk 7. Another 4, the unit 8, begins in May, and 9 is closed into nothing.
    fn closing() -> Trees {
        let always = date(2026, 1, 1);
        let gone = |state: State, to, into: Option<u128>| State { to: Some(to), into: into.map(id), ..state };
        Trees::new([
            state(1, None, "Group", always),
            state(2, Some(1), "north", always),
            state(3, Some(1), "south", always),
            gone(state(4, Some(2), "a", always), date(2026, 3, 9), Some(5)),
            State { to: Some(date(2026, 3, 19)), ..state(5, Some(2), "b", always) },
            gone(state(5, Some(3), "b", date(2026, 3, 20)), date(2026, 3, 31), Some(6)),
            state(6, Some(3), "c", always),
            state(7, Some(6), "desk", always),
            state(8, Some(2), "a", date(2026, 5, 1)),
            gone(state(9, Some(2), "d", always), date(2026, 3, 9), None),
        ])
    }

    #[test]
    fn a_closed_unit_is_called_as_the_one_that_its_people_went_to_is_and_so_on() {
        let trees = closing();
        let days = [date(2026, 3, 9), date(2026, 3, 10), date(2026, 3, 20), date(2026, 4, 1), date(2026, 5, 1)];
        let told = |n| days.map(|day| trees.path(id(n), day).expect("a path"));
        assert_eq!(told(4), ["north/a", "north/b", "south/b", "south/c", "south/c"]);
        assert_eq!(told(9), ["north/d"; 5], "as it was last");
        let into = days.map(|day| trees.goes_on_in(id(4), day).map(|unit| unit.0.as_u128()));
        assert_eq!(into, [None, Some(5), Some(5), Some(6), Some(6)]);
        assert_eq!((trees.goes_on_in(id(9), days[4]), trees.goes_on_in(id(6), days[4])), (None, None));
        // By the path that it had: the unit that had it last, until another one has it.
        let team = days.map(|day| trees.team(None, "north/a", day).expect("a team"));
        assert_eq!(team, ["north/a", "north/b", "south/b", "south/c", "north/a"]);
        assert_eq!(trees.team(Some(id(4)), "north/a", days[4]).as_deref(), Some("south/c"), "another unit");
    }

    #[test]
    fn whoever_is_below_a_unit_is_of_those_that_it_goes_on_for_from_the_day_on() {
        let hung = |n| closing().hung(id(n), date(2026, 3, 1), Some(date(2026, 4, 30)));
        let units = |units: &[u128]| units.iter().copied().map(id).collect::<Vec<_>>();
        let stretch = |from, to, below: &[u128], closed: &[u128]| Hung {
            from,
            to: Some(to),
            below: units(below),
            closed: units(closed),
        };
        let (first, last) = (date(2026, 3, 1), date(2026, 4, 30));
        let of_7 =
            [stretch(first, date(2026, 3, 31), &[7, 6, 3], &[]), stretch(date(2026, 4, 1), last, &[7, 6, 3], &[5, 4])];
        assert_eq!(hung(7), of_7);
        let of_5 = [
            stretch(first, date(2026, 3, 9), &[5, 2], &[]),
            stretch(date(2026, 3, 10), date(2026, 3, 19), &[5, 2], &[4]),
            stretch(date(2026, 3, 20), last, &[5, 3], &[4]),
        ];
        assert_eq!(hung(5), of_5, "after its last day it hangs where it ended");
        assert_eq!(hung(9), [stretch(first, last, &[9, 2], &[])]);
        // Two that went into each other end the walk.
        let gone =
            |n, into| State { to: Some(first), into: Some(id(into)), ..state(n, Some(1), "x", date(2026, 1, 1)) };
        let ring = Trees::new([state(1, None, "Group", date(2026, 1, 1)), gone(2, 3), gone(3, 2)]);
        assert_eq!((ring.goes_on_in(id(2), last), ring.path(id(2), last).as_deref()), (Some(id(3)), Some("x")));
        assert_eq!(ring.hung(id(2), last, Some(last)), [stretch(last, last, &[2], &[3])]);
    }

    #[test]
    fn a_unit_is_held_by_those_that_it_or_what_it_goes_on_in_hangs_below_on_the_day() {
        let holds = |above, below| {
            let on = |day| closing().holds(id(above), id(below), day);
            [date(2026, 3, 9), date(2026, 3, 19), date(2026, 3, 31), date(2026, 4, 1), date(2026, 5, 1)].map(on)
        };
        assert_eq!(holds(2, 4), [true, true, false, false, false]);
        assert_eq!(holds(3, 4), [false, false, true, true, true]);
        assert_eq!([holds(4, 4), holds(5, 4)], [[true, false, false, false, false], [false, true, true, false, false]]);
        assert_eq!(holds(6, 4), [false, false, false, true, true]);
        assert_eq!((holds(2, 9), holds(9, 9)), ([true; 5], [true, false, false, false, false]), "closed into nothing");
        assert_eq!(holds(2, 8), [false, false, false, false, true], "not before it begins");
        assert_eq!([holds(2, 3), holds(2, 99)], [[false; 5]; 2]);
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
