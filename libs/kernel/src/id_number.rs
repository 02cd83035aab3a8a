//! Numbers of identity documents.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Error, Kind, msg};

const LONGEST: usize = 64;
/// Weights of the digits of a Chinese resident identity number (GB 11643), and the check characters by remainder.
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECKS: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];

/// The number of an identity document: upper case, without spaces. Prints as `id number`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdNumber(String);

/// Why a text is no number of an identity document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdNumberError {
    /// Nothing is left without the spaces, or too much, or something that is no text.
    #[error("an identity number has 1 to 64 characters without control characters")]
    Malformed,
    /// A resident identity number whose last place does not fit the others.
    #[error("the last place of this resident identity number does not fit the others: see the card")]
    Checksum,
}

impl From<IdNumberError> for Error {
    fn from(error: IdNumberError) -> Self {
        let message = match error {
            IdNumberError::Malformed => msg!("ID_NUMBER_INVALID"),
            IdNumberError::Checksum => msg!("ID_NUMBER_CHECKSUM"),
        };
        Self::of(Kind::InvalidArgument, message)
    }
}

impl IdNumber {
    /// Reads a number as people write it. One that looks like a Chinese resident identity number must have its checksum.
    ///
    /// # Errors
    /// See [`IdNumberError`].
    pub fn parse(text: &str) -> Result<Self, IdNumberError> {
        let number: String = text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_uppercase).collect();
        if !(1..=LONGEST).contains(&number.len()) || number.contains(char::is_control) {
            return Err(IdNumberError::Malformed);
        }
        if resident_check(&number).is_some_and(|check| !number.ends_with(check)) {
            return Err(IdNumberError::Checksum);
        }
        Ok(Self(number))
    }

    /// The number itself, for whoever may read it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for IdNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("id number")
    }
}

/// The last place that a resident identity number must have; none for what is no such number.
fn resident_check(number: &str) -> Option<char> {
    let last = number.chars().nth(17).filter(|last| last.is_ascii_digit() || *last == 'X')?;
    let digits: Vec<u32> = number.strip_suffix(last)?.chars().map(|c| c.to_digit(10)).collect::<Option<_>>()?;
    let sum: u32 = (digits.len() == WEIGHTS.len()).then(|| digits.iter().zip(WEIGHTS).map(|(d, w)| d * w).sum())?;
    CHECKS.get(sum as usize % CHECKS.len()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> Option<IdNumberError> {
        IdNumber::parse(text).err()
    }

    #[test]
    fn numbers_are_equal_however_they_are_spaced_and_spelt() {
        let number = IdNumber::parse("11010519491231002X").unwrap();
        for text in [" 110105 19491231 002x ", "11010519491231002x\n", "1101\u{3000}05\t19491231002X"] {
            assert_eq!(IdNumber::parse(text).unwrap(), number, "{text:?}");
        }
        for text in ["", "  ", "A\u{0}B", &"1".repeat(65)] {
            assert_eq!(problem(text), Some(IdNumberError::Malformed), "{text:?}");
        }
        assert_eq!(format!("{number:?}"), "id number");
    }

    #[test]
    fn a_resident_identity_number_must_have_its_checksum_and_other_documents_have_none() {
        for good in ["11010519491231002X", "440524188001010014", "E12345678", "1101051949123100", "11010519491231002Y"]
        {
            assert_eq!(problem(good), None, "{good}");
        }
        for bad in ["110105194912310021", "11010519491231003X", "110105194912310020", "440524188001010041"] {
            assert_eq!(problem(bad), Some(IdNumberError::Checksum), "{bad}");
        }
    }
}
