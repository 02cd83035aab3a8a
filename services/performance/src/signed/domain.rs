//! What a file of a stack says of itself, and how it is read. Pure.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tally_access::Region;
use tally_kernel::id::TenantId;

/// What a file of a kind tells.
pub trait Told: Serialize + DeserializeOwned {
    /// What it begins with, and what its signature is for.
    const FORMAT: &'static str;

    /// What it says that it is.
    fn format(&self) -> &str;
    /// The region that tells.
    fn from(&self) -> &Region;
    /// The group that it is about.
    fn tenant(&self) -> TenantId;
}

/// What can be wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileError {
    /// The stack serves several regions of the group and none was named.
    OriginMissing,
    /// The region that was named is none of the group.
    OriginUnknown(Region),
    /// Not a file of this kind.
    Malformed,
    /// A file whose signature is not that of the region it names.
    SignatureWrong(Region),
    /// No public key of the region.
    KeyUnknown(Region),
    /// A file of another group.
    OtherGroup,
}

/// What a file tells, its text and the line that it is signed by. Nothing of it is to be believed yet.
///
/// # Errors
/// [`FileError::Malformed`].
pub fn read<T: Told>(file: &str) -> Result<(T, &str, &str), FileError> {
    let (text, signature) = file.trim_end().split_once('\n').ok_or(FileError::Malformed)?;
    let told: T = serde_json::from_str(text).map_err(|_| FileError::Malformed)?;
    if told.format() == T::FORMAT { Ok((told, text, signature)) } else { Err(FileError::Malformed) }
}
