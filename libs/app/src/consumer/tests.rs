//! Following on both databases: what happens to events that fail, and from where a consumer goes on.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tally_api::identity::v1::PersonErased;
use tally_kernel::msg;
use tally_runtime::Trigger;
use tally_testkit::databases::{Backend, TestStore};
use tally_testkit::eventually;
use tally_testkit::on_both;

use super::*;

mod policy {
    tally_access::rpcs! {
        Follow = "sample.v1.Sample/Follow", public, Change;
    }
}

use policy::Follow;

const SERVICE: &str = "sample";
const AT_ONCE: Patience = Patience { first: Duration::ZERO, longest: Duration::ZERO, tries: 3 };

type Outcome = fn() -> Result<Handled>;

/// Does what a test wrote down, one call after the other, and then everything.
#[derive(Clone)]
struct Scripted {
    store: Store,
    outcomes: Arc<Mutex<VecDeque<Outcome>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Handler for Scripted {
    type Row = Follow;

    async fn handle(&self, ctx: &OpContext, event: &Received) -> Result<Handled> {
        let erased = event.read::<PersonErased>()?.expect("the only kind there is");
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(erased.erasure_id);
        let outcome = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let handled = outcome.map_or(Ok(Handled::Done), |outcome| outcome())?;
        if handled == Handled::Done {
            let work = self.store.unit(ctx, &ctx.permit::<Follow>(&Target::tenant())?).await?;
            assert!(event.advance(&work).await?, "{} was done already", event.key);
            work.commit(Audit::new("sample.event.handle", "event", &event.key), ()).await?;
        }
        Ok(handled)
    }
}

async fn database(on: Backend) -> TestStore {
    TestStore::on(on, SERVICE, Vec::new).await
}

fn consumer(db: &TestStore, outcomes: &[Outcome]) -> Consumer<Scripted> {
    let outcomes = Arc::new(Mutex::new(outcomes.iter().copied().collect()));
    let (store, clock, rng) = (db.store.clone(), db.clock.clone(), Rng::seeded(7));
    let handler = Scripted { store: store.clone(), outcomes, seen: Arc::default() };
    Consumer { service: SERVICE, producer: Producer::Own("sample/tests"), store, clock, rng, handler }
}

async fn emit(consumer: &Consumer<Scripted>, keys: &[&str]) {
    let ctx = consumer.context(TenantId(Uuid::from_u128(1)));
    for key in keys {
        let permit = ctx.permit::<Follow>(&Target::tenant()).unwrap();
        let mut work = consumer.store.unit(&ctx, &permit).await.unwrap();
        let event = PersonErased { erasure_id: (*key).to_owned(), ..Default::default() };
        work.emit(events::event(&event).unwrap());
        work.commit(Audit::new("sample.event.emit", "event", key), ()).await.unwrap();
        consumer.store.sequence_now().await.unwrap();
    }
}

/// Follows until the position is kept, and gives the events that were seen, in order.
async fn follow(consumer: &Consumer<Scripted>, until: i64) -> Vec<String> {
    let trigger = Trigger::new();
    let following = tokio::spawn(consumer.clone().follow(AT_ONCE, trigger.shutdown()));
    let kept = async || (consumer.store.cursor("sample/tests").await.unwrap() == until).then_some(());
    eventually("the position", kept).await;
    trigger.pull();
    following.await.unwrap().unwrap();
    consumer.handler.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Which events the audit log says were set aside: the reason of each.
async fn set_aside(consumer: &Consumer<Scripted>) -> Vec<String> {
    let ctx = consumer.context(TenantId(Uuid::from_u128(1)));
    let log = consumer.store.read(&ctx).await.unwrap().audit_log(100).await.unwrap();
    let aside = log.into_iter().map(|(_, entry)| entry).filter(|entry| entry.action == "suite.event.set_aside");
    aside.map(|entry| entry.notes).collect()
}

on_both!(an_event_that_fails_by_itself_is_set_aside_and_the_next_is_done);
async fn an_event_that_fails_by_itself_is_set_aside_and_the_next_is_done(on: Backend) {
    let fails: Outcome = || Err(Error::not_found("person", "b"));
    let db = database(on).await;
    let consumer = consumer(&db, &[|| Ok(Handled::Done), fails, fails, fails]);
    emit(&consumer, &["a", "b", "c"]).await;
    assert_eq!(follow(&consumer, 3).await, ["a", "b", "b", "b", "c"]);
    let aside = set_aside(&consumer).await;
    assert_eq!(aside.len(), 1, "{aside:?}");
    for note in ["NOT_FOUND", "tally.identity.v1.PersonErased", "sample/tests"] {
        assert!(aside[0].contains(note), "{note} is not in {aside:?}");
    }
}

on_both!(what_is_away_is_waited_for_however_often_it_takes);
async fn what_is_away_is_waited_for_however_often_it_takes(on: Backend) {
    let away: Outcome = || Err(Error::of(Kind::Unavailable, msg!("PEER_REFUSES_SERVICE")));
    let db = database(on).await;
    let consumer = consumer(&db, &[away, away, away, away, away]);
    emit(&consumer, &["a", "b"]).await;
    assert_eq!(follow(&consumer, 2).await, ["a", "a", "a", "a", "a", "a", "b"]);
    assert_eq!(set_aside(&consumer).await, Vec::<String>::new());
}

on_both!(another_services_turn_comes_first_and_nothing_overtakes_the_event);
async fn another_services_turn_comes_first_and_nothing_overtakes_the_event(on: Backend) {
    let later: Outcome = || Ok(Handled::Later);
    let db = database(on).await;
    let consumer = consumer(&db, &[later, later, later, later]);
    emit(&consumer, &["a", "b"]).await;
    assert_eq!(follow(&consumer, 2).await, ["a", "a", "a", "a", "a", "b"]);
}

on_both!(a_consumer_that_starts_again_goes_on_where_it_was);
async fn a_consumer_that_starts_again_goes_on_where_it_was(on: Backend) {
    let db = database(on).await;
    let first = consumer(&db, &[]);
    emit(&first, &["a", "b"]).await;
    assert_eq!(follow(&first, 2).await, ["a", "b"]);
    // Ids of its own, as every process has.
    let second = Consumer { rng: Rng::seeded(8), ..consumer(&db, &[]) };
    emit(&first, &["c"]).await;
    assert_eq!(follow(&second, 3).await, ["c"]);
}
