//! Every sealed column of every entity is registered with its class, and nothing else is: a rotation of keys finds them all.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tally_store::orm::{ConnectionTrait as _, Database, DbBackend, Statement};
use tally_store::{Keys, Store, StoreConfig};
use tally_suite::suite::SERVICES;
use tempfile::TempDir;

type Column = (String, String, String);

/// The sealed columns that the entities in these sources declare.
fn declared(folder: &Path, found: &mut BTreeSet<Column>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            declared(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            declared_in(&fs::read_to_string(&path).expect("a source file"), found);
        }
    }
}

fn declared_in(source: &str, found: &mut BTreeSet<Column>) {
    let mut table = "";
    for line in source.lines() {
        if let Some((_, name)) = line.split_once("table_name = \"") {
            table = name.split('"').next().unwrap_or_default();
        }
        let Some((name, of)) = line.trim().strip_prefix("pub ").and_then(|field| field.split_once(": ")) else {
            continue;
        };
        if let Some((_, class)) = of.split_once("Sealed<") {
            let class = class.split([',', '>']).next().unwrap_or_default();
            let class = class.rsplit("::").next().unwrap_or_default();
            found.insert((table.to_owned(), name.to_owned(), upper_snake(class)));
        }
    }
}

fn upper_snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

/// What a service's migrations registered, without the store's own tables.
async fn registered(folder: &Path, part: tally_suite::suite::SuiteService) -> BTreeSet<Column> {
    let url = format!("sqlite://{}", folder.join(format!("{}.db", part.name)).display());
    let store = Store::open(StoreConfig::new(&url, part.name, Keys::ephemeral()), part.migrations).await;
    drop(store.expect("a store"));
    let db = Database::connect(&url).await.expect("the file");
    let sql = "SELECT table_name, column_name, class FROM sealed_columns WHERE table_name NOT IN ('idempotency', 'person_keys')";
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.expect("rows");
    rows.iter().map(|row| row.try_get_many_by_index().expect("three texts")).collect()
}

#[tokio::test]
async fn what_the_entities_seal_is_what_the_migrations_registered() {
    let folder = TempDir::new().expect("a temporary folder");
    let services = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the folder of services");
    let mut all = 0;
    for part in SERVICES {
        let mut entities = BTreeSet::new();
        declared(&services.join(part.name).join("src"), &mut entities);
        assert_eq!(entities, registered(folder.path(), part).await, "{}", part.name);
        all += entities.len();
    }
    assert!(all >= 4, "pay alone has four columns, {all} were found");
}

#[test]
fn a_declaration_is_seen_however_the_class_is_written() {
    let source = "#[sea_orm(table_name = \"people\")]\n    pub id_number: Option<Sealed<class::IdNumber, IdNumber>>,\n\
                  pub bonus: Sealed<Salary, Money>,\npub name: String,";
    let mut found = BTreeSet::new();
    declared_in(source, &mut found);
    let of = |column: &str, class: &str| ("people".to_owned(), column.to_owned(), class.to_owned());
    assert_eq!(found, [of("bonus", "SALARY"), of("id_number", "ID_NUMBER")].into());
}
