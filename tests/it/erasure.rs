//! Somebody who has entries in every service is erased: while a service is down, and so that no database holds who it was.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;

use tally_api::identity::v1 as identity;
use tally_privacy::DataTable;
use tally_privacy::{FOLLOWERS, PERSON, REQUESTS, SCHEDULE};
use tally_suite::session::Session;
use tally_suite::suite::SERVICES;
use tally_testkit::databases::{Backend, TestStore};
use tally_testkit::{eventually, on_both};
use tokio::process::Command;

use crate::journey::{Done, PASSWORD, keeps, main_job_with, talent_heard};
use crate::rooms::privacy::{erasures, hold, lift};
use crate::stack::Stack;

/// Tables of the store itself that name people by id: logs and keys.
const OF_THE_STORE: [&str; 1] = ["audit_people"];

fn data_tables(service: &str) -> Vec<&'static DataTable> {
    let part = SERVICES.iter().find(|part| part.name == service).expect("a service");
    part.data_tables.iter().collect()
}

#[tokio::test]
async fn every_table_with_a_person_is_listed_with_its_fate_and_every_kind_is_kept_somewhere() {
    let mut kinds = Vec::new();
    for part in SERVICES {
        let db = TestStore::sqlite(part.name, part.migrations).await;
        let mut tables = db.store.tables_with("person_id").await.expect("tables");
        tables.retain(|table| !OF_THE_STORE.contains(&table.as_str()));
        if part.name == "identity" {
            // Whose rows are people themselves.
            tables.push("people".to_owned());
        }
        tables.sort();
        let listed = data_tables(part.name).into_iter().filter(|table| table.tells_of_people());
        let mut listed: Vec<_> = listed.map(|table| table.table().to_owned()).collect();
        listed.sort();
        assert_eq!(listed, tables, "{}: what privacy.rs lists, and what has a person", part.name);
        kinds.extend(data_tables(part.name).into_iter().filter_map(|table| table.kept).map(|(kind, _)| kind));
    }
    kinds.sort_unstable();
    kinds.dedup();
    let scheduled = SCHEDULE.iter().map(|kind| kind.name).filter(|name| ![PERSON, REQUESTS].contains(name));
    assert_eq!(kinds, scheduled.collect::<Vec<_>>());
    let others: Vec<_> = SERVICES.iter().map(|part| part.name).filter(|name| *name != "identity").collect();
    assert!(FOLLOWERS.iter().all(|name| others.contains(name)) && others.len() == FOLLOWERS.len());
}

/// Moves every date of a bundle four years back, oldest years first, so that none is moved twice.
fn four_years_back(folder: &Path) {
    for file in std::fs::read_dir(folder).expect("a bundle") {
        let path = file.expect("a file").path();
        let mut text = std::fs::read_to_string(&path).expect("a text");
        for year in 2010..=2026 {
            text = text.replace(&format!("{year}-"), &format!("{}-", year - 4));
        }
        std::fs::write(&path, text).expect("a text");
    }
}

/// Somebody to be erased.
struct Subject {
    person_id: String,
    number: String,
    /// Name, number and nicknames.
    words: Vec<String>,
}

/// Somebody with a card, a statement and a nickname, who gets a login besides.
async fn subject(done: &Done) -> Subject {
    let bundle = &done.reading.bundle;
    let aliases = |number: &str| {
        let of = |alias: &&tally_bundle::Alias| bundle.person(alias.person).employee_no == number;
        bundle.aliases.iter().filter(of).map(|alias| alias.alias.clone()).collect::<Vec<_>>()
    };
    let found = done.outcome.cards.iter().find_map(|(_, card)| {
        let at = done.outcome.ids.people.iter().position(|id| *id == card.person_id)?;
        let person = &bundle.people[at];
        let worn = aliases(&person.employee_no);
        let tagged = bundle.records.iter().any(|record| record.agent.is_some_and(|agent| agent.0 as usize == at));
        // Who shares a nickname with somebody else is still in the other's rows.
        let shared = |alias: &String| bundle.aliases.iter().any(|a| a.alias == *alias && a.person.0 as usize != at);
        let own = !worn.is_empty() && !worn.iter().any(shared);
        (tagged && own).then(|| (card.person_id.clone(), person, worn))
    });
    let (person_id, person, mut words) = found.expect("somebody with a card whom records name");
    words.extend([person.employee_no.clone(), person.name.clone()]);
    let admin = &done.crew.admin;
    let mut sessions = identity::session_service_client::SessionServiceClient::new(admin.at.identity.clone());
    let ask = identity::CreateLoginRequest {
        login: person.employee_no.clone(),
        password: PASSWORD.into(),
        person_id: person_id.clone(),
        ..Default::default()
    };
    sessions.create_login(admin.ask(ask)).await.expect("a login");
    Subject { person_id, number: person.employee_no.clone(), words }
}

/// The person left when the month was over.
async fn leaves(done: &Done, person_id: &str) {
    let hr = &done.crew.hr;
    let mut people = identity::person_service_client::PersonServiceClient::new(hr.at.identity.clone());
    let (person_id, last_day) = (person_id.to_owned(), "2022-06-30".to_owned());
    let ask = identity::EndEmploymentRequest { person_id, last_day, ..Default::default() };
    people.end_employment(hr.ask(ask)).await.expect("an end");
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

async fn said(mut command: Command) -> String {
    let output = command.output().await.expect("the program runs");
    assert!(output.status.success(), "{}", text(&output));
    text(&output)
}

fn token_file(stack: &Stack, session: &Session) -> PathBuf {
    let file = stack.folder.path().join("token");
    std::fs::write(&file, session.token()).expect("a file");
    file
}

/// What `tally person export` writes for the auditor.
async fn exported(stack: &Stack, done: &Done, person_id: &str, name: &str) -> serde_json::Value {
    let out = stack.folder.path().join(name);
    let mut command = stack.tally(&["person", "export", person_id, "--out"]);
    command.arg(&out).arg("--token-file").arg(token_file(stack, &done.crew.auditor));
    said(command).await;
    serde_json::from_str(&std::fs::read_to_string(out).expect("a file")).expect("JSON")
}

fn rows(document: &serde_json::Value) -> BTreeMap<String, usize> {
    let services = document["services"].as_object().expect("services");
    let count = |(service, tables): (&String, &serde_json::Value)| {
        let of = |table: (&String, &serde_json::Value)| {
            (format!("{service}.{}", table.0), table.1.as_array().map_or(0, Vec::len))
        };
        tables.as_object().into_iter().flatten().map(of).collect::<Vec<_>>()
    };
    services.iter().flat_map(count).collect()
}

/// The first of these words that a dump holds, with what stands around it. In text a number of five digits stands in some id
/// or ciphertext in hex by chance, so there a word must stand by itself; the raw bytes of a file have no such chance.
fn held(dump: &[u8], words: &[String]) -> Option<String> {
    let text = std::str::from_utf8(dump).is_ok();
    let hex = |at: Option<usize>| at.and_then(|at| dump.get(at)).is_some_and(u8::is_ascii_hexdigit);
    words.iter().find_map(|word| {
        let alone = |at: usize| !hex(at.checked_sub(1)) && !hex(Some(at + word.len()));
        let found = |(at, part): (usize, &[u8])| part == word.as_bytes() && (!text || alone(at));
        let at = dump.windows(word.len()).enumerate().position(found)?;
        let around = &dump[at.saturating_sub(80)..(at + word.len() + 80).min(dump.len())];
        Some(format!("{word} in {:?}", String::from_utf8_lossy(around)))
    })
}

async fn erase(stack: &mut Stack, done: &Done, subject: &Subject) {
    let (hr, admin) = (&done.crew.hr, &done.crew.admin);
    let (person_id, reason) = (subject.person_id.clone(), "asked for".to_owned());
    let ask = identity::RequestErasureRequest { person_id, reason, ..Default::default() };
    let asked = erasures(hr).request_erasure(hr.ask(ask)).await.expect("a request").into_inner().erasure;
    let erasure_id = asked.expect("an erasure").erasure_id;
    let down = stack.name.starts_with("five");
    if down {
        stack.kill("talent").await;
    }
    let ask = identity::ApproveErasureRequest { erasure_id: erasure_id.clone(), ..Default::default() };
    erasures(admin).approve_erasure(admin.ask(ask)).await.expect("an approval");
    let waiting = async |what: &str, of: &[&str]| {
        eventually(what, async || {
            let ask = identity::GetErasureRequest { erasure_id: erasure_id.clone() };
            let found = erasures(hr).get_erasure(hr.ask(ask)).await.ok()?.into_inner().erasure?;
            let open: Vec<_> = found.parts.iter().filter(|part| part.done_at.is_none()).collect();
            let open: Vec<&str> = open.iter().map(|part| part.service.as_str()).collect();
            (open == of && found.completed_at.is_some() == of.is_empty()).then_some(())
        })
        .await;
    };
    if down {
        waiting("the reports of those that run", &["talent"]).await;
        stack.start_again("talent").await;
    }
    waiting("all reports", &[]).await;
}

on_both!(who_was_erased_is_in_no_database_and_the_logs_still_verify, flavor = "multi_thread");
async fn who_was_erased_is_in_no_database_and_the_logs_still_verify(on: Backend) {
    let mut stack = Stack::on(on).await;
    let done = main_job_with(&stack, four_years_back, Some(120)).await;
    let subject = subject(&done).await;
    talent_heard(&done, &subject.person_id).await;
    leaves(&done, &subject.person_id).await;
    let before = exported(&stack, &done, &subject.person_id, "before.json").await;
    for table in
        ["identity.people", "attendance.aliases", "performance.cards", "compensation.statements", "talent.evidence"]
    {
        assert!(rows(&before).get(table).is_some_and(|rows| *rows > 0), "{}: {table}: {:?}", stack.name, rows(&before));
    }
    if stack.name.starts_with("five") {
        assert_eq!(subject.words.iter().filter(|word| held(&stack.dump(), &[(*word).clone()]).is_none()).count(), 0);
    }
    let everybody = hold(&done, "").await;
    assert!(run_retention(&stack, &done).await.starts_with("0 rows removed"), "a hold on everybody");
    lift(&done, everybody).await;
    erase(&mut stack, &done, &subject).await;
    let after = exported(&stack, &done, &subject.person_id, "after.json").await;
    let told: Vec<_> = subject.words.iter().filter(|word| **word != subject.number).cloned().collect();
    assert_eq!(held(after.to_string().as_bytes(), &told), None, "the number alone stays, in the statement");
    assert!(!rows(&after).contains_key("performance.cards") && !rows(&after).contains_key("talent.evidence"));
    assert_eq!(after["services"]["compensation"], before["services"]["compensation"], "pay is kept");
    stack.stop().await;
    assert_eq!(held(&stack.dump(), &subject.words), None, "{}", stack.name);
    still_verifies(&stack).await;
    for part in if stack.name.starts_with("five") { SERVICES.map(|part| part.name).to_vec() } else { vec!["all"] } {
        stack.start_again(part).await;
    }
    keeps(&done.crew.admin, 24).await;
    let ran = run_retention(&stack, &done).await;
    assert!(ran.contains("rows of punches (attendance.duty)") && ran.contains("performance.records"), "{ran}");
    assert!(!ran.contains("statements"), "{ran}");
    still_verifies(&stack).await;
}

async fn run_retention(stack: &Stack, done: &Done) -> String {
    let mut command = stack.tally(&["retention", "run"]);
    command.arg("--token-file").arg(token_file(stack, &done.crew.admin));
    said(command).await
}

async fn still_verifies(stack: &Stack) {
    let verified = said(stack.tally(&["audit", "verify"])).await;
    assert_eq!(verified.matches("intact").count(), 5, "{}: {verified}", stack.name);
}

#[test]
fn a_word_is_found_in_text_by_itself_and_in_a_file_wherever_it_is() {
    let words = ["10025".to_owned()];
    for there in ["10025", "a\t10025\tb", "{\"employee_no\":\"10025\"}", "x-10025,"] {
        assert!(held(there.as_bytes(), &words).is_some(), "{there}");
    }
    for chance in ["\\xac10025bb43", "0199-10025f", "910025"] {
        assert_eq!(held(chance.as_bytes(), &words), None, "{chance}");
        assert!(held(&[chance.as_bytes(), &[0xff]].concat(), &words).is_some(), "{chance} in bytes that are no text");
    }
}
