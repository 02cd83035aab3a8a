//! Snapshots of the whole suite as plain text, reviewed like code.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Compares `text` with `tests/snapshots/{name}.txt`; with `TALLY_UPDATE_SNAPSHOTS=1` writes it instead.
pub fn check(name: &str, text: &str) {
    let path = folder().join(format!("{name}.txt"));
    #[expect(clippy::disallowed_methods, reason = "a switch of the tests, not a setting of the product")]
    let update = std::env::var("TALLY_UPDATE_SNAPSHOTS").is_ok_and(|v| v == "1");
    if update {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder of snapshots");
        std::fs::write(&path, text).expect("a snapshot");
        return;
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    let first = known.lines().zip(text.lines()).find(|(a, b)| a != b);
    assert!(
        known == text,
        "{} differs (first: {first:?}); run again with TALLY_UPDATE_SNAPSHOTS=1 and review the change",
        path.display()
    );
}

/// The committed texts of a folder, by file name.
pub fn all(name: &str) -> BTreeMap<String, String> {
    let files = std::fs::read_dir(folder().join(name)).expect("a folder of snapshots");
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a snapshot");
        (path.file_name().expect("a name").to_string_lossy().into_owned(), text)
    };
    files.map(|file| read(file.expect("a file").path())).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots")
}
