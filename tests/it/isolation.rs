//! The schema of every service, as the migrations make it: no table that row-level security does not hold for, and no rule
//! that lets more through than the architecture names.

use tally_store::orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement};
use tally_suite::suite::SERVICES;
use tally_testkit::databases::database;

/// Where a service's worker role sees every group: the store's own logs and work items, and the wrapped keys that it rotates.
const OF_WORKERS: [&str; 6] = ["audit", "audit_people", "data_keys", "log_heads", "outbox", "work_items"];
/// Tables that belong to no group: positions in other services' events, where a group is found by its name, and the names of
/// what is sealed.
const OPEN: [&str; 3] = ["cursors", "directory", "sealed_columns"];
/// The rule of everything else.
const TENANT_ONLY: &str =
    "(tenant_id = ( SELECT (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid AS \"nullif\"))";
/// The same for each new row by itself, in the tables that get one row from a statement.
const TENANT_ONLY_ROW_BY_ROW: &str =
    "(tenant_id = (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid)";
const ROW_BY_ROW: [&str; 3] = ["audit", "outbox", "idempotency"];

/// What is wrong with the tables of a schema, a line each.
async fn complaints(db: &DatabaseConnection, schema: &str) -> Vec<String> {
    let sql = "SELECT c.relname::text, c.relrowsecurity AND c.relforcerowsecurity, EXISTS (SELECT 1 FROM pg_attribute a \
               WHERE a.attrelid = c.oid AND a.attname = 'tenant_id'), p.policyname::text, p.roles::text[], p.qual, p.with_check \
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               LEFT JOIN pg_policies p ON p.schemaname = n.nspname AND p.tablename = c.relname \
               WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND c.relname <> 'schema_migrations' ORDER BY 1, 4";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [schema.into()]);
    let mut wrong = Vec::new();
    for row in db.query_all_raw(statement).await.expect("the catalogue") {
        let (table, forced, of_tenants): (String, bool, bool) = row.try_get_many_by_index().expect("a table");
        let cell = |n: usize| row.try_get_by_index::<Option<String>>(n).expect("a rule");
        let (name, roles) = (cell(3), row.try_get_by_index::<Option<Vec<String>>>(4).expect("roles"));
        let (read, write) = (cell(5), cell(6));
        if !forced {
            wrong.push(format!("{schema}.{table}: no FORCE ROW LEVEL SECURITY"));
        }
        let worker = vec![format!("tally_{schema}_worker")];
        let of_new_rows = if ROW_BY_ROW.contains(&table.as_str()) { TENANT_ONLY_ROW_BY_ROW } else { TENANT_ONLY };
        let right = match name.as_deref() {
            Some("tenant") => read.as_deref() == Some(TENANT_ONLY) && write.as_deref() == Some(of_new_rows),
            Some("worker") => OF_WORKERS.contains(&table.as_str()) && roles.as_ref() == Some(&worker),
            Some("open") => !of_tenants && OPEN.contains(&table.as_str()),
            _ => false,
        };
        if !right {
            wrong.push(format!("{schema}.{table}: the rule {name:?} for {roles:?} is {read:?} and {write:?}"));
        }
    }
    wrong
}

#[tokio::test]
async fn row_level_security_holds_for_every_table_of_every_service() {
    let services: Vec<_> = SERVICES.iter().map(|part| (part.name, part.migrations)).collect();
    let database = database(&services).await;
    let db = Database::connect(ConnectOptions::new(database.owner_url())).await.expect("the owner");
    for part in SERVICES {
        assert_eq!(complaints(&db, part.name).await, [""; 0], "{}", part.name);
    }
    // The scan sees what it is to see: a table without, one that its owner escapes, and one whose rule lets everybody in.
    db.execute_unprepared("CREATE TABLE talent.leak (tenant_id uuid, id uuid)").await.expect("a table");
    assert_eq!(complaints(&db, "talent").await.len(), 2);
    db.execute_unprepared("ALTER TABLE talent.leak ENABLE ROW LEVEL SECURITY").await.expect("a change");
    assert!(complaints(&db, "talent").await[0].contains("talent.leak: no FORCE"));
    let all = "ALTER TABLE talent.leak FORCE ROW LEVEL SECURITY; CREATE POLICY tenant ON talent.leak USING (true)";
    db.execute_unprepared(all).await.expect("a change");
    let found = complaints(&db, "talent").await;
    assert!(found.len() == 1 && found[0].contains("talent.leak: the rule"), "{found:?}");
}
