//! The store of one service: a scoped transaction as the only door to data, and a unit of work as the only way to write.
//!
//! * [`ScopedTx`] adds tenant and regions to every query, on PostgreSQL and SQLite alike; it is no sea-orm connection, so
//!   nothing can go around it. Row-level security is the backstop behind it.
//! * [`UnitOfWork`] carries a change, its [`Audit`] entry, its [`Event`]s and the result of its request in one transaction.
//! * Both logs are numbered and chained after the commit, by [`Store::spawn_sequencer`], and checked by
//!   [`Store::verify_audit`].
//! * [`Sealed`] columns open only in the cell they were written to, with the key of the group or of the [person](PersonKeys).
//! * What PostgreSQL does better (roles, `SKIP LOCKED`, advisory locks, arrays) is used here and nowhere else, behind
//!   functions that do the same on SQLite.
//!
//! The modules from below to above: each stands on those before it alone (`cargo xtask tidy` holds this).
//!
//! - modules: error, names, seal, tx, log, schema, open, work
//!
//! What may be written compiles (run by `cargo test --doc`, like what follows):
//!
//! ```no_run
//! # use tally_store::orm::entity::prelude::*;
//! # #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
//! # #[sea_orm(table_name = "notes")]
//! # pub struct Model {
//! #     #[sea_orm(primary_key, auto_increment = false)]
//! #     pub tenant_id: Uuid,
//! #     #[sea_orm(primary_key, auto_increment = false)]
//! #     pub id: Uuid,
//! # }
//! # #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
//! # pub enum Relation {}
//! # impl ActiveModelBehavior for ActiveModel {}
//! # tally_store::scoped!(Entity { tenant: TenantId });
//! async fn rows(tx: &tally_store::ScopedTx, work: &tally_store::UnitOfWork) {
//!     let _ = tx.select::<Entity>().all().await;
//!     let _ = work.delete::<Entity>().filter(Column::Id.eq(Uuid::nil())).exec().await;
//! }
//! ```
//!
//! A scoped transaction is no connection, so sea-orm cannot run a query on it that went around the filter:
//!
//! ```compile_fail
//! # use tally_store::orm::entity::prelude::*;
//! # #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
//! # #[sea_orm(table_name = "notes")]
//! # pub struct Model {
//! #     #[sea_orm(primary_key, auto_increment = false)]
//! #     pub tenant_id: Uuid,
//! #     #[sea_orm(primary_key, auto_increment = false)]
//! #     pub id: Uuid,
//! # }
//! # #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
//! # pub enum Relation {}
//! # impl ActiveModelBehavior for ActiveModel {}
//! # tally_store::scoped!(Entity { tenant: TenantId });
//! async fn around(tx: &tally_store::ScopedTx) {
//!     let _ = Entity::find().all(tx).await;
//! }
//! ```
//!
//! An entity that does not say which column is its tenant cannot be read:
//!
//! ```compile_fail
//! # use tally_store::orm::entity::prelude::*;
//! # #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
//! # #[sea_orm(table_name = "notes")]
//! # pub struct Model {
//! #     #[sea_orm(primary_key, auto_increment = false)]
//! #     pub tenant_id: Uuid,
//! #     #[sea_orm(primary_key, auto_increment = false)]
//! #     pub id: Uuid,
//! # }
//! # #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
//! # pub enum Relation {}
//! # impl ActiveModelBehavior for ActiveModel {}
//! fn read(tx: &tally_store::ScopedTx) {
//!     let _ = tx.select::<Entity>();
//! }
//! ```
//!
//! Rows are not deleted without a filter, and a unit of work is not committed without an audit entry:
//!
//! ```compile_fail
//! # use tally_store::orm::entity::prelude::*;
//! # #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
//! # #[sea_orm(table_name = "notes")]
//! # pub struct Model {
//! #     #[sea_orm(primary_key, auto_increment = false)]
//! #     pub tenant_id: Uuid,
//! #     #[sea_orm(primary_key, auto_increment = false)]
//! #     pub id: Uuid,
//! # }
//! # #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
//! # pub enum Relation {}
//! # impl ActiveModelBehavior for ActiveModel {}
//! # tally_store::scoped!(Entity { tenant: TenantId });
//! async fn all_rows(work: &tally_store::UnitOfWork) {
//!     let _ = work.delete::<Entity>().exec().await;
//! }
//! ```
//! ```compile_fail
//! # use tally_store::orm::entity::prelude::*;
//! # #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
//! # #[sea_orm(table_name = "notes")]
//! # pub struct Model {
//! #     #[sea_orm(primary_key, auto_increment = false)]
//! #     pub tenant_id: Uuid,
//! #     #[sea_orm(primary_key, auto_increment = false)]
//! #     pub id: Uuid,
//! # }
//! # #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
//! # pub enum Relation {}
//! # impl ActiveModelBehavior for ActiveModel {}
//! # tally_store::scoped!(Entity { tenant: TenantId });
//! async fn silent(work: tally_store::UnitOfWork) {
//!     let _ = work.commit(()).await;
//! }
//! ```
//!
//! Raw SQL lives in this crate alone. Its folders name each other one way: `seal` <- `tx` <- `log` <- `work`, and `schema`
//! names `seal` and `tx`.

mod error;
mod log;
mod names;
mod open;
mod schema;
mod seal;
mod tx;
mod work;

use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, Statement};
use tally_access::{OpContext, Regions};
use tally_kernel::{Clock, Error, Kind, Result, Rng, msg};
use tokio::sync::Notify;
use uuid::Uuid;

pub use error::{Conflict, Obstacle, STORE_BUSY, STORE_DAMAGED, StoreError, lost_race};
pub use log::audit::{Audit, AuditEntry};
pub use log::chain::digest;
pub use log::outbox::{Bell, Event, EventRecord, LogPart};
pub use log::report::{AuditReport, Defect, Fault};
pub use log::search::{AuditFound, AuditOf, AuditQuery};
pub use log::verify::CheckedEntries;
pub use schema::migrate::Migrations;
pub use schema::migration;
/// sea-orm, for the entities of the rooms' `store.rs`.
pub use sea_orm as orm;
pub use seal::class;
pub use seal::keys::Keys;
pub use seal::sealed::{Place, Sealed};
pub use seal::secret_file::{open_secret, read_secret};
pub use tx::context::{
    bytes_from_db, date_from_db, date_to_db, from_db, json_from_db, number_from_db, owner_from_db, to_db, word_from_db,
};
pub use tx::location::OwnerUrl;
pub use tx::scoped::{MomentColumn, ReadTx, Scoped, ScopedTx, Unscoped, among};
pub use tx::select::{Rows, Select};
pub use work::blind_index::BlindIndex;
pub use work::dated;
pub use work::items::{WorkCount, WorkItem, WorkOrder};
pub use work::person_keys::PersonKeys;
pub use work::rotate::{KeyMove, Rotated};
pub use work::unit_of_work::{Delete, UnitOfWork, Update};

use log::heads::HeadsFile;
use schema::migrate::{self, Migrator};
use schema::owner;
use seal::sealer::Sealer;
use tx::connect::{self, Mode, Pools, Role, Settings};
use tx::context::{Author, Scope};
use tx::location::Location;
use tx::scoped::Traced;
use work::reads::ReadEntries;

/// How often [`Store::retry`] runs a unit of work at most.
const ATTEMPTS: u32 = 8;
/// The first pause of [`Store::retry`]; each next one is twice as long.
const PAUSE: Duration = Duration::from_millis(4);

/// How to open a store.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// `sqlite://dir/{service}.db` or `postgres://tally_{service}@host/database`; `{service}` is replaced.
    pub url: String,
    /// What the user wrote the URL into, where a message has to name it.
    pub setting: String,
    /// The service, such as `attendance`: a plain lowercase word.
    pub service: &'static str,
    /// The service's keys.
    pub keys: Keys,
    /// Tells the time of background work.
    pub clock: Clock,
    /// Connections of the pool (PostgreSQL).
    pub max_connections: u32,
    /// The longest a statement may take, whatever the caller's deadline (PostgreSQL).
    pub statement_timeout: Duration,
    /// Where the sequencer puts signed heads (`SERVICE.heads`); nowhere when there is none.
    pub heads: Option<PathBuf>,
}

impl StoreConfig {
    /// With the machine's clock, 16 connections, half a minute for a statement, and no file of heads.
    pub fn new(url: impl Into<String>, service: &'static str, keys: Keys) -> Self {
        Self {
            url: url.into(),
            setting: "database.url".to_owned(),
            service,
            keys,
            clock: Clock::System,
            max_connections: 16,
            statement_timeout: Duration::from_secs(30),
            heads: None,
        }
    }
}

/// See the crate's text. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    service: &'static str,
    pools: Pools,
    location: Location,
    sealer: Arc<Sealer>,
    clock: Clock,
    bell: Bell,
    /// Rung by commits for the sequencer.
    pending: Notify,
    /// Entries of reads that wait to be written.
    reads: ReadEntries,
    /// Whether there was a commit since the sequencer last looked.
    fresh: AtomicBool,
    /// The one tenant of a SQLite file, once known.
    sole_tenant: OnceLock<Uuid>,
    heads: Option<HeadsFile>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({} on {:?})", self.service(), self.backend())
    }
}

impl Store {
    /// Opens the store of a service. SQLite: makes and migrates the file. PostgreSQL: signs in as the service's login
    /// role; the schema must be up to date.
    ///
    /// # Errors
    /// What is wrong with the URL, with the server or the file that it names, or with what is in there: `STORE_AWAY`,
    /// `STORE_SIGN_IN_REFUSED`, `DATABASE_ROLE_TOO_POWERFUL`, `SCHEMA_BEHIND`, `STORE_FILE_DAMAGED` and more; each says
    /// what to do.
    pub async fn open(config: StoreConfig, migrations: Migrations) -> Result<Self> {
        let migrator = Migrator { service: config.service, migrations };
        migrator.check()?;
        let url = connect::url_for(&config.url, config.service);
        let location = Location::of(&url, config.service, &config.setting)?;
        let opened = open::pools(&url, &location, &config, &migrator).await;
        let (pools, sealed) = opened.map_err(|error| location.told(error))?;
        Ok(Self(Arc::new(Inner {
            service: config.service,
            sealer: Arc::new(Sealer::new(config.keys, sealed)),
            pools,
            location,
            clock: config.clock,
            bell: Bell::new(),
            pending: Notify::new(),
            reads: ReadEntries::default(),
            fresh: AtomicBool::new(true),
            sole_tenant: OnceLock::new(),
            heads: config.heads.map(|directory| HeadsFile::new(&directory, config.service)),
        })))
    }

    /// Brings a service's schema up to date: the names of the migrations that ran. On PostgreSQL `owner_url` is the
    /// owner's, and schema, roles and grants are made as well; a password is set for the login role when given.
    ///
    /// # Errors
    /// As [`Store::open`], or a fault of a migration.
    pub async fn migrate(
        owner_url: impl Into<OwnerUrl<'_>>,
        service: &'static str,
        password: Option<&str>,
        migrations: Migrations,
    ) -> Result<Vec<String>> {
        migrate::migrate(owner_url.into(), password, &Migrator { service, migrations }).await
    }

    /// Refuses a PostgreSQL database in which one of these services has written something.
    ///
    /// # Errors
    /// `DATABASE_IN_USE`; or as [`Store::migrate`].
    pub async fn refuse_used(owner_url: impl Into<OwnerUrl<'_>>, services: &[&'static str]) -> Result<()> {
        open::refuse_used(owner_url.into(), services).await
    }

    /// Lets the owner act as a service's login role, without its password: for a suite that lives as long as one run.
    ///
    /// # Errors
    /// As [`Store::migrate`].
    pub async fn lend_role(owner_url: impl Into<OwnerUrl<'_>>, service: &'static str) -> Result<()> {
        owner::lend_role(owner_url.into(), service).await
    }

    /// Takes a service's schema away from a PostgreSQL database, with all that is in it: for a store that was made a moment ago
    /// and came to nothing.
    ///
    /// # Errors
    /// As [`Store::migrate`].
    pub async fn discard(owner_url: impl Into<OwnerUrl<'_>>, service: &'static str) -> Result<()> {
        owner::discard(owner_url.into(), service).await
    }

    /// A read-only transaction for what the context may see. Ends when dropped.
    ///
    /// # Errors
    /// `DEADLINE_EXCEEDED`, `STORE_UNAVAILABLE`; `TENANT_NOT_HERE` for a second tenant on SQLite.
    pub async fn read(&self, ctx: &OpContext) -> Result<ReadTx> {
        Ok(ReadTx(self.begin(ctx, Mode::Read).await?))
    }

    /// A read-only transaction without a tenant: sees only [`Unscoped`] rows.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE`.
    pub async fn directory(&self) -> Result<ReadTx> {
        let traced = Traced::begin(self.service(), Mode::Read);
        let tx = self.all_tenants(Mode::Read, Role::Login).await?;
        let scope = Scope {
            tenant: Uuid::nil(),
            regions: Regions::All,
            author: Author { principal: Uuid::nil(), kind: "nobody".to_owned(), on_behalf_of: None },
            trace: None,
            deadline: None,
            now: self.clock().now(),
            rng: Rng::System,
        };
        Ok(ReadTx(ScopedTx::new(tx, traced, scope, self.backend(), Arc::clone(&self.0.sealer))))
    }

    /// Runs a unit of work again while somebody else is faster (busy, deadlock, serialisation), a few times, within the
    /// caller's deadline.
    ///
    /// # Errors
    /// What `work` says; `STORE_BUSY` when it never got its turn.
    pub async fn retry<T, F, Fut>(&self, ctx: &OpContext, mut work: F) -> Result<T>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let mut tried = 0;
        loop {
            match work().await {
                Err(error) => {
                    if !self.again(ctx, &error, &mut tried).await {
                        return Err(error);
                    }
                }
                done => return done,
            }
        }
    }

    /// Waits for the next attempt, if this failure allows one. What is left of the deadline may be too short to wait in: then
    /// the last attempt follows at once.
    fn again<'a>(&'a self, ctx: &'a OpContext, error: &'a Error, tried: &'a mut u32) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            *tried += 1;
            if error.reason() != STORE_BUSY || *tried >= ATTEMPTS {
                return false;
            }
            tracing::debug!(?error, service = self.service(), "the unit of work runs again");
            let pause = PAUSE * 2_u32.pow(*tried - 1);
            if ctx.deadline.is_some_and(|deadline| Instant::now() + pause >= deadline) {
                *tried = ATTEMPTS - 1;
            } else {
                tokio::time::sleep(pause).await;
            }
            true
        })
    }

    /// Rings when the outbox has grown.
    pub fn bell(&self) -> &Bell {
        &self.0.bell
    }

    /// The service whose store this is.
    pub fn service(&self) -> &'static str {
        self.0.service
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    pub(crate) fn backend(&self) -> DbBackend {
        self.0.pools.backend()
    }

    pub(crate) fn sealer(&self) -> &Sealer {
        &self.0.sealer
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.0.sealer.keys
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// An error as whoever works on this store alone reads it: with the place and the setting.
    pub(crate) fn located(&self, error: StoreError) -> Error {
        self.0.location.told(error)
    }

    pub(crate) async fn begin(&self, ctx: &OpContext, mode: Mode) -> Result<ScopedTx> {
        self.begin_as(Scope::of(ctx)?, mode).await
    }

    pub(crate) async fn begin_as(&self, scope: Scope, mode: Mode) -> Result<ScopedTx> {
        let traced = Traced::begin(self.service(), mode);
        let tx = self.0.pools.begin(mode, Role::Login, &scope.settings()).await?;
        self.only_tenant(&tx, scope.tenant, mode).await?;
        Ok(ScopedTx::new(tx, traced, scope, self.backend(), Arc::clone(&self.0.sealer)))
    }

    /// A transaction of this library over every tenant.
    pub(crate) async fn all_tenants(&self, mode: Mode, role: Role) -> Result<DatabaseTransaction, StoreError> {
        self.0.pools.begin(mode, role, &Settings::default()).await
    }

    /// Wakes the sequencer.
    pub(crate) fn committed(&self) {
        self.0.fresh.store(true, Ordering::Release);
        self.0.pending.notify_one();
    }

    /// SQLite has no row-level security to stand behind the filter, so a file holds one tenant: the first that writes.
    async fn only_tenant(&self, tx: &DatabaseTransaction, tenant: Uuid, mode: Mode) -> Result<(), Error> {
        if self.backend() != DbBackend::Sqlite {
            return Ok(());
        }
        if self.0.sole_tenant.get().is_none() {
            let sql = "SELECT value FROM store_facts WHERE name = 'tenant'";
            let row =
                tx.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.map_err(StoreError::from)?;
            if let Some(row) = row {
                let text: String = row.try_get_by_index(0).map_err(StoreError::from)?;
                self.0.sole_tenant.get_or_init(|| Uuid::parse_str(&text).unwrap_or_default());
            } else if mode == Mode::Write {
                let sql = "INSERT INTO store_facts (name, value) VALUES ('tenant', $1)";
                let values = [tenant.to_string().into()];
                let statement = Statement::from_sql_and_values(DbBackend::Sqlite, sql, values);
                tx.execute_raw(statement).await.map_err(StoreError::from)?;
            }
        }
        match self.0.sole_tenant.get() {
            Some(sole) if *sole != tenant => Err(Error::of(Kind::FailedPrecondition, msg!("TENANT_NOT_HERE"))),
            _ => Ok(()),
        }
    }
}
