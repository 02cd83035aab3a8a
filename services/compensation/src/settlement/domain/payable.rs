//! Whom of a cycle a pool pays.

use tally_kernel::Micro;

use super::{Claimant, SettlementError};

/// A score, and whether its person belonged to the owner of the pool on the last day of the cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scored {
    pub(crate) who: Claimant,
    pub(crate) score: Micro,
    pub(crate) belongs: bool,
}

/// Whom a pool pays. One of a unit below the owner of the cycle pays the people of that unit and leaves the others to other pools. One
/// of the owner itself pays everybody, and nobody of a unit pays people of another.
///
/// # Errors
/// [`SettlementError::Outside`].
pub(crate) fn payable(scored: Vec<Scored>, pays_everybody: bool) -> Result<Vec<(Claimant, Micro)>, SettlementError> {
    let outside: Vec<_> = scored.iter().filter(|one| !one.belongs).map(|one| one.who.person).collect();
    if pays_everybody && !outside.is_empty() {
        return Err(SettlementError::Outside(outside));
    }
    Ok(scored.into_iter().filter(|one| one.belongs).map(|one| (one.who, one.score)).collect())
}
