//! What was done to records: a row for each call and account, so that whoever computed with them finds what is another now.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::ExprTrait as _;
use sea_orm::entity::prelude::*;
use strum_macros::IntoStaticStr;
use tally_access::{OpContext, Plan, Rpc};
use tally_kernel::id::AccountId;
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::{ScopedTx, UnitOfWork, from_db, number_from_db, to_db};

use super::super::domain::{RecordChange, Source, Touched};

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "record_changes")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub region: String,
    pub unit_id: Option<Uuid>,
    pub account_id: Uuid,
    /// [`What`].
    pub what: String,
    pub records: i32,
    pub from_ms: i64,
    pub to_ms: i64,
    pub recorded_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, ms: ToMs });

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum What {
    Imported,
    MovedAway,
    MovedHere,
    Withdrawn,
    /// Messages of records came.
    Replied,
    /// Claims came, or were withdrawn.
    Claimed,
}

/// Notes what a call touched.
pub async fn note(work: &UnitOfWork, ctx: &OpContext, of: &Source, what: What, touched: &Touched) -> Result<()> {
    let what: &str = what.into();
    let row = ActiveModel {
        tenant_id: NotSet,
        id: Set(ctx.new_id()),
        region: Set(of.region.as_str().to_owned()),
        unit_id: Set(of.unit.map(Uuid::from)),
        account_id: Set(touched.account.0),
        what: Set(what.to_owned()),
        records: Set(i32::try_from(touched.records).unwrap_or(i32::MAX)),
        from_ms: Set(touched.from_ms),
        to_ms: Set(touched.to_ms),
        recorded_at: Set(to_db(ctx.now())),
    };
    Ok(work.insert(row).await?)
}

/// Notes what a call did, account by account: of each record, or of what was said of one, where it is and when it was.
pub async fn note_each(
    work: &UnitOfWork,
    ctx: &OpContext,
    what: What,
    each: impl IntoIterator<Item = (Source, i64)>,
) -> Result<()> {
    let mut times: BTreeMap<Source, Vec<i64>> = BTreeMap::new();
    for (of, ms) in each {
        times.entry(of).or_default().push(ms);
    }
    for (of, times) in times {
        if let Some(touched) = Touched::of(of.account, times.len(), times) {
            note(work, ctx, &of, what, &touched).await?;
        }
    }
    Ok(())
}

/// A page of changes at this instant and later, oldest first.
pub async fn since<R: Rpc>(
    tx: &ScopedTx,
    plan: &Plan<R>,
    since: Timestamp,
    page: &Page,
) -> Result<(Vec<Model>, String)> {
    let these = tx.select::<Entity>().within(plan).filter(Column::RecordedAt.gte(to_db(since)));
    Ok(these.page_asc(page, [Column::RecordedAt, Column::Id]).await?)
}

/// How many calls at this instant or later changed records of each account that lie in a stretch of time.
pub async fn calls_since(
    tx: &ScopedTx,
    since: Timestamp,
    (from_ms, to_ms): (i64, i64),
) -> Result<BTreeMap<AccountId, u64>> {
    let during = Column::FromMs.lt(to_ms).and(Column::ToMs.gte(from_ms));
    let these = tx.select::<Entity>().filter(Column::RecordedAt.gte(to_db(since)).and(during));
    let rows: Vec<(Uuid, i64)> =
        these.rows(|q| q.column(Column::AccountId).count().group_by(Column::AccountId)).await?;
    let calls = |(account, n)| Ok((AccountId(account), number_from_db("a count of calls", n)?));
    rows.into_iter().map(calls).collect()
}

/// Every change at this instant or later, whoever may know of it.
pub async fn all_since(tx: &ScopedTx, since: Timestamp) -> Result<Vec<RecordChange>> {
    let rows = tx.select::<Entity>().filter(Column::RecordedAt.gte(to_db(since))).all().await?;
    let change = |row: Model| {
        let instant = |ms| Timestamp::from_millisecond(ms).map_err(Error::internal);
        Ok(RecordChange {
            account: AccountId(row.account_id),
            records: number_from_db("the records of a change", row.records)?,
            from: instant(row.from_ms)?,
            to: instant(row.to_ms)?,
            at: from_db(row.recorded_at)?,
        })
    };
    rows.into_iter().map(change).collect()
}
