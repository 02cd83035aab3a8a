//! Which way the arrows between the rooms of a service, and the folders of the store, go: from above to below in the order that
//! its `lib.rs` declares, hence in no circle, and into a room by its `app`, its `domain` or its `facts`, never by its `store` or
//! its `rpc`. And a `domain` is pure.
//!
//! A room has two floors: below what it knows (`domain`, `store`, `facts`), above what it does (everything else). What one
//! room does may stand on what any other knows, and nothing that is known stands on what is done. So the order is two lists
//! in the docs of `lib.rs`, from below to above; a file beside the rooms stands in one of them, where it belongs:
//!
//! ```text
//! //! - known: policy, peers, pool, statement, settlement
//! //! - done: pool, settlement, statement, audit
//! ```
//!
//! A crate without rooms has one list, `- modules:`.

use std::collections::{BTreeMap, BTreeSet};

use crate::paths::{first, named};

/// A file of a service or of the store: the top module it belongs to, and the modules of the same crate that it names.
struct Source<'a> {
    path: &'a str,
    /// The room, or the file beside the rooms.
    top: &'a str,
    floor: Floor<'a>,
    names: BTreeSet<String>,
}

/// A floor of a room, or a file beside the rooms: its name, and whether it is what the room knows.
pub type Floor<'a> = (&'a str, bool);

/// Slashes in the path of a file beside the rooms: `services/NAME/src/FILE.rs`.
const BESIDE: usize = 3;

/// The layers of a room's lower floor.
pub const KNOWN: [&str; 3] = ["domain", "facts", "store"];

/// What is wrong with the arrows of all services and of the store.
pub fn complaints(texts: &[(String, String)]) -> Vec<String> {
    let mut crates: BTreeMap<&str, (Vec<Source<'_>>, &str)> = BTreeMap::new();
    let mut found = Vec::new();
    for (path, text) in texts {
        let Some((of, inner)) = path.split_once("/src/").filter(|(of, _)| has_rooms(of)) else { continue };
        let (sources, lib) = crates.entry(of).or_default();
        let top = inner.split('/').next().unwrap_or(inner).trim_end_matches(".rs");
        let is_test = inner.ends_with("tests.rs") || inner.contains("/tests/");
        if top == "lib" {
            *lib = text;
        } else if !is_test && !["main", "migrations"].contains(&top) {
            let layer = inner.split('/').nth(1).unwrap_or_default().trim_end_matches(".rs");
            let floor = (top, KNOWN.contains(&layer));
            let mut names = named(text, "crate::");
            let own = named(text, "super::").into_iter().filter(|name| ["app", "rpc"].contains(&first(name)));
            names.extend(own.map(|name| format!("{top}::{name}")));
            if layer == "domain" {
                pure(path, text, &names, &mut found);
            }
            sources.push(Source { path, top, floor, names });
        }
    }
    for (of, (sources, lib)) in &crates {
        layers(sources, &mut found);
        beside(sources, &mut found);
        order(&format!("{of}/src/lib.rs"), declared(lib), sources, &mut found);
    }
    found
}

/// Crates whose top modules are rooms, or folders, that reach each other one way.
fn has_rooms(folder: &str) -> bool {
    folder.strip_prefix("services/").is_some_and(|service| !service.contains('/')) || folder == "libs/store"
}

/// A `domain` stands on the pure libraries and on other domains: neither on what all services do their work with nor on the
/// `app` of its own service.
fn pure(path: &str, text: &str, names: &BTreeSet<String>, found: &mut Vec<String>) {
    let shelf = (!named(text, "tally_app").is_empty()).then_some("tally_app");
    let own = names.iter().map(String::as_str).filter(|name| *name == "App" || first(name) == "app");
    for name in shelf.into_iter().chain(own) {
        found.push(format!("{path}: names `{name}`: a `domain` is pure, what it needs stands lower"));
    }
}

/// A file may name `rpc` of no room, and `store` of its own only. `lib.rs`, which puts the service together, may name all;
/// `privacy.rs`, which lists the tables of every room, all stores.
fn layers(sources: &[Source<'_>], found: &mut Vec<String>) {
    let rooms: BTreeSet<&str> = sources.iter().map(|source| source.top).collect();
    for source in sources {
        for name in &source.names {
            let mut parts = name.split("::");
            let (room, layer) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            match layer {
                _ if !rooms.contains(room) || room == source.top => {}
                "rpc" => found.push(format!("{}: names `{name}`: nobody below the calls names `rpc`", source.path)),
                "store" if source.top != "privacy" => found.push(format!(
                    "{}: names `{name}`: a room's `store` is its own, others call its `facts` or `app`",
                    source.path
                )),
                _ => {}
            }
        }
    }
}

/// The `App` of a `lib.rs` is made of the files beside the rooms: none of them may ask for it, only the rooms may.
fn beside(sources: &[Source<'_>], found: &mut Vec<String>) {
    let asks = |source: &&Source<'_>| !source.path.ends_with("/app.rs") && source.names.contains("App");
    for source in sources.iter().filter(|source| source.path.matches('/').count() == BESIDE).filter(asks) {
        found.push(format!("{}: names `App`, which is made of it: ask for the part that is needed", source.path));
    }
}

/// A floor stands on those before it, and all of them stand in the order.
fn order(lib: &str, declared: Vec<Floor<'_>>, sources: &[Source<'_>], found: &mut Vec<String>) {
    let floors: BTreeSet<Floor<'_>> = sources.iter().map(|source| source.floor).collect();
    let mut place = BTreeMap::new();
    for (at, (room, known)) in declared.into_iter().enumerate() {
        let floor = (room, known && floors.contains(&(room, true)));
        if !floors.contains(&floor) {
            found.push(format!("{lib}: the order of rooms says {}, but there is none", said((room, known))));
        } else if place.insert(floor, at).is_some() {
            found.push(format!("{lib}: the order of rooms says twice {}", said(floor)));
        }
    }
    for floor in floors.iter().filter(|floor| !place.contains_key(*floor)) {
        found.push(format!("{lib}: the order of rooms does not say {}", said(*floor)));
    }
    for source in sources {
        for name in &source.names {
            // A room that is named as a whole is named for what stands in it, which is found too.
            let Some((room, inner)) = name.split_once("::") else { continue };
            let other = floors.get(&(room, KNOWN.contains(&first(inner)))).or_else(|| floors.get(&(room, false)));
            let Some(other) = other.filter(|other| **other != source.floor) else { continue };
            let against = place.get(other).zip(place.get(&source.floor)).is_some_and(|(other, own)| other > own);
            if against {
                let (own, other) = (said(source.floor), said(*other));
                found
                    .push(format!("{}: names `{name}`: {own} stands below {other} in the order of {lib}", source.path));
            }
        }
    }
}

/// How a complaint names a floor.
pub fn said((room, known): Floor<'_>) -> String {
    format!("what `{room}` {}", if known { "knows" } else { "does" })
}

/// The floors from below to above, as the docs of a `lib.rs` have them.
fn declared(lib: &str) -> Vec<Floor<'_>> {
    let (mut floors, mut list) = (Vec::new(), None);
    for line in lib.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim) {
        let names = if let Some(names) = line.strip_prefix("- known:") {
            list = Some(true);
            names
        } else if let Some(names) = line.strip_prefix("- done:").or_else(|| line.strip_prefix("- modules:")) {
            list = Some(false);
            names
        } else {
            list = list.filter(|_| !line.is_empty());
            line
        };
        let names = names.split([',', ' ']).filter(|name| !name.is_empty());
        floors.extend(names.filter_map(|name| Some((name, list?))));
    }
    floors
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str =
        "//! A service.\n//!\n//! - known: a, b,\n//!   c\n//! - done: org, access, person, a,\n//!   b, c\n\nmod a;\n";

    fn service(order: &str, files: &[(&str, &str)]) -> Vec<String> {
        let files = files.iter().copied().chain([("lib.rs", order)]);
        let texts: Vec<_> = files.map(|(name, text)| (format!("services/s/src/{name}"), text.to_owned())).collect();
        complaints(&texts)
    }

    /// What is wrong beside the order itself, which names rooms that a test has no use for.
    fn arrows(files: &[(&str, &str)]) -> Vec<String> {
        service(ORDER, files).into_iter().filter(|complaint| !complaint.starts_with("services/s/src/lib.rs")).collect()
    }

    #[test]
    fn an_arrow_against_the_declared_order_is_found_however_it_is_written_and_both_rooms_are_named() {
        let there = ("person/app.rs", "use crate::{App, access, org::app::{Tree, Unit}};\n");
        let down = ("access/app.rs", "fn f() { crate::org::app::end(); }\n");
        let up = ("org/app.rs", "use crate::person::app::Key;\n");
        assert_eq!(arrows(&[there, down]), Vec::<String>::new(), "one way");
        let found = arrows(&[there, down, up]);
        assert_eq!(
            found,
            [
                "services/s/src/org/app.rs: names `person::app::Key`: what `org` does stands below what `person` does in \
              the order of services/s/src/lib.rs"
            ]
        );
        let whole = ("org/app.rs", "use crate::person;\nfn f() { person::app::key() }\n");
        assert_eq!(arrows(&[there, whole]).len(), 1, "what is named through the room");
    }

    #[test]
    fn a_file_beside_the_rooms_does_not_ask_for_the_app_that_is_made_of_it() {
        let room = ("org/app.rs", "use crate::{App, access};\n");
        assert_eq!(arrows(&[room]), Vec::<String>::new());
        let found = arrows(&[room, ("access.rs", "use crate::App;\n")]);
        let said = "services/s/src/access.rs: names `App`, which is made of it: ask for the part that is needed";
        assert_eq!(found, [said]);
    }

    #[test]
    fn every_floor_stands_once_in_the_order_and_nothing_else_does() {
        let files = [("pool/app.rs", ""), ("pool/store.rs", ""), ("audit.rs", "")];
        let of = |known: &str, done: &str| service(&format!("//! - known: {known}\n//! - done: {done}\n"), &files);
        assert_eq!(of("pool", "pool, audit"), Vec::<String>::new());
        assert_eq!(of("audit, pool", "pool"), Vec::<String>::new(), "a file beside the rooms stands where it belongs");
        let lib = |said: &str| [format!("services/s/src/lib.rs: the order of rooms {said}")];
        assert_eq!(of("", "pool, audit"), lib("does not say what `pool` knows"));
        assert_eq!(of("pool", "pool"), lib("does not say what `audit` does"));
        assert_eq!(of("pool, gone", "pool, audit"), lib("says what `gone` knows, but there is none"));
        assert_eq!(of("pool", "pool, audit, pool"), lib("says twice what `pool` does"));
        assert_eq!(service("//! A service without an order.\n", &files).len(), 3);
    }

    #[test]
    fn the_folders_of_the_store_are_rooms_and_those_of_other_libraries_are_not() {
        let found = |of: &str| {
            let lib = (format!("{of}/src/lib.rs"), "//! - modules: log, tx\n".to_owned());
            let there = (format!("{of}/src/tx/select.rs"), "use crate::log::audit::Audit;\n".to_owned());
            let back = (format!("{of}/src/log/audit.rs"), "use crate::tx::sql::Part;\n".to_owned());
            complaints(&[lib, there, back]).len()
        };
        assert_eq!((found("libs/store"), found("libs/kernel")), (1, 0));
    }

    #[test]
    fn what_a_room_does_stands_on_what_others_know_and_never_the_other_way() {
        let does = ("a/app.rs", "use crate::c::facts;\nfn f() { facts::get() }\n");
        let other = ("b/app.rs", "use crate::a::domain::A;\n");
        let knows =
            [("a/domain.rs", ""), ("c/facts.rs", "use super::store;\n"), ("c/store.rs", "use crate::a::domain::A;\n")];
        let all = |more: &[(&str, &str)]| arrows(&[[does, other].as_slice(), &knows, more].concat());
        assert_eq!(all(&[]), Vec::<String>::new());
        let against = |said: &str| [format!("services/s/src/{said} in the order of services/s/src/lib.rs")];
        assert_eq!(
            all(&[("b/domain.rs", "use super::app::Wanted;\n")]),
            against("b/domain.rs: names `b::app::Wanted`: what `b` knows stands below what `b` does")
        );
        assert_eq!(
            all(&[("a/domain/more.rs", "use crate::c::domain::C;\n")]),
            against("a/domain/more.rs: names `c::domain::C`: what `a` knows stands below what `c` knows")
        );
    }

    #[test]
    fn a_domain_names_neither_the_shelf_of_all_services_nor_the_app_of_its_own() {
        let names = |file: &str, text: &str| arrows(&[(file, text), ("app.rs", "")]);
        let pure = "use tally_kernel::import::Keyed;\nmod tests {\n    use tally_app::import::Import;\n}\n";
        assert_eq!(names("a/domain.rs", pure), Vec::<String>::new());
        assert_eq!(names("a/app.rs", "use tally_app::import::Import;\n"), Vec::<String>::new());
        let said = |file: &str, name: &str| {
            [format!("services/s/src/a/{file}: names `{name}`: a `domain` is pure, what it needs stands lower")]
        };
        assert_eq!(names("a/domain.rs", "use tally_app::import::Import;\n"), said("domain.rs", "tally_app"));
        assert_eq!(names("a/domain/row.rs", "fn f(_: tally_app::RequestKey) {}\n"), said("domain/row.rs", "tally_app"));
        assert_eq!(names("a/domain.rs", "use crate::{app::Placed, b};\n"), said("domain.rs", "app::Placed"));
        assert_eq!(names("a/domain.rs", "use crate::App;\n"), said("domain.rs", "App"));
    }

    #[test]
    fn comments_tests_and_other_crates_are_no_arrows() {
        let one = ("a/app.rs", "// crate::b::app\nuse other_crate::b;\nmod tests {\n    use crate::b;\n}\n");
        let two = ("b/app.rs", "use crate::a::app;\n");
        assert_eq!(arrows(&[one, two]), Vec::<String>::new());
    }

    #[test]
    fn the_store_of_another_room_is_found_however_it_is_named() {
        let there = ("b/store.rs", "use super::domain;\nuse crate::b::store::Own;\n");
        let grouped = ("person/app.rs", "use crate::{App, b::{domain::X, store::{self, Key}}, org};\n");
        let whole = ("c/app.rs", "use crate::b;\nfn f() {\n    b::store::get(x);\n    other::b::store::get(x);\n}\n");
        let lists = ("privacy.rs", "use crate::b;\ntype T = b::store::Entity;\n");
        let found = arrows(&[there, grouped, whole, lists, ("org/app.rs", "")]);
        let of = |path: &str, name: &str| {
            format!(
                "services/s/src/{path}: names `b::{name}`: a room's `store` is its own, others call its `facts` or `app`"
            )
        };
        let own = ["store::Key", "store::self"].map(|name| of("person/app.rs", name));
        assert_eq!(found, [own[0].clone(), own[1].clone(), of("c/app.rs", "store::get")]);
    }

    #[test]
    fn nobody_names_the_calls_of_another_room() {
        let found = arrows(&[("a/store.rs", "use crate::b::rpc::date;\n"), ("b/rpc.rs", "")]);
        assert_eq!(found[0], "services/s/src/a/store.rs: names `b::rpc::date`: nobody below the calls names `rpc`");
    }
}
