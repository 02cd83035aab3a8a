//! What other rooms may ask of schemes.

use jiff::civil::Date;
use tally_access::Owner;
use tally_kernel::id::SchemeId;
use tally_kernel::{Error, Result};
use tally_store::ScopedTx;

use super::domain::{Parent, SchemeError, Version, Withdrawal};
use super::store::{above, version_of};
pub(crate) use super::store::{find, in_use, load};

/// The number of a version that a period until this day may use, and whose scheme it is; 0 asks for the newest that is in use.
///
/// # Errors
/// `NOT_FOUND`; `SCHEME_WITHDRAWN` for one that is out of use by then.
pub async fn usable(tx: &ScopedTx, id: SchemeId, wanted: u32, until: Date) -> Result<(u32, Owner)> {
    if wanted > 0 {
        let found = version(tx, id, wanted).await?;
        return match found.withdrawn_on(until) {
            None => Ok((wanted, found.owner)),
            Some(out) => Err(SchemeError::VersionWithdrawn {
                name: found.scheme.name.clone(),
                version: wanted,
                from: out.from,
                instead: out.superseded_by,
            }
            .into()),
        };
    }
    let newest = version(tx, id, 0).await?;
    let found = newest_in_use(tx, newest, until).await?;
    found.map_err(|out| out.into()).map(|found| (found.scheme.version, found.owner))
}

/// The newest version that is in use on a day, down from this one.
///
/// # Errors
/// Nothing but what the store says: all being out of use is an answer.
pub(super) async fn newest_in_use(
    tx: &ScopedTx,
    newest: Version,
    day: Date,
) -> Result<std::result::Result<Version, SchemeError>> {
    let (name, mut found) = (newest.scheme.name.clone(), newest);
    loop {
        let Some(out) = found.withdrawn_on(day) else { return Ok(Ok(found)) };
        if out.version == 0 || found.scheme.version == 1 {
            return Ok(Err(SchemeError::Withdrawn { name, from: out.from }));
        }
        found = version(tx, found.id, found.scheme.version - 1).await?;
    }
}

/// A version with all that is known of it, such as since when it is out of use and for which other one; 0 is the newest.
///
/// # Errors
/// `NOT_FOUND`.
pub async fn version(tx: &ScopedTx, id: SchemeId, number: u32) -> Result<Version> {
    let missing = || Error::not_found("scheme version", format_args!("{id}/{number}"));
    version_of(tx, id, number).await?.ok_or_else(missing)
}

/// The standards above a version that are out of use on a day, each with the name of what refines it.
///
/// # Errors
/// `NOT_FOUND`.
pub async fn standards_out(
    tx: &ScopedTx,
    scheme: SchemeId,
    version: u32,
    day: Date,
) -> Result<Vec<(String, Version, Withdrawal)>> {
    let above = with_above(tx, scheme, version).await?;
    let out = above.windows(2).filter_map(|two| {
        let [refinement, standard] = two else { return None };
        Some((refinement.scheme.name.clone(), standard.clone(), standard.withdrawn_on(day)?.clone()))
    });
    Ok(out.collect())
}

/// A version with those that it refines, the nearest first.
///
/// # Errors
/// `NOT_FOUND`.
pub async fn with_above(tx: &ScopedTx, scheme: SchemeId, version: u32) -> Result<Vec<Version>> {
    above(tx, Parent { scheme, version }).await
}
