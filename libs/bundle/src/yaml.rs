//! Settings in YAML: every violation of a file is collected, and an unknown key names the nearest known one.

use std::cell::RefCell;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_norway::{Mapping, Value};
use tally_kernel::message::Arg;
use tally_kernel::{Message, Micro, msg, unseen};

use super::cell::{date, nearest, shown};
use super::diagnostics::{FindingKind, Findings, Unusable, Wrong};
use super::keys::{self, Place};
use super::source::{Progress, Source};
use super::written;

/// What is wrong with a file, all of it.
#[derive(Default)]
pub(crate) struct Notes(RefCell<Vec<Message>>);

impl Notes {
    pub fn add(&self, note: Message) {
        self.0.borrow_mut().push(note);
    }
}

/// Reads a settings file with `read`. Nothing when it is not there or empty (which is a finding).
///
/// # Errors
/// It is not YAML, or `read` noted violations: all of them are in the sentence.
pub(crate) fn settings<T>(
    source: Option<&Source>,
    findings: &mut Findings,
    progress: &mut Progress<'_>,
    read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
) -> Result<Option<T>, Unusable> {
    let Some(source) = source else { return Ok(None) };
    let file = source.name;
    let text = source.small_text(progress)?;
    if let Some(hidden) = hidden(&text).filter(|_| !source.canonical) {
        return Err(Unusable::new("BAD_YAML", file, hidden, msg!("YAML_UNSEEN_CURE")));
    }
    let found = self::read(&text, file, read)?;
    if found.is_none() {
        findings.add(FindingKind::EmptyFile, file, "", msg!("EMPTY_OPTIONAL_FILE"), 0);
    }
    Ok(found)
}

/// Reads the text of a settings file with `read`. Nothing for an empty one.
///
/// # Errors
/// It is not YAML, or `read` noted violations: all of them are in the sentence.
pub(crate) fn read<T>(
    text: &str,
    file: &'static str,
    read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
) -> Result<Option<T>, Unusable> {
    let value: Value = serde_norway::from_str(text).map_err(|err| {
        let (problem, cure) = broken(&err, text);
        Unusable::new("BAD_YAML", file, problem, cure)
    })?;
    if value.is_null() {
        return Ok(None);
    }
    let notes = Notes::default();
    let mut read_value = None;
    if let Some(mut fields) = Fields::new(&value, "", &notes) {
        fields.source = text;
        read_value = read(&mut fields);
        fields.finish();
    }
    let notes = notes.0.into_inner();
    match read_value {
        Some(value) if notes.is_empty() => Ok(Some(value)),
        _ => {
            let problem = msg!("SEVERAL_PROBLEMS", problems = Arg::List(notes));
            Err(Unusable::new("INVALID_SETTINGS", file, problem, msg!("INVALID_SETTINGS_CURE")))
        }
    }
}

/// The first character that nobody sees, comments left out: a key or a value with one is another than it looks like.
fn hidden(text: &str) -> Option<Message> {
    let seen = |c| if unseen::is_odd_space(c) || matches!(c, '\t' | '\r') { ' ' } else { c };
    text.lines().zip(1_u64..).find_map(|(text, line)| {
        let said: String = text.split('#').next().unwrap_or_default().chars().map(seen).collect();
        unseen::in_name(&said).map(|character| msg!("YAML_UNSEEN", line, character))
    })
}

/// Why it is no YAML, in the reader's language, and what to do. What the parser says itself is English, and stands behind the
/// reason in quotes.
fn broken(error: &serde_norway::Error, text: &str) -> (Message, Message) {
    if let Some(twice) = key_twice(error, text) {
        return (twice, msg!("YAML_KEY_TWICE_CURE"));
    }
    let said = error.to_string();
    let has = |part: &str| said.contains(part);
    if has("as u128") || has("as i128") {
        return (msg!("YAML_NUMBER_TOO_LARGE", said), msg!("YAML_NUMBER_TOO_LARGE_CURE"));
    }
    let cause = if has("tab character")
        || error.location().is_some_and(|at| text[at.index().min(text.len())..].starts_with('\t'))
    {
        msg!("YAML_TAB")
    } else if has("expected ',' or") || has("unexpected end of stream") || has("unexpected document indicator") {
        msg!("YAML_NOT_CLOSED")
    } else if has("node content") {
        msg!("YAML_NO_VALUE")
    } else if has("cannot start any token") {
        msg!("YAML_BAD_START")
    } else if has("unknown anchor") || has("alias") || has("anchor") || has("tag") {
        msg!("YAML_SIGN")
    } else if has("escape") || has("hexadecimal") {
        msg!("YAML_ESCAPE")
    } else if has("mapping values")
        || has("expected ':'")
        || has("expected key")
        || has("'-' indicator")
        || has("block sequence")
    {
        msg!("YAML_STRUCTURE")
    } else {
        msg!("YAML_OTHER")
    };
    let problem = match error.location() {
        Some(at) => msg!("BAD_YAML.at", line = at.line() as u64, column = at.column() as u64, cause, said),
        None => msg!("BAD_YAML", cause, said),
    };
    (problem, msg!("BAD_YAML_CURE"))
}

/// The same of a key that is there twice. The parser names the line on which its mapping begins, which is no help.
fn key_twice(error: &serde_norway::Error, text: &str) -> Option<Message> {
    let said = error.to_string();
    let from = said.find("duplicate entry with key ")?;
    let said = said[from..].split(" at line ").next().unwrap_or_default();
    let key = shown(said.trim_start_matches("duplicate entry with key ").trim_matches('"'));
    Some(match keys::lines_of_twice(text) {
        Some((first, Place { line, column })) => {
            let cause = msg!("YAML_KEY_TWICE.lines", key, first = first.line, second = line);
            msg!("BAD_YAML.at", line, column, cause, said)
        }
        None => msg!("BAD_YAML", cause = msg!("YAML_KEY_TWICE", key), said),
    })
}

/// A number without an exponent.
fn plain(number: &serde_norway::Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => float.to_string(),
        _ => number.to_string(),
    }
}

/// The largest whole number that scores and splits are computed with.
pub(crate) const LARGEST: i64 = i64::MAX / 1_000_000;

/// A number as scores and splits are computed with it; nothing where it is beyond that.
pub(crate) fn micro(number: Decimal) -> Option<Micro> {
    number.normalize().to_string().parse().ok()
}

/// The fields of a mapping while they are read.
pub(crate) struct Fields<'a> {
    at: String,
    /// The text of the whole file, for what YAML would not keep as it is written.
    pub source: &'a str,
    map: &'a Mapping,
    known: Vec<&'static str>,
    notes: &'a Notes,
}

impl<'a> Fields<'a> {
    /// The fields of `value`, which is named `at` in notes; noted when it is no mapping.
    pub fn new(value: &'a Value, at: &str, notes: &'a Notes) -> Option<Self> {
        let Value::Mapping(map) = value else {
            notes.add(match at {
                "" => msg!("FILE_NO_MAPPING"),
                path => msg!("SETTING", path, problem = msg!("SETTING_NO_MAPPING")),
            });
            return None;
        };
        Some(Self { at: at.to_owned(), source: "", map, known: Vec::new(), notes })
    }

    /// Notes a violation of `key`.
    pub fn note(&self, key: &str, problem: Message) {
        self.notes.add(msg!("SETTING", path = self.path(key), problem));
    }

    fn path(&self, key: &str) -> String {
        if self.at.is_empty() { key.to_owned() } else { format!("{}.{key}", self.at) }
    }

    /// The value of a key; empty counts as absent.
    pub fn value(&mut self, key: &'static str) -> Option<&'a Value> {
        self.known.push(key);
        self.map.get(key).filter(|v| !v.is_null())
    }

    /// Text, trimmed; numbers are taken as text.
    pub fn text(&mut self, key: &'static str) -> Option<String> {
        let text = match self.value(key)? {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => plain(number),
            Value::Bool(flag) => flag.to_string(),
            _ => {
                self.note(key, msg!("SETTING_NO_TEXT"));
                return None;
            }
        };
        if text.is_empty() || text.chars().count() > 200 {
            self.note(key, msg!("SETTING_TEXT_LENGTH"));
            return None;
        }
        if text.contains('\0') {
            self.note(key, msg!("SETTING_WITH_NUL"));
            return None;
        }
        Some(text)
    }

    /// One of some words.
    pub fn word<T: Copy>(&mut self, key: &'static str, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let list: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.note(key, msg!("SETTING_NOT_ONE_OF", text = shown(&text), words = list.join(", ")));
        }
        found
    }

    /// A decimal of at most 15 digits and 6 places, written as a number or as text.
    pub fn decimal(&mut self, key: &'static str) -> Option<Decimal> {
        let text = self.text(key)?;
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        let read = Decimal::from_str_exact(&text).ok().filter(|d| digits <= 21 && d.normalize().scale() <= 6);
        let inexact = digits > 15 && matches!(self.map.get(key), Some(Value::Number(n)) if n.is_f64());
        if read.is_none() || inexact {
            let text = shown(&text);
            let lossy = || msg!("SETTING_LOSSY_DECIMAL", text);
            self.note(key, if inexact { lossy() } else { msg!("SETTING_NO_DECIMAL", text) });
            return None;
        }
        read.map(|d| d.normalize())
    }

    /// A decimal that scores are computed with.
    pub fn computed(&mut self, key: &'static str) -> Option<Decimal> {
        let number = self.decimal(key)?;
        if micro(number).is_none() {
            self.between(key, number, -LARGEST, LARGEST);
            return None;
        }
        Some(number)
    }

    /// Notes that a number lies beyond what it can be.
    pub fn between(&self, key: &str, number: Decimal, least: i64, most: i64) {
        let (least, most) = (least.to_string(), most.to_string());
        self.note(key, msg!("SETTING_NOT_BETWEEN", number, least, most));
    }

    /// A whole number within bounds.
    pub fn whole(&mut self, key: &'static str, least: u32, most: u32) -> Option<u32> {
        let text = self.text(key)?;
        let read = text.parse().ok().filter(|n| (least..=most).contains(n));
        if read.is_none() {
            self.note(key, msg!("SETTING_NO_WHOLE", text = shown(&text), least, most));
        }
        read
    }

    /// A date.
    pub fn date(&mut self, key: &'static str) -> Option<Date> {
        let text = self.text(key)?;
        let note = |wrong: Wrong| self.note(key, msg!("SETTING_WRONG", reason = wrong.reason, cure = wrong.cure));
        date(&text).map_err(note).ok()
    }

    /// The fields of a nested mapping.
    pub fn nested(&mut self, key: &'static str) -> Option<Fields<'a>> {
        let value = self.value(key)?;
        Fields::new(value, &self.path(key), self.notes)
    }

    /// A nested list, each item's fields.
    pub fn list(&mut self, key: &'static str) -> Option<Vec<Fields<'a>>> {
        let value = self.value(key)?;
        let Value::Sequence(items) = value else {
            self.note(key, msg!("SETTING_NO_LIST"));
            return None;
        };
        let path = self.path(key);
        Some(
            items
                .iter()
                .enumerate()
                .filter_map(|(i, v)| Fields::new(v, &format!("{path}[{}]", i + 1), self.notes))
                .collect(),
        )
    }

    /// A list of texts; numbers are taken as text.
    pub fn texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        let value = self.value(key)?;
        let Value::Sequence(items) = value else {
            self.note(key, msg!("SETTING_NO_LIST"));
            return None;
        };
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Value::Number(number) => Some(plain(number)),
            _ => None,
        };
        let texts: Option<Vec<String>> = items.iter().map(text).collect();
        if texts.is_none() {
            self.note(key, msg!("SETTING_NO_TEXT"));
        }
        texts
    }

    /// A nested mapping of free keys to text.
    pub fn pairs(&mut self, key: &'static str) -> Option<Vec<(String, String)>> {
        let value = self.value(key)?;
        let Value::Mapping(map) = value else {
            self.note(key, msg!("SETTING_NO_MAPPING"));
            return None;
        };
        let text = |v: &Value| match v {
            Value::String(text) => Some(text.trim().to_owned()).filter(|t| !t.is_empty()),
            Value::Number(number) => Some(plain(number)),
            _ => None,
        };
        let pair = |(k, v): (&Value, &Value)| {
            let Some(name) = text(k) else {
                self.note(key, msg!("SETTING_PAIR_NO_TEXT"));
                return None;
            };
            let value = text(v);
            if value.is_none() {
                let empty = v.is_null() || v.as_str().is_some_and(|text| text.trim().is_empty());
                let problem = if empty { msg!("SETTING_NO_VALUE") } else { msg!("SETTING_NO_TEXT") };
                self.note(&format!("{key}.{}", shown(&name)), problem);
            }
            Some(name).zip(value)
        };
        Some(map.iter().filter_map(pair).collect())
    }

    /// Notes that a key is missing; gives nothing, for the place of its value.
    pub fn missing<T>(&mut self, key: &'static str) -> Option<T> {
        self.known.push(key);
        self.note(key, msg!("SETTING_MISSING"));
        None
    }

    /// Whether the key is there at all.
    pub fn has(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(|v| !v.is_null())
    }

    /// Path and text of every number of the file as it is written.
    pub fn written(&self) -> Vec<(String, String)> {
        written::numbers(self.map, self.source)
    }

    /// Notes the keys nobody asked for.
    pub fn finish(self) {
        for key in self.map.keys() {
            let name = key.as_str().map_or_else(|| format!("{key:?}"), shown);
            if !self.known.contains(&name.as_str()) {
                let near = nearest(&name, self.known.iter().copied());
                self.note(
                    &name,
                    match near {
                        Some(near) => msg!("SETTING_UNKNOWN_NEAR", near),
                        None => msg!("SETTING_UNKNOWN", known = self.known.join(", ")),
                    },
                );
            }
        }
    }
}
