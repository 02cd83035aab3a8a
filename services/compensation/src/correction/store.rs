//! The table of corrections. What one comes to is sealed.

pub mod adjustments;
pub mod deltas;

use std::collections::{BTreeMap, BTreeSet};

use futures::future::FutureExt as _;
use sea_orm::Set;
use tally_access::four_eyes::Hands;
use tally_access::{Owner, Permission, Plan, Rpc};
use tally_kernel::id::{CorrectionId, CycleId, PersonId, PrincipalId, SettlementId};
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_privacy::{ExportCells, Exported, with_opened};
use tally_store::orm::prelude::*;
use tally_store::{
    Conflict as _, Place, ReadTx, ScopedTx, Sealed, UnitOfWork, among, class, date_from_db, date_to_db, from_db,
    lost_race, number_from_db, owner_from_db, to_db, word_from_db,
};

use super::domain::{Filed, Reckoned, Stage, Taken};

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "pay_corrections")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub region: String,
    pub unit_id: Option<Uuid>,
    pub settlement_id: Uuid,
    pub cycle_id: Uuid,
    pub number: i64,
    pub cards_version: i64,
    pub stage: String,
    #[serde(skip)]
    pub reckoned: Sealed<class::Salary, Reckoned>,
    pub people: i64,
    pub inputs_digest: String,
    pub drafted_by: Uuid,
    pub drafted_person: Option<Uuid>,
    pub drafted_for: Option<Uuid>,
    pub approved_by: Option<Uuid>,
    pub approved_person: Option<Uuid>,
    pub approved_for: Option<Uuid>,
    pub approved_at: Option<DateTimeUtc>,
    pub withdrawn_by: Option<Uuid>,
    pub withdrawn_person: Option<Uuid>,
    pub withdrawn_for: Option<Uuid>,
    pub withdrawn_at: Option<DateTimeUtc>,
    pub recorded_at: DateTimeUtc,
    /// The last day of the cycle; nothing in a row from before days were kept.
    pub last_day: Option<Date>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, day: LastDay });

impl Exported for Entity {
    const SEALED: Option<Permission> = Some(Permission::PoolRead);

    fn tell<'t>(tx: &'t ScopedTx, row: &'t Model, opened: bool) -> ExportCells<'t> {
        with_opened(tx, row, opened, (Place::of(Column::Reckoned, row.id), &row.reckoned)).boxed()
    }
}

/// Writes a draft. Whoever drafts another of the same settlement at the same moment meets a unique key.
pub async fn insert(work: &UnitOfWork, filed: &Filed) -> Result<()> {
    let row = ActiveModel {
        id: Set(filed.id.0),
        region: Set(filed.owner.region().to_string()),
        unit_id: Set(filed.owner.unit().map(|unit| unit.0)),
        settlement_id: Set(filed.settlement.0),
        cycle_id: Set(filed.cycle.0),
        number: Set(i64::from(filed.number)),
        cards_version: Set(i64::from(filed.cards_version)),
        stage: Set(filed.stage.to_string()),
        reckoned: Set(work.seal(&Place::of(Column::Reckoned, filed.id.0), &filed.reckoned).await?),
        people: Set(i64::from(filed.people)),
        inputs_digest: Set(filed.inputs_digest.clone()),
        drafted_by: Set(filed.drafted.by.by.0),
        drafted_person: Set(filed.drafted.by.person.map(|p| p.0)),
        drafted_for: Set(filed.drafted.by.delegated_by.map(|p| p.0)),
        recorded_at: Set(to_db(filed.drafted.at)),
        last_day: Set(filed.last_day.map(date_to_db)),
        ..Default::default()
    };
    work.insert(row).await.conflict(lost_race)?;
    Ok(())
}

/// Writes where a correction stands and who brought it there.
pub async fn keep_stage(work: &UnitOfWork, filed: &Filed) -> Result<()> {
    let (approved, withdrawn) = (filed.approved, filed.withdrawn);
    work.update::<Entity>()
        .set(Column::Stage, filed.stage.to_string())
        .set(Column::ApprovedBy, approved.map(|taken| taken.by.by.0))
        .set(Column::ApprovedPerson, approved.and_then(|taken| taken.by.person).map(|p| p.0))
        .set(Column::ApprovedFor, approved.and_then(|taken| taken.by.delegated_by).map(|p| p.0))
        .set(Column::ApprovedAt, approved.map(|taken| to_db(taken.at)))
        .set(Column::WithdrawnBy, withdrawn.map(|taken| taken.by.by.0))
        .set(Column::WithdrawnPerson, withdrawn.and_then(|taken| taken.by.person).map(|p| p.0))
        .set(Column::WithdrawnFor, withdrawn.and_then(|taken| taken.by.delegated_by).map(|p| p.0))
        .set(Column::WithdrawnAt, withdrawn.map(|taken| to_db(taken.at)))
        .filter(Column::Id.eq(filed.id.0))
        .exec_one()
        .await?;
    Ok(())
}

/// One correction, for a use case that has its permit already.
pub async fn filed(tx: &ScopedTx, id: CorrectionId) -> Result<Filed> {
    found(tx, id, tx.select::<Entity>().filter(Column::Id.eq(id.0)).one().await?).await
}

/// The same, held until the unit ends.
pub async fn filed_for_update(work: &UnitOfWork, id: CorrectionId) -> Result<Filed> {
    found(work, id, work.select::<Entity>().filter(Column::Id.eq(id.0)).for_update().one().await?).await
}

/// One correction that the caller may see.
pub async fn filed_within<R: Rpc>(tx: &ReadTx, plan: &Plan<R>, id: CorrectionId) -> Result<Filed> {
    found(tx, id, tx.select::<Entity>().within(plan).filter(Column::Id.eq(id.0)).one().await?).await
}

/// All corrections of a settlement, the first of them first.
pub async fn of_settlement(tx: &ScopedTx, settlement: SettlementId) -> Result<Vec<Filed>> {
    let mine = tx.select::<Entity>().filter(Column::SettlementId.eq(settlement.0));
    let rows = mine.order_by_asc(Column::Number).all().await?;
    let mut corrections = Vec::with_capacity(rows.len());
    for row in rows {
        corrections.push(read(tx, row).await?);
    }
    Ok(corrections)
}

/// Whose settlements these corrections put right.
pub async fn owners(tx: &ScopedTx, ids: BTreeSet<CorrectionId>) -> Result<BTreeMap<CorrectionId, Owner>> {
    let these = tx.select::<Entity>().filter(among::<Entity>(tx, Column::Id, ids));
    let rows = these.rows::<(Uuid, String, Option<Uuid>)>(|rows| {
        rows.column(Column::Id).column(Column::Region).column(Column::UnitId)
    });
    let read = |(id, region, unit): (Uuid, String, _)| Ok((CorrectionId(id), owner_from_db(&region, unit)?));
    rows.await?.into_iter().map(read).collect()
}

/// These corrections.
pub async fn these(tx: &ScopedTx, ids: BTreeSet<CorrectionId>) -> Result<BTreeMap<CorrectionId, Filed>> {
    let mut corrections = BTreeMap::new();
    for id in ids {
        corrections.insert(id, filed(tx, id).await?);
    }
    Ok(corrections)
}

/// A page of corrections, newest first: of one settlement, or of all.
pub async fn page<R: Rpc>(
    tx: &ReadTx,
    plan: &Plan<R>,
    settlement: Option<SettlementId>,
    page: &Page,
) -> Result<(Vec<Filed>, String)> {
    let only = sea_orm::Condition::all().add_option(settlement.map(|id| Column::SettlementId.eq(id.0)));
    let (rows, token) = tx.select::<Entity>().within(plan).filter(only).page_desc(page, [Column::Id]).await?;
    let mut corrections = Vec::with_capacity(rows.len());
    for row in rows {
        corrections.push(read(tx, row).await?);
    }
    Ok((corrections, token))
}

async fn found(tx: &ScopedTx, id: CorrectionId, row: Option<Model>) -> Result<Filed> {
    read(tx, row.ok_or_else(|| Error::not_found("correction", id))?).await
}

async fn read(tx: &ScopedTx, row: Model) -> Result<Filed> {
    let taken = |by: Option<Uuid>, person: Option<Uuid>, delegated: Option<Uuid>, at: Option<DateTimeUtc>| {
        let by = by.map(PrincipalId).map(|by| Hands {
            by,
            person: person.map(PersonId),
            delegated_by: delegated.map(PrincipalId),
        });
        Ok::<_, Error>(by.zip(at.map(from_db).transpose()?).map(|(by, at)| Taken { by, at }))
    };
    let drafted = taken(Some(row.drafted_by), row.drafted_person, row.drafted_for, Some(row.recorded_at))?;
    let stage: Stage = word_from_db("a correction's stage", &row.stage)?;
    Ok(Filed {
        id: CorrectionId(row.id),
        settlement: SettlementId(row.settlement_id),
        owner: owner_from_db(&row.region, row.unit_id)?,
        cycle: CycleId(row.cycle_id),
        last_day: row.last_day.map(date_from_db).transpose()?,
        number: number_from_db("the number of a correction", row.number)?,
        cards_version: number_from_db("a version of cards", row.cards_version)?,
        stage,
        reckoned: tx.open(&Place::of(Column::Reckoned, row.id), &row.reckoned).await?,
        people: number_from_db("the people of a correction", row.people)?,
        inputs_digest: row.inputs_digest,
        drafted: drafted.ok_or_else(|| Error::internal("a correction that nobody drafted"))?,
        approved: taken(row.approved_by, row.approved_person, row.approved_for, row.approved_at)?,
        withdrawn: taken(row.withdrawn_by, row.withdrawn_person, row.withdrawn_for, row.withdrawn_at)?,
    })
}
