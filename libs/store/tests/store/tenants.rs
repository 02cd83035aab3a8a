//! Many tenants on few connections, with requests that are cancelled or panic half-way: nobody ever sees or writes another's
//! rows, no transaction stays open, and no connection is lost. Directly, and through PgBouncer in transaction mode.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use sea_orm::{ColumnTrait as _, ConnectionTrait as _, DbBackend, Statement};
use tally_access::OpContext;
use tally_kernel::Rng;
use tally_store::{Store, StoreConfig};
use uuid::Uuid;

use crate::databases::TestStore;
use crate::patience::NEVER;
use crate::pgbouncer::PgBouncer;
use crate::sample::{SERVICE, audit, context, migrations, note, owner, permit, row, unit_of};

/// Requests under way at once: many more than connections.
const AT_ONCE: usize = 48;

/// How a request ends.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Answered,
    /// Dropped when it has been polled so often, wherever it is then.
    Cancelled(u32),
    /// Panics before this step.
    Panics(u32),
}

/// A future that is dropped after some polls.
struct Cancelled<F> {
    inner: Option<Pin<Box<F>>>,
    left: u32,
}

impl<F: Future> Future for Cancelled<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.left == 0 {
            self.inner = None;
            return Poll::Ready(None);
        }
        self.left -= 1;
        let inner = self.inner.as_mut().expect("polled after its end");
        inner.as_mut().poll(cx).map(Some)
    }
}

/// One request: reads, writes, changes, commits; and looks at every step whether all it sees is its own.
async fn request(store: &Store, ctx: &OpContext, code: &str, panics: Option<u32>) -> tally_kernel::Result<()> {
    let step = |n: u32| assert!(panics != Some(n), "this request was to panic");
    let own = |notes: &[note::Model]| {
        let mine = format!("{}/", ctx.tenant().0);
        let foreign = notes.iter().find(|note| note.tenant_id != ctx.tenant().0 || !note.code.starts_with(&mine));
        assert!(foreign.is_none(), "LEAK: {} sees {foreign:?}", ctx.tenant().0);
    };
    own(&store.read(ctx).await?.select::<note::Entity>().all().await?);
    let work = store.unit(ctx, &permit(ctx)).await?;
    step(0);
    work.insert(row(ctx, code)).await?;
    step(1);
    let all = note::Column::Amount.gte(0);
    work.update::<note::Entity>().set(note::Column::Title, code).filter(all).exec().await?;
    own(&work.select::<note::Entity>().all().await?);
    step(2);
    work.commit(audit(), ()).await
}

/// Runs `each` requests of so many tenants in a random order and with random fates over so many sessions of the server, and
/// checks what is left behind.
async fn interleave(db: &TestStore, store: &Store, tenants: u128, each: u32, sessions: u128) {
    let given = std::env::var_os("TALLY_TEST_SEED");
    let given = given.map(|seed| seed.to_str().and_then(|seed| seed.parse().ok()).expect("a number"));
    let seed = given.unwrap_or_else(|| u64::from_le_bytes(Rng::System.bytes()));
    eprintln!("TALLY_TEST_SEED={seed}");
    let rng = Rng::seeded(seed);
    let draw = |below: u32| u32::from_le_bytes(rng.bytes()) % below;
    let mut requests: Vec<(u32, u128, Ending)> = Vec::new();
    for tenant in 1..=tenants {
        for _ in 0..each {
            let ending = match draw(5) {
                0 => Ending::Cancelled(draw(60)),
                1 => Ending::Panics(draw(3)),
                _ => Ending::Answered,
            };
            requests.push((u32::from_le_bytes(rng.bytes()), tenant, ending));
        }
    }
    requests.sort_by_key(|(order, ..)| *order);

    let (mut kept, mut perhaps) = (BTreeSet::new(), BTreeSet::new());
    let (mut running, mut waiting) = (tokio::task::JoinSet::new(), requests.into_iter().enumerate());
    let (mut panicked, mut cancelled) = (0, 0);
    loop {
        while running.len() < AT_ONCE {
            let Some((n, (_, tenant, ending))) = waiting.next() else { break };
            let (store, ctx) = (store.clone(), context(db, tenant));
            running.spawn(async move {
                let code = format!("{}/{n}", ctx.tenant().0);
                let panics = if let Ending::Panics(step) = ending { Some(step) } else { None };
                let work = Box::pin(request(&store, &ctx, &code, panics));
                let left = if let Ending::Cancelled(polls) = ending { polls } else { u32::MAX };
                (code.clone(), Cancelled { inner: Some(work), left }.await)
            });
        }
        match running.join_next().await {
            None => break,
            Some(Ok((code, Some(done)))) => {
                done.unwrap_or_else(|e| panic!("{code}: {e:?}"));
                kept.insert(code);
            }
            // Dropped in the commit, it may be there or not.
            Some(Ok((code, None))) => {
                cancelled += 1;
                perhaps.insert(code);
            }
            Some(Err(error)) => {
                let what = error.into_panic();
                let text = what.downcast_ref::<&str>().map(|text| (*text).to_owned());
                let text = text.or_else(|| what.downcast_ref::<String>().cloned()).unwrap_or_default();
                assert!(text == "this request was to panic", "{text}");
                panicked += 1;
            }
        }
    }
    assert!(panicked > 0 && cancelled > 0, "{panicked} panics, {cancelled} cancelled");

    let mut seen = BTreeSet::new();
    for tenant in 1..=tenants {
        let ctx = context(db, tenant);
        let notes = store.read(&ctx).await.unwrap().select::<note::Entity>().all().await.unwrap();
        assert!(notes.iter().all(|note| note.tenant_id == ctx.tenant().0), "{}", ctx.tenant().0);
        seen.extend(notes.into_iter().map(|note| note.code));
    }
    assert!(seen.is_superset(&kept), "lost: {:?}", kept.difference(&seen).next());
    assert!(
        seen.iter().all(|code| kept.contains(code) || perhaps.contains(code)),
        "a request that panicked left a row"
    );
    nothing_is_left_open(db, store, sessions).await;
}

async fn count(db: &sea_orm::DatabaseConnection, sql: &str) -> i64 {
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap();
    row.unwrap().try_get_by_index(0).unwrap()
}

/// Every row is its tenant's, its audit entry is there, no transaction is open, and every connection works.
async fn nothing_is_left_open(db: &TestStore, store: &Store, sessions: u128) {
    let owner = owner(db).await;
    let foreign =
        "SELECT count(*) FROM notes WHERE code NOT LIKE tenant_id || '/%' OR title NOT LIKE tenant_id || '/%'";
    assert_eq!(count(&owner, foreign).await, 0, "rows that another tenant wrote");
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'tally_sample' \
                AND state <> 'idle'";
    let ended = async {
        while count(&owner, open).await > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(NEVER, ended).await.expect("no transaction stays open");
    let all: Vec<_> = futures::future::join_all((1..=sessions).map(|n| {
        let ctx = context(db, n);
        async move { unit_of(store, &ctx).await }
    }))
    .await;
    // Every session opened a unit at the same time: none is lost.
    drop(all);
    store.sequence_now().await.unwrap();
    let report = store.verify_audit().await.unwrap();
    assert!(report.ok(), "{:?}", report.faults.first().map(ToString::to_string));
    assert!(report.rows > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_tenants_on_four_connections_never_meet_whatever_happens_to_their_requests() {
    let db = TestStore::postgres(SERVICE, migrations).await;
    let store = Store::open(StoreConfig { max_connections: 4, ..db.config.clone() }, migrations).await.unwrap();
    interleave(&db, &store, 1000, 2, 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_a_pooler_of_transactions_tenants_share_sessions_and_never_meet() {
    let db = TestStore::postgres(SERVICE, migrations).await;
    // Eight connections of the service on two of the server: sessions change hands after every transaction.
    let pooler = PgBouncer::before(&db.config.url, "tally_sample", 2);
    let config = StoreConfig { url: pooler.url(&db.config.url), max_connections: 8, ..db.config.clone() };
    let store = Store::open(config, migrations).await.unwrap();
    interleave(&db, &store, 100, 3, 2).await;
    // Nothing of a transaction is left in a session that somebody else gets next.
    let tx = store.read(&context(&db, 77)).await.unwrap();
    assert_eq!(
        tx.select::<note::Entity>().filter(note::Column::TenantId.ne(Uuid::from_u128(77))).count().await.unwrap(),
        0
    );
}
