//! A start that is refused: which setting or which file, what to do, in the reader's language, with the code that the README
//! gives; and nothing is left behind by it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// The command line or a setting is wrong.
const SETTING: i32 = 64;
/// Something else is.
const FAILED: i32 = 1;
const SECRET: &str = "geheim-7";

/// What a command says in English and in Chinese when it is refused with this code; it never says the secret.
#[track_caller]
fn refused(folder: &Path, args: &[&str], code: i32) -> [String; 2] {
    ["C.UTF-8", "zh_CN.UTF-8"].map(|language| {
        let output = tally(folder, args, language);
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(output.stdout.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
        assert!(said.starts_with("tally: ") && !said.contains(SECRET), "{args:?}: {said}");
        said
    })
}

fn tally(folder: &Path, args: &[&str], language: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tally"));
    command.env_clear().env("LANG", language).current_dir(folder).args(args);
    command.output().expect("the binary runs")
}

#[track_caller]
fn says([english, chinese]: &[String; 2], in_english: &str, in_chinese: &str, in_both: &[&str]) {
    assert!(english.contains(in_english), "{english}");
    assert!(chinese.contains(in_chinese), "{chinese}");
    for told in [english, chinese] {
        assert!(in_both.iter().all(|word| told.contains(word)), "{told}");
    }
}

fn serve<'a>(sets: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["serve", "--listen", "127.0.0.1:0"];
    args.extend(sets.iter().flat_map(|set| ["--set", set]));
    args
}

#[test]
fn a_database_that_is_away_is_told_with_its_address_by_serve_and_migrate() {
    let folder = TempDir::new().expect("a folder");
    let url = format!("database.url=postgres://tally_{{service}}:{SECRET}@nowhere.invalid/tally");
    let told = refused(folder.path(), &serve(&[&url]), FAILED);
    says(&told, "no host has this name", "没有这个主机名", &["nowhere.invalid:5432", "database.url"]);
    let owner = format!("database.owner_url=postgres://owner:{SECRET}@nowhere.invalid/tally");
    let told = refused(folder.path(), &["migrate", "--set", &url, "--set", &owner], FAILED);
    says(&told, "no host has this name", "没有这个主机名", &["nowhere.invalid:5432", "database.owner_url"]);
}

#[test]
fn a_database_url_that_cannot_be_read_is_a_wrong_setting() {
    let folder = TempDir::new().expect("a folder");
    let url = format!("database.url=postgres://tally_{{service}}:{SECRET}/a@host:port/tally");
    says(&refused(folder.path(), &serve(&[&url]), SETTING), "cannot be read", "无法识别", &["database.url", "%40"]);
}

#[test]
fn a_damaged_file_is_told_by_every_command_that_opens_it() {
    let folder = TempDir::new().expect("a folder");
    fs::create_dir(folder.path().join("tally-data")).expect("a folder");
    fs::write(folder.path().join("tally-data/identity.db"), "no database. ".repeat(99)).expect("a file");
    for args in [&serve(&[])[..], &["migrate"], &["serve", "--sample", "--listen", "127.0.0.1:0"]] {
        let told = refused(folder.path(), args, FAILED);
        says(&told, "put it back from your backup", "请从备份恢复", &["tally-data/identity.db"]);
    }
}
