//! What was removed is gone, from the files too.

use jiff::SignedDuration;
use sea_orm::ColumnTrait as _;
use tally_store::digest;

use crate::databases::{Backend, TestStore};
use crate::on_both;
use crate::sample::{audit, codes, context, filled, note, unit_of};

/// The bytes of a SQLite database, its write-ahead file included.
fn bytes(db: &TestStore) -> Vec<u8> {
    let file = db.owner_url.strip_prefix("sqlite://").unwrap();
    ["", "-wal"].map(|ending| std::fs::read(format!("{file}{ending}")).unwrap_or_default()).concat()
}

on_both!(what_was_removed_is_wiped_out_of_the_files);
async fn what_was_removed_is_wiped_out_of_the_files(on: Backend) {
    let there = |db: &TestStore| bytes(db).windows(9).any(|part| part == b"vanishing");
    let db = filled(on, &[("vanishing", Some(1), 0), ("b", Some(2), 0)]).await;
    let ctx = context(&db, 1);
    if db.name == "sqlite" {
        assert!(there(&db), "the search finds what is there");
    }
    let work = unit_of(&db.store, &ctx).await;
    work.delete::<note::Entity>().filter(note::Column::Code.eq("vanishing")).exec().await.unwrap();
    work.commit(audit(), ()).await.unwrap();
    db.store.wipe().await.unwrap();
    if db.name == "sqlite" {
        assert!(!there(&db));
    }
    assert_eq!(codes(&db.store, &ctx).await, ["b"]);
}

on_both!(tables_are_found_by_a_column_and_requests_are_forgotten_by_age);
async fn tables_are_found_by_a_column_and_requests_are_forgotten_by_age(on: Backend) {
    let db = filled(on, &[]).await;
    let ctx = context(&db, 1);
    assert_eq!(db.store.tables_with("person_id").await.unwrap(), ["audit_people", "badges", "notes"]);
    let first = async || {
        let mut work = unit_of(&db.store, &ctx).await;
        let known = work.replay::<String>("request 1", &digest(b"body")).await.unwrap();
        work.commit(audit(), "done".to_owned()).await.unwrap();
        known
    };
    assert_eq!(first().await, None);
    assert_eq!(first().await.as_deref(), Some("done"));
    for (until, rows) in [(ctx.now(), 0), (ctx.now() + SignedDuration::from_hours(1), 1)] {
        let work = unit_of(&db.store, &ctx).await;
        assert_eq!(work.forget_requests(until).await.unwrap(), rows);
        work.commit(audit(), ()).await.unwrap();
    }
    assert_eq!(first().await, None, "it is done again");
}
