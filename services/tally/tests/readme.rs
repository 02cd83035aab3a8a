//! What the READMEs show is what the program prints today.

use std::path::Path;
use std::process::Command;

fn tally(args: &[&str]) -> String {
    tally_in("C.UTF-8", args)
}

fn tally_in(lang: &str, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tally"));
    let output = command.env_clear().env("LANG", lang).args(args).output().expect("the binary runs");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The lines of the block that holds `mark`; `..` stands for what was left out.
fn shown(readme: &str, mark: &str) -> Vec<String> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(readme)).expect(readme);
    let block = text.split("```").skip(1).step_by(2).find(|block| block.contains(mark));
    let block = block.unwrap_or_else(|| panic!("{readme} shows no {mark:?}"));
    block.lines().map(str::trim_end).filter(|line| !line.is_empty() && *line != "..").map(str::to_owned).collect()
}

/// Each line is printed, in the order in which it is shown.
fn printed(readme: &str, mark: &str, output: &str) {
    let mut lines = output.lines().map(str::trim_end);
    for line in shown(readme, mark) {
        assert!(lines.any(|printed| printed == line), "{readme} shows what is not printed (there): {line}\n{output}");
    }
}

#[test]
fn the_readmes_show_what_is_printed() {
    let dir = tempfile::TempDir::new().expect("a folder");
    let path = |name: &str| dir.path().join(name).to_str().expect("UTF-8").to_owned();
    let (bundle, result, again) = (path("my-month"), path("result"), path("result-2"));
    printed("README.md", "20,000 service records", &tally(&["demo", "--once", "--bundle", &bundle]));
    tally(&["close", &bundle, "--out", &result]);
    let explained = tally(&["close", &bundle, "--out", &again, "--explain", "10023"]);
    printed("README.md", "The score, step by step", &explained);
    let replayed = tally(&["replay", &result]);
    printed("README.md", "identical:", &replayed);
    let (bundle, result) = (path("my-month-zh"), path("result-zh"));
    let shown = tally_in("zh_CN.UTF-8", &["demo", "--once", "--lang", "zh-CN", "--bundle", &bundle]);
    printed("README.zh-CN.md", "20,000 条服务记录", &shown);
    tally_in("zh_CN.UTF-8", &["close", &bundle, "--lang", "zh-CN", "--out", &result]);
    printed("README.zh-CN.md", "一致：", &tally_in("zh_CN.UTF-8", &["replay", &result]));
}
