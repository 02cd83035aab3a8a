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
    /// Traditional Chinese.
    #[serde(rename = "zh-TW")]
    ZhTw,
    /// Japanese.
    #[serde(rename = "ja")]
    Ja,
    /// Korean.
    #[serde(rename = "ko")]
    Ko,
    /// French.
    #[serde(rename = "fr")]
    Fr,
    /// German.
    #[serde(rename = "de")]
    De,
    /// Spanish.
    #[serde(rename = "es")]
    Es,
    /// Brazilian Portuguese.
    #[serde(rename = "pt-BR")]
    PtBr,
    /// Russian.
    #[serde(rename = "ru")]
    Ru,
    /// Vietnamese.
    #[serde(rename = "vi")]
    Vi,
    /// Arabic, written from right to left.
    #[serde(rename = "ar")]
    Ar,
}

/// Scripts and places where Chinese is written in traditional characters.
const TRADITIONAL: [&str; 4] = ["hant", "tw", "hk", "mo"];

impl Locale {
    /// All of them, English first.
    pub const ALL: [Self; 12] = [
        Self::En,
        Self::ZhCn,
        Self::ZhTw,
        Self::Ja,
        Self::Ko,
        Self::Fr,
        Self::De,
        Self::Es,
        Self::PtBr,
        Self::Ru,
        Self::Vi,
        Self::Ar,
    ];

    /// The BCP 47 tag.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::ZhCn => "zh-CN",
            Self::ZhTw => "zh-TW",
            Self::Ja => "ja",
            Self::Ko => "ko",
            Self::Fr => "fr",
            Self::De => "de",
            Self::Es => "es",
            Self::PtBr => "pt-BR",
            Self::Ru => "ru",
            Self::Vi => "vi",
            Self::Ar => "ar",
        }
    }

    /// The language that a tag asks for (`de-AT` for German); nothing where we do not speak it.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let tag = tag.to_ascii_lowercase();
        let mut parts = tag.split(['-', '_', '.']);
        let language = parts.next()?;
        if language == "zh" {
            return Some(if parts.any(|part| TRADITIONAL.contains(&part)) { Self::ZhTw } else { Self::ZhCn });
        }
        // Of each other language there is one.
        Self::ALL.into_iter().find(|locale| locale.tag().split('-').next() == Some(language))
    }

    /// Whether it is written from right to left.
    pub fn is_right_to_left(self) -> bool {
        self == Self::Ar
    }

    /// Whether its colons and stops take the width of a character: `：` in place of `: `.
    pub fn is_full_width(self) -> bool {
        matches!(self, Self::ZhCn | Self::ZhTw | Self::Ja)
    }

    /// The language of an `accept-language` header that is wanted most of those we speak, the first of several; English when
    /// there is none.
    pub fn negotiate(header: &str) -> Self {
        let wanted = header.split(',').filter_map(|part| {
            let mut parts = part.split(';').map(str::trim);
            let locale = Self::of_tag(parts.next()?)?;
            let quality = parts.find_map(|part| part.to_ascii_lowercase().strip_prefix("q=").map(str::parse::<f32>));
            let quality = quality.unwrap_or(Ok(1.0)).ok()?;
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
            ("de-AT, zh-TW;q=0.8, en;q=0.5", Locale::De),
            ("sv, zh-TW;q=0.8, en;q=0.5", Locale::ZhTw),
            ("zh-Hant-HK", Locale::ZhTw),
            ("zh-Hans-SG", Locale::ZhCn),
            ("pt-PT, en;q=0.1", Locale::PtBr),
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
