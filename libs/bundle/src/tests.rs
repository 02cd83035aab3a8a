//! Every promise of docs/bundle.md about reading, a test each: a bundle in a temporary folder, one thing wrong with it.

use std::fs;
use std::path::Path;

use tally_kernel::Locale;
use tempfile::TempDir;

use super::*;

mod bad_input;
mod canonical;
mod claims;
mod devices;
mod documented;
mod exports;
mod forgiven;
mod limits;
mod observations;
mod population;
mod rates;
mod refusals;
mod replies;
mod settings;
mod versions;
mod words;

const PEOPLE: &str = "employee_no,name,org_unit,position,grade,hired_on,left_on,zone\n\
    1001,王芳,杭州/客服/一组,客服,P2,2024-05-06,,\n\
    1002,Li Wei,杭州/客服/一组,客服,P1,2025-01-13,2026-03-16,\n\
    2001,Ana,Berlin/Chat,agent,P1,2025-01-13,,Europe/Berlin\n";
const ACCOUNTS: &str = "platform,store,account,phase,capacity,zone,team,phase_from,exclusive\n\
    JD,星河旗舰店,kf01,shared,3,Asia/Shanghai,杭州/客服,,\n\
    JD,星河旗舰店,kf01,mixed,3,Asia/Shanghai,杭州/客服,2026-03-16,\n\
    Tmall,银河专营店,kf01,named,1,,,,是\n\
    Vipshop,柏林店,berlin,shared,2,Europe/Berlin,,,\n";
const HEAD: &str =
    "platform,store,account,external_id,started_at,ended_at,agent,kind,first_reply_seconds,resolved,rating,amount\n";
const ROW: &str = "JD,星河旗舰店,kf01,R1,2026-03-02 09:00,2026-03-02 09:05,1001,presale,12.5,yes,5,199.00\n";

/// A bundle that reads without trouble.
fn good() -> TempDir {
    let dir = TempDir::new().expect("a temporary folder");
    put(&dir, "people.csv", PEOPLE);
    put(&dir, "accounts.csv", ACCOUNTS);
    put(&dir, "records.csv", format!("{HEAD}{ROW}"));
    dir
}

fn put(dir: &TempDir, name: &str, content: impl AsRef<[u8]>) {
    fs::write(dir.path().join(name), content).expect("the file is written");
}

fn read_at(path: &Path) -> Result<Reading, Unusable> {
    read_bundle(path, Options::default(), &mut |_, _| {})
}

fn read(dir: &TempDir) -> Reading {
    read_at(dir.path()).expect("the bundle is usable")
}

fn refused(dir: &TempDir) -> Unusable {
    let refusal = read_at(dir.path()).expect_err("the bundle is unusable");
    let sentence = refusal.to_string();
    assert!(sentence.ends_with('.') && !en(&refusal.cure).is_empty() && !sentence.contains('\n'), "{sentence}");
    refusal
}

/// Records with these rows after one that is right; the reading must keep that one.
fn records(rows: &str) -> Reading {
    let dir = good();
    put(&dir, "records.csv", format!("{HEAD}{ROW}{rows}"));
    let reading = read(&dir);
    let bundle = &reading.bundle;
    assert!(bundle.records.iter().any(|r| bundle.text(r.external_id) == "R1"), "the good row is kept");
    reading
}

fn en(message: &Message) -> String {
    tally_i18n::text(Locale::En, message)
}

fn ids(reading: &Reading) -> Vec<&str> {
    reading.bundle.records.iter().map(|r| reading.bundle.text(r.external_id)).collect()
}

/// The only rejected row: line, column, reason.
fn only(reading: &Reading) -> (u64, &str, String) {
    let [one] = reading.rejected.as_slice() else { panic!("one row is rejected: {:#?}", reading.rejected) };
    assert!(!en(&one.cure).is_empty());
    (one.line, &one.column, en(&one.reason))
}

fn kinds(reading: &Reading) -> Vec<&'static str> {
    reading.bundle.findings.iter().map(|f| f.kind.into()).collect()
}
