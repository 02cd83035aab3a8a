//! Sealed columns: unreadable in the database, bound to their cell.

use sea_orm::{ActiveValue, ColumnTrait as _};
use tally_kernel::{Error, Kind};
use tally_store::{Keys, Place};

use crate::sample::{audit, context, databases, note, owner, row, tamper, unit_of};

#[tokio::test]
async fn a_sealed_value_comes_back_and_the_database_does_not_hold_it_in_clear() {
    for db in databases().await {
        let ctx = context(&db, 1);
        let id = ctx.new_id();
        let place = Place::of(note::Column::Secret, id);
        let unit = unit_of(&db.store, &ctx).await;
        let secret = Some(unit.seal(&place, &"salary 12345".to_owned()).unwrap());
        unit.insert(note::ActiveModel { id: ActiveValue::Set(id), secret: ActiveValue::Set(secret), ..row(&ctx, "a") })
            .await
            .unwrap();
        unit.commit(audit(), ()).await.unwrap();

        let tx = db.store.read(&ctx).await.unwrap();
        let kept = tx.select::<note::Entity>().one().await.unwrap().unwrap();
        let secret = kept.secret.as_ref().unwrap();
        assert_eq!(tx.open(&place, secret).unwrap(), "salary 12345", "{}", db.name);
        assert!(format!("{kept:?}").contains("sealed"));

        use sea_orm::EntityTrait as _;
        let raw = note::Entity::find().all(&owner(&db).await).await.unwrap();
        let bytes: sea_orm::Value = raw[0].secret.clone().unwrap().into();
        let sea_orm::Value::Bytes(Some(bytes)) = bytes else { panic!("bytes") };
        assert!(!bytes.windows(6).any(|part| part == b"salary"), "{}", db.name);
    }
}

#[tokio::test]
async fn a_value_swapped_into_another_row_is_refused_with_its_place() {
    for db in databases().await {
        let ctx = context(&db, 1);
        let unit = unit_of(&db.store, &ctx).await;
        for code in ["low", "high"] {
            let id = ctx.new_id();
            let secret = Some(unit.seal(&Place::of(note::Column::Secret, id), &code.to_owned()).unwrap());
            let note =
                note::ActiveModel { id: ActiveValue::Set(id), secret: ActiveValue::Set(secret), ..row(&ctx, code) };
            unit.insert(note).await.unwrap();
        }
        unit.commit(audit(), ()).await.unwrap();
        let swap = "UPDATE notes SET secret = (SELECT o.secret FROM notes o WHERE o.code = 'high') WHERE code = 'low'";
        assert_eq!(tamper(&db, swap).await, 1);

        let tx = db.store.read(&ctx).await.unwrap();
        let low = tx.select::<note::Entity>().filter(note::Column::Code.eq("low")).one().await.unwrap().unwrap();
        let place = Place::of(note::Column::Secret, low.id);
        let refused: Error = tx.open(&place, low.secret.as_ref().unwrap()).unwrap_err().into();
        assert_eq!(refused.kind(), Kind::Internal, "{}", db.name);
        let why = refused.internal_context().unwrap();
        assert!(why.contains("notes.secret") && why.contains(&low.id.to_string()), "{why}");
    }
}

#[test]
fn a_key_file_is_made_for_its_owner_only_and_read_again() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("sample.keys");
    assert_eq!(Keys::open(&path).unwrap_err().reason(), "KEYS_UNUSABLE");
    Keys::open_or_init(&path).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = std::fs::read_to_string(&path).unwrap();
    Keys::open_or_init(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "an existing file is kept");

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let refused = Keys::open(&path).unwrap_err();
    assert!(refused.message().contains("chmod 600"), "{}", refused.message());
}
