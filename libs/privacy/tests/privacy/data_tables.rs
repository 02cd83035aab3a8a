//! Tables that tell of people: told, erased, and taken out when they are over.

use jiff::{SignedDuration, Timestamp};
use tally_access::{OpContext, Permission, Target};
use tally_kernel::id::PersonId;
use tally_privacy::{Clear, DataTable, ErasureRule, ExportCursor, Exported, Over, pseudonym};
use uuid::Uuid;

use crate::databases::{Backend, TestStore};
use crate::on_both;
use crate::sample::{audit, codes, context, filled, note, unit_of};

/// The same table, to a service that does not say of whom its rows tell.
mod anonymous {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "notes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub amount: i64,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    tally_store::scoped!(Entity { tenant: TenantId });
}

impl Exported for note::Entity {}
impl Exported for anonymous::Entity {}

const fn notes(rule: ErasureRule) -> DataTable {
    DataTable::of::<note::Entity>(Permission::PunchRead, rule, Some(("sample.notes", "recorded_at")))
}

fn someone(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(n))
}

async fn take(db: &TestStore, ctx: &OpContext, table: &DataTable, over: &Over, rows: u64) -> (u64, Vec<PersonId>) {
    let work = unit_of(&db.store, ctx).await;
    let (gone, mut people) = table.purge_expired(&work, over, rows).await.unwrap();
    work.commit(audit(), ()).await.unwrap();
    people.sort();
    (gone, people)
}

on_both!(what_is_over_goes_oldest_first_in_pieces_and_the_logs_still_verify);
async fn what_is_over_goes_oldest_first_in_pieces_and_the_logs_still_verify(on: Backend) {
    let told =
        [("a", Some(1), 0), ("b", Some(1), 1), ("c", Some(2), 1), ("d", Some(2), 1), ("e", None, 2), ("f", None, 9)];
    let db = filled(on, &told).await;
    let ctx = context(&db, 1);
    let over = |hours| Over { until: ctx.now() + SignedDuration::from_hours(hours), held: Vec::new() };
    let all = notes(ErasureRule::Deleted);
    assert_eq!(take(&db, &ctx, &all, &over(0), 2).await, (0, vec![]), "what is as old as that is not over");
    assert_eq!(take(&db, &ctx, &all, &over(5), 1).await, (1, vec![someone(1)]));
    // Two were asked for, and a third is as old as the second.
    assert_eq!(take(&db, &ctx, &all, &over(5), 2).await, (3, vec![someone(1), someone(2)]));
    assert_eq!(take(&db, &ctx, &all, &over(5), 2).await, (1, vec![]));
    assert_eq!(take(&db, &ctx, &all, &over(5), 2).await, (0, vec![]));
    assert_eq!(codes(&db.store, &ctx).await, ["f"]);
    assert_eq!(codes(&db.store, &context(&db, 1)).await, ["f"]);
    db.store.sequence_now().await.unwrap();
    let report = db.store.verify_audit().await.unwrap();
    assert!(report.ok(), "{:?}", report.faults);
}

on_both!(rows_about_people_on_hold_stay_and_so_do_those_that_do_not_say);
async fn rows_about_people_on_hold_stay_and_so_do_those_that_do_not_say(on: Backend) {
    let told = [("a", Some(1), 0), ("b", Some(2), 0), ("c", None, 0)];
    let db = filled(on, &told).await;
    let ctx = context(&db, 1);
    let over = Over { until: Timestamp::MAX, held: vec![someone(1)] };
    let nobodys = DataTable::of::<anonymous::Entity>(
        Permission::PunchRead,
        ErasureRule::Deleted,
        Some(("sample.notes", "recorded_at")),
    );
    let over = Over { until: ctx.now() + SignedDuration::from_hours(1), ..over };
    assert_eq!(take(&db, &ctx, &nobodys, &over, 9).await, (0, vec![]));
    assert_eq!(take(&db, &ctx, &notes(ErasureRule::Deleted), &over, 9).await, (1, vec![someone(2)]));
    assert_eq!(codes(&db.store, &ctx).await, ["a", "c"]);
    let free = Over { held: Vec::new(), ..over };
    assert_eq!(take(&db, &ctx, &nobodys, &free, 9).await, (2, vec![]));
}

on_both!(an_erasure_deletes_clears_or_keeps_the_rows_of_one_person);
async fn an_erasure_deletes_clears_or_keeps_the_rows_of_one_person(on: Backend) {
    let told = [("a", Some(1), 0), ("b", Some(2), 0), ("c", None, 0)];
    let db = filled(on, &told).await;
    let ctx = context(&db, 1);
    let erase = async |rule, person| {
        let work = unit_of(&db.store, &ctx).await;
        let rows = notes(rule).erase(&work, someone(person)).await.unwrap();
        work.commit(audit(), ()).await.unwrap();
        rows
    };
    assert_eq!(erase(ErasureRule::Kept("because"), 1).await, 0);
    let cleared = &[("code", Clear::Pseudonym), ("title", Clear::Empty), ("unit_id", Clear::Null)];
    assert_eq!(erase(ErasureRule::Cleared(cleared), 1).await, 1);
    let tx = db.store.read(&ctx).await.unwrap();
    let cut = ExportCursor { until: ctx.now(), after: None, person: Some(someone(1)) };
    let everything = |_, _: &Target| true;
    let (rows, last) = notes(ErasureRule::Deleted).rows(&tx, &cut, &everything).await.unwrap();
    assert!(rows.len() == 1 && last.is_some());
    let row: serde_json::Value = serde_json::from_str(rows[0].json.as_deref().unwrap()).unwrap();
    assert_eq!(row["code"], pseudonym(someone(1)));
    assert_eq!((row["title"].as_str(), row["amount"].as_i64()), (Some(""), Some(1)));
    assert_eq!(rows[0].target.person, Some(someone(1)));
    let after = ExportCursor { after: last, ..cut.clone() };
    assert_eq!(notes(ErasureRule::Deleted).rows(&tx, &after, &everything).await.unwrap(), (Vec::new(), None));
    let everybody = ExportCursor { person: None, ..cut };
    assert_eq!(notes(ErasureRule::Deleted).rows(&tx, &everybody, &everything).await.unwrap().0.len(), 3);
    let own = |permission, target: &Target| {
        permission == Permission::PunchRead && target.person.is_some_and(|person| person == someone(2))
    };
    let (rows, _) = notes(ErasureRule::Deleted).rows(&tx, &everybody, &own).await.unwrap();
    assert_eq!(rows.iter().filter(|row| row.json.is_some()).count(), 1, "the others are withheld");
    drop(tx);
    assert_eq!(erase(ErasureRule::Deleted, 2).await, 1);
    assert_eq!(codes(&db.store, &ctx).await, ["c".to_owned(), pseudonym(someone(1))]);
    db.store.sequence_now().await.unwrap();
    assert!(db.store.verify_audit().await.unwrap().ok());
}
