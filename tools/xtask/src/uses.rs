//! Where a message or a code is shown as a reason, beside the errors of calls: fields of requests, rows of imports, the bundle,
//! findings, start and command line.
//!
//! A message of the catalogues is a reason unless it is named among the words of `tools/xtask/words.txt`, so that a new one cannot be
//! left out of the registry unseen; and what a constructor of a reason is given is one whatever that list says.

use std::collections::{BTreeMap, BTreeSet};

use crate::code::{closing, is_ours, outside_tests, said, said_first};
use crate::messages::calls;

/// Where a reason is shown, in the order of the page. What is shown in several places stands at the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Call,
    Field,
    Row,
    Bundle,
    Finding,
    Program,
}

impl Place {
    /// The heading of its sections; calls have one for each group of the catalogue.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Call => "Errors of calls",
            Self::Field => "Fields of a request",
            Self::Row => "Rows of imports",
            Self::Bundle => "Rows and files of a bundle",
            Self::Finding => "Findings and what else is told as a code",
            Self::Program => "Start and command line",
        }
    }
}

/// What is known of a reason beside its own message.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Use {
    pub places: BTreeSet<Place>,
    /// Messages with other ids that say it.
    pub said: BTreeSet<String>,
    /// Messages that say what to do.
    pub cures: BTreeSet<String>,
    /// What the code says of a finding.
    pub when: Option<String>,
}

pub type Uses = BTreeMap<String, Use>;

/// Where the code of a file shows what it says. The longest that fits holds.
const HOMES: [(&str, Place); 9] = [
    ("libs/", Place::Field),
    ("libs/bundle/", Place::Bundle),
    ("libs/rpc/src/diagnosis.rs", Place::Program),
    ("libs/runtime/", Place::Program),
    ("libs/store/", Place::Program),
    ("services/", Place::Field),
    ("services/tally/", Place::Program),
    ("services/tally/src/close/", Place::Bundle),
    ("services/tally/src/upload/", Place::Row),
];

/// Enums whose variants are told as codes.
const TOLD: [(&str, &str); 3] = [("", "FindingKind"), ("libs/engine/", "Reason"), ("", "Withheld")];

/// A kind in findings.csv that is no variant and no message: what it says is the reason of the settlement.
const NOT_SETTLED: (&str, &str) =
    ("NOT_SETTLED", "The pool cannot be split: the detail says why, and no settlement is written.");

/// What the code shows as reasons, wherever it makes one.
pub fn uses(sources: &[(String, String)]) -> Uses {
    let ours: Vec<(&str, &str)> =
        sources.iter().filter(|(path, _)| is_ours(path)).map(|(p, t)| (&**p, outside_tests(t))).collect();
    let mut uses = Uses::new();
    for (path, text) in &ours {
        let ids = |at: &str, expression: &str| {
            let ids = said(expression);
            if ids.is_empty() { bound(text, at, expression) } else { ids }
        };
        for (at, parts) in calls(path, text, "Wrong::new(") {
            let [reason, cure] = parts.as_slice() else { continue };
            for id in ids(&at, reason) {
                let told = uses.entry(id).or_default();
                told.places.insert(Place::Bundle);
                told.cures.extend(ids(&at, cure));
            }
        }
        for (at, parts) in calls(path, text, "Unusable::new(") {
            let [code, _, problem, cure] = parts.as_slice() else { continue };
            let Some(code) = code_in(code) else { continue };
            let told = uses.entry(code).or_default();
            told.places.insert(Place::Bundle);
            told.said.extend(ids(&at, problem));
            told.cures.extend(ids(&at, cure));
        }
        for (at, parts) in calls(path, text, "Problem::new(") {
            let [_, code, message] = parts.as_slice() else { continue };
            let Some(code) = code_in(code) else { continue };
            let told = uses.entry(code).or_default();
            told.places.insert(Place::Row);
            told.said.extend(ids(&at, message));
        }
        for (_, parts) in calls(path, text, ".push(") {
            let [_, .., message] = parts.as_slice() else { continue };
            if let Some(id) = said_first(message) {
                uses.entry(id).or_default().places.insert(home(path, Place::Field));
            }
        }
        if text.contains(&format!("\"{}\".to_owned()", NOT_SETTLED.0)) {
            let told = uses.entry(NOT_SETTLED.0.to_owned()).or_default();
            told.places.insert(Place::Finding);
            told.when = Some(NOT_SETTLED.1.to_owned());
        }
        for code in mapped(text) {
            let place = if path.contains("/cycle/") { Place::Finding } else { Place::Row };
            uses.entry(code).or_default().places.insert(home(path, place));
        }
        let told = TOLD.iter().filter(|(home, _)| path.starts_with(home));
        for (code, when) in told.flat_map(|(_, name)| variants(text, name)) {
            let told = uses.entry(code).or_default();
            told.places.insert(Place::Finding);
            told.when.get_or_insert(when);
        }
    }
    uses
}

/// The messages of a name at a place `path:line`: bound by `let` before it, by itself or beside its cure.
fn bound(text: &str, at: &str, name: &str) -> BTreeSet<String> {
    let line = at.rsplit(':').next().and_then(|line| line.parse::<usize>().ok()).unwrap_or_default();
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let before = &text[..before];
    let function = before.rfind("fn ").unwrap_or_default();
    let pair = "let (problem, cure) =";
    let beside = before.rfind(pair).filter(|_| pair.contains(name)).map(|at| at + pair.len());
    let alone = before.rfind(&format!("let {name} =")).map(|at| at + "let  =".len() + name.len());
    let Some(at) = alone.max(beside).filter(|at| *at > function) else { return BTreeSet::new() };
    let value = &text[at..][..closing(&text[at..])];
    let mut ids = said(value);
    if Some(at) == beside {
        ids.retain(|id| id.ends_with("_CURE") == (name == "cure"));
    }
    ids
}

/// The place of a file that is at home in the bundle, or else this one.
fn home(path: &str, other: Place) -> Place {
    if place(path) == Some(Place::Bundle) { Place::Bundle } else { other }
}

/// Where the messages are shown that are named in the code.
pub fn shown(sources: &[(String, String)]) -> BTreeMap<String, BTreeSet<Place>> {
    let mut shown = BTreeMap::<String, BTreeSet<Place>>::new();
    for (path, text) in sources.iter().filter(|(path, _)| is_ours(path)) {
        let Some(place) = place(path) else { continue };
        for (_, parts) in calls(path, outside_tests(text), "msg!(") {
            let id = parts.first().map(|id| id.trim_matches('"')).unwrap_or_default();
            shown.entry(id.split('.').next().unwrap_or(id).to_owned()).or_default().insert(place);
        }
    }
    shown
}

fn place(path: &str) -> Option<Place> {
    let fitting = HOMES.iter().filter(|(home, _)| path.starts_with(home));
    fitting.max_by_key(|(home, _)| home.len()).map(|(_, place)| *place)
}

/// A code that is written out.
fn code_in(text: &str) -> Option<String> {
    let code = text.strip_prefix('"')?.strip_suffix('"')?;
    let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    (code.contains('_') && code.chars().all(upper)).then(|| code.to_owned())
}

/// The codes that a refusal of a row is given without its message: `Self::Late => "TOO_LATE"`, `("TOO_LATE", why)`.
fn mapped(text: &str) -> Vec<String> {
    let mut codes = Vec::new();
    for line in text.lines().map(str::trim) {
        let arm = line.strip_prefix("Self::").and_then(|arm| arm.split_once(" => "));
        let pair = line.strip_prefix('(').filter(|_| line.ends_with(')')).and_then(|pair| pair.split_once(", "));
        codes.extend(arm.and_then(|(_, code)| code_in(code.trim_end_matches(','))));
        codes.extend(pair.and_then(|(code, _)| code_in(code)));
    }
    codes
}

/// The variants of an enum as they are told, each with its comment.
fn variants(text: &str, name: &str) -> Vec<(String, String)> {
    let Some((before, body)) = text.split_once(&format!("enum {name} {{\n")) else { return Vec::new() };
    let attributes = before.rsplit("\n\n").next().unwrap_or_default();
    if !attributes.contains("strum(serialize_all") {
        return Vec::new();
    }
    let (mut found, mut comment) = (Vec::new(), Vec::new());
    for line in body.lines().map(str::trim).take_while(|line| *line != "}") {
        if let Some(said) = line.strip_prefix("///") {
            comment.push(said.trim());
        } else if let Some(variant) = line.strip_suffix(',') {
            let mut code = String::new();
            for c in variant.chars() {
                if c.is_uppercase() && !code.is_empty() {
                    code.push('_');
                }
                code.push(c.to_ascii_uppercase());
            }
            found.push((code, comment.join(" ")));
            comment.clear();
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str, text: &str) -> Vec<String> {
        let list = |words: &BTreeSet<String>| words.iter().map(|word| format!(" {word}")).collect::<String>();
        let told = |(code, told): (&String, &Use)| {
            format!("{code} {:?}{}{}", Vec::from_iter(&told.places), list(&told.said), list(&told.cures))
        };
        uses(&[(path.to_owned(), text.to_owned())]).iter().map(told).collect()
    }

    #[test]
    fn whatever_a_constructor_of_a_reason_is_given_is_one() {
        let bundle = r#"
            Wrong::new(msg!("A", x), msg!("A_CURE"));
            let (problem, cure) = (msg!("B_LONG"), msg!("B_CURE"));
            Unusable::new("B_CODE", file, problem, cure)
        "#;
        assert_eq!(told("libs/bundle/src/a.rs", bundle), ["A [Bundle] A_CURE", "B_CODE [Bundle] B_LONG B_CURE"]);
        let service = r#"
            v.push("zone", msg!("C"));
            Problem::new(index, "D_WRONG", msg!("D"));
            Self::Late => "E_LATE",
            ("F_AGAIN", why)
            #[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
            pub enum FindingKind {
                /// Twice.
                DoubleIn,
            }
        "#;
        let rows = ["C [Field]", "DOUBLE_IN [Finding]", "D_WRONG [Row] D", "E_LATE [Row]", "F_AGAIN [Row]"];
        assert_eq!(told("services/a/src/a.rs", service), rows);
    }
}
