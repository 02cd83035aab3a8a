//! Settings in YAML: every violation of a file is collected, and an unknown key names the nearest known one.

use std::cell::RefCell;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_norway::{Mapping, Value};

use super::cell::{date, nearest, shown};
use super::diagnostics::{FindingKind, Findings, Unusable};
use super::source::{Progress, Source};

/// What is wrong with a file, all of it.
#[derive(Default)]
pub(crate) struct Notes(RefCell<Vec<String>>);

impl Notes {
    pub fn add(&self, note: String) {
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
    let value: Value = serde_norway::from_str(&text).map_err(|err| {
        let cure = "mend the YAML there: two spaces for each level, a space after each colon";
        Unusable::new("BAD_YAML", file, format!("it is not valid YAML: {err}"), cure)
    })?;
    if value.is_null() {
        findings.add(FindingKind::EmptyFile, file, "", "the file is empty and was passed over", 0);
        return Ok(None);
    }
    let notes = Notes::default();
    let mut read_value = None;
    if let Some(mut fields) = Fields::new(&value, "", &notes) {
        read_value = read(&mut fields);
        fields.finish();
    }
    let notes = notes.0.into_inner();
    match read_value {
        Some(value) if notes.is_empty() => Ok(Some(value)),
        _ => Err(Unusable::new(
            "INVALID_SETTINGS",
            file,
            notes.join("; "),
            "correct these values; docs/bundle.md has examples",
        )),
    }
}

/// A number without an exponent.
fn plain(number: &serde_norway::Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => float.to_string(),
        _ => number.to_string(),
    }
}

/// The fields of a mapping while they are read.
pub(crate) struct Fields<'a> {
    at: String,
    map: &'a Mapping,
    known: Vec<&'static str>,
    notes: &'a Notes,
}

impl<'a> Fields<'a> {
    /// The fields of `value`, which is named `at` in notes; noted when it is no mapping.
    pub fn new(value: &'a Value, at: &str, notes: &'a Notes) -> Option<Self> {
        let Value::Mapping(map) = value else {
            let what = if at.is_empty() { "the file" } else { at };
            notes.add(format!("{what} is not a mapping of keys to values"));
            return None;
        };
        Some(Self { at: at.to_owned(), map, known: Vec::new(), notes })
    }

    /// Notes a violation of `key`.
    pub fn note(&self, key: &str, problem: &str) {
        self.notes.add(format!("{} {problem}", self.path(key)));
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
                self.note(key, "is not text");
                return None;
            }
        };
        if text.is_empty() || text.chars().count() > 200 {
            self.note(key, "is empty or longer than 200 characters");
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
            self.note(key, &format!("is '{}', not one of {}", shown(&text), list.join(", ")));
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
            let hint = if inexact { " that survives: write it in quotes" } else { " of at most six places" };
            self.note(key, &format!("is '{}', not a decimal{hint}", shown(&text)));
            return None;
        }
        read.map(|d| d.normalize())
    }

    /// A whole number within bounds.
    pub fn whole(&mut self, key: &'static str, least: u32, most: u32) -> Option<u32> {
        let text = self.text(key)?;
        let read = text.parse().ok().filter(|n| (least..=most).contains(n));
        if read.is_none() {
            self.note(key, &format!("is '{}', not a whole number from {least} to {most}", shown(&text)));
        }
        read
    }

    /// A date.
    pub fn date(&mut self, key: &'static str) -> Option<Date> {
        let text = self.text(key)?;
        date(&text).map_err(|wrong| self.note(key, &format!("is wrong: {}; {}", wrong.reason, wrong.cure))).ok()
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
            self.note(key, "is not a list");
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

    /// A nested mapping of free keys to text.
    pub fn pairs(&mut self, key: &'static str) -> Option<Vec<(String, String)>> {
        let value = self.value(key)?;
        let Value::Mapping(map) = value else {
            self.note(key, "is not a mapping of keys to values");
            return None;
        };
        let text = |v: &Value| match v {
            Value::String(text) => Some(text.trim().to_owned()).filter(|t| !t.is_empty()),
            Value::Number(number) => Some(plain(number)),
            _ => None,
        };
        let pair = |(k, v): (&Value, &Value)| {
            let pair = text(k).zip(text(v));
            if pair.is_none() {
                self.note(key, "has a key or value that is not text");
            }
            pair
        };
        Some(map.iter().filter_map(pair).collect())
    }

    /// Notes that a key is missing; gives nothing, for the place of its value.
    pub fn missing<T>(&mut self, key: &'static str) -> Option<T> {
        self.known.push(key);
        self.note(key, "is missing");
        None
    }

    /// Whether the key is there at all.
    pub fn has(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(|v| !v.is_null())
    }

    /// Notes the keys nobody asked for.
    pub fn finish(self) {
        for key in self.map.keys() {
            let name = key.as_str().map_or_else(|| format!("{key:?}"), shown);
            if !self.known.contains(&name.as_str()) {
                let near = nearest(&name, self.known.iter().copied());
                let list = || format!("known are {}", self.known.join(", "));
                let hint = near.map_or_else(list, |n| format!("is {n} meant?"));
                self.note(&name, &format!("is not a known key ({hint})"));
            }
        }
    }
}
