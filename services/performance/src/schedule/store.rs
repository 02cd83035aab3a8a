//! Rows of schedules and of their runs.

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{ColumnTrait as _, ExprTrait as _};
use tally_access::{OpContext, Owner, Plan, Rpc};
use tally_kernel::id::{CycleId, PrincipalId};
use tally_kernel::page::Page;
use tally_kernel::time::Period;
use tally_kernel::{Error, Result};
use tally_store::{ScopedTx, UnitOfWork, from_db, owner_from_db, to_db, word_from_db};
use uuid::Uuid;

use super::domain::{Run, Said, Schedule, State};
use crate::columns::{period, read, write};

pub mod schedule {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "schedules")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub unit_id: Option<Uuid>,
        pub said: String,
        pub maker_id: Uuid,
        pub next_from: String,
        pub next_to: String,
        pub next_at: DateTimeUtc,
        pub failure: Option<String>,
        pub deleted: bool,
        pub version: i64,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId });
}

pub mod run {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "schedule_runs")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub unit_id: Option<Uuid>,
        pub schedule_id: Uuid,
        pub name: String,
        pub period_from: String,
        pub period_to: String,
        pub state: String,
        pub attempt: i32,
        pub due_at: DateTimeUtc,
        pub next_at: Option<DateTimeUtc>,
        pub cycle_id: Option<Uuid>,
        pub log: String,
        pub failure: Option<String>,
        pub version: i64,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId });
}

impl TryFrom<schedule::Model> for Schedule {
    type Error = Error;
    fn try_from(row: schedule::Model) -> Result<Self> {
        Ok(Self {
            id: row.id,
            owner: owner_from_db(&row.region, row.unit_id)?,
            said: read(&row.said)?,
            maker: PrincipalId(row.maker_id),
            next: period(&row.next_from, &row.next_to)?,
            next_at: from_db(row.next_at)?,
            failure: row.failure.as_deref().map(read).transpose()?,
            deleted: row.deleted,
            version: row.version,
        })
    }
}

impl TryFrom<run::Model> for Run {
    type Error = Error;
    fn try_from(row: run::Model) -> Result<Self> {
        Ok(Self {
            id: row.id,
            schedule: row.schedule_id,
            owner: owner_from_db(&row.region, row.unit_id)?,
            name: row.name,
            period: period(&row.period_from, &row.period_to)?,
            state: word_from_db("the state of a schedule's run", &row.state)?,
            attempt: row.attempt,
            due_at: from_db(row.due_at)?,
            next_at: row.next_at.map(from_db).transpose()?,
            cycle: row.cycle_id.map(CycleId),
            log: read(&row.log)?,
            failure: row.failure.as_deref().map(read).transpose()?,
            version: row.version,
        })
    }
}

pub async fn insert(work: &UnitOfWork, ctx: &OpContext, schedule: &Schedule) -> Result<()> {
    let row = schedule::ActiveModel {
        tenant_id: NotSet,
        id: Set(schedule.id),
        region: Set(schedule.owner.region().as_str().to_owned()),
        unit_id: Set(schedule.owner.unit().map(Uuid::from)),
        said: Set(write(&schedule.said)?),
        maker_id: Set(schedule.maker.0),
        next_from: Set(schedule.next.from().to_string()),
        next_to: Set(schedule.next.to().to_string()),
        next_at: Set(to_db(schedule.next_at)),
        failure: Set(None),
        deleted: Set(schedule.deleted),
        version: Set(schedule.version),
        recorded_at: Set(to_db(ctx.now())),
    };
    Ok(work.insert(row).await?)
}

/// Writes a changed schedule; its version has moved on by one.
pub async fn save(work: &UnitOfWork, schedule: &Schedule) -> Result<()> {
    use schedule::Column;
    work.update::<schedule::Entity>()
        .set(Column::Said, write(&schedule.said)?)
        .set(Column::MakerId, schedule.maker.0)
        .set(Column::NextFrom, schedule.next.from().to_string())
        .set(Column::NextTo, schedule.next.to().to_string())
        .set(Column::NextAt, to_db(schedule.next_at))
        .set(Column::Failure, schedule.failure.as_ref().map(write).transpose()?)
        .set(Column::Deleted, schedule.deleted)
        .set(Column::Version, schedule.version)
        .filter(Column::Id.eq(schedule.id).and(Column::Version.eq(schedule.version - 1)))
        .exec_one()
        .await?;
    Ok(())
}

/// A schedule that the caller may read.
pub async fn find<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>, id: Uuid) -> Result<Schedule> {
    let found = tx.select::<schedule::Entity>().within(plan).filter(schedule::Column::Id.eq(id)).one().await?;
    found.filter(|row| !row.deleted).ok_or_else(|| Error::not_found("schedule", id))?.try_into()
}

/// A schedule, also one that was deleted, for the service's own work and for calls that are repeated.
pub async fn known(tx: &ScopedTx, id: Uuid) -> Result<Schedule> {
    let found = tx.select::<schedule::Entity>().filter(schedule::Column::Id.eq(id)).one().await?;
    found.ok_or_else(|| Error::not_found("schedule", id))?.try_into()
}

/// A schedule that nobody else changes until the unit ends, also one that was deleted.
pub async fn lock(work: &UnitOfWork, id: Uuid) -> Result<Schedule> {
    let found = work.select::<schedule::Entity>().filter(schedule::Column::Id.eq(id)).for_update().one().await?;
    found.ok_or_else(|| Error::not_found("schedule", id))?.try_into()
}

/// The schedule of an owner that says the same in every respect.
pub async fn same(tx: &ScopedTx, owner: &Owner, said: &Said) -> Result<Option<Uuid>> {
    use schedule::Column;
    let mine = owner.unit().map_or_else(|| Column::UnitId.is_null(), |unit| Column::UnitId.eq(unit.0));
    let same = mine.and(Column::Said.eq(write(said)?)).and(Column::Deleted.eq(false));
    let found = tx.select::<schedule::Entity>().filter(same).one().await?;
    Ok(found.map(|row| row.id))
}

/// A page of schedules, newest first.
pub async fn page<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>, page: &Page) -> Result<(Vec<Schedule>, String)> {
    use schedule::Column;
    let rows = tx.select::<schedule::Entity>().within(plan).filter(Column::Deleted.eq(false));
    let (rows, next) = rows.page_desc(page, [Column::Id]).await?;
    Ok((rows.into_iter().map(Schedule::try_from).collect::<Result<_>>()?, next))
}

pub async fn insert_run(work: &UnitOfWork, ctx: &OpContext, run: &Run) -> Result<()> {
    let row = run::ActiveModel {
        tenant_id: NotSet,
        id: Set(run.id),
        region: Set(run.owner.region().as_str().to_owned()),
        unit_id: Set(run.owner.unit().map(Uuid::from)),
        schedule_id: Set(run.schedule),
        name: Set(run.name.clone()),
        period_from: Set(run.period.from().to_string()),
        period_to: Set(run.period.to().to_string()),
        state: Set(run.state.to_string()),
        attempt: Set(run.attempt),
        due_at: Set(to_db(run.due_at)),
        next_at: Set(run.next_at.map(to_db)),
        cycle_id: Set(run.cycle.map(Uuid::from)),
        log: Set(write(&run.log)?),
        failure: Set(None),
        version: Set(run.version),
        recorded_at: Set(to_db(ctx.now())),
    };
    Ok(work.insert(row).await?)
}

/// Writes a changed run; its version has moved on by one.
pub async fn save_run(work: &UnitOfWork, run: &Run) -> Result<()> {
    use run::Column;
    work.update::<run::Entity>()
        .set(Column::State, run.state.to_string())
        .set(Column::Attempt, run.attempt)
        .set(Column::NextAt, run.next_at.map(to_db))
        .set(Column::CycleId, run.cycle.map(Uuid::from))
        .set(Column::Log, write(&run.log)?)
        .set(Column::Failure, run.failure.as_ref().map(write).transpose()?)
        .set(Column::Version, run.version)
        .filter(Column::Id.eq(run.id).and(Column::Version.eq(run.version - 1)))
        .exec_one()
        .await?;
    Ok(())
}

/// A run, as it is now.
pub async fn load_run(tx: &ScopedTx, id: Uuid) -> Result<Run> {
    let found = tx.select::<run::Entity>().filter(run::Column::Id.eq(id)).one().await?;
    found.ok_or_else(|| Error::not_found("run of a schedule", id))?.try_into()
}

/// A run that nobody else changes until the unit ends.
pub async fn lock_run(work: &UnitOfWork, id: Uuid) -> Result<Run> {
    let found = work.select::<run::Entity>().filter(run::Column::Id.eq(id)).for_update().one().await?;
    found.ok_or_else(|| Error::not_found("run of a schedule", id))?.try_into()
}

/// The run of a month, if the schedule has begun it already.
pub async fn of_month(tx: &ScopedTx, schedule: Uuid, month: Period) -> Result<Option<Run>> {
    let same = run::Column::ScheduleId.eq(schedule).and(run::Column::PeriodFrom.eq(month.from().to_string()));
    tx.select::<run::Entity>().filter(same).one().await?.map(Run::try_from).transpose()
}

/// The runs of a schedule that have not begun to close.
pub async fn stoppable(tx: &ScopedTx, schedule: Uuid) -> Result<Vec<Run>> {
    let states = [State::Looking, State::Waiting].map(|state| state.to_string());
    let waiting = run::Column::ScheduleId.eq(schedule).and(run::Column::State.is_in(states));
    let rows = tx.select::<run::Entity>().filter(waiting).all().await?;
    rows.into_iter().map(Run::try_from).collect()
}

/// A page of the runs of a schedule, the newest month first.
pub async fn page_of_runs<R: Rpc>(
    tx: &ScopedTx,
    plan: &Plan<R>,
    schedule: Uuid,
    page: &Page,
) -> Result<(Vec<Run>, String)> {
    let rows = tx.select::<run::Entity>().within(plan).filter(run::Column::ScheduleId.eq(schedule));
    let (rows, next) = rows.page_desc(page, [run::Column::PeriodFrom, run::Column::Id]).await?;
    Ok((rows.into_iter().map(Run::try_from).collect::<Result<_>>()?, next))
}
