//! Whose rows a transaction sees, and what happens behind the filter.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use sea_orm::{
    ActiveValue, ColumnTrait as _, ConnectionTrait as _, DbBackend, DbErr, Statement, TransactionTrait as _,
};
use sea_orm_migration::{MigrationName, SchemaManager};
use tally_access::{Reach, Regions};
use tally_kernel::Kind;
use tally_kernel::id::{OrgUnitId, PersonId};
use tally_store::migration::{MigrationTrait, migration};
use tally_store::{Keys, Store, StoreConfig, StoreError};
use uuid::Uuid;

use crate::databases::{Backend, TestStore};
use crate::on_both;
use crate::sample::{
    self, SERVICE, audit, codes, context, database, group, note, owner, reaching, row, unit_of, write,
};

#[tokio::test]
async fn each_tenant_sees_changes_and_deletes_its_own_rows_only() {
    let db = TestStore::postgres(SERVICE, sample::migrations).await;
    let (one, two) = (context(&db, 1), context(&db, 2));
    write(&db.store, &one, &["a", "b"]).await;
    write(&db.store, &two, &["c"]).await;
    assert_eq!(codes(&db.store, &one).await, ["a", "b"]);
    assert_eq!(codes(&db.store, &two).await, ["c"]);

    let work = unit_of(&db.store, &two).await;
    let all = || note::Column::Amount.gte(0);
    assert_eq!(work.update::<note::Entity>().set(note::Column::Title, "mine").filter(all()).exec().await.unwrap(), 1);
    assert_eq!(work.delete::<note::Entity>().filter(all()).exec().await.unwrap(), 1);
    work.commit(audit(), ()).await.unwrap();
    assert_eq!(codes(&db.store, &one).await, ["a", "b"]);
    assert_eq!(codes(&db.store, &two).await, [""; 0]);
}

#[tokio::test]
async fn a_second_tenant_on_sqlite_is_refused_with_the_reason() {
    let db = TestStore::sqlite(SERVICE, sample::migrations).await;
    write(&db.store, &context(&db, 1), &["a"]).await;
    for store in [db.store.clone(), db.replica().await] {
        let other = context(&db, 2);
        let refused = store.read(&other).await.err().unwrap();
        assert_eq!(refused.reason(), "TENANT_NOT_HERE");
        assert!(
            tally_i18n::sentence(tally_kernel::Locale::En, &refused).contains("PostgreSQL"),
            "{}",
            tally_i18n::sentence(tally_kernel::Locale::En, &refused)
        );
        assert_eq!(store.unit(&other, &sample::permit(&other)).await.unwrap_err().reason(), "TENANT_NOT_HERE");
    }
    assert_eq!(codes(&db.store, &context(&db, 1)).await, ["a"]);
}

on_both!(a_context_without_a_tenant_gets_no_transaction);
async fn a_context_without_a_tenant_gets_no_transaction(on: Backend) {
    let db = database(on).await;
    let nobody = context(&db, 0);
    assert_eq!(db.store.read(&nobody).await.err().unwrap().kind(), Kind::Unauthenticated);
    assert_eq!(db.store.unit(&nobody, &sample::permit(&nobody)).await.unwrap_err().kind(), Kind::Unauthenticated);
}

/// Row-level security itself, with the login role and past the store.
pub async fn login(db: &TestStore) -> sea_orm::DatabaseConnection {
    let mut options = sea_orm::ConnectOptions::new(db.config.url.replace("{service}", SERVICE));
    options.set_schema_search_path(SERVICE).max_connections(1).sqlx_logging(false);
    sea_orm::Database::connect(options).await.unwrap()
}

async fn number(db: &impl sea_orm::ConnectionTrait, sql: &str) -> i64 {
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap();
    row.unwrap().try_get_by_index(0).unwrap()
}

#[tokio::test]
async fn without_a_tenant_the_database_itself_shows_and_takes_nothing_even_on_a_used_connection() {
    let db = TestStore::postgres(SERVICE, sample::migrations).await;
    write(&db.store, &context(&db, 1), &["a"]).await;
    let used = login(&db).await;
    let visible = "SELECT count(*) FROM notes";
    assert_eq!(number(&used, visible).await, 0, "a connection that never had a tenant");
    let tx = used.begin().await.unwrap();
    let set = "SELECT set_config('app.tenant', '00000000-0000-0000-0000-000000000001', true)";
    tx.execute_unprepared(set).await.unwrap();
    assert_eq!(number(&tx, visible).await, 1);
    tx.commit().await.unwrap();
    assert_eq!(number(&used, visible).await, 0, "the setting is now '' and must mean nobody");
    assert_eq!(number(&used, "SELECT count(*) FROM audit").await, 0);
    let insert = "INSERT INTO notes (tenant_id, id, region, code, title, amount, recorded_at, \
                  audit_id) VALUES ('00000000-0000-0000-0000-000000000001', gen_random_uuid(), '*', 'x', 'x', 1, now(), \
                  gen_random_uuid())";
    let refused = used.execute_unprepared(insert).await.unwrap_err().to_string();
    assert!(refused.contains("row-level security"), "{refused}");
    assert_eq!(used.execute_unprepared("UPDATE notes SET amount = 2").await.unwrap().rows_affected(), 0);
    assert_eq!(used.execute_unprepared("DELETE FROM notes").await.unwrap().rows_affected(), 0);
    assert_eq!(codes(&db.store, &context(&db, 1)).await, ["a"]);
}

#[tokio::test]
async fn no_other_way_to_ask_shows_or_takes_more() {
    let db = TestStore::postgres(SERVICE, sample::migrations).await;
    write(&db.store, &context(&db, 1), &["a"]).await;
    let login = login(&db).await;
    let pool = login.get_postgres_connection_pool();
    for copy in ["COPY notes TO STDOUT", "COPY (TABLE notes) TO STDOUT", "COPY audit TO STDOUT"] {
        let mut session = pool.acquire().await.unwrap();
        let bytes: Vec<_> = session.copy_out_raw(copy).await.unwrap().collect().await;
        assert!(bytes.is_empty(), "{copy}");
    }
    let refused =
        pool.acquire().await.unwrap().copy_in_raw("COPY notes FROM STDIN").await.map(drop).unwrap_err().to_string();
    assert!(refused.contains("row-level security"), "{refused}");

    let merge = "MERGE INTO notes USING (SELECT 1) AS one ON title <> '' WHEN MATCHED THEN UPDATE SET title = 'stolen'";
    assert_eq!(login.execute_unprepared(merge).await.unwrap().rows_affected(), 0);
    // One that reads no column meets the row and is refused for it.
    match login.execute_unprepared(&merge.replace("title <> ''", "true")).await {
        Ok(done) => assert_eq!(done.rows_affected(), 0),
        Err(error) => assert!(error.to_string().contains("row-level security"), "{error}"),
    }
    let owner = owner(&db).await;
    assert_eq!(number(&owner, "SELECT count(*) FROM notes WHERE title <> 'stolen'").await, 1);

    let row = owner.query_one_raw(Statement::from_string(DbBackend::Postgres, "SELECT id FROM notes")).await.unwrap();
    let id: Uuid = row.unwrap().try_get_by_index(0).unwrap();
    let tenant_two = "SELECT set_config('app.tenant', '00000000-0000-0000-0000-000000000002', false)";
    for context in ["SELECT 1", tenant_two] {
        login.execute_unprepared(context).await.unwrap();
        let upsert = format!(
            "INSERT INTO notes (tenant_id, id, region, code, title, amount, recorded_at, audit_id) VALUES \
             ('00000000-0000-0000-0000-000000000001', '{id}', '*', 'x', 'stolen', 1, now(), '{id}') \
             ON CONFLICT (tenant_id, id) DO UPDATE SET title = 'stolen' RETURNING title"
        );
        let refused = login.execute_unprepared(&upsert).await.unwrap_err().to_string();
        assert!(refused.contains("row-level security"), "{refused}");

        let explain = "EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM notes";
        let plan = login.query_one_raw(Statement::from_string(DbBackend::Postgres, explain)).await.unwrap().unwrap();
        let plan: serde_json::Value = plan.try_get_by_index(0).unwrap();
        assert_eq!(plan[0]["Plan"]["Actual Rows"].as_f64(), Some(0.0), "{plan}");

        // A function of one's own that tells what it is given is asked about no foreign row.
        let peek = "CREATE OR REPLACE FUNCTION pg_temp.peek(told text) RETURNS bool COST 0.0000001 LANGUAGE plpgsql \
                    AS $$ BEGIN RAISE EXCEPTION 'saw %', told; END $$";
        login.execute_unprepared(peek).await.unwrap();
        assert_eq!(number(&login, "SELECT count(*) FROM notes WHERE pg_temp.peek(title)").await, 0);
    }
    assert_eq!(codes(&db.store, &context(&db, 1)).await, ["a"]);
}

#[tokio::test]
async fn the_login_role_can_add_to_the_logs_but_not_rewrite_them_nor_see_other_tenants() {
    let db = TestStore::postgres(SERVICE, sample::migrations).await;
    write(&db.store, &context(&db, 1), &["a"]).await;
    write(&db.store, &context(&db, 2), &["b"]).await;
    let login = login(&db).await;
    for sql in
        ["UPDATE audit SET notes = ''", "DELETE FROM audit", "UPDATE outbox SET payload = ''", "DELETE FROM outbox"]
    {
        let refused = login.execute_unprepared(sql).await.unwrap_err().to_string();
        assert!(refused.contains("permission denied"), "{sql}: {refused}");
    }
    for sql in ["SELECT count(*) FROM log_heads", "TRUNCATE notes", "ALTER TABLE notes DISABLE ROW LEVEL SECURITY"] {
        assert!(login.execute_unprepared(sql).await.is_err(), "{sql}");
    }
    let tx = login.begin().await.unwrap();
    let set = "SELECT set_config('app.tenant', '00000000-0000-0000-0000-000000000001', true)";
    tx.execute_unprepared(set).await.unwrap();
    assert_eq!(number(&tx, "SELECT count(*) FROM audit").await, 1);
}

#[tokio::test]
async fn a_pool_of_one_connection_serves_many_tenants_without_mixing_them() {
    let db = TestStore::postgres(SERVICE, sample::migrations).await;
    let config = StoreConfig { max_connections: 1, ..db.config.clone() };
    let store = Store::open(config, sample::migrations).await.unwrap();
    for n in 1..=40 {
        let ctx = context(&db, n);
        write(&store, &ctx, &[&format!("of {n}")]).await;
        if n % 3 == 0 {
            drop(unit_of(&store, &ctx).await);
        }
    }
    for n in 1..=40 {
        assert_eq!(codes(&store, &context(&db, n)).await, [format!("of {n}")]);
    }
}

#[tokio::test]
async fn every_table_but_the_list_of_migrations_holds_row_level_security_for_its_owner_too() {
    let db = TestStore::postgres(SERVICE, sample::migrations).await;
    let rows = owner(&db)
        .await
        .query_all_raw(Statement::from_string(
            DbBackend::Postgres,
            "SELECT c.relname::text, c.relrowsecurity AND c.relforcerowsecurity, \
             ARRAY(SELECT p.polname::text FROM pg_policy p WHERE p.polrelid = c.oid ORDER BY 1) \
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = 'sample' AND c.relkind = 'r' ORDER BY 1",
        ))
        .await
        .unwrap();
    let found: Vec<(String, bool, String)> = rows
        .iter()
        .map(|row| {
            let policies: Vec<String> = row.try_get_by_index(2).unwrap();
            (row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap(), policies.join("+"))
        })
        .collect();
    let expected = [
        ("audit", true, "tenant+worker"),
        ("audit_people", true, "tenant+worker"),
        ("badges", true, "tenant"),
        ("cursors", true, "open"),
        ("data_keys", true, "tenant+worker"),
        ("groups", true, "open"),
        ("idempotency", true, "tenant"),
        ("key_rotations", true, "tenant"),
        ("log_heads", true, "worker"),
        ("notes", true, "tenant"),
        ("outbox", true, "tenant+worker"),
        ("person_keys", true, "tenant"),
        ("schema_migrations", false, ""),
        ("sealed_columns", true, "open"),
        ("work_items", true, "tenant+worker"),
    ];
    let expected: Vec<_> = expected.map(|(t, forced, p)| (t.to_owned(), forced, p.to_owned())).into();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_role_that_row_level_security_does_not_hold_for_is_refused_at_the_door() {
    let db = TestStore::postgres(SERVICE, sample::migrations).await;
    let config = StoreConfig { url: db.owner_url.clone(), ..db.config.clone() };
    let refused = Store::open(config, sample::migrations).await.unwrap_err();
    assert_eq!(refused.reason(), "DATABASE_ROLE_TOO_POWERFUL");
    assert!(
        tally_i18n::sentence(tally_kernel::Locale::En, &refused).contains("superuser")
            && tally_i18n::sentence(tally_kernel::Locale::En, &refused).contains("tally_sample"),
        "{}",
        tally_i18n::sentence(tally_kernel::Locale::En, &refused)
    );
}

#[tokio::test]
async fn a_role_with_bypassrls_and_the_owner_of_the_tables_are_refused_too() {
    let db = TestStore::postgres(SERVICE, sample::migrations).await;
    let owner = owner(&db).await;
    let name = format!("powerful_{}", context(&db, 1).new_id().simple());
    owner.execute_unprepared(&format!("CREATE ROLE {name} LOGIN BYPASSRLS")).await.unwrap();
    let url = db.owner_url.replace("postgres://postgres@", &format!("postgres://{name}@"));
    let open = || Store::open(StoreConfig { url: url.clone(), ..db.config.clone() }, sample::migrations);
    let refused = open().await.unwrap_err();
    assert!(tally_i18n::sentence(tally_kernel::Locale::En, &refused).contains("BYPASSRLS"), "{refused:?}");
    owner
        .execute_unprepared(&format!("ALTER ROLE {name} NOBYPASSRLS; ALTER TABLE notes OWNER TO {name}"))
        .await
        .unwrap();
    let refused = open().await.unwrap_err();
    assert!(tally_i18n::sentence(tally_kernel::Locale::En, &refused).contains("owner of the tables"), "{refused:?}");
    owner.execute_unprepared(&format!("ALTER TABLE notes OWNER TO postgres; DROP ROLE {name}")).await.unwrap();
}

#[tokio::test]
async fn a_table_without_row_level_security_is_refused_by_the_migration() {
    struct Open;
    impl MigrationName for Open {
        fn name(&self) -> &str {
            "sample_0002_open"
        }
    }
    #[async_trait::async_trait]
    impl MigrationTrait for Open {
        async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
            m.get_connection().execute_unprepared("CREATE TABLE open_notes (tenant_id uuid)").await.map(drop)
        }
    }
    let db = TestStore::postgres(SERVICE, sample::migrations).await;
    let with_open =
        || -> Vec<Box<dyn MigrationTrait>> { sample::migrations().into_iter().chain([Box::new(Open) as _]).collect() };
    let refused = Store::migrate(&db.owner_url, SERVICE, None, with_open).await.unwrap_err();
    assert!(refused.internal_context().unwrap().contains("open_notes"), "{refused:?}");
}

on_both!(migrating_again_changes_nothing_and_names_must_belong_to_the_service);
async fn migrating_again_changes_nothing_and_names_must_belong_to_the_service(on: Backend) {
    let db = database(on).await;
    let again = Store::migrate(&db.owner_url, SERVICE, Some("it's a password"), sample::migrations).await.unwrap();
    assert_eq!(again, [""; 0]);
    let stray = || vec![migration("other_0001_notes", |_| {})];
    let stray = Store::migrate(&db.owner_url, SERVICE, None, stray).await.unwrap_err();
    assert!(stray.internal_context().unwrap().contains("other_0001_notes"), "{stray:?}");
}

on_both!(rows_without_a_tenant_are_read_before_anybody_is_known);
async fn rows_without_a_tenant_are_read_before_anybody_is_known(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    let work = unit_of(&db.store, &ctx).await;
    let name = ActiveValue::Set("acme".to_owned());
    work.insert_unscoped(group::ActiveModel { name, tenant: ActiveValue::Set(ctx.tenant().0) }).await.unwrap();
    work.insert(row(&ctx, "a")).await.unwrap();
    work.commit(audit(), ()).await.unwrap();
    let tx = db.store.directory().await.unwrap();
    let found = tx.select_unscoped::<group::Entity>().filter(group::Column::Name.eq("acme")).one().await.unwrap();
    assert_eq!(found.unwrap().tenant, ctx.tenant().0);
    assert_eq!(tx.select::<note::Entity>().count().await.unwrap(), 0, "no tenant, no rows");
}

#[tokio::test]
async fn a_schema_that_is_behind_is_refused_and_a_file_of_another_service_too() {
    let db = TestStore::postgres(SERVICE, Vec::new).await;
    let behind = Store::open(db.config.clone(), sample::migrations).await.unwrap_err();
    assert_eq!(behind.reason(), "SCHEMA_BEHIND");
    assert!(
        tally_i18n::sentence(tally_kernel::Locale::En, &behind).contains("sample_0001_notes"),
        "{}",
        tally_i18n::sentence(tally_kernel::Locale::En, &behind)
    );

    let dir = tempfile::TempDir::new().unwrap();
    let url = format!("sqlite://{}/one.db", dir.path().display());
    let open = |service| Store::open(StoreConfig::new(url.clone(), service, Keys::ephemeral()), Vec::new);
    open("first").await.unwrap();
    assert_eq!(open("second").await.unwrap_err().reason(), "STORE_OF_ANOTHER_SERVICE");
}

on_both!(a_stack_of_one_region_reads_and_writes_that_region_and_group_level_rows);
async fn a_stack_of_one_region_reads_and_writes_that_region_and_group_level_rows(on: Backend) {
    let db = database(on).await;
    let everywhere = context(&db, 1);
    let work = unit_of(&db.store, &everywhere).await;
    for (code, region) in [("n", "cn-north"), ("e", "eu-west"), ("g", "*")] {
        let region = ActiveValue::Set(region.to_owned());
        work.insert(note::ActiveModel { region, ..row(&everywhere, code) }).await.unwrap();
    }
    work.commit(audit(), ()).await.unwrap();
    let mut north = everywhere.clone();
    north.regions = Regions::Only(["cn-north".parse().unwrap()].into());
    assert_eq!(codes(&db.store, &north).await, ["g", "n"]);

    let work = unit_of(&db.store, &north).await;
    let abroad = note::ActiveModel { region: ActiveValue::Set("eu-west".to_owned()), ..row(&north, "x") };
    let Err(StoreError::Refused(refused)) = work.insert(abroad).await else { panic!("it went in") };
    assert_eq!(refused.reason(), "REGION_NOT_SERVED");
    let all = note::Column::Amount.gte(0);
    let moved = work.update::<note::Entity>().set(note::Column::Region, "eu-west").filter(all.clone()).exec().await;
    assert!(moved.is_err());
    let touched = work.update::<note::Entity>().set(note::Column::Amount, 5_i64).filter(all).exec().await.unwrap();
    assert_eq!(touched, 2);
}

on_both!(a_plan_lists_exactly_what_its_reach_covers_however_many_units_it_names);
async fn a_plan_lists_exactly_what_its_reach_covers_however_many_units_it_names(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    let (unit_a, person_b) = (Uuid::from_u128(77), Uuid::from_u128(88));
    let work = unit_of(&db.store, &ctx).await;
    let of = |code: &str, unit: Option<Uuid>, person: Option<Uuid>| note::ActiveModel {
        unit_id: ActiveValue::Set(unit),
        person_id: ActiveValue::Set(person),
        ..row(&ctx, code)
    };
    let rows = [
        of("plain", None, None),
        of("unit", Some(unit_a), None),
        of("person", Some(Uuid::from_u128(1)), Some(person_b)),
        of("both", Some(unit_a), Some(person_b)),
    ];
    work.insert_many(rows).await.unwrap();
    work.commit(audit(), ()).await.unwrap();
    let ten_thousand = (1000..11_000).map(|n| OrgUnitId(Uuid::from_u128(n)));
    let reaches = [
        (Reach::everything(), vec!["both", "person", "plain", "unit"]),
        (
            Reach { units: [OrgUnitId(unit_a)].into_iter().chain(ten_thousand).collect(), ..Reach::default() },
            vec!["both", "unit"],
        ),
        (Reach { persons: [PersonId(person_b)].into_iter().collect(), ..Reach::default() }, vec!["both", "person"]),
        (
            Reach { regions: BTreeSet::from(["cn-north".parse().unwrap()]), ..Reach::default() },
            vec!["both", "person", "plain", "unit"],
        ),
        (Reach { regions: BTreeSet::from(["eu-west".parse().unwrap()]), ..Reach::default() }, vec![]),
    ];
    for (reach, expected) in reaches {
        let (ctx, plan) = reaching(&ctx, reach);
        let tx = db.store.read(&ctx).await.unwrap();
        let seen = tx.select::<note::Entity>().within(&plan).order_by_asc(note::Column::Code).all().await.unwrap();
        let seen: Vec<&str> = seen.iter().map(|note| note.code.as_str()).collect();
        assert_eq!(seen, expected);
    }
}
