//! What a directory says. A pseudonym is random: from nothing that is known of a person can it be computed or tried out, as
//! it could from a number, a name or a digest of one.

use uuid::{Builder, Uuid};

/// A pseudonym and whether somebody employed stands behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub pseudonym: Uuid,
    /// Whether whoever it stands for is employed.
    pub active: bool,
}

/// A pseudonym from 16 random bytes. Not a UUIDv7: when somebody was entered is nobody's business either.
pub fn fresh(random: [u8; 16]) -> Uuid {
    Builder::from_random_bytes(random).into_uuid()
}

/// What can be wrong with a pseudonym or a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DirectoryError {
    /// The person has another one.
    There,
    /// Somebody else here has it.
    Taken,
    /// A newer directory of the region was taken in.
    Older,
}

/// The pseudonym a person is to have: the one it has, the one it brings, or a fresh one.
///
/// # Errors
/// [`DirectoryError::There`].
pub fn choose(has: Option<Uuid>, brings: Option<Uuid>, fresh: impl FnOnce() -> Uuid) -> Result<Uuid, DirectoryError> {
    match (has, brings) {
        (Some(has), Some(brings)) if has != brings => Err(DirectoryError::There),
        (Some(has), _) => Ok(has),
        (None, brings) => Ok(brings.unwrap_or_else(fresh)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_keeps_its_pseudonym_brings_one_or_gets_one() {
        let [a, b, new] = [1, 2, 3].map(|n| fresh([n; 16]));
        assert_eq!(choose(Some(a), None, || new), Ok(a));
        assert_eq!(choose(Some(a), Some(a), || new), Ok(a));
        assert_eq!(choose(Some(a), Some(b), || new), Err(DirectoryError::There));
        assert_eq!(choose(None, Some(b), || new), Ok(b));
        assert_eq!(choose(None, None, || new), Ok(new));
        assert_eq!(new.get_version_num(), 4, "random, without an instant in it");
    }
}
