//! A bundle in a temporary folder, closed by the real binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

pub const PEOPLE: &str = "employee_no,name,org_unit,position,grade,hired_on\n\
    1001,Ann,East/Desk,agent,P1,2025-01-06\n1002,Bo,East/Desk,agent,P1,2025-01-06\n";
pub const ACCOUNTS: &str = "platform,store,account,phase,capacity,zone\nMart,One,mart-a,shared,1,Asia/Shanghai\n";
pub const RECORDS: &str =
    "platform,store,account,external_id,started_at,ended_at,agent,kind,first_reply_seconds,resolved,rating,amount\n";
pub const GROUP: &str = "currency: CNY\nperiod: {from: 2026-03-01, to: 2026-03-31}\n";

pub struct Case(TempDir);

impl Case {
    /// Each of `records` is an id, a start and an agent; each lasts no time.
    pub fn new(files: &[(&str, &str)], records: &[(&str, &str, &str)]) -> Self {
        let case = Self(TempDir::new().expect("a folder"));
        fs::create_dir(case.bundle()).expect("a folder");
        let row = |(id, at, agent): &(&str, &str, &str)| format!("Mart,One,mart-a,{id},{at},{at},{agent},chat,,,,0\n");
        let records = RECORDS.to_owned() + &records.iter().map(row).collect::<String>();
        let all =
            [("people.csv", PEOPLE), ("accounts.csv", ACCOUNTS), ("group.yaml", GROUP), ("records.csv", &records)];
        for (name, text) in all.iter().chain(files) {
            fs::write(case.bundle().join(name), text).expect("a file");
        }
        case
    }

    pub fn bundle(&self) -> PathBuf {
        self.0.path().join("bundle")
    }

    pub fn result(&self, name: &str) -> String {
        let path = self.0.path().join("result").join(name);
        fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// Writes over a file of the result.
    pub fn put(&self, name: &str, content: &str) {
        fs::write(self.0.path().join("result").join(name), content).expect("a file");
    }

    /// The cells of a file of the result, its header included.
    pub fn table(&self, name: &str) -> Vec<Vec<String>> {
        let content = self.result(name);
        let content = content.trim_start_matches('\u{feff}');
        let mut rows = csv::ReaderBuilder::new().has_headers(false).from_reader(content.as_bytes());
        rows.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect()
    }

    /// Names and contents of the CSV files of the result, without its inputs.
    pub fn sheets(&self) -> Vec<(String, String)> {
        let entries = fs::read_dir(self.0.path().join("result")).expect("a result");
        let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
        let names = names.filter(|name| name.ends_with(".csv"));
        names.map(|name| (name.clone(), self.result(&name))).collect()
    }

    pub fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_tally")).env_clear().args(args).output().expect("the binary runs")
    }

    pub fn close(&self) -> i32 {
        self.close_with(&[])
    }

    pub fn close_with(&self, switches: &[&str]) -> i32 {
        let out = self.0.path().join("result");
        let output = self.run(&[&["close", text(&self.bundle()), "--out", text(&out)], switches].concat());
        output.status.code().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)))
    }

    pub fn replayed(&self) -> String {
        let output = self.run(&["replay", text(&self.0.path().join("result"))]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// `id person share` of each credit.
    pub fn credits(&self) -> Vec<String> {
        let text = self.result("credits.csv");
        let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
        let mut rows: Vec<String> =
            text.lines().skip(1).map(cells).map(|c| format!("{} {} {}", c[0], c[2], c[3])).collect();
        rows.sort();
        rows
    }
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
