//! Background work: taken by one at a time, finished once, lost by nobody.

use std::collections::BTreeSet;
use std::time::Duration;

use tally_kernel::id::PrincipalId;
use tally_kernel::{Error, Kind, msg};
use tally_store::{StoreError, WorkCount, WorkItem, WorkOrder};
use uuid::Uuid;

use crate::databases::{Backend, TestStore};
use crate::on_both;
use crate::sample::{audit, clock, context, database, permit, tenant, unit_of};

const LEASE: Duration = Duration::from_secs(60);
const JOB: Uuid = Uuid::from_u128(99);

async fn enqueue(db: &TestStore, items: u32) {
    let work = unit_of(&db.store, &context(db, 1)).await;
    work.enqueue_work((0..items).map(|n| WorkOrder::new("score", JOB, &n))).await.unwrap();
    work.commit(audit(), ()).await.unwrap();
}

async fn claim(db: &TestStore, worker: &str, max: u32) -> Vec<WorkItem> {
    db.store.claim_work("score", worker, LEASE, max).await.unwrap()
}

async fn finish(db: &TestStore, item: &WorkItem) -> Result<u64, StoreError> {
    let ctx = context(db, 1);
    let work = db.store.unit(&ctx, &permit(&ctx)).await?;
    let left = work.finish_work(item).await?;
    Ok(work.commit(audit(), left).await?)
}

on_both!(two_workers_take_each_item_once_and_know_for_whom);
async fn two_workers_take_each_item_once_and_know_for_whom(on: Backend) {
    let db = database(on).await;
    enqueue(&db, 700).await;
    let take = |worker: &'static str| {
        let db = &db;
        async move {
            let mut mine = Vec::new();
            loop {
                let items = claim(db, worker, 30).await;
                if items.is_empty() {
                    return mine;
                }
                mine.extend(items);
            }
        }
    };
    let (a, b) = tokio::join!(take("a"), take("b"));
    let payloads: Vec<u32> = a.iter().chain(&b).map(|item| item.payload().unwrap()).collect();
    assert_eq!(payloads.len(), 700);
    assert_eq!(payloads.iter().copied().collect::<BTreeSet<_>>(), (0..700).collect());
    let item = a.first().or(b.first()).unwrap();
    assert_eq!((item.tenant, item.group, item.attempt), (tenant(1), JOB, 1));
    assert_eq!(item.on_behalf_of, Some(PrincipalId(Uuid::from_u128(1))));
}

on_both!(nobody_takes_an_item_before_its_time);
async fn nobody_takes_an_item_before_its_time(on: Backend) {
    let db = database(on).await;
    let later = db.clock.now() + jiff::SignedDuration::from_hours(1);
    let work = unit_of(&db.store, &context(&db, 1)).await;
    work.enqueue_work([WorkOrder::new("score", JOB, &1).not_before(later)]).await.unwrap();
    work.commit(audit(), ()).await.unwrap();
    assert!(claim(&db, "a", 9).await.is_empty());
    db.clock.advance(jiff::SignedDuration::from_hours(1));
    let items = claim(&db, "a", 9).await;
    assert_eq!((items.len(), items[0].attempt), (1, 1));
    assert_eq!(finish(&db, &items[0]).await.unwrap(), 0);
}

on_both!(an_item_that_was_only_looked_at_rests_and_counts_as_not_taken);
async fn an_item_that_was_only_looked_at_rests_and_counts_as_not_taken(on: Backend) {
    let db = database(on).await;
    enqueue(&db, 1).await;
    let first = claim(&db, "a", 1).await;
    db.store.rest_work(&first[0], db.clock.now() + jiff::SignedDuration::from_hours(1)).await.unwrap();
    assert_eq!(claim(&db, "a", 1).await, [], "it rests");
    assert_eq!(db.store.rest_work(&first[0], db.clock.now()).await.unwrap_err().reason(), "LEASE_LOST");
    db.clock.advance(jiff::SignedDuration::from_hours(1));
    let again = claim(&db, "b", 1).await;
    assert_eq!((again[0].id, again[0].attempt, again[0].put_down), (first[0].id, 1, first[0].put_down));
    assert_eq!(finish(&db, &again[0]).await.unwrap(), 0);
}

on_both!(of_the_last_items_that_end_at_once_exactly_one_sees_the_end_of_the_job);
async fn of_the_last_items_that_end_at_once_exactly_one_sees_the_end_of_the_job(on: Backend) {
    let db = database(on).await;
    enqueue(&db, 8).await;
    let items = claim(&db, "a", 8).await;
    let lefts = futures::future::join_all(items.iter().map(|item| finish(&db, item))).await;
    let mut lefts: Vec<u64> = lefts.into_iter().map(|left| left.unwrap()).collect();
    lefts.sort_unstable();
    assert_eq!(lefts, (0..8).collect::<Vec<u64>>());
    let ctx = context(&db, 1);
    let count = db.store.read(&ctx).await.unwrap().work_count("score", JOB).await.unwrap();
    assert_eq!(count, WorkCount { open: 0, done: 8, failed: 0 });
}

on_both!(a_killed_workers_item_is_taken_again_and_its_late_end_counts_for_nothing);
async fn a_killed_workers_item_is_taken_again_and_its_late_end_counts_for_nothing(on: Backend) {
    let db = database(on).await;
    enqueue(&db, 1).await;
    let first = claim(&db, "killed", 1).await;
    assert_eq!(claim(&db, "eager", 1).await, [], "the lease holds");
    clock(&db).advance(jiff::SignedDuration::from_secs(61));
    let second = claim(&db, "heir", 1).await;
    assert_eq!((second[0].id, second[0].attempt), (first[0].id, 2));
    let Err(StoreError::Refused(late)) = finish(&db, &first[0]).await else { panic!("it is finished twice") };
    assert_eq!(late.reason(), "LEASE_LOST");
    assert_eq!(finish(&db, &second[0]).await.unwrap(), 0);
    assert!(finish(&db, &second[0]).await.is_err(), "twice");
}

on_both!(a_failing_item_rests_and_is_given_up_in_the_end);
async fn a_failing_item_rests_and_is_given_up_in_the_end(on: Backend) {
    let db = database(on).await;
    enqueue(&db, 1).await;
    let why = Error::of(Kind::Unavailable, msg!("PEER_UNAVAILABLE"));
    for attempt in 1..=3 {
        let items = claim(&db, "a", 1).await;
        assert_eq!(items[0].attempt, attempt);
        assert_eq!(db.store.fail_work(&items[0], &why, 3).await.unwrap(), attempt == 3);
        assert_eq!(claim(&db, "a", 1).await, [], "it rests");
        clock(&db).advance(jiff::SignedDuration::from_secs(10));
    }
    assert_eq!(claim(&db, "a", 1).await, []);
    let ctx = context(&db, 1);
    let count = db.store.read(&ctx).await.unwrap().work_count("score", JOB).await.unwrap();
    assert_eq!(count, WorkCount { open: 0, done: 0, failed: 1 });
}

on_both!(items_of_a_dropped_unit_are_never_taken);
async fn items_of_a_dropped_unit_are_never_taken(on: Backend) {
    let db = database(on).await;
    let work = unit_of(&db.store, &context(&db, 1)).await;
    work.enqueue_work([WorkOrder::new("score", JOB, &1)]).await.unwrap();
    drop(work);
    assert_eq!(claim(&db, "a", 1).await, []);
}
