//! The key file: for its owner only, with and without a passphrase, one line more at a rotation.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use tally_store::Keys;
use tempfile::TempDir;

fn place() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("seal.key");
    (dir, path)
}

fn mode(path: &PathBuf) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_key_file_is_made_for_its_owner_only_and_read_again() {
    let (_dir, path) = place();
    assert_eq!(Keys::open(&path, None).unwrap_err().reason(), "KEYS_UNUSABLE");
    Keys::open_or_init(&path, None).unwrap();
    assert_eq!(mode(&path), 0o600);
    let text = fs::read_to_string(&path).unwrap();
    Keys::open_or_init(&path, None).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text, "an existing file is kept");

    fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
    let refused = Keys::open(&path, None).unwrap_err();
    assert!(
        tally_i18n::sentence(tally_kernel::Locale::En, &refused).contains("chmod 600"),
        "{}",
        tally_i18n::sentence(tally_kernel::Locale::En, &refused)
    );
}

#[test]
fn a_protected_file_wants_its_passphrase_and_says_what_to_set() {
    let (_dir, path) = place();
    Keys::open_or_init(&path, Some("first words")).unwrap();
    let missing = Keys::open(&path, None).unwrap_err();
    assert_eq!(missing.reason(), "KEYS_PASSPHRASE_MISSING");
    assert!(
        tally_i18n::sentence(tally_kernel::Locale::En, &missing).contains("TALLY_KEYS_PASSPHRASE_FILE"),
        "{}",
        tally_i18n::sentence(tally_kernel::Locale::En, &missing)
    );
    let wrong = Keys::open(&path, Some("other words")).unwrap_err();
    assert_eq!(wrong.reason(), "KEYS_PASSPHRASE_WRONG");
    Keys::open(&path, Some("first words")).unwrap();

    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, &text[..text.len() - 30]).unwrap();
    let damaged = Keys::open(&path, Some("first words")).unwrap_err();
    assert_eq!(damaged.reason(), "KEYS_UNUSABLE");
    assert!(
        tally_i18n::sentence(tally_kernel::Locale::En, &damaged).contains("sign 1"),
        "{}",
        tally_i18n::sentence(tally_kernel::Locale::En, &damaged)
    );
}

#[test]
fn protecting_a_file_or_changing_its_passphrase_keeps_its_keys_and_its_owner() {
    let (_dir, path) = place();
    let keys = Keys::open_or_init(&path, None).unwrap();
    let clear = fs::read_to_string(&path).unwrap();
    keys.protect("first words").unwrap();
    keys.protect("second words").unwrap();
    assert_eq!(mode(&path), 0o600);
    let sealed = fs::read_to_string(&path).unwrap();
    for key in clear.lines().skip(1).filter_map(|line| line.split(' ').nth(2)) {
        assert!(!sealed.contains(key), "a key in clear");
    }
    assert_eq!(Keys::open(&path, Some("first words")).unwrap_err().reason(), "KEYS_PASSPHRASE_WRONG");
    Keys::open(&path, Some("second words")).unwrap();
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn two_processes_that_add_a_master_key_each_add_their_own() {
    let (_dir, path) = place();
    let (one, other) = (Keys::open_or_init(&path, None).unwrap(), Keys::open(&path, None).unwrap());
    assert_eq!((one.add_master().unwrap(), other.add_master().unwrap()), (2, 3));
    let text = fs::read_to_string(&path).unwrap();
    let ids: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("wrap ")).map(|line| &line[..1]).collect();
    assert_eq!(ids, ["1", "2", "3"]);
}

#[test]
fn new_keys_are_in_no_file_before_they_are_kept_and_those_that_another_made_meanwhile_win() {
    let (_dir, path) = place();
    let (one, other) = (Keys::open_or_fresh(&path, None).unwrap(), Keys::open_or_fresh(&path, None).unwrap());
    assert!(!path.exists());
    one.keep().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    other.keep().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert_eq!(mode(&path), 0o600);
    assert_eq!(other.add_master().unwrap(), 2, "it works on the file that is there");
    one.keep().unwrap();
    assert!(fs::read_to_string(&path).unwrap().starts_with(&text[..40]), "what is kept is not written again");
}
