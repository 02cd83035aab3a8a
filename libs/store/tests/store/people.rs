//! Whom an audit entry is about.

use sea_orm::ActiveValue;
use tally_kernel::id::PersonId;
use tally_store::Trouble;
use uuid::Uuid;

use crate::sample::{audit, context, databases, note, row, tamper, unit_of};

fn person(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(n))
}

#[tokio::test]
async fn people_of_inserted_rows_and_people_that_were_named_are_in_the_entry_and_bound_to_it() {
    for db in databases().await {
        let ctx = context(&db, 1);
        let unit = unit_of(&db.store, &ctx).await;
        let of = |code: &str, n: u128| note::ActiveModel {
            person_id: ActiveValue::Set(Some(person(n).0)),
            ..row(&ctx, code)
        };
        unit.insert_many([of("a", 9), of("b", 7), of("c", 9), row(&ctx, "d")]).await.unwrap();
        unit.commit(audit().about(person(8)).about_all([person(7), person(6)]), ()).await.unwrap();
        db.store.sequence_now().await.unwrap();
        let log = db.store.read(&ctx).await.unwrap().audit_log(10).await.unwrap();
        assert_eq!(log[0].1.people, [6, 7, 8, 9].map(|n| person(n).0), "{}", db.name);
        assert!(db.store.verify_audit().await.unwrap().ok(), "{}", db.name);

        // Somebody who takes a person out of an entry changes the entry.
        let one = if db.name == "sqlite" {
            "x'00000000000000000000000000000008'"
        } else {
            "'00000000-0000-0000-0000-000000000008'"
        };
        assert_eq!(tamper(&db, &format!("DELETE FROM audit_people WHERE person_id = {one}")).await, 1);
        let faults = db.store.verify_audit().await.unwrap().faults;
        assert_eq!((faults[0].position, faults[0].trouble), (Some(1), Trouble::Content), "{}", db.name);
    }
}

#[tokio::test]
async fn the_login_role_cannot_take_people_out_of_entries() {
    let db = databases().await.remove(1);
    let login = crate::isolation::login(&db).await;
    for sql in ["UPDATE audit_people SET person_id = entry_id", "DELETE FROM audit_people"] {
        let refused = sea_orm::ConnectionTrait::execute_unprepared(&login, sql).await.unwrap_err().to_string();
        assert!(refused.contains("permission denied"), "{sql}: {refused}");
    }
}
