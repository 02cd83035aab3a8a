//! The registry of reasons in `docs/errors.md`: what the catalogues say, with the codes that the code gives each.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use fluent_syntax::ast::{Entry, Expression, InlineExpression, Message, Pattern, PatternElement, Resource};
use fluent_syntax::parser;

use crate::code::{closing, is_ours, outside_tests, said, said_first};
use crate::messages::calls;
use crate::uses::{Place, Use, Uses, shown, uses};

/// The page, of which everything from the mark on is written here.
const PAGE: &str = "docs/errors.md";
/// Messages that are no reasons: ids, beginnings of ids that end with `*`, or headings of whole groups, one a line.
const WORDS: &str = "tools/xtask/words.txt";
const MARK: &str = "<!-- From here on `cargo xtask errors` writes this page, from `locales/` and the code. -->\n";

/// The kinds of `tally_kernel::Kind` and the codes of gRPC.
const KINDS: [(&str, &str); 13] = [
    ("InvalidArgument", "INVALID_ARGUMENT"),
    ("NotFound", "NOT_FOUND"),
    ("AlreadyExists", "ALREADY_EXISTS"),
    ("Aborted", "ABORTED"),
    ("FailedPrecondition", "FAILED_PRECONDITION"),
    ("PermissionDenied", "PERMISSION_DENIED"),
    ("Unauthenticated", "UNAUTHENTICATED"),
    ("ResourceExhausted", "RESOURCE_EXHAUSTED"),
    ("Unavailable", "UNAVAILABLE"),
    ("DeadlineExceeded", "DEADLINE_EXCEEDED"),
    ("Cancelled", "CANCELLED"),
    ("Unimplemented", "UNIMPLEMENTED"),
    ("Internal", "INTERNAL"),
];

/// Reasons that are not made from a message of their own: wrong fields, and what a peer refused.
const OTHERS: [(&str, &str); 2] = [("INVALID_REQUEST", "INVALID_ARGUMENT"), ("PEER_FAILED", "the peer's code")];

/// The codes of each reason.
type Codes = BTreeMap<String, BTreeSet<&'static str>>;

/// What is wrong with the registry: a reason whose code or whose comment is not to be seen, or a page that is not current.
pub fn complaints(root: &Path, sources: &[(String, String)]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let (text, _) = page(root, sources, &mut found)?;
    if fs::read_to_string(root.join(PAGE)).context(PAGE)? != text {
        found.push(format!("{PAGE}: not current; type: cargo xtask errors"));
    }
    Ok(found)
}

/// Writes the page: what could not be found out.
pub fn write(root: &Path, sources: &[(String, String)]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let (text, count) = page(root, sources, &mut found)?;
    fs::write(root.join(PAGE), text).context(PAGE)?;
    println!("{PAGE}: {count} reasons");
    Ok(found)
}

fn page(root: &Path, sources: &[(String, String)], found: &mut Vec<String>) -> Result<(String, usize)> {
    let codes = codes(sources, found);
    let read = |file: &str| fs::read_to_string(root.join(file)).with_context(|| file.to_owned());
    let (english, chinese) = (read("locales/en.ftl")?, read("locales/zh-CN.ftl")?);
    let parsed = |text| parser::parse(text).unwrap_or_else(|(partly, _)| partly);
    let catalogues = (parsed(&*english), parsed(&*chinese));
    let messages = Messages::new(&catalogues.0, &catalogues.1);
    let uses = all(&messages, &read(WORDS)?, &codes, uses(sources), &shown(sources), found);
    let (registry, count) = registry(&messages, &codes, &uses, found);
    let page = read(PAGE)?;
    let written_by_hand = page.split(MARK).next().unwrap_or_default();
    Ok((format!("{written_by_hand}{MARK}{registry}"), count))
}

/// The messages of both languages.
struct Messages<'m> {
    /// In the order of the catalogue, each with its group.
    english: Vec<(&'m str, &'m Message<&'m str>)>,
    by_id: BTreeMap<&'m str, Vec<&'m Message<&'m str>>>,
    groups: BTreeMap<&'m str, &'m str>,
}

impl<'m> Messages<'m> {
    fn new(english: &'m Resource<&'m str>, chinese: &'m Resource<&'m str>) -> Self {
        let (mut all, mut group) = (Self { english: Vec::new(), by_id: BTreeMap::new(), groups: BTreeMap::new() }, "");
        for entry in &english.body {
            match entry {
                Entry::GroupComment(comment) => group = comment.content.first().copied().unwrap_or_default(),
                Entry::Message(message) => {
                    all.english.push((group, message));
                    all.groups.insert(message.id.name, group);
                }
                Entry::Term(_) | Entry::Comment(_) | Entry::ResourceComment(_) | Entry::Junk { .. } => {}
            }
        }
        let chinese = chinese.body.iter().filter_map(|entry| match entry {
            Entry::Message(message) => Some(message),
            _ => None,
        });
        for message in all.english.iter().map(|(_, message)| *message).chain(chinese) {
            all.by_id.entry(message.id.name).or_default().push(message);
        }
        all
    }

    fn comment(&self, id: &str) -> Option<String> {
        let message = self.by_id.get(id)?.first()?;
        message.comment.as_ref().map(|comment| comment.content.join(" "))
    }

    /// A line for every sentence, in both languages.
    fn told(&self, id: &str) -> Vec<String> {
        self.by_id.get(id).into_iter().flatten().flat_map(|message| sentences(message)).collect()
    }
}

/// What is told as a reason: what the code gives as one, and every message that is not among the words.
fn all(
    messages: &Messages,
    words: &str,
    codes: &Codes,
    mut uses: Uses,
    shown: &BTreeMap<String, BTreeSet<Place>>,
    found: &mut Vec<String>,
) -> Uses {
    for id in codes.keys() {
        uses.entry(id.clone()).or_default().places.insert(Place::Call);
    }
    let mut of_another = BTreeSet::new();
    for (_, message) in &messages.english {
        let id = message.id.name;
        let comment = messages.comment(id).unwrap_or_default();
        if let Some(code) = comment.strip_prefix("Code ") {
            let code = code.split(['.', ':', ',']).next().unwrap_or(code);
            uses.entry(code.to_owned()).or_default().said.insert(id.to_owned());
            of_another.insert(id);
        }
    }
    let words: Vec<&str> = words.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let is_word = |word: &str, id: &str| word.strip_suffix('*').map_or(word == id, |begin| id.starts_with(begin));
    let texts: BTreeSet<String> = uses.values().flat_map(|told| told.said.union(&told.cures).cloned()).collect();
    for word in &words {
        if !messages.english.iter().any(|(group, message)| word == group || is_word(word, message.id.name)) {
            found.push(format!("{WORDS}: there is no message {word}"));
        } else if uses.contains_key(*word) {
            found.push(format!("{WORDS}: {word} is a reason: take it out"));
        }
    }
    for (group, message) in &messages.english {
        let id = message.id.name;
        let cure = id.ends_with("_CURE") || id.starts_with("CURE_");
        let text = cure || texts.contains(id) || of_another.contains(id);
        if uses.contains_key(id) || text || words.iter().any(|word| word == group || is_word(word, id)) {
            continue;
        }
        match shown.get(id) {
            Some(places) => uses.entry(id.to_owned()).or_default().places.extend(places),
            None => found.push(format!("locales/en.ftl: {id} is shown nowhere as a reason: name it in {WORDS}")),
        }
    }
    uses
}

/// A section for every reason, grouped by where it is told, and how many there are.
fn registry(messages: &Messages, codes: &Codes, uses: &Uses, found: &mut Vec<String>) -> (String, usize) {
    let (mut text, mut group) = (String::new(), "");
    let call = |id: &str| uses.get(id).is_some_and(|told| told.places.contains(&Place::Call));
    for (of, message) in messages.english.iter().filter(|(_, message)| call(message.id.name)) {
        if *of != group {
            text.push_str(&format!("\n## {}: {of}\n", Place::Call.heading()));
            group = of;
        }
        section(&mut text, messages, codes, (message.id.name, &uses[message.id.name]), found);
    }
    let mut place = Place::Call;
    let mut others: Vec<(&String, &Use)> = uses
        .iter()
        .filter(|(id, told)| !(told.places.is_empty() || call(id) && messages.groups.contains_key(id.as_str())))
        .collect();
    others.sort_by_key(|(id, told)| (told.places.first().copied(), *id));
    for (id, told) in others {
        let Some(first) = told.places.first().copied() else { continue };
        if first != place {
            text.push_str(&format!("\n## {}\n", first.heading()));
            place = first;
        }
        section(&mut text, messages, codes, (id, told), found);
    }
    for (id, _) in uses.iter().filter(|(_, told)| told.places.is_empty()) {
        found.push(format!("locales/en.ftl: {id} is a code that a comment names and nobody gives"));
    }
    (text, uses.len())
}

fn section(text: &mut String, messages: &Messages, codes: &Codes, (id, told): (&str, &Use), found: &mut Vec<String>) {
    let when = messages.comment(id).or_else(|| told.when.clone());
    let codes: Vec<&str> = codes.get(id).into_iter().flatten().copied().collect();
    if when.is_none() && !codes.is_empty() {
        found.push(format!("locales/en.ftl: {id} is a reason: say in a comment above it when it is given"));
    }
    let code = (!codes.is_empty()).then(|| format!("{}.", codes.join(", ")));
    let also: Vec<String> = told.places.iter().skip(1).map(|place| place.heading().to_lowercase()).collect();
    let also = (!also.is_empty()).then(|| format!("Also: {}.", also.join("; ")));
    let head: Vec<String> = [code, when, also].into_iter().flatten().collect();
    let said = messages
        .told(id)
        .into_iter()
        .chain(told.said.iter().filter(|said| *said != id).flat_map(|said| messages.told(said)));
    let mut said: Vec<String> = said.map(|sentence| format!("- {sentence}\n")).collect();
    if said.is_empty() && told.when.is_none() && !OTHERS.iter().any(|(other, _)| *other == id) {
        found.push(format!(
            "{id} is told as a reason, and no message says it: name it `# Code {id}.` above one in locales/en.ftl"
        ));
    }
    let own = format!("{id}_CURE");
    let cures = told.cures.iter().map(String::as_str).chain((!told.cures.contains(&own)).then_some(own.as_str()));
    said.extend(cures.flat_map(|cure| messages.told(cure)).map(|sentence| format!("- To do: {sentence}\n")));
    let mut seen = BTreeSet::new();
    said.retain(|line| seen.insert(line.clone()));
    text.push_str(&format!("\n### {id}\n\n"));
    if !head.is_empty() {
        text.push_str(&format!("{}\n", head.join(" ")));
        text.push_str(if said.is_empty() { "" } else { "\n" });
    }
    said.iter().for_each(|line| text.push_str(line));
}

fn sentences<'m>(message: &'m Message<&str>) -> impl Iterator<Item = String> + 'm {
    message.value.iter().chain(message.attributes.iter().map(|attribute| &attribute.value)).map(plain)
}

/// A pattern as a reader sees it: `{name}` for an argument, and of a choice what usually holds.
fn plain(pattern: &Pattern<&str>) -> String {
    let part = |element: &PatternElement<&str>| match element {
        PatternElement::TextElement { value } => value.replace('\n', " "),
        PatternElement::Placeable { expression: Expression::Inline(inline) } => match inline {
            InlineExpression::VariableReference { id } => format!("{{{}}}", id.name),
            InlineExpression::StringLiteral { value } | InlineExpression::NumberLiteral { value } => {
                (*value).to_owned()
            }
            InlineExpression::FunctionReference { .. }
            | InlineExpression::MessageReference { .. }
            | InlineExpression::TermReference { .. }
            | InlineExpression::Placeable { .. } => "..".to_owned(),
        },
        PatternElement::Placeable { expression: Expression::Select { variants, .. } } => {
            variants.iter().find(|variant| variant.default).map(|variant| plain(&variant.value)).unwrap_or_default()
        }
    };
    pattern.elements.iter().map(part).collect()
}

/// Which code every reason has, wherever the code makes an error of a message: `Error::of(Kind, msg!("ID"))`, a pair of
/// kind and message, a message bound just before, or a helper that is given the message.
fn codes(sources: &[(String, String)], found: &mut Vec<String>) -> Codes {
    let mut codes: Codes = OTHERS.map(|(id, code)| (id.to_owned(), BTreeSet::from([code]))).into();
    let ours: Vec<(&str, &str)> =
        sources.iter().filter(|(path, _)| is_ours(path)).map(|(p, t)| (&**p, outside_tests(t))).collect();
    for (path, text) in &ours {
        for (at, code) in kinds(text) {
            let rest = text[at..].trim_start();
            if let Some(id) = rest.strip_prefix(',').and_then(|rest| said_first(rest.trim_start())) {
                codes.entry(id).or_default().insert(code);
            }
        }
        for (at, parts) in calls(path, text, "::of(") {
            let [kind, message] = parts.as_slice() else { continue };
            let Some(code) = code_of(kind) else { continue };
            let mut ids = said(message);
            if ids.is_empty() {
                ids = given(&ours, path, text, &at, message);
            }
            if ids.is_empty() {
                found.push(format!(
                    "{at}: which message this is cannot be seen: bind it just before, or give it to a helper"
                ));
            }
            for id in ids {
                codes.entry(id).or_default().insert(code);
            }
        }
    }
    codes
}

fn code_of(kind: &str) -> Option<&'static str> {
    let name = kind.rsplit("::").next()?;
    KINDS.iter().find(|(kind, _)| *kind == name).map(|(_, code)| *code)
}

/// Where a kind is named: the place behind its name.
fn kinds(text: &str) -> impl Iterator<Item = (usize, &'static str)> {
    let whole = |at: usize| !text[at..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
    KINDS.iter().flat_map(move |(kind, code)| {
        text.match_indices(kind).map(|(at, kind)| (at + kind.len(), *code)).filter(move |(at, _)| whole(*at))
    })
}

/// The reasons that a name stands for, at a place `path:line`: bound by `let` before it, or the argument of a helper.
fn given(ours: &[(&str, &str)], path: &str, text: &str, at: &str, name: &str) -> BTreeSet<String> {
    let line = at.rsplit(':').next().and_then(|line| line.parse::<usize>().ok()).unwrap_or_default();
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let before = &text[..before];
    let bound = before.rfind(&format!("let {name} ="));
    let closure = before.rfind(&format!("|{name}|")).or_else(|| before.rfind(&format!("|{name}: Message|")));
    let argument = before.rfind(&format!("{name}: Message"));
    match [bound, closure, argument].into_iter().flatten().max() {
        Some(at) if Some(at) == bound => {
            let expression = &text[at..];
            said(&expression[..closing(expression)])
        }
        Some(at) if Some(at) == closure => {
            let Some(helper) = before[..at].rsplit("let ").next().and_then(|rest| rest.split(" =").next()) else {
                return BTreeSet::new();
            };
            let scope = text[at..].split(&format!("let {helper} =")).next().unwrap_or_default();
            given_to(path, scope, helper)
        }
        Some(at) => {
            let helper =
                before[..at].rsplit("fn ").next().and_then(|rest| rest.split(['(', '<']).next()).unwrap_or_default();
            let home = path.split('/').take(2).collect::<Vec<_>>().join("/") + "/";
            ours.iter()
                .filter(|(path, _)| path.starts_with(&home))
                .flat_map(|(path, text)| given_to(path, text, helper))
                .collect()
        }
        None => BTreeSet::new(),
    }
}

/// The reasons of the messages that a helper is given.
fn given_to(path: &str, text: &str, helper: &str) -> BTreeSet<String> {
    calls(path, text, &format!("{helper}(")).iter().flat_map(|(_, parts)| said(&parts.join(", "))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> (Vec<String>, Vec<String>) {
        let mut found = Vec::new();
        let sources = [("libs/a/src/lib.rs".to_owned(), text.to_owned())];
        let codes = codes(&sources, &mut found);
        let told = codes.into_iter().filter(|(id, _)| OTHERS.iter().all(|(other, _)| other != id));
        (told.map(|(id, codes)| format!("{id} {}", Vec::from_iter(codes).join("+"))).collect(), found)
    }

    #[test]
    fn a_code_is_found_beside_its_message_in_a_pair_in_a_binding_and_through_a_helper() {
        let text = r#"
            Err(Error::of(Kind::NotFound, msg!("A", part = msg!("PART"))));
            let (kind, message) = (Kind::Aborted, msg!("B.variant", x));
            let message = match e { X => msg!("C"), Y => msg!("D", y = f(")")) };
            Error::of(Kind::Unavailable, message)
            let bad = |message| Self::of(InvalidArgument, message);
            bad(msg!("E"));
            bad(msg!("A"))
            fn late(message: Message) -> Error { Error::of(Kind::DeadlineExceeded, message) }
            late(msg!("F"))
        "#;
        let told = [
            "A INVALID_ARGUMENT+NOT_FOUND",
            "B ABORTED",
            "C UNAVAILABLE",
            "D UNAVAILABLE",
            "E INVALID_ARGUMENT",
            "F DEADLINE_EXCEEDED",
        ];
        assert_eq!(code(text), (told.map(str::to_owned).to_vec(), Vec::new()));
    }

    #[test]
    fn a_message_that_cannot_be_seen_is_complained_about() {
        assert_eq!(code("Error::of(Kind::NotFound, why.told())\n").1.len(), 1);
    }

    /// The page of a catalogue and of code, and what is complained about.
    fn written(english: &str, chinese: &str, words: &str, text: &str) -> (String, Vec<String>) {
        let mut found = Vec::new();
        let sources = [("services/a/src/a.rs".to_owned(), text.to_owned())];
        let mut codes = codes(&sources, &mut found);
        codes.retain(|id, _| OTHERS.iter().all(|(other, _)| other != id));
        let (english, chinese) = (parser::parse(english).unwrap(), parser::parse(chinese).unwrap());
        let messages = Messages::new(&english, &chinese);
        let uses = all(&messages, words, &codes, uses(&sources), &shown(&sources), &mut found);
        let (text, _) = registry(&messages, &codes, &uses, &mut found);
        (text, found)
    }

    #[test]
    fn a_reason_has_its_codes_when_it_is_given_and_its_sentences() {
        let english = "## Group\n\n# Not there.\nA = no { $thing }\n    .many = none of { $count ->\n    [one] one\n   *[other] { $count }\n}\nPART = a part\n";
        let code = "Error::of(Kind::NotFound, msg!(\"A\"))";
        let (text, found) = written(english, "A = 没有{ $thing }\n", "PART\n", code);
        let told = "\n## Errors of calls: Group\n\n### A\n\nNOT_FOUND. Not there.\n\n- no {thing}\n- none of {count}\n- 没有{thing}\n";
        assert_eq!((text.as_str(), found), (told, Vec::new()));
        let (_, found) = written("A = no { $thing }\n", "", "", code);
        assert_eq!(found, ["locales/en.ftl: A is a reason: say in a comment above it when it is given"]);
    }

    #[test]
    fn a_message_is_a_reason_of_where_it_is_told_unless_it_is_named_among_the_words() {
        let english = "A = a\nA_CURE = do\n# Code B_CODE: because.\nB = b\nC = c\n";
        let code = "v.push(\"f\", msg!(\"A\")); let c = msg!(\"C\"); let b = msg!(\"B\");\nSelf::B => \"B_CODE\",\n";
        let fields = "\n## Fields of a request\n\n### A\n\n- a\n- To do: do\n";
        let rows = "\n## Rows of imports\n\n### B_CODE\n\n- b\n";
        let (text, found) = written(english, "", "C\n", code);
        assert_eq!((text, found), (format!("{fields}{rows}"), Vec::new()));
        let (text, _) = written(english, "", "", code);
        assert_eq!(text, format!("{fields}\n### C\n\n- c\n{rows}"));
    }

    #[test]
    fn a_reason_that_would_have_no_section_is_complained_about() {
        let planted = written("A = a\n", "", "A\n", "v.push(f, msg!(\"A\")); Problem::new(i, \"NOBODY_SAYS\", why)").1;
        let told = [
            "tools/xtask/words.txt: A is a reason: take it out",
            "NOBODY_SAYS is told as a reason, and no message says it: name it `# Code NOBODY_SAYS.` above one in locales/en.ftl",
        ];
        assert_eq!(planted, told);
        assert_eq!(
            written("A = a\n", "", "", "").1,
            ["locales/en.ftl: A is shown nowhere as a reason: name it in tools/xtask/words.txt"]
        );
        assert_eq!(written("", "", "GONE*\n", "").1, ["tools/xtask/words.txt: there is no message GONE*"]);
    }

    #[test]
    fn a_reason_that_the_changelog_calls_new_has_a_section() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let read = |file: &str| fs::read_to_string(root.join(file)).unwrap();
        let (changes, page) = (read("CHANGELOG.md"), read(PAGE));
        let new = changes.lines().filter_map(|line| {
            let mut cells = line.trim().strip_prefix('|')?.strip_suffix('|')?.rsplit('|');
            let code = cells.next()?.split('`').nth(1)?;
            let reason = code.contains('_') && code.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            reason.then_some(code)
        });
        let lost: Vec<&str> = new.clone().filter(|code| !page.contains(&format!("\n### {code}\n"))).collect();
        assert!(new.count() > 5 && lost.is_empty(), "{lost:?}");
    }
}
