//! What is sealed under a person's key: opened in lists, found by its index, gone when the key is destroyed.

use sea_orm::{ActiveValue, ColumnTrait as _};
use tally_access::OpContext;
use tally_kernel::id::PersonId;
use tally_kernel::{Error, IdNumber, Kind, msg};
use tally_store::{Conflict as _, Place, Store, StoreError, UnitOfWork, digest};
use uuid::Uuid;

use crate::databases::Backend;
use crate::on_both;
use crate::sample::{audit, badge, badge_row, context, database, tamper, unit_of};

fn number(text: &str) -> IdNumber {
    IdNumber::parse(text).unwrap()
}

fn person(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(n))
}

/// Writes a badge whose id is its holder's.
pub async fn issue(work: &UnitOfWork, ctx: &OpContext, holder: PersonId, text: &str) -> Result<(), StoreError> {
    let keys = work.make_person_keys([holder]).await?;
    let (number, place) = (number(text), "31.2304,121.4737".to_owned());
    let row = badge::ActiveModel {
        number: ActiveValue::Set(Some(keys.seal(holder, &Place::of(badge::Column::Number, holder), &number)?)),
        number_index: ActiveValue::Set(Some(work.make_blind_index(&number).await?)),
        place: ActiveValue::Set(Some(keys.seal(holder, &Place::of(badge::Column::Place, holder), &place)?)),
        ..badge_row(ctx, holder.0, holder.0)
    };
    let taken = || Error::of(Kind::AlreadyExists, msg!("ID_NUMBER_TAKEN"));
    work.insert(row).await.conflict_on("number_index", taken)
}

/// The numbers of all badges by holder; none where the holder was erased.
async fn numbers(store: &Store, ctx: &OpContext) -> Vec<Option<String>> {
    let tx = store.read(ctx).await.unwrap();
    let rows = tx.select::<badge::Entity>().order_by_asc(badge::Column::Id).all().await.unwrap();
    let keys = tx.person_keys(rows.iter().map(|row| PersonId(row.person_id))).await.unwrap();
    let open = |row: &badge::Model| {
        let place = Place::of(badge::Column::Number, row.id);
        keys.open(PersonId(row.person_id), &place, row.number.as_ref().unwrap()).unwrap()
    };
    rows.iter().map(|row| open(row).map(|number| number.reveal().to_owned())).collect()
}

on_both!(numbers_open_in_a_list_and_are_found_and_unique_by_their_index);
async fn numbers_open_in_a_list_and_are_found_and_unique_by_their_index(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    let tx = db.store.read(&ctx).await.unwrap();
    assert!(tx.blind_index(&number("A1")).await.unwrap().is_none(), "nobody has a number yet");
    drop(tx);
    let work = unit_of(&db.store, &ctx).await;
    for n in 1..=3 {
        issue(&work, &ctx, person(n), &format!("a {n}")).await.unwrap();
    }
    work.commit(audit(), ()).await.unwrap();
    let found: Vec<_> = numbers(&db.store, &ctx).await.into_iter().flatten().collect();
    assert_eq!(found, ["A1", "A2", "A3"]);

    let tx = db.replica().await.read(&ctx).await.unwrap();
    let index = tx.blind_index(&number(" A 2")).await.unwrap().unwrap();
    let row = tx.select::<badge::Entity>().filter(badge::Column::NumberIndex.eq(index)).one().await.unwrap();
    assert_eq!(row.unwrap().person_id, person(2).0);
    drop(tx);
    let work = unit_of(&db.store, &ctx).await;
    let taken: Error = issue(&work, &ctx, person(4), "a2").await.unwrap_err().into();
    assert_eq!(taken.reason(), "ID_NUMBER_TAKEN");
}

on_both!(an_erased_persons_values_are_gone_in_every_process_and_none_is_sealed_again);
async fn an_erased_persons_values_are_gone_in_every_process_and_none_is_sealed_again(on: Backend) {
    let db = database(on).await;
    let (ctx, other) = (context(&db, 1), db.replica().await);
    let work = unit_of(&db.store, &ctx).await;
    for n in 1..=2 {
        issue(&work, &ctx, person(n), &format!("A{n}")).await.unwrap();
    }
    work.commit(audit(), ()).await.unwrap();
    assert_eq!(numbers(&other, &ctx).await.iter().flatten().count(), 2);

    let work = unit_of(&db.store, &ctx).await;
    assert!(work.erase_person(person(1)).await.unwrap());
    assert!(work.erase_person(person(9)).await.unwrap(), "one who has no key yet");
    work.commit(audit(), ()).await.unwrap();
    assert_eq!(numbers(&other, &ctx).await, [None, Some("A2".to_owned())]);

    let work = unit_of(&other, &ctx).await;
    assert!(!work.erase_person(person(1)).await.unwrap(), "done before");
    for n in [1, 9] {
        let refused: Error = work.make_person_keys([person(2), person(n)]).await.unwrap_err().into();
        assert_eq!(refused.reason(), "PERSON_ERASED");
    }
    let keys = work.person_keys([person(1), person(2)]).await.unwrap();
    let place = Place::of(badge::Column::Place, person(1));
    let refused = keys.seal::<tally_store::class::Location, _>(person(1), &place, &"here".to_owned());
    assert_eq!(Error::from(refused.unwrap_err()).reason(), "PERSON_ERASED");
    drop(work);
    assert_eq!(tamper(&db, "UPDATE person_keys SET destroyed_at = NULL").await, 3);
    assert_eq!(numbers(&other, &ctx).await[0], None, "the key itself is gone");
}

on_both!(a_value_or_a_key_of_somebody_else_is_refused);
async fn a_value_or_a_key_of_somebody_else_is_refused(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    let work = unit_of(&db.store, &ctx).await;
    for n in 1..=2 {
        issue(&work, &ctx, person(n), &format!("A{n}")).await.unwrap();
    }
    work.commit(audit(), ()).await.unwrap();
    let tx = db.store.read(&ctx).await.unwrap();
    let row = tx.select::<badge::Entity>().order_by_asc(badge::Column::Id).one().await.unwrap().unwrap();
    let (keys, place) = (tx.person_keys([person(2)]).await.unwrap(), Place::of(badge::Column::Number, row.id));
    assert!(keys.open(person(2), &place, row.number.as_ref().unwrap()).is_err());
    assert!(keys.open(person(1), &place, row.number.as_ref().unwrap()).is_err(), "not asked for");
    drop(tx);
    let swap =
        "UPDATE person_keys SET wrapped = (SELECT MAX(o.wrapped) FROM person_keys o WHERE o.id <> person_keys.id)";
    let swap = if db.name == "postgres" { swap.replace("MAX(o.wrapped)", "o.wrapped") } else { swap.to_owned() };
    assert_eq!(tamper(&db, &swap).await, 2);
    let tx = db.store.read(&ctx).await.unwrap();
    let swapped: Error = tx.person_keys([person(1)]).await.unwrap_err().into();
    assert!(swapped.internal_context().unwrap().contains("person_keys.wrapped"));
}

on_both!(units_that_make_the_keys_of_the_same_people_at_once_agree_on_them);
async fn units_that_make_the_keys_of_the_same_people_at_once_agree_on_them(on: Backend) {
    let db = database(on).await;
    let (ctx, other) = (context(&db, 1), db.replica().await);
    let people: Vec<PersonId> = (1..=40).map(person).collect();
    let make = async |store: &Store, mut people: Vec<PersonId>, first: u128| {
        people.reverse();
        let work = unit_of(store, &ctx).await;
        let keys = work.make_person_keys(people.iter().copied()).await.unwrap();
        for holder in people {
            let id = Uuid::from_u128(first + holder.0.as_u128());
            let place = Place::of(badge::Column::Number, id);
            let sealed = keys.seal(holder, &place, &number(&format!("N{id}"))).unwrap();
            let row = badge_row(&ctx, id, holder.0);
            work.insert(badge::ActiveModel { number: ActiveValue::Set(Some(sealed)), ..row }).await.unwrap();
        }
        work.commit(audit(), ()).await.unwrap();
    };
    tokio::join!(make(&db.store, people.clone(), 1000), make(&other, people, 2000));
    assert_eq!(numbers(&db.store, &ctx).await.iter().flatten().count(), 80);
}

on_both!(digests_about_one_person_become_commitments_that_an_erasure_makes_unlinkable_and_the_chain_verifies);
async fn digests_about_one_person_become_commitments_that_an_erasure_makes_unlinkable_and_the_chain_verifies(
    on: Backend,
) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    let (before, after) = (digest(b"monthly pay 8000"), digest(b"monthly pay 9000"));
    for about in [vec![person(1)], vec![person(2)], vec![person(1), person(2)], vec![]] {
        let entry = audit().about_all(about).before(&before).after(&after);
        unit_of(&db.store, &ctx).await.commit(entry, ()).await.unwrap();
    }
    let tx = db.store.read(&ctx).await.unwrap();
    let log = tx.audit_log(10).await.unwrap();
    let of = |people: &[PersonId]| {
        let people: Vec<Uuid> = people.iter().map(|person| person.0).collect();
        log.iter().find(|(_, entry)| entry.people == people).unwrap()
    };
    let (one, two) = (of(&[person(1)]), of(&[person(2)]));
    for (entry, holder) in [(one, person(1)), (two, person(2))] {
        let keys = tx.person_keys([holder]).await.unwrap();
        let expected = [before, after].map(|digest| keys.commitment(holder, &digest).unwrap().map(Vec::from));
        assert_eq!([&entry.1.before, &entry.1.after], [&expected[0], &expected[1]]);
        assert_ne!(entry.1.after, Some(after.to_vec()), "nobody can guess what it was");
    }
    assert_ne!(one.1.after, two.1.after);
    for people in [&[person(1), person(2)][..], &[]] {
        assert_eq!(of(people).1.after, Some(after.to_vec()));
    }
    drop(tx);

    let work = unit_of(&db.store, &ctx).await;
    work.erase_person(person(1)).await.unwrap();
    work.commit(audit().about(person(1)).before(&after), ()).await.unwrap();
    let tx = db.store.read(&ctx).await.unwrap();
    let log = tx.audit_log(10).await.unwrap();
    let erased = log.iter().find(|(_, entry)| entry.people == [person(1).0] && entry.after.is_none()).unwrap();
    assert_eq!(erased.1.before, None, "no key, no commitment");
    let keys = tx.person_keys([person(1)]).await.unwrap();
    assert_eq!(keys.commitment(person(1), &after).unwrap(), None);
    drop(keys);
    drop(tx);
    db.store.sequence_now().await.unwrap();
    let report = db.store.verify_audit().await.unwrap();
    assert!(report.ok(), "{:?}", report.faults);
}

on_both!(a_group_is_removed_bit_by_bit_with_its_keys_and_another_one_stays);
async fn a_group_is_removed_bit_by_bit_with_its_keys_and_another_one_stays(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    let groups = if db.name == "postgres" { vec![1, 2] } else { vec![1] };
    for group in &groups {
        let ctx = context(&db, *group);
        let work = unit_of(&db.store, &ctx).await;
        for n in 1..=3 {
            issue(&work, &ctx, person(n), &format!("a {n}")).await.unwrap();
        }
        work.commit(audit(), ()).await.unwrap();
    }
    let mut removed = Vec::new();
    loop {
        let work = unit_of(&db.store, &ctx).await;
        let rows = work.purge_tenant(&["notes"], 2).await.unwrap();
        if rows == 0 {
            work.destroy_tenant_keys().await.unwrap();
        }
        work.commit(audit(), ()).await.unwrap();
        removed.push(rows);
        if rows == 0 {
            break;
        }
    }
    assert_eq!(removed, [2, 1, 0]);
    let keys = "SELECT COUNT(*) FROM data_keys WHERE (wrapped IS NOT NULL OR destroyed_at IS NULL)";
    for group in groups {
        let ctx = context(&db, group);
        let left = numbers(&db.store, &ctx).await;
        assert_eq!(left.len(), if group == 1 { 0 } else { 3 });
        assert!(left.iter().all(Option::is_some), "another group's keys are untouched");
        let whose = format!("{keys} AND tenant_id = '{}'", tally_kernel::id::TenantId(Uuid::from_u128(group)));
        if db.name == "postgres" {
            let count = sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, whose);
            let row = sea_orm::ConnectionTrait::query_one_raw(&crate::sample::owner(&db).await, count).await.unwrap();
            let open: i64 = row.unwrap().try_get_by_index(0).unwrap();
            assert_eq!(open == 0, group == 1, "{open} keys of group {group} are left");
        }
    }
    db.store.sequence_now().await.unwrap();
    assert!(db.store.verify_audit().await.unwrap().ok());
}
