//! `--help` is in the reader's language, on every command, and fits a terminal of 80 columns.

use std::process::Command;

use clap::CommandFactory as _;
use tally_suite::cli::Cli;
use unicode_width::UnicodeWidthStr as _;

const COLUMNS: usize = 80;

/// What is typed as it is in every language: values, and names of files and services.
const NAMES: [&str; 9] = ["admin", "attendance", "auditor", "data", "file", "help", "identity", "local", "master"];

/// What is typed for every command: nothing for the whole, `keys rotate`.
fn commands() -> Vec<Vec<String>> {
    fn walk(command: &clap::Command, path: &[String], into: &mut Vec<Vec<String>>) {
        into.push(path.to_vec());
        for below in command.get_subcommands() {
            walk(below, &[path, &[below.get_name().to_owned()]].concat(), into);
        }
    }
    let mut all = Vec::new();
    walk(&Cli::command(), &[], &mut all);
    all
}

fn tally(lang: &str, args: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tally"));
    command.env_clear().env("LANG", lang).args(args).output().expect("the binary runs")
}

fn page(lang: &str, path: &[String], flag: &str) -> String {
    let args: Vec<&str> = path.iter().map(String::as_str).chain([flag]).collect();
    let output = tally(lang, &args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// English words beside the names of commands, files and settings.
fn english<'t>(text: &'t str, names: &[&str]) -> Vec<&'t str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"-_./:=".contains(c));
    words
        .filter(|word| word.len() > 1 && word.bytes().all(|b| b.is_ascii_lowercase()))
        .filter(|word| !names.contains(word))
        .collect()
}

#[test]
fn in_chinese_no_line_of_any_help_holds_an_english_word() {
    let commands = commands();
    let names: Vec<&str> = commands.iter().flatten().map(String::as_str).chain(NAMES).chain(["tally"]).collect();
    let names = [names, tally_kernel::Locale::ALL.map(tally_kernel::Locale::tag).to_vec()].concat();
    for path in &commands {
        let page = page("zh_CN.UTF-8", path, "--help");
        for line in page.lines() {
            assert_eq!(english(line, &names), [""; 0], "tally {}: {line}", path.join(" "));
        }
        assert!(page.contains("用法：tally") && page.contains("选项：\n") && page.contains("显示帮助"), "{page}");
    }
    let english_page = page("en", &[], "--help");
    assert!(english(&english_page, &names).len() > 50, "the check knows English when it reads it: {english_page}");
}

#[test]
fn every_help_fits_a_terminal_and_is_the_same_however_it_is_asked_for() {
    for path in commands() {
        for lang in ["en", "zh_CN.UTF-8"] {
            let page = page(lang, &path, "--help");
            for line in page.lines() {
                assert!(line.width() <= COLUMNS, "{}: {line}", line.width());
                assert_eq!(line, line.trim_end(), "nothing stands at the end of a line");
            }
            assert_eq!(page, self::page(lang, &path, "-h"));
        }
    }
}

#[test]
fn the_language_is_that_of_the_flag_before_that_of_the_environment() {
    let own = |lang: &str, args: &[&str]| String::from_utf8(tally(lang, args).stdout).expect("UTF-8");
    assert_eq!(own("en", &["close", "--lang", "zh-CN", "--help"]), own("zh_CN.UTF-8", &["close", "--help"]));
    assert_eq!(own("zh_CN.UTF-8", &["close", "--lang=en", "--help"]), own("en", &["close", "--help"]));
    assert_eq!(own("zh_CN.UTF-8", &["help", "keys", "rotate"]), own("zh_CN.UTF-8", &["keys", "rotate", "--help"]));
    assert!(own("zh_CN.UTF-8", &["help", "help"]).contains("显示本页"));
}

#[test]
fn whoever_types_half_a_command_is_shown_the_rest_in_the_same_language() {
    for args in [&[][..], &["keys"]] {
        let output = tally("zh_CN.UTF-8", args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(said.contains("命令：\n") && !said.contains("Commands"), "{said}");
    }
}
