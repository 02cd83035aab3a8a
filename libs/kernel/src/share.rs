//! A share in parts per million: what a person has of a record, what a part of a pool weighs. 1,000,000 is the whole.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind};
use crate::msg;

/// A share, 0 to 1,000,000 millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Ppm(u32);

impl Ppm {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// Everything.
    pub const WHOLE: Self = Self(1_000_000);

    /// A share of `ppm` millionths.
    ///
    /// # Errors
    /// `SHARE_OUT_OF_RANGE` above 1,000,000.
    pub fn new(ppm: u32) -> Result<Self, Error> {
        Self::try_from(ppm)
    }

    /// The millionths.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// What is missing to the whole.
    #[must_use]
    pub const fn rest(self) -> Self {
        Self(Self::WHOLE.0 - self.0)
    }

    /// The sum, or nothing when it exceeds the whole.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Self::try_from(self.0.checked_add(other.0)?).ok()
    }

    /// Whether the shares are together exactly the whole.
    pub fn make_whole(shares: impl IntoIterator<Item = Self>) -> bool {
        let sum: u64 = shares.into_iter().map(|s| u64::from(s.0)).sum();
        sum == u64::from(Self::WHOLE.0)
    }
}

impl TryFrom<u32> for Ppm {
    type Error = Error;
    fn try_from(ppm: u32) -> Result<Self, Error> {
        if ppm > Self::WHOLE.0 {
            return Err(Error::of(Kind::InvalidArgument, msg!("SHARE_OUT_OF_RANGE", ppm)));
        }
        Ok(Self(ppm))
    }
}

impl From<Ppm> for u32 {
    fn from(share: Ppm) -> u32 {
        share.0
    }
}

/// In percent with no more digits than needed: `33.3333 %`, `25 %`.
impl fmt::Display for Ppm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 10_000, self.0 % 10_000);
        if part == 0 {
            return write!(f, "{whole} %");
        }
        let digits = format!("{part:04}");
        write!(f, "{whole}.{} %", digits.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_shown_in_percent_with_exact_digits() {
        let shown = |ppm| Ppm::new(ppm).unwrap().to_string();
        assert_eq!(shown(1_000_000), "100 %");
        assert_eq!(shown(333_333), "33.3333 %");
        assert_eq!(shown(250_000), "25 %");
        assert_eq!(shown(1), "0.0001 %");
        assert_eq!(shown(0), "0 %");
    }

    #[test]
    fn more_than_the_whole_is_refused_also_from_stored_json() {
        assert_eq!(Ppm::new(1_000_001).unwrap_err().reason(), "SHARE_OUT_OF_RANGE");
        assert!(serde_json::from_str::<Ppm>("1000001").is_err());
        assert_eq!(serde_json::from_str::<Ppm>("400000").unwrap().rest().get(), 600_000);
        assert_eq!(Ppm::WHOLE.checked_add(Ppm(1)), None);
    }

    #[test]
    fn shares_make_a_whole_only_when_they_sum_exactly() {
        assert!(Ppm::make_whole([Ppm(333_334), Ppm(333_333), Ppm(333_333)]));
        assert!(!Ppm::make_whole([Ppm(333_333), Ppm(333_333), Ppm(333_333)]));
        assert!(!Ppm::make_whole([]));
    }
}
