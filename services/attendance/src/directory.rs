//! People and units as identity told them, for filling in where a fact belongs.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tally_access::{Region, Target};
use tally_kernel::id::{OrgUnitId, PersonId};

/// Where a fact belongs: region and unit at its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// Where its data live.
    pub region: Region,
    /// The unit, where known.
    pub unit: Option<OrgUnitId>,
}

impl Home {
    /// As stored: the region's name and the unit's id.
    ///
    /// # Errors
    /// `REGION_MALFORMED`.
    pub fn stored(region: &str, unit: Option<uuid::Uuid>) -> tally_kernel::Result<Self> {
        Ok(Self { region: region.parse()?, unit: unit.map(OrgUnitId) })
    }

    /// What a permit is asked for, for a fact about this person.
    pub fn target(&self, person: PersonId) -> Target {
        Target::person(self.region.clone(), self.unit, person)
    }
}

/// A dated unit of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Employment {
    /// First day.
    pub from: Date,
    /// Last day, or open.
    pub to: Option<Date>,
    /// The unit.
    pub unit: OrgUnitId,
    /// Its path.
    pub unit_path: String,
    /// Its region.
    pub region: Region,
}

/// A person of the group.
#[derive(Clone, Debug)]
pub struct Person {
    /// Id.
    pub id: PersonId,
    /// The group's own number.
    pub employee_no: String,
    /// Zone of the person's days.
    pub zone: TimeZone,
    /// Oldest first; never empty.
    pub employments: Vec<Employment>,
}

impl Person {
    /// Where a fact of this instant belongs: the employment of that local day; before the first the first, in a gap and
    /// after the last the latest that had begun. Nothing for somebody who was never employed.
    pub fn home(&self, at: Timestamp) -> Option<Home> {
        self.home_on(self.zone.to_datetime(at).date())
    }

    /// As [`Person::home`], for a local day.
    pub fn home_on(&self, day: Date) -> Option<Home> {
        let holds = |e: &&Employment| e.from <= day && e.to.is_none_or(|to| day <= to);
        let current = self.employments.iter().rev().find(holds);
        let begun = || self.employments.iter().rev().find(|e| e.from <= day);
        let employment = current.or_else(begun).or_else(|| self.employments.first())?;
        Some(Home { region: employment.region.clone(), unit: Some(employment.unit) })
    }
}

/// The people of the group.
#[derive(Clone, Debug, Default)]
pub struct People(HashMap<PersonId, Person>);

impl People {
    /// These.
    pub fn new(people: impl IntoIterator<Item = Person>) -> Self {
        Self(people.into_iter().map(|p| (p.id, p)).collect())
    }

    /// One of them.
    pub fn get(&self, id: PersonId) -> Option<&Person> {
        self.0.get(&id)
    }

    /// All, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Person> {
        self.0.values()
    }
}

/// Units by path, as of today.
#[derive(Clone, Debug, Default)]
pub struct Units(HashMap<String, Home>);

impl Units {
    /// These.
    pub fn new(units: impl IntoIterator<Item = (String, Home)>) -> Self {
        Self(units.into_iter().collect())
    }

    /// The unit of a path.
    pub fn get(&self, path: &str) -> Option<&Home> {
        self.0.get(path)
    }

    /// Where a unit is.
    pub fn of(&self, unit: OrgUnitId) -> Option<&Home> {
        self.0.values().find(|home| home.unit == Some(unit))
    }

    /// Whether some unit is in the region.
    pub fn hold(&self, region: &Region) -> bool {
        self.0.values().any(|home| home.region == *region)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use tally_kernel::time::zone;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_fact_belongs_where_the_person_was_on_that_local_day() {
        let unit = |n: u128| OrgUnitId(Uuid::from_u128(n));
        let employment = |from, to, n| Employment {
            from,
            to,
            unit: unit(n),
            unit_path: format!("north/{n}"),
            region: "cn-north".parse().unwrap(),
        };
        let person = Person {
            id: PersonId(Uuid::from_u128(9)),
            employee_no: "E9".into(),
            zone: zone("Asia/Shanghai").unwrap(),
            employments: vec![
                employment(date(2026, 1, 1), Some(date(2026, 1, 31)), 1),
                employment(date(2026, 2, 10), Some(date(2026, 2, 28)), 2),
            ],
        };
        let at = |text: &str| person.home(text.parse().unwrap()).and_then(|h| h.unit);
        assert_eq!(at("2026-01-31T15:59:59Z"), Some(unit(1)));
        assert_eq!(at("2026-01-31T16:00:00Z"), Some(unit(1)), "in a gap the last unit stands");
        assert_eq!(at("2026-02-09T16:00:00Z"), Some(unit(2)));
        assert_eq!(at("2025-06-01T00:00:00Z"), Some(unit(1)));
        assert_eq!(at("2027-06-01T00:00:00Z"), Some(unit(2)));
        assert_eq!(Person { employments: vec![], ..person }.home_on(date(2026, 1, 1)), None);
    }
}
