//! The languages that the suite speaks.

use std::fmt;

use serde::{Deserialize, Serialize};

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

    /// The language of an `accept-language` header that is wanted most of those we speak, the first of several; English when
    /// there is none.
    pub fn negotiate(header: &str) -> Self {
        let header = header.to_ascii_lowercase();
        let wanted = header.split(',').filter_map(|part| {
            let mut parts = part.split(';').map(str::trim);
            let locale = match parts.next()?.split('-').next() {
                Some("zh") => Self::ZhCn,
                Some("en") => Self::En,
                _ => return None,
            };
            let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse::<f32>).ok()?;
            (quality > 0.0).then_some((locale, quality))
        });
        wanted
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
            .map(|(locale, _)| locale)
            .unwrap_or_default()
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
    fn the_language_is_the_one_wanted_most_of_those_we_speak() {
        for (header, locale) in [
            ("de, zh-TW;q=0.8, en;q=0.5", Locale::ZhCn),
            ("zh-TW;q=0.1, en;q=0.9", Locale::En),
            ("en;q=0.1,zh", Locale::ZhCn),
            ("zh, en", Locale::ZhCn),
            ("en; q=0, ZH; Q=0.2", Locale::ZhCn),
            ("zh;q=0", Locale::En),
            ("zh;q=much", Locale::En),
            ("", Locale::En),
        ] {
            assert_eq!(Locale::negotiate(header), locale, "{header}");
        }
    }
}
