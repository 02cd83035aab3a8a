//! Units of work on PostgreSQL: each writes a row, its audit entry, an event and the result of its request, in one
//! transaction that row-level security holds for; a sequencer numbers both logs meanwhile, as in production.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tally_access::{Actor, ActorKind, OpContext, Target, View};
use tally_kernel::id::{PrincipalId, TenantId};
use tally_kernel::{Clock, Rng};
use tally_store::{Audit, Event, Keys, Store, StoreConfig, digest};
use uuid::Uuid;

/// Units at once, and clients of pgbench.
pub const AT_ONCE: usize = 16;
/// The service whose tables these are.
pub const SERVICE: &str = "bench";

pub mod note {
    use sea_orm::ActiveValue::{NotSet, Set};
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
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    tally_store::scoped!(Entity { tenant: TenantId, region: Region });

    /// A row.
    pub fn row(ctx: &tally_access::OpContext, id: Uuid, code: &str, amount: u64) -> ActiveModel {
        ActiveModel {
            tenant_id: NotSet,
            id: Set(id),
            region: Set("cn-north".to_owned()),
            code: Set(code.to_owned()),
            amount: Set(amount as i64),
            recorded_at: Set(tally_store::to_db(ctx.now())),
        }
    }
}

mod bench_0001_notes {
    use tally_store::migration::{Schema, big, region, text};

    pub(super) fn up(schema: &mut Schema) {
        schema.table("notes").columns(&[region(), text("code"), big("amount")]);
    }
}

tally_store::migrations![bench_0001_notes];

pub mod policy {
    tally_access::rpcs! {
        Write = "bench.v1.Notes/Write", public, Change;
    }
}

/// What a run of units says.
#[derive(Debug, Serialize, Deserialize)]
pub struct Units {
    /// Units that were committed per second.
    pub per_second: f64,
    /// Audit entries that the log holds, numbered, chained and verified.
    pub verified: u64,
}

/// Commits units for some seconds.
#[tokio::main]
pub async fn measure(url: &str, seconds: u64) -> Result<String> {
    let store = open(url).await?;
    let sequencer = store.spawn_sequencer(std::future::pending());
    let (units, begin) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let end = begin + Duration::from_secs(seconds);
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..AT_ONCE {
        workers.spawn(work(store.clone(), worker, end, Arc::clone(&units)));
    }
    while let Some(done) = workers.join_next().await {
        done??;
    }
    let per_second = units.load(Ordering::Relaxed) as f64 / begin.elapsed().as_secs_f64();
    sequencer.abort();
    store.sequence_now().await?;
    let report = store.verify_audit().await?;
    anyhow::ensure!(report.ok(), "the audit log does not verify: {report:?}");
    Ok(serde_json::to_string(&Units { per_second, verified: report.entries })?)
}

/// The store with its table. `url` is the owner's; the store enters with the service's own role.
pub async fn open(url: &str) -> Result<Store> {
    Store::migrate(url, SERVICE, None, migrations).await?;
    let mut config = StoreConfig::new(url.replace("postgres@", "tally_{service}@"), SERVICE, Keys::ephemeral());
    config.max_connections = AT_ONCE as u32 + 2;
    Ok(Store::open(config, migrations).await?)
}

/// Somebody who writes.
pub fn context(worker: usize) -> OpContext {
    let principal = PrincipalId(Uuid::from_u128(worker as u128 + 1));
    let actor = Actor { principal, kind: ActorKind::User, tenant: TenantId(Uuid::from_u128(1)), on_behalf_of: None };
    OpContext::new(actor, Arc::new(View::nothing(0, None)), Clock::System, Rng::System)
}

async fn work(store: Store, worker: usize, end: Instant, units: Arc<AtomicU64>) -> Result<()> {
    let ctx = context(worker);
    let permit = ctx.permit::<policy::Write>(&Target::tenant())?;
    let mut count = 0;
    while Instant::now() < end {
        count += 1;
        let request = ctx.new_id().to_string();
        store.retry(&ctx, || write(&store, &ctx, &permit, &request, count)).await?;
        units.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

async fn write(
    store: &Store,
    ctx: &OpContext,
    permit: &tally_access::Permit<policy::Write>,
    request: &str,
    count: u64,
) -> tally_kernel::Result<u64> {
    let mut work = store.unit(ctx, permit).await?;
    if let Some(done) = work.replay::<u64>(request, &digest(&count.to_le_bytes())).await? {
        return Ok(done);
    }
    let id = ctx.new_id();
    work.insert(note::row(ctx, id, request, count)).await?;
    work.emit(Event::new("bench.note.written", id, count.to_string()));
    work.commit(Audit::new("bench.note.write", "note", id), count).await
}
