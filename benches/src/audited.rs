//! What the audit costs: a unit of work with its entry beside the bare change, and the numbering of entries, on PostgreSQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use sea_orm::{
    ColumnTrait as _, ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection, DatabaseTransaction,
    DbBackend, EntityTrait as _, QueryFilter as _, Statement, TransactionTrait as _,
};
use serde::{Deserialize, Serialize};
use tally_access::OpContext;
use tally_store::{Audit, Store};
use uuid::Uuid;

use crate::commits::{AT_ONCE, SERVICE, context, note, open, policy};

/// One way and then the other, by turns of this length.
const TURN: Duration = Duration::from_secs(1);

/// How a row is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// In a transaction of its own, without an entry.
    Bare,
    /// As a unit of work, in one statement with its entry.
    Together,
    /// As a unit of work, and then the entry.
    Apart,
}

/// Every way.
#[derive(Debug, Serialize, Deserialize)]
pub struct Cost {
    /// Bare changes that were committed a second.
    pub bare: f64,
    /// Units of work a second whose row is written with their entry.
    pub together: f64,
    /// Units of work a second whose row is written before their entry.
    pub apart: f64,
    /// Entries that the log holds, numbered, chained and verified.
    pub verified: u64,
}

/// How fast entries are numbered.
#[derive(Debug, Serialize, Deserialize)]
pub struct Numbered {
    /// Entries.
    pub entries: u64,
    /// Seconds to number them.
    pub seconds: f64,
    /// Entries that the log holds, numbered, chained and verified.
    pub verified: u64,
}

/// Commits every way for so many seconds each.
#[tokio::main]
pub async fn measure(url: &str, seconds: u64) -> Result<String> {
    let store = open(url).await?;
    let bare = bare(url).await?;
    let sequencer = store.spawn_sequencer(std::future::pending());
    let mut committed = [0_u64; 3];
    let mut spent = [0.0; 3];
    // The first turn of each warms up and does not count.
    for turn in 0..=seconds {
        for way in [Way::Bare, Way::Together, Way::Apart] {
            let begin = Instant::now();
            let count = take_turn(&store, &bare, begin + TURN, way).await?;
            if turn > 0 {
                committed[way as usize] += count;
                spent[way as usize] += begin.elapsed().as_secs_f64();
            }
        }
    }
    sequencer.abort();
    store.sequence_now().await?;
    remove(&bare).await?;
    let [bare, together, apart] = [0, 1, 2].map(|way| committed[way] as f64 / spent[way]);
    Ok(serde_json::to_string(&Cost { bare, together, apart, verified: verified(&store).await? })?)
}

/// Writes entries, and then numbers all of them.
#[tokio::main]
pub async fn sequence(url: &str, entries: u64) -> Result<String> {
    let store = open(url).await?;
    let left = Arc::new(AtomicU64::new(entries));
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..AT_ONCE {
        let (store, ctx, left) = (store.clone(), context(worker), Arc::clone(&left));
        workers.spawn(async move {
            while left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| n.checked_sub(1)).is_ok() {
                audited(&store, &ctx, 1, Way::Together).await?;
            }
            Ok::<_, anyhow::Error>(())
        });
    }
    while let Some(done) = workers.join_next().await {
        done??;
    }
    let begin = Instant::now();
    let numbered = store.sequence_now().await?;
    let seconds = begin.elapsed().as_secs_f64();
    ensure!(numbered == entries, "{numbered} of {entries} entries were numbered");
    Ok(serde_json::to_string(&Numbered { entries, seconds, verified: verified(&store).await? })?)
}

async fn verified(store: &Store) -> Result<u64> {
    let report = store.verify_audit().await?;
    ensure!(report.ok(), "the audit log does not verify: {report:?}");
    Ok(report.entries)
}

/// A pool like the store's, signed in with the same role.
async fn bare(url: &str) -> Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(url.replace("postgres@", &format!("tally_{SERVICE}@")));
    options.max_connections(AT_ONCE as u32 + 2).set_schema_search_path(SERVICE).sqlx_logging(false);
    options.test_before_acquire(false);
    Ok(Database::connect(options).await?)
}

async fn take_turn(store: &Store, bare: &DatabaseConnection, end: Instant, way: Way) -> Result<u64> {
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..AT_ONCE {
        let (store, bare, ctx) = (store.clone(), bare.clone(), context(worker));
        workers.spawn(async move {
            let mut count = 0;
            while Instant::now() < end {
                match way {
                    Way::Bare => unaudited(&bare, &ctx, count).await?,
                    Way::Together | Way::Apart => audited(&store, &ctx, count, way).await?,
                }
                count += 1;
            }
            Ok::<_, anyhow::Error>(count)
        });
    }
    let mut all = 0;
    while let Some(done) = workers.join_next().await {
        all += done??;
    }
    Ok(all)
}

/// The change as the suite makes it.
async fn audited(store: &Store, ctx: &OpContext, count: u64, way: Way) -> Result<()> {
    let permit = ctx.permit::<policy::Write>(&tally_access::Target::tenant())?;
    let mut work = store.unit(ctx, &permit).await?;
    let id = ctx.new_id();
    let row = note::row(ctx, id, "a note", count);
    let written = match way {
        Way::Together => work.insert_with_commit(row, tally_store::lost_race),
        _ => work.insert(row).await,
    };
    written.map_err(tally_kernel::Error::from)?;
    work.commit(Audit::new("bench.note.write", "note", id), ()).await?;
    Ok(())
}

/// A transaction that sets what the store's sets.
async fn begin(bare: &DatabaseConnection, ctx: &OpContext) -> Result<DatabaseTransaction> {
    let tx = bare.begin().await?;
    let settings = "SELECT set_config('app.tenant', $1, true), set_config('app.region', $2, true), \
                    set_config('app.actor', $3, true), set_config('statement_timeout', $4, true), \
                    set_config('search_path', $5, true), \
                    pg_advisory_xact_lock_shared(hashtextextended($6, 3))";
    let (tenant, principal) = (ctx.tenant(), ctx.actor.principal);
    let lock = format!("tally_{SERVICE}_worker|{tenant}");
    let values = [tenant.to_string(), "*".into(), principal.to_string(), "30000".into(), SERVICE.into(), lock];
    let values = values.map(sea_orm::Value::from);
    tx.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, settings, values)).await?;
    Ok(tx)
}

/// Takes the rows without an entry away: the verification would rightly find every one of them.
async fn remove(bare: &DatabaseConnection) -> Result<()> {
    let tx = begin(bare, &context(0)).await?;
    bare_note::Entity::delete_many().filter(bare_note::Column::AuditId.eq(Uuid::nil())).exec(&tx).await?;
    tx.commit().await?;
    Ok(())
}

/// The same change in a transaction of sea-orm: the same context for row-level security, the same row, no entry.
async fn unaudited(bare: &DatabaseConnection, ctx: &OpContext, count: u64) -> Result<()> {
    let tx = begin(bare, ctx).await?;
    let note = note::row(ctx, ctx.new_id(), "a note", count);
    let row = bare_note::ActiveModel {
        tenant_id: sea_orm::ActiveValue::Set(ctx.tenant().into()),
        id: note.id,
        region: note.region,
        code: note.code,
        amount: note.amount,
        recorded_at: note.recorded_at,
        audit_id: sea_orm::ActiveValue::Set(Uuid::nil()),
    };
    bare_note::Entity::insert(row).exec_without_returning(&tx).await?;
    tx.commit().await?;
    Ok(())
}

/// The same table with the column that the unit of work fills in.
mod bare_note {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "notes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub code: String,
        pub amount: i64,
        pub recorded_at: DateTimeUtc,
        pub audit_id: Uuid,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
