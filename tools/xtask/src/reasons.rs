//! The registry of reasons in `docs/errors.md`: what the catalogues say, with the codes that the code gives each.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use fluent_syntax::ast::{Entry, Expression, InlineExpression, Message, Pattern, PatternElement};
use fluent_syntax::parser;

use crate::messages::calls;

/// The page, of which everything from the mark on is written here.
const PAGE: &str = "docs/errors.md";
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
    let catalogue = |language: &str| fs::read_to_string(root.join(format!("locales/{language}.ftl")));
    let (registry, count) = registry(&catalogue("en")?, &catalogue("zh-CN")?, &codes, found);
    let page = fs::read_to_string(root.join(PAGE)).context(PAGE)?;
    let written_by_hand = page.split(MARK).next().unwrap_or_default();
    Ok((format!("{written_by_hand}{MARK}{registry}"), count))
}

/// A section for every message that is the reason of an error, and how many there are.
fn registry(english: &str, chinese: &str, codes: &Codes, found: &mut Vec<String>) -> (String, usize) {
    let parsed = |text| parser::parse(text).unwrap_or_else(|(partly, _)| partly);
    let (english, chinese) = (parsed(english), parsed(chinese));
    let mut other = BTreeMap::new();
    for entry in &chinese.body {
        if let Entry::Message(message) = entry {
            other.insert(message.id.name, message);
        }
    }
    let (mut text, mut count, mut group) = (String::new(), 0, None);
    for entry in &english.body {
        match entry {
            Entry::GroupComment(comment) => group = Some(comment.content.join(" ")),
            Entry::Message(message) => {
                let id = message.id.name;
                let Some(codes) = codes.get(id) else { continue };
                let Some(when) = message.comment.as_ref().map(|comment| comment.content.join(" ")) else {
                    found.push(format!("locales/en.ftl: {id} is a reason: say in a comment above it when it is given"));
                    continue;
                };
                if let Some(group) = group.take() {
                    text.push_str(&format!("\n## Reasons: {group}\n"));
                }
                let codes: Vec<&str> = codes.iter().copied().collect();
                text.push_str(&format!("\n### {id}\n\n{}. {when}\n\n", codes.join(", ")));
                for message in [Some(message), other.get(id).copied()].into_iter().flatten() {
                    sentences(message).for_each(|sentence| text.push_str(&format!("- {sentence}\n")));
                }
                count += 1;
            }
            Entry::Term(_) | Entry::Comment(_) | Entry::ResourceComment(_) | Entry::Junk { .. } => {}
        }
    }
    (text, count)
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

/// The library itself knows every kind and no reason.
fn is_ours(path: &str) -> bool {
    let source = path.starts_with("libs/") || path.starts_with("services/");
    source && path.contains("/src/") && !path.ends_with("tests.rs") && !path.contains("/tests/")
}

fn outside_tests(text: &str) -> &str {
    text.split("\nmod tests {\n").next().unwrap_or(text)
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

/// The reason of a message that begins here.
fn said_first(text: &str) -> Option<String> {
    let id = text.strip_prefix("msg!(")?.trim_start().strip_prefix('"')?.split('"').next()?;
    Some(id.split('.').next().unwrap_or(id).to_owned())
}

/// The reasons of the messages in an expression; what is said within a message is a part of it.
fn said(expression: &str) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let mut rest = expression;
    while let Some(at) = rest.find("msg!(") {
        ids.extend(said_first(&rest[at..]));
        let inside = &rest[at + "msg!(".len()..];
        rest = &inside[closing(inside)..];
    }
    ids
}

/// Where the bracket that is open before `text` closes.
fn closing(text: &str) -> usize {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => return at,
            ')' | ']' | '}' => depth -= 1,
            ';' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
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

    #[test]
    fn a_reason_has_its_codes_when_it_is_given_and_its_sentences() {
        let codes = BTreeMap::from([("A".to_owned(), BTreeSet::from(["NOT_FOUND"]))]);
        let mut found = Vec::new();
        let english = "## Group\n\n# Not there.\nA = no { $thing }\n    .many = none of { $count ->\n    [one] one\n   *[other] { $count }\n}\nPART = a part\n";
        let (text, count) = registry(english, "A = 没有{ $thing }\n", &codes, &mut found);
        let told =
            "\n## Reasons: Group\n\n### A\n\nNOT_FOUND. Not there.\n\n- no {thing}\n- none of {count}\n- 没有{thing}\n";
        assert_eq!((text.as_str(), count), (told, 1));
        assert!(found.is_empty());
        registry("A = no { $thing }\n", "", &codes, &mut found);
        assert_eq!(found, ["locales/en.ftl: A is a reason: say in a comment above it when it is given"]);
    }
}
