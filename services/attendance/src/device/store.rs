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

use super::domain::{Device, Owner, StoredDevice};
use crate::directory::Home;
use crate::placed::{Placed, Standing, Stored};
use crate::policy::ListDevices;
use crate::superseded;
use crate::superseded::facts::{Facts, known_by, standing_of};

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

/// Stored for "from the beginning": a key cannot hold nothing.
const BEGINNING: jiff::civil::Date = jiff::civil::Date::constant(1, 1, 1);

fn read(row: Model) -> Result<StoredDevice> {
    let from = date_from_db(row.from_date)?;
    let owner = match (row.person_id, row.seat) {
        (Some(person), None) => Owner::Person(PersonId(person)),
        (None, Some(seat)) => Owner::Seat(seat),
        _ => return Err(Error::internal("a device that is of a person and of a seat, or of neither")),
    };
    let device = Device {
        device: row.device,
        owner,
        from: (from != BEGINNING).then_some(from),
        to: row.to_date.map(date_from_db).transpose()?,
    };
    let home = Home::stored(&row.region, row.unit_id)?;
    Ok(StoredDevice { id: DeviceId(row.id), placed: Placed { home, fact: device } })
}

fn stored(row: Model, out: &Facts) -> Result<Stored<Device>> {
    let (id, standing) = (row.id, standing(&row, out));
    Ok(Stored { id, placed: read(row)?.placed, standing })
}

fn standing(row: &Model, out: &Facts) -> Standing {
    standing_of(row.id, row.correction_id, out)
}

async fn all_stored(tx: &ScopedTx, rows: Vec<Model>, known: Option<Timestamp>) -> Result<Vec<Stored<Device>>> {
    let out = superseded::facts::of(tx, rows.iter().map(|row| row.id), known).await?;
    rows.into_iter().map(|row| stored(row, &out)).collect()
}

/// Everything that is or was said of these devices.
pub(crate) async fn named(tx: &ScopedTx, devices: Vec<String>) -> Result<Vec<Stored<Device>>> {
    let rows = tx.select::<Entity>().filter(Column::Device.is_in(devices)).all().await?;
    all_stored(tx, rows, None).await
}

/// What is said of devices on days of a period, as known at an instant or now.
pub(crate) async fn during(tx: &ScopedTx, period: Period, known: Option<Timestamp>) -> Result<Vec<Stored<Device>>> {
    let rows = tx.select::<Entity>().filter(Column::FromDate.lte(date_to_db(period.to())));
    let open = Column::ToDate.is_null().or(Column::ToDate.gte(date_to_db(period.from())));
    let rows = rows.filter(open).filter(known_by(Column::RecordedAt, known)).all().await?;
    all_stored(tx, rows, known).await
}

/// One device, whether it counts or not.
pub(crate) async fn get(tx: &ScopedTx, id: DeviceId) -> Result<Option<Stored<Device>>> {
    let rows = tx.select::<Entity>().filter(Column::Id.eq(id.0)).all().await?;
    Ok(all_stored(tx, rows, None).await?.into_iter().next())
}

/// A page of devices by name, as known at an instant or now, with how each stands.
pub(crate) async fn page(
    tx: &ScopedTx,
    plan: &Plan<ListDevices>,
    page: &Page,
    known: Option<Timestamp>,
) -> Result<(Vec<(StoredDevice, Standing)>, String)> {
    let keys = [Column::Device, Column::FromDate, Column::Id];
    let (rows, next) =
        tx.select::<Entity>().within(plan).filter(known_by(Column::RecordedAt, known)).page_asc(page, keys).await?;
    let out = superseded::facts::of(tx, rows.iter().map(|row| row.id), known).await?;
    let told = rows.into_iter().map(|row| {
        let standing = standing(&row, &out);
        Ok((read(row)?, standing))
    });
    Ok((told.collect::<Result<_>>()?, next))
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
        from_date: Set(date_to_db(fact.from.unwrap_or(BEGINNING))),
        to_date: Set(fact.to.map(date_to_db)),
        recorded_at: Set(to_db(ctx.now())),
        ..Default::default()
    }
}
