//! Files that the stack of one region signs and that of another believes: two lines, what is told as JSON and the signature of the
//! telling stack's key for it.

use jiff::Timestamp;
use tally_access::{Region, Regions};
use tally_kernel::id::TenantId;
use tally_kernel::{Error, Result};
use tally_rpc::{SigningKeys, statement};

use super::domain::{FileError, Told};
use crate::trusted::Trusted;

/// The file: the same told by the same key is the same file.
///
/// # Errors
/// A fault of ours where it cannot be written.
pub fn write<T: Told>(keys: &SigningKeys, now: Timestamp, told: &T) -> Result<String> {
    let text = serde_json::to_string(told).map_err(Error::internal)?;
    let line = statement::sign(&keys.at(now), T::FORMAT, &text);
    Ok(format!("{text}\n{line}\n"))
}

/// Whether the region that tells signed the text, and it is about this group.
///
/// # Errors
/// What is wrong with it, [`FileError`].
pub fn believe<T: Told>(trusted: &Trusted, tenant: TenantId, (told, text, signature): (&T, &str, &str)) -> Result<()> {
    let from = told.from();
    let keys = trusted.keys(from)?.ok_or_else(|| FileError::KeyUnknown(from.clone()))?;
    if !statement::signed_by(&keys, T::FORMAT, text, signature) {
        return Err(FileError::SignatureWrong(from.clone()).into());
    }
    if told.tenant() == tenant { Ok(()) } else { Err(FileError::OtherGroup.into()) }
}

/// The region that a file leaves: the one of the stack, or the one that is named.
///
/// # Errors
/// [`FileError::OriginMissing`].
pub fn origin(stack: &Regions, named: Option<&Region>) -> Result<Region, FileError> {
    match (named, stack) {
        (Some(named), _) => Ok(named.clone()),
        (None, Regions::Only(regions)) if regions.len() == 1 => {
            regions.first().cloned().ok_or(FileError::OriginMissing)
        }
        (None, Regions::All | Regions::Only(_)) => Err(FileError::OriginMissing),
    }
}
