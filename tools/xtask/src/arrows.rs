//! Which way the arrows between the rooms of a service, and the folders of the store, go: from above to below, in no circle, and
//! into a room by its `app`, its `domain` or its `facts`, never by its `store` or its `rpc`.
//!
//! A room has two floors: below what it knows (`domain`, `store`, `facts`), above what it does (everything else). What one
//! room does may stand on what any other knows, and nothing that is known stands on what is done.

use std::collections::{BTreeMap, BTreeSet};

/// A file of a service or of the store: the top module it belongs to, and the modules of the same crate that it names.
struct Source<'a> {
    path: &'a str,
    /// The room, or the file beside the rooms.
    top: &'a str,
    floor: Floor<'a>,
    names: BTreeSet<String>,
}

/// A floor of a room, or a file beside the rooms: its name, and whether it is what the room knows.
type Floor<'a> = (&'a str, bool);

/// The layers of a room's lower floor.
const KNOWN: [&str; 3] = ["domain", "facts", "store"];

/// What is wrong with the arrows of all services and of the store. `argued` says of a crate how many modules a circle may
/// still have, and how often a room may still name what is in the `store` of another.
pub fn complaints(texts: &[(String, String)], argued: &BTreeMap<String, usize>) -> Vec<String> {
    let mut crates: BTreeMap<&str, Vec<Source<'_>>> = BTreeMap::new();
    for (path, text) in texts {
        let Some((of, inner)) = path.split_once("/src/").filter(|(of, _)| has_rooms(of)) else { continue };
        let top = inner.split('/').next().unwrap_or(inner).trim_end_matches(".rs");
        let is_test = inner.ends_with("tests.rs") || inner.contains("/tests/");
        if !is_test && !["lib", "main", "migrations"].contains(&top) {
            let layer = inner.split('/').nth(1).unwrap_or_default().trim_end_matches(".rs");
            let floor = (top, KNOWN.contains(&layer));
            let mut names = named(text, "crate::");
            let own = named(text, "super::").into_iter().filter(|name| ["app", "rpc"].contains(&first(name)));
            names.extend(own.map(|name| format!("{top}::{name}")));
            crates.entry(of).or_default().push(Source { path, top, floor, names });
        }
    }
    let mut found = Vec::new();
    for (of, sources) in &crates {
        let allowed = |what| argued.get(&format!("{of}:{what}")).copied().unwrap_or(0);
        layers(of, sources, allowed("stores"), &mut found);
        circles(of, sources, allowed("circle"), &mut found);
    }
    found
}

/// Crates whose top modules are rooms, or folders, that reach each other one way.
fn has_rooms(folder: &str) -> bool {
    folder.strip_prefix("services/").is_some_and(|service| !service.contains('/')) || folder == "libs/store"
}

/// A file may name `rpc` of no room, and `store` of its own only. `lib.rs`, which puts the service together, may name all;
/// `privacy.rs`, which lists the tables of every room, all stores.
fn layers(of: &str, sources: &[Source<'_>], allowed: usize, found: &mut Vec<String>) {
    let rooms: BTreeSet<&str> = sources.iter().map(|source| source.top).collect();
    let mut stores = Vec::new();
    for source in sources {
        for name in &source.names {
            let mut parts = name.split("::");
            let (room, layer) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            match layer {
                _ if !rooms.contains(room) || room == source.top => {}
                "rpc" => found.push(format!("{}: names `{name}`: nobody below the calls names `rpc`", source.path)),
                "store" if source.top != "privacy" => stores.push(format!(
                    "{}: names `{name}`: a room's `store` is its own, others call its `facts` or `app`",
                    source.path
                )),
                _ => {}
            }
        }
    }
    match stores.len() {
        many if many > allowed => found.append(&mut stores),
        few if few < allowed => {
            found.push(format!("{of}:stores is {few} now: lower the {allowed} of the exceptions"));
        }
        _ => {}
    }
}

/// Floors that reach themselves again over others.
fn circles(of: &str, sources: &[Source<'_>], allowed: usize, found: &mut Vec<String>) {
    let floors: BTreeSet<Floor<'_>> = sources.iter().map(|source| source.floor).collect();
    let mut arrows: BTreeMap<Floor<'_>, BTreeSet<Floor<'_>>> = BTreeMap::new();
    for source in sources {
        let to = source.names.iter().filter_map(|name| {
            let (room, inner) = name.split_once("::")?;
            floors.get(&(room, KNOWN.contains(&first(inner)))).or_else(|| floors.get(&(room, false)))
        });
        arrows.entry(source.floor).or_default().extend(to.filter(|to| **to != source.floor));
    }
    for (room, _) in floors.iter().filter(|(room, known)| *known && floors.contains(&(*room, false))) {
        arrows.entry((room, false)).or_default().insert((room, true));
    }
    let reached: BTreeMap<_, _> = floors.iter().map(|floor| (*floor, beyond(&arrows, *floor))).collect();
    let mut told = BTreeSet::new();
    for floor in floors.iter().filter(|floor| reached[*floor].contains(*floor)) {
        let circle: Vec<_> = reached[floor].iter().filter(|other| reached[*other].contains(floor)).copied().collect();
        let rooms = circle.iter().map(|(room, _)| room).collect::<BTreeSet<_>>().len();
        if rooms > allowed && told.insert(circle.clone()) {
            let name =
                |(room, known): &Floor<'_>| if *known { format!("{room} (what it knows)") } else { (*room).to_owned() };
            let circle: Vec<_> = circle.iter().map(name).collect();
            found.push(format!("{of}: a circle of rooms: {}", circle.join(", ")));
        }
    }
}

/// All that is reached from a floor over any number of arrows.
fn beyond<'a>(arrows: &BTreeMap<Floor<'a>, BTreeSet<Floor<'a>>>, from: Floor<'a>) -> BTreeSet<Floor<'a>> {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(at) = next.pop() {
        next.extend(arrows.get(&at).into_iter().flatten().copied().filter(|to| seen.insert(*to)));
    }
    seen
}

fn first(path: &str) -> &str {
    path.split("::").next().unwrap_or_default()
}

/// The paths with this begin that a source names, each once, in code and not in tests or comments.
fn named(text: &str, begin: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .take_while(|line| *line != "mod tests {")
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n");
    let mut found = BTreeSet::new();
    for rest in after(&code, begin) {
        tree("", rest, &mut found);
    }
    // What is named through a room that was imported as a whole.
    for room in found.clone().iter().filter(|path| !path.contains("::")) {
        let through = format!("{room}::");
        found.extend(after(&code, &through).map(|rest| through.clone() + &path(rest)));
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
fn tree<'a>(before: &str, text: &'a str, found: &mut BTreeSet<String>) -> &'a str {
    let here = path(text.trim_start());
    let rest = &text.trim_start()[here.len()..];
    let Some(mut inner) = rest.strip_prefix('{').filter(|_| here.is_empty() || here.ends_with("::")) else {
        found.insert(format!("{before}{}", here.trim_end_matches("::")));
        return rest;
    };
    loop {
        let rest = tree(&format!("{before}{here}"), inner, found);
        // A new name (`as`) says nothing of the path.
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
        let there = ("person/app.rs", "use crate::{App, access, org::app::{Tree, Unit}};\n");
        let back = ("org/app.rs", "fn f() { crate::access::app::end(); }\n");
        let round = ("access/app.rs", "use crate::person::app::Key;\n");
        assert_eq!(service(&[there, back]), Vec::<String>::new(), "one way");
        let found = service(&[there, back, round]);
        assert_eq!(found, ["services/s: a circle of rooms: access, org, person"]);
    }

    #[test]
    fn the_folders_of_the_store_are_rooms_and_those_of_other_libraries_are_not() {
        let circle = |of: &str| {
            let there = (format!("{of}/src/tx/select.rs"), "use crate::log::audit::Audit;\n".to_owned());
            let back = (format!("{of}/src/log/audit.rs"), "use crate::tx::sql::Part;\n".to_owned());
            complaints(&[there, back], &BTreeMap::new())
        };
        assert_eq!(circle("libs/store"), ["libs/store: a circle of rooms: log, tx"]);
        assert_eq!(circle("libs/kernel"), Vec::<String>::new());
    }

    #[test]
    fn what_a_room_does_stands_on_what_others_know_and_never_the_other_way() {
        let does = ("a/app.rs", "use crate::b::facts;\nfn f() { facts::get() }\n");
        let other = ("b/app.rs", "use crate::a::domain::A;\n");
        let knows =
            [("a/domain.rs", ""), ("b/facts.rs", "use super::store;\n"), ("b/store.rs", "use crate::a::domain::A;\n")];
        let all = |more: &[(&str, &str)]| service(&[[does, other].as_slice(), &knows, more].concat());
        assert_eq!(all(&[]), Vec::<String>::new());
        let circle = |rooms| vec![format!("services/s: a circle of rooms: {rooms}")];
        assert_eq!(all(&[("b/domain.rs", "use super::app::Wanted;\n")]), circle("b, b (what it knows)"));
        assert_eq!(
            all(&[("a/domain/more.rs", "use crate::b::domain::B;\n")]),
            circle("a (what it knows), b (what it knows)")
        );
    }

    #[test]
    fn comments_tests_and_other_crates_are_no_arrows() {
        let one = ("a/app.rs", "// crate::b::app\nuse other_crate::b;\nmod tests {\n    use crate::b;\n}\n");
        let two = ("b/app.rs", "use crate::a::app;\n");
        assert_eq!(service(&[one, two]), Vec::<String>::new());
    }

    #[test]
    fn the_store_of_another_room_is_found_however_it_is_named() {
        let there = ("b/store.rs", "use super::domain;\nuse crate::b::store::Own;\n");
        let grouped = ("a/app.rs", "use crate::{App, b::{domain::X, store::{self, Key}}, c};\n");
        let whole = ("c/app.rs", "use crate::b;\nfn f() {\n    b::store::get(x);\n    other::b::store::get(x);\n}\n");
        let lists = ("privacy.rs", "use crate::b;\ntype T = b::store::Entity;\n");
        let found = service(&[there, grouped, whole, lists]);
        let of = |path: &str, name: &str| {
            format!(
                "services/s/src/{path}: names `b::{name}`: a room's `store` is its own, others call its `facts` or `app`"
            )
        };
        let own = ["store::Key", "store::self"].map(|name| of("a/app.rs", name));
        assert_eq!(found, [own[0].clone(), own[1].clone(), of("c/app.rs", "store::get")]);
    }

    #[test]
    fn the_count_of_stores_named_by_others_can_only_shrink() {
        let files = [("a/app.rs", "use crate::b::store::{One, Two};\n"), ("b/store.rs", "")]
            .map(|(name, text)| (format!("services/s/src/{name}"), text.to_owned()));
        let allowed = |many| complaints(&files, &BTreeMap::from([("services/s:stores".to_owned(), many)]));
        assert_eq!(allowed(2), Vec::<String>::new());
        assert_eq!(allowed(1).len(), 2, "one more than is argued: all of them are said");
        assert_eq!(allowed(3), ["services/s:stores is 2 now: lower the 3 of the exceptions"]);
    }

    #[test]
    fn nobody_names_the_calls_of_another_room() {
        let found = service(&[("a/store.rs", "use crate::b::rpc::date;\n"), ("b/rpc.rs", "")]);
        assert_eq!(found, ["services/s/src/a/store.rs: names `b::rpc::date`: nobody below the calls names `rpc`"]);
    }
}
