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

/// The region of the group that a file leaves: the one that is named, else the only one that the stack serves.
///
/// # Errors
/// [`FileError::OriginMissing`] and [`FileError::OriginUnknown`].
pub fn origin(stack: &Regions, group: &[Region], named: Option<&Region>) -> Result<Region, FileError> {
    if let Some(named) = named {
        return if group.contains(named) { Ok(named.clone()) } else { Err(FileError::OriginUnknown(named.clone())) };
    }
    let mut served = group.iter().filter(|region| stack.serve(region));
    match (stack, served.next(), served.next()) {
        (_, Some(only), None) => Ok(only.clone()),
        (Regions::Only(regions), ..) if regions.len() == 1 => regions.first().cloned().ok_or(FileError::OriginMissing),
        (Regions::All | Regions::Only(_), ..) => Err(FileError::OriginMissing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regions(names: &[&str]) -> Vec<Region> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn the_only_region_that_is_served_needs_no_name_and_no_other_than_the_groups_can_be_named() {
        let only = |names: &[&str]| Regions::Only(regions(names).into_iter().collect());
        let (one, two) = (regions(&["north"]), regions(&["north", "west"]));
        for (stack, group, left) in [
            (Regions::All, &one, Some("north")),
            (Regions::All, &two, None),
            (only(&["west"]), &two, Some("west")),
            (only(&["east", "west"]), &two, Some("west")),
            (only(&["north", "west"]), &two, None),
        ] {
            let said = left.map(|name| name.parse::<Region>().unwrap()).ok_or(FileError::OriginMissing);
            assert_eq!(origin(&stack, group, None), said, "{stack:?}");
        }
        let [west, mars]: [Region; 2] = ["west", "mars"].map(|name| name.parse().unwrap());
        assert_eq!(origin(&Regions::All, &two, Some(&west)), Ok(west));
        assert_eq!(origin(&Regions::All, &two, Some(&mars)), Err(FileError::OriginUnknown(mars.clone())));
    }
}
