//! What is said to people, as data: an id of the catalogues in `locales/` and named arguments. Whoever decides says which
//! message; `libs/i18n` makes the sentence, at the edge, in the reader's language.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::Locale;

/// The argument of a message that is text already: the English text.
const TOLD: &str = "text";
/// The same of one whose reason is known: no argument of the catalogues has this name.
const TOLD_FOR: &str = "";

/// See the module's text. Made by [`msg!`](crate::msg), so that `cargo xtask tidy` can hold ids and arguments against the
/// catalogues.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Message {
    id: &'static str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    args: BTreeMap<&'static str, Arg>,
}

/// An argument: digits and names as they are, or what is itself said in the reader's language.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Arg {
    /// As it is. A whole number also chooses the plural form.
    Text(String),
    /// A sentence or a part of one.
    Message(Message),
    /// Several, joined as the language joins them.
    List(Vec<Message>),
}

/// A message of the catalogues: `msg!("UNIT_CLOSES", day)`, `msg!("NO_RECORDS", file = "records.csv", count = n)`. An
/// argument is anything that displays, a [`Message`] or a list of them. Where one reason has several sentences, the others
/// are attributes of the first: `msg!("REGION_CROSSED.manager")`.
#[macro_export]
macro_rules! msg {
    ($id:literal $(, $name:ident $(= $value:expr)?)* $(,)?) => {
        $crate::message::Message::new($id)$(.with(stringify!($name), $crate::msg!(@value $name $(, $value)?)))*
    };
    (@value $name:ident) => { &$name };
    (@value $name:ident, $value:expr) => { &$value };
}

impl Message {
    /// The message with this id of the catalogues; use [`msg!`](crate::msg).
    pub const fn new(id: &'static str) -> Self {
        Self { id, args: BTreeMap::new() }
    }

    /// A message whose id is known only at run time, such as the reason of a peer.
    pub fn from_parts(id: &'static str, args: &BTreeMap<&'static str, String>) -> Self {
        let args = args.iter().map(|(key, value)| (*key, Arg::Text(value.clone()))).collect();
        Self { id, args }
    }

    /// Names an argument.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &(impl Argument + ?Sized)) -> Self {
        self.args.insert(name, value.argument());
        self
    }

    /// A sentence that is text already, such as a peer's answer in the caller's language.
    pub fn told(text: impl Into<String>) -> Self {
        Self { id: "", args: BTreeMap::from([(TOLD, Arg::Text(text.into()))]) }
    }

    /// A sentence that is text already, and the reason that it is told for.
    pub fn told_for(reason: &'static str, text: impl Into<String>) -> Self {
        Self { id: reason, args: BTreeMap::from([(TOLD_FOR, Arg::Text(text.into()))]) }
    }

    /// The same sentence in another language.
    #[must_use]
    pub fn also_told(mut self, locale: Locale, text: impl Into<String>) -> Self {
        self.args.insert(self.told_key(locale), Arg::Text(text.into()));
        self
    }

    /// The text of a sentence that was [`told`](Self::told).
    pub fn as_told(&self) -> Option<&str> {
        self.told_in(Locale::En)
    }

    /// The text of a sentence that was [`told`](Self::told) in this language.
    pub fn told_in(&self, locale: Locale) -> Option<&str> {
        match self.args.get(self.told_key(locale)) {
            Some(Arg::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Where the text of a told sentence stands: under names that no argument of a catalogue has, or in a message without an id.
    fn told_key(&self, locale: Locale) -> &'static str {
        match locale {
            Locale::En if self.id.is_empty() => TOLD,
            Locale::En => TOLD_FOR,
            other => other.tag(),
        }
    }

    /// The id; empty for a sentence that was [`told`](Self::told) without a reason.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// The id without the name of a variant: what programs go by.
    pub fn reason(&self) -> &'static str {
        self.id.split('.').next().unwrap_or_default()
    }

    /// The arguments, sorted by name.
    pub fn args(&self) -> &BTreeMap<&'static str, Arg> {
        &self.args
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::told(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::told(text)
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Stored {
            /// As sentences were stored before they were data.
            Told(String),
            Written {
                id: String,
                #[serde(default)]
                args: BTreeMap<String, Arg>,
            },
        }
        let (written, args) = match Stored::deserialize(deserializer)? {
            Stored::Told(text) => return Ok(Self::told(text)),
            Stored::Written { id, args } => (id, args),
        };
        let word =
            |text: &str| word(text).ok_or_else(|| de::Error::custom(format!("{text:?} is no name of a message")));
        let name = |name: &str| if name == TOLD_FOR { Ok(TOLD_FOR) } else { word(name) };
        let args = args.into_iter().map(|(key, arg)| Ok((name(&key)?, arg))).collect::<Result<_, D::Error>>()?;
        let id = if written.is_empty() { "" } else { word(&written)? };
        Ok(Self { id, args })
    }
}

/// How many different words are kept; the suite has far fewer.
const MAX_WORDS: usize = 4_000;

/// The one copy of a word that lives as long as the process: ids, reasons and keys are `&'static str`, also those that a
/// peer or a stored message names. Nobody can make us keep more than some thousand short words.
pub fn word(text: &str) -> Option<&'static str> {
    static WORDS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    if text.is_empty() || text.len() > 64 || !text.bytes().all(plain) {
        return None;
    }
    let mut words = WORDS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = words.get(text) {
        return Some(known);
    }
    if words.len() >= MAX_WORDS {
        return None;
    }
    let kept: &'static str = Box::leak(text.to_owned().into_boxed_str());
    words.insert(kept);
    Some(kept)
}

/// What may stand in a message.
pub trait Argument {
    /// As an argument.
    fn argument(&self) -> Arg;
}

impl<T: fmt::Display + ?Sized> Argument for T {
    fn argument(&self) -> Arg {
        Arg::Text(self.to_string())
    }
}

impl Argument for Message {
    fn argument(&self) -> Arg {
        Arg::Message(self.clone())
    }
}

impl Argument for Arg {
    fn argument(&self) -> Arg {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_message_is_read_back() {
        let wrong = msg!("INVALID_FIELD", field = "zone", problem = msg!("TEXT_EMPTY"));
        let many = msg!("ROW_INVALID", problems = Arg::List(vec![wrong.clone(), Message::told("as a peer said")]));
        let both = Message::told("text").also_told(Locale::ZhCn, "文字");
        let named = Message::told_for("TEXT_EMPTY", "must not be empty").also_told(Locale::ZhCn, "不能为空");
        assert_eq!((named.reason(), named.told_in(Locale::ZhCn)), ("TEXT_EMPTY", Some("不能为空")));
        for message in [wrong, many, Message::told("text"), both, named] {
            let stored = serde_json::to_string(&message).unwrap();
            assert_eq!(serde_json::from_str::<Message>(&stored).unwrap(), message, "{stored}");
        }
        assert_eq!(serde_json::from_str::<Message>(r#""as it was told""#).unwrap(), Message::told("as it was told"));
        assert!(serde_json::from_str::<Message>(r#"{"id":"not a name"}"#).is_err());
    }
}
