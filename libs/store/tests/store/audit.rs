//! The logs: dense positions under load, and every kind of tampering found and named.

use std::collections::BTreeMap;
use std::sync::Mutex;

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use tally_kernel::id::PersonId;
use tally_store::{Audit, AuditReport, Defect, Event, Fault};
use uuid::Uuid;

use crate::databases::{Backend, TestStore};
use crate::on_both;
use crate::patience::NEVER;
use crate::sample::{audit, clock, context, database, permit, row, tamper, unit_of, write};

on_both!(positions_are_dense_under_many_commits_at_once_and_two_sequencers);
async fn positions_are_dense_under_many_commits_at_once_and_two_sequencers(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    let replica = db.replica().await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let sequencers = [&db.store, &replica].map(|store| {
        let mut stopped = stopped.clone();
        store.spawn_sequencer(async move {
            let _ = stopped.wait_for(|stop| *stop).await;
        })
    });
    let commit = |n: usize| {
        let (ctx, db) = (&ctx, &db);
        db.store.retry(ctx, move || async move {
            let mut work = db.store.unit(ctx, &permit(ctx)).await?;
            work.insert(row(ctx, &format!("{n}"))).await?;
            work.emit(Event::new("sample.note.written", n, n.to_string()));
            work.emit(Event::new("sample.note.counted", n, n.to_string()));
            work.commit(audit(), ()).await
        })
    };
    for done in futures::future::join_all((0..200).map(commit)).await {
        done.unwrap_or_else(|e| panic!("{e:?}"));
    }
    stop.send_replace(true);
    for sequencer in sequencers {
        sequencer.await.unwrap();
    }
    let events = db.store.read_events(0, 1000).await.unwrap();
    let positions: Vec<i64> = events.iter().map(|event| event.position).collect();
    assert_eq!(positions, (1..=400).collect::<Vec<i64>>());
    let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for event in &events {
        kinds.entry(&event.key).or_default().push(&event.kind);
    }
    let in_order = ["sample.note.written", "sample.note.counted"];
    assert!(kinds.values().all(|kinds| *kinds == in_order), "events of a unit keep their order");
    let report = db.store.verify_audit().await.unwrap();
    assert!(report.ok(), "{:?}", report.faults);
    assert_eq!(report.entries, 600);
}

/// What checking a group's own log over its own right finds, and how far it told to be.
async fn own(db: &TestStore, tenant: u128) -> (AuditReport, Vec<u64>) {
    let (ctx, told) = (context(db, tenant), Mutex::new(Vec::new()));
    let hear = |checked| told.lock().unwrap().push(checked);
    let report = db.store.verify_audit_of(&ctx, &permit(&ctx), &hear).await.unwrap();
    (report, told.into_inner().unwrap())
}

on_both!(a_group_checks_its_own_log_and_rows_and_hears_how_far_it_is);
async fn a_group_checks_its_own_log_and_rows_and_hears_how_far_it_is(on: Backend) {
    let db = database(on).await;
    let (nothing, told) = own(&db, 1).await;
    assert!(nothing.ok() && nothing.entries == 0 && nothing.first.is_none(), "{nothing:?}");
    assert_eq!(told, [0]);
    let db = logged(on).await;
    let (whole, told) = own(&db, 1).await;
    assert!(whole.ok(), "{:?}", whole.faults);
    assert_eq!((whole.entries, whole.rows, told), (6, 6, vec![6, 6]));
    assert!(whole.first.is_some() && whole.first <= whole.last);
    for (sql, position, defect) in [
        ("UPDATE audit SET notes = '{}' WHERE position = 4", Some(4), Defect::Content),
        ("DELETE FROM audit WHERE position = 3", Some(3), Defect::Missing),
        ("DELETE FROM log_heads WHERE log = 'audit'", Some(2), Defect::Head),
    ] {
        assert!(tamper(&db, sql).await > 0, "{sql} met nothing");
        let fault = own(&db, 1).await.0.faults.remove(0);
        assert_eq!((fault.table.as_str(), fault.position, fault.defect), ("audit", position, defect), "{sql}");
        if defect == Defect::Missing {
            // What is left ends where it was cut.
            assert!(tamper(&db, "DELETE FROM audit WHERE position > 2").await > 0);
        }
    }
    // The outbox is of all groups, and not a group's to check.
    let db = logged(on).await;
    assert!(tamper(&db, "UPDATE outbox SET key = 'x' WHERE position = 2").await > 0);
    assert!(own(&db, 1).await.0.ok() && !db.store.verify_audit().await.unwrap().ok());
    // A row that no entry accounts for.
    assert!(tamper(&db, "UPDATE notes SET audit_id = tenant_id WHERE code = '3'").await > 0);
    let fault = own(&db, 1).await.0.faults.remove(0);
    assert_eq!((fault.table.as_str(), fault.defect), ("notes", Defect::Unaccounted));
}

#[tokio::test]
async fn what_was_done_to_the_log_of_another_group_is_not_a_groups_to_hear() {
    let db = database(Backend::Postgres).await;
    for tenant in [1, 2] {
        write(&db.store, &context(&db, tenant), &["a", "b"]).await;
    }
    db.store.sequence_now().await.unwrap();
    let other = "tenant_id = '00000000-0000-0000-0000-000000000002'";
    assert_eq!(
        tamper(&db, &format!("UPDATE audit SET notes = '{{\"x\":\"y\"}}' WHERE {other} AND position = 1")).await,
        1
    );
    assert_eq!(tamper(&db, &format!("UPDATE notes SET audit_id = tenant_id WHERE {other} AND code = 'b'")).await, 1);
    let (mine, _) = own(&db, 1).await;
    assert!(mine.ok(), "{:?}", mine.faults);
    assert_eq!((mine.rows, mine.entries > 0), (2, true));
    let faults = own(&db, 2).await.0.faults;
    let tables: Vec<&str> = faults.iter().map(|fault| fault.table.as_str()).collect();
    assert_eq!(tables, ["audit", "notes"]);
}

/// Six units of one tenant with an event each, numbered and sound.
async fn logged(on: Backend) -> TestStore {
    let db = database(on).await;
    let ctx = context(&db, 1);
    for n in 0..6 {
        let mut work = unit_of(&db.store, &ctx).await;
        work.insert(row(&ctx, &format!("{n}"))).await.unwrap();
        work.emit(Event::new("sample.note.written", n, n.to_string()));
        work.commit(audit().note("n", n), ()).await.unwrap();
    }
    db.store.sequence_now().await.unwrap();
    let report = db.store.verify_audit().await.unwrap();
    assert!(report.ok(), "{:?}", report.faults);
    db
}

async fn first_fault(db: &TestStore) -> Fault {
    let report = db.store.verify_audit().await.unwrap();
    assert!(!report.ok());
    report.faults[0].clone()
}

/// Tampers as the owner of the database could, and gives what the verification finds first.
async fn found(db: &TestStore, sql: &[&str]) -> (Option<i64>, Defect) {
    for sql in sql {
        assert!(tamper(db, sql).await > 0, "{sql} met nothing");
    }
    let fault = first_fault(db).await;
    assert_eq!(fault.tenant, Uuid::from_u128(1));
    assert!(fault.to_string().contains("audit"), "{fault}");
    (fault.position, fault.defect)
}

on_both!(a_changed_field_is_found_at_its_entry);
async fn a_changed_field_is_found_at_its_entry(on: Backend) {
    for field in [
        "notes = '{}'",
        "action = 'sample.note.delete'",
        "request_id = ''",
        "on_behalf_of = principal",
        "subject_id = '2'",
        "written = '{}'",
        "written = 'not json'",
        "actor = 'usen'",
        "content = chain",
    ] {
        let db = logged(on).await;
        let sql = format!("UPDATE audit SET {field} WHERE position = 4");
        assert_eq!(found(&db, &[&sql]).await, (Some(4), Defect::Content), "{field}");
    }
}

#[tokio::test]
async fn what_cannot_even_be_read_is_found_at_its_entry() {
    for field in ["at = 'then'", "principal = x'00'", "method = x'ff'", "content = 7"] {
        let db = logged(Backend::Sqlite).await;
        let sql = format!("UPDATE audit SET {field} WHERE position = 4");
        assert_eq!(found(&db, &[&sql]).await, (Some(4), Defect::Content), "{field}");
    }
    let db = logged(Backend::Sqlite).await;
    assert_eq!(found(&db, &["UPDATE audit SET position = 'x' WHERE position = 6"]).await, (Some(6), Defect::Missing));
}

on_both!(a_changed_link_a_deletion_and_a_cut_end_are_found);
async fn a_changed_link_a_deletion_and_a_cut_end_are_found(on: Backend) {
    let db = logged(on).await;
    let sql = "UPDATE audit SET chain = content WHERE position = 2";
    assert_eq!(found(&db, &[sql]).await, (Some(2), Defect::Chain));
    let db = logged(on).await;
    let sql = "DELETE FROM audit WHERE position = 3";
    assert_eq!(found(&db, &[sql]).await, (Some(3), Defect::Missing));
    let db = logged(on).await;
    let sql = "DELETE FROM audit WHERE position > 4";
    assert_eq!(found(&db, &[sql]).await, (Some(5), Defect::Truncated));
    let db = logged(on).await;
    let closed_up = [
        "DELETE FROM audit WHERE position = 3",
        "UPDATE audit SET position = position - 1 WHERE position > 3 AND position < 5",
        "UPDATE audit SET position = 4 WHERE position = 5",
        "UPDATE audit SET position = 5 WHERE position = 6",
    ];
    assert_eq!(found(&db, &closed_up).await, (Some(3), Defect::Chain));
}

on_both!(swapped_entries_are_found_at_the_first_of_them);
async fn swapped_entries_are_found_at_the_first_of_them(on: Backend) {
    let db = logged(on).await;
    let swap = [
        "UPDATE audit SET position = 100 WHERE position = 2",
        "UPDATE audit SET position = 2 WHERE position = 5",
        "UPDATE audit SET position = 5 WHERE position = 100",
    ];
    assert_eq!(found(&db, &swap).await, (Some(2), Defect::Chain));
}

on_both!(an_entry_that_the_service_never_wrote_is_found_even_when_it_was_numbered);
async fn an_entry_that_the_service_never_wrote_is_found_even_when_it_was_numbered(on: Backend) {
    let forged = "INSERT INTO audit (tenant_id, id, at, principal, actor, method, action, subject, subject_id, notes, written, content) \
                  SELECT tenant_id, principal, at, principal, actor, method, action, subject, 'forged', notes, written, content \
                  FROM audit WHERE position = 1";
    let db = logged(on).await;
    assert_eq!(found(&db, &[forged]).await, (None, Defect::Content));
    db.store.sequence_now().await.unwrap();
    let fault = first_fault(&db).await;
    assert_eq!((fault.position, fault.defect), (Some(7), Defect::Content));
}

on_both!(a_forged_or_missing_head_is_found);
async fn a_forged_or_missing_head_is_found(on: Backend) {
    let db = logged(on).await;
    let sql = "UPDATE log_heads SET signature = chain WHERE log = 'audit'";
    assert_eq!(found(&db, &[sql]).await, (Some(6), Defect::Head));
    let db = logged(on).await;
    let rewound = ["DELETE FROM audit WHERE position > 5", "UPDATE log_heads SET position = 5 WHERE log = 'audit'"];
    assert_eq!(found(&db, &rewound).await, (Some(5), Defect::Head));
    let db = logged(on).await;
    let sql = "DELETE FROM log_heads WHERE log = 'audit'";
    assert_eq!(found(&db, &[sql]).await, (Some(6), Defect::Head));
}

on_both!(a_changed_event_is_found_too);
async fn a_changed_event_is_found_too(on: Backend) {
    let db = logged(on).await;
    assert_eq!(tamper(&db, "UPDATE outbox SET payload = '7' WHERE position = 5").await, 1);
    let fault = first_fault(&db).await;
    assert_eq!((fault.table.as_str(), fault.position, fault.defect), ("outbox", Some(5), Defect::Content));
}

on_both!(an_entry_that_waits_too_long_for_its_position_is_reported);
async fn an_entry_that_waits_too_long_for_its_position_is_reported(on: Backend) {
    let db = database(on).await;
    write(&db.store, &context(&db, 1), &["a"]).await;
    clock(&db).advance(jiff::SignedDuration::from_secs(4));
    assert!(db.store.verify_audit().await.unwrap().ok());
    clock(&db).advance(jiff::SignedDuration::from_secs(2));
    assert_eq!(first_fault(&db).await.defect, Defect::Unnumbered);
    db.store.sequence_now().await.unwrap();
    assert!(db.store.verify_audit().await.unwrap().ok());
}

on_both!(a_log_of_another_key_file_does_not_verify);
async fn a_log_of_another_key_file_does_not_verify(on: Backend) {
    let db = logged(on).await;
    let mut config = db.config.clone();
    config.keys = tally_store::Keys::ephemeral();
    let other = tally_store::Store::open(config, crate::sample::migrations).await.unwrap();
    let faults = other.verify_audit().await.unwrap().faults;
    assert_eq!((faults[0].position, faults[0].defect), (Some(1), Defect::Content));
}

#[tokio::test]
async fn each_tenant_has_a_chain_of_its_own() {
    let db = TestStore::postgres(crate::sample::SERVICE, crate::sample::migrations).await;
    for n in [1, 2, 1, 2, 2] {
        let ctx = context(&db, n);
        unit_of(&db.store, &ctx).await.commit(audit(), ()).await.unwrap();
    }
    db.store.sequence_now().await.unwrap();
    assert_eq!(tamper(&db, "DELETE FROM audit WHERE tenant_id = '00000000-0000-0000-0000-000000000001'").await, 2);
    let faults = db.store.verify_audit().await.unwrap().faults;
    assert_eq!(faults.len(), 1, "the other tenant's chain is whole: {faults:?}");
    assert_eq!((faults[0].tenant, faults[0].defect), (Uuid::from_u128(1), Defect::Truncated));
}

on_both!(the_sequencer_numbers_on_its_own_and_rings);
async fn the_sequencer_numbers_on_its_own_and_rings(on: Backend) {
    let db = database(on).await;
    let mut rung = db.store.bell().subscribe();
    let (tell, told) = std::sync::mpsc::channel();
    db.store.bell().also(move |position| tell.send(position).unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let sequencer = db.store.spawn_sequencer(async move {
        let _ = stopped.await;
    });
    let ctx = context(&db, 1);
    let mut work = unit_of(&db.store, &ctx).await;
    work.emit(Event::new("sample.note.written", "a", "1"));
    work.commit(audit(), ()).await.unwrap();
    let position = tokio::time::timeout(NEVER, rung.wait_for(|position| *position > 0)).await;
    assert_eq!(*position.unwrap().unwrap(), 1);
    assert_eq!(told.recv().unwrap(), 1);
    drop(stop);
    sequencer.await.unwrap();
}

on_both!(reads_at_once_share_transactions_and_each_has_its_entry_when_it_is_told);
async fn reads_at_once_share_transactions_and_each_has_its_entry_when_it_is_told(on: Backend) {
    let db = database(on).await;
    let ctx = context(&db, 1);
    let read = |n: u128| {
        let (store, ctx) = (db.store.clone(), ctx.clone());
        let audit = Audit::new("sample.note.read", "note", n).about(PersonId(Uuid::from_u128(n)));
        async move { store.audit_read(&ctx, "sample.v1.NoteService/GetNote", audit).await }
    };
    // One who goes away takes nobody's entry along.
    let mut gone = Box::pin(read(1000));
    assert!(futures::poll!(&mut gone).is_pending());
    drop(gone);
    for done in futures::future::join_all((0..100).map(read)).await {
        done.unwrap_or_else(|e| panic!("{e:?}"));
    }
    let log = db.store.read(&ctx).await.unwrap().audit_log(1000).await.unwrap();
    let mut about: Vec<_> = log.iter().map(|(_, entry)| (entry.subject_id.clone(), entry.people.clone())).collect();
    about.sort();
    let mut wanted: Vec<_> = (0..100).chain([1000]).map(|n| (n.to_string(), vec![Uuid::from_u128(n)])).collect();
    wanted.sort();
    assert_eq!(about, wanted);
    assert!(transactions(&db).await.is_none_or(|n| n < 10), "a transaction for each would be 101");
    db.store.sequence_now().await.unwrap();
    let report = db.store.verify_audit().await.unwrap();
    assert!(report.ok() && report.entries == 101, "{:?}", report.faults);
}

/// How many transactions wrote the audit log; only PostgreSQL knows.
async fn transactions(db: &TestStore) -> Option<i64> {
    let owner = sea_orm::Database::connect(&db.owner_url).await.expect("the owner's connection");
    if db.name == "sqlite" {
        return None;
    }
    let sql = "SELECT COUNT(DISTINCT xmin::text) FROM sample.audit";
    let row = owner.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await;
    let row = row.expect("an answer").expect("a row");
    Some(row.try_get_by_index(0).expect("a number"))
}
