//! The files of the tree.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

/// Adds the files below a folder that end in an extension.
pub fn walk(dir: &Path, extension: &str, into: &mut Vec<PathBuf>) -> Result<()> {
    let Ok(entries) = fs::read_dir(dir) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|n| n == "target" || n == "node_modules");
        if path.is_dir() && !hidden {
            walk(&path, extension, into)?;
        } else if path.extension().is_some_and(|e| e == extension) {
            into.push(path);
        }
    }
    Ok(())
}

/// A path as it stands in the repository.
pub fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
