//! What is typed wrong is told in the reader's language: which argument or setting, what it takes, and where it was set.

use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;

fn tally(lang: &str, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tally"));
    command.env_clear().env("LANG", lang).args(args).output().expect("the binary runs")
}

fn told(lang: &str, args: &[&str]) -> String {
    let output = tally(lang, args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(64), "{args:?}: {said}");
    said
}

/// English words that are no part of the command line itself.
fn english(said: &str) -> Vec<&str> {
    let is_word = |word: &&str| word.len() > 2 && word.bytes().all(|b| b.is_ascii_lowercase());
    let words = said.split(|c: char| !c.is_ascii_alphanumeric() && !"-_.<>[]=".contains(c)).filter(is_word);
    words
        .filter(|word| {
            ![
                "tally",
                "close",
                "demo",
                "serve",
                "audit",
                "search",
                "foo",
                "pretty",
                "json",
                "many",
                "nowhere",
                "yesterday",
                "clos",
            ]
            .contains(word)
        })
        .collect()
}

#[test]
fn an_argument_that_does_not_do_is_told_with_what_it_takes() {
    for (args, english_part, chinese_part) in [
        (&["close", "x", "--from", "1.3.2026"][..], "a date, such as 2026-03-31", "日期，例如 2026-03-31"),
        (&["demo", "--recods", "5"], "is --records meant?", "是指 --records 吗"),
        (&["demo", "--records", "0"], "1 to 5000000", "应为：1 至 5000000"),
        (&["demo", "--records", "many"], "a whole number", "整数"),
        (&["demo", "--listen", "nowhere"], "127.0.0.1:7070", "127.0.0.1:7070"),
        (&["close"], "missing: <BUNDLE>", "缺少：<BUNDLE>"),
        (&["clos"], "is close meant?", "是指 close 吗"),
        (&["close", "x", "--out"], "needs a value", "需要一个值"),
        (&["close", "x", "--lang", "x1"], "one of en, zh-CN", "以下之一：en, zh-CN"),
        (&["audit", "search", "--person", "1001"], "expected: a UUID\n", "应为：UUID\n"),
        (&["audit", "search", "--subject", "a:1", "--from", "yesterday"], "with its offset", "带时差的时刻"),
    ] {
        let (en, zh) = (told("en", args), told("zh_CN.UTF-8", args));
        assert!(en.contains(english_part), "{en}");
        assert!(zh.contains(chinese_part), "{zh}");
        assert!(!en.contains("ID_MALFORMED") && !zh.contains("ID_MALFORMED"), "{en}{zh}");
        assert!(!zh.contains("应为：应为"), "{zh}");
        let sentence = zh.lines().next().expect("a sentence");
        assert_eq!(english(sentence), [""; 0], "{zh}");
    }
    assert_eq!(
        told("en", &["close", "x", "--lang=zh-CN", "--from", "x"]),
        told("zh_CN", &["close", "x", "--lang=zh-CN", "--from", "x"])
    );
    // Every command takes it, and it may stand before the command as well.
    for (with, without) in [
        (&["--lang", "zh-CN", "close", "x", "--from", "x"][..], &["close", "x", "--from", "x"][..]),
        (&["--lang=zh-CN", "keys", "rotate", "--what", "x"], &["keys", "rotate", "--what", "x"]),
        (&["keys", "rotate", "--what", "x", "--lang=zh-CN"], &["keys", "rotate", "--what", "x"]),
    ] {
        assert_eq!(told("en", with), told("zh_CN", without));
    }
}

#[test]
fn a_setting_that_does_not_do_is_told_with_what_it_takes_and_where_it_was_set() {
    let dir = TempDir::new().expect("a folder");
    let file = |name: &str, content: &str| {
        let path = dir.path().join(name);
        fs::write(&path, content).expect("a file");
        path.display().to_string()
    };
    let broken = file("broken.toml", "[server\nlisten = 1\n");
    let wrong = file("wrong.toml", "[limits]\nconcurrency = \"many\"\n");
    let unknown = file("unknown.toml", "[limits]\nconcurency = 5\n");
    let missing = dir.path().join("none.toml").display().to_string();
    for (args, parts, chinese) in [
        (
            ["--set", "server.listen=nowhere"],
            ["server.listen", "such as 127.0.0.1:7070", "command line"],
            "例如 127.0.0.1:7070",
        ),
        (["--set", "limits.concurrency=many"], ["limits.concurrency", "a whole number", "it is many"], "应为整数"),
        (
            ["--set", "limits.calls_per_second=-1"],
            ["limits.calls_per_second", "it is -1", "a whole number from 0 to 4294967295"],
            "应为整数，从 0 至 4294967295",
        ),
        (["--set", "telemetry.format=loud"], ["telemetry.format", "pretty, json", "command line"], "pretty, json"),
        (["--set", "server.listn=1"], ["server.listn", "there is no such setting", "listen"], "没有这个设置"),
        (["--services", "foo"], ["server.services", "there is no service foo", "identity"], "没有服务 foo"),
        (["--config", &broken], ["--config", "is no TOML", &broken], "不是 TOML"),
        (["--config", &wrong], ["limits.concurrency", "a whole number", &wrong], "应为整数"),
        (["--config", &unknown], ["limits.concurency", "there is no such setting", &unknown], "没有这个设置"),
        (["--config", &missing], ["--config", "there is no file", &missing], "没有文件"),
    ] {
        let args = [&["serve"][..], &args].concat();
        let (en, zh) = (told("en", &args), told("zh_CN.UTF-8", &args));
        assert!(parts.iter().all(|part| en.contains(part)), "{en}");
        assert!(zh.contains(chinese) && zh.contains(parts[0]), "{zh}");
    }
}

#[cfg(unix)]
#[test]
fn an_argument_that_is_no_text_is_told_and_ends_nothing_badly() {
    use std::os::unix::ffi::OsStrExt as _;

    let mut command = Command::new(env!("CARGO_BIN_EXE_tally"));
    let typed = command.env_clear().args(["user", "create"]).arg(std::ffi::OsStr::from_bytes(b"\xff"));
    let output = typed.output().expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("no UTF-8 text"), "{said}");
}

#[test]
fn a_group_that_cannot_be_made_is_told_field_by_field_in_the_readers_language() {
    let folder = tempfile::TempDir::new().expect("a folder");
    fs::write(folder.path().join("password"), "short\n").expect("a file");
    let args = ["init", "--name", "A", "--currency", "ZZZ", "--zone", "Mars/X", "--regions", "a b"];
    let mut init = Command::new(env!("CARGO_BIN_EXE_tally"));
    init.env_clear().env("LANG", "zh_CN.UTF-8").current_dir(folder.path()).args(args);
    let output = init.args(["--password-file", "password"]).output().expect("the binary runs");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(!output.status.success(), "{said}");
    for field in ["currency", "zone", "regions", "admin_password"] {
        let line = said.lines().find(|line| line.trim_start().starts_with(field)).unwrap_or_else(|| panic!("{said}"));
        let what = line.split_once('：').unwrap_or_else(|| panic!("no colon of Chinese: {line}")).1;
        assert!(what.contains(|c: char| ('一'..='龥').contains(&c)), "{line}");
    }
}

#[test]
fn a_file_that_a_switch_names_and_nobody_can_read_is_a_wrong_command_line() {
    for args in [
        &["tenant", "export", "--out", "nowhere", "--token-file", "/nowhere/x"][..],
        &["init", "--name", "A group", "--password-file", "/nowhere/x"],
        &["init", "--name", "A group", "--invitation-file", "/nowhere/x"],
    ] {
        let switch = args[args.len() - 2];
        let [english, chinese] = ["C.UTF-8", "zh_CN.UTF-8"].map(|lang| told(lang, args));
        assert!(english.contains(&format!("{switch}: cannot read /nowhere/x: it is not there")), "{english}");
        assert!(chinese.contains(&format!("{switch}：无法读取 /nowhere/x：不存在")), "{chinese}");
    }
}
