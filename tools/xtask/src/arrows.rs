//! Which way the arrows between the rooms of a service go: from above to below, in no circle, and into a room by its `app`,
//! its `domain` or its `facts`, never by its `store` or its `rpc`.

use std::collections::{BTreeMap, BTreeSet};

/// A service's file: the top module it belongs to, and the modules of the same crate that it names.
struct Source<'a> {
    path: &'a str,
    /// The room, or the file beside the rooms.
    top: &'a str,
    names: Vec<String>,
}

/// What is wrong with the arrows of all services. `argued` says of a service how many modules a
/// circle may still have.
pub fn complaints(texts: &[(String, String)], argued: &BTreeMap<String, usize>) -> Vec<String> {
    let mut services: BTreeMap<&str, Vec<Source<'_>>> = BTreeMap::new();
    for (path, text) in texts {
        let Some((service, inner)) = path.strip_prefix("services/").and_then(|p| p.split_once("/src/")) else {
            continue;
        };
        let top = inner.split('/').next().unwrap_or(inner).trim_end_matches(".rs");
        let is_test = inner.ends_with("tests.rs") || inner.contains("/tests/");
        if !is_test && !["lib", "main", "migrations"].contains(&top) {
            services.entry(service).or_default().push(Source { path, top, names: named(text) });
        }
    }
    let mut found = Vec::new();
    for (service, sources) in &services {
        layers(sources, &mut found);
        let allowed = argued.get(&format!("services/{service}:circle")).copied().unwrap_or(0);
        circles(service, sources, allowed, &mut found);
    }
    found
}

/// A file may name `rpc` of no room but in `lib.rs`, which puts the service together.
fn layers(sources: &[Source<'_>], found: &mut Vec<String>) {
    let rooms: BTreeSet<&str> = sources.iter().map(|source| source.top).collect();
    for source in sources {
        for name in &source.names {
            let mut parts = name.split("::");
            let (room, layer) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            if layer == "rpc" && rooms.contains(room) && room != source.top {
                found.push(format!("{}: names `{name}`: nobody below the calls names `rpc`", source.path));
            }
        }
    }
}

/// Modules that reach themselves again over others.
fn circles(service: &str, sources: &[Source<'_>], allowed: usize, found: &mut Vec<String>) {
    let tops: BTreeSet<&str> = sources.iter().map(|source| source.top).collect();
    let mut arrows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for source in sources {
        let to = source.names.iter().filter_map(|name| tops.get(name.split("::").next().unwrap_or_default()));
        arrows.entry(source.top).or_default().extend(to.filter(|to| **to != source.top));
    }
    let reached: BTreeMap<&str, BTreeSet<&str>> = tops.iter().map(|top| (*top, beyond(&arrows, top))).collect();
    let mut told = BTreeSet::new();
    for top in tops.iter().filter(|top| reached[*top].contains(*top)) {
        let circle: Vec<&str> = reached[top].iter().filter(|other| reached[*other].contains(*top)).copied().collect();
        if circle.len() > allowed && told.insert(circle.clone()) {
            found.push(format!("services/{service}: a circle of rooms: {}", circle.join(", ")));
        }
    }
}

/// All that is reached from a module over any number of arrows.
fn beyond<'a>(arrows: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &'a str) -> BTreeSet<&'a str> {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(at) = next.pop() {
        next.extend(arrows.get(at).into_iter().flatten().copied().filter(|to| seen.insert(*to)));
    }
    seen
}

/// The paths of the same crate that a source names, in code and not in tests or comments.
fn named(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .take_while(|line| *line != "mod tests {")
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n");
    let mut found = Vec::new();
    let mut rest = code.as_str();
    while let Some(at) = rest.find("crate::") {
        let part_of_a_word = rest[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$');
        rest = &rest[at + "crate::".len()..];
        if !part_of_a_word {
            found.extend(group(rest));
        }
    }
    found
}

/// The first paths after `crate::`: one, or each of a group in braces.
fn group(rest: &str) -> Vec<String> {
    let Some(inner) = rest.strip_prefix('{') else { return vec![path(rest)] };
    let (mut depth, mut start, mut found) = (0_usize, 0, Vec::new());
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.push(path(inner[start..at].trim()));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(path(inner[start..at].trim()));
                start = at + 1;
            }
            _ => {}
        }
    }
    found.retain(|path| !path.is_empty());
    found
}

fn path(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(files: &[(&str, &str)]) -> Vec<String> {
        let texts: Vec<_> =
            files.iter().map(|(name, text)| (format!("services/s/src/{name}"), (*text).to_owned())).collect();
        complaints(&texts, &BTreeMap::new())
    }

    #[test]
    fn a_circle_is_found_however_it_is_written() {
        let there = ("person/app.rs", "use crate::{App, access, org::domain::{Tree, Unit}};\n");
        let back = ("org/app.rs", "fn f() { crate::access::app::end(); }\n");
        let round = ("access/store.rs", "use crate::person::store::Key;\n");
        assert_eq!(service(&[there, back]), Vec::<String>::new(), "one way");
        let found = service(&[there, back, round]);
        assert_eq!(found, ["services/s: a circle of rooms: access, org, person"]);
    }

    #[test]
    fn comments_tests_and_other_crates_are_no_arrows() {
        let one = ("a/app.rs", "// crate::b::app\nuse other_crate::b;\nmod tests {\n    use crate::b;\n}\n");
        let two = ("b/app.rs", "use crate::a::app;\n");
        assert_eq!(service(&[one, two]), Vec::<String>::new());
    }

    #[test]
    fn nobody_names_the_calls_of_another_room() {
        let found = service(&[("a/store.rs", "use crate::b::rpc::date;\n"), ("b/rpc.rs", "")]);
        assert_eq!(found, ["services/s/src/a/store.rs: names `b::rpc::date`: nobody below the calls names `rpc`"]);
    }
}
