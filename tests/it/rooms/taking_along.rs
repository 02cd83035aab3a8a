//! A group takes its data along: every table of every service, for whoever may read it, and while the group is suspended too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use tally_access::Permission;
use tally_api::identity::v1 as identity;
use tally_store::orm::{ConnectOptions, ConnectionTrait as _, Database, Statement};
use tally_suite::session::Session;
use tally_suite::suite::{SERVICES, SuiteService};
use tally_testkit::databases::TestStore;

use super::access::somebody;
use crate::journey::Done;
use crate::stack::Stack;

/// What an export of the group leaves out: logs, keys and work of the store itself, what somebody signs in with, and what
/// names the state of access facts.
const LEFT_OUT: [&str; 15] = [
    "access_revisions",
    "audit",
    "audit_people",
    "data_keys",
    "idempotency",
    "key_rotations",
    "log_heads",
    "outbox",
    "person_keys",
    "second_factors",
    "sessions",
    "sign_in_tries",
    "sso_providers",
    "sso_states",
    "work_items",
];

fn told_tables(part: &SuiteService) -> BTreeSet<&'static str> {
    let all = part.data_tables.iter().chain(part.group).map(tally_privacy::DataTable::table);
    all.filter(|table| !LEFT_OUT.contains(table)).collect()
}

#[tokio::test]
async fn every_table_of_a_group_is_in_its_export_or_is_left_out_for_a_reason() {
    let mut left_out = BTreeSet::new();
    for part in SERVICES {
        let db = TestStore::sqlite(part.name, part.migrations).await;
        let tables = db.store.tables_with("tenant_id").await.expect("tables");
        let (out, told): (BTreeSet<&str>, BTreeSet<&str>) =
            tables.iter().map(String::as_str).partition(|table| LEFT_OUT.contains(table));
        assert_eq!(told, told_tables(&part), "{}", part.name);
        left_out.extend(out.into_iter().map(str::to_owned));
    }
    assert_eq!(left_out, LEFT_OUT.map(str::to_owned).into(), "what is left out is there");
}

/// Somebody who may read everything and take it along.
pub async fn archivist(admin: &Session) -> Session {
    let mut roles = identity::role_service_client::RoleServiceClient::new(admin.at.identity.clone());
    let reads = Permission::ALL.iter().map(|permission| permission.name()).filter(|name| {
        ["read", "read_pii", "read_pay", "read_id_number", "read_medical"]
            .contains(&name.rsplit('.').next().unwrap_or(""))
    });
    let more = ["identity.tenant.export", "identity.delegation.admin", "identity.break_glass.review"];
    let services_only = ["identity.event.read", "identity.view.read", "performance.event.read"];
    let role = identity::Role {
        name: "archivist".into(),
        description: "takes the group's data along".into(),
        permissions: reads.filter(|name| !services_only.contains(name)).chain(more).map(str::to_owned).collect(),
        scopes: vec![identity::ScopeKind::Tenant.into()],
        ..Default::default()
    };
    let reason = "moves out".to_owned();
    let ask = identity::DefineRoleRequest { role: Some(role), reason, ..Default::default() };
    roles.define_role(admin.ask(ask)).await.expect("a role");
    somebody(admin, "archivist", "archivist").await
}

/// Runs `tally tenant export` into a folder of this name: what it says, and the folder.
async fn exported(stack: &Stack, who: &Session, name: &str) -> (String, PathBuf) {
    let out = stack.folder.path().join(name);
    let token = stack.folder.path().join("token-of-export");
    std::fs::write(&token, who.token()).expect("a file");
    let mut command = stack.tally(&["tenant", "export", "--out"]);
    let ran = command.arg(&out).arg("--token-file").arg(token).output().await.expect("the program runs");
    (String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned(), out)
}

/// The rows of every file, by its name.
fn lines(folder: &Path) -> BTreeMap<String, Vec<serde_json::Value>> {
    let files = std::fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path());
    let tables = files.filter(|path| path.extension().is_some_and(|end| end == "jsonl"));
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a text");
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        (name, text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect())
    };
    tables.map(read).collect()
}

/// How many rows the database has, by service and table.
async fn stored(stack: &Stack, done: &Done) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for part in SERVICES {
        let (url, schema) = match &stack.database {
            Some(database) => (database.owner_url(), format!("{}.", part.name)),
            None => {
                let file = stack.folder.path().join("data").join(format!("{}.db", part.name));
                (format!("sqlite://{}", file.display()), String::new())
            }
        };
        let db = Database::connect(ConnectOptions::new(url)).await.expect("the database");
        for table in told_tables(&part) {
            let sql = format!("SELECT count(*) FROM {schema}{table} WHERE tenant_id = $1");
            let backend = db.get_database_backend();
            let tenant = done.tenant.0.into();
            let statement = Statement::from_sql_and_values(backend, sql, [tenant]);
            let row = db.query_one_raw(statement).await.expect("a count").expect("a row");
            let rows: i64 = row.try_get_by_index(0).expect("a number");
            if rows > 0 {
                found.insert(format!("{}.{table}", part.name), usize::try_from(rows).expect("a count"));
            }
        }
    }
    found
}

/// Takes everything along, and what somebody gets who may read less. Gives what the first got, by table.
pub async fn all(stack: &Stack, done: &Done, archivist: &Session) {
    let (said, folder) = exported(stack, archivist, "along").await;
    assert!(said.contains(" 0 withheld"), "{}: {said}", stack.name);
    let along = lines(&folder);
    let counts: BTreeMap<String, usize> = along.iter().map(|(table, rows)| (table.clone(), rows.len())).collect();
    assert_eq!(counts, stored(stack, done).await, "{}", stack.name);
    assert_eq!(counts["performance.records"], done.reading.bundle.records.len());
    let summary = std::fs::read_to_string(folder.join("export.json")).expect("a summary");
    let summary: serde_json::Value = serde_json::from_str(&summary).expect("JSON");
    assert_eq!(summary["tables"]["identity.people"]["rows"], counts["identity.people"]);
    assert!(
        along["compensation.statements"].iter().all(|row| row["line"].is_object()),
        "{}: pay is opened",
        stack.name
    );
    assert!(
        along["compensation.pools"].iter().all(|row| row["amount"]["minor"].is_i64()),
        "{:?}",
        along["compensation.pools"]
    );
    assert!(along["performance.credits"].iter().any(|row| row["shares"][0]["ppm"].is_u64()));
    assert!(along["performance.frozen_inputs"].iter().all(|row| row["body"].is_object()));

    let (said, _) = exported(stack, archivist, "along").await;
    assert!(said.contains("cannot make the folder"), "{said}");

    let (said, folder) = exported(stack, &done.crew.admin, "less").await;
    assert!(!said.contains(" 0 withheld"), "{}: {said}", stack.name);
    let less = lines(&folder);
    assert_eq!(less["identity.people"].len(), counts["identity.people"]);
    for table in ["compensation.statements", "performance.cards", "performance.credits"] {
        assert!(less[table].is_empty(), "{}: {table} is nobody's who lays out the group", stack.name);
    }
    let (said, folder) = exported(stack, &done.crew.auditor, "nothing").await;
    assert!(said.contains("suspended") && !folder.join("export.json").exists(), "{}: {said}", stack.name);
}
