//! Units as identity told them, and where a fact belongs.

use std::collections::HashMap;

use jiff::civil::Date;
use tally_access::{Region, Target};
use tally_kernel::id::{OrgUnitId, PersonId};
use tally_kernel::person::Employment;

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
    /// A fault of ours when the region is none.
    pub fn stored(region: &str, unit: Option<uuid::Uuid>) -> tally_kernel::Result<Self> {
        Ok(Self { region: region.parse().map_err(tally_kernel::Error::internal)?, unit: unit.map(OrgUnitId) })
    }

    /// What a permit is asked for, for a fact about this person.
    pub fn target(&self, person: PersonId) -> Target {
        self.target_of(Some(person))
    }

    /// What a permit is asked for, for what is said from a day on: by whom the team was under when that began.
    pub fn target_from(&self, person: Option<PersonId>, from: Option<Date>) -> Target {
        let target = self.target_of(person);
        from.map_or(target.clone(), |from| target.on(from))
    }

    /// What a permit is asked for, for a fact that may be about nobody in particular.
    pub fn target_of(&self, person: Option<PersonId>) -> Target {
        Target { region: Some(self.region.clone()), unit: self.unit, person, moment: None }
    }
}

impl From<&Employment> for Home {
    fn from(home: &Employment) -> Self {
        Self { region: home.region.clone(), unit: Some(home.unit) }
    }
}

/// Units by path, as of today, and some that were closed.
#[derive(Clone, Debug, Default)]
pub struct Units {
    today: HashMap<String, Home>,
    closed: Vec<Home>,
    /// Closed units with all that each goes on in: those that its people went to.
    gone: HashMap<OrgUnitId, Vec<OrgUnitId>>,
}

impl Units {
    pub fn new(units: impl IntoIterator<Item = (String, Home)>) -> Self {
        Self { today: units.into_iter().collect(), ..Self::default() }
    }

    /// With these closed units, and all that each goes on in.
    #[must_use]
    pub fn with_gone(self, gone: impl IntoIterator<Item = (OrgUnitId, Vec<OrgUnitId>)>) -> Self {
        Self { gone: gone.into_iter().collect(), ..self }
    }

    /// Whether a closed unit goes on in another one.
    pub fn goes_on_in(&self, closed: OrgUnitId, unit: OrgUnitId) -> bool {
        self.gone.get(&closed).is_some_and(|into| into.contains(&unit))
    }

    /// With these, which no path of today names.
    #[must_use]
    pub fn with_closed(self, closed: impl IntoIterator<Item = Home>) -> Self {
        Self { closed: closed.into_iter().collect(), ..self }
    }

    /// The unit of a path.
    pub fn get(&self, path: &str) -> Option<&Home> {
        self.today.get(path)
    }

    /// Where a unit is, or was last.
    pub fn of(&self, unit: OrgUnitId) -> Option<&Home> {
        self.today.values().chain(&self.closed).find(|home| home.unit == Some(unit))
    }

    /// The path of a unit, or of the one that it goes on in; nothing of one that is no more else.
    pub fn path(&self, unit: OrgUnitId) -> Option<&str> {
        let into = self.gone.get(&unit).into_iter().flatten().copied();
        let path = |unit| self.today.iter().find(|(_, home)| home.unit == Some(unit)).map(|(path, _)| path.as_str());
        [unit].into_iter().chain(into).find_map(path)
    }

    /// Whether some unit is in the region.
    pub fn hold(&self, region: &Region) -> bool {
        self.today.values().any(|home| home.region == *region)
    }
}
