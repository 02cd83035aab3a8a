//! The table `devices`.

use jiff::Timestamp;
use tally_access::{OpContext, Plan};
use tally_kernel::id::{CorrectionId, DeviceId, PersonId};
use tally_kernel::page::Page;
use tally_kernel::time::Period;
use tally_kernel::{Error, Result};
use tally_store::orm::ActiveValue::Set;
use tally_store::orm::ExprTrait as _;
use tally_store::orm::entity::prelude::*;
use tally_store::{Conflict as _, ScopedTx, UnitOfWork, date_from_db, date_to_db, lost_race, scoped, to_db};

use super::domain::{Device, Owner};
use crate::days::{first_from_db, first_to_db};
use crate::placed::{Placed, Stored};
use crate::policy::ListDevices;
use crate::superseded::facts::{known_by, marked};

#[derive(Clone, Debug, PartialEq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "devices")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub region: String,
    pub unit_id: Option<Uuid>,
    pub device: String,
    pub person_id: Option<Uuid>,
    pub seat: Option<String>,
    pub from_date: Date,
    pub to_date: Option<Date>,
    pub recorded_at: DateTimeUtc,
    pub correction_id: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, person: PersonId, days: FromDate..ToDate });

fn read(row: Model) -> Result<Stored<Device>> {
    let owner = match (row.person_id, row.seat) {
        (Some(person), None) => Owner::Person(PersonId(person)),
        (None, Some(seat)) => Owner::Seat(seat),
        _ => return Err(Error::internal("a device that is of a person and of a seat, or of neither")),
    };
    let (from, to) = (first_from_db(row.from_date)?, row.to_date.map(date_from_db).transpose()?);
    let device = Device { device: row.device, owner, from, to };
    Stored::read(device, row.id, (&row.region, row.unit_id), row.correction_id)
}

/// Everything that is or was said of these devices.
pub(crate) async fn named(tx: &ScopedTx, devices: Vec<String>) -> Result<Vec<Stored<Device>>> {
    let rows = tx.select::<Entity>().filter(Column::Device.is_in(devices)).all().await?;
    marked(tx, rows.into_iter().map(read), None).await
}

/// What is said of devices on days of a period, as known at an instant or now.
pub(crate) async fn during(tx: &ScopedTx, period: Period, known: Option<Timestamp>) -> Result<Vec<Stored<Device>>> {
    let rows = tx.select::<Entity>().filter(Column::FromDate.lte(date_to_db(period.to())));
    let open = Column::ToDate.is_null().or(Column::ToDate.gte(date_to_db(period.from())));
    let rows = rows.filter(open).filter(known_by(Column::RecordedAt, known)).all().await?;
    marked(tx, rows.into_iter().map(read), known).await
}

/// One device, whether it counts or not.
pub(crate) async fn get(tx: &ScopedTx, id: DeviceId) -> Result<Option<Stored<Device>>> {
    let row = tx.select::<Entity>().filter(Column::Id.eq(id.0)).one().await?;
    Ok(marked(tx, row.map(read), None).await?.pop())
}

/// A page of devices by name, as known at an instant or now, with how each stands.
pub(crate) async fn page(
    tx: &ScopedTx,
    plan: &Plan<ListDevices>,
    page: &Page,
    known: Option<Timestamp>,
) -> Result<(Vec<Stored<Device>>, String)> {
    let keys = [Column::Device, Column::FromDate, Column::Id];
    let (rows, next) =
        tx.select::<Entity>().within(plan).filter(known_by(Column::RecordedAt, known)).page_asc(page, keys).await?;
    Ok((marked(tx, rows.into_iter().map(read), known).await?, next))
}

pub(crate) async fn insert(work: &UnitOfWork, ctx: &OpContext, devices: Vec<Placed<Device>>) -> Result<()> {
    work.insert_many(devices.into_iter().map(|device| row(ctx, device))).await.conflict(lost_race)?;
    Ok(())
}

/// Writes a device that a correction brings.
pub(crate) async fn correct(
    work: &UnitOfWork,
    ctx: &OpContext,
    device: Placed<Device>,
    correction: CorrectionId,
) -> Result<()> {
    work.insert(ActiveModel { correction_id: Set(Some(correction.into())), ..row(ctx, device) }).await?;
    Ok(())
}

fn row(ctx: &OpContext, Placed { home, fact }: Placed<Device>) -> ActiveModel {
    let (person, seat) = match fact.owner {
        Owner::Person(person) => (Some(person.into()), None),
        Owner::Seat(seat) => (None, Some(seat)),
    };
    ActiveModel {
        id: Set(ctx.new_id()),
        region: Set(home.region.to_string()),
        unit_id: Set(home.unit.map(Uuid::from)),
        device: Set(fact.device),
        person_id: Set(person),
        seat: Set(seat),
        from_date: Set(first_to_db(fact.from)),
        to_date: Set(fact.to.map(date_to_db)),
        recorded_at: Set(to_db(ctx.now())),
        ..Default::default()
    }
}
