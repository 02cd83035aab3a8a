//! Sealed columns: unreadable in the database, bound to their cell.

use sea_orm::{ActiveValue, ColumnTrait as _};
use tally_kernel::{Error, Kind};
use tally_store::{Place, Sealed, class};

use crate::databases::Backend;
use crate::on_both;
use crate::sample::{audit, badge, badge_row, context, database, note, owner, row, tamper, unit_of};

on_both!(a_sealed_value_comes_back_and_the_database_does_not_hold_it_in_clear);
async fn a_sealed_value_comes_back_and_the_database_does_not_hold_it_in_clear(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    let id = ctx.new_id();
    let place = Place::of(note::Column::Secret, id);
    let work = unit_of(&db.store, &ctx).await;
    let secret = Some(work.seal(&place, &"salary 12345".to_owned()).await.unwrap());
    work.insert(note::ActiveModel { id: ActiveValue::Set(id), secret: ActiveValue::Set(secret), ..row(&ctx, "a") })
        .await
        .unwrap();
    work.commit(audit(), ()).await.unwrap();

    let tx = db.store.read(&ctx).await.unwrap();
    let kept = tx.select::<note::Entity>().one().await.unwrap().unwrap();
    let secret = kept.secret.as_ref().unwrap();
    assert_eq!(tx.open(&place, secret).await.unwrap(), "salary 12345");
    assert!(format!("{kept:?}").contains("sealed"));

    use sea_orm::EntityTrait as _;
    let raw = note::Entity::find().all(&owner(&db).await).await.unwrap();
    let bytes: sea_orm::Value = raw[0].secret.clone().unwrap().into();
    let sea_orm::Value::Bytes(Some(bytes)) = bytes else { panic!("bytes") };
    assert!(!bytes.windows(6).any(|part| part == b"salary"));
}

on_both!(a_value_swapped_into_another_row_is_refused_with_its_place);
async fn a_value_swapped_into_another_row_is_refused_with_its_place(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    let work = unit_of(&db.store, &ctx).await;
    for code in ["low", "high"] {
        let id = ctx.new_id();
        let secret = Some(work.seal(&Place::of(note::Column::Secret, id), &code.to_owned()).await.unwrap());
        let note = note::ActiveModel { id: ActiveValue::Set(id), secret: ActiveValue::Set(secret), ..row(&ctx, code) };
        work.insert(note).await.unwrap();
    }
    work.commit(audit(), ()).await.unwrap();
    let swap = "UPDATE notes SET secret = (SELECT o.secret FROM notes o WHERE o.code = 'high') WHERE code = 'low'";
    assert_eq!(tamper(&db, swap).await, 1);

    let tx = db.store.read(&ctx).await.unwrap();
    let low = tx.select::<note::Entity>().filter(note::Column::Code.eq("low")).one().await.unwrap().unwrap();
    let place = Place::of(note::Column::Secret, low.id);
    let refused: Error = tx.open(&place, low.secret.as_ref().unwrap()).await.unwrap_err().into();
    assert_eq!(refused.kind(), Kind::Internal);
    let why = refused.internal_context().unwrap();
    assert!(why.contains("notes.secret") && why.contains(&low.id.to_string()), "{why}");
}

on_both!(a_column_that_no_migration_registered_takes_no_value_and_a_value_of_another_class_is_refused);
async fn a_column_that_no_migration_registered_takes_no_value_and_a_value_of_another_class_is_refused(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    let id = ctx.new_id();
    let work = unit_of(&db.store, &ctx).await;
    let forgotten: Result<Sealed<class::Salary, i64>, _> =
        work.seal(&Place::of(badge::Column::Forgotten, id), &1).await;
    let why: Error = forgotten.unwrap_err().into();
    assert!(why.internal_context().unwrap().contains("badges.forgotten"), "{why:?}");
    let other: Result<Sealed<class::Credential, i64>, _> = work.seal(&Place::of(badge::Column::Pay, id), &1).await;
    assert_eq!(Error::from(other.unwrap_err()).kind(), Kind::Internal);

    let place = Place::of(badge::Column::Pay, id);
    let pay = work.seal(&place, &7).await.unwrap();
    let row = badge::ActiveModel { pay: ActiveValue::Set(Some(pay)), ..badge_row(&ctx, id, ctx.new_id()) };
    work.insert(row).await.unwrap();
    work.commit(audit(), ()).await.unwrap();
    // The first byte after the format names the class.
    let claim = if db.name == "postgres" { "set_byte(pay, 1, 3)" } else { "CAST(X'0203' || substr(pay, 3) AS BLOB)" };
    assert_eq!(tamper(&db, &format!("UPDATE badges SET forgotten = pay, pay = {claim}")).await, 1);
    let tx = db.store.read(&ctx).await.unwrap();
    let row = tx.select::<badge::Entity>().one().await.unwrap().unwrap();
    let why: Error = tx.open(&place, row.pay.as_ref().unwrap()).await.unwrap_err().into();
    assert!(why.internal_context().unwrap().contains("not of the class SALARY"), "{why:?}");
    let moved = tx.open(&Place::of(badge::Column::Forgotten, id), row.forgotten.as_ref().unwrap()).await;
    assert!(Error::from(moved.unwrap_err()).internal_context().unwrap().contains("does not open here"));
}

on_both!(a_key_made_in_a_unit_that_was_rolled_back_seals_nothing_that_stays);
async fn a_key_made_in_a_unit_that_was_rolled_back_seals_nothing_that_stays(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    let id = ctx.new_id();
    let place = Place::of(badge::Column::Pay, id);
    let work = unit_of(&db.store, &ctx).await;
    let _: Sealed<class::Salary, i64> = work.seal(&place, &1).await.unwrap();
    drop(work);
    let work = unit_of(&db.store, &ctx).await;
    let pay = work.seal(&place, &2).await.unwrap();
    let row = badge::ActiveModel { pay: ActiveValue::Set(Some(pay)), ..badge_row(&ctx, id, ctx.new_id()) };
    work.insert(row).await.unwrap();
    work.commit(audit(), ()).await.unwrap();
    let tx = db.replica().await.read(&ctx).await.unwrap();
    let row = tx.select::<badge::Entity>().one().await.unwrap().unwrap();
    assert_eq!(tx.open(&place, row.pay.as_ref().unwrap()).await.unwrap(), 2);
}
