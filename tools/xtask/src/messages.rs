//! Holds the catalogues of `locales/` against the code: every message that the code names is there in every language, with
//! no argument that the code does not give, and nothing is there that nobody says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use fluent_syntax::ast::{CallArguments, Entry, Expression, InlineExpression, Pattern, PatternElement};
use fluent_syntax::parser;

use crate::code::{closing, unquoted};
use crate::files::{relative, walk};

/// The language that the others are held against.
const FIRST: &str = "en";

/// Texts whose ids are made of other names, which tests walk and find what is missing or of nothing: the command line's help
/// (`services/tally`), and what the console calls the choices of the contracts (`services/console`).
const WALKED: [&str; 4] = ["HELP_", "WORD_", "HEAD_", "SHEET_"];

/// Languages whose translation is behind: what they lack is said in English, and is no complaint until they have caught up.
const BEHIND: [&str; 10] = ["ar", "de", "es", "fr", "ja", "ko", "pt-BR", "ru", "vi", "zh-TW"];

/// The pages of the console.
const TEMPLATES: &str = "services/console/templates";

/// Ids of a catalogue with the arguments that each uses.
type Catalogue = BTreeMap<String, BTreeSet<String>>;

/// A place in the code that names a message.
struct Said {
    at: String,
    id: String,
    args: BTreeSet<String>,
}

/// What is wrong between the code (path and text of each file) and the catalogues.
pub fn complaints(root: &Path, sources: &[(String, String)]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut catalogues = BTreeMap::new();
    for entry in fs::read_dir(root.join("locales")).context("locales")? {
        let path = entry?.path();
        let language = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        catalogues.insert(language.clone(), catalogue(&language, &fs::read_to_string(&path)?, &mut found));
    }
    let speaks = |path: &str| !path.starts_with("tools/");
    let templates = templates(root)?;
    let mut said: Vec<Said> =
        sources.iter().filter(|(path, _)| speaks(path)).flat_map(|(path, text)| said(path, text)).collect();
    said.extend(templates.iter().flat_map(|(path, text)| texts(path, text)));
    held(&catalogues, &said, &mut found);
    let all = || sources.iter().chain(&templates);
    let named = |id: &str| all().any(|(_, text)| text.contains(&format!("\"{id}\"")));
    let said: BTreeSet<&str> = said.iter().map(|said| said.id.as_str()).collect();
    // What is done may be chosen before it is said.
    let done = |id: &str| id.strip_prefix("DONE_").is_some_and(&named);
    let heard =
        |id: &str| done(id) || WALKED.iter().any(|walked| id.starts_with(walked)) || said.contains(id) || named(id);
    for id in catalogues.get(FIRST).into_iter().flat_map(BTreeMap::keys).filter(|id| !heard(id)) {
        found.push(format!("locales/{FIRST}.ftl: {id} is said nowhere: take it out of every language"));
    }
    Ok(found)
}

/// Path and text of every template.
fn templates(root: &Path) -> Result<Vec<(String, String)>> {
    let mut paths = Vec::new();
    walk(&root.join(TEMPLATES), "html", &mut paths)?;
    paths.iter().map(|path| Ok((relative(root, path), fs::read_to_string(path)?))).collect()
}

/// Every `ui.t("ID")` of a template: a text without arguments. Words for people stand in the catalogues, so others are found too.
fn texts(path: &str, text: &str) -> Vec<Said> {
    let id = |(at, parts): (String, Vec<String>)| {
        let id = parts.first()?.strip_prefix('"')?.strip_suffix('"')?.to_owned();
        Some(Said { at, id, args: BTreeSet::new() })
    };
    calls(path, text, "ui.t(").into_iter().filter_map(id).collect()
}

fn held(catalogues: &BTreeMap<String, Catalogue>, said: &[Said], found: &mut Vec<String>) {
    let Some(first) = catalogues.get(FIRST) else {
        return found.push(format!("locales/{FIRST}.ftl is missing"));
    };
    for (language, catalogue) in catalogues {
        let behind = BEHIND.contains(&language.as_str());
        for id in first.keys().filter(|id| !catalogue.contains_key(*id) && !behind) {
            found.push(format!("locales/{language}.ftl: {id} is missing"));
        }
        for id in catalogue.keys().filter(|id| !first.contains_key(*id)) {
            found.push(format!("locales/{language}.ftl: {id} is not in {FIRST}.ftl"));
        }
        for Said { at, id, args } in said {
            let Some(used) = catalogue.get(id) else {
                if behind && first.contains_key(id) {
                    continue;
                }
                found.push(format!("{at}: {id} is not in locales/{language}.ftl"));
                continue;
            };
            for arg in used.difference(args) {
                found.push(format!("{at}: {id} in locales/{language}.ftl wants ${arg}, which is not given"));
            }
        }
    }
}

fn catalogue(language: &str, text: &str, found: &mut Vec<String>) -> Catalogue {
    let resource = parser::parse(text).unwrap_or_else(|(partly, faults)| {
        found.extend(faults.iter().map(|fault| format!("locales/{language}.ftl: {fault}")));
        partly
    });
    let mut all = Catalogue::new();
    for entry in resource.body {
        if let Entry::Message(message) = entry {
            let mut used = BTreeSet::new();
            message.value.iter().for_each(|pattern| variables(pattern, &mut used));
            if all.insert(message.id.name.to_owned(), used).is_some() {
                found.push(format!("locales/{language}.ftl: {} is there twice", message.id.name));
            }
            for attribute in &message.attributes {
                let mut used = BTreeSet::new();
                variables(&attribute.value, &mut used);
                all.insert(format!("{}.{}", message.id.name, attribute.id.name), used);
            }
        }
    }
    all
}

fn variables(pattern: &Pattern<&str>, into: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        match element {
            PatternElement::TextElement { .. } => {}
            PatternElement::Placeable { expression } => expression_variables(expression, into),
        }
    }
}

fn expression_variables(expression: &Expression<&str>, into: &mut BTreeSet<String>) {
    match expression {
        Expression::Inline(inline) => inline_variables(inline, into),
        Expression::Select { selector, variants } => {
            inline_variables(selector, into);
            variants.iter().for_each(|variant| variables(&variant.value, into));
        }
    }
}

fn inline_variables(inline: &InlineExpression<&str>, into: &mut BTreeSet<String>) {
    match inline {
        InlineExpression::VariableReference { id } => {
            into.insert(id.name.to_owned());
        }
        InlineExpression::FunctionReference { arguments, .. } => arguments_variables(arguments, into),
        InlineExpression::Placeable { expression } => expression_variables(expression, into),
        InlineExpression::StringLiteral { .. }
        | InlineExpression::NumberLiteral { .. }
        | InlineExpression::MessageReference { .. }
        | InlineExpression::TermReference { .. } => {}
    }
}

fn arguments_variables(arguments: &CallArguments<&str>, into: &mut BTreeSet<String>) {
    arguments.positional.iter().for_each(|inline| inline_variables(inline, into));
    arguments.named.iter().for_each(|named| inline_variables(&named.value, into));
}

/// Every `msg!("ID", name, name = value)` of a source file outside of its unit tests, and every word for what is not found.
fn said(path: &str, text: &str) -> Vec<Said> {
    let text = text.split("\nmod tests {\n").next().unwrap_or(text);
    let literal = |part: &str| Some(part.strip_prefix('"')?.strip_suffix('"')?.to_owned());
    let message = |(at, parts): (String, Vec<String>)| {
        let id = literal(parts.first()?)?;
        let name = |part: &String| part.split('=').next().unwrap_or_default().trim().to_owned();
        let args = parts[1..].iter().map(name).filter(|name| !name.is_empty()).collect();
        Some(Said { at, id, args })
    };
    let noun = |(at, parts): (String, Vec<String>)| {
        let word = parts.iter().take(2).find_map(|part| literal(part))?;
        let id = format!("RESOURCE_{}", word.to_ascii_uppercase().replace(' ', "_"));
        Some(Said { at, id, args: BTreeSet::new() })
    };
    let nouns = calls(path, text, "not_found(").into_iter().chain(reads(path, text));
    let all = calls(path, text, "msg!(").into_iter().filter_map(message).chain(nouns.filter_map(noun));
    all.chain(done(path, text)).collect()
}

/// What pages of the console say that was done: the last text of `visit.done(..)` and of `..answered(..)`, with `DONE_` before it.
fn done(path: &str, text: &str) -> Vec<Said> {
    if !path.starts_with("services/console/") {
        return Vec::new();
    }
    let id = |(at, parts): (String, Vec<String>)| {
        let last = parts.last()?.trim_end_matches([')', ' ', ',', '\n']).strip_suffix('"')?;
        let id = last.rsplit('"').next().filter(|id| !id.is_empty())?;
        Some(Said { at, id: format!("DONE_{id}"), args: BTreeSet::new() })
    };
    calls(path, text, ".done(").into_iter().chain(calls(path, text, ".answered(")).filter_map(id).collect()
}

/// Calls of `permit_read`, which says what is not found to whom it is hidden.
fn reads(path: &str, text: &str) -> Vec<(String, Vec<String>)> {
    let whole = calls(path, text, "permit_read::<");
    let starts = text.match_indices("permit_read::<").filter_map(|(at, _)| Some(at + text[at..].find(">(")? + 2));
    whole.into_iter().zip(starts).map(|((at, _), start)| (at, arguments(&text[start..]))).collect()
}

/// The calls of something outside of comments: where each is, and its arguments.
pub fn calls(path: &str, text: &str, call: &str) -> Vec<(String, Vec<String>)> {
    let in_a_word = |c: char| c.is_alphanumeric() || c == '_';
    let within_a_word = |before: &str| call.starts_with(in_a_word) && before.ends_with(in_a_word);
    let starts = text.match_indices(call).map(|(at, _)| at).filter(|at| {
        let line = text[..*at].rsplit('\n').next().unwrap_or_default();
        !line.trim_start().starts_with("//") && !within_a_word(line)
    });
    starts
        .map(|at| {
            let line = text[..at].matches('\n').count() + 1;
            (format!("{path}:{line}"), arguments(&text[at + call.len()..]))
        })
        .collect()
}

/// The arguments of a call, from behind its opening bracket: cut at commas outside of brackets and texts.
fn arguments(text: &str) -> Vec<String> {
    let text = &text[..closing(text)];
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0);
    for (at, c) in unquoted(text) {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[start..at].trim().to_owned());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim().to_owned());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(catalogues: &[(&str, &str)], code: &str) -> Vec<String> {
        let mut found = Vec::new();
        let read = |(language, text): &(&str, &str)| ((*language).to_owned(), catalogue(language, text, &mut found));
        let catalogues = catalogues.iter().map(read).collect();
        held(&catalogues, &said("a.rs", code), &mut found);
        found
    }

    #[test]
    fn a_message_that_a_language_lacks_is_found() {
        let found = wrong(&[("en", "A = a\n"), ("zh-CN", "B = b\n")], "msg!(\"A\")");
        let told = [
            "locales/zh-CN.ftl: A is missing",
            "locales/zh-CN.ftl: B is not in en.ftl",
            "a.rs:1: A is not in locales/zh-CN.ftl",
        ];
        assert_eq!(found, told);
    }

    #[test]
    fn an_argument_that_the_code_does_not_give_is_found_also_within_a_choice() {
        let text = "A = { $count ->\n    [one] { $day }\n   *[other] { $count }\n}\n";
        assert_eq!(
            wrong(&[("en", text)], "let m =\n    msg!(\"A\", count = list.iter().map(|(a, b)| f(a, \",\")).count());"),
            ["a.rs:2: A in locales/en.ftl wants $day, which is not given"]
        );
        assert!(wrong(&[("en", text)], "msg!(\"A\", count, day = day,)").is_empty());
    }

    #[test]
    fn a_variant_and_the_word_for_what_is_not_found_are_messages_too() {
        let text = "A = a\n    .b = { $day }\nRESOURCE_ORG_UNIT = org unit\n";
        let found = wrong(&[("en", text)], "msg!(\"A.b\", a); msg!(\"A.c\"); Error::not_found(\"org unit\", id);");
        let told =
            ["a.rs:1: A.b in locales/en.ftl wants $day, which is not given", "a.rs:1: A.c is not in locales/en.ftl"];
        assert_eq!(found, told);
        let found = wrong(&[("en", "A = a\n")], "ctx.permit_read::<GetCycle>(&target, \"cycle\", id)");
        assert_eq!(found, ["a.rs:1: RESOURCE_CYCLE is not in locales/en.ftl"]);
    }

    #[test]
    fn what_a_page_says_that_was_done_is_a_message() {
        let code = "visit.done(\"/people\", \"MOVED\"); page.answered(&visit, &sent, done.await, (&path, \"ENDED\"))";
        let ids: Vec<_> = said("services/console/src/a.rs", code).into_iter().map(|said| said.id).collect();
        assert_eq!(ids, ["DONE_MOVED", "DONE_ENDED"]);
    }

    #[test]
    fn a_catalogue_that_cannot_be_read_is_found() {
        assert!(!wrong(&[("en", "A = { $x\n")], "").is_empty());
        assert_eq!(wrong(&[("en", "A = a\nA = b\n")], ""), ["locales/en.ftl: A is there twice"]);
    }
}
