//! Whom an audit entry is about.

use sea_orm::ActiveValue;
use tally_access::Reach;
use tally_kernel::id::{PersonId, PrincipalId};
use tally_kernel::page::Page;
use tally_store::{Audit, AuditFound, AuditOf, AuditQuery, Defect};
use uuid::Uuid;

use crate::databases::{Backend, TestStore};
use crate::on_both;
use crate::sample::{audit, clock, context, database, note, reaching, row, tamper, unit_of};

fn person(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(n))
}

on_both!(people_of_inserted_rows_and_people_that_were_named_are_in_the_entry_and_bound_to_it);
async fn people_of_inserted_rows_and_people_that_were_named_are_in_the_entry_and_bound_to_it(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    let work = unit_of(&db.store, &ctx).await;
    let of =
        |code: &str, n: u128| note::ActiveModel { person_id: ActiveValue::Set(Some(person(n).0)), ..row(&ctx, code) };
    work.insert_many([of("a", 9), of("b", 7), of("c", 9), row(&ctx, "d")]).await.unwrap();
    work.commit(audit().about(person(8)).about_all([person(7), person(6)]), ()).await.unwrap();
    db.store.sequence_now().await.unwrap();
    let log = db.store.read(&ctx).await.unwrap().audit_log(10).await.unwrap();
    assert_eq!(log[0].1.people, [6, 7, 8, 9].map(|n| person(n).0));
    assert!(db.store.verify_audit().await.unwrap().ok());

    // Somebody who takes a person out of an entry changes the entry.
    let one = if db.name == "sqlite" {
        "x'00000000000000000000000000000008'"
    } else {
        "'00000000-0000-0000-0000-000000000008'"
    };
    assert_eq!(tamper(&db, &format!("DELETE FROM audit_people WHERE person_id = {one}")).await, 1);
    let faults = db.store.verify_audit().await.unwrap().faults;
    assert_eq!((faults[0].position, faults[0].defect), (Some(1), Defect::Content));
}

/// Eight entries, a minute apart: odd ones about person 7, the fourth by principal 9, the fifth about a statement; two of
/// them belong to the north.
async fn told(on: Backend) -> TestStore {
    let db = database(on).await;
    for n in 1..=8_u128 {
        let mut ctx = context(&db, 1);
        if n == 4 {
            ctx.actor.principal = PrincipalId(Uuid::from_u128(9));
        }
        let subject = if n == 5 { "statement" } else { "note" };
        let mut entry = Audit::new("sample.note.read", subject, n);
        if n % 2 == 1 {
            entry = entry.about_all([person(7), person(100 + n)]);
        }
        if n < 3 {
            entry = entry.region(&"cn-north".parse().unwrap());
        }
        unit_of(&db.store, &ctx).await.commit(entry, ()).await.unwrap();
        clock(&db).advance(jiff::SignedDuration::from_mins(1));
    }
    db
}

fn ids(found: &AuditFound) -> Vec<&str> {
    found.iter().map(|(_, entry)| entry.subject_id.as_str()).collect()
}

on_both!(the_log_is_searched_by_person_principal_subject_and_time_newest_first);
async fn the_log_is_searched_by_person_principal_subject_and_time_newest_first(on: Backend) {
    let db = told(on).await;
    let all = |of: AuditOf| AuditQuery { of, from: None, to: None };
    let about = all(AuditOf::Person(person(7)));
    let minute = |n: i64| Some(clock(&db).now() + jiff::SignedDuration::from_mins(n - 8));
    let questions = [
        (about.clone(), vec!["7", "5", "3", "1"]),
        (all(AuditOf::Person(person(103))), vec!["3"]),
        (all(AuditOf::Person(person(8))), vec![]),
        (all(AuditOf::Principal(PrincipalId(Uuid::from_u128(9)))), vec!["4"]),
        (all(AuditOf::Subject("statement".to_owned(), "5".to_owned())), vec!["5"]),
        (AuditQuery { from: minute(2), to: minute(6), ..about.clone() }, vec!["5", "3"]),
    ];
    let (ctx, plan) = reaching(&context(&db, 1), Reach::everything());
    let one = Page::read(0, "", b"").unwrap();
    for (query, expected) in questions {
        let (found, next) = db.store.search_audit(&query, &one).await.unwrap();
        assert_eq!((ids(&found), next.as_str()), (expected.clone(), ""), "{query:?}");
        let (found, _) = db.store.read(&ctx).await.unwrap().search_audit(&plan, &query, &one).await.unwrap();
        assert_eq!(ids(&found), expected, "{query:?}");
    }
    let (first, token) = db.store.search_audit(&about, &Page::read(3, "", b"").unwrap()).await.unwrap();
    let (second, end) = db.store.search_audit(&about, &Page::read(3, &token, b"").unwrap()).await.unwrap();
    assert_eq!((ids(&first), ids(&second), end.as_str()), (vec!["7", "5", "3"], vec!["1"], ""));

    let north = Reach { regions: ["cn-north".parse().unwrap()].into(), ..Reach::default() };
    let (ctx, plan) = reaching(&ctx, north);
    let (found, _) = db.store.read(&ctx).await.unwrap().search_audit(&plan, &about, &one).await.unwrap();
    assert_eq!(ids(&found), ["1"]);
    let nowhere = Reach { persons: [person(7)].into_iter().collect(), ..Reach::default() };
    let (ctx, plan) = reaching(&ctx, nowhere);
    let (found, _) = db.store.read(&ctx).await.unwrap().search_audit(&plan, &about, &one).await.unwrap();
    assert_eq!(ids(&found), [""; 0]);
}

#[tokio::test]
async fn a_search_stays_in_its_group() {
    let db = database(Backend::Postgres).await;
    for n in [1, 2] {
        let work = unit_of(&db.store, &context(&db, n)).await;
        work.commit(audit().about(person(7)), ()).await.unwrap();
    }
    let (ctx, plan) = reaching(&context(&db, 1), Reach::everything());
    let query = AuditQuery { of: AuditOf::Person(person(7)), from: None, to: None };
    let page = Page::read(0, "", b"").unwrap();
    let (found, _) = db.store.read(&ctx).await.unwrap().search_audit(&plan, &query, &page).await.unwrap();
    assert_eq!(found.iter().map(|(_, entry)| entry.tenant).collect::<Vec<_>>(), [Uuid::from_u128(1)]);
    assert_eq!(db.store.search_audit(&query, &page).await.unwrap().0.len(), 2, "the operator asks all groups");
}

#[tokio::test]
async fn the_login_role_cannot_take_people_out_of_entries() {
    let db = database(Backend::Postgres).await;
    let login = crate::isolation::login(&db).await;
    for sql in ["UPDATE audit_people SET person_id = entry_id", "DELETE FROM audit_people"] {
        let refused = sea_orm::ConnectionTrait::execute_unprepared(&login, sql).await.unwrap_err().to_string();
        assert!(refused.contains("permission denied"), "{sql}: {refused}");
    }
}
