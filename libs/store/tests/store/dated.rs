//! Facts with two times: which versions were known at an instant, and which of them hold on a day.

use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use sea_orm::sea_query::Condition;
use tally_kernel::dated::Succession;
use tally_kernel::{Kind, Result};
use tally_store::migration::{Schema, date as day, date_null, instant_null, text};
use tally_store::{date_to_db, dated, to_db};
use uuid::Uuid;

use crate::databases::{Backend, TestStore};
use crate::on_both;
use crate::sample::{audit, context, unit_of};

mod tenures {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "tenures")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub holder: String,
        pub valid_from: Date,
        pub valid_to: Option<Date>,
        pub superseded_at: Option<DateTimeUtc>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    tally_store::scoped!(Entity { tenant: TenantId });
    tally_store::dated!(Entity);
}

mod dated_0001_tenures {
    use super::*;

    pub(super) fn up(schema: &mut Schema) {
        let [from, to] = [day("valid_from"), date_null("valid_to")];
        schema.table("tenures").columns(&[text("holder"), from, to, instant_null("superseded_at")]);
    }
}

tally_store::migrations![dated_0001_tenures];

/// Who holds a post.
#[derive(Clone, Debug)]
struct Tenure {
    row: Uuid,
    holder: &'static str,
    from: Date,
    to: Option<Date>,
}

tally_kernel::dated!(Tenure);

/// Closes and writes in a unit of its own, at the clock's instant.
async fn change(db: &TestStore, change: &Succession<Tenure>) -> Result<()> {
    let ctx = context(db, 1);
    let now = db.clock.now();
    let work = unit_of(&db.store, &ctx).await;
    dated::supersede::<tenures::Entity>(&work, &change.closes, now).await?;
    let rows = change.writes.iter().map(|tenure| tenures::Model {
        tenant_id: ctx.tenant().0,
        id: tenure.row,
        holder: tenure.holder.to_owned(),
        valid_from: date_to_db(tenure.from),
        valid_to: tenure.to.map(date_to_db),
        superseded_at: None,
        recorded_at: to_db(now),
    });
    work.insert_many(rows.collect::<Vec<_>>()).await?;
    work.commit(audit(), ()).await
}

/// The holders that a condition finds, sorted.
async fn holders(db: &TestStore, wanted: Condition) -> Vec<String> {
    let tx = db.store.read(&context(db, 1)).await.unwrap();
    let found =
        tx.select::<tenures::Entity>().filter(wanted).order_by_asc(tenures::Column::Holder).all().await.unwrap();
    found.into_iter().map(|tenure| tenure.holder).collect()
}

/// Ann holds the post from the first of March on; an hour later it is said that Bo follows on the tenth. Both instants.
async fn followed(on: Backend) -> (TestStore, [Timestamp; 2]) {
    let db = TestStore::on(on, "dated", migrations).await;
    let ctx = context(&db, 1);
    let mut id = || ctx.new_id();
    let ann = Tenure { row: id(), holder: "Ann", from: date(2026, 3, 1), to: None };
    let first = db.clock.now();
    change(&db, &Succession { closes: Vec::new(), writes: vec![ann.clone()] }).await.unwrap();
    db.clock.advance(SignedDuration::from_hours(1));
    let mut then = Succession::default();
    then.turn(&ann, date(2026, 3, 10), &Tenure { holder: "Bo", ..ann.clone() }, &mut id);
    change(&db, &then).await.unwrap();
    let second = db.clock.now();
    (db, [first, second])
}

on_both!(at_every_instant_one_answer_was_known_and_nothing_is_rewritten);
async fn at_every_instant_one_answer_was_known_and_nothing_is_rewritten(on: Backend) {
    let (db, [first, second]) = followed(on).await;
    let moment = SignedDuration::from_millis(1);
    for (day, at, holder) in [
        (date(2026, 3, 12), Some(first - moment), ""),
        (date(2026, 3, 12), Some(first), "Ann"),
        (date(2026, 3, 12), Some(second - moment), "Ann"),
        (date(2026, 3, 12), Some(second), "Bo"),
        (date(2026, 3, 12), None, "Bo"),
        (date(2026, 3, 9), None, "Ann"),
        (date(2026, 3, 10), None, "Bo"),
        (date(2026, 2, 28), None, ""),
    ] {
        let known = holders(&db, dated::known_on::<tenures::Entity>(day, at)).await;
        assert_eq!(known.concat(), holder, "{day} as known at {at:?}");
    }
}

on_both!(what_is_known_is_found_by_the_days_on_which_it_holds);
async fn what_is_known_is_found_by_the_days_on_which_it_holds(on: Backend) {
    let (db, [first, _]) = followed(on).await;
    let between = |from, to| dated::known_between::<tenures::Entity>(from, to, None);
    let since = |day| dated::known_since::<tenures::Entity>(day, None);
    for (wanted, found) in [
        (dated::known::<tenures::Entity>(None), "Ann, Bo"),
        (dated::known::<tenures::Entity>(Some(first)), "Ann"),
        (between(date(2026, 2, 1), date(2026, 2, 28)), ""),
        (between(date(2026, 2, 1), date(2026, 3, 1)), "Ann"),
        (between(date(2026, 3, 9), date(2026, 3, 10)), "Ann, Bo"),
        (between(date(2026, 3, 10), date(2026, 3, 31)), "Bo"),
        (since(date(2026, 3, 9)), "Ann, Bo"),
        (since(date(2026, 3, 10)), "Bo"),
    ] {
        assert_eq!(holders(&db, wanted.clone()).await.join(", "), found, "{wanted:?}");
    }
}

on_both!(a_version_is_closed_once_and_nothing_is_written_where_one_is_not_open);
async fn a_version_is_closed_once_and_nothing_is_written_where_one_is_not_open(on: Backend) {
    let (db, _) = followed(on).await;
    let tx = db.store.read(&context(&db, 1)).await.unwrap();
    let all = tx.select::<tenures::Entity>().all().await.unwrap();
    drop(tx);
    let closed = all.iter().find(|tenure| tenure.superseded_at.is_some()).unwrap();
    let open = all.iter().find(|tenure| tenure.superseded_at.is_none()).unwrap();
    let nobody = Tenure { row: Uuid::from_u128(1), holder: "Cy", from: date(2026, 3, 1), to: None };
    let again = Succession { closes: vec![open.id, closed.id], writes: vec![nobody] };
    assert_eq!(change(&db, &again).await.unwrap_err().kind(), Kind::Internal);
    assert_eq!(holders(&db, dated::known::<tenures::Entity>(None)).await, ["Ann", "Bo"]);
}
