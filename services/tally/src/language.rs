//! The languages that the program speaks at the terminal.

use clap::ValueEnum;
use tally_kernel::{Locale, Message};

/// See the module's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// English
    #[default]
    En,
    /// Simplified Chinese
    #[value(name = "zh-CN", alias = "zh")]
    ZhCn,
}

impl Language {
    /// As `accept-language` writes it.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::ZhCn => "zh-CN",
        }
    }

    /// As the catalogues name it.
    pub const fn locale(self) -> Locale {
        match self {
            Self::En => Locale::En,
            Self::ZhCn => Locale::ZhCn,
        }
    }

    /// The one that the environment asks for (`LC_ALL`, `LC_MESSAGES`, `LANG`); English where we do not speak it.
    pub fn of_system() -> Self {
        match tally_runtime::spoken() {
            Locale::En => Self::En,
            Locale::ZhCn => Self::ZhCn,
        }
    }

    /// The sentence of a message.
    pub fn say(self, message: &Message) -> String {
        tally_i18n::text(self.locale(), message)
    }

    /// The language of that tag; English for any other.
    pub fn of_tag(tag: &str) -> Self {
        if tag == Self::ZhCn.tag() { Self::ZhCn } else { Self::En }
    }
}
