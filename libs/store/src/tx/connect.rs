//! Opening a database: PostgreSQL with a pool, SQLite with one writer and a few readers.
//!
//! PostgreSQL is entered as a role that row-level security holds for. A superuser, an owner of the tables or a role with
//! BYPASSRLS is refused at the door, because for those the backstop would silently be gone.

use std::time::{Duration, Instant};

use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{Connection as _, PgConnection};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    IsolationLevel, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait as _, Value,
};
use tally_kernel::{Error, Kind, msg};

use crate::error::{Obstacle, StoreError};
use crate::names;

const SQLITE_READERS: u32 = 4;
/// Rows that SQLite's thread may be ahead of the reader: fewer hand-overs between the two.
const SQLITE_ROWS_AHEAD: usize = 1024;
const SQLITE_BUSY: Duration = Duration::from_secs(5);
const ACQUIRE: Duration = Duration::from_secs(10);
const PING_IF_IDLE: Duration = Duration::from_secs(5);
/// How long a server may take to say why it lets nobody in.
const ASK_WHY: Duration = Duration::from_secs(3);

/// What a transaction may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Reads; writes are refused by the database.
    Read,
    /// Reads, and all of it as it was at one moment.
    Snapshot,
    /// Reads and writes.
    Write,
}

/// As whom PostgreSQL sees a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The service's login role: sees one tenant.
    Login,
    /// The service's worker role: sees every tenant, in the store's own logs and work items only.
    Worker,
}

/// The transaction-local settings that row-level security and the statement timeout read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub tenant: String,
    pub region: String,
    pub actor: String,
    pub deadline: Option<Instant>,
}

/// The pools of one service.
#[derive(Clone, Debug)]
pub(crate) enum Pools {
    Postgres { pool: DatabaseConnection, service: &'static str, statement_timeout: Duration },
    Sqlite { writer: DatabaseConnection, readers: DatabaseConnection },
}

/// The URL of `service`: `{service}` in the pattern is replaced.
pub(crate) fn url_for(pattern: &str, service: &str) -> String {
    pattern.replace("{service}", service)
}

/// Which database a URL leads to.
pub(crate) fn backend_of(url: &str) -> Result<DbBackend, Error> {
    if url.starts_with("sqlite:") {
        Ok(DbBackend::Sqlite)
    } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        Ok(DbBackend::Postgres)
    } else {
        Err(Error::of(Kind::InvalidArgument, msg!("DATABASE_URL_INVALID")))
    }
}

fn options(url: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options.sqlx_logging(false).record_stmt_in_spans(false).acquire_timeout(ACQUIRE);
    options
}

/// The writer of a SQLite file; makes the file.
pub(crate) async fn sqlite_writer(url: &str) -> Result<DatabaseConnection, DbErr> {
    let mut options = options(url);
    options.max_connections(1).idle_timeout(None::<Duration>).max_lifetime(None::<Duration>).test_before_acquire(false);
    options.map_sqlx_sqlite_opts(|o| {
        o.create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(SQLITE_BUSY)
            .row_buffer_size(SQLITE_ROWS_AHEAD)
            // A destroyed key must not stay in a page that nobody uses.
            .pragma("secure_delete", "on")
            .pragma("cache_size", "-65536")
            .pragma("wal_autocheckpoint", "4000")
    });
    Database::connect(options).await
}

/// Connections to a SQLite file that cannot write.
pub(crate) async fn sqlite_readers(url: &str) -> Result<DatabaseConnection, DbErr> {
    let mut options = options(url);
    options.max_connections(SQLITE_READERS).idle_timeout(None::<Duration>).max_lifetime(None::<Duration>);
    options.test_before_acquire(false);
    options.map_sqlx_sqlite_opts(|o| {
        o.busy_timeout(SQLITE_BUSY).row_buffer_size(SQLITE_ROWS_AHEAD).pragma("query_only", "on")
    });
    Database::connect(options).await
}

/// A pool whose connections look into the service's schema.
pub(crate) async fn postgres(url: &str, service: &str, max_connections: u32) -> Result<DatabaseConnection, StoreError> {
    let mut options = options(url);
    options
        .max_connections(max_connections)
        .set_schema_search_path(service)
        .set_application_name(format!("tally {service}"));
    options.test_before_acquire(false).test_before_acquire_if_idle_for(PING_IF_IDLE);
    match Database::connect(options).await.map_err(StoreError::from) {
        Err(StoreError::Unreachable(text)) => {
            Err(why_nobody_gets_in(url).await.unwrap_or(StoreError::Unreachable(text)))
        }
        connected => connected,
    }
}

/// A pool tries until its time is over and then says just that; a single connection says what is the matter.
async fn why_nobody_gets_in(url: &str) -> Option<StoreError> {
    let options: PgConnectOptions = url.parse().ok()?;
    match tokio::time::timeout(ASK_WHY, PgConnection::connect_with(&options)).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(StoreError::of_driver(&error, error.to_string())),
        Err(_) => Some(StoreError::Unusable(Obstacle::Away(msg!("IO_NO_ANSWER")), "no answer in time".to_owned())),
    }
}

/// Refuses a role that row-level security does not hold for.
pub(crate) async fn refuse_powerful_role(pool: &impl ConnectionTrait, service: &str) -> Result<(), StoreError> {
    let row = pool
        .query_one_raw(Statement::from_sql_and_values(
            DbBackend::Postgres,
            "SELECT current_user::text, r.rolsuper, r.rolbypassrls, EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n \
             ON n.oid = c.relnamespace WHERE n.nspname = $1 AND pg_has_role(r.oid, c.relowner, 'MEMBER')) \
             FROM pg_roles r WHERE r.rolname = current_user",
            [service.into()],
        ))
        .await?
        .ok_or_else(|| StoreError::fault("pg_roles does not know the current user"))?;
    let (user, superuser, bypass, owner): (String, bool, bool, bool) = row.try_get_many_by_index()?;
    let power = match (superuser, bypass, owner) {
        (true, _, _) => msg!("POWER_SUPERUSER"),
        (_, true, _) => msg!("POWER_BYPASSRLS"),
        (_, _, true) => msg!("POWER_OWNER"),
        (false, false, false) => return Ok(()),
    };
    let message = msg!("DATABASE_ROLE_TOO_POWERFUL", service, user, power, login = names::login(service));
    Err(Error::of(Kind::InvalidArgument, message).into())
}

impl Pools {
    pub(crate) fn backend(&self) -> DbBackend {
        match self {
            Self::Postgres { .. } => DbBackend::Postgres,
            Self::Sqlite { .. } => DbBackend::Sqlite,
        }
    }

    /// Starts a transaction whose first statement sets the context (PostgreSQL). Waits for a connection no longer than
    /// the deadline.
    pub(crate) async fn begin(
        &self,
        mode: Mode,
        role: Role,
        settings: &Settings,
    ) -> Result<DatabaseTransaction, StoreError> {
        let Some(deadline) = settings.deadline else { return self.begin_now(mode, role, settings).await };
        let late = || StoreError::Timeout("no connection before the deadline".to_owned());
        let left = deadline.checked_duration_since(Instant::now()).ok_or_else(late)?;
        tokio::time::timeout(left, self.begin_now(mode, role, settings)).await.map_err(|_| late())?
    }

    async fn begin_now(&self, mode: Mode, role: Role, settings: &Settings) -> Result<DatabaseTransaction, StoreError> {
        match self {
            Self::Sqlite { writer, readers } => {
                let (pool, kind) = match mode {
                    Mode::Read | Mode::Snapshot => (readers, SqliteTransactionMode::Deferred),
                    Mode::Write => (writer, SqliteTransactionMode::Immediate),
                };
                let options =
                    TransactionOptions { sqlite_transaction_mode: Some(kind), ..TransactionOptions::default() };
                Ok(pool.begin_with_options(options).await?)
            }
            Self::Postgres { pool, service, statement_timeout } => {
                let isolation_level = (mode == Mode::Snapshot).then_some(IsolationLevel::RepeatableRead);
                let options = TransactionOptions { isolation_level, ..TransactionOptions::default() };
                let tx = pool.begin_with_options(options).await?;
                let left = settings.deadline.map(|at| at.saturating_duration_since(Instant::now()));
                let limit = left.unwrap_or(*statement_timeout).min(*statement_timeout).as_millis().max(1);
                // The schema as well: behind a pooler the session that was told it may be somebody else's by now.
                let mut sql = "SELECT set_config('app.tenant', $1, true), set_config('app.region', $2, true), \
                               set_config('app.actor', $3, true), set_config('statement_timeout', $4, true), \
                               set_config('search_path', $5, true)"
                    .to_owned();
                let mut values: Vec<Value> = vec![
                    settings.tenant.clone().into(),
                    settings.region.clone().into(),
                    settings.actor.clone().into(),
                    limit.to_string().into(),
                    (*service).into(),
                ];
                if mode == Mode::Write && !settings.tenant.is_empty() {
                    // Held until the end, so that a rotation of keys can wait for whoever seals with the old ones.
                    values.push(names::sealing_lock(&names::worker(service), &settings.tenant).into());
                    sql.push_str(&format!(", pg_advisory_xact_lock_shared(hashtextextended(${}, 3))", values.len()));
                }
                if role == Role::Worker {
                    values.push(names::worker(service).into());
                    sql.push_str(&format!(", set_config('role', ${}, true)", values.len()));
                }
                if mode != Mode::Write {
                    sql.push_str(", set_config('transaction_read_only', 'on', true)");
                }
                tx.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await?;
                Ok(tx)
            }
        }
    }
}
