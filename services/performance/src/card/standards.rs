//! Standards that the scheme of a cycle refines, and that are out of use by the end of its period.

use tally_access::Region;
use tally_engine::closing::facts::Finding;
use tally_kernel::{Result, msg};
use tally_store::ScopedTx;

use crate::credit::facts::Place;
use crate::cycle::domain::Cycle;
use crate::scheme;
use crate::scheme::facts::Out;

/// The kind of a finding about a standard that is out of use.
pub const STANDARD_WITHDRAWN: &str = "STANDARD_WITHDRAWN";

/// A finding about each, whatever refines it: the cycle is scored by it all the same.
///
/// # Errors
/// What the store says.
pub async fn findings(tx: &ScopedTx, of: &Cycle) -> Result<Vec<(Place, Finding)>> {
    let out = scheme::facts::standards_out(tx, of.scheme, of.scheme_version, of.period.to()).await?;
    let region = if of.owner.unit().is_some() { of.owner.region().clone() } else { Region::global() };
    let place = Place { region, unit: of.owner.unit(), person: None, left: None };
    let found = out.into_iter().map(|Out { refinement: scheme, standard, from, instead }| {
        let (standard, version) = (standard.scheme.name, standard.scheme.version);
        let detail = match instead {
            Some(instead) => msg!("STANDARD_WITHDRAWN.instead", scheme, standard, version, from, instead),
            None => msg!("STANDARD_WITHDRAWN", scheme, standard, version, from),
        };
        (place.clone(), Finding::new(STANDARD_WITHDRAWN, scheme, "", detail))
    });
    Ok(found.collect())
}
