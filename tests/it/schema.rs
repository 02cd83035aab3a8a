//! The tables that migrations make, as both databases know them: a migration that ran is never changed, however it is
//! written, so what stands in the snapshots only grows.

use std::fmt::Write as _;

use tally_store::orm::{ConnectOptions, ConnectionTrait, Database, DbBackend, Statement};
use tally_suite::suite::SERVICES;
use tally_testkit::databases::{TestStore, database};

use crate::snapshot;

/// What SQLite keeps of its schema, and what is sealed.
const SQLITE: [&str; 2] = [
    "SELECT type || ' ' || tbl_name || ': ' || sql FROM sqlite_master WHERE sql IS NOT NULL \
     AND tbl_name <> 'schema_migrations' ORDER BY tbl_name, type <> 'table', name",
    "SELECT 'sealed ' || table_name || ': ' || column_name || ' as ' || class FROM sealed_columns ORDER BY 1",
];

/// Columns, constraints, indexes, rules and what is sealed of a PostgreSQL schema, which stands for `$1`.
const POSTGRES: [&str; 5] = [
    "SELECT 'column ' || c.relname || ': ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) \
     || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END || COALESCE(' default ' || pg_get_expr(d.adbin, d.adrelid), '') \
     || CASE WHEN a.attidentity <> '' THEN ' identity ' || a.attidentity::text ELSE '' END \
     || CASE WHEN l.collname <> 'default' THEN ' collate ' || l.collname ELSE '' END \
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum \
     LEFT JOIN pg_collation l ON l.oid = a.attcollation \
     WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped \
     AND c.relname <> 'schema_migrations' ORDER BY c.relname, a.attnum",
    "SELECT 'constraint ' || conrelid::regclass || ': ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint \
     WHERE connamespace = $1::regnamespace AND conrelid <> ($1 || '.schema_migrations')::regclass ORDER BY 1",
    "SELECT 'index ' || tablename || ': ' || indexdef FROM pg_indexes WHERE schemaname = $1 \
     AND tablename <> 'schema_migrations' ORDER BY tablename, indexname",
    "SELECT 'rule ' || c.relname || ': ' || CASE WHEN c.relforcerowsecurity THEN 'forced ' ELSE '' END \
     || COALESCE(p.policyname || ' ' || p.cmd || ' to ' || p.roles::text || ' using ' || p.qual || ' check ' || p.with_check, '') \
     FROM pg_class c LEFT JOIN pg_policies p ON p.schemaname = $1 AND p.tablename = c.relname \
     WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r' AND c.relname <> 'schema_migrations' ORDER BY 1",
    "SELECT 'sealed ' || table_name || ': ' || column_name || ' as ' || class FROM sealed_columns ORDER BY 1",
];

async fn lines(db: &impl ConnectionTrait, statements: Vec<Statement>) -> String {
    let mut text = String::new();
    for statement in statements {
        for row in db.query_all_raw(statement).await.expect("the catalogue") {
            let line: String = row.try_get_by_index(0).expect("a line");
            writeln!(text, "{line}").expect("a text");
        }
    }
    text
}

#[tokio::test]
async fn the_tables_of_every_service_on_sqlite_are_those_of_the_snapshot() {
    let mut text = String::new();
    for part in SERVICES {
        let store = TestStore::sqlite(part.name, part.migrations).await;
        let db = Database::connect(ConnectOptions::new(store.owner_url.as_str())).await.expect("the file");
        let statements = SQLITE.map(|sql| Statement::from_string(DbBackend::Sqlite, sql)).into();
        write!(text, "\n# {}\n{}", part.name, lines(&db, statements).await).expect("a text");
    }
    snapshot::check("schema_sqlite", text.trim_start());
}

#[tokio::test]
async fn the_tables_of_every_service_on_postgresql_are_those_of_the_snapshot() {
    let services: Vec<_> = SERVICES.iter().map(|part| (part.name, part.migrations)).collect();
    let database = database(&services).await;
    let mut text = String::new();
    for part in SERVICES {
        let mut options = ConnectOptions::new(database.owner_url());
        options.set_schema_search_path(part.name);
        let db = Database::connect(options).await.expect("the owner");
        let bound = |sql: &str| match sql.contains("$1") {
            true => Statement::from_sql_and_values(DbBackend::Postgres, sql, [part.name.into()]),
            false => Statement::from_string(DbBackend::Postgres, sql),
        };
        let statements = POSTGRES.iter().map(|sql| bound(sql)).collect();
        write!(text, "\n# {}\n{}", part.name, lines(&db, statements).await).expect("a text");
    }
    snapshot::check("schema_postgres", text.trim_start());
}
