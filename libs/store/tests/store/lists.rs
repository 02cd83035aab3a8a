//! Pages, streams and sums.

use futures::TryStreamExt as _;
use sea_orm::{ActiveValue, ColumnTrait as _};
use tally_kernel::page::Page;
use tally_store::StoreError;
use uuid::Uuid;

use crate::databases::{Backend, TestStore};
use crate::on_both;
use crate::sample::{audit, context, database, note, row, unit_of, write};

/// 25 notes whose amounts repeat, so that pages end within equal amounts.
async fn filled(on: Backend) -> TestStore {
    let db = database(on).await;
    let ctx = context(&db, 1);
    let work = unit_of(&db.store, &ctx).await;
    let rows =
        (0..25_i64).map(|n| note::ActiveModel { amount: ActiveValue::Set(n / 10), ..row(&ctx, &format!("{n:02}")) });
    work.insert_many(rows).await.unwrap();
    work.commit(audit(), ()).await.unwrap();
    db
}

on_both!(pages_show_every_row_once_in_order_both_ways);
async fn pages_show_every_row_once_in_order_both_ways(on: Backend) {
    let db = filled(on).await;
    let ctx = context(&db, 1);
    let tx = db.store.read(&ctx).await.unwrap();
    let everything: Vec<String> = (0..25).map(|n| format!("{n:02}")).collect();
    for descending in [false, true] {
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let page = Page::read(7, &token, b"all notes").unwrap();
            let select = tx.select::<note::Entity>();
            let keys = [note::Column::Amount, note::Column::Code];
            let (notes, next) =
                if descending { select.page_desc(&page, keys).await } else { select.page_asc(&page, keys).await }
                    .unwrap();
            assert!(notes.len() <= 7);
            seen.extend(notes.into_iter().map(|note| note.code));
            token = next;
            if token.is_empty() {
                break;
            }
        }
        if descending {
            seen.reverse();
        }
        assert_eq!(seen, everything, "descending: {descending}");
    }
}

on_both!(pages_go_by_instants_and_ids_too);
async fn pages_go_by_instants_and_ids_too(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    for code in ["a", "b", "c", "d"] {
        write(&db.store, &ctx, &[code]).await;
        if code != "b" {
            db.clock.advance(jiff::SignedDuration::from_millis(500));
        }
    }
    let tx = db.store.read(&ctx).await.unwrap();
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = Page::read(1, &token, b"").unwrap();
        let keys = [note::Column::RecordedAt, note::Column::Id];
        let (notes, next) = tx.select::<note::Entity>().page_asc(&page, keys).await.unwrap();
        seen.extend(notes.into_iter().map(|note| note.recorded_at));
        token = next;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(seen.len(), 4);
    assert!(seen.is_sorted(), "{seen:?}");
}

on_both!(a_token_of_another_shape_is_refused);
async fn a_token_of_another_shape_is_refused(on: Backend) {
    let db = database(on).await;
    let tx = db.store.read(&context(&db, 1)).await.unwrap();
    for key in ["", "[]", "[\"1\"]", "[\"x\",\"y\"]", "[\"1\",\"2\",\"3\"]", "{}"] {
        let token = Page::read(1, "", b"").unwrap().token(key);
        let page = Page::read(1, &token, b"").unwrap();
        let refused = tx.select::<note::Entity>().page_asc(&page, [note::Column::Amount, note::Column::Id]).await;
        let Err(StoreError::Refused(refused)) = refused else { panic!("{key:?}") };
        assert_eq!(refused.violations()[0].message.reason(), "PAGE_TOKEN_INVALID");
    }
}

on_both!(sums_by_group_and_streams_keep_to_the_tenant);
async fn sums_by_group_and_streams_keep_to_the_tenant(on: Backend) {
    let db = filled(on).await;
    if db.name == "postgres" {
        write(&db.store, &context(&db, 2), &["other"]).await;
    }
    let ctx = context(&db, 1);
    let tx = db.store.read(&ctx).await.unwrap();
    let mut sums: Vec<(i64, Option<i64>, i64)> = tx
        .select::<note::Entity>()
        .rows(|rows| rows.column(note::Column::Amount).sum(note::Column::Amount).count().group_by(note::Column::Amount))
        .await
        .unwrap();
    sums.sort_unstable();
    assert_eq!(sums, [(0, Some(0), 10), (1, Some(10), 10), (2, Some(10), 5)]);
    let streamed: Vec<note::Model> = tx.select::<note::Entity>().stream().await.unwrap().try_collect().await.unwrap();
    assert_eq!(streamed.len(), 25);
}

on_both!(a_long_list_of_ids_is_one_condition);
async fn a_long_list_of_ids_is_one_condition(on: Backend) {
    let db = filled(on).await;
    let ctx = context(&db, 1);
    let tx = db.store.read(&ctx).await.unwrap();
    let some = tx.select::<note::Entity>().filter(note::Column::Amount.eq(2)).all().await.unwrap();
    let ids = some.iter().map(|note| note.id).chain((0..40_000).map(Uuid::from_u128));
    let found = tx.select::<note::Entity>().filter(tally_store::among::<note::Entity>(&tx, note::Column::Id, ids));
    assert_eq!(found.count().await.unwrap(), 5);
}
