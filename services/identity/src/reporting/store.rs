//! Reporting lines.

use jiff::Timestamp;
use jiff::civil::Date;
use sea_orm::ColumnTrait as _;
use tally_access::{OpContext, Plan, Rpc};
use tally_kernel::dated::Succession;
use tally_kernel::id::{OrgUnitId, PersonId, ReportingLineId};
use tally_kernel::page::Page;
use tally_store::{ScopedTx, StoreError, UnitOfWork, among, date_from_db, date_to_db, dated, to_db, word_from_db};

use super::domain::Line;

pub(crate) mod lines {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "reporting_lines")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        /// This version of the fact.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub unit_id: Uuid,
        pub person_id: Uuid,
        pub manager_id: Uuid,
        pub line_id: Uuid,
        pub kind: String,
        pub valid_from: Date,
        pub valid_to: Option<Date>,
        pub superseded_at: Option<DateTimeUtc>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, person: PersonId });
    tally_store::dated!(Entity);
}

/// What a list of lines is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Only lines of this person.
    pub(crate) person: Option<PersonId>,
    /// Only lines to this manager.
    pub(crate) manager: Option<PersonId>,
    /// Only lines that hold on this day.
    pub(crate) day: Date,
    /// As it was known then, or is now.
    pub(crate) known_at: Option<Timestamp>,
}

/// The lines of these people, whatever their days.
pub(crate) async fn of(tx: &ScopedTx, people: &[PersonId]) -> Result<Vec<Line>, StoreError> {
    let of = among::<lines::Entity>(tx, lines::Column::PersonId, people.iter().copied());
    let rows = tx.select::<lines::Entity>().filter(dated::known::<lines::Entity>(None).add(of)).all().await?;
    rows.into_iter().map(read).collect()
}

/// The lines to these managers that hold on a day.
pub(crate) async fn to(tx: &ScopedTx, managers: &[PersonId], day: Date) -> Result<Vec<Line>, StoreError> {
    let to = among::<lines::Entity>(tx, lines::Column::ManagerId, managers.iter().copied());
    let rows = tx.select::<lines::Entity>().filter(dated::known_on::<lines::Entity>(day, None).add(to)).all().await?;
    rows.into_iter().map(read).collect()
}

/// A line by its id: the version that is known now and holds last.
pub(crate) async fn get(tx: &ScopedTx, id: ReportingLineId) -> Result<Option<Line>, StoreError> {
    let of = dated::known::<lines::Entity>(None).add(lines::Column::LineId.eq(id.0));
    let found = tx.select::<lines::Entity>().filter(of).order_by_desc(lines::Column::ValidFrom).one().await?;
    found.map(read).transpose()
}

/// Lines that the plan reaches.
pub(crate) async fn list<R: Rpc>(
    tx: &ScopedTx,
    plan: &Plan<R>,
    wanted: Wanted,
    page: &Page,
) -> Result<(Vec<Line>, String), StoreError> {
    let mut about = dated::known_on::<lines::Entity>(wanted.day, wanted.known_at);
    if let Some(person) = wanted.person {
        about = about.add(lines::Column::PersonId.eq(person.0));
    }
    if let Some(manager) = wanted.manager {
        about = about.add(lines::Column::ManagerId.eq(manager.0));
    }
    let found = tx.select::<lines::Entity>().within(plan).filter(about);
    let (rows, next) = found.page_asc(page, [lines::Column::RecordedAt, lines::Column::Id]).await?;
    Ok((rows.into_iter().map(read).collect::<Result<_, _>>()?, next))
}

/// Closes versions as "known until now", and writes those known from `now` on.
pub(crate) async fn change(
    work: &UnitOfWork,
    ctx: &OpContext,
    now: Timestamp,
    new: &Succession<Line>,
) -> Result<(), StoreError> {
    dated::supersede::<lines::Entity>(work, &new.closes, now).await?;
    let rows = new.writes.iter().map(|line| lines::Model {
        tenant_id: ctx.tenant().0,
        id: line.row,
        region: line.region.to_string(),
        unit_id: line.unit.0,
        person_id: line.person.0,
        manager_id: line.manager.0,
        line_id: line.id.0,
        kind: line.kind.to_string(),
        valid_from: date_to_db(line.from),
        valid_to: line.to.map(date_to_db),
        superseded_at: None,
        recorded_at: to_db(now),
    });
    work.insert_many(rows.collect::<Vec<_>>()).await.map(drop)
}

fn read(row: lines::Model) -> Result<Line, StoreError> {
    let kind = word_from_db("a kind of line", &row.kind)?;
    Ok(Line {
        row: row.id,
        id: ReportingLineId(row.line_id),
        person: PersonId(row.person_id),
        manager: PersonId(row.manager_id),
        kind,
        region: word_from_db("a region", &row.region)?,
        unit: OrgUnitId(row.unit_id),
        from: date_from_db(row.valid_from)?,
        to: row.valid_to.map(date_from_db).transpose()?,
    })
}
