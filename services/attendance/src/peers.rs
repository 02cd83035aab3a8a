//! Identity, as this service asks it. Called by `app.rs` only, never inside a transaction.
//!
//! The whole group is asked as the service: whom a fact belongs to must not depend on whom the caller may see. The
//! caller's permit was asked for before, and the caller's list is filtered after.

use tally_access::OpContext;
use tally_app::units::Unit;
use tally_kernel::Result;
use tally_rpc::Peer;

use crate::directory::{Home, Units};

/// Whom this service calls.
#[derive(Clone, Debug)]
pub struct Peers {
    /// People and units.
    pub identity: Peer,
}

impl Peers {
    /// The units of today, by path.
    ///
    /// # Errors
    /// What identity says, or that it is away.
    pub async fn units(&self, ctx: &OpContext) -> Result<Units> {
        let tree = tally_app::units::Units::of(&self.identity, ctx, None).await?;
        let home = |unit: &Unit| Home { region: unit.region.clone(), unit: Some(unit.id) };
        Ok(Units::new(tree.iter().map(|unit| (unit.path.clone(), home(unit)))))
    }
}
