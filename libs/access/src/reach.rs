//! How far a permission reaches, and what it is asked about.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tally_kernel::id::{OrgUnitId, PersonId};

use crate::Region;
use crate::stay::{Moment, Stays};

/// What a call is about. A row carries the region and the unit it had at the time of the fact, and the person it tells of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// Where the row lives.
    pub region: Option<Region>,
    /// The org unit as of the fact.
    pub unit: Option<OrgUnitId>,
    /// Whom it tells of.
    pub person: Option<PersonId>,
    /// When the fact was: a unit that moved is looked for where it hung then. Nothing for what is as it is today.
    pub moment: Option<Moment>,
}

impl Target {
    /// Whether it is what names no unit, and so is of the group itself.
    pub(crate) fn is_groups(&self) -> bool {
        self.region.as_ref().is_some_and(Region::is_global) && self.unit.is_none() && self.person.is_none()
    }

    /// The whole group: needs a grant on the group.
    pub fn tenant() -> Self {
        Self::default()
    }

    /// A region as a whole.
    pub fn region(region: Region) -> Self {
        Self { region: Some(region), ..Self::default() }
    }

    /// A unit in its region.
    pub fn unit(region: Region, unit: OrgUnitId) -> Self {
        Self { region: Some(region), unit: Some(unit), ..Self::default() }
    }

    /// A person, in the unit and region of the fact.
    pub fn person(region: Region, unit: Option<OrgUnitId>, person: PersonId) -> Self {
        Self { region: Some(region), unit, person: Some(person), moment: None }
    }

    /// The same for a fact of a day of the group's calendar.
    #[must_use]
    pub fn on(self, day: Date) -> Self {
        Self { moment: Some(Moment::Day(day)), ..self }
    }

    /// The same for a fact of an instant.
    #[must_use]
    pub fn at(self, instant: Timestamp) -> Self {
        Self { moment: Some(Moment::Instant(instant)), ..self }
    }
}

/// Whose a thing of a month is (a scheme, a cycle, a pool): the group's, or a unit's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    region: Region,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit: Option<OrgUnitId>,
}

impl Owner {
    /// The group.
    pub fn group() -> Self {
        Self { region: Region::global(), unit: None }
    }

    /// A unit below the group, in its region.
    pub fn of(region: Region, unit: OrgUnitId) -> Self {
        Self { region, unit: Some(unit) }
    }

    /// Where its things live: `*` for the group's.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// The unit; nothing for the group.
    pub fn unit(&self) -> Option<OrgUnitId> {
        self.unit
    }

    /// What a call about its things is about: the group's own need a grant on the group.
    pub fn target(&self) -> Target {
        Target { region: Some(self.region.clone()), unit: self.unit, ..Target::default() }
    }
}

/// A set of ids with a cheap hash: ids are made by this suite, nobody can choose them to collide.
pub type IdSet<T> = HashSet<T, BuildHasherDefault<IdHasher>>;

/// Folds the bytes of an id into 64 bits.
#[derive(Clone, Copy, Debug, Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = (self.0.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }

    fn write_usize(&mut self, _length_prefix: usize) {}

    fn finish(&self) -> u64 {
        // The table takes its top bits for tags and its low bits for buckets: mix once so that both vary.
        self.0 ^ (self.0 >> 32)
    }
}

/// Which rows a permission reaches: the union of its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// Everything in the group.
    pub tenant: bool,
    /// Rows of these regions.
    pub regions: BTreeSet<Region>,
    /// Rows of these units (subtrees and legal entities are spread out already), whatever their day.
    pub units: IdSet<OrgUnitId>,
    /// Rows of these units on some days: they hung elsewhere on others. None of them is among `units`.
    pub moved: BTreeMap<OrgUnitId, Stays>,
    /// Rows about these people.
    pub persons: IdSet<PersonId>,
}

impl Reach {
    /// Everything in the group.
    pub fn everything() -> Self {
        Self { tenant: true, ..Self::default() }
    }

    /// Whether it reaches nothing at all.
    pub fn is_empty(&self) -> bool {
        !self.tenant
            && self.regions.is_empty()
            && self.units.is_empty()
            && self.moved.is_empty()
            && self.persons.is_empty()
    }

    /// Whether it reaches units, on whatever days.
    pub(crate) fn has_units(&self) -> bool {
        !self.units.is_empty() || !self.moved.is_empty()
    }

    /// The units it reaches today.
    pub fn units_today(&self) -> impl Iterator<Item = OrgUnitId> {
        let moved = self.moved.iter().filter(|(_, stays)| stays.today()).map(|(unit, _)| *unit);
        self.units.iter().copied().chain(moved)
    }

    /// The units that moved, those with the same days together.
    pub fn moved_together(&self) -> BTreeMap<&Stays, Vec<OrgUnitId>> {
        let mut together = BTreeMap::<_, Vec<_>>::new();
        for (unit, stays) in &self.moved {
            together.entry(stays).or_default().push(*unit);
        }
        together
    }

    /// Whether it reaches `target`: the one test that `decide` makes and that the store's list filter says in SQL.
    pub fn covers(&self, target: &Target) -> bool {
        self.tenant
            || target.unit.is_some_and(|unit| self.units.contains(&unit) || self.holds(unit, target.moment))
            || target.person.is_some_and(|person| self.persons.contains(&person))
            || target.region.as_ref().is_some_and(|region| self.regions.contains(region))
    }

    /// On which of these days it reaches what is of a place: stretches in order, apart from each other.
    pub(crate) fn days(&self, of: &Target, first: Date, last: Date) -> Vec<(Date, Date)> {
        match of.unit.and_then(|unit| self.moved.get(&unit)) {
            Some(stays) if !self.covers(&Target { unit: None, ..of.clone() }) => stays.within(first, last),
            Some(_) => vec![(first, last)],
            None => self.covers(of).then_some((first, last)).into_iter().collect(),
        }
    }

    /// Adds all that `other` reaches.
    pub fn absorb(&mut self, other: &Self) {
        self.tenant |= other.tenant;
        self.regions.extend(other.regions.iter().cloned());
        self.persons.extend(&other.persons);
        self.extend(other.units.iter().copied());
        for (unit, stays) in &other.moved {
            self.extend_some_days(*unit, stays);
        }
    }

    /// Adds units, whatever the day.
    pub(crate) fn extend(&mut self, units: impl IntoIterator<Item = OrgUnitId>) {
        for unit in units {
            self.moved.remove(&unit);
            self.units.insert(unit);
        }
    }

    /// Adds some days of a unit.
    pub(crate) fn extend_some_days(&mut self, unit: OrgUnitId, stays: &Stays) {
        if self.units.contains(&unit) {
            return;
        }
        let here = self.moved.entry(unit).or_default();
        here.absorb(stays);
        if here.always() {
            self.extend([unit]);
        }
    }

    fn holds(&self, unit: OrgUnitId, moment: Option<Moment>) -> bool {
        self.moved.get(&unit).is_some_and(|stays| stays.hold(moment))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use jiff::tz::TimeZone;
    use uuid::Uuid;

    use super::*;
    use crate::stay::{Border, Stay};

    #[test]
    fn a_unit_that_moved_is_reached_on_some_of_the_days_and_what_is_reached_otherwise_on_all() {
        let unit = |n| OrgUnitId(Uuid::from_u128(n));
        let border = |month, day| Some(Border::before(date(2026, month, day), &TimeZone::UTC));
        let away = [Stay { from: None, until: border(3, 10) }, Stay { from: border(3, 20), until: None }];
        let region: Region = "east".parse().unwrap();
        let reach = Reach {
            units: IdSet::from_iter([unit(1)]),
            moved: BTreeMap::from([(unit(2), Stays::new(true, away))]),
            regions: BTreeSet::from([region.clone()]),
            ..Reach::default()
        };
        let of = |n| Target { unit: Some(unit(n)), ..Target::default() };
        let days = |of: &Target, first, last| reach.days(of, date(2026, 3, first), date(2026, 3, last));
        let march = |days: &[(i8, i8)]| {
            days.iter().map(|(from, to)| (date(2026, 3, *from), date(2026, 3, *to))).collect::<Vec<_>>()
        };
        assert_eq!(days(&of(1), 1, 31), march(&[(1, 31)]));
        assert_eq!(days(&of(2), 1, 31), march(&[(1, 9), (20, 31)]));
        assert_eq!([days(&of(2), 9, 20), days(&of(2), 10, 19)], [march(&[(9, 9), (20, 20)]), march(&[])]);
        assert_eq!(days(&of(3), 1, 31), march(&[]));
        assert_eq!(days(&Target { region: Some(region), ..of(2) }, 1, 31), march(&[(1, 31)]));
    }
}
