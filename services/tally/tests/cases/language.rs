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
        "contributors",
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
    let case = Case::new(&[("records.csv", RECORDS), ("policy.yaml", "version: 4\ngrace: 5\ncut_over: noon\n")], &[]);
    let output = case.run(&["close", text(&case.bundle()), "--lang", "zh-CN"]);
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    for part in ["policy.yaml：", "version 写的是“4”", "grace 不是已知的键", "；", "请改正这些值"]
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

/// Of each file whose cells people read: the columns of sentences.
const SENTENCES: [(&str, &[usize]); 4] =
    [("findings.csv", &[3]), ("score_cards.csv", &[13, 14]), ("statements.csv", &[11]), ("rejected.csv", &[3, 4])];

/// A word such as ZERO_SCORES.
fn code(sentence: &str) -> Option<&str> {
    let mut words = sentence.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.find(|word| word.contains('_') && word.chars().any(|c| c.is_ascii_uppercase()))
}

/// A month with all that is told of units and reasons: a mean of a column with its own unit and with one that the file wrote,
/// sales, a pool that cannot be split, and a record of nobody.
fn measured() -> Case {
    let row = |(id, at, agent, amount, quality): (&str, &str, &str, &str, &str)| {
        format!("Mart,One,mart-a,{id},2026-03-02 {at},2026-03-02 {at},{agent},chat,20,yes,5,{amount},{quality}\n")
    };
    let rows = [("T1", "09:00", "", "12.50", "8"), ("T2", "09:30", "1002", "3.00", "6"), ("T3", "20:00", "", "0", "7")];
    let records = RECORDS.replace('\n', ",quality\n") + &rows.map(row).concat();
    let kpi = |id: &str, rest: &str| format!("- {{id: {id}, {rest}, weight: 25}}\n");
    let scheme = "name: 考核\nkpis:\n".to_owned()
        + &kpi("质量", "measure: mean, of: quality, target: 8")
        + &kpi("自定", "measure: mean, of: quality, unit: points, target: 8")
        + &kpi("销售", "measure: sum, of: amount, target: 10")
        + &kpi("数量", "measure: records, target: team_median");
    let rosters = "employee_no,account,start,end\n1001,mart-a,2026-03-02 08:00,2026-03-02 12:00\n";
    let pool = "amount: 10.00\nrule: [{share: 100, by: tiers, tiers: [{name: 上, at_least: 500, weight: 1}]}]\n";
    let files =
        [("records.csv", records.as_str()), ("scheme.yaml", &scheme), ("rosters.csv", rosters), ("pool.yaml", pool)];
    Case::new(&files, &[])
}

#[test]
fn no_sentence_holds_a_code_and_units_that_nobody_wrote_are_words_of_the_reader() {
    for (language, told) in [
        (
            "en",
            [
                "质量: 8 points on 1 records",
                "自定: 8 points on",
                "Sales amount: 12.5 CNY",
                "So it is credited to nobody.",
            ],
        ),
        ("zh-CN", ["1 条记录中为 8 分", "1 条记录中为 8 points", "1 条记录中为 12.5 元", "因此不归属任何人。"]),
    ] {
        let case = measured();
        let out = case.bundle().with_file_name("result");
        let output =
            case.run(&["close", text(&case.bundle()), "--out", text(&out), "--explain", "T3", "--lang", language]);
        let shown = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(output.status.code(), Some(3), "{shown}");
        let cells = SENTENCES.into_iter().flat_map(|(name, columns)| {
            let rows = case.table(name).into_iter().skip(1);
            rows.flat_map(|row| columns.iter().map(|at| row[*at].clone()).collect::<Vec<_>>()).collect::<Vec<_>>()
        });
        let mut sentences: Vec<String> = cells.collect();
        sentences.extend(shown.split_once("T3").expect("an explanation").1.lines().map(str::to_owned));
        for sentence in &sentences {
            assert_eq!(code(sentence), None, "{sentence}");
        }
        for told in told {
            assert!(sentences.iter().any(|sentence| sentence.contains(told)), "{told}: {sentences:#?}");
        }
        let scheme = case.result("inputs/scheme.yaml");
        assert_eq!(scheme.matches("unit:").count(), 1, "what nobody wrote is not written: {scheme}");
        assert!(case.replayed().contains("identical"));
    }
}
