//! How attribution reads messages: in the order of the sessions, as they are and as they were known, on both databases.

use tally_kernel::id::TenantId;
use tally_store::Audit;
use tally_testkit::databases::{Backend, TestStore};
use tally_testkit::{Callers, clock, on_both};

use super::*;
use crate::policy::ErasePerson;
use crate::record::domain::{Place, Record, Row, Source};
use crate::reply::domain::Reply;
use crate::{SERVICE, migrations, record};

const ACCOUNT: AccountId = AccountId(Uuid::from_u128(9));
const START: i64 = 1_772_413_200_000;

fn source(account: AccountId) -> Source {
    Source { account, region: tally_access::Region::global(), unit: None }
}

fn row(id: &str, started_ms: i64, refers_to: &str) -> (u32, Row) {
    let record = Record {
        external_id: id.to_owned(),
        started_ms,
        ended_ms: started_ms + 1,
        agent: String::new(),
        kind: String::new(),
        first_reply_ms: None,
        resolved: None,
        rating_milli: None,
        amount_minor: None,
        customer: String::new(),
        measures: Vec::new(),
        currency: String::new(),
        refers_to: refers_to.to_owned(),
        contributors: Vec::new(),
        device: String::new(),
    };
    (0, Row::new(record, 0))
}

/// A service with one account, whose unit of work ends with each step.
struct Desk {
    db: TestStore,
    callers: Callers,
}

impl Desk {
    fn ctx(&self) -> OpContext {
        let everything = tally_testkit::callers::everything();
        self.callers.context(&self.callers.person(TenantId(Uuid::from_u128(1)), None, everything))
    }

    async fn unit(&self) -> (OpContext, UnitOfWork) {
        self.callers.clock.advance(jiff::SignedDuration::from_mins(1));
        let ctx = self.ctx();
        let permit = ctx.permit::<ErasePerson>(&tally_access::Target::tenant()).unwrap();
        let work = self.db.store.unit(&ctx, &permit).await.unwrap();
        (ctx, work)
    }

    async fn records(&self, rows: Vec<(u32, Row)>) {
        let (ctx, work) = self.unit().await;
        let plan = record::domain::revise(rows, BTreeMap::new(), &mut Default::default());
        record::store::write::apply(&work, &ctx, &source(ACCOUNT), plan).await.unwrap();
        work.commit(Audit::new("performance.record.import", "account", ACCOUNT), ()).await.unwrap();
    }

    /// Messages of these records, so many milliseconds after the start of the day.
    async fn replies(&self, sent: &[(&str, &[i64])]) {
        let (ctx, work) = self.unit().await;
        let ids = sent.iter().map(|(id, _)| *id).collect();
        let places = records::places(&work, &BTreeMap::from([(ACCOUNT, ids)])).await.unwrap();
        let there = there(&work, places.iter().map(|place| place.record)).await.unwrap();
        let change = |place: Place| {
            let (_, times) = sent.iter().find(|(id, _)| *id == place.key.1).unwrap();
            let reply = |at: &i64| Reply { at_ms: START + at, by: Side::Agent, device: "till".to_owned() };
            let was = there.get(&place.record).map(|stored| stored.ordinal);
            Change { place, was, replies: times.iter().map(reply).collect() }
        };
        apply(&work, &ctx, &places.into_iter().map(change).collect::<Vec<_>>()).await.unwrap();
        work.commit(Audit::new("performance.reply.import", "replies", "1"), ()).await.unwrap();
    }

    /// What [`collect`] hands over, `limit` sessions at a time: ids and times.
    async fn read(&self, account: AccountId, known_at: Option<Timestamp>, limit: u64) -> Vec<(String, Vec<i64>)> {
        let (mut told, mut last) = (Vec::new(), None);
        let tx = self.db.store.read(&self.ctx()).await.unwrap();
        loop {
            let take = |_: i64, id: &str, messages: Messages<'_>| {
                let times = messages.map(|message| message.unwrap().at_ms - START).collect();
                told.push((id.to_owned(), times));
                Ok(())
            };
            let span = (START, START + 1_000);
            last = collect(&tx, (account, span), known_at, last.as_ref(), limit, take).await.unwrap();
            if last.is_none() {
                return told;
            }
        }
    }
}

on_both!(messages_are_handed_over_in_the_order_of_the_sessions_as_they_are_or_were);
async fn messages_are_handed_over_in_the_order_of_the_sessions_as_they_are_or_were(on: Backend) {
    let callers = Callers::new(clock("2026-03-03T01:00:00Z"), 7);
    let desk = Desk { db: TestStore::on(on, SERVICE, migrations).await, callers };
    let starts = [("e", START), ("c", START), ("b", START + 10), ("before", START - 1), ("after", START + 1_000)];
    let mut rows: Vec<_> = starts.iter().map(|(id, at)| row(id, *at, "")).collect();
    rows.push(row("silent", START + 5, ""));
    rows.push(row("late", START + 999, ""));
    desk.records(rows).await;
    assert!(desk.read(ACCOUNT, None, 2).await.is_empty(), "no messages at all");
    desk.replies(&[("b", &[10, 20]), ("c", &[1]), ("before", &[0]), ("after", &[2_000]), ("late", &[999])]).await;
    let first = desk.callers.clock.now();
    desk.replies(&[("c", &[1, 2]), ("e", &[-5])]).await;
    let told = |all: &[(&str, &[i64])]| -> Vec<(String, Vec<i64>)> {
        all.iter().map(|(id, times)| ((*id).to_owned(), times.to_vec())).collect()
    };
    let now = told(&[("c", &[1, 2]), ("e", &[-5]), ("b", &[10, 20]), ("late", &[999])]);
    for limit in [1, 2, 5, 100] {
        assert_eq!(desk.read(ACCOUNT, None, limit).await, now, "{limit} at a time");
    }
    let then = told(&[("c", &[1]), ("b", &[10, 20]), ("late", &[999])]);
    assert_eq!(desk.read(ACCOUNT, Some(first), 2).await, then);
    // The record goes to another account, and is known to have been on this one.
    let moved = desk.callers.clock.now();
    let other = AccountId(Uuid::from_u128(10));
    let (ctx, work) = desk.unit().await;
    let to = source(other);
    let taken = record::store::write::shift(&work, &ctx, (&source(ACCOUNT), &to), "b", "wrong").await.unwrap();
    follow(&work, other, BTreeSet::from(["b"])).await.unwrap();
    work.commit(Audit::new("performance.record.move", "record", taken.record), ()).await.unwrap();
    assert_eq!(desk.read(ACCOUNT, None, 2).await, told(&[("c", &[1, 2]), ("e", &[-5]), ("late", &[999])]));
    assert_eq!(desk.read(other, None, 2).await, told(&[("b", &[10, 20])]));
    assert_eq!(desk.read(ACCOUNT, Some(moved), 2).await, now, "as it was known");
    assert_eq!(desk.read(other, Some(moved), 2).await, told(&[]));
}
