//! No circles: of the top modules of a crate, and of the files of one folder, none stands on another that stands on it.
//!
//! A module is one with all that stands inside it: a file and the files of its folder may use each other, and an arrow goes from
//! and to whole siblings. A name is followed through every `use` that brings it in, such as a `pub use` of `lib.rs`, to the
//! file that has it. What a module's own file has belongs to no sibling, so that a parent may be named from below.
//! Names that come with a `*` are not followed further, since only tests take all that a module has.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::arrows;
use crate::paths::{Taken, begun, code, first, uses};

/// `use`s that a name is followed through.
const STEPS_MAX: usize = 16;

/// A file's code, or that of a module inside it, without tests and comments.
struct Unit<'a> {
    file: &'a str,
    module: String,
    code: String,
    uses: BTreeSet<Taken>,
}

/// A crate as its names are followed.
#[derive(Default)]
struct Names {
    /// Modules that are a file or a folder.
    files: BTreeSet<String>,
    /// All modules, those inside a file too.
    modules: BTreeSet<String>,
    /// Where a name that a module brings in, or a macro of the crate, comes from.
    brought: BTreeMap<String, String>,
}

/// Siblings that a sibling names, and what of each: the file that does, and the name.
type Arrows<'a> = BTreeMap<String, BTreeMap<String, BTreeSet<(&'a str, String)>>>;

/// The circles of every crate.
pub fn complaints(texts: &[(String, String)]) -> Vec<String> {
    let mut crates: BTreeMap<&str, Vec<(&str, &str, &str)>> = BTreeMap::new();
    for (path, text) in texts {
        let Some((of, inner)) = path.split_once("/src/") else { continue };
        let is_test = inner.ends_with("tests.rs") || inner.contains("tests/");
        if ["libs/", "services/", "tools/"].iter().any(|top| of.starts_with(top)) && !is_test {
            crates.entry(of).or_default().push((path, inner, text));
        }
    }
    crates.into_iter().flat_map(|(of, files)| of_crate(of, &files)).collect()
}

fn of_crate(of: &str, files: &[(&str, &str, &str)]) -> Vec<String> {
    let (mut units, mut tests) = (Vec::new(), BTreeSet::new());
    let mut names = Names::default();
    for (path, inner, text) in files {
        let module = inner.trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::");
        let module = if ["lib", "main"].contains(&module.as_str()) { String::new() } else { module };
        names.files.extend(above(&module).map(str::to_owned));
        split(path, module, text, &mut units, &mut tests);
    }
    units.retain(|unit| !above(&unit.module).any(|module| tests.contains(module)));
    names.modules = units.iter().flat_map(|unit| above(&unit.module)).map(str::to_owned).collect();
    for unit in &units {
        for (path, known_as) in unit.uses.iter().filter(|(_, known_as)| known_as != "*") {
            if let Some(path) = names.absolute(&unit.module, path) {
                names.brought.insert(join(&unit.module, known_as), path);
            }
        }
        for (at, _) in unit.code.match_indices("#[macro_export]\nmacro_rules! ") {
            let name = unit.code[at..].split(' ').nth(1).unwrap_or_default();
            names.brought.insert(name.to_owned(), join(&unit.module, name));
        }
    }
    let mut folders: BTreeMap<String, Arrows<'_>> = BTreeMap::new();
    for unit in &units {
        for (to, name) in names.named(unit) {
            if let Some((folder, from, to)) = names.siblings(&unit.module, &to, of.starts_with("services/")) {
                let arrows = folders.entry(folder).or_default();
                arrows.entry(from).or_default().entry(to).or_default().insert((unit.file, name));
            }
        }
    }
    let inside = |folder: &str| format!("{of}/src/{}", folder.replace("::", "/"));
    folders
        .iter()
        .flat_map(|(folder, arrows)| circles(arrows).into_iter().map(|circle| said(&inside(folder), &circle, arrows)))
        .collect()
}

/// Puts a file's code, and that of every module inside it, in units; notes the modules that are there for tests only.
fn split<'a>(file: &'a str, module: String, text: &str, into: &mut Vec<Unit<'a>>, tests: &mut BTreeSet<String>) {
    let mut open = vec![(0, module, String::new())];
    let mut for_tests = false;
    for line in text.lines().take_while(|line| *line != "mod tests {").map(code) {
        let bare = line.trim();
        let indent = line.len() - line.trim_start().len();
        let depth = open.len();
        let Some((outer, module, code)) = open.last_mut() else { break };
        let declared = declared(bare);
        if let Some(name) = declared.filter(|_| for_tests) {
            tests.insert(join(module, name));
        }
        if let Some(name) = declared.filter(|_| bare.ends_with('{')) {
            let inner = join(module, name);
            open.push((indent, inner, String::new()));
        } else if bare == "}" && indent == *outer && depth > 1 {
            into.extend(open.pop().map(|(_, module, code)| unit(file, module, code)));
        } else {
            code.push_str(bare);
            code.push('\n');
        }
        for_tests = bare == "#[cfg(test)]";
    }
    into.extend(open.into_iter().map(|(_, module, code)| unit(file, module, code)));
}

fn unit(file: &str, module: String, code: String) -> Unit<'_> {
    // What a macro names in its own crate is named where it stands.
    let code = code.replace("$crate::", "crate::");
    Unit { file, module, uses: uses(&code), code }
}

/// The module that a line declares.
fn declared(line: &str) -> Option<&str> {
    let (before, name) = line.split_once("mod ")?;
    let before = before.trim();
    let is_declaration = before.is_empty() || before == "pub" || before.starts_with("pub(") && before.ends_with(')');
    name.strip_suffix(" {").or_else(|| name.strip_suffix(';')).filter(|_| is_declaration)
}

/// The module and those it stands in, without the crate itself.
fn above(module: &str) -> impl Iterator<Item = &str> {
    let own = (!module.is_empty()).then_some(module);
    std::iter::successors(own, |module| module.rsplit_once("::").map(|(outer, _)| outer))
}

fn join(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}

impl Names {
    /// A path that a module names, from the root of the crate; nothing where it leads out of the crate.
    fn absolute(&self, module: &str, path: &str) -> Option<String> {
        let (mut module, mut path) = (module, path.trim_end_matches("::self"));
        let mut ours = false;
        loop {
            let rest = path.split_once("::").map_or("", |(_, rest)| rest);
            match first(path) {
                "crate" => module = "",
                "super" => module = above(module).nth(1).unwrap_or_default(),
                "self" => {}
                name => return (ours || self.modules.contains(&join(module, name))).then(|| join(module, path)),
            }
            (ours, path) = (true, rest);
        }
    }

    /// The module that has what a path from the root names, and whether it is the module itself that is named.
    fn home(&self, path: &str) -> Option<(String, bool)> {
        let mut path = path.to_owned();
        for _ in 0..STEPS_MAX {
            let (mut module, mut rest) = (String::new(), path.as_str());
            let (to, further) = loop {
                let there = join(&module, first(rest));
                let further = rest.split_once("::").map(|(_, further)| further);
                match (self.brought.get(&there), further) {
                    (_, Some(further)) if self.modules.contains(&there) => (module, rest) = (there, further),
                    (Some(to), _) if *to != there => break (to, further),
                    (_, None) if self.modules.contains(&there) => return Some((there, true)),
                    _ => return Some((module, false)),
                }
            };
            path = further.map_or_else(|| to.clone(), |further| join(to, further));
        }
        None
    }

    /// What a unit names of its crate: each with the module that has it.
    fn named(&self, unit: &Unit<'_>) -> BTreeSet<(String, String)> {
        let written = ["crate::", "super::", "self::"].into_iter().flat_map(|begin| {
            begun(&unit.code, begin).into_iter().map(move |(path, known_as)| (format!("{begin}{path}"), known_as))
        });
        let mut found = BTreeSet::new();
        for (path, known_as) in written.chain(unit.uses.iter().cloned()) {
            let Some(path) = self.absolute(&unit.module, &path) else { continue };
            let Some((home, whole)) = self.home(&path) else { continue };
            if whole || self.modules.contains(&path) {
                // A module that was brought in as a whole: what counts is what is named through it.
                let through = begun(&unit.code, &format!("{known_as}::"));
                let inner = through.into_iter().map(|(inner, _)| join(&path, &inner));
                found.extend(inner.filter_map(|path| Some((self.home(&path).filter(|(_, whole)| !whole)?.0, path))));
            }
            if !whole {
                found.insert((home, path));
            }
        }
        found
    }

    /// The folder where two modules stand beside each other, and which of its modules they are or stand in.
    fn siblings(&self, from: &str, to: &str, rooms: bool) -> Option<(String, String, String)> {
        let file = |module| above(module).find(|module| self.files.contains(*module));
        let (from, to) = (file(from)?, file(to)?);
        let folder = above(from).find(|outer| above(to).any(|module| module == *outer)).unwrap_or_default();
        let inner = |module: &str| module[folder.len()..].trim_start_matches("::").to_owned();
        let (from, to) = (inner(from), inner(to));
        let node = |inner: &str| if rooms && folder.is_empty() { floor(inner) } else { first(inner).to_owned() };
        (!from.is_empty() && !to.is_empty()).then(|| (folder.to_owned(), node(&from), node(&to)))
    }
}

/// A room of a service is two floors.
fn floor(inner: &str) -> String {
    let layer = inner.split("::").nth(1).unwrap_or_default();
    arrows::said((first(inner), arrows::KNOWN.contains(&layer)))
}

/// The shortest circle; then the shortest that there is without the arrow of the first that the fewest names make, which is the
/// one to mend; and so on until there is none.
fn circles(arrows: &Arrows<'_>) -> Vec<Vec<String>> {
    let (mut left, mut found) = (arrows.clone(), Vec::new());
    while let Some(circle) = left.keys().filter_map(|start| circle(&left, start)).min_by_key(Vec::len) {
        let names =
            |from: &String, to: &String| left.get(from).and_then(|to_all| to_all.get(to)).map_or(0, BTreeSet::len);
        if let Some([from, to]) = circle.array_windows().min_by_key(|[from, to]| names(from, to)) {
            left.entry(from.clone()).or_default().remove(to);
        }
        found.push(circle);
    }
    found
}

/// The shortest way from a module to itself, both ends included.
fn circle(arrows: &Arrows<'_>, start: &String) -> Option<Vec<String>> {
    let mut ways = VecDeque::from([vec![start.clone()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for next in way.last().and_then(|last| arrows.get(last)).into_iter().flat_map(BTreeMap::keys) {
            let further = [way.as_slice(), std::slice::from_ref(next)].concat();
            if next == start {
                return Some(further);
            }
            if seen.insert(next) {
                ways.push_back(further);
            }
        }
    }
    None
}

fn said(folder: &str, circle: &[String], arrows: &Arrows<'_>) -> String {
    let names: Vec<String> = circle
        .windows(2)
        .map(|pair| {
            let names = arrows.get(&pair[0]).and_then(|to| to.get(&pair[1])).into_iter().flatten();
            let names: Vec<String> = names.map(|(file, name)| format!("`{name}` in {file}")).collect();
            names.join(", ")
        })
        .collect();
    format!("{}: a circle, {}: {}", folder.trim_end_matches('/'), circle.join(" -> "), names.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(of: &str, files: &[(&str, &str)]) -> Vec<String> {
        let texts: Vec<_> = files.iter().map(|(name, text)| (format!("{of}/src/{name}"), (*text).to_owned())).collect();
        complaints(&texts)
    }

    /// The circles of a crate with these files, without what ties them.
    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let told = found("libs/c", files).into_iter();
        told.map(|told| told.rsplit_once(": ").map_or(told.clone(), |(circle, _)| circle.to_owned())).collect()
    }

    const NONE: [&str; 0] = [];
    const OF_TWO: [&str; 1] = ["libs/c/src: a circle, a -> b -> a"];

    #[test]
    fn a_circle_is_told_with_the_names_that_tie_it() {
        let (one, other) = (("a.rs", "use crate::b::{B, C};\n"), ("b/low.rs", "fn f() { crate::a::go() }\n"));
        assert_eq!(found("libs/c", &[one]), NONE);
        let said = "libs/c/src: a circle, a -> b -> a: `b::B` in libs/c/src/a.rs, `b::C` in libs/c/src/a.rs; \
                    `a::go` in libs/c/src/b/low.rs";
        assert_eq!(found("libs/c", &[one, other, ("b.rs", "")]), [said]);
    }

    #[test]
    fn a_circle_is_found_however_its_names_are_written() {
        let lib = ("lib.rs", "mod a;\nmod b;\n\npub use a::{A, Other};\npub use b::Thing as B;\n");
        let macros = "#[macro_export]\nmacro_rules! told {\n    () => {\n        $crate::a::go()\n    };\n}\n";
        let inside = "mod inner {\n    use super::super::a::A;\n}\n";
        for (a, b) in [
            ("use crate::b::B;\n", "use crate::a::A;\n"),
            ("use super::b::B;\n", "use super::{a::A, c};\n"),
            ("pub(crate) use crate::B;\n", "fn f() { crate::A::new() }\n"),
            ("use crate::b;\n\nfn f() {\n    b::go()\n}\n", "use crate::a as other;\ntype A = other::A;\n"),
            ("use crate::b::*;\n", inside),
            ("use crate::told;\n", macros),
        ] {
            assert_eq!(circles(&[lib, ("a.rs", a), ("b.rs", b)]), OF_TWO, "{a}{b}");
            assert_eq!(circles(&[lib, ("a.rs", a), ("b.rs", "")]), NONE, "{a}");
            assert_eq!(circles(&[lib, ("a.rs", ""), ("b.rs", b)]), NONE, "{b}");
        }
    }

    #[test]
    fn a_parent_and_its_files_may_use_each_other_and_the_files_beside_each_other_may_not() {
        let parent = ("a.rs", "mod high;\nmod low;\n\npub use high::High;\nuse low::Low;\n\npub struct Own(Low);\n");
        let (high, low) = (("a/high.rs", "use super::{Low, Own};\n"), ("a/low.rs", "use super::Own;\n"));
        assert_eq!(circles(&[parent, high, low]), NONE);
        let back = ("a/low.rs", "use super::High;\n");
        assert_eq!(circles(&[parent, high, back]), ["libs/c/src/a: a circle, high -> low -> high"]);
        let through_lib = ("a/low.rs", "use crate::High;\n");
        assert_eq!(circles(&[("lib.rs", "mod a;\n\npub use a::High;\n"), parent, high, through_lib]).len(), 1);
    }

    #[test]
    fn circles_are_told_as_if_those_before_were_mended() {
        let ring =
            [("a.rs", "use crate::b::B;\n"), ("b.rs", "use crate::c::C;\n"), ("c.rs", "use crate::a::{A, X};\n")];
        assert_eq!(circles(&ring), ["libs/c/src: a circle, a -> b -> c -> a"]);
        let more = [("a.rs", "use crate::{b::B, d::D};\n"), ("d.rs", "use crate::a::A;\n"), ring[1], ring[2]];
        assert_eq!(circles(&more), ["libs/c/src: a circle, a -> d -> a", "libs/c/src: a circle, a -> b -> c -> a"]);
        let one_wrong = [("a.rs", "use crate::{b::B, c::C};\n"), ring[1], ("c.rs", "use crate::b::{X, Y};\n")];
        assert_eq!(circles(&one_wrong), ["libs/c/src: a circle, b -> c -> b"], "what only stands above it is in none");
        let low = ("b.rs", "use crate::a::A;\n");
        let high = ("c.rs", "use crate::{a::A, b::{B, C}};\n");
        let wrong = ("a.rs", "use crate::{b::{B, C}, c::D};\n");
        assert_eq!(circles(&[low, high, wrong]).len(), 2, "a third way round is gone with these two");
    }

    #[test]
    fn tests_comments_and_other_crates_are_no_arrows() {
        let tested = "#[cfg(test)]\nmod oracle;\n\n// crate::b::B\nuse other::b::B;\n\n#[cfg(test)]\nmod tests {\n    use crate::b::B;\n}\n";
        let (oracle, tests) = (("a/oracle.rs", "use crate::b::B;\n"), ("a/tests.rs", "use crate::b::B;\n"));
        assert_eq!(circles(&[("a.rs", tested), oracle, tests, ("b.rs", "use crate::a::A;\n")]), NONE);
        assert_eq!(found("benches", &[("a.rs", "use crate::b::B;\n"), ("b.rs", "use crate::a::A;\n")]), NONE);
    }

    #[test]
    fn a_room_of_a_service_is_two_floors() {
        let knows = [("a/domain.rs", ""), ("b/domain.rs", "")];
        let does = [("a/app.rs", "use crate::b::domain::B;\n"), ("b/app.rs", "use crate::a::domain::A;\n")];
        assert_eq!(found("services/s", &[knows, does].concat()), NONE);
        let does = [("a/app.rs", "use crate::b::app::B;\n"), ("b/app.rs", "use crate::a::app::A;\n")];
        let told = found("services/s", &[knows, does].concat());
        let circle = "services/s/src: a circle, what `a` does -> what `b` does -> what `a` does: ";
        assert!(told.len() == 1 && told[0].starts_with(circle), "{told:?}");
        let inside = [("a/domain.rs", "use super::store::Row;\n"), ("a/store.rs", "use super::domain::A;\n")];
        let told = found("services/s", &inside);
        assert!(told.len() == 1 && told[0].starts_with("services/s/src/a: a circle, domain -> store"), "{told:?}");
    }
}
