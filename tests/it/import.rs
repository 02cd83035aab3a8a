//! `tally import`: a bundle into a running suite, in pieces, again, and beside facts that contradict it.

mod moved;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tally_bundle::{Bundle, Options, read_bundle};
use tally_suite::close::Crew;
use tally_suite::sample::{Lang, sample};

use crate::journey::PASSWORD;
use crate::stack::Stack;

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_goes_into_one_process_in_pieces_and_nothing_is_there_twice() {
    let mut stack = Stack::one_process(None).await;
    brought_in(&stack).await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_goes_into_five_processes_in_pieces_and_nothing_is_there_twice() {
    let mut stack = Stack::five_processes(None).await;
    brought_in(&stack).await;
    stack.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_names_the_service_that_is_away_and_goes_on_once_it_is_back() {
    let mut stack = Stack::five_processes(None).await;
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    sample(7, 300, Lang::En).write_bundle(dir).expect("a bundle");
    let bundle = read_bundle(dir, Options::default(), &mut |_, _| {}).expect("a sound bundle").bundle;
    let crew = Crew::hire(&stack.channels, &bundle, PASSWORD).await.expect("a crew");
    let token = stack.folder.path().join("token-of-import");
    std::fs::write(&token, crew.hr.token()).expect("a file");
    stack.kill("performance").await;
    let (code, said) = import(&stack, dir, &token, &["--lang", "en"]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the service performance could not be reached; nothing is lost"), "{said}");
    assert!(!said.contains("group_hr"), "the account is not to blame: {said}");
    stack.start_again("performance").await;
    let (code, said) = import(&stack, dir, &token, &["--json"]).await;
    assert_eq!(code, Some(0), "{said}");
    stack.stop().await;
}

async fn brought_in(stack: &Stack) {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    sample(7, 1_500, Lang::En).write_bundle(dir).expect("a bundle");
    let whole = std::fs::read_to_string(dir.join("records.csv")).expect("records");
    let bundle = read_bundle(dir, Options::default(), &mut |_, _| {}).expect("a sound bundle").bundle;
    let crew = Crew::hire(&stack.channels, &bundle, PASSWORD).await.expect("a crew");
    let token = stack.folder.path().join("token-of-import");
    std::fs::write(&token, crew.hr.token()).expect("a file");
    let import = async |more: &[&str]| import(stack, dir, &token, more).await;

    killed_while_it_counts(stack, dir, &token).await;
    // As after a connection that broke half-way.
    let replies = std::fs::read_to_string(dir.join("replies.csv")).expect("replies");
    halve(dir, &whole, &replies);
    let (code, first) = import(&["--json"]).await;
    assert_eq!(code, Some(0), "{first}");
    let first: Value = serde_json::from_str(&first).expect("a report");
    adds_up(&first);
    assert_eq!((&first["before"]["records"], &first["after"]["records"]), (&0.into(), &700.into()));

    std::fs::write(dir.join("records.csv"), &whole).expect("all records");
    std::fs::write(dir.join("replies.csv"), &replies).expect("all replies");
    let (code, second) = import(&["--json"]).await;
    assert_eq!(code, Some(0), "{second}");
    let second: Value = serde_json::from_str(&second).expect("a report");
    adds_up(&second);
    assert_eq!(second["before"], first["after"], "{}", stack.name);
    let records = &rows(&second, "records.csv");
    assert_eq!((records["unchanged"].as_u64(), records["refused"].as_u64()), (Some(700), Some(0)));
    assert_eq!(records["written"].as_u64(), Some(bundle.records.len() as u64 - 700));
    let after = &second["after"];
    for (what, brought) in brings(&bundle) {
        assert_eq!(after[what].as_i64(), Some(brought), "{}: {what}", stack.name);
    }

    // The last row names another customer, in a file that somebody edited.
    let (head, _) = whole.trim_end().rsplit_once(',').expect("cells");
    std::fs::write(dir.join("records.csv"), format!("{head},somebody-else\n")).expect("the records");
    let (code, third) = import(&["--json", "--plain-csv"]).await;
    assert_eq!(code, Some(3), "{third}");
    let third: Value = serde_json::from_str(&third).expect("a report");
    adds_up(&third);
    assert_eq!((&third["before"], &third["after"]), (after, after), "{}: nothing changed", stack.name);
    assert_eq!(third["refused"].as_u64(), Some(1));
    assert!(third["files"].as_array().expect("files").iter().all(|file| file["written"] == 0), "{third}");
    let refused = std::fs::read_to_string(dir.join("out").join("refused.csv")).expect("refused.csv");
    assert_eq!(refused.lines().count(), 2, "{refused}");
    let external_id = head.rsplit('\n').next().and_then(|row| row.split(',').nth(3)).expect("an external id");
    let row = refused.lines().nth(1).expect("the row");
    assert!(
        row.starts_with(&format!("records.csv,{external_id},")) && row.ends_with(",DIFFERENT_CONTENT"),
        "{refused}"
    );
    assert!(refused.starts_with("file,row,reason,cure,code\n") && row.contains("overwrites nothing"), "{refused}");

    // A bundle that cannot be used leaves its rejected rows, and the report of the import before under a name that says so.
    let accounts: String = whole.lines().skip(1).map(|row| format!("Nowhere{row}\n")).collect();
    let head_row = whole.lines().next().expect("a header");
    std::fs::write(dir.join("records.csv"), format!("{head_row}\n{accounts}")).expect("the records");
    let (code, said) = import(&[]).await;
    assert_eq!(code, Some(2), "{said}");
    let left = std::fs::read_dir(dir.join("out")).expect("the folder").map(|file| file.expect("a file").file_name());
    let mut left: Vec<_> = left.collect();
    left.sort();
    assert_eq!(left, ["earlier-refused.csv", "earlier-report.json", "rejected.csv"], "{said}");
    assert!(said.contains("rejected.csv"), "{said}");

    std::fs::write(dir.join("records.csv"), &whole).expect("the records");
    let (_, page) = import(&["--lang", "zh-CN"]).await;
    assert!(page.contains("导入前") && page.contains("被拒") && !page.contains("IMPORT_"), "{page}");
}

/// Leaves the first 700 records in a bundle, and the messages of these.
fn halve(dir: &Path, records: &str, replies: &str) {
    let some: Vec<&str> = records.lines().take(701).collect();
    let ids: BTreeSet<_> = some.iter().filter_map(|row| row.split(',').nth(3)).collect();
    let of_some = replies.lines().filter(|row| row.split(',').nth(1).is_some_and(|id| ids.contains(id)));
    std::fs::write(dir.join("records.csv"), some.join("\n")).expect("half of the records");
    std::fs::write(dir.join("replies.csv"), of_some.collect::<Vec<_>>().join("\n")).expect("half of the replies");
}

/// Ends the command by force as soon as it has read the bundle and asks the suite what is there: nothing is left that the next
/// one would stumble over.
async fn killed_while_it_counts(stack: &Stack, dir: &Path, token: &Path) {
    let out = dir.join("out");
    let mut command = stack.tally(&["import", "--token-file"]);
    command.arg(token).arg(dir).arg("--out").arg(&out).stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = command.spawn().expect("the program runs");
    while !out.join("rejected.csv").exists() {
        assert!(process.try_wait().expect("its state").is_none(), "{}: it ended by itself", stack.name);
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    process.kill().await.expect("it is killed");
    assert!(!out.join("report.json").exists(), "{}", stack.name);
}

/// Runs the command: its exit code, and what it printed.
async fn import(stack: &Stack, dir: &Path, token: &Path, more: &[&str]) -> (Option<i32>, String) {
    let (code, out, error) = printed(stack, dir, token, more).await;
    (code, if out.is_empty() { error } else { out })
}

/// The same, with what it printed on the standard output and on the error stream.
async fn printed(stack: &Stack, dir: &Path, token: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let mut command = stack.tally(&["import", "--token-file"]);
    command.arg(token).arg(dir).arg("--out").arg(dir.join("out")).args(more);
    let ran = command.output().await.expect("the program runs");
    let [out, error] = [&ran.stdout, &ran.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    (ran.status.code(), out, error)
}

fn rows(report: &Value, file: &str) -> Value {
    let files = report["files"].as_array().expect("files").iter();
    files.into_iter().find(|one| one["file"] == file).cloned().expect("the file")
}

/// Every line says what became of all rows, and the suite holds more by what was written.
fn adds_up(report: &Value) {
    let number = |of: &Value, key: &str| of[key].as_u64().unwrap_or_else(|| panic!("{key}: {of}"));
    let parts = ["written", "unchanged", "revised", "refused", "rejected", "left_out"];
    for line in report["files"].as_array().expect("files") {
        assert_eq!(number(line, "read"), parts.iter().map(|part| number(line, part)).sum::<u64>(), "{line}");
    }
    for (file, held) in [
        ("org units", "units"),
        ("people.csv", "people"),
        ("accounts.csv", "accounts"),
        ("rosters.csv", "shifts"),
        ("punches.csv", "punches"),
        ("handovers.csv", "handovers"),
        ("aliases.csv", "aliases"),
        ("devices.csv", "devices"),
        ("records.csv", "records"),
        ("claims.csv", "claims"),
    ] {
        let more = number(&report["after"], held) - number(&report["before"], held);
        let written = report["files"].as_array().expect("files").iter().find(|one| one["file"] == file);
        assert_eq!(written.map_or(0, |rows| number(rows, "written")), more, "{file}: {report}");
    }
}

/// What a suite holds that holds nothing but this bundle.
fn brings(bundle: &Bundle) -> [(&'static str, i64); 11] {
    let count = |rows: usize| i64::try_from(rows).expect("a count");
    let seconds = bundle.rosters.iter().map(|row| row.end.as_second() - row.start.as_second());
    [
        ("people", count(bundle.people.len())),
        ("accounts", count(bundle.accounts.len())),
        ("aliases", count(bundle.aliases.len())),
        ("devices", count(bundle.owned.len())),
        ("shifts", count(bundle.rosters.len())),
        ("shift_seconds", seconds.sum()),
        ("punches", count(bundle.punches.len())),
        ("handovers", count(bundle.handovers.len())),
        ("records", count(bundle.records.len())),
        ("claims", count(bundle.claims.len())),
        ("amount_minor", bundle.records.iter().filter_map(|record| record.amount_minor).sum()),
    ]
}

/// The month that is there before, and what a later bundle says otherwise of the same numbers, accounts and nicknames.
const BEFORE: [(&str, &str); 5] = [
    (
        "group.yaml",
        "name: Field\nzone: Asia/Shanghai\nperiod: {from: 2026-03-01, to: 2026-03-31}\nbranches: {East: cn-east, West: cn-south}\n",
    ),
    (
        "people.csv",
        "employee_no,name,org_unit,position,grade,hired_on,left_on\n1001,Ann,East/Desk,agent,P1,2025-01-06,2026-03-15\n\
         1001,Ann,West/Desk,agent,P2,2026-03-16,\n1002,Bo,East/Desk,agent,P1,2025-01-06,\n1003,Cy,East/Desk,agent,P1,2025-01-06,\n",
    ),
    (
        "accounts.csv",
        "platform,store,account,phase,capacity,zone,team\nMart,One,a,shared,1,,East/Desk\nMart,One,b,shared,1,,East/Desk\n",
    ),
    ("aliases.csv", "platform,alias,employee_no,from,to\nMart,fang,1002,,\n"),
    (
        "records.csv",
        "platform,store,account,external_id,started_at,ended_at,agent\nMart,One,a,R0,2026-03-02 09:00,2026-03-02 09:05,\n",
    ),
];
/// Rows beside them, some of which depend on rows that contradict what is there.
const LATER: [(&str, &str); 4] = [
    (
        "rosters.csv",
        "employee_no,account,start,end\n1001,a,2026-03-03 22:00,2026-03-04 06:00\n1002,b,2026-03-04 22:00,2026-03-05 06:00\n\
         1002,a,2026-03-05 22:00,2026-03-06 06:00\n",
    ),
    (
        "punches.csv",
        "employee_no,at,kind\n1001,2026-03-03 21:50,in\n1001,2026-03-04 06:01,out\n1002,2026-03-05 21:50,in\n1002,2026-03-06 06:01,out\n",
    ),
    (
        "handovers.csv",
        "account,employee_no,at,kind\na,1001,2026-03-03 22:00,take\nb,1002,2026-03-04 22:00,take\na,1002,2026-03-05 22:00,take\n",
    ),
    (
        "records.csv",
        "platform,store,account,external_id,started_at,ended_at,agent\nMart,One,a,R1,2026-03-03 22:00,2026-03-03 22:05,1001\n\
         Mart,One,a,R2,2026-03-05 22:10,2026-03-05 22:15,1002\nMart,One,b,R3,2026-03-04 22:00,2026-03-04 22:05,\n\
         Mart,One,a,R4,2026-03-05 22:20,2026-03-05 22:25,fang\nMart,One,a,R5,2026-03-05 22:30,2026-03-05 22:35,\n",
    ),
];

fn write(dir: &Path, files: &[(&str, &str)]) {
    files.iter().for_each(|(name, text)| std::fs::write(dir.join(name), text).expect("a file"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_speaks_of_a_refused_row_is_kept_back_and_comes_in_once_that_row_is_mended() {
    let mut stack = Stack::one_process(None).await;
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    write(dir, &BEFORE);
    let bundle = read_bundle(dir, Options::default(), &mut |_, _| {}).expect("a sound bundle").bundle;
    let crew = Crew::hire(&stack.channels, &bundle, PASSWORD).await.expect("a crew");
    let token = stack.folder.path().join("token-of-import");
    std::fs::write(&token, crew.hr.token()).expect("a file");
    let (code, said) = import(&stack, dir, &token, &["--json"]).await;
    assert_eq!(code, Some(0), "{said}");

    // Another person under the number 1001, another account b, and a nickname that means somebody else.
    let before = |name: &str| BEFORE.iter().find(|(file, _)| *file == name).expect("a file").1;
    write(dir, &LATER);
    let people = before("people.csv").replace("Ann", "Nan");
    let accounts = before("accounts.csv").replace("b,shared,1", "b,shared,3");
    let aliases = before("aliases.csv").replace("1002", "1003");
    write(dir, &[("people.csv", &people), ("accounts.csv", &accounts), ("aliases.csv", &aliases)]);
    let (code, said) = import(&stack, dir, &token, &["--json", "--plain-csv"]).await;
    assert_eq!(code, Some(3), "{said}");
    let report: Value = serde_json::from_str(&said).expect("a report");
    adds_up(&report);
    let of = |file: &str| ["written", "refused"].map(|what| rows(&report, file)[what].as_u64().expect("a count"));
    let files =
        ["people.csv", "accounts.csv", "rosters.csv", "punches.csv", "handovers.csv", "aliases.csv", "records.csv"];
    assert_eq!(files.map(of), [[0, 2], [0, 1], [1, 2], [2, 2], [1, 2], [0, 1], [2, 3]], "{report}");
    assert_eq!(report["refused"].as_u64(), Some(13), "{report}");
    let refused = std::fs::read_to_string(dir.join("out").join("refused.csv")).expect("refused.csv");
    assert_eq!(refused.lines().count(), 14, "{refused}");
    for (row, code) in [
        ("rosters.csv,1001 2026-03-03 22:00,", "ROWS_OF_NUMBER_REFUSED"),
        ("rosters.csv,1002 2026-03-04 22:00,", "ROWS_OF_ACCOUNT_REFUSED"),
        ("punches.csv,1001 2026-03-03 21:50,", "ROWS_OF_NUMBER_REFUSED"),
        ("handovers.csv,a 2026-03-03 22:00,", "ROWS_OF_NUMBER_REFUSED"),
        ("handovers.csv,b 2026-03-04 22:00,", "ROWS_OF_ACCOUNT_REFUSED"),
        ("records.csv,R1,", "ROWS_OF_NUMBER_REFUSED"),
        ("records.csv,R3,", "ROWS_OF_ACCOUNT_REFUSED"),
        ("records.csv,R4,", "NICKNAME_REFUSED"),
    ] {
        assert!(refused.lines().any(|line| line.starts_with(row) && line.ends_with(code)), "{row} {code}: {refused}");
    }
    let (_, page) = import(&stack, dir, &token, &["--lang", "zh-CN"]).await;
    assert!(page.contains("组织单元") && !page.contains("org units"), "{page}");
    let refused = std::fs::read_to_string(dir.join("out").join("refused.csv")).expect("refused.csv");
    assert!(refused.starts_with("\u{feff}file,row,reason,cure,code\n") && refused.contains("请先改正"), "{refused}");

    write(dir, &BEFORE[1..4]);
    let (code, said) = import(&stack, dir, &token, &["--json"]).await;
    assert_eq!(code, Some(0), "{said}");
    let mended: Value = serde_json::from_str(&said).expect("a report");
    adds_up(&mended);
    let held = ["shifts", "punches", "handovers", "records"].map(|what| mended["after"][what].as_u64());
    assert_eq!(held, [3, 4, 3, 6].map(Some), "{mended}");

    // What the suite says of a row tells its times by the clock that the row was written by.
    write(dir, &[("rosters.csv", "employee_no,account,start,end\n1002,a,2026-03-05 22:00,2026-03-06 05:00\n")]);
    let (code, said) = import(&stack, dir, &token, &["--plain-csv"]).await;
    assert_eq!(code, Some(3), "{said}");
    let refused = std::fs::read_to_string(dir.join("out").join("refused.csv")).expect("refused.csv");
    assert!(refused.contains("1002 2026-03-05 22:00,") && refused.contains(" 2026-03-05T22:00:00+08:00 "), "{refused}");
    write(dir, &LATER[..1]);

    elsewhere(&stack, dir, &token).await;
    stack.stop().await;
}

/// Records of which a spreadsheet shortened customers and one id, and one that stands there twice.
const DAMAGED: &str = "platform,store,account,external_id,started_at,ended_at,agent,customer\n\
    Mart,One,a,R1,2026-03-03 22:00,2026-03-03 22:05,,2.20661E+12\nMart,One,a,R2,2026-03-03 22:10,2026-03-03 22:15,,2.20661E+12\n\
    Mart,One,a,3.10552E+12,2026-03-03 22:20,2026-03-03 22:25,,c1\nMart,One,a,R4,2026-03-03 22:30,2026-03-03 22:35,,c2\n\
    Mart,One,a,R4,2026-03-03 22:30,2026-03-03 22:35,,c2\n";

#[tokio::test(flavor = "multi_thread")]
async fn values_that_the_files_lost_end_an_import_before_anything_is_written_unless_somebody_accepts_them() {
    let mut stack = Stack::one_process(None).await;
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    write(dir, &BEFORE);
    let bundle = read_bundle(dir, Options::default(), &mut |_, _| {}).expect("a sound bundle").bundle;
    let crew = Crew::hire(&stack.channels, &bundle, PASSWORD).await.expect("a crew");
    let token = stack.folder.path().join("token-of-import");
    std::fs::write(&token, crew.hr.token()).expect("a file");
    write(dir, &[("records.csv", DAMAGED)]);
    let read = |file: &str| std::fs::read_to_string(dir.join("out").join(file)).expect("a file of the import");

    for (lang, found, lost) in [
        (
            "en",
            ["Worth a look (findings.csv has each one)", "somebody goes on in another unit"],
            "in 2 rows a spreadsheet",
        ),
        ("zh-CN", ["值得一看（findings.csv 逐条列出）", "有人调动"], "有 2 行的 customer 被表格软件截短"),
    ] {
        let (code, out, error) = printed(&stack, dir, &token, &["--lang", lang]).await;
        assert_eq!(code, Some(2), "{out}{error}");
        assert!(found.iter().chain(&["TRANSFER", "DUPLICATE_RECORD"]).all(|told| out.contains(told)), "{out}");
        for told in [lost, "records.csv", "external_id", "2.20661E+12", "3.10552E+12", "--accept-damaged"] {
            assert!(error.contains(told), "{told}: {error}");
        }
        let written = read("findings.csv");
        assert!(written.starts_with("\u{feff}kind,subject,at,detail\nDAMAGED_ID,records.csv customer,,"), "{written}");
        assert!(
            !dir.join("out").join("report.json").exists() && !dir.join("out").join("refused.csv").exists(),
            "{out}"
        );
    }

    let (code, said) = import(&stack, dir, &token, &["--json", "--plain-csv", "--accept-damaged"]).await;
    assert_eq!(code, Some(0), "{said}");
    let report: Value = serde_json::from_str(&said).expect("a report and nothing else");
    let number = |of: &str, what: &str| report[of][what].as_u64();
    assert_eq!((number("before", "people"), number("before", "records")), (Some(0), Some(0)), "{report}");
    assert_eq!(number("after", "records"), Some(4), "{report}");
    let kinds = ["DAMAGED_ID", "DUPLICATE_RECORD", "TRANSFER"].map(|kind| number("findings", kind));
    assert_eq!(kinds, [Some(2), Some(1), Some(1)], "{report}");
    let written = read("findings.csv");
    assert!(written.starts_with("kind,subject,at,detail\nDAMAGED_ID,records.csv customer,,"), "{written}");
    stack.stop().await;
}

/// A branch that lies in another region, and amounts in another currency: nothing of such a bundle is written.
async fn elsewhere(stack: &Stack, dir: &Path, token: &Path) {
    let group = BEFORE[0].1;
    write(dir, &[("group.yaml", &group.replace("East: cn-east", "East: cn-south"))]);
    let (code, _, said) = printed(stack, dir, token, &["--lang", "en"]).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("East") && said.contains("cn-east") && said.contains("cn-south"), "{said}");
    let amounts = "platform,store,account,external_id,started_at,ended_at,amount\nMart,One,a,R9,2026-03-03 22:00,2026-03-03 22:05,1.50\n";
    write(dir, &[("group.yaml", &format!("{group}currency: USD\n")), ("records.csv", amounts)]);
    let (code, _, said) = printed(stack, dir, token, &["--lang", "en"]).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("USD") && said.contains("CNY") && said.contains("currency:"), "{said}");
}
