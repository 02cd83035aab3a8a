//! The org tree of a day: who is below whom, and whose something of a month is.

use std::collections::HashMap;
use std::iter::successors;

use jiff::civil::Date;
use tally_access::{OpContext, Owner, Region};
use tally_api::identity::v1 as pb;
use tally_api::identity::v1::org_service_client::OrgServiceClient;
use tally_kernel::id::OrgUnitId;
use tally_kernel::page::MAX_SIZE;
use tally_kernel::{Error, Kind, Result, msg};
use tally_rpc::{Peer, pages};

use crate::convert::{date_text, sent};

/// A unit of the org tree on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The unit.
    pub id: OrgUnitId,
    /// Its parent; nothing for the root.
    pub parent: Option<OrgUnitId>,
    /// Name of this node alone.
    pub name: String,
    /// Names from the branch down, joined by `/`.
    pub path: String,
    /// Its region; `*` for the root.
    pub region: Region,
}

/// From when until when a unit is as it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// First day.
    pub from: Date,
    /// Last day, or no end.
    pub to: Option<Date>,
}

/// The units of a day.
#[derive(Clone, Debug, Default)]
pub struct Units {
    /// By path, as identity tells them: parents before children.
    ordered: Vec<Unit>,
    places: HashMap<OrgUnitId, usize>,
    /// The day, where it is not today.
    day: Option<Date>,
    /// The units that were closed before the day, with those that their people went to.
    gone: HashMap<OrgUnitId, OrgUnitId>,
    /// Those whose people went nowhere, with the units that they were closed under.
    ended: HashMap<OrgUnitId, OrgUnitId>,
}

impl Units {
    /// These, parents before children.
    pub fn new(units: impl IntoIterator<Item = Unit>) -> Self {
        let ordered: Vec<Unit> = units.into_iter().collect();
        let places = ordered.iter().enumerate().map(|(place, unit)| (unit.id, place)).collect();
        Self { ordered, places, day: None, gone: HashMap::new(), ended: HashMap::new() }
    }

    /// With units that were closed before the day, each with the one that its people went to.
    #[must_use]
    pub fn with_gone(self, gone: impl IntoIterator<Item = (OrgUnitId, OrgUnitId)>) -> Self {
        Self { gone: gone.into_iter().collect(), ..self }
    }

    /// The units of a day, or of today. Asked as the service: whose something is must not depend on whom the caller may see.
    ///
    /// # Errors
    /// What identity says, or that it is away.
    pub async fn of(identity: &Peer, ctx: &OpContext, day: Option<Date>) -> Result<Self> {
        let as_of = date_text(day);
        let listed = pages(async |page_token| {
            let ask = pb::ListOrgUnitsRequest {
                as_of: as_of.clone(),
                page_size: MAX_SIZE,
                page_token,
                with_gone: true,
                ..Default::default()
            };
            let mut client = OrgServiceClient::new(identity.channel());
            let page = client.list_org_units(identity.as_service(ctx, ask)).await?.into_inner();
            Ok((vec![(page.units, page.gone)], page.next_page_token))
        });
        let (units, gone): (Vec<_>, Vec<_>) = listed.await?.into_iter().unzip();
        let units = units.into_iter().flatten().map(unit).collect::<Result<Vec<_>>>()?;
        let (gone, ended): (Vec<_>, Vec<_>) =
            gone.into_iter().flatten().partition(|told: &pb::OrgUnit| !told.into_id.is_empty());
        let went = |told: pb::OrgUnit| Ok((sent::value(&told.unit_id)?, sent::value(&told.into_id)?));
        let under = |told: pb::OrgUnit| Ok((sent::value(&told.unit_id)?, sent::value(&told.parent_id)?));
        let gone = gone.into_iter().map(went).collect::<Result<_>>()?;
        let ended = ended.into_iter().map(under).collect::<Result<_>>()?;
        Ok(Self { day, gone, ended, ..Self::new(units) })
    }

    /// Since when and until when these units are as they were last on a day or before it, or as they begin after it; nothing of one that
    /// never was. Asked as the service.
    ///
    /// # Errors
    /// What identity says, or that it is away.
    pub async fn stretches(
        identity: &Peer,
        ctx: &OpContext,
        units: impl IntoIterator<Item = OrgUnitId>,
        day: Date,
    ) -> Result<HashMap<OrgUnitId, Stretch>> {
        let told = nearest(identity, ctx, units, Some(day)).await?;
        let stretch = |told: pb::OrgUnit| {
            let (from, to) = (sent::date(&told.valid_from)?, sent::optional_date(&told.valid_to)?);
            Ok((sent::value(&told.unit_id)?, Stretch { from, to }))
        };
        told.into_iter().map(stretch).collect()
    }

    /// Those of these units that are no more, as they were last. Asked as the service.
    ///
    /// # Errors
    /// What identity says, or that it is away.
    pub async fn closed(
        identity: &Peer,
        ctx: &OpContext,
        units: impl IntoIterator<Item = OrgUnitId>,
    ) -> Result<Vec<Unit>> {
        let told = nearest(identity, ctx, units, None).await?.into_iter();
        told.filter(|unit| !unit.valid_to.is_empty()).map(unit).collect()
    }

    /// All, parents before children.
    pub fn iter(&self) -> impl Iterator<Item = &Unit> {
        self.ordered.iter()
    }

    /// One of them; nothing for a unit that is not there on the day.
    pub fn get(&self, id: OrgUnitId) -> Option<&Unit> {
        self.places.get(&id).and_then(|place| self.ordered.get(*place))
    }

    /// The unit that one goes on in: itself, or, where it was closed, that which its people went to, and so on; where they went nowhere, the
    /// unit that it was closed under, with which all of it stays. Nothing of one that never was.
    pub fn goes_on_in(&self, id: OrgUnitId) -> Option<&Unit> {
        let next = |id: &OrgUnitId| self.gone.get(id).or_else(|| self.ended.get(id)).copied();
        let mut into = successors(Some(id), next).take(self.gone.len() + self.ended.len() + 1);
        into.find_map(|id| self.get(id))
    }

    /// The units that were closed before the day and go on in another one.
    pub fn gone(&self) -> impl Iterator<Item = OrgUnitId> {
        self.gone.keys().copied()
    }

    /// All units that one goes on in, whether they are there on the day or not, with itself.
    pub fn goes_on_as(&self, id: OrgUnitId) -> impl Iterator<Item = OrgUnitId> {
        successors(Some(id), |id| self.gone.get(id).copied()).take(self.gone.len() + 1)
    }

    /// A unit, or the one that it goes on in, and all above it, up to the root; nothing of a unit that is not there.
    pub fn chain(&self, id: OrgUnitId) -> impl Iterator<Item = &Unit> {
        successors(self.goes_on_in(id), |unit| self.get(unit.parent?))
    }

    /// Whether `below`, or the unit that it goes on in, is `above` or somewhere below it.
    pub fn holds(&self, above: OrgUnitId, below: OrgUnitId) -> bool {
        self.chain(below).any(|unit| unit.id == above)
    }

    /// The lowest unit that holds all of these; nothing where there are none, or one of them is not there.
    pub fn lowest_above(&self, units: impl IntoIterator<Item = OrgUnitId>) -> Option<OrgUnitId> {
        let mut units = units.into_iter();
        let mut lowest = self.goes_on_in(units.next()?)?.id;
        for unit in units {
            lowest = self.chain(lowest).map(|above| above.id).find(|above| self.holds(*above, unit))?;
        }
        self.get(lowest).map(|unit| unit.id)
    }

    /// Whose it is that names this unit, or none: the root is the group.
    ///
    /// # Errors
    /// `NOT_FOUND` for a unit that is not there on the day.
    pub fn owner(&self, unit: Option<OrgUnitId>) -> Result<Owner> {
        let Some(id) = unit else { return Ok(Owner::group()) };
        let missing = || {
            let into = self.goes_on_as(id).skip(1).find_map(|id| self.get(id));
            let told = match (self.day, into) {
                (Some(day), Some(into)) => msg!("NOT_FOUND.goes_on", id, day, into = into.id),
                (Some(day), None) => msg!("NOT_FOUND.unit_on", id, day),
                (None, _) => return Error::not_found("org unit", id),
            };
            Error::of(Kind::NotFound, told).with("resource", "org unit")
        };
        let unit = self.get(id).ok_or_else(missing)?;
        Ok(unit.parent.map_or_else(Owner::group, |_| Owner::of(unit.region.clone(), id)))
    }

    /// The lowest owner above all of these; the group where one of them is not there any more.
    pub fn owner_above(&self, units: impl IntoIterator<Item = OrgUnitId>) -> Result<Owner> {
        self.owner(self.lowest_above(units))
    }
}

/// These units as of a day or of today; one that is not there then as it was last before, or as it begins after.
async fn nearest(
    identity: &Peer,
    ctx: &OpContext,
    units: impl IntoIterator<Item = OrgUnitId>,
    day: Option<Date>,
) -> Result<Vec<pb::OrgUnit>> {
    let unit_ids: Vec<String> = units.into_iter().map(|unit| unit.to_string()).collect();
    let as_of = date_text(day);
    let told = pages(async |page_token| {
        let (as_of, unit_ids) = (as_of.clone(), unit_ids.clone());
        let ask = pb::ListOrgUnitsRequest { as_of, unit_ids, page_size: MAX_SIZE, page_token, ..Default::default() };
        let mut client = OrgServiceClient::new(identity.channel());
        let page = client.list_org_units(identity.as_service(ctx, ask)).await?.into_inner();
        Ok((page.units, page.next_page_token))
    });
    told.await
}

fn unit(unit: pb::OrgUnit) -> Result<Unit> {
    let (id, parent) = (sent::value(&unit.unit_id)?, sent::optional_value(&unit.parent_id)?);
    Ok(Unit { id, parent, region: sent::value(&unit.region)?, name: unit.name, path: unit.path })
}

#[cfg(test)]
mod tests {
    use tally_access::Target;
    use uuid::Uuid;

    use super::*;

    fn id(n: u128) -> OrgUnitId {
        OrgUnitId(Uuid::from_u128(n))
    }

    /// The group 1 with the branches 2 (teams 4, 5) and 3 (team 6).
    fn tree() -> Units {
        let unit = |n: u128, parent: Option<u128>, path: &str, region: &str| Unit {
            id: id(n),
            parent: parent.map(id),
            name: path.rsplit('/').next().unwrap_or_default().to_owned(),
            path: path.to_owned(),
            region: region.parse().unwrap(),
        };
        Units::new([
            unit(1, None, "", "*"),
            unit(2, Some(1), "north", "cn-north"),
            unit(4, Some(2), "north/a", "cn-north"),
            unit(5, Some(2), "north/b", "cn-north"),
            unit(3, Some(1), "south", "cn-south"),
            unit(6, Some(3), "south/a", "cn-south"),
        ])
    }

    #[test]
    fn a_unit_holds_itself_and_all_below_it_and_nothing_beside_it() {
        let tree = tree();
        assert!(tree.holds(id(2), id(2)) && tree.holds(id(2), id(4)) && tree.holds(id(1), id(6)));
        assert!(!tree.holds(id(4), id(2)) && !tree.holds(id(2), id(6)) && !tree.holds(id(2), id(99)));
    }

    #[test]
    fn the_lowest_unit_above_some_is_the_first_that_holds_them_all() {
        let tree = tree();
        let above = |of: &[u128]| tree.lowest_above(of.iter().copied().map(id)).map(|id| id.0.as_u128());
        assert_eq!([above(&[4]), above(&[4, 5]), above(&[4, 2]), above(&[5, 6])], [Some(4), Some(2), Some(2), Some(1)]);
        assert_eq!([above(&[]), above(&[99]), above(&[4, 99])], [None; 3]);
    }

    #[test]
    fn a_closed_unit_is_below_those_that_the_unit_is_below_which_its_people_went_to() {
        // 8 went to 7, which went to 4, and 9 went nowhere.
        let tree = tree().with_gone([(id(8), id(7)), (id(7), id(4)), (id(10), id(11)), (id(11), id(10))]);
        assert!([8, 7].iter().all(|gone| tree.holds(id(2), id(*gone)) && tree.holds(id(4), id(*gone))));
        assert!(!tree.holds(id(3), id(8)) && !tree.holds(id(1), id(9)) && !tree.holds(id(1), id(10)));
        let above = |of: &[u128]| tree.lowest_above(of.iter().copied().map(id)).map(|id| id.0.as_u128());
        assert_eq!([above(&[8]), above(&[8, 5]), above(&[5, 7]), above(&[6, 8])], [4, 2, 2, 1].map(Some));
        assert_eq!([above(&[9]), above(&[8, 9]), above(&[10])], [None; 3]);
        // It is no unit of the day.
        assert_eq!((tree.get(id(8)), tree.owner(Some(id(8))).unwrap_err().reason()), (None, "NOT_FOUND"));
        assert_eq!(tree.owner_above([id(8)]).unwrap().unit(), Some(id(4)));
        assert_eq!(tree.goes_on_as(id(8)).collect::<Vec<_>>(), [8, 7, 4].map(id));
    }

    #[test]
    fn the_root_is_the_group_and_a_unit_that_is_not_there_owns_nothing() {
        let tree = tree();
        assert_eq!(tree.owner(None).unwrap(), tree.owner(Some(id(1))).unwrap());
        assert_eq!(tree.owner(Some(id(1))).unwrap().target(), Target::region(Region::global()));
        assert_eq!(tree.owner(Some(id(4))).unwrap().target(), Target::unit("cn-north".parse().unwrap(), id(4)));
        let on_a_day = Units { day: Some(Date::constant(2026, 3, 31)), ..tree.clone() };
        let missing = [&tree, &on_a_day].map(|tree| tree.owner(Some(id(99))).unwrap_err());
        assert_eq!(missing.each_ref().map(Error::reason), ["NOT_FOUND"; 2]);
        assert_eq!(missing.map(|error| error.message().id().to_owned()), ["NOT_FOUND", "NOT_FOUND.unit_on"]);
        assert_eq!(tree.owner_above([id(4), id(6)]).unwrap(), Owner::group());
    }
}
