//! New keys while the service works: nothing is lost, whoever is killed where, and the old keys end.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use sea_orm::{ActiveValue, ConnectionTrait as _, Statement};
use tally_access::OpContext;
use tally_kernel::id::PersonId;
use tally_store::{Keys, Place, Store, digest};
use tempfile::TempDir;
use uuid::Uuid;

use crate::databases::{Backend, TestStore};
use crate::on_both;
use crate::patience::eventually;
use crate::person_keys::issue;
use crate::sample::{self, audit, badge, badge_row, context, database, owner, tamper, unit_of};

/// Polls a future so many times at most, then drops it: a kill at that very step.
async fn killed_after<F: Future>(polls: u32, work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    let mut left = polls;
    std::future::poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        work.as_mut().poll(cx).map(Some)
    })
    .await
}

/// Drops a future at the first step after this became true.
async fn killed_when<F: Future>(now: &AtomicBool, work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    std::future::poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if now.load(Ordering::Relaxed) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// Badges with pay from `first` on, one person with a number, and a request with a result.
async fn fill(store: &Store, ctx: &OpContext, first: u128, rows: u128) {
    let mut work = unit_of(store, ctx).await;
    assert!(work.replay::<u128>(&format!("fill {first}"), &digest(b"fill")).await.unwrap().is_none());
    for n in first..first + rows {
        let id = Uuid::from_u128(n);
        let pay = work.seal(&Place::of(badge::Column::Pay, id), &i64::try_from(n).unwrap()).await.unwrap();
        let row = badge::ActiveModel { pay: ActiveValue::Set(Some(pay)), ..badge_row(ctx, id, id) };
        work.insert(row).await.unwrap();
    }
    issue(&work, ctx, PersonId(Uuid::from_u128(first + rows)), &format!("N{first}")).await.unwrap();
    work.commit(audit(), first).await.unwrap();
}

/// Opens everything that `fill` wrote: the number of rows.
async fn check(store: &Store, ctx: &OpContext, fills: &[u128]) -> usize {
    let tx = store.read(ctx).await.unwrap();
    let rows = tx.select::<badge::Entity>().all().await.unwrap();
    let keys = tx.person_keys(rows.iter().map(|row| PersonId(row.person_id))).await.unwrap();
    for row in &rows {
        if let Some(pay) = &row.pay {
            let pay = tx.open(&Place::of(badge::Column::Pay, row.id), pay).await.unwrap();
            assert_eq!(u128::try_from(pay).unwrap(), row.id.as_u128());
        }
        if let Some(number) = &row.number {
            let place = Place::of(badge::Column::Number, row.id);
            let number = keys.open(PersonId(row.person_id), &place, number).unwrap().unwrap();
            assert!(number.reveal().starts_with('N'));
        }
    }
    drop(keys);
    drop(tx);
    for first in fills {
        let mut work = unit_of(store, ctx).await;
        let replayed = work.replay::<u128>(&format!("fill {first}"), &digest(b"fill")).await.unwrap();
        assert_eq!(replayed, Some(*first), "the kept result opens");
    }
    rows.len()
}

/// What the owner counts.
async fn count(db: &TestStore, sql: &str) -> i64 {
    let owner = owner(db).await;
    let row = owner.query_one_raw(Statement::from_string(owner.get_database_backend(), sql)).await.unwrap();
    row.unwrap().try_get_by_index(0).unwrap()
}

async fn live_keys(db: &TestStore) -> i64 {
    count(db, "SELECT COUNT(*) FROM data_keys WHERE wrapped IS NOT NULL").await
}

on_both!(every_row_moves_to_the_new_keys_and_the_old_ones_are_destroyed);
async fn every_row_moves_to_the_new_keys_and_the_old_ones_are_destroyed(on: Backend) {
    let db = database(on).await;
    let (ctx, other) = (context(&db, 1), db.replica().await);
    fill(&db.store, &ctx, 1, 20).await;
    assert_eq!(check(&other, &ctx, &[1]).await, 21);
    let mut moves = Vec::new();
    let rotated = db.store.rotate_data_keys(|step| moves.push((step.table, step.column, step.rows))).await.unwrap();
    // Pay, the person's key and the kept result; the index key stays.
    assert_eq!((rotated.keys, rotated.resumed, rotated.rows), (3, false, 22));
    moves.sort_unstable();
    let expected = [("badges", "pay", 20), ("idempotency", "result", 1), ("person_keys", "wrapped", 1)];
    assert_eq!(moves, expected.map(|(table, column, n)| (table.to_owned(), column.to_owned(), n)));
    assert_eq!(live_keys(&db).await, 4);
    assert_eq!(count(&db, "SELECT COUNT(*) FROM data_keys WHERE destroyed_at IS NOT NULL").await, 3);
    assert_eq!(count(&db, "SELECT COUNT(*) FROM key_rotations").await, 0);
    let written = "SELECT COUNT(*) FROM audit WHERE action = 'suite.keys.rotate'";
    assert_eq!(count(&db, written).await, 6, "before and after each key");
    // A process that knows only the old keys reads on, and seals with the new ones.
    assert_eq!(check(&other, &ctx, &[1]).await, 21);
    fill(&other, &ctx, 100, 1).await;
    let old = "SELECT COUNT(*) FROM badges WHERE pay IS NOT NULL AND substr(pay, 3, 4) <> ";
    let two = if db.name == "postgres" { "'\\x00000002'::bytea" } else { "X'00000002'" };
    assert_eq!(count(&db, &format!("{old}{two}")).await, 0);
}

on_both!(a_rotation_killed_at_any_step_is_resumed_and_loses_nothing);
async fn a_rotation_killed_at_any_step_is_resumed_and_loses_nothing(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    fill(&db.store, &ctx, 1, 5).await;
    let mut kills = 0;
    while killed_after(kills, db.store.rotate_data_keys(|_| ())).await.is_none() {
        assert_eq!(check(&db.store, &ctx, &[1]).await, 6, "killed at step {kills}");
        db.store.rotate_data_keys(|_| ()).await.unwrap();
        assert_eq!(live_keys(&db).await, 4, "resumed from step {kills}");
        kills += 1;
    }
    assert!(kills > 3, "{kills} kills prove nothing");
    assert_eq!(check(&db.replica().await, &ctx, &[1]).await, 6);
}

on_both!(a_rotation_that_dies_after_any_batch_is_resumed_where_it_was);
async fn a_rotation_that_dies_after_any_batch_is_resumed_where_it_was(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    fill(&db.store, &ctx, 1, 5).await;
    for batches in 1..=3 {
        let (store, mut done) = (db.store.clone(), 0);
        let dying = tokio::spawn(async move {
            let die = |_| {
                done += 1;
                assert!(done < batches, "as if the process had died");
            };
            store.rotate_data_keys(die).await
        });
        assert!(dying.await.unwrap_err().is_panic());
        assert!(live_keys(&db).await > 4, "half done after {batches} batches");
        assert_eq!(check(&db.store, &ctx, &[1]).await, 6, "after {batches} batches");
        let rotated = db.replica().await.rotate_data_keys(|_| ()).await.unwrap();
        assert!(rotated.resumed && rotated.rows == 7 - rows_of(batches), "{rotated:?}");
        assert_eq!(live_keys(&db).await, 4, "after {batches} batches");
    }
}

/// What the first batches hold: the classes come in the order of their names.
fn rows_of(batches: u64) -> u64 {
    // The person's key, the kept result, the pay.
    [0, 1, 2, 7][usize::try_from(batches).unwrap()]
}

on_both!(more_rows_than_a_batch_go_on_from_the_cursor);
async fn more_rows_than_a_batch_go_on_from_the_cursor(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    fill(&db.store, &ctx, 1, 1100).await;
    let seen = AtomicBool::new(false);
    let rotation = db.store.rotate_data_keys(|step| seen.store(step.table == "badges", Ordering::Relaxed));
    assert!(killed_when(&seen, rotation).await.is_none(), "it came to its end");
    let cursor = count(&db, "SELECT COALESCE(MAX(moved), 0) FROM key_rotations WHERE table_name = 'badges'").await;
    assert!((500..1100).contains(&cursor), "{cursor}");
    let mut last = 0;
    let rotated = db.store.rotate_data_keys(|step| last = last.max(step.rows)).await.unwrap();
    assert_eq!((rotated.resumed, last), (true, 1100));
    assert!(rotated.rows < 1100, "the first batches are not done twice");
    assert_eq!(check(&db.store, &ctx, &[1]).await, 1101);
}

on_both!(two_processes_serve_and_two_rotate_at_once, flavor = "multi_thread");
async fn two_processes_serve_and_two_rotate_at_once(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    fill(&db.store, &ctx, 1, 30).await;
    let done = Arc::new(AtomicBool::new(false));
    let serve = |store: Store, first: u128| {
        let (ctx, done) = (ctx.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            let mut at = first;
            while !done.load(Ordering::Relaxed) || at == first {
                fill(&store, &ctx, at, 3).await;
                check_when_quiet(&store, &ctx).await;
                at += 10;
            }
            (at - first) / 10
        })
    };
    let served = [serve(db.replica().await, 1_000), serve(db.replica().await, 1_000_000)];
    let (one, other) = (db.replica().await, db.replica().await);
    for _ in 0..3 {
        let (a, b) = tokio::join!(one.rotate_data_keys(|_| ()), other.rotate_data_keys(|_| ()));
        let (a, b) = (a.unwrap(), b.unwrap());
        assert!(a.keys + b.keys >= 3);
    }
    done.store(true, Ordering::Relaxed);
    let mut rows = 31;
    for task in served {
        rows += 4 * task.await.unwrap();
    }
    assert_eq!(check(&db.store, &ctx, &[1, 1_000, 1_000_000]).await as u128, rows);
    assert_eq!(live_keys(&db).await, 4);
}

/// Reads everything while keys change; a row that moved after it was read is asked for again, as a caller would.
async fn check_when_quiet(store: &Store, ctx: &OpContext) {
    store
        .retry(ctx, || async {
            let tx = store.read(ctx).await?;
            for row in tx.select::<badge::Entity>().all().await? {
                if let Some(pay) = &row.pay {
                    let pay = tx.open(&Place::of(badge::Column::Pay, row.id), pay).await?;
                    assert_eq!(u128::try_from(pay).unwrap(), row.id.as_u128());
                }
            }
            Ok(())
        })
        .await
        .unwrap();
}

on_both!(a_running_process_finds_a_new_master_key_by_itself);
async fn a_running_process_finds_a_new_master_key_by_itself(on: Backend) {
    let db = database(on).await;
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("seal.key");
    let open = async |keys: Keys| {
        let mut config = db.config.clone();
        config.keys = keys;
        Store::open(config, sample::migrations).await.unwrap()
    };
    let ctx = context(&db, 1);
    let first = open(Keys::open_or_init(&path, None).unwrap()).await;
    fill(&first, &ctx, 1, 3).await;
    // Another process, which has opened nothing yet and knows only the first master key.
    let running = open(Keys::open(&path, None).unwrap()).await;
    let rotating = Keys::open(&path, None).unwrap();
    assert_eq!(rotating.add_master().unwrap(), 2);
    let rotator = open(rotating).await;
    assert_eq!(rotator.keys_behind().await.unwrap(), 4);
    assert_eq!(rotator.rewrap_keys().await.unwrap(), 4);
    assert_eq!(rotator.keys_behind().await.unwrap(), 0);
    let opened = async || check_quietly(&running, &ctx).await.then_some(());
    eventually("the file is read again for a key that is not known", opened).await;
    assert_eq!(check(&running, &ctx, &[1]).await, 4);
    // The file without its new line: the keys of the database cannot be unwrapped.
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("wrap 2")).collect();
    std::fs::write(&path, lines.join("\n")).unwrap();
    let behind = open(Keys::open(&path, None).unwrap()).await;
    assert!(!check_quietly(&behind, &ctx).await);
    assert_eq!(tamper(&db, "UPDATE data_keys SET master = 1 WHERE class = 'SALARY'").await, 1);
    assert!(!check_quietly(&behind, &ctx).await, "bound to its master key");
}

/// Whether pay can be opened.
async fn check_quietly(store: &Store, ctx: &OpContext) -> bool {
    let tx = store.read(ctx).await.unwrap();
    let row = tx.select::<badge::Entity>().order_by_asc(badge::Column::Id).one().await.unwrap().unwrap();
    tx.open(&Place::of(badge::Column::Pay, row.id), row.pay.as_ref().unwrap()).await.is_ok()
}
