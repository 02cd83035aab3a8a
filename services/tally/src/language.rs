//! The languages that the program speaks at the terminal.

use std::sync::OnceLock;

use clap::ValueEnum;
use tally_kernel::{Locale, Message};

/// The one that was typed, which everything is said in.
static TYPED: OnceLock<Language> = OnceLock::new();

/// See the module's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// English
    #[default]
    En,
    /// Simplified Chinese
    #[value(name = "zh-CN", alias = "zh")]
    ZhCn,
    /// Traditional Chinese
    #[value(name = "zh-TW")]
    ZhTw,
    /// Japanese
    Ja,
    /// Korean
    Ko,
    /// French
    Fr,
    /// German
    De,
    /// Spanish
    Es,
    /// Brazilian Portuguese
    #[value(name = "pt-BR", alias = "pt")]
    PtBr,
    /// Russian
    Ru,
    /// Vietnamese
    Vi,
    /// Arabic
    Ar,
}

impl Language {
    /// As `accept-language` writes it.
    pub const fn tag(self) -> &'static str {
        self.locale().tag()
    }

    /// As the catalogues name it.
    pub const fn locale(self) -> Locale {
        match self {
            Self::En => Locale::En,
            Self::ZhCn => Locale::ZhCn,
            Self::ZhTw => Locale::ZhTw,
            Self::Ja => Locale::Ja,
            Self::Ko => Locale::Ko,
            Self::Fr => Locale::Fr,
            Self::De => Locale::De,
            Self::Es => Locale::Es,
            Self::PtBr => Locale::PtBr,
            Self::Ru => Locale::Ru,
            Self::Vi => Locale::Vi,
            Self::Ar => Locale::Ar,
        }
    }

    /// The one that the environment asks for (`LC_ALL`, `LC_MESSAGES`, `LANG`); English where we do not speak it.
    pub fn of_system() -> Self {
        Self::of_locale(tally_runtime::spoken())
    }

    fn of_locale(locale: Locale) -> Self {
        Self::value_variants().iter().copied().find(|language| language.locale() == locale).unwrap_or_default()
    }

    /// What the program speaks: the one that was typed, else that of the system.
    pub fn spoken() -> Self {
        TYPED.get().copied().unwrap_or_else(Self::of_system)
    }

    /// From now on this one is spoken.
    pub fn speak(self) {
        // A program is started once.
        let _first = TYPED.set(self);
    }

    /// The one that a command line names with `--lang`, which may be wrong elsewhere; else that of the system.
    pub fn asked(args: impl Iterator<Item = String>) -> Self {
        let args: Vec<String> = args.collect();
        let named = args.iter().enumerate().find_map(|(at, arg)| match arg.strip_prefix("--lang")? {
            "" => args.get(at + 1).map(String::as_str),
            rest => rest.strip_prefix('='),
        });
        named.and_then(|tag| Self::from_str(tag, true).ok()).unwrap_or_else(Self::of_system)
    }

    /// The sentence of a message.
    pub fn say(self, message: &Message) -> String {
        tally_i18n::text(self.locale(), message)
    }

    /// The language of that tag; English for any other.
    pub fn of_tag(tag: &str) -> Self {
        Locale::of_tag(tag).map_or(Self::En, Self::of_locale)
    }
}
