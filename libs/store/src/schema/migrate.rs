//! Making and changing a service's schema: run by the owner of the database, never by the service itself on PostgreSQL.
//!
//! One schema, one login role and one worker role per service. The login role is not the owner, may not bypass row-level
//! security, and may only insert into the logs. It is a member of the worker role without inheriting it (so that worker
//! policies do not apply to it by themselves) and takes it on for single transactions with `SET LOCAL ROLE`.

use async_trait::async_trait;
use sea_orm::sea_query::{Alias, IntoIden, Table};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, DynIden, Statement};
use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTraitSelf, SchemaManager};
use tally_kernel::{Error, Kind, msg};

use crate::error::StoreError;
use crate::names::{
    AUDIT, AUDIT_PEOPLE, CURSORS, DATA_KEYS, FACTS, IDEMPOTENCY, KEY_ROTATIONS, LOG_HEADS, MIGRATIONS, OUTBOX,
    PERSON_KEYS, SEALED_COLUMNS, WORK_ITEMS, check_service, login, worker,
};
use crate::schema::columns::{
    Column, big, big_null, bytes, bytes_null, instant, instant_null, int, text, text_null, uuid, uuid_null,
};
use crate::schema::rules::{TENANT_ONLY, enable_open_rls, enable_rls, enable_rls_row_by_row, policy, sealed_column};
use crate::seal::class::KeyClass;
use crate::tx::connect::{backend_of, postgres, sqlite_writer, url_for};
use crate::tx::location::{Location, OwnerUrl};

/// The migrations of a service, oldest first; names begin with the service's.
pub type Migrations = fn() -> Vec<Box<dyn MigrationTrait>>;

pub(crate) struct Migrator {
    pub service: &'static str,
    pub migrations: Migrations,
}

impl MigratorTraitSelf for Migrator {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        let own: [Box<dyn MigrationTrait>; 2] =
            [Box::new(StoreTables::new(self.service)), Box::new(WorkTraces::new(self.service))];
        own.into_iter()
            .chain((self.migrations)())
            .map(|migration| Box::new(Whole(migration)) as Box<dyn MigrationTrait>)
            .collect()
    }

    fn migration_table_name(&self) -> DynIden {
        Alias::new(MIGRATIONS).into_iden()
    }
}

/// A migration that happens as a whole or not at all, on both databases.
struct Whole(Box<dyn MigrationTrait>);

impl MigrationName for Whole {
    fn name(&self) -> &str {
        self.0.name()
    }
}

#[async_trait]
impl MigrationTrait for Whole {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        self.0.up(manager).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

impl Migrator {
    /// Names are unique and begin with the service's: two with the same name would silently run once.
    pub(crate) fn check(&self) -> Result<(), Error> {
        check_service(self.service)?;
        let mut names: Vec<String> = self.migrations().iter().map(|m| m.name().to_owned()).collect();
        let stray = names.iter().find(|name| !name.starts_with(&format!("{}_", self.service))).cloned();
        names.sort_unstable();
        let twice = names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone());
        match stray.or(twice) {
            None => Ok(()),
            Some(name) => Err(Error::internal(format_args!(
                "migration {name} of {}: names must be unique and begin with the service's",
                self.service
            ))),
        }
    }

    /// Runs what is pending: the names.
    pub(crate) async fn run(&self, db: &DatabaseConnection) -> Result<Vec<String>, StoreError> {
        let pending = match self.get_pending_migrations(db).await {
            Ok(pending) => pending,
            Err(error) => return Err(self.behind(db, error).await),
        };
        let names = pending.iter().map(|m| m.name().to_owned()).collect();
        self.up(db, None).await?;
        Ok(names)
    }

    /// Refuses a schema that is behind, and one that is ahead.
    pub(crate) async fn refuse_pending(&self, db: &impl ConnectionTrait) -> Result<(), StoreError> {
        let pending = match self.get_pending_migrations_read_only(db).await {
            Ok(pending) => pending,
            Err(error) => return Err(self.behind(db, error).await),
        };
        match pending.first() {
            None => Ok(()),
            Some(first) => Err(Error::of(
                Kind::FailedPrecondition,
                msg!("SCHEMA_BEHIND", service = self.service, count = pending.len(), next = first.name()),
            )
            .into()),
        }
    }

    /// What to say where the migrations could not be read: sea-orm's own refusal means that the schema is ahead of this program.
    async fn behind(&self, db: &impl ConnectionTrait, error: DbErr) -> StoreError {
        let DbErr::Custom(_) = error else { return error.into() };
        let known: Vec<String> = self.migrations().iter().map(|m| m.name().to_owned()).collect();
        let sql = format!("SELECT version FROM {MIGRATIONS} ORDER BY version");
        let rows = match db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await {
            Ok(rows) => rows,
            Err(error) => return error.into(),
        };
        let applied = rows.iter().filter_map(|row| row.try_get_by_index::<String>(0).ok());
        let Some(migration) = applied.filter(|name| !known.contains(name)).last() else { return error.into() };
        Error::of(Kind::FailedPrecondition, msg!("SCHEMA_AHEAD", service = self.service, migration)).into()
    }
}

/// Migrates a service's schema. On PostgreSQL `url` is the owner's, and roles and grants are made as well.
pub(crate) async fn migrate(
    owner: OwnerUrl<'_>,
    password: Option<&str>,
    migrator: &Migrator,
) -> Result<Vec<String>, Error> {
    migrator.check()?;
    let url = url_for(owner.url, migrator.service);
    let location = Location::of_owner(OwnerUrl { url: &url, ..owner }, migrator.service)?;
    if backend_of(&url)? == DbBackend::Sqlite {
        let run = async { migrator.run(&sqlite_writer(&url).await?).await };
        return run.await.map_err(|error| location.told(error));
    }
    let run = async {
        // One connection, so that the lock and the migrations are in one session.
        let db = postgres(&url, migrator.service, 1).await?;
        let lock = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "SELECT pg_advisory_lock(hashtextextended($1, 2))",
            [format!("tally migrate {}", migrator.service).into()],
        );
        db.execute_raw(lock).await?;
        db.execute_unprepared(&roles(migrator.service, password)).await?;
        let applied = migrator.run(&db).await?;
        db.execute_unprepared(&grants(migrator.service)).await?;
        refuse_open_tables(&db, migrator.service).await?;
        db.close().await?;
        Ok(applied)
    };
    run.await.map_err(|error: StoreError| location.told(error))
}

/// Schema and roles, made if they are not there. The password is only set when one is given.
fn roles(service: &str, password: Option<&str>) -> String {
    let (login, worker) = (login(service), worker(service));
    let set_password =
        password.map(|p| format!("ALTER ROLE {login} PASSWORD '{}';", p.replace('\'', "''"))).unwrap_or_default();
    format!(
        "DO $$ BEGIN
           IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{worker}') THEN
             CREATE ROLE {worker} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
           END IF;
           IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{login}') THEN
             CREATE ROLE {login} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOINHERIT;
           END IF;
           IF NOT EXISTS (SELECT 1 FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles u ON u.oid = m.member
                          WHERE r.rolname = '{worker}' AND u.rolname = '{login}') THEN
             GRANT {worker} TO {login};
           END IF;
         END $$;
         {set_password}
         CREATE SCHEMA IF NOT EXISTS {service};
         SET search_path = {service};"
    )
}

fn grants(service: &str) -> String {
    let (login, worker) = (login(service), worker(service));
    format!(
        "GRANT USAGE ON SCHEMA {service} TO {login}, {worker};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {service} TO {login};
         REVOKE ALL ON {AUDIT}, {AUDIT_PEOPLE}, {OUTBOX}, {LOG_HEADS}, {MIGRATIONS} FROM {login};
         GRANT SELECT, INSERT ON {AUDIT}, {AUDIT_PEOPLE}, {OUTBOX} TO {login};
         GRANT SELECT ON {MIGRATIONS} TO {login};
         GRANT SELECT, UPDATE (position, chain) ON {AUDIT}, {OUTBOX} TO {worker};
         GRANT SELECT ON {AUDIT_PEOPLE} TO {worker};
         GRANT SELECT, INSERT, UPDATE ON {LOG_HEADS} TO {worker};
         GRANT SELECT, UPDATE ON {WORK_ITEMS} TO {worker};
         REVOKE DELETE ON {DATA_KEYS}, {PERSON_KEYS} FROM {login};
         REVOKE INSERT, UPDATE, DELETE ON {SEALED_COLUMNS} FROM {login};
         GRANT SELECT, INSERT, UPDATE ON {DATA_KEYS} TO {worker};"
    )
}

/// Every table but the list of migrations holds row-level security, for the owner as well.
async fn refuse_open_tables(db: &DatabaseConnection, service: &str) -> Result<(), StoreError> {
    let sql = "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND c.relname <> $2 \
               AND NOT (c.relrowsecurity AND c.relforcerowsecurity) ORDER BY 1";
    let values = [service.into(), MIGRATIONS.into()];
    let rows = db.query_all_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await?;
    let tables = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<Vec<String>, _>>()?;
    if tables.is_empty() {
        return Ok(());
    }
    Err(StoreError::fault(format_args!(
        "tables of {service} without row-level security: {}; their migrations must make them with a Schema",
        tables.join(", ")
    )))
}

/// The store's own tables.
struct StoreTables {
    service: &'static str,
    name: String,
}

impl StoreTables {
    fn new(service: &'static str) -> Self {
        Self { service, name: format!("{service}_0000_store") }
    }
}

impl MigrationName for StoreTables {
    fn name(&self) -> &str {
        &self.name
    }
}

#[async_trait]
impl MigrationTrait for StoreTables {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let worker = worker(self.service);
        audit(m).await?;
        audit_people(m).await?;
        outbox(m).await?;
        heads(m).await?;
        enable_rls_row_by_row(m, AUDIT).await?;
        enable_rls(m, AUDIT_PEOPLE).await?;
        enable_rls_row_by_row(m, OUTBOX).await?;
        for log in [AUDIT, AUDIT_PEOPLE, OUTBOX] {
            policy(m, log, "worker", &worker, "true").await?;
        }
        policy(m, LOG_HEADS, "worker", &worker, "true").await?;
        keys(m, &worker).await?;
        idempotency(m).await?;
        cursors(m).await?;
        work_items(m).await?;
        policy(m, WORK_ITEMS, "worker", &worker, "true").await?;
        facts(m, self.service).await
    }
}

/// Work items know the call that they are done for.
struct WorkTraces {
    name: String,
}

impl WorkTraces {
    fn new(service: &'static str) -> Self {
        Self { name: format!("{service}_0000_work_traces") }
    }
}

impl MigrationName for WorkTraces {
    fn name(&self) -> &str {
        &self.name
    }
}

#[async_trait]
impl MigrationTrait for WorkTraces {
    async fn up(&self, m: &SchemaManager) -> Result<(), DbErr> {
        let mut alter = Table::alter();
        m.alter_table(
            alter.table(Alias::new(WORK_ITEMS)).add_column(text_null("trace").on(m.get_database_backend())).take(),
        )
        .await
    }
}

async fn table(m: &SchemaManager<'_>, name: &str, columns: Vec<Column>, key: &[&str]) -> Result<(), DbErr> {
    let mut table = Table::create();
    table.table(Alias::new(name));
    for column in columns {
        table.col(column.on(m.get_database_backend()));
    }
    let mut primary = sea_orm::sea_query::Index::create();
    primary.name(format!("{name}_pk"));
    for column in key {
        primary.col(Alias::new(*column));
    }
    m.create_table(table.primary_key(&mut primary).take()).await
}

async fn audit(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = vec![
        uuid("tenant_id"),
        uuid("id"),
        instant("at"),
        uuid("principal"),
        text("actor"),
        uuid_null("on_behalf_of"),
        text("method"),
        text("action"),
        text("subject"),
        text("subject_id"),
        text_null("region"),
        text_null("request_id"),
        text_null("trace"),
        bytes_null("before_digest"),
        bytes_null("after_digest"),
        text("notes"),
        text("written"),
        bytes("content"),
        big_null("position"),
        bytes_null("chain"),
    ];
    table(m, AUDIT, columns, &["tenant_id", "id"]).await?;
    log_indexes(m, AUDIT, "tenant_id, position").await
}

/// Whom an entry is about: one row a person, bound to the entry by its content hash.
async fn audit_people(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = vec![uuid("tenant_id"), uuid("entry_id"), uuid("person_id")];
    table(m, AUDIT_PEOPLE, columns, &["tenant_id", "entry_id", "person_id"]).await?;
    let sql = "CREATE INDEX audit_people_person_idx ON audit_people (tenant_id, person_id, entry_id)";
    m.get_connection().execute_unprepared(sql).await?;
    Ok(())
}

async fn outbox(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = vec![
        uuid("tenant_id"),
        uuid("id"),
        instant("at"),
        text("kind"),
        text("key"),
        text("payload"),
        uuid("principal"),
        text("actor"),
        text_null("trace"),
        bytes("content"),
        big_null("position"),
        bytes_null("chain"),
    ];
    table(m, OUTBOX, columns, &["tenant_id", "id"]).await?;
    log_indexes(m, OUTBOX, "position").await
}

/// The order of insertion (SQLite has its rowid), what waits for a position, and the positions.
async fn log_indexes(m: &SchemaManager<'_>, log: &str, by_position: &str) -> Result<(), DbErr> {
    let db = m.get_connection();
    let mut waiting = "position";
    if m.get_database_backend() == DbBackend::Postgres {
        db.execute_unprepared(&format!("ALTER TABLE {log} ADD COLUMN seq bigint GENERATED ALWAYS AS IDENTITY")).await?;
        waiting = "seq";
    }
    let sql = format!(
        "CREATE INDEX {log}_waiting_idx ON {log} ({waiting}) WHERE position IS NULL; \
         CREATE UNIQUE INDEX {log}_position_key ON {log} ({by_position}) WHERE position IS NOT NULL"
    );
    db.execute_unprepared(&sql).await?;
    Ok(())
}

async fn heads(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = vec![
        text("log"),
        uuid("tenant_id"),
        big("position"),
        bytes("chain"),
        big("key_id"),
        bytes("signature"),
        instant("signed_at"),
    ];
    table(m, LOG_HEADS, columns, &["log", "tenant_id"]).await
}

/// Data keys of groups, keys of people, the columns that are sealed, and how far a rotation is.
async fn keys(m: &SchemaManager<'_>, worker: &str) -> Result<(), DbErr> {
    let data = vec![
        uuid("tenant_id"),
        text("class"),
        big("version"),
        big("master"),
        bytes_null("wrapped"),
        instant("recorded_at"),
        instant_null("destroyed_at"),
    ];
    table(m, DATA_KEYS, data, &["tenant_id", "class", "version"]).await?;
    enable_rls(m, DATA_KEYS).await?;
    policy(m, DATA_KEYS, "worker", worker, "true").await?;
    let people = vec![
        uuid("tenant_id"),
        uuid("id"),
        bytes_null("wrapped"),
        instant("recorded_at"),
        instant_null("destroyed_at"),
    ];
    table(m, PERSON_KEYS, people, &["tenant_id", "id"]).await?;
    enable_rls(m, PERSON_KEYS).await?;
    let sealed = vec![text("table_name"), text("column_name"), text("class")];
    table(m, SEALED_COLUMNS, sealed, &["table_name", "column_name"]).await?;
    enable_open_rls(m, SEALED_COLUMNS).await?;
    sealed_column(m, PERSON_KEYS, "wrapped", KeyClass::PersonKey).await?;
    let rotations = vec![
        uuid("tenant_id"),
        text("table_name"),
        text("column_name"),
        big("version"),
        uuid("after_id"),
        big("moved"),
    ];
    table(m, KEY_ROTATIONS, rotations, &["tenant_id", "table_name", "column_name"]).await?;
    enable_rls(m, KEY_ROTATIONS).await
}

async fn idempotency(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = vec![
        uuid("tenant_id"),
        uuid("id"),
        uuid("principal"),
        text("request_id"),
        text("method"),
        bytes("body"),
        bytes_null("result"),
        instant("recorded_at"),
    ];
    table(m, IDEMPOTENCY, columns, &["tenant_id", "id"]).await?;
    sealed_column(m, IDEMPOTENCY, "result", KeyClass::Result).await?;
    enable_rls_row_by_row(m, IDEMPOTENCY).await
}

/// A cursor belongs to the service, not to a tenant: it holds a position and nothing else.
async fn cursors(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    table(m, CURSORS, vec![text("source"), big("position")], &["source"]).await?;
    enable_open_rls(m, CURSORS).await
}

async fn work_items(m: &SchemaManager<'_>) -> Result<(), DbErr> {
    let columns = vec![
        uuid("tenant_id"),
        uuid("id"),
        text("kind"),
        uuid("group_id"),
        text("payload"),
        uuid_null("on_behalf_of"),
        text("state"),
        int("attempt"),
        big("lease_until"),
        text_null("worker"),
        text_null("fault"),
        instant("recorded_at"),
    ];
    table(m, WORK_ITEMS, columns, &["tenant_id", "id"]).await?;
    let sql = "CREATE INDEX work_items_open_idx ON work_items (kind, id) WHERE state = 'open'; \
               CREATE INDEX work_items_group_idx ON work_items (tenant_id, group_id, kind, state)";
    m.get_connection().execute_unprepared(sql).await?;
    policy(m, WORK_ITEMS, "tenant", "PUBLIC", TENANT_ONLY).await
}

/// Whose file this is: SQLite only, where one file is one service and one tenant.
async fn facts(m: &SchemaManager<'_>, service: &str) -> Result<(), DbErr> {
    if m.get_database_backend() != DbBackend::Sqlite {
        return Ok(());
    }
    table(m, FACTS, vec![text("name"), text("value")], &["name"]).await?;
    let sql = format!("INSERT INTO {FACTS} (name, value) VALUES ('service', '{service}')");
    m.get_connection().execute_unprepared(&sql).await?;
    Ok(())
}
