//! What records were: a row for each version that counts no more.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sea_orm::ExprTrait as _;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Condition, SimpleExpr};
use strum_macros::{EnumString, IntoStaticStr};
use tally_access::{OpContext, Plan, Rpc};
use tally_kernel::Result;
use tally_kernel::id::AccountId;
use tally_store::{ScopedTx, UnitOfWork, among, to_db};

use super::rename_contributors;
use crate::columns::holding;

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "record_versions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub region: String,
    pub unit_id: Option<Uuid>,
    pub account_id: Uuid,
    pub external_id: String,
    /// The same for all versions of a record, whatever account it was on.
    pub record_id: Uuid,
    /// Of the version among those of its record, from 1.
    pub ordinal: i32,
    pub started_ms: i64,
    pub ended_ms: i64,
    pub agent: String,
    pub kind: String,
    pub first_reply_ms: Option<i64>,
    pub resolved: Option<bool>,
    pub rating_milli: Option<i32>,
    pub amount_minor: Option<i64>,
    pub customer: String,
    pub measures: Option<String>,
    pub currency: Option<String>,
    pub refers_to: Option<String>,
    pub revision: Option<i64>,
    #[serde(skip)]
    pub content: Vec<u8>,
    pub recorded_at: DateTimeUtc,
    /// It counted before this.
    pub until_at: DateTimeUtc,
    /// [`Ended`].
    pub ended: String,
    pub reason: String,
    /// The principal who ended it.
    pub ended_by: Uuid,
    pub contributors: Option<String>,
    pub device: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, ms: StartedMs });

impl From<Model> for super::Model {
    fn from(was: Model) -> Self {
        Self {
            tenant_id: was.tenant_id,
            account_id: was.account_id,
            external_id: was.external_id,
            id: was.record_id,
            region: was.region,
            unit_id: was.unit_id,
            started_ms: was.started_ms,
            ended_ms: was.ended_ms,
            agent: was.agent,
            kind: was.kind,
            first_reply_ms: was.first_reply_ms,
            resolved: was.resolved,
            rating_milli: was.rating_milli,
            amount_minor: was.amount_minor,
            customer: was.customer,
            measures: was.measures,
            content: was.content,
            recorded_at: was.recorded_at,
            revision: was.revision,
            currency: was.currency,
            refers_to: was.refers_to,
            contributors: was.contributors,
            device: was.device,
        }
    }
}

/// How a version ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Ended {
    Revised,
    Moved,
    Withdrawn,
}

/// What ended versions, and why.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    pub ended: Ended,
    pub reason: &'a str,
}

/// A version that ends now, `ordinal`th of its record.
pub fn ended(ctx: &OpContext, row: super::Model, ordinal: i32, End { ended, reason }: End<'_>) -> Model {
    let ended: &str = ended.into();
    Model {
        tenant_id: row.tenant_id,
        id: ctx.new_id(),
        region: row.region,
        unit_id: row.unit_id,
        account_id: row.account_id,
        external_id: row.external_id,
        record_id: row.id,
        ordinal,
        started_ms: row.started_ms,
        ended_ms: row.ended_ms,
        agent: row.agent,
        kind: row.kind,
        first_reply_ms: row.first_reply_ms,
        resolved: row.resolved,
        rating_milli: row.rating_milli,
        amount_minor: row.amount_minor,
        customer: row.customer,
        measures: row.measures,
        currency: row.currency,
        refers_to: row.refers_to,
        contributors: row.contributors,
        device: row.device,
        revision: row.revision,
        content: row.content,
        recorded_at: row.recorded_at,
        until_at: to_db(ctx.now()),
        ended: ended.to_owned(),
        reason: reason.to_owned(),
        ended_by: ctx.actor.principal.0,
    }
}

/// What was known at this instant.
pub fn known_at(at: Timestamp) -> Condition {
    Condition::all().add(Column::RecordedAt.lte(to_db(at))).add(Column::UntilAt.gt(to_db(at)))
}

/// How many versions of each of these records ended.
pub async fn counts(tx: &ScopedTx, records: impl IntoIterator<Item = Uuid>) -> Result<Vec<(Uuid, i32)>> {
    let these = tx.select::<Entity>().filter(among::<Entity>(tx, Column::RecordId, records));
    let counted = these
        .rows::<(Uuid, i32)>(|q| q.column(Column::RecordId).expr(Column::Ordinal.max()).group_by(Column::RecordId));
    Ok(counted.await?)
}

/// The newest version that has ended of each of these external ids of an account.
pub async fn newest(tx: &ScopedTx, account: AccountId, ids: impl IntoIterator<Item = &str>) -> Result<Vec<Model>> {
    let these = Column::AccountId.eq(account.0).and(Column::ExternalId.is_in(ids));
    let mut rows = tx.select::<Entity>().filter(these).all().await?;
    rows.sort_by(|a, b| (&a.external_id, b.ordinal).cmp(&(&b.external_id, a.ordinal)));
    rows.dedup_by(|later, first| later.external_id == first.external_id);
    Ok(rows)
}

/// Whether any version of a record between these external ids has ended.
pub async fn any_between(tx: &ScopedTx, account: AccountId, first: &str, last: &str) -> Result<bool> {
    let these = Column::AccountId.eq(account.0).and(Column::ExternalId.between(first, last));
    let found = tx
        .select::<Entity>()
        .filter(these)
        .limit(1)
        .rows::<(Uuid, Uuid)>(|q| q.column(Column::Id).column(Column::RecordId));
    Ok(!found.await?.is_empty())
}

/// The record that this external id of an account ever was, if the plan reaches a version of it.
pub async fn record_of<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>, account: AccountId, id: &str) -> Result<Option<Uuid>> {
    let these = Column::AccountId.eq(account.0).and(Column::ExternalId.eq(id));
    let found = tx.select::<Entity>().within(plan).filter(these).limit(1);
    Ok(found.one().await?.map(|row| row.record_id))
}

/// Versions of a record before the `before`th, newest first, `most` at most; those that the plan reaches, if one is said.
pub async fn before<R: Rpc>(
    tx: &ScopedTx,
    plan: Option<&Plan<R>>,
    record: Uuid,
    before: i32,
    most: u64,
) -> Result<Vec<Model>> {
    let these = Column::RecordId.eq(record).and(Column::Ordinal.lt(before));
    let rows = tx.select::<Entity>();
    let rows = if let Some(plan) = plan { rows.within(plan) } else { rows };
    Ok(rows.filter(these).order_by_desc(Column::Ordinal).limit(most).all().await?)
}

/// As [`super::rename`].
pub async fn rename(
    work: &UnitOfWork,
    account: AccountId,
    agent: &str,
    (from, to): (Option<i64>, Option<i64>),
    pseudonym: &str,
) -> Result<u64> {
    let these = Condition::all()
        .add(Column::AccountId.eq(account.0))
        .add(Column::Agent.eq(agent))
        .add_option(from.map(|from| Column::StartedMs.gte(from)))
        .add_option(to.map(|to| Column::StartedMs.lt(to)));
    let rows = work.update::<Entity>().set(Column::Agent, pseudonym).filter(these).exec().await?;
    let named = Condition::all()
        .add(Column::AccountId.eq(account.0))
        .add(Column::Contributors.like(holding(agent)))
        .add_option(from.map(|from| Column::StartedMs.gte(from)))
        .add_option(to.map(|to| Column::StartedMs.lt(to)));
    Ok(rows + rename_contributors::<Entity>(work, NAMED, named, (agent, pseudonym)).await?)
}

/// As [`super::rename_number`].
pub async fn rename_number(work: &UnitOfWork, number: &str, pseudonym: &str) -> Result<u64> {
    let update = work.update::<Entity>().set(Column::Agent, pseudonym);
    let rows = update.filter(Column::Agent.eq(number)).exec().await?;
    let named = Condition::all().add(Column::Contributors.like(holding(number)));
    Ok(rows + rename_contributors::<Entity>(work, NAMED, named, (number, pseudonym)).await?)
}

/// Clears why versions ended of records that name a pseudonym now, as they are or as they were: who wrote it may have named whoever served.
/// How many rows.
pub async fn forget_reasons(work: &UnitOfWork, pseudonym: &str) -> Result<u64> {
    let told = work.select::<Entity>().filter(Column::Reason.ne(""));
    let told: BTreeSet<Uuid> = told.rows(|rows| rows.column(Column::RecordId)).await?.into_iter().collect();
    let named = |agent: SimpleExpr, contributors: SimpleExpr| Condition::any().add(agent).add(contributors);
    let were = Condition::all()
        .add(among::<Entity>(work, Column::RecordId, told.iter().copied()))
        .add(named(Column::Agent.eq(pseudonym), Column::Contributors.like(holding(pseudonym))));
    let were = work.select::<Entity>().filter(were).rows::<Uuid>(|rows| rows.column(Column::RecordId));
    let mut mine: BTreeSet<Uuid> = were.await?.into_iter().collect();
    let are = Condition::all()
        .add(among::<super::Entity>(work, super::Column::Id, told))
        .add(named(super::Column::Agent.eq(pseudonym), super::Column::Contributors.like(holding(pseudonym))));
    mine.extend(work.select::<super::Entity>().filter(are).rows::<Uuid>(|rows| rows.column(super::Column::Id)).await?);
    let theirs = Condition::all().add(among::<Entity>(work, Column::RecordId, mine)).add(Column::Reason.ne(""));
    Ok(work.update::<Entity>().set(Column::Reason, "").filter(theirs).exec().await?)
}

/// What tells a version and who is named in it.
const NAMED: [Column; 2] = [Column::Id, Column::Contributors];

#[cfg(test)]
mod tests;
