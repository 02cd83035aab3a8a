//! Members write no version and no lint of their own, so that a bump is one line and a package never rebuilds another.

use std::path::Path;

use anyhow::{Context as _, Result};
use toml::{Table, Value};

/// Generated: `cargo hakari verify` says whether it is as it should be.
const HACK: &str = "workspace-hack";
/// `libs/api` has lints of its own: the generated modules carry `#![allow(..)]`.
const OWN_LINTS: &[&str] = &["libs/api"];

/// What is wrong with the members' manifests.
pub fn complaints(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for folder in ["libs", "services", "tools"] {
        for entry in std::fs::read_dir(root.join(folder))? {
            let dir = entry?.path();
            if dir.join("Cargo.toml").exists() && !dir.ends_with(HACK) {
                check(root, &dir, &mut found)?;
            }
        }
    }
    check(root, &root.join("tests"), &mut found)?;
    found.sort();
    Ok(found)
}

fn check(root: &Path, dir: &Path, found: &mut Vec<String>) -> Result<()> {
    let name = dir.strip_prefix(root)?.display().to_string();
    let text = std::fs::read_to_string(dir.join("Cargo.toml"))?;
    let manifest: Table = text.parse().with_context(|| format!("{name}/Cargo.toml"))?;
    let lints = manifest.get("lints").and_then(|l| l.get("workspace")).and_then(Value::as_bool);
    if lints != Some(true) && !OWN_LINTS.contains(&name.as_str()) {
        found.push(format!("{name}: write `[lints] workspace = true`"));
    }
    if manifest.get("dependencies").and_then(|deps| deps.get(HACK)).is_none() {
        found.push(format!(
            "{name}: write `{HACK}.workspace = true` in [dependencies], or run `cargo hakari manage-deps`"
        ));
    }
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let Some(Value::Table(deps)) = manifest.get(section) else { continue };
        for (dep, spec) in deps {
            if spec.get("workspace").and_then(Value::as_bool) != Some(true) || spec.get("features").is_some() {
                found.push(format!("{name}: `{dep}` in [{section}] must be `{dep}.workspace = true` and nothing else"));
            }
        }
    }
    Ok(())
}
