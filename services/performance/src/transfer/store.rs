//! Rows of the register, and of cells. A cell that was made here carries its members, sealed; one that another region told
//! has none and is of the group.

use jiff::Timestamp;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::ExprTrait as _;
use sea_orm::entity::prelude::*;
use tally_access::four_eyes::Hands;
use tally_access::{OpContext, Plan, Region, Rpc};
use tally_kernel::id::{OrgUnitId, PersonId, PrincipalId, TransferId};
use tally_kernel::page::Page;
use tally_kernel::{Error, Micro, Result};
use tally_store::{Conflict as _, Place, ScopedTx, UnitOfWork, among, from_db, to_db, word_from_db};

use super::domain::cells::{Cell, Past};
use super::domain::{Entry, Statement, Taken, ToldCell, Transfer, TransferError};

pub mod transfer {
    use sea_orm::entity::prelude::*;

    /// Something that leaves the region.
    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "transfers")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub kind: String,
        pub to_region: String,
        pub purpose: String,
        pub legal_basis: String,
        pub month: String,
        pub items: i32,
        pub stage: String,
        pub entries: Option<String>,
        pub prepared_by: Uuid,
        pub prepared_person: Option<Uuid>,
        pub prepared_for: Option<Uuid>,
        pub approved_by: Option<Uuid>,
        pub approved_person: Option<Uuid>,
        pub approved_for: Option<Uuid>,
        pub approved_at: Option<DateTimeUtc>,
        pub released_by: Option<Uuid>,
        pub released_person: Option<Uuid>,
        pub released_for: Option<Uuid>,
        pub released_at: Option<DateTimeUtc>,
        pub dropped_by: Option<Uuid>,
        pub dropped_person: Option<Uuid>,
        pub dropped_for: Option<Uuid>,
        pub dropped_at: Option<DateTimeUtc>,
        pub drop_reason: Option<String>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    tally_store::scoped!(Entity { tenant: TenantId, region: Region });
}

pub mod cell {
    use std::collections::BTreeSet;

    use sea_orm::entity::prelude::*;
    use tally_kernel::id::PersonId;
    use tally_store::{Sealed, class};

    /// A unit in a month.
    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "report_cells")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub transfer_id: Uuid,
        pub from_region: String,
        pub month: String,
        pub unit_id: Uuid,
        pub parent_id: Option<Uuid>,
        pub name: String,
        pub people: i32,
        pub credited_ppm: i64,
        pub mean_score: i64,
        #[serde(skip)]
        pub members: Option<Sealed<class::Members, BTreeSet<PersonId>>>,
        pub released_at: Option<DateTimeUtc>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    tally_store::scoped!(Entity { tenant: TenantId, region: Region });
}

/// A cell with what the store knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCell {
    pub id: Uuid,
    pub transfer: TransferId,
    /// The region that it tells of.
    pub from: String,
    /// `YYYY-MM`.
    pub month: String,
    pub cell: ToldCell,
}

impl TryFrom<cell::Model> for StoredCell {
    type Error = Error;
    fn try_from(row: cell::Model) -> Result<Self> {
        Ok(Self {
            id: row.id,
            transfer: TransferId(row.transfer_id),
            from: row.from_region,
            month: row.month,
            cell: ToldCell {
                unit: OrgUnitId(row.unit_id),
                parent: row.parent_id.map(OrgUnitId),
                name: row.name,
                people: u32::try_from(row.people).map_err(Error::internal)?,
                credited_ppm: u64::try_from(row.credited_ppm).map_err(Error::internal)?,
                mean_score: Micro::from_millionths(row.mean_score),
            },
        })
    }
}

impl TryFrom<transfer::Model> for Transfer {
    type Error = Error;
    fn try_from(row: transfer::Model) -> Result<Self> {
        let taken = |by: Option<Uuid>, person: Option<Uuid>, delegated: Option<Uuid>, at: Option<DateTimeUtc>| {
            let by = by.map(|by| Hands {
                by: PrincipalId(by),
                person: person.map(PersonId),
                delegated_by: delegated.map(PrincipalId),
            });
            Ok::<_, Error>(by.zip(at.map(from_db).transpose()?).map(|(by, at)| Taken { by, at }))
        };
        let unknown = |text: &str| Error::internal(format_args!("a transfer that is {text:?}"));
        let prepared = taken(Some(row.prepared_by), row.prepared_person, row.prepared_for, Some(row.recorded_at))?;
        Ok(Self {
            id: TransferId(row.id),
            kind: word_from_db("a transfer's kind", &row.kind)?,
            from: word_from_db("a region", &row.region)?,
            to: word_from_db("a region", &row.to_region)?,
            purpose: row.purpose,
            legal_basis: row.legal_basis,
            month: row.month,
            items: u32::try_from(row.items).map_err(Error::internal)?,
            stage: word_from_db("a transfer's stage", &row.stage)?,
            prepared: prepared.ok_or_else(|| unknown("prepared by nobody"))?,
            approved: taken(row.approved_by, row.approved_person, row.approved_for, row.approved_at)?,
            released: taken(row.released_by, row.released_person, row.released_for, row.released_at)?,
            dropped: taken(row.dropped_by, row.dropped_person, row.dropped_for, row.dropped_at)?.zip(row.drop_reason),
        })
    }
}

/// Enters a prepared transfer; `entries` are those of a directory.
pub async fn insert(work: &UnitOfWork, transfer: &Transfer, entries: Option<&[Entry]>) -> Result<()> {
    let row = transfer::ActiveModel {
        tenant_id: NotSet,
        id: Set(transfer.id.0),
        region: Set(transfer.from.to_string()),
        kind: Set(transfer.kind.to_string()),
        to_region: Set(transfer.to.to_string()),
        purpose: Set(transfer.purpose.clone()),
        legal_basis: Set(transfer.legal_basis.clone()),
        month: Set(transfer.month.clone()),
        items: Set(i32::try_from(transfer.items).map_err(Error::internal)?),
        stage: Set(transfer.stage.to_string()),
        entries: Set(entries.map(serde_json::to_string).transpose().map_err(Error::internal)?),
        prepared_by: Set(transfer.prepared.by.by.0),
        prepared_person: Set(transfer.prepared.by.person.map(Uuid::from)),
        prepared_for: Set(transfer.prepared.by.delegated_by.map(Uuid::from)),
        approved_by: Set(None),
        approved_person: Set(None),
        approved_for: Set(None),
        approved_at: Set(None),
        released_by: Set(None),
        released_person: Set(None),
        released_for: Set(None),
        released_at: Set(None),
        dropped_by: Set(None),
        dropped_person: Set(None),
        dropped_for: Set(None),
        dropped_at: Set(None),
        drop_reason: Set(None),
        recorded_at: Set(to_db(transfer.prepared.at)),
    };
    Ok(work.insert(row).await?)
}

/// Writes the cells of a prepared report.
pub async fn insert_cells(work: &UnitOfWork, ctx: &OpContext, transfer: &Transfer, cells: &[Cell]) -> Result<()> {
    let mut rows = Vec::with_capacity(cells.len());
    for cell in cells {
        let (id, told) = (ctx.new_id(), ToldCell::from(cell));
        let members = work.seal(&Place::of(cell::Column::Members, id), &cell.members).await?;
        let row = row(id, transfer.id, &transfer.from, &transfer.month, &told, ctx.now())?;
        rows.push(cell::ActiveModel { region: Set(transfer.from.to_string()), members: Set(Some(members)), ..row });
    }
    work.insert_many(rows).await?;
    Ok(())
}

/// Writes the cells that another region told: they are of the group.
pub async fn take_in(
    work: &UnitOfWork,
    ctx: &OpContext,
    told: &Statement,
    month: &str,
    cells: &[ToldCell],
) -> Result<()> {
    let row = |cell| row(ctx.new_id(), told.transfer, &told.from, month, cell, ctx.now());
    let rows = cells.iter().map(|cell| {
        let released_at = Set(Some(to_db(told.released_at)));
        Ok(cell::ActiveModel { released_at, ..row(cell)? })
    });
    let rows = rows.collect::<Result<Vec<_>>>()?;
    work.insert_many(rows).await.conflict(|| TransferError::ImportedAlready.into())?;
    Ok(())
}

fn row(
    id: Uuid,
    transfer: TransferId,
    from: &Region,
    month: &str,
    cell: &ToldCell,
    now: Timestamp,
) -> Result<cell::ActiveModel> {
    Ok(cell::ActiveModel {
        tenant_id: NotSet,
        id: Set(id),
        region: Set(Region::GLOBAL.to_owned()),
        transfer_id: Set(transfer.0),
        from_region: Set(from.to_string()),
        month: Set(month.to_owned()),
        unit_id: Set(cell.unit.0),
        parent_id: Set(cell.parent.map(Uuid::from)),
        name: Set(cell.name.clone()),
        people: Set(i32::try_from(cell.people).map_err(Error::internal)?),
        credited_ppm: Set(i64::try_from(cell.credited_ppm).map_err(Error::internal)?),
        mean_score: Set(cell.mean_score.millionths()),
        members: Set(None),
        released_at: Set(None),
        recorded_at: Set(to_db(now)),
    })
}

/// A transfer, for its own steps: nobody else changes it until the unit ends.
pub async fn lock(work: &UnitOfWork, id: TransferId) -> Result<Transfer> {
    let found = work.select::<transfer::Entity>().filter(transfer::Column::Id.eq(id.0)).for_update().one().await?;
    found.ok_or(TransferError::Unknown(id))?.try_into()
}

/// Writes how far a transfer has come.
pub async fn save(work: &UnitOfWork, transfer: &Transfer) -> Result<()> {
    let (approved, released) = (transfer.approved, transfer.released);
    let (dropped, why) = transfer.dropped.clone().unzip();
    let account = |step: Option<Taken>| step.map(|step| step.by.by.0);
    let person = |step: Option<Taken>| step.and_then(|step| step.by.person).map(Uuid::from);
    let delegator = |step: Option<Taken>| step.and_then(|step| step.by.delegated_by).map(Uuid::from);
    let at = |step: Option<Taken>| step.map(|step| to_db(step.at));
    work.update::<transfer::Entity>()
        .set(transfer::Column::Stage, transfer.stage.to_string())
        .set(transfer::Column::ApprovedBy, account(approved))
        .set(transfer::Column::ApprovedPerson, person(approved))
        .set(transfer::Column::ApprovedFor, delegator(approved))
        .set(transfer::Column::ApprovedAt, at(approved))
        .set(transfer::Column::ReleasedBy, account(released))
        .set(transfer::Column::ReleasedPerson, person(released))
        .set(transfer::Column::ReleasedFor, delegator(released))
        .set(transfer::Column::ReleasedAt, at(released))
        .set(transfer::Column::DroppedBy, account(dropped))
        .set(transfer::Column::DroppedPerson, person(dropped))
        .set(transfer::Column::DroppedFor, delegator(dropped))
        .set(transfer::Column::DroppedAt, at(dropped))
        .set(transfer::Column::DropReason, why)
        .filter(transfer::Column::Id.eq(transfer.id.0))
        .exec_one()
        .await?;
    let mine = cell::Column::TransferId.eq(transfer.id.0).and(cell::Column::Members.is_not_null());
    let cells = work.update::<cell::Entity>().set(cell::Column::ReleasedAt, at(released));
    cells.filter(mine).exec().await?;
    Ok(())
}

/// The cells of a transfer that was prepared here, by unit, with their members.
pub async fn cells_of(tx: &ScopedTx, transfer: TransferId) -> Result<Vec<Cell>> {
    let mine = cell::Column::TransferId.eq(transfer.0).and(cell::Column::Members.is_not_null());
    let rows = tx.select::<cell::Entity>().filter(mine).order_by_asc(cell::Column::UnitId).all().await?;
    let mut cells = Vec::with_capacity(rows.len());
    for row in rows {
        let members = members(tx, &row).await?;
        let told = StoredCell::try_from(row)?.cell;
        let ToldCell { unit, parent, name, people: _, credited_ppm, mean_score } = told;
        cells.push(Cell { unit, parent, name, members, credited_ppm, mean_score });
    }
    Ok(cells)
}

/// What other transfers released about a region's month.
pub async fn released(tx: &ScopedTx, from: &Region, month: &str, but: Option<TransferId>) -> Result<Vec<Past>> {
    let about = cell::Column::FromRegion.eq(from.as_str()).and(cell::Column::Month.eq(month));
    let made_here = cell::Column::ReleasedAt.is_not_null().and(cell::Column::Members.is_not_null());
    let rows = tx.select::<cell::Entity>().filter(about.and(made_here)).all().await?;
    let mut past = Vec::new();
    for row in rows.iter().filter(|row| but.is_none_or(|but| row.transfer_id != but.0)) {
        past.push(Past { unit: OrgUnitId(row.unit_id), members: members(tx, row).await? });
    }
    Ok(past)
}

async fn members(tx: &ScopedTx, row: &cell::Model) -> Result<std::collections::BTreeSet<tally_kernel::id::PersonId>> {
    let sealed = row.members.as_ref().ok_or_else(|| Error::internal("a cell of our own without its members"))?;
    Ok(tx.open(&Place::of(cell::Column::Members, row.id), sealed).await?)
}

/// The entries of a directory that was prepared here.
pub async fn entries_of(tx: &ScopedTx, id: TransferId) -> Result<Vec<Entry>> {
    let found = tx.select::<transfer::Entity>().filter(transfer::Column::Id.eq(id.0)).one().await?;
    let entries = found.and_then(|row| row.entries).ok_or_else(|| Error::internal("a directory without entries"))?;
    serde_json::from_str(&entries).map_err(Error::internal)
}

/// A page of the register, newest first.
pub async fn page<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>, page: &Page) -> Result<(Vec<Transfer>, String)> {
    let (rows, next) = tx.select::<transfer::Entity>().within(plan).page_desc(page, [transfer::Column::Id]).await?;
    Ok((rows.into_iter().map(Transfer::try_from).collect::<Result<_>>()?, next))
}

/// A page of cells, oldest first: those of a transfer, or all that left or came in.
pub async fn cells<R: Rpc>(
    tx: &ScopedTx,
    plan: &Plan<R>,
    of: Option<TransferId>,
    page: &Page,
) -> Result<(Vec<StoredCell>, String)> {
    let wanted = match of {
        Some(transfer) => among::<cell::Entity>(tx, cell::Column::TransferId, [transfer.0]),
        None => sea_orm::Condition::all().add(cell::Column::ReleasedAt.is_not_null()),
    };
    let found = tx.select::<cell::Entity>().within(plan).filter(wanted);
    let (rows, next) = found.page_asc(page, [cell::Column::Id]).await?;
    Ok((rows.into_iter().map(StoredCell::try_from).collect::<Result<_>>()?, next))
}
