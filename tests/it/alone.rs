//! `tally close` in an empty PostgreSQL database: a row that only the suite refuses costs itself, there as elsewhere.

use std::process::Command;

use tally_testkit::postgres::{Database, Server};

use crate::stack::program;

const FILES: [(&str, &str); 5] = [
    ("group.yaml", "currency: CNY\nzone: Asia/Shanghai\nperiod: {from: 2026-03-01, to: 2026-03-31}\n"),
    // The canonical form is read to the letter.
    ("reading.csv", "kind,file,subject,detail,count\n"),
    (
        "people.csv",
        "employee_no,name,org_unit,position,grade,hired_on\n1001,Ann,East/Desk,agent,P1,2025-01-06\n\
         1002,Bo,East/Desk,agent,P1,2025-01-06\n",
    ),
    ("accounts.csv", "platform,store,account,phase,capacity\nMart,One,a,shared,1\n"),
    (
        "records.csv",
        "platform,store,account,external_id,started_at,ended_at,agent\nMart,One,a,T1,2026-03-02 09:00,2026-03-02 09:05,1001\n\
         Mart,One,a,T\u{202e}2,2026-03-02 09:10,2026-03-02 09:15,1002\nMart,One,a,T3,2026-03-02 09:20,2026-03-02 09:25,1002\n",
    ),
];

#[test]
fn a_row_that_only_the_suite_refuses_costs_itself_in_a_database_of_postgresql_as_in_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let bundle = folder.path().join("bundle");
    std::fs::create_dir(&bundle).expect("a folder");
    FILES.iter().for_each(|(name, text)| std::fs::write(bundle.join(name), text).expect("a file"));
    let server = Server::of_its_own("alone");
    let database = Database::create(server, None).expect("a database");
    let close = |name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        let mut command = Command::new(program());
        let ran = command.env_clear().arg("close").arg(&bundle).arg("--out").arg(&out).args(more).output();
        let ran = ran.expect("the program runs");
        assert_eq!(ran.status.code(), Some(3), "{}", String::from_utf8_lossy(&ran.stderr));
        let read = |file: &str| std::fs::read_to_string(out.join(file)).expect("a result");
        ["credits.csv", "rejected.csv", "summary.json", "inputs/records.csv"].map(read)
    };
    // The roles of a suite that is served from the same server: roles are of all its databases.
    let services = ["identity", "attendance", "performance", "compensation", "talent"];
    for service in services {
        let role = format!("CREATE ROLE tally_{service} LOGIN NOINHERIT PASSWORD 'of the served suite'");
        server.sql(&role).expect("a role");
    }
    let passwords = "SELECT rolname, rolpassword FROM pg_authid WHERE rolname LIKE 'tally%' ORDER BY 1";
    let before = server.sql(passwords).expect("the passwords");
    let there = close("there", &["--database", &database.owner_url()]);
    assert!(before.contains("SCRAM-SHA-256"), "{before}");
    let same = |after: &str| before.lines().all(|line| after.lines().any(|other| other == line));
    assert!(same(&server.sql(passwords).expect("the passwords")), "a served suite still signs in");
    // An owner who is no superuser acts as the services' roles just as well.
    server.sql("CREATE ROLE plain LOGIN CREATEROLE").expect("a role");
    server.sql("CREATE DATABASE of_plain OWNER plain").expect("a database");
    assert_eq!(there, close("plainly", &["--database", &server.url("plain", "of_plain")]));
    assert!(same(&server.sql(passwords).expect("the passwords")), "a served suite still signs in");
    assert_eq!(there, close("here", &[]));
    assert!(there[1].contains("records.csv,3,") && there[1].contains("ID_WITH_UNSEEN"), "{}", there[1]);
    let held = database.dump().expect("its content");
    assert!(held.contains("T3") && !held.contains("T\u{202e}2"), "the second attempt alone is in it");
}
