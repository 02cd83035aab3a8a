//! Identity, as this service asks it. Called by `app.rs` only, never inside a transaction.
//!
//! The whole group is asked as the service: whom a fact belongs to must not depend on whom the caller may see. The
//! caller's permit was asked for before, and the caller's list is filtered after.

use std::collections::BTreeSet;

use tally_access::OpContext;
use tally_app::units::{Unit, Units as Tree};
use tally_kernel::Result;
use tally_kernel::id::OrgUnitId;
use tally_rpc::Peer;

use crate::directory::{Home, Units};

/// Whom this service calls.
#[derive(Clone, Debug)]
pub struct Peers {
    /// People and units.
    pub identity: Peer,
}

impl Peers {
    /// The units of today, by path, what closed ones go on in, and those of these that were closed.
    ///
    /// # Errors
    /// What identity says, or that it is away.
    pub async fn units(&self, ctx: &OpContext, named: impl IntoIterator<Item = OrgUnitId>) -> Result<Units> {
        let tree = Tree::of(&self.identity, ctx, None).await?;
        let home = |unit: &Unit| Home { region: unit.region.clone(), unit: Some(unit.id) };
        let today = Units::new(tree.iter().map(|unit| (unit.path.clone(), home(unit))));
        let today = today.with_gone(tree.gone().map(|unit| (unit, tree.goes_on_as(unit).skip(1).collect())));
        let absent: BTreeSet<OrgUnitId> = named.into_iter().filter(|unit| tree.get(*unit).is_none()).collect();
        if absent.is_empty() {
            return Ok(today);
        }
        let closed = Tree::closed(&self.identity, ctx, absent).await?;
        Ok(today.with_closed(closed.iter().map(home)))
    }
}
