//! What other rooms may ask of schemes.

use std::collections::BTreeSet;

use jiff::civil::Date;
use tally_access::Owner;
use tally_kernel::id::SchemeId;
use tally_kernel::{Error, Result};
use tally_store::ScopedTx;

use super::domain::{Instead, Parent, SchemeError, Version, Withdrawal};
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
            Some(out) => {
                let (name, from, instead) = (found.scheme.name.clone(), out.from, cure(tx, id, out, until).await?);
                Err(SchemeError::VersionWithdrawn { name, version: wanted, from, instead }.into())
            }
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

/// The version to use in place of one that is out of use: the one that the withdrawal names, or where that is out of use on the day, too,
/// the one named in place of it in its turn. Nothing where none that is in use is named.
///
/// # Errors
/// What the store says.
pub(super) async fn instead(tx: &ScopedTx, id: SchemeId, out: &Withdrawal, day: Date) -> Result<Option<u32>> {
    let (mut named, mut seen) = (out.superseded_by, BTreeSet::from([out.version]));
    // Two that name each other may come in a file.
    while let Some(number) = named.filter(|number| seen.insert(*number)) {
        let other = version(tx, id, number).await?;
        let Some(out) = other.withdrawn_on(day) else { return Ok(Some(number)) };
        named = out.superseded_by;
    }
    Ok(None)
}

/// What to use in place of a version that is out of use, for a refusal to say.
///
/// # Errors
/// What the store says.
pub(super) async fn cure(tx: &ScopedTx, id: SchemeId, out: &Withdrawal, day: Date) -> Result<Instead> {
    if let Some(version) = instead(tx, id, out, day).await? {
        return Ok(Instead::Version(version));
    }
    let others = newest_in_use(tx, version(tx, id, 0).await?, day).await?;
    Ok(others.map_or(Instead::Nothing, |_| Instead::Another))
}

/// A version with all that is known of it, such as since when it is out of use and for which other one; 0 is the newest.
///
/// # Errors
/// `NOT_FOUND`.
pub async fn version(tx: &ScopedTx, id: SchemeId, number: u32) -> Result<Version> {
    let missing = || Error::not_found("scheme version", format_args!("{id}/{number}"));
    version_of(tx, id, number).await?.ok_or_else(missing)
}

/// A standard that is out of use.
pub struct Out {
    /// The name of what refines it.
    pub refinement: String,
    pub standard: Version,
    pub from: Date,
    /// The version to use in place of it, where one that is in use is named.
    pub instead: Option<u32>,
}

/// The standards above a version that are out of use on a day.
///
/// # Errors
/// `NOT_FOUND`.
pub async fn standards_out(tx: &ScopedTx, scheme: SchemeId, version: u32, day: Date) -> Result<Vec<Out>> {
    let (above, mut found) = (with_above(tx, scheme, version).await?, Vec::new());
    for (refinement, standard) in above.iter().zip(above.iter().skip(1)) {
        let Some(out) = standard.withdrawn_on(day) else { continue };
        let (refinement, instead) = (refinement.scheme.name.clone(), instead(tx, standard.id, out, day).await?);
        found.push(Out { refinement, standard: standard.clone(), from: out.from, instead });
    }
    Ok(found)
}

/// A version with those that it refines, the nearest first.
///
/// # Errors
/// `NOT_FOUND`.
pub async fn with_above(tx: &ScopedTx, scheme: SchemeId, version: u32) -> Result<Vec<Version>> {
    above(tx, Parent { scheme, version }).await
}
