//! The paths that a source names, read from formatted code without a parser of the language.

use std::collections::BTreeSet;

/// What a tree of `use` takes: the path, and the name that it has here.
pub type Taken = (String, String);

/// The first name of a path.
pub fn first(path: &str) -> &str {
    path.split("::").next().unwrap_or_default()
}

/// The paths with this begin that a source names, each once, in code and not in tests or comments.
pub fn named(text: &str, begin: &str) -> BTreeSet<String> {
    let lines: Vec<&str> = text.lines().take_while(|line| *line != "mod tests {").map(code).collect();
    let code = lines.join("\n");
    let mut found: BTreeSet<String> = begun(&code, begin).into_iter().map(|(path, _)| path).collect();
    // What is named through a room that was imported as a whole.
    for room in found.clone().iter().filter(|path| !path.contains("::")) {
        let through = format!("{room}::");
        found.extend(after(&code, &through).map(|rest| through.clone() + &path(rest)));
    }
    found
}

/// A line without its comment.
pub fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// What stands behind every place of code where a path begins with this: a path, or all of a tree.
pub fn begun(code: &str, begin: &str) -> BTreeSet<Taken> {
    let mut found = BTreeSet::new();
    for rest in after(code, begin) {
        tree("", rest, &mut found);
    }
    found
}

/// What the `use`s of code take, whatever it begins with.
pub fn uses(code: &str) -> BTreeSet<Taken> {
    let mut found = BTreeSet::new();
    for line in code.split_inclusive(';') {
        let begins = |at: &usize| {
            let before = line[..*at].rsplit('\n').next().unwrap_or_default().trim();
            before.is_empty() || before == "pub" || before.starts_with("pub(") && before.ends_with(')')
        };
        if let Some(at) = line.match_indices("use ").map(|(at, _)| at).find(begins) {
            tree("", &line[at + "use ".len()..], &mut found);
        }
    }
    found
}

/// What stands behind every place where a path begins with this.
fn after<'a>(code: &'a str, begin: &'a str) -> impl Iterator<Item = &'a str> {
    let is_inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | ':');
    code.match_indices(begin)
        .filter(move |(at, _)| !code[..*at].ends_with(is_inside))
        .map(move |(at, _)| &code[at + begin.len()..])
}

/// The paths of a tree of `use`, or the one path that stands here; what is left behind it.
fn tree<'a>(before: &str, text: &'a str, found: &mut BTreeSet<Taken>) -> &'a str {
    let here = path(text.trim_start());
    let rest = &text.trim_start()[here.len()..];
    let Some(mut inner) = rest.strip_prefix('{').filter(|_| here.is_empty() || here.ends_with("::")) else {
        let all = if rest.starts_with('*') { "*" } else { "" };
        let whole = format!("{before}{}{all}", if all.is_empty() { here.trim_end_matches("::") } else { &here });
        let own = whole.trim_end_matches("::self").rsplit("::").next().unwrap_or_default();
        let known_as = rest.strip_prefix(" as ").map_or_else(|| own.to_owned(), path);
        found.insert((whole, known_as));
        return rest;
    };
    loop {
        let rest = tree(&format!("{before}{here}"), inner, found);
        match rest.find([',', '}']) {
            Some(at) if rest[at..].starts_with(',') && !rest[at + 1..].trim_start().starts_with('}') => {
                inner = &rest[at + 1..];
            }
            Some(at) => return rest[at..].trim_start_matches(',').trim_start().trim_start_matches('}'),
            None => return "",
        }
    }
}

fn path(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect()
}
