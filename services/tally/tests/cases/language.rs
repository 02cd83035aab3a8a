//! What people read is in their language; what programs read is not.

use std::fs;
use std::process::Command;

use crate::case::{Case, RECORDS, text};

/// Rows with something to be said about each of them: findings, rejected rows, a pool that cannot be split.
fn troubled() -> Case {
    let rows = "平台,店铺,客服账号,会话ID,开始时间,结束时间,客服,会话类型,首响(秒),是否解决,满意度,金额,买家,打分\n\
        Mart,One,mart-a,T1,2026-03-02 09:00,2026-03-02 09:05,1001,chat,,,,,#N/A,x\n\
        Mart,One,mart-a,T1,2026-03-02 09:00,2026-03-02 09:05,1001,chat,,,,,#N/A,x\n\
        Mart,One,mart-a,T2,2026-03-02 09:06,2026-03-02 09:01,,chat,x,也许,-1,-5,2.2E+12,\n\
        Mart,One,mart-b,T3,2026-03-02,2026-03-02 09:01,42,chat,,,,1.234,,\n\
        Mart,One,mart-a,T4,2026-02-02 09:00,2026-02-02 09:01,1001,chat,,,,,,\n";
    let rosters = "工号,账号,开始,结束,备注\n1001,mart-a,2026-03-02 17:00,2026-03-02 09:00,x\nAnn,mart-a,2026-03-02 08:00,2026-03-02 09:30,\n";
    let files = [
        ("records.csv", rows),
        ("rosters.csv", rosters),
        ("aliases.csv", ""),
        ("roster.csv", "x\n"),
        (
            "pool.yaml",
            "amount: 10.00\nrule:\n  - {share: 100, by: tiers, tiers: [{name: top, at_least: 500, weight: 1}]}\n",
        ),
    ];
    Case::new(&files, &[])
}

/// Runs of three and more small letters that are no name of a column, a file, a key or a value.
fn english(sentence: &str) -> Vec<String> {
    let names = [
        "records",
        "rosters",
        "punches",
        "handovers",
        "findings",
        "people",
        "accounts",
        "aliases",
        "rejected",
        "group",
        "roster",
        "csv",
        "yaml",
        "mart",
        "chat",
        "refund",
        "numbers",
        "decimal",
        "grouping",
        "true",
        "false",
        "yes",
        "null",
        "external",
        "started",
        "ended",
        "agent",
        "first",
        "reply",
        "seconds",
        "rating",
        "amount",
        "resolved",
        "customer",
        "period",
        "employee",
        "start",
        "end",
        "account",
        "from",
        "spreadsheet",
        "pool",
    ];
    let words = sentence.split(|c: char| !c.is_ascii_alphabetic());
    let small = words.filter(|word| word.len() > 2 && word.bytes().all(|b| b.is_ascii_lowercase()));
    small.filter(|word| !names.contains(word)).map(str::to_owned).collect()
}

#[test]
fn every_reason_cure_and_finding_is_chinese_where_that_is_asked_for_and_codes_stay() {
    let (zh, en) = (troubled(), troubled());
    assert_eq!(zh.close_with(&["--lang", "zh-CN"]), 3);
    assert_eq!(en.close(), 3);
    for (name, sentences) in [("rejected.csv", 3..5), ("findings.csv", 3..4)] {
        let (zh, en) = (zh.table(name), en.table(name));
        assert_eq!((zh.len(), zh[0].len()), (en.len(), en[0].len()), "{name}");
        assert!(zh.len() > 4, "{name}: {zh:?}");
        let mut codes = [Vec::new(), Vec::new()];
        for (rows, codes) in [&zh, &en].into_iter().zip(&mut codes) {
            codes.extend(
                rows.iter().skip(1).map(|row| if name == "rejected.csv" { row[5].clone() } else { row[0].clone() }),
            );
            codes.sort();
        }
        assert_eq!(codes[0], codes[1], "{name}");
        for row in zh.iter().skip(1) {
            for sentence in &row[sentences.clone()] {
                assert!(sentence.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{name}: {sentence}");
                assert_eq!(english(sentence), [""; 0], "{name}: {sentence}");
            }
        }
    }
    let first = &zh.table("rejected.csv")[1];
    assert_eq!(first[..3], ["records.csv", "4", "first_reply_seconds"]);
    assert_eq!(first[5], "NO_NUMBER", "the code is that of the first thing that is wrong: {first:?}");
    assert!(zh.result("inputs/reading.csv").contains("只计一次"), "what was found is kept as it was said");
    for case in [&zh, &en] {
        assert!(case.replayed().contains("identical"), "{}", case.replayed());
    }
}

#[test]
fn the_language_is_that_of_the_environment_unless_one_is_named() {
    let case = troubled();
    let missing = case.bundle().join("people.csv");
    fs::remove_file(&missing).expect("removed");
    let said = |variables: &[(&str, &str)], args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tally"));
        command.env_clear().envs(variables.iter().copied()).args(["close", text(&case.bundle())]).args(args);
        let output = command.output().expect("the binary runs");
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).expect("UTF-8")
    };
    let chinese = |said: &str| said.contains("中没有此文件");
    assert!(chinese(&said(&[("LANG", "zh_CN.UTF-8")], &[])));
    assert!(chinese(&said(&[("LANG", "en_US.UTF-8"), ("LC_ALL", "zh_CN")], &[])));
    assert!(chinese(&said(&[("LANG", "de_DE")], &["--lang", "zh-CN"])));
    for (variables, args) in
        [(vec![], vec![]), (vec![("LANG", "C")], vec![]), (vec![("LANG", "zh_CN")], vec!["--lang", "en"])]
    {
        let said = said(&variables, &args);
        assert!(said.contains("people.csv: it is missing from ") && !chinese(&said), "{said}");
    }
}

#[test]
fn settings_are_refused_in_chinese_too() {
    let case = Case::new(&[("records.csv", RECORDS), ("policy.yaml", "version: 3\ngrace: 5\ncut_over: noon\n")], &[]);
    let output = case.run(&["close", text(&case.bundle()), "--lang", "zh-CN"]);
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    for part in ["policy.yaml：", "version 写的是“3”", "grace 不是已知的键", "；", "请改正这些值"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn what_is_said_over_a_failure_is_in_its_language_too() {
    let case = Case::new(&[], &[("T1", "2026-03-02 09:00", ""), ("T2", "backwards", "")]);
    fs::write(
        case.bundle().join("rosters.csv"),
        "employee_no,account,start,end\n1001,mart-a,2026-03-09 09:00,2026-03-09 12:00\n",
    )
    .expect("a file");
    let out = case.bundle().with_file_name("result");
    let output = case.run(&["close", text(&case.bundle()), "--out", text(&out), "--lang", "zh-CN"]);
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2), "{said}");
    let told = said.strip_prefix("tally: ").expect("one sentence").replace(&out.display().to_string(), "");
    assert_eq!(english(&told), [""; 0], "{said}");
}
