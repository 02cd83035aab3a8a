//! Heads outside the database: what a database that was put back as a whole cannot take along.

use std::path::Path;

use tally_kernel::Locale;
use tally_store::{Defect, Store, StoreConfig};
use tempfile::TempDir;

use crate::databases::{Backend, TestStore};
use crate::on_both;
use crate::sample::{context, database, migrations, tamper, write};

/// Opens the store as a service that exports its heads, writes notes, numbers them and ends.
async fn serve(db: &TestStore, folder: &Path, codes: &[&str]) -> Store {
    let config = StoreConfig { heads: Some(folder.to_owned()), ..db.config.clone() };
    let store = Store::open(config, migrations).await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let sequencer = store.spawn_sequencer(async move {
        let _ = stopped.await;
    });
    for code in codes {
        write(&store, &context(db, 1), &[code]).await;
    }
    drop(stop);
    sequencer.await.unwrap();
    store
}

fn lines(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("sample.heads")).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The first exported head above a position: how many entries the sequencer signs at once is its own affair.
fn first_head_above(folder: &Path, position: i64) -> i64 {
    let heads = lines(folder).into_iter().map(|line| serde_json::from_str::<serde_json::Value>(&line).unwrap());
    let mut above = heads.map(|head| head["position"].as_i64().unwrap()).filter(|at| *at > position);
    above.next().unwrap()
}

/// Takes the database back to its first three entries, with the head that was signed then.
async fn put_back(db: &TestStore) {
    for sql in [
        "DELETE FROM notes WHERE code > 'c'",
        "DELETE FROM audit WHERE position > 3",
        "DELETE FROM log_heads",
        "INSERT INTO log_heads SELECT * FROM kept",
    ] {
        assert!(tamper(db, sql).await > 0, "{sql}");
    }
}

on_both!(heads_are_exported_when_the_sequencer_ends_and_the_next_one_goes_on);
async fn heads_are_exported_when_the_sequencer_ends_and_the_next_one_goes_on(on: Backend) {
    let db = database(on).await;
    let folder = TempDir::new().unwrap();
    serve(&db, folder.path(), &["a", "b"]).await;
    let first = lines(folder.path());
    let last = first.last().unwrap();
    assert!(last.contains(r#""log":"audit""#) && last.contains(r#""position":2"#), "{last}");
    serve(&db, folder.path(), &[]).await;
    assert_eq!(lines(folder.path()), first, "nothing new, no line");
    let store = serve(&db, folder.path(), &["c"]).await;
    let now = lines(folder.path());
    assert_eq!(now.len(), first.len() + 1);
    let report = store.verify_audit_with(folder.path()).await.unwrap();
    assert!(report.ok(), "{:?}", report.faults);
    assert_eq!(report.heads, now.len() as u64);
}

on_both!(an_older_database_put_back_whole_is_found_by_the_heads_alone_and_so_is_the_fork_that_follows);
async fn an_older_database_put_back_whole_is_found_by_the_heads_alone_and_so_is_the_fork_that_follows(on: Backend) {
    let db = database(on).await;
    let folder = TempDir::new().unwrap();
    serve(&db, folder.path(), &["a", "b", "c"]).await;
    tamper(&db, "CREATE TABLE kept AS SELECT * FROM log_heads").await;
    let store = serve(&db, folder.path(), &["d", "e"]).await;
    put_back(&db).await;
    assert!(store.verify_audit().await.unwrap().ok(), "the database agrees with itself");
    let faults = store.verify_audit_with(folder.path()).await.unwrap().faults;
    assert_eq!((faults[0].position, faults[0].defect), (Some(4), Defect::PutBack), "{faults:?}");

    let elsewhere = TempDir::new().unwrap();
    serve(&db, elsewhere.path(), &["x", "y", "z"]).await;
    assert!(store.verify_audit().await.unwrap().ok());
    let faults = store.verify_audit_with(folder.path()).await.unwrap().faults;
    let forked = first_head_above(folder.path(), 3);
    assert_eq!((faults[0].position, faults[0].defect), (Some(forked), Defect::Forked), "{faults:?}");
}

on_both!(a_replayed_line_of_the_file_is_named);
async fn a_replayed_line_of_the_file_is_named(on: Backend) {
    let db = database(on).await;
    let folder = TempDir::new().unwrap();
    serve(&db, folder.path(), &["a", "b"]).await;
    let store = serve(&db, folder.path(), &["c"]).await;
    let mut text = lines(folder.path());
    text.push(text[0].clone());
    std::fs::write(folder.path().join("sample.heads"), text.join("\n")).unwrap();
    let faults = store.verify_audit_with(folder.path()).await.unwrap().faults;
    assert_eq!((faults.len(), faults[0].defect), (1, Defect::ExportedHead), "{faults:?}");
    assert_eq!(faults[0].row, Some(text.len().to_string()));
    assert!(faults[0].to_string().contains(&format!("line {} is no head", text.len())), "{}", faults[0]);
    let chinese = tally_i18n::text(Locale::ZhCn, &faults[0].said());
    assert!(chinese.contains(&format!("第 {} 行不是本服务的链头", text.len())), "{chinese}");
}
