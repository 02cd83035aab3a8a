//! Following a producer: effects happen once, whoever else follows and whatever is killed.

use tally_store::Event;

use crate::databases::Backend;
use crate::on_both;
use crate::sample::{audit, codes, context, database, permit, row, unit_of};

on_both!(events_are_read_in_order_from_any_position);
async fn events_are_read_in_order_from_any_position(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    for n in 0..5 {
        let mut work = unit_of(&db.store, &ctx).await;
        work.emit(Event::new("sample.note.written", n, n.to_string()));
        work.commit(audit(), ()).await.unwrap();
    }
    assert_eq!(db.store.read_events(0, 10).await.unwrap(), [], "not numbered yet");
    db.store.sequence_now().await.unwrap();
    let keys = |events: Vec<tally_store::EventRecord>| events.into_iter().map(|e| e.key).collect::<Vec<_>>();
    assert_eq!(keys(db.store.read_events(0, 10).await.unwrap()), ["0", "1", "2", "3", "4"]);
    assert_eq!(keys(db.store.read_events(3, 10).await.unwrap()), ["3", "4"]);
    assert_eq!(keys(db.store.read_events(1, 2).await.unwrap()), ["1", "2"]);
    assert_eq!(db.store.read_events(5, 2).await.unwrap(), []);
}

#[tokio::test]
async fn whose_events_are_few_still_learns_how_far_the_log_was_read() {
    // SQLite holds one group.
    let db = database(Backend::Postgres).await;
    let (mine, theirs) = (context(&db, 1), context(&db, 2));
    for n in 0..6 {
        // Positions 1 and 4 are mine.
        let ctx = if n % 3 == 0 { &mine } else { &theirs };
        let mut work = unit_of(&db.store, ctx).await;
        work.emit(Event::new("sample.note.written", n, n.to_string()));
        work.commit(audit(), ()).await.unwrap();
        db.store.sequence_now().await.unwrap();
    }
    let read = async |of: &tally_access::OpContext, after, limit| {
        let part = db.store.read_log(Some(of.tenant()), after, limit).await.unwrap();
        (part.events.iter().map(|event| event.position).collect::<Vec<_>>(), part.position)
    };
    assert_eq!(read(&mine, 0, 10).await, (vec![1, 4], 6));
    assert_eq!(read(&mine, 0, 1).await, (vec![1], 1), "the rest is still to be read");
    assert_eq!(read(&mine, 4, 10).await, (vec![], 6), "nothing of mine, and further on all the same");
    assert_eq!(read(&mine, 6, 10).await, (vec![], 6));
    assert_eq!(read(&context(&db, 3), 0, 10).await, (vec![], 6));
    let all = db.store.read_log(None, 2, 3).await.unwrap();
    assert_eq!((all.events.len(), all.position), (3, 5));
}

on_both!(an_event_that_several_consumers_apply_at_once_has_its_effect_once);
async fn an_event_that_several_consumers_apply_at_once_has_its_effect_once(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    assert_eq!(db.store.cursor("producer").await.unwrap(), 0);
    let consume = |_| {
        let (ctx, db) = (&ctx, &db);
        async move {
            for position in 1..=20 {
                let applied = db.store.retry(ctx, || async {
                    let work = db.store.unit(ctx, &permit(ctx)).await?;
                    if !work.advance_cursor("producer", position).await? {
                        return Ok(());
                    }
                    work.insert(row(ctx, &format!("{position:02}"))).await?;
                    work.commit(audit(), ()).await
                });
                applied.await.unwrap_or_else(|e| panic!("{e:?}"));
            }
        }
    };
    futures::future::join_all((0..4).map(consume)).await;
    let expected: Vec<String> = (1..=20).map(|n| format!("{n:02}")).collect();
    assert_eq!(codes(&db.store, &ctx).await, expected);
    assert_eq!(db.store.cursor("producer").await.unwrap(), 20);
}

on_both!(a_unit_that_dies_after_its_effect_leaves_the_cursor_where_it_was);
async fn a_unit_that_dies_after_its_effect_leaves_the_cursor_where_it_was(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    let work = unit_of(&db.store, &ctx).await;
    assert!(work.advance_cursor("producer", 7).await.unwrap());
    work.insert(row(&ctx, "effect")).await.unwrap();
    drop(work);
    assert_eq!(db.store.cursor("producer").await.unwrap(), 0);
    let work = unit_of(&db.store, &ctx).await;
    assert!(work.advance_cursor("producer", 7).await.unwrap());
    assert!(!work.advance_cursor("producer", 7).await.unwrap());
    assert!(!work.advance_cursor("producer", 6).await.unwrap());
    work.commit(audit(), ()).await.unwrap();
    assert_eq!(db.store.cursor("producer").await.unwrap(), 7);
}
