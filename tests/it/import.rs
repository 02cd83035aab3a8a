//! `tally import`: a bundle into a running suite, in pieces, again, and beside facts that contradict it.

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
    let half: Vec<&str> = whole.lines().take(701).collect();
    std::fs::write(dir.join("records.csv"), half.join("\n")).expect("half of the records");
    let (code, first) = import(&["--json"]).await;
    assert_eq!(code, Some(0), "{first}");
    let first: Value = serde_json::from_str(&first).expect("a report");
    adds_up(&first);
    assert_eq!((&first["before"]["records"], &first["after"]["records"]), (&0.into(), &700.into()));

    std::fs::write(dir.join("records.csv"), &whole).expect("all records");
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
    assert!(refused.contains(&format!("records.csv,{external_id},DIFFERENT_CONTENT,")), "{refused}");
    assert!(
        refused.starts_with("file,row,reason,message,cure\n") && refused.contains("overwrites nothing"),
        "{refused}"
    );

    // A bundle that cannot be used leaves its rejected rows, and nothing that tells of the import before.
    let accounts: String = whole.lines().skip(1).map(|row| format!("Nowhere{row}\n")).collect();
    let head_row = whole.lines().next().expect("a header");
    std::fs::write(dir.join("records.csv"), format!("{head_row}\n{accounts}")).expect("the records");
    let (code, said) = import(&[]).await;
    assert_eq!(code, Some(2), "{said}");
    let left = std::fs::read_dir(dir.join("out")).expect("the folder").map(|file| file.expect("a file").file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["rejected.csv"], "{said}");
    assert!(said.contains("rejected.csv"), "{said}");

    std::fs::write(dir.join("records.csv"), &whole).expect("the records");
    let (_, page) = import(&["--lang", "zh-CN"]).await;
    assert!(page.contains("导入前") && page.contains("被拒") && !page.contains("IMPORT_"), "{page}");
}

/// Ends the command by force as soon as it has read the bundle and asks the suite what is there: nothing is left that the next
/// one would stumble over.
async fn killed_while_it_counts(stack: &Stack, dir: &Path, token: &Path) {
    let out = dir.join("out");
    let mut command = stack.tally(&["import", "--server", &stack.address(), "--token-file"]);
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
    let mut command = stack.tally(&["import", "--server", &stack.address(), "--token-file"]);
    command.arg(token).arg(dir).arg("--out").arg(dir.join("out")).args(more);
    let ran = command.output().await.expect("the program runs");
    let (out, error) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    (ran.status.code(), if ran.stdout.is_empty() { error.into_owned() } else { out.into_owned() })
}

fn rows(report: &Value, file: &str) -> Value {
    let files = report["files"].as_array().expect("files").iter();
    files.into_iter().find(|one| one["file"] == file).cloned().expect("the file")
}

/// Every line says what became of all rows, and the suite holds more by what was written.
fn adds_up(report: &Value) {
    let number = |of: &Value, key: &str| of[key].as_u64().unwrap_or_else(|| panic!("{key}: {of}"));
    let parts = ["written", "unchanged", "refused", "rejected", "left_out"];
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
        ("records.csv", "records"),
    ] {
        let more = number(&report["after"], held) - number(&report["before"], held);
        assert_eq!(number(&rows(report, file), "written"), more, "{file}: {report}");
    }
}

/// What a suite holds that holds nothing but this bundle.
fn brings(bundle: &Bundle) -> [(&'static str, i64); 9] {
    let count = |rows: usize| i64::try_from(rows).expect("a count");
    let seconds = bundle.rosters.iter().map(|row| row.end.as_second() - row.start.as_second());
    [
        ("people", count(bundle.people.len())),
        ("accounts", count(bundle.accounts.len())),
        ("aliases", count(bundle.aliases.len())),
        ("shifts", count(bundle.rosters.len())),
        ("shift_seconds", seconds.sum()),
        ("punches", count(bundle.punches.len())),
        ("handovers", count(bundle.handovers.len())),
        ("records", count(bundle.records.len())),
        ("amount_minor", bundle.records.iter().filter_map(|record| record.amount_minor).sum()),
    ]
}
