//! Where data live.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Kind, msg};

/// How deep a tree of org units may be.
pub const MAX_UNIT_DEPTH: usize = 16;

/// Where a branch's data live, such as `cn-north`. Group-level configuration carries [`Region::GLOBAL`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Region(String);

impl Region {
    /// The name of the region of group-level configuration: no personal data carry it.
    pub const GLOBAL: &'static str = "*";

    /// The region of group-level configuration.
    pub fn global() -> Self {
        Self(Self::GLOBAL.to_owned())
    }

    /// Whether this is the region of group-level configuration.
    pub fn is_global(&self) -> bool {
        self.0 == Self::GLOBAL
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = Error;
    fn from_str(s: &str) -> Result<Self, Error> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if s == Self::GLOBAL || (!s.is_empty() && s.len() <= 32 && s.chars().all(plain)) {
            return Ok(Self(s.to_owned()));
        }
        Err(Error::of(Kind::InvalidArgument, msg!("REGION_MALFORMED")))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
