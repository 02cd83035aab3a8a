//! The languages that the suite speaks.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Kind, msg};

/// Language of the sentences a caller reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Locale {
    /// English.
    #[default]
    #[serde(rename = "en")]
    En,
    /// Simplified Chinese.
    #[serde(rename = "zh-CN")]
    ZhCn,
}

impl Locale {
    /// All of them, English first.
    pub const ALL: [Self; 2] = [Self::En, Self::ZhCn];

    /// The BCP 47 tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::ZhCn => "zh-CN",
        }
    }

    /// The first language of an `accept-language` header that we speak; English when there is none.
    pub fn negotiate(header: &str) -> Self {
        header
            .split(',')
            .map(|part| part.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
            .find_map(|tag| match tag.split('-').next() {
                Some("zh") => Some(Self::ZhCn),
                Some("en") => Some(Self::En),
                _ => None,
            })
            .unwrap_or_default()
    }
}

impl FromStr for Locale {
    type Err = Error;
    fn from_str(s: &str) -> Result<Self, Error> {
        let known = Self::ALL.into_iter().find(|locale| locale.tag() == s);
        known.ok_or_else(|| Error::of(Kind::InvalidArgument, msg!("LOCALE_UNKNOWN")))
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_first_we_speak() {
        assert_eq!(Locale::negotiate("de, zh-TW;q=0.8, en;q=0.5"), Locale::ZhCn);
        assert_eq!(Locale::negotiate(""), Locale::En);
        assert_eq!("zh-CN".parse::<Locale>().unwrap().to_string(), "zh-CN");
    }
}
