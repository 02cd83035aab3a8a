//! A store for a test, on both databases: every store test runs on SQLite and on PostgreSQL with the same code, as two
//! tests that run beside each other and fail alone.
//!
//! ```ignore
//! on_both!(a_punch_counts_once); // a_punch_counts_once::sqlite and a_punch_counts_once::postgres
//! async fn a_punch_counts_once(on: Backend) {
//!     let db = TestStore::on(on, "attendance", crate::migrations).await;
//! }
//! ```
//!
//! PostgreSQL is entered as in production: with the service's login role, which row-level security holds for. The schema
//! is migrated once per build of a test binary and copied for every test.

use sea_orm::{ConnectOptions, ConnectionTrait as _};
use tally_kernel::Clock;
use tally_store::{Keys, Migrations, Store, StoreConfig};
use tempfile::TempDir;

use crate::postgres::{Database, Server, build_mark, has_template};

/// A database that the suite runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
}

/// Two tests of an `async fn(Backend)`, named after it; what else is given is how `tokio::test` runs them.
#[macro_export]
macro_rules! on_both {
    ($name:ident $(, $how:ident = $value:literal)*) => {
        mod $name {
            #[tokio::test($($how = $value),*)]
            async fn sqlite() {
                Box::pin(super::$name($crate::databases::Backend::Sqlite)).await;
            }

            #[tokio::test($($how = $value),*)]
            async fn postgres() {
                Box::pin(super::$name($crate::databases::Backend::Postgres)).await;
            }
        }
    };
}

/// A store of its own for one test; its database goes with it.
#[derive(Debug)]
pub struct TestStore {
    /// The store.
    pub store: Store,
    /// `sqlite` or `postgres`.
    pub name: &'static str,
    /// The clock of the store's background work: stands still until it is moved.
    pub clock: Clock,
    /// How the store was opened: to open it again as a second replica.
    pub config: StoreConfig,
    /// The owner's URL: to look into the database past the store, and to tamper.
    pub owner_url: String,
    migrations: Migrations,
    _files: Option<TempDir>,
    _database: Option<Database>,
}

impl TestStore {
    /// On one of the two.
    ///
    /// # Panics
    /// When the database cannot be had.
    pub async fn on(backend: Backend, service: &'static str, migrations: Migrations) -> Self {
        match backend {
            Backend::Sqlite => Self::sqlite(service, migrations).await,
            Backend::Postgres => Self::postgres(service, migrations).await,
        }
    }

    /// A SQLite file.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn sqlite(service: &'static str, migrations: Migrations) -> Self {
        let dir = TempDir::new().expect("a temporary folder");
        let url = format!("sqlite://{}/{{service}}.db", dir.path().display());
        let owner_url = url.replace("{service}", service);
        Self::open("sqlite", url, owner_url, service, migrations, Some(dir), None).await
    }

    /// A PostgreSQL database, entered with the login role.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn postgres(service: &'static str, migrations: Migrations) -> Self {
        let database = database(&[(service, migrations)]).await;
        let (url, owner_url) = (database.url("tally_{service}"), database.owner_url());
        Self::open("postgres", url, owner_url, service, migrations, None, Some(database)).await
    }

    async fn open(
        name: &'static str,
        url: String,
        owner_url: String,
        service: &'static str,
        migrations: Migrations,
        files: Option<TempDir>,
        database: Option<Database>,
    ) -> Self {
        let clock = Clock::fixed("2026-03-02T08:00:00Z".parse().expect("an instant"));
        let mut config = StoreConfig::new(url, service, Keys::ephemeral());
        config.clock = clock.clone();
        config.max_connections = 8;
        let store = Store::open(config.clone(), migrations).await.unwrap_or_else(|e| panic!("{name}: {e:?}"));
        Self { store, name, clock, config, owner_url, migrations, _files: files, _database: database }
    }

    /// Runs one statement past the store, as the owner of the database could: how many rows it met.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn tamper(&self, sql: &str) -> u64 {
        let mut options = ConnectOptions::new(&self.owner_url);
        options.sqlx_logging(false).max_connections(1);
        if self.name == "postgres" {
            options.set_schema_search_path(self.store.service());
        }
        let owner = sea_orm::Database::connect(options).await.unwrap_or_else(|e| panic!("{}: {e:?}", self.name));
        let done = owner.execute_unprepared(sql).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
        owner.close().await.unwrap_or_else(|e| panic!("{}: {e:?}", self.name));
        done.rows_affected()
    }

    /// The same database opened once more, as another replica would.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub async fn replica(&self) -> Store {
        Store::open(self.config.clone(), self.migrations).await.unwrap_or_else(|e| panic!("{}: {e:?}", self.name))
    }
}

/// A PostgreSQL database that holds the schemas of these services, migrated. Its `url("tally_{service}")` is what
/// services are configured with.
///
/// # Panics
/// When it cannot be made.
pub async fn database(services: &[(&'static str, Migrations)]) -> Database {
    database_on(Server::shared(), services).await
}

/// The same on another server.
///
/// # Panics
/// When it cannot be made.
pub async fn database_on(server: &'static Server, services: &[(&'static str, Migrations)]) -> Database {
    let mut schema = Vec::new();
    for (service, migrations) in services {
        schema.push((*service).to_owned());
        schema.extend(migrations().iter().map(|migration| migration.name().to_owned()));
    }
    let template = format!("tpl_{}", build_mark(&schema).expect("the test's own binary"));
    // Roles belong to the whole server: one migration at a time.
    let migrating = server.exclusive("migrate").expect("a lock");
    if !has_template(server, &template).expect("the server's databases") {
        let fresh = Database::create(server, None).expect("a database");
        for (service, migrations) in services {
            let done = Store::migrate(&fresh.owner_url(), service, None, *migrations).await;
            done.unwrap_or_else(|e| panic!("migrating {service}: {e:?}"));
        }
        fresh.keep_as(&template).expect("a template");
    }
    drop(migrating);
    Database::create(server, Some(&template)).expect("a database")
}
