//! Rows of attribution runs.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::ExprTrait as _;
use sea_orm::entity::prelude::*;
use tally_access::{Owner, Plan, Rpc};
use tally_engine::closing::snapshot::Days;
use tally_kernel::id::{AttributionRunId, CycleId};
use tally_kernel::page::Page;
use tally_kernel::time::Period;
use tally_kernel::{Error, Result};
use tally_store::{ScopedTx, UnitOfWork, from_db, owner_from_db, to_db, word_from_db};

use super::domain::{AttributionRun, State, Step};
use crate::columns::{count, period, read, write};
use crate::record::domain::money::KeptRates;

pub mod counted;
pub mod results;

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "attribution_runs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub region: String,
    pub unit_id: Option<Uuid>,
    pub period_from: String,
    pub period_to: String,
    pub policy: String,
    pub scope: String,
    pub columns: String,
    pub amounts: bool,
    pub cycle_id: Option<Uuid>,
    pub state: String,
    pub done: i32,
    pub total: i32,
    pub step: String,
    pub failure: Option<String>,
    pub summary: Option<String>,
    pub version: i64,
    pub recorded_at: DateTimeUtc,
    pub source_id: Option<Uuid>,
    pub money: Option<String>,
    pub days: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, iso_day: PeriodTo });

impl TryFrom<Model> for AttributionRun {
    type Error = Error;
    fn try_from(row: Model) -> Result<Self> {
        Ok(Self {
            id: AttributionRunId(row.id),
            owner: owner_from_db(&row.region, row.unit_id)?,
            period: period(&row.period_from, &row.period_to)?,
            policy: read(&row.policy)?,
            scope: read(&row.scope)?,
            columns: read(&row.columns)?,
            amounts: row.amounts,
            days: match row.days {
                Some(word) => word_from_db("the days of a run", &word)?,
                // Of a run from before this was said.
                None => Days::Around,
            },
            money: row.money.as_deref().map(read).transpose()?,
            cycle: row.cycle_id.map(CycleId),
            source: row.source_id.map(AttributionRunId),
            state: word_from_db("the state of a run", &row.state)?,
            done: u32::try_from(row.done).map_err(Error::internal)?,
            total: u32::try_from(row.total).map_err(Error::internal)?,
            step: word_from_db("the step of a run", &row.step)?,
            failure: row.failure.as_deref().map(read).transpose()?,
            summary: row.summary.as_deref().map(read).transpose()?,
            started_at: from_db(row.recorded_at)?,
            version: row.version,
        })
    }
}

pub async fn insert(work: &UnitOfWork, run: &AttributionRun) -> Result<()> {
    let row = ActiveModel {
        tenant_id: NotSet,
        id: Set(run.id.0),
        region: Set(run.owner.region().as_str().to_owned()),
        unit_id: Set(run.owner.unit().map(Uuid::from)),
        period_from: Set(run.period.from().to_string()),
        period_to: Set(run.period.to().to_string()),
        policy: Set(write(&run.policy)?),
        scope: Set(write(&run.scope)?),
        columns: Set(write(&run.columns)?),
        amounts: Set(run.amounts),
        days: Set(Some(run.days.to_string())),
        money: Set(run.money.as_ref().map(write).transpose()?),
        cycle_id: Set(run.cycle.map(Uuid::from)),
        source_id: Set(run.source.map(Uuid::from)),
        state: Set(run.state.to_string()),
        done: Set(count(run.done)?),
        total: Set(count(run.total)?),
        step: Set(run.step.to_string()),
        failure: Set(None),
        summary: Set(None),
        version: Set(run.version),
        recorded_at: Set(to_db(run.started_at)),
    };
    Ok(work.insert(row).await?)
}

/// A run that the caller may read.
pub async fn find<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>, id: AttributionRunId) -> Result<AttributionRun> {
    let found = tx.select::<Entity>().within(plan).filter(Column::Id.eq(id.0)).one().await?;
    found.ok_or_else(|| Error::not_found("attribution run", id))?.try_into()
}

/// A run, for the service's own work.
pub async fn load(tx: &ScopedTx, id: AttributionRunId) -> Result<AttributionRun> {
    load_if_there(tx, id).await?.ok_or_else(|| Error::not_found("attribution run", id))
}

/// A run of this id, if there is one: cycles that were closed before runs were kept have none.
pub async fn load_if_there(tx: &ScopedTx, id: AttributionRunId) -> Result<Option<AttributionRun>> {
    let found = tx.select::<Entity>().filter(Column::Id.eq(id.0)).one().await?;
    found.map(AttributionRun::try_from).transpose()
}

/// A run that nobody else changes until the unit ends.
pub async fn lock(work: &UnitOfWork, id: AttributionRunId) -> Result<AttributionRun> {
    let found = work.select::<Entity>().filter(Column::Id.eq(id.0)).for_update().one().await?;
    found.ok_or_else(|| Error::not_found("attribution run", id))?.try_into()
}

/// A run of this id, if there is one: cycles that were closed before runs were kept have none.
pub async fn lock_if_there(work: &UnitOfWork, id: AttributionRunId) -> Result<Option<AttributionRun>> {
    let found = work.select::<Entity>().filter(Column::Id.eq(id.0)).for_update().one().await?;
    found.map(AttributionRun::try_from).transpose()
}

/// Writes a changed run; its version has moved on by one.
pub async fn save(work: &UnitOfWork, run: &AttributionRun) -> Result<()> {
    let failure = run.failure.as_ref().map(write).transpose()?;
    let summary = run.summary.as_ref().map(write).transpose()?;
    work.update::<Entity>()
        .set(Column::State, run.state.to_string())
        .set(Column::Done, count(run.done)?)
        .set(Column::Total, count(run.total)?)
        .set(Column::Step, run.step.to_string())
        .set(Column::Failure, failure)
        .set(Column::Summary, summary)
        .set(Column::Version, run.version)
        .filter(Column::Id.eq(run.id.0).and(Column::Version.eq(run.version - 1)))
        .exec_one()
        .await?;
    Ok(())
}

/// Says whom a run belongs to, now that it is known what it touches, and what it reckons with.
pub async fn collected(work: &UnitOfWork, id: AttributionRunId, owner: &Owner, money: &KeptRates) -> Result<()> {
    let update = work.update::<Entity>().set(Column::Region, owner.region().as_str().to_owned());
    let update = update.set(Column::UnitId, owner.unit().map(Uuid::from)).set(Column::Money, write(money)?);
    update.filter(Column::Id.eq(id.0)).exec_one().await?;
    Ok(())
}

fn running(id: AttributionRunId) -> sea_orm::sea_query::Expr {
    Column::Id.eq(id.0).and(Column::State.eq(State::Running.to_string()))
}

/// Whether a run still counts.
pub async fn counts(tx: &ScopedTx, id: AttributionRunId) -> Result<bool> {
    Ok(tx.select::<Entity>().filter(running(id)).count().await? == 1)
}

/// Tells how far a run is.
pub async fn progress(work: &UnitOfWork, id: AttributionRunId, step: Step, total: Option<u32>) -> Result<()> {
    let mut update = work.update::<Entity>().set(Column::Step, step.to_string());
    if let Some(total) = total {
        update = update.set(Column::Done, 0).set(Column::Total, count(total)?);
    }
    update.filter(running(id)).exec().await?;
    Ok(())
}

/// Tells that one more item of a run is done.
pub async fn advance(work: &UnitOfWork, id: AttributionRunId) -> Result<()> {
    let update = work.update::<Entity>().set_expr(Column::Done, Expr::col(Column::Done).add(1));
    update.filter(running(id)).exec().await?;
    Ok(())
}

/// A page of runs, newest first.
pub async fn page<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>, page: &Page) -> Result<(Vec<AttributionRun>, String)> {
    let (rows, next) = tx.select::<Entity>().within(plan).page_desc(page, [Column::Id]).await?;
    Ok((rows.into_iter().map(AttributionRun::try_from).collect::<Result<_>>()?, next))
}

/// The runs over a period that are done, newest first.
pub async fn done_over(tx: &ScopedTx, of: Period) -> Result<Vec<AttributionRun>> {
    let over = Column::PeriodFrom.eq(of.from().to_string()).and(Column::PeriodTo.eq(of.to().to_string()));
    let done = over.and(Column::State.eq(State::Done.to_string()));
    let rows = tx.select::<Entity>().filter(done).order_by_desc(Column::Id).all().await?;
    rows.into_iter().map(AttributionRun::try_from).collect()
}

/// The newest of these runs that is done.
pub async fn newest_done(tx: &ScopedTx, among: BTreeSet<Uuid>) -> Result<Option<AttributionRunId>> {
    let done = Column::Id.is_in(among).and(Column::State.eq(State::Done.to_string()));
    let found = tx.select::<Entity>().filter(done).order_by_desc(Column::Id).one().await?;
    Ok(found.map(|row| AttributionRunId(row.id)))
}

/// When a run began; nothing of one of the time before runs were kept.
pub async fn begun(tx: &ScopedTx, id: Uuid) -> Result<Option<Timestamp>> {
    let found = tx.select::<Entity>().filter(Column::Id.eq(id)).one().await?;
    found.map(|row| from_db(row.recorded_at)).transpose()
}
