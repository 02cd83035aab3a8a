//! Rows of cycles.

use std::collections::BTreeSet;

use jiff::civil::Date;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::ExprTrait as _;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Condition;
use tally_access::{OpContext, Plan, Rpc};
use tally_kernel::id::{AttributionRunId, CycleId, SchemeId};
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::{ScopedTx, UnitOfWork, from_db, owner_from_db, to_db, word_from_db};

use super::domain::{Corrects, Cycle, Publication, State};
use crate::columns::{count, period, read, write};
use crate::run::domain::Step;

pub mod people;
pub mod results;

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "cycles")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub region: String,
    pub name: String,
    pub period_from: String,
    pub period_to: String,
    pub scheme_id: Uuid,
    pub scheme_version: i32,
    pub policy: String,
    pub state: String,
    pub run_id: Option<Uuid>,
    pub done: i32,
    pub total: i32,
    pub step: String,
    pub failure: Option<String>,
    pub summary: Option<String>,
    pub version: i64,
    pub recorded_at: DateTimeUtc,
    pub unit_id: Option<Uuid>,
    pub population: Option<String>,
    pub attribution_id: Option<Uuid>,
    pub corrects_id: Option<Uuid>,
    pub reason: Option<String>,
    pub result_version: Option<i32>,
    pub published_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, iso_day: PeriodTo });

impl TryFrom<Model> for Cycle {
    type Error = Error;
    fn try_from(row: Model) -> Result<Self> {
        let published = publication(&row)?;
        Ok(Self {
            id: CycleId(row.id),
            owner: owner_from_db(&row.region, row.unit_id)?,
            population: row.population.as_deref().map(read).transpose()?,
            attribution: row.attribution_id.map(AttributionRunId),
            name: row.name,
            period: period(&row.period_from, &row.period_to)?,
            scheme: SchemeId(row.scheme_id),
            scheme_version: u32::try_from(row.scheme_version).map_err(Error::internal)?,
            policy: read(&row.policy)?,
            state: word_from_db("a cycle's state", &row.state)?,
            run: row.run_id,
            done: u32::try_from(row.done).map_err(Error::internal)?,
            total: u32::try_from(row.total).map_err(Error::internal)?,
            step: word_from_db("a cycle's step", &row.step)?,
            failure: row.failure.as_deref().map(read).transpose()?,
            summary: row.summary.as_deref().map(read).transpose()?,
            corrects: row.corrects_id.map(|id| Corrects { cycle: CycleId(id), reason: row.reason.unwrap_or_default() }),
            published,
            version: row.version,
        })
    }
}

/// Of what is published; what was before publications were kept is taken to be known from the beginning.
fn publication(row: &Model) -> Result<Option<Publication>> {
    if row.state != State::Published.to_string() {
        return Ok(None);
    }
    let version = u32::try_from(row.result_version.unwrap_or(1)).map_err(Error::internal)?;
    Ok(Some(Publication { version, at: from_db(row.published_at.unwrap_or(row.recorded_at))? }))
}

/// Writes a new cycle.
pub async fn insert(work: &UnitOfWork, ctx: &OpContext, cycle: &Cycle) -> Result<()> {
    let row = ActiveModel {
        tenant_id: NotSet,
        id: Set(cycle.id.0),
        region: Set(cycle.owner.region().as_str().to_owned()),
        unit_id: Set(cycle.owner.unit().map(Uuid::from)),
        population: Set(cycle.population.as_ref().map(write).transpose()?),
        attribution_id: Set(None),
        name: Set(cycle.name.clone()),
        period_from: Set(cycle.period.from().to_string()),
        period_to: Set(cycle.period.to().to_string()),
        scheme_id: Set(cycle.scheme.0),
        scheme_version: Set(count(cycle.scheme_version)?),
        policy: Set(write(&cycle.policy)?),
        state: Set(cycle.state.to_string()),
        run_id: Set(cycle.run),
        done: Set(count(cycle.done)?),
        total: Set(count(cycle.total)?),
        step: Set(cycle.step.to_string()),
        failure: Set(None),
        summary: Set(None),
        corrects_id: Set(cycle.corrects.as_ref().map(|corrects| corrects.cycle.0)),
        reason: Set(cycle.corrects.as_ref().map(|corrects| corrects.reason.clone())),
        result_version: Set(None),
        published_at: Set(None),
        version: Set(cycle.version),
        recorded_at: Set(to_db(ctx.now())),
    };
    Ok(work.insert(row).await?)
}

/// A cycle of a unit that the caller reaches, or one of these.
pub async fn find<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>, id: CycleId, also: &[CycleId]) -> Result<Cycle> {
    let also: Vec<Uuid> = also.iter().map(|cycle| cycle.0).collect();
    let found = tx.select::<Entity>().within_or(plan, Column::Id.is_in(also)).filter(Column::Id.eq(id.0)).one().await?;
    found.ok_or_else(|| Error::not_found("cycle", id))?.try_into()
}

/// A cycle, for the service's own work.
pub async fn load(tx: &ScopedTx, id: CycleId) -> Result<Cycle> {
    let found = tx.select::<Entity>().filter(Column::Id.eq(id.0)).one().await?;
    found.ok_or_else(|| Error::not_found("cycle", id))?.try_into()
}

/// Cycles, for the service's own work: those of these that are there.
pub async fn of_ids(tx: &ScopedTx, ids: &[CycleId]) -> Result<Vec<Cycle>> {
    let rows = tx.select::<Entity>().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all().await?;
    rows.into_iter().map(Cycle::try_from).collect()
}

/// A cycle that nobody else changes until the unit ends.
pub async fn lock(work: &UnitOfWork, id: CycleId) -> Result<Cycle> {
    let found = work.select::<Entity>().filter(Column::Id.eq(id.0)).for_update().one().await?;
    found.ok_or_else(|| Error::not_found("cycle", id))?.try_into()
}

/// Writes a changed cycle; its version has moved on by one.
pub async fn save(work: &UnitOfWork, cycle: &Cycle) -> Result<()> {
    let failure = cycle.failure.as_ref().map(write).transpose()?;
    let summary = cycle.summary.as_ref().map(write).transpose()?;
    let before = Column::Id.eq(cycle.id.0).and(Column::Version.eq(cycle.version - 1));
    work.update::<Entity>()
        .set(Column::Name, cycle.name.clone())
        .set(Column::Population, cycle.population.as_ref().map(write).transpose()?)
        .set(Column::SchemeId, cycle.scheme.0)
        .set(Column::Policy, write(&cycle.policy)?)
        .set(Column::State, cycle.state.to_string())
        .set(Column::RunId, cycle.run)
        .set(Column::AttributionId, cycle.attribution.map(Uuid::from))
        .set(Column::Done, count(cycle.done)?)
        .set(Column::Total, count(cycle.total)?)
        .set(Column::Step, cycle.step.to_string())
        .set(Column::Failure, failure)
        .set(Column::Summary, summary)
        .set(Column::SchemeVersion, count(cycle.scheme_version)?)
        .set(Column::Reason, cycle.corrects.as_ref().map(|corrects| corrects.reason.clone()))
        .set(Column::ResultVersion, cycle.published.map(|published| count(published.version)).transpose()?)
        .set(Column::PublishedAt, cycle.published.map(|published| to_db(published.at)))
        .set(Column::Version, cycle.version)
        .filter(before)
        .exec_one()
        .await?;
    Ok(())
}

fn closing() -> sea_orm::sea_query::Expr {
    Column::State.eq(State::Closing.to_string())
}

fn waiting_for(attribution: AttributionRunId) -> sea_orm::sea_query::Expr {
    Column::AttributionId.eq(attribution.0).and(closing())
}

/// The cycles that wait for a run, each with its attempt at closing.
pub async fn waiting(work: &UnitOfWork, attribution: AttributionRunId) -> Result<Vec<(CycleId, Uuid)>> {
    let rows =
        work.select::<Entity>().filter(waiting_for(attribution)).order_by_asc(Column::Id).for_update().all().await?;
    Ok(rows.into_iter().filter_map(|row| Some((CycleId(row.id), row.run_id?))).collect())
}

/// Tells how far the run is that cycles wait for.
pub async fn progress_of_waiting(
    work: &UnitOfWork,
    attribution: AttributionRunId,
    step: Step,
    total: Option<u32>,
) -> Result<()> {
    let mut update = work.update::<Entity>().set(Column::Step, step.to_string());
    if let Some(total) = total {
        update = update.set(Column::Done, 0).set(Column::Total, count(total)?);
    }
    update.filter(waiting_for(attribution)).exec().await?;
    Ok(())
}

/// Tells that one more item of the run is done that cycles wait for.
pub async fn advance_waiting(work: &UnitOfWork, attribution: AttributionRunId) -> Result<()> {
    let update = work.update::<Entity>().set_expr(Column::Done, Expr::col(Column::Done).add(1));
    update.filter(waiting_for(attribution)).exec().await?;
    Ok(())
}

/// Whether some other cycle scores, or scored, from a run.
pub async fn scored_from(tx: &ScopedTx, attribution: AttributionRunId, but: CycleId) -> Result<bool> {
    let others = Column::AttributionId.eq(attribution.0).and(Column::Id.ne(but.0));
    Ok(tx.select::<Entity>().filter(others).count().await? > 0)
}

/// Tells what an attempt does.
pub async fn step(work: &UnitOfWork, id: CycleId, run: Uuid, step: Step) -> Result<()> {
    let counts = Column::Id.eq(id.0).and(Column::RunId.eq(run)).and(closing());
    work.update::<Entity>().set(Column::Step, step.to_string()).filter(counts).exec().await?;
    Ok(())
}

/// Whether a run still counts.
pub async fn counts(tx: &ScopedTx, id: CycleId, run: Uuid) -> Result<bool> {
    let same = Column::Id.eq(id.0).and(Column::RunId.eq(run)).and(closing());
    Ok(tx.select::<Entity>().filter(same).count().await? == 1)
}

/// A page of the cycles of units that the caller reaches, and of these besides, newest first.
pub async fn page<R: Rpc>(
    tx: &ScopedTx,
    plan: &Plan<R>,
    also: &[CycleId],
    page: &Page,
) -> Result<(Vec<Cycle>, String)> {
    let also: Vec<Uuid> = also.iter().map(|cycle| cycle.0).collect();
    let (rows, next) =
        tx.select::<Entity>().within_or(plan, Column::Id.is_in(also)).page_desc(page, [Column::Id]).await?;
    Ok((rows.into_iter().map(Cycle::try_from).collect::<Result<_>>()?, next))
}

/// The cycles that end on a day or after it, without corrections; all of them where none is named. For the service's own work.
pub async fn since(tx: &ScopedTx, day: Option<Date>) -> Result<Vec<Cycle>> {
    let rows = tx.select::<Entity>().filter(ends_since(day)).filter(Column::CorrectsId.is_null()).all().await?;
    rows.into_iter().map(Cycle::try_from).collect()
}

/// Which of the cycles that end on a day or after it are of units that the caller reaches, with these besides.
pub async fn seen_since<R: Rpc>(
    tx: &ScopedTx,
    plan: &Plan<R>,
    also: &[CycleId],
    day: Option<Date>,
) -> Result<BTreeSet<CycleId>> {
    let also: Vec<Uuid> = also.iter().map(|cycle| cycle.0).collect();
    let mine = tx.select::<Entity>().within_or(plan, Column::Id.is_in(also)).filter(ends_since(day));
    let seen: Vec<Uuid> = mine.rows(|rows| rows.column(Column::Id)).await?;
    Ok(seen.into_iter().map(CycleId).collect())
}

/// Days are kept as text, in an order that is theirs.
fn ends_since(day: Option<Date>) -> Condition {
    Condition::all().add_option(day.map(|day| Column::PeriodTo.gte(day.to_string())))
}

/// Whether a plan reaches whose a cycle is that scores by a version of a scheme.
pub async fn one_scored_by<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>, scheme: SchemeId, version: u32) -> Result<bool> {
    let same = Column::SchemeId.eq(scheme.0).and(Column::SchemeVersion.eq(version));
    Ok(tx.select::<Entity>().within(plan).filter(same).limit(1).one().await?.is_some())
}

/// The cycles that score by a version of a scheme.
pub async fn scored_by(tx: &ScopedTx, scheme: SchemeId, version: u32) -> Result<Vec<CycleId>> {
    let same = Column::SchemeId.eq(scheme.0).and(Column::SchemeVersion.eq(version));
    Ok(tx.select::<Entity>().filter(same).all().await?.into_iter().map(|row| CycleId(row.id)).collect())
}
