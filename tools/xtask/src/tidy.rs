//! Checks that a compiler cannot: who may name what and in no circle, how long things are, whether the docs name things that
//! are there, and whether every rpc stands in the three lists that tests keep.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::files::{relative, walk};
use crate::{arrows, circles, messages, reasons, vendored};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const HANDLER_LINES_MAX: usize = 15;

/// Argued exceptions: `path[:function] limit reason`, a line each.
const EXCEPTIONS: &str = "tools/xtask/tidy-exceptions.txt";

/// Lists kept by tests of the whole suite; every rpc must stand in each.
const RPC_LISTS: [&str; 3] =
    ["tests/snapshots/access_matrix.txt", "tests/snapshots/unauthenticated.txt", "tests/snapshots/audited.txt"];

/// What is wrong with the tree.
pub fn complaints(root: &Path) -> Result<Vec<String>> {
    let exceptions = exceptions(root)?;
    let mut found = Vec::new();
    let sources = sources(root)?;
    for (name, text) in &sources {
        names(name, text, &mut found);
        sizes(name, text, &exceptions, &mut found);
    }
    found.extend(arrows::complaints(&sources));
    found.extend(circles::complaints(&sources));
    found.extend(messages::complaints(root, &sources)?);
    found.extend(reasons::complaints(root, &sources)?);
    found.extend(vendored::complaints(root)?);
    docs(root, &mut found)?;
    rpcs(root, &mut found)?;
    found.sort();
    Ok(found)
}

/// Path and text of every source file.
pub fn sources(root: &Path) -> Result<Vec<(String, String)>> {
    let mut paths = Vec::new();
    for top in ["libs", "services", "tests", "tools", "benches"] {
        walk(&root.join(top), "rs", &mut paths)?;
    }
    paths.iter().map(|path| Ok((relative(root, path), fs::read_to_string(path)?))).collect()
}

/// Which layer a file of a service is, and what that layer must not name.
fn forbidden(path: &str) -> &'static [&'static str] {
    let Some(inner) = path.strip_prefix("services/").and_then(|p| p.split_once("/src/")).map(|(_, inner)| inner) else {
        return &[];
    };
    let file = inner.rsplit('/').next().unwrap_or(inner);
    if path.starts_with("services/tally/") {
        return &["sea_orm"];
    }
    if inner.contains("/domain/") || file == "domain.rs" {
        return &["tonic", "sea_orm", "tokio", "tally_api", "tally_store", "tally_rpc", "async fn", "Clock"];
    }
    match file {
        "rpc.rs" => &["sea_orm", "tally_store"],
        // An event is a message of the contracts: the service's events.rs makes it.
        "app.rs" => &["sea_orm", "tonic::", "tally_api", "Event::new"],
        "store.rs" => &["tonic::", "tally_api"],
        _ if inner.contains("/store/") => &["tonic::", "tally_api"],
        _ if inner.contains("migrations") => &["tonic::", "tally_api"],
        "peers.rs" | "events.rs" => &["sea_orm"],
        _ => &["sea_orm"],
    }
}

fn names(path: &str, text: &str, found: &mut Vec<String>) {
    for word in forbidden(path) {
        let hit = text
            .lines()
            .enumerate()
            .take_while(|(_, line)| *line != "mod tests {")
            .find(|(_, line)| !line.trim_start().starts_with("//") && line.contains(word));
        if let Some((at, _)) = hit {
            found.push(format!("{path}:{}: this layer must not name `{word}`", at + 1));
        }
    }
}

fn sizes(path: &str, text: &str, exceptions: &BTreeMap<String, usize>, found: &mut Vec<String>) {
    let lines: Vec<&str> = text.lines().collect();
    let allowed = exceptions.get(path).copied().unwrap_or(FILE_LINES_MAX);
    if lines.len() > allowed {
        found.push(format!("{path}: {} lines, at most {allowed}; split it or argue in {EXCEPTIONS}", lines.len()));
    }
    let handlers = path.ends_with("/rpc.rs");
    for (name, start, length) in functions(&lines) {
        // A signature over several lines ends where its brace opens.
        let opens = lines[start..].iter().position(|line| line.ends_with('{')).unwrap_or_default();
        let of_self = lines[start..=start + opens].iter().any(|line| line.contains("&self"));
        let handler = handlers && lines[start].contains("async fn") && of_self;
        let length = if handler { length - opens } else { length };
        let usual = if handler { HANDLER_LINES_MAX } else { FUNCTION_LINES_MAX };
        let allowed = exceptions.get(&format!("{path}:{name}")).copied().unwrap_or(usual);
        if length > allowed {
            found.push(format!("{path}:{}: `{name}` has {length} lines, at most {allowed}", start + 1));
        }
    }
}

/// Functions of formatted code: name, first line from 0, lines of the body. The end is the first closing brace that is
/// indented like the line with `fn`.
fn functions(lines: &[&str]) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let Some(rest) = trimmed
            .strip_prefix("fn ")
            .or_else(|| trimmed.split_once(" fn ").filter(|(head, _)| is_qualifier(head)).map(|(_, rest)| rest))
        else {
            continue;
        };
        let indent = &line[..line.len() - trimmed.len()];
        let close = format!("{indent}}}");
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if trimmed.ends_with(';') || trimmed.ends_with('}') {
            continue;
        }
        if let Some(end) = lines[start..].iter().position(|l| *l == close) {
            found.push((name, start, end.saturating_sub(1)));
        }
    }
    found
}

fn is_qualifier(head: &str) -> bool {
    head.split_whitespace().all(|w| matches!(w, "const" | "async" | "unsafe") || w.starts_with("pub"))
}

fn exceptions(root: &Path) -> Result<BTreeMap<String, usize>> {
    let text = fs::read_to_string(root.join(EXCEPTIONS)).with_context(|| EXCEPTIONS.to_owned())?;
    let mut all = BTreeMap::new();
    for line in text.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let mut words = line.splitn(3, ' ');
        let (place, limit, reason) = (words.next(), words.next(), words.next());
        let (Some(place), Some(limit), Some(_)) = (place, limit, reason) else {
            anyhow::bail!("{EXCEPTIONS}: `{line}` is not `place limit reason`");
        };
        all.insert(place.to_owned(), limit.parse().with_context(|| format!("{EXCEPTIONS}: limit of `{line}`"))?);
    }
    Ok(all)
}

/// Every path of the tree that a document names between backticks must be there.
fn docs(root: &Path, found: &mut Vec<String>) -> Result<()> {
    let mut pages = Vec::new();
    walk(&root.join("docs"), "md", &mut pages)?;
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "md") {
            pages.push(path);
        }
    }
    for page in pages {
        let text = fs::read_to_string(&page)?;
        for (at, line) in text.lines().enumerate() {
            for word in line.split('`').skip(1).step_by(2).filter(|w| is_path(w)) {
                if !root.join(word.trim_end_matches('/')).exists() {
                    found.push(format!("{}:{}: names `{word}`, which is not there", relative(root, &page), at + 1));
                }
            }
        }
    }
    Ok(())
}

fn is_path(word: &str) -> bool {
    let ours = ["libs/", "services/", "proto/", "tests/", "tools/", "k8s/", "docs/", "benches/", ".ci/"];
    ours.iter().any(|top| word.starts_with(top)) && !word.contains(['*', '{', '<', ' ', ':', '|', 'X'])
}

fn rpcs(root: &Path, found: &mut Vec<String>) -> Result<()> {
    for list in RPC_LISTS {
        let Ok(text) = fs::read_to_string(root.join(list)) else {
            found.push(format!("{list} is missing: run the tests of the whole suite with TALLY_UPDATE_SNAPSHOTS=1"));
            continue;
        };
        for service in tally_api::classes::pool().services().filter(|s| s.full_name().starts_with("tally.")) {
            for method in service.methods() {
                let rpc = format!("{}/{}", service.full_name(), method.name());
                if !text.lines().any(|line| line.split_whitespace().any(|w| w == rpc)) {
                    found.push(format!("{list}: {rpc} is not in it"));
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_file_that_names_the_database_is_found() {
        let mut found = Vec::new();
        names("services/attendance/src/punch/domain.rs", "use sea_orm::Entity;\n", &mut found);
        assert_eq!(found, ["services/attendance/src/punch/domain.rs:1: this layer must not name `sea_orm`"]);
        found.clear();
        names("services/attendance/src/punch/store.rs", "use sea_orm::Entity;\n", &mut found);
        assert!(found.is_empty());
    }

    #[test]
    fn a_long_function_and_a_long_handler_are_found() {
        let body = "        step();\n".repeat(16);
        let text = format!("impl P for Rpc {{\n    async fn punch(&self, r: R) -> A {{\n{body}    }}\n}}\n");
        let mut found = Vec::new();
        sizes("services/attendance/src/punch/rpc.rs", &text, &BTreeMap::new(), &mut found);
        assert_eq!(found.len(), 1, "{found:?}");
        sizes("services/attendance/src/punch/app.rs", &text, &BTreeMap::new(), &mut found);
        assert_eq!(found.len(), 1, "{found:?}");
        let broken = text.replace("&self, r: R", "\n        &self,\n        r: R,\n    ");
        sizes("services/attendance/src/punch/rpc.rs", &broken, &BTreeMap::new(), &mut found);
        sizes(
            "services/attendance/src/punch/rpc.rs",
            &broken.replacen("        step();\n", "", 1),
            &BTreeMap::new(),
            &mut found,
        );
        assert_eq!(found.len(), 2, "a signature over several lines does not count: {found:?}");
    }

    #[test]
    fn words_between_backticks_are_paths_only_when_they_begin_in_the_tree() {
        assert!(is_path("libs/store/src/unit.rs"));
        assert!(!is_path("cargo run"));
        assert!(!is_path("services/X/src/lib.rs"));
    }
}
