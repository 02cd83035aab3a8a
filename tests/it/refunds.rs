//! A month with a late rating and a refund: closed from its files alone, and brought into a served suite as it came about, it gives
//! the same.

use std::path::Path;

use tally_bundle::sheet::Csv;
use tally_bundle::{Options, Reading, read_bundle};
use tally_suite::close::{Crew, FORM, Job, Rejections, close};
use tally_suite::language::Language;
use tally_suite::progress::Progress;
use tally_testkit::databases::Backend;
use tokio::process::Command;

use crate::journey::PASSWORD;
use crate::stack::{Stack, program};

const FILES: [(&str, &str); 4] = [
    ("group.yaml", "name: Field\nzone: Asia/Shanghai\nperiod: {from: 2026-03-01, to: 2026-03-31}\n"),
    (
        "people.csv",
        "employee_no,name,org_unit,position,grade,hired_on\n1001,Ann,East/Desk,agent,P1,2025-01-06\n\
         1002,Bo,East/Desk,agent,P1,2025-01-06\n",
    ),
    ("accounts.csv", "platform,store,account,phase,capacity,zone,team\nMart,One,a,shared,1,,East/Desk\n"),
    (
        "scheme.yaml",
        "name: Sales\nversion: 1\nkpis:\n  - {id: amount, measure: sum, of: amount, target: 100, weight: 60}\n  \
         - {id: rating, measure: share, of: rating, at_least: 4, target: 1, weight: 40}\n",
    ),
];
const HEAD: &str = "platform,store,account,external_id,started_at,ended_at,agent,rating,amount,revision,refers_to\n";
/// As the platform told it first.
const FIRST: &str = "Mart,One,a,R1,2026-03-03 22:00,2026-03-03 22:05,1001,,100.00,,\n\
    Mart,One,a,R2,2026-03-04 22:00,2026-03-04 22:05,1002,5,100.00,,\n";
/// As it tells it now: the first is rated and 40 of its 100 were paid back, in the month after.
const NOW: &str = "Mart,One,a,R1,2026-03-03 22:00,2026-03-03 22:05,1001,5,100.00,1,\n\
    Mart,One,a,R2,2026-03-04 22:00,2026-03-04 22:05,1002,5,100.00,,\n\
    Mart,One,a,B1,2026-03-20 09:00,2026-03-20 09:00,,,-40.00,,R1\n";
const RESULTS: [&str; 5] = ["credits.csv", "attribution.csv", "score_cards.csv", "findings.csv", "summary.json"];

#[tokio::test(flavor = "multi_thread")]
async fn a_month_with_a_refund_is_the_same_from_its_files_and_in_the_suite_that_heard_of_it_late() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    FILES.iter().for_each(|(name, text)| std::fs::write(dir.join(name), text).expect("a file"));
    std::fs::write(dir.join("records.csv"), format!("{HEAD}{NOW}")).expect("records");
    let here = closed(dir).await;
    let cards = here.iter().find(|(name, _)| *name == "score_cards.csv").map(|(_, text)| text.as_str());
    let cards = cards.expect("score cards");
    // 60 of 100 is 60 points of 60 %, and all of the rated ones are good: 36 + 40. Without the refund it would be 100.
    for row in ["1001,2,2,76,0,amount,1,60,", "1002,1,2,100,0,amount,1,100,"] {
        assert!(cards.lines().any(|line| line.starts_with(row)), "{row}: {cards}");
    }
    let (one, five) = tokio::join!(Box::pin(served(Backend::Sqlite, dir)), Box::pin(served(Backend::Postgres, dir)));
    for there in [one, five] {
        for (here, there) in here.iter().zip(&there) {
            assert_eq!(here, there);
        }
    }
}

/// What the files alone give.
async fn closed(dir: &Path) -> Vec<(&'static str, String)> {
    let out = dir.join("alone");
    let mut command = Command::new(program());
    let command = command.env_clear().args(["close", "--plain-csv", "--out"]).arg(&out).arg(dir);
    let ran = command.output().await.expect("the program runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    results(&out)
}

fn results(out: &Path) -> Vec<(&'static str, String)> {
    RESULTS.map(|name| (name, std::fs::read_to_string(out.join(name)).expect(name))).into()
}

fn read(dir: &Path) -> Reading {
    read_bundle(dir, Options::default(), &mut |_, _| {}).expect("a sound bundle")
}

/// What a served suite gives that heard of the rating and the refund after the rest.
async fn served(on: Backend, now: &Path) -> Vec<(&'static str, String)> {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path();
    FILES.iter().for_each(|(name, text)| std::fs::write(dir.join(name), text).expect("a file"));
    let mut stack = Stack::on(on).await;
    let reading = read(now);
    let crew = Crew::hire(&stack.channels, &reading.bundle, PASSWORD).await.expect("a crew");
    let token = stack.folder.path().join("token-of-import");
    std::fs::write(&token, crew.hr.token()).expect("a file");
    for (rows, told) in [(FIRST, [2, 0, 0]), (NOW, [1, 1, 1]), (NOW, [0, 3, 0])] {
        std::fs::write(dir.join("records.csv"), format!("{HEAD}{rows}")).expect("records");
        let mut command = stack.tally(&["import", "--json", "--token-file"]);
        let ran = command.arg(&token).arg(dir).arg("--out").arg(dir.join("out")).output().await.expect("it runs");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let report: serde_json::Value = serde_json::from_slice(&ran.stdout).expect("a report");
        let files = report["files"].as_array().expect("files").iter();
        let records = files.into_iter().find(|file| file["file"] == "records.csv").expect("records");
        let counts = ["written", "unchanged", "revised"].map(|what| records[what].as_u64().expect(what));
        assert_eq!(counts, told, "{}: {report}", stack.name);
    }
    let out = tempfile::tempdir().expect("a folder");
    let job = Job {
        reading: &reading,
        rejected_before: Rejections::new(),
        out: out.path().to_owned(),
        form: FORM,
        csv: Csv::Plain,
        progress: &Progress::new(true, Language::En),
    };
    close(&crew, job).await.unwrap_or_else(|error| panic!("{}: {error:#}", stack.name));
    stack.stop().await;
    results(out.path())
}
