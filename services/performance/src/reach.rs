//! What holds for a unit is read there: schemes and measures of all above.

use tally_access::{OpContext, Owner, Plan, Rpc};
use tally_app::units::Units;
use tally_kernel::Result;
use tally_kernel::id::OrgUnitId;
use tally_rpc::Peer;

/// The plan with all units above those that it reaches.
pub async fn from_below<R: Rpc>(identity: &Peer, ctx: &OpContext, plan: Plan<R>) -> Result<Plan<R>> {
    if plan.reach().tenant || plan.reach().units_today().next().is_none() {
        return Ok(plan);
    }
    let units = Units::of(identity, ctx, None).await?;
    let above: Vec<_> = plan.reach().units_today().flat_map(|unit| units.chain(unit)).map(|unit| unit.id).collect();
    Ok(plan.with_units(above))
}

/// The unit of an owner and all above it, the nearest first; nothing of the group.
pub fn chain(units: &Units, owner: &Owner) -> Vec<OrgUnitId> {
    match owner.unit() {
        Some(unit) if units.get(unit).is_none() => vec![unit],
        Some(unit) => units.chain(unit).map(|unit| unit.id).collect(),
        None => Vec::new(),
    }
}
