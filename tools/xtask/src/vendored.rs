//! Files that others made are as they made them: each folder of such files has a list of their checksums (`SHA256SUMS`).

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

const LIST: &str = "SHA256SUMS";
/// Ends of names of what need not stand in a list: what is ours, and texts of licences.
const UNLISTED: [&str; 3] = [LIST, "README.md", "LICENSE"];

/// What differs from its checksum, has none, or is gone.
pub fn complaints(root: &Path) -> Result<Vec<String>> {
    let mut lists = Vec::new();
    for top in ["proto", "services", "libs", "tests", "tools", "k8s"] {
        walk(&root.join(top), &mut |path| {
            if path.ends_with(LIST) {
                lists.push(path);
            }
        })?;
    }
    let mut found = Vec::new();
    for list in lists {
        let folder = list.parent().context("a list stands in a folder")?;
        check(folder, &list, &mut found).with_context(|| list.display().to_string())?;
    }
    found.iter_mut().for_each(|one| *one = one.replace(&format!("{}/", root.display()), ""));
    Ok(found)
}

fn check(folder: &Path, list: &Path, found: &mut Vec<String>) -> Result<()> {
    let text = fs::read_to_string(list)?;
    let sums = text.lines().map(|line| line.split_once("  ").context("a line is a checksum, two spaces and a path"));
    let sums: Vec<(&str, PathBuf)> =
        sums.map(|sum| sum.map(|(sum, path)| (sum, folder.join(path)))).collect::<Result<_>>()?;
    for (sum, path) in &sums {
        match fs::read(path) {
            Ok(bytes) if hex::encode(Sha256::digest(&bytes)) == *sum => {}
            Ok(_) => found
                .push(format!("{}: is not as {LIST} has it: take the file as its makers publish it", path.display())),
            Err(_) => found.push(format!("{}: {LIST} names it, and it is not there", path.display())),
        }
    }
    walk(folder, &mut |path| {
        let is_free = UNLISTED.iter().any(|end| path.to_string_lossy().ends_with(end));
        if !is_free && !sums.iter().any(|(_, known)| *known == path) {
            found.push(format!("{}: has no checksum in {LIST}", path.display()));
        }
    })
}

fn walk(dir: &Path, visit: &mut dyn FnMut(PathBuf)) -> Result<()> {
    let Ok(entries) = fs::read_dir(dir) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        let is_elsewhere = path.ends_with("target") || path.ends_with("node_modules");
        if path.is_dir() && !is_elsewhere {
            walk(&path, visit)?;
        } else if path.is_file() {
            visit(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_changed_missing_or_unknown_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let vendor = folder.path().join("proto/vendor");
        fs::create_dir_all(vendor.join("in")).unwrap();
        let write = |name: &str, text: &str| fs::write(vendor.join(name), text).unwrap();
        let sum = hex::encode(Sha256::digest(b"as it was"));
        write(LIST, &format!("{sum}  in/same\n{sum}  changed\n{sum}  gone\n"));
        write("README.md", "ours");
        write("in/same", "as it was");
        write("changed", "another");
        write("unknown", "a file");
        let found = complaints(folder.path()).unwrap();
        let of = |name: &str| found.iter().filter(|one| one.starts_with(&format!("proto/vendor/{name}:"))).count();
        assert_eq!(
            (found.len(), of("changed"), of("gone"), of("unknown"), of("in/same")),
            (3, 1, 1, 1, 0),
            "{found:?}"
        );
    }
}
