//! The unit of work: all or nothing, once, and again when somebody was faster.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sea_orm::{ActiveValue, ColumnTrait as _, Condition};
use tally_access::Target;
use tally_kernel::{Error, Kind, msg};
use tally_store::{Conflict as _, Event, StoreError, digest, lost_race};

use crate::databases::Backend;
use crate::on_both;
use crate::patience::NEVER;
use crate::sample::{audit, codes, context, database, note, permit, policy, row, unit_of, write};

on_both!(a_dropped_unit_leaves_nothing_behind);
async fn a_dropped_unit_leaves_nothing_behind(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    let mut work = unit_of(&db.store, &ctx).await;
    assert_eq!(work.replay::<i64>("r1", &digest(b"body")).await.unwrap(), None);
    work.insert(row(&ctx, "a")).await.unwrap();
    work.emit(Event::new("sample.note.written", "a", "1"));
    drop(work);
    assert_eq!(codes(&db.store, &ctx).await, [""; 0]);
    assert_eq!(db.store.sequence_now().await.unwrap(), 0);
    let mut again = unit_of(&db.store, &ctx).await;
    assert_eq!(again.replay::<i64>("r1", &digest(b"body")).await.unwrap(), None, "the claim went too");
}

on_both!(a_unit_carries_change_audit_and_events_together);
async fn a_unit_carries_change_audit_and_events_together(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    let mut work = unit_of(&db.store, &ctx).await;
    work.insert(row(&ctx, "a")).await.unwrap();
    work.emit(Event::new("sample.note.written", "a", r#"{"amount":1}"#));
    let after = digest(b"a");
    work.commit(audit().after(&after).note("rows", 1), ()).await.unwrap();
    assert_eq!(db.store.sequence_now().await.unwrap(), 2);
    let tx = db.store.read(&ctx).await.unwrap();
    let log = tx.audit_log(10).await.unwrap();
    let [(Some(1), entry)] = log.as_slice() else { panic!("{log:?}") };
    assert_eq!((entry.method.as_str(), entry.action.as_str()), ("sample.v1.Notes/Write", "sample.note.write"));
    assert_eq!((entry.after.as_deref(), entry.notes.as_str()), (Some(after.as_slice()), r#"{"rows":"1"}"#));
    assert_eq!((entry.actor.as_str(), entry.at), ("user", ctx.now()));
    let events = db.store.read_events(0, 10).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].kind.as_str(), events[0].payload.as_str()), ("sample.note.written", r#"{"amount":1}"#));
}

on_both!(the_same_request_gives_the_first_result_and_another_body_is_refused);
async fn the_same_request_gives_the_first_result_and_another_body_is_refused(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    let body = digest(b"write a");
    let mut work = unit_of(&db.store, &ctx).await;
    assert_eq!(work.replay::<String>("r1", &body).await.unwrap(), None);
    work.insert(row(&ctx, "a")).await.unwrap();
    work.commit(audit(), "first".to_owned()).await.unwrap();

    let mut work = unit_of(&db.store, &ctx).await;
    assert_eq!(work.replay::<String>("r1", &body).await.unwrap().as_deref(), Some("first"));
    let Err(StoreError::Refused(refused)) = work.replay::<String>("r1", &digest(b"write b")).await else {
        panic!("another body")
    };
    assert_eq!(refused.reason(), "REQUEST_ID_REUSED");
    drop(work);
    let other = ctx.permit::<policy::Rename>(&Target::tenant()).unwrap();
    let mut work = db.store.unit(&ctx, &other).await.unwrap();
    assert!(work.replay::<String>("r1", &body).await.is_err(), "another rpc");
}

on_both!(of_many_equal_requests_at_once_one_does_the_work_and_all_get_its_result);
async fn of_many_equal_requests_at_once_one_does_the_work_and_all_get_its_result(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    let worked = AtomicU32::new(0);
    let call = |n: u32| {
        let (ctx, db, worked) = (&ctx, &db, &worked);
        db.store.retry(ctx, move || async move {
            let mut work = db.store.unit(ctx, &permit(ctx)).await?;
            if let Some(first) = work.replay::<u32>("r1", &digest(b"body")).await? {
                return Ok(first);
            }
            work.insert(row(ctx, "a")).await.conflict(|| Error::of(Kind::AlreadyExists, msg!("LOGIN_TAKEN")))?;
            worked.fetch_add(1, Ordering::SeqCst);
            work.commit(audit(), n).await
        })
    };
    let results: Vec<u32> =
        futures::future::join_all((0..12).map(call)).await.into_iter().collect::<Result<_, _>>().unwrap();
    assert!(results.iter().all(|r| *r == results[0]), "{results:?}");
    assert_eq!(worked.load(Ordering::SeqCst), 1);
}

on_both!(a_unit_runs_again_while_somebody_else_is_faster_but_no_longer_than_the_deadline);
async fn a_unit_runs_again_while_somebody_else_is_faster_but_no_longer_than_the_deadline(on: Backend) {
    let db = database(on).await;
    let mut ctx = context(&db, 1);
    let tries = AtomicU32::new(0);
    let lose = |until: u32| {
        let tries = &tries;
        move || async move { if tries.fetch_add(1, Ordering::SeqCst) < until { Err(lost_race()) } else { Ok("done") } }
    };
    assert_eq!(db.store.retry(&ctx, lose(3)).await.unwrap(), "done");
    assert_eq!(tries.swap(0, Ordering::SeqCst), 4);
    assert_eq!(db.store.retry(&ctx, lose(99)).await.unwrap_err().reason(), "STORE_BUSY");
    assert_eq!(tries.swap(0, Ordering::SeqCst), 8);
    ctx.deadline = Some(Instant::now());
    assert_eq!(db.store.retry(&ctx, lose(99)).await.unwrap_err().reason(), "STORE_BUSY");
    assert_eq!(tries.load(Ordering::SeqCst), 2);
}

on_both!(the_last_row_is_written_with_the_entry_that_accounts_for_it);
async fn the_last_row_is_written_with_the_entry_that_accounts_for_it(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    let taken = || Error::of(Kind::AlreadyExists, msg!("LOGIN_TAKEN"));
    let holder = sea_orm::prelude::Uuid::from_u128(77);
    let mut work = unit_of(&db.store, &ctx).await;
    assert_eq!(work.replay::<i64>("r1", &digest(b"body")).await.unwrap(), None);
    work.insert(row(&ctx, "first")).await.unwrap();
    let last = note::ActiveModel { person_id: ActiveValue::Set(Some(holder)), ..row(&ctx, "last") };
    work.insert_with_commit(last, taken).unwrap();
    work.emit(Event::new("sample.note.written", "last", "1"));
    let Err(StoreError::Fault(second)) = work.insert_with_commit(row(&ctx, "more"), taken) else {
        panic!("a second last row went in")
    };
    assert!(second.contains("one last row"), "{second}");
    assert_eq!(work.select::<note::Entity>().count().await.unwrap(), 1, "not there before the commit");
    work.commit(audit(), 7).await.unwrap();
    assert_eq!(codes(&db.store, &ctx).await, ["first", "last"]);
    let log = db.store.read(&ctx).await.unwrap().audit_log(10).await.unwrap();
    assert_eq!((log[0].1.written.as_str(), log[0].1.people.as_slice()), (r#"{"notes":2}"#, &[holder][..]));
    assert_eq!(db.store.sequence_now().await.unwrap(), 2, "the entry and the event");
    let report = db.store.verify_audit().await.unwrap();
    assert!(report.ok() && report.rows == 2, "{report:?}");

    let mut work = unit_of(&db.store, &ctx).await;
    work.insert_with_commit(row(&ctx, "last"), taken).unwrap();
    assert_eq!(work.commit(audit(), ()).await.unwrap_err().reason(), "LOGIN_TAKEN");
    let mut work = unit_of(&db.store, &ctx).await;
    work.insert_with_commit(row(&ctx, "dropped"), taken).unwrap();
    drop(work);
    assert_eq!(codes(&db.store, &ctx).await, ["first", "last"], "nothing of both");
    assert_eq!(db.store.read(&ctx).await.unwrap().audit_log(10).await.unwrap().len(), 1);
}

on_both!(two_units_that_wait_for_each_other_both_end_well);
async fn two_units_that_wait_for_each_other_both_end_well(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    write(&db.store, &ctx, &["a", "b"]).await;
    let swap = |first: &'static str, second: &'static str| {
        let (ctx, db) = (&ctx, &db);
        db.store.retry(ctx, move || async move {
            let work = db.store.unit(ctx, &permit(ctx)).await?;
            for code in [first, second] {
                let add = sea_orm::sea_query::Expr::cust("amount + 1");
                let this = note::Column::Code.eq(code);
                work.update::<note::Entity>().set_expr(note::Column::Amount, add).filter(this).exec_one().await?;
                tokio::task::yield_now().await;
            }
            work.commit(audit(), ()).await
        })
    };
    let both = (0..6).map(|n| if n % 2 == 0 { swap("a", "b") } else { swap("b", "a") });
    for done in futures::future::join_all(both).await {
        done.unwrap_or_else(|e| panic!("{e:?}"));
    }
    let tx = db.store.read(&ctx).await.unwrap();
    let sums: Vec<Option<i64>> = tx.select::<note::Entity>().rows(|rows| rows.sum(note::Column::Amount)).await.unwrap();
    assert_eq!(sums, [Some(14)]);
}

on_both!(a_taken_key_is_what_the_caller_says_and_a_fault_of_ours_otherwise);
async fn a_taken_key_is_what_the_caller_says_and_a_fault_of_ours_otherwise(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    write(&db.store, &ctx, &["a"]).await;
    let told = || Error::of(Kind::AlreadyExists, msg!("LOGIN_TAKEN"));
    let work = unit_of(&db.store, &ctx).await;
    let named: Error = work.insert(row(&ctx, "a")).await.conflict_on("code", told).unwrap_err().into();
    assert_eq!(named.reason(), "LOGIN_TAKEN");
    drop(work);
    let work = unit_of(&db.store, &ctx).await;
    let silent: Error = work.insert(row(&ctx, "a")).await.unwrap_err().into();
    assert_eq!(silent.kind(), Kind::Internal);
    assert!(
        !tally_i18n::sentence(tally_kernel::Locale::En, &silent).contains("notes"),
        "{}",
        tally_i18n::sentence(tally_kernel::Locale::En, &silent)
    );
}

on_both!(a_stale_update_of_one_row_is_refused);
async fn a_stale_update_of_one_row_is_refused(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    write(&db.store, &ctx, &["a"]).await;
    let work = unit_of(&db.store, &ctx).await;
    let seen = |amount: i64| Condition::all().add(note::Column::Code.eq("a")).add(note::Column::Amount.eq(amount));
    let set = |amount: i64| work.update::<note::Entity>().set(note::Column::Amount, amount);
    set(2).filter(seen(1)).exec_one().await.unwrap();
    let Err(StoreError::Refused(stale)) = set(3).filter(seen(1)).exec_one().await else {
        panic!("what was seen is stale")
    };
    assert_eq!((stale.kind(), stale.reason()), (Kind::Aborted, "STALE"));
    assert!(set(3).set(note::Column::TenantId, uuid::Uuid::nil()).filter(seen(2)).exec().await.is_err());
}

on_both!(a_condition_of_a_table_holds_for_new_and_changed_rows);
async fn a_condition_of_a_table_holds_for_new_and_changed_rows(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    write(&db.store, &ctx, &["a"]).await;
    let work = unit_of(&db.store, &ctx).await;
    let below = note::ActiveModel { amount: ActiveValue::Set(-1), ..row(&ctx, "b") };
    assert!(work.insert(below).await.is_err());
    drop(work);
    let work = unit_of(&db.store, &ctx).await;
    let set = work.update::<note::Entity>().set(note::Column::Amount, -1_i64);
    assert!(set.filter(note::Column::Code.eq("a")).exec().await.is_err());
}

on_both!(a_row_of_another_tenant_and_a_permit_of_another_context_are_refused);
async fn a_row_of_another_tenant_and_a_permit_of_another_context_are_refused(on: Backend) {
    let db = database(on).await;
    let (one, two) = (context(&db, 1), context(&db, 2));
    let work = unit_of(&db.store, &one).await;
    let foreign = note::ActiveModel { tenant_id: ActiveValue::Set(two.tenant().0), ..row(&one, "a") };
    assert!(work.insert(foreign).await.is_err());
    drop(work);
    assert_eq!(db.store.unit(&one, &permit(&two)).await.unwrap_err().kind(), Kind::Internal);
}

on_both!(a_passed_deadline_ends_a_unit_before_it_begins_and_a_statement_under_way);
async fn a_passed_deadline_ends_a_unit_before_it_begins_and_a_statement_under_way(on: Backend) {
    let db = database(on).await;
    let mut ctx = context(&db, 1);
    ctx.deadline = Some(Instant::now());
    assert_eq!(db.store.read(&ctx).await.err().unwrap().kind(), Kind::DeadlineExceeded);
    if db.name == "postgres" {
        // Somebody holds the lock, so the second statement waits until its time is over.
        let holder = unit_of(&db.store, &context(&db, 1)).await;
        holder.lock("note", uuid::Uuid::nil()).await.unwrap();
        // A busy machine may need more than the first of these times to begin.
        let mut time = Duration::from_millis(150);
        let waiting = loop {
            ctx.deadline = Some(Instant::now() + time);
            match db.store.unit(&ctx, &permit(&ctx)).await {
                Ok(waiting) => break waiting,
                Err(late) => assert!(late.kind() == Kind::DeadlineExceeded && time < NEVER, "{late:?}"),
            }
            time *= 2;
        };
        let ended: Error = waiting.lock("note", uuid::Uuid::nil()).await.unwrap_err().into();
        assert_eq!(ended.kind(), Kind::DeadlineExceeded);
    }
}

on_both!(a_thousand_and_more_rows_are_written_in_one_call);
async fn a_thousand_and_more_rows_are_written_in_one_call(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    let work = unit_of(&db.store, &ctx).await;
    let rows = (0..4321).map(|n| row(&ctx, &format!("{n:05}")));
    assert_eq!(work.insert_many(rows).await.unwrap(), 4321);
    assert_eq!(work.insert_many(Vec::<note::ActiveModel>::new()).await.unwrap(), 0);
    work.commit(audit(), ()).await.unwrap();
    let tx = db.store.read(&ctx).await.unwrap();
    assert_eq!(tx.select::<note::Entity>().count().await.unwrap(), 4321);
}
