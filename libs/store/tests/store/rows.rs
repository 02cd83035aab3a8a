//! Every row has its audit entry: what no unit of work wrote is found and named.

use sea_orm::{ActiveValue, ColumnTrait as _};
use tally_store::{Defect, Fault};
use uuid::Uuid;

use crate::databases::{Backend, TestStore};
use crate::on_both;
use crate::sample::{audit, context, database, note, row, tamper, unit_of, write};

/// Three units: two notes, one note that also changes the first, and a deletion of the second.
async fn written(on: Backend) -> TestStore {
    let db = database(on).await;
    let ctx = context(&db, 1);
    write(&db.store, &ctx, &["a", "b"]).await;
    let work = unit_of(&db.store, &ctx).await;
    work.insert(row(&ctx, "c")).await.unwrap();
    let rename = work.update::<note::Entity>().set(note::Column::Title, "another");
    rename.filter(note::Column::Code.eq("a")).exec_one().await.unwrap();
    work.commit(audit(), ()).await.unwrap();
    let work = unit_of(&db.store, &ctx).await;
    assert_eq!(work.delete::<note::Entity>().filter(note::Column::Code.eq("b")).exec().await.unwrap(), 1);
    work.commit(audit(), ()).await.unwrap();
    db.store.sequence_now().await.unwrap();
    let report = db.store.verify_audit().await.unwrap();
    assert!(report.ok(), "{:?}", report.faults);
    assert_eq!(report.rows, 2);
    db
}

async fn only_fault(db: &TestStore) -> Fault {
    let faults = db.store.verify_audit().await.unwrap().faults;
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults[0].clone()
}

/// A note past the store, with the audit entry `entry`, in the words of both databases.
async fn forge(db: &TestStore, code: &str, entry: &str) {
    let id = if db.name == "sqlite" { "randomblob(16)" } else { "gen_random_uuid()" };
    let sql = format!(
        "INSERT INTO notes (tenant_id, id, region, code, title, amount, recorded_at, audit_id) \
         SELECT tenant_id, {id}, region, '{code}', title, amount, recorded_at, {entry} FROM notes WHERE code = 'c'"
    );
    assert_eq!(tamper(db, &sql).await, 1);
}

on_both!(an_entry_tells_how_many_rows_its_unit_wrote);
async fn an_entry_tells_how_many_rows_its_unit_wrote(on: Backend) {
    let db = written(on).await;
    let log = db.store.read(&context(&db, 1)).await.unwrap().audit_log(10).await.unwrap();
    let mut by_position: Vec<_> = log.into_iter().map(|(position, entry)| (position, entry.written)).collect();
    by_position.sort_unstable();
    let written: Vec<&str> = by_position.iter().map(|(_, written)| written.as_str()).collect();
    assert_eq!(written, [r#"{"notes":2}"#, r#"{"notes":2}"#, "{}"]);
}

on_both!(a_row_that_no_unit_wrote_is_named);
async fn a_row_that_no_unit_wrote_is_named(on: Backend) {
    let db = written(on).await;
    forge(&db, "forged", "tenant_id").await;
    let fault = only_fault(&db).await;
    assert_eq!((fault.table.as_str(), fault.defect), ("notes", Defect::Unaccounted));
    assert_eq!(fault.entry, Some(Uuid::from_u128(1)));
    let find = "SELECT 1 FROM notes WHERE code = 'forged'";
    let id = fault.row.clone().unwrap();
    let same = match db.name {
        "sqlite" => format!("UPDATE notes SET amount = 1 WHERE code = 'forged' AND lower(hex(id)) = '{id}'"),
        _ => format!("UPDATE notes SET amount = 1 WHERE code = 'forged' AND id = '{id}'"),
    };
    assert_eq!(tamper(&db, &same).await, 1, "{find} is not {id}");
    assert!(fault.to_string().contains(&id), "{fault}");
}

on_both!(a_row_that_borrows_the_entry_of_another_is_found);
async fn a_row_that_borrows_the_entry_of_another_is_found(on: Backend) {
    let db = written(on).await;
    forge(&db, "forged", "audit_id").await;
    let fault = only_fault(&db).await;
    assert_eq!((fault.table.as_str(), fault.defect), ("notes", Defect::Borrowed));
    assert!(fault.row.is_some() && fault.entry.is_some());
}

on_both!(a_row_whose_entry_was_deleted_is_found_beside_the_gap_in_the_chain);
async fn a_row_whose_entry_was_deleted_is_found_beside_the_gap_in_the_chain(on: Backend) {
    let db = written(on).await;
    assert_eq!(tamper(&db, "DELETE FROM audit WHERE position = 2").await, 1);
    let faults = db.store.verify_audit().await.unwrap().faults;
    let found: Vec<(&str, Defect)> = faults.iter().map(|fault| (fault.table.as_str(), fault.defect)).collect();
    assert_eq!(found, [("audit", Defect::Missing), ("notes", Defect::Unaccounted)]);
}

on_both!(the_rows_of_a_unit_whose_entry_still_waits_for_its_position_are_accounted_for);
async fn the_rows_of_a_unit_whose_entry_still_waits_for_its_position_are_accounted_for(on: Backend) {
    let db = database(on).await;
    write(&db.store, &context(&db, 1), &["a", "b"]).await;
    let report = db.store.verify_audit().await.unwrap();
    assert!(report.ok(), "{:?}", report.faults);
    assert_eq!(report.rows, 2);
}

on_both!(rows_of_one_statement_that_set_different_columns_are_refused);
async fn rows_of_one_statement_that_set_different_columns_are_refused(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    let work = unit_of(&db.store, &ctx).await;
    let other = note::ActiveModel { secret: ActiveValue::NotSet, ..row(&ctx, "b") };
    assert!(work.insert_many([row(&ctx, "a"), row(&ctx, "c"), row(&ctx, "d"), other]).await.is_err());
}
