//! The settlements and carry books tables. Sums and balances are sealed: the database never adds them, code checks them.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::FutureExt as _;
use sea_orm::{Condition, Set};
use tally_access::four_eyes::Hands;
use tally_access::{Moment, OpContext, Owner, Permission, Plan, Rpc, Target};
use tally_kernel::id::{CycleId, PersonId, PoolId, PrincipalId, SettlementId};
use tally_kernel::money::Currency;
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_privacy::{ExportCells, Exported, with_opened};
use tally_store::orm::prelude::*;
use tally_store::{
    Conflict as _, Place, ReadTx, ScopedTx, Sealed, UnitOfWork, among, class, date_from_db, date_to_db, from_db,
    number_from_db, owner_from_db, to_db, word_from_db,
};

use super::domain::{CarryBook, Filed, SettlementError, Stage, Sums};

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "settlements")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub region: String,
    pub unit_id: Option<Uuid>,
    pub pool_id: Uuid,
    pub cycle_id: Uuid,
    pub stage: String,
    #[serde(skip)]
    pub sums: Sealed<class::Salary, Sums>,
    pub people: i64,
    pub inputs_digest: String,
    pub prepared_by: Uuid,
    pub prepared_person: Option<Uuid>,
    pub prepared_for: Option<Uuid>,
    pub approved_by: Option<Uuid>,
    pub approved_person: Option<Uuid>,
    pub approved_for: Option<Uuid>,
    pub posted_by: Option<Uuid>,
    pub posted_person: Option<Uuid>,
    pub posted_for: Option<Uuid>,
    pub recorded_at: DateTimeUtc,
    /// The last day of the cycle; nothing in a row from before days were kept.
    pub last_day: Option<Date>,
    pub approved_at: Option<DateTimeUtc>,
    pub posted_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, day: LastDay });

impl Exported for Entity {
    const SEALED: Option<Permission> = Some(Permission::PoolRead);

    fn tell<'t>(tx: &'t ScopedTx, row: &'t Model, opened: bool) -> ExportCells<'t> {
        with_opened(tx, row, opened, (Place::of(Column::Sums, row.id), &row.sums)).boxed()
    }
}

impl Exported for carry::Entity {
    fn tell<'t>(tx: &'t ScopedTx, row: &'t carry::Model, opened: bool) -> ExportCells<'t> {
        with_opened(tx, row, opened, (Place::of(carry::Column::Book, row.id), &row.book)).boxed()
    }
}

/// What earlier settlements left everybody owed, a book for each owner and currency.
pub mod carry {
    use super::{CarryBook, Sealed, class};
    use tally_store::orm::prelude::*;

    /// A row of the table.
    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "carry_books")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub unit_id: Option<Uuid>,
        pub currency: String,
        #[serde(skip)]
        pub book: Sealed<class::Salary, CarryBook>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId });
}

pub async fn insert(work: &UnitOfWork, filed: &Filed) -> Result<()> {
    let row = ActiveModel {
        id: Set(filed.id.0),
        region: Set(filed.owner.region().to_string()),
        unit_id: Set(filed.owner.unit().map(|unit| unit.0)),
        pool_id: Set(filed.pool.0),
        cycle_id: Set(filed.cycle.0),
        stage: Set(filed.stage.to_string()),
        sums: Set(work.seal(&Place::of(Column::Sums, filed.id.0), &filed.sums).await?),
        people: Set(i64::from(filed.people)),
        inputs_digest: Set(filed.inputs_digest.clone()),
        prepared_by: Set(filed.prepared.by.0),
        prepared_person: Set(filed.prepared.person.map(|p| p.0)),
        prepared_for: Set(filed.prepared.delegated_by.map(|p| p.0)),
        approved_by: Set(None),
        approved_person: Set(None),
        approved_for: Set(None),
        posted_by: Set(None),
        posted_person: Set(None),
        posted_for: Set(None),
        recorded_at: Set(to_db(filed.prepared_at)),
        last_day: Set(filed.last_day.map(date_to_db)),
        ..Default::default()
    };
    work.insert(row).await?;
    Ok(())
}

/// Writes where a settlement stands and who brought it there.
pub async fn keep_stage(work: &UnitOfWork, filed: &Filed) -> Result<()> {
    work.update::<Entity>()
        .set(Column::Stage, filed.stage.to_string())
        .set(Column::ApprovedBy, filed.approved.map(|hands| hands.by.0))
        .set(Column::ApprovedPerson, filed.approved.and_then(|hands| hands.person).map(|p| p.0))
        .set(Column::ApprovedFor, filed.approved.and_then(|hands| hands.delegated_by).map(|p| p.0))
        .set(Column::ApprovedAt, filed.approved_at.map(to_db))
        .set(Column::PostedAt, filed.posted_at.map(to_db))
        .set(Column::PostedBy, filed.posted.map(|hands| hands.by.0))
        .set(Column::PostedPerson, filed.posted.and_then(|hands| hands.person).map(|p| p.0))
        .set(Column::PostedFor, filed.posted.and_then(|hands| hands.delegated_by).map(|p| p.0))
        .filter(Column::Id.eq(filed.id.0))
        .exec_one()
        .await
        .conflict_on("pool_id", || SettlementError::PoolPaid(filed.pool).into())?;
    Ok(())
}

/// A pool is paid once: refused where a settlement of it is posted. Whoever posts at the same moment meets the unique key.
pub async fn must_be_unpaid(work: &UnitOfWork, pool: PoolId) -> Result<()> {
    let of_pool = work.select::<Entity>().filter(Column::PoolId.eq(pool.0));
    match of_pool.filter(Column::Stage.eq(Stage::Posted.to_string())).one().await? {
        None => Ok(()),
        Some(_) => Err(SettlementError::PoolPaid(pool).into()),
    }
}

/// What reading the whole of a settlement is decided on, if it is there.
pub async fn target(tx: &ScopedTx, id: SettlementId) -> Result<Option<Target>> {
    let row = tx.select::<Entity>().filter(Column::Id.eq(id.0)).one().await?;
    row.as_ref().map(target_of).transpose()
}

fn target_of(row: &Model) -> Result<Target> {
    let day = row.last_day.map(date_from_db).transpose()?;
    Ok(Target { moment: day.map(Moment::Day), ..owner_from_db(&row.region, row.unit_id)?.target() })
}

/// The settlements that the caller reaches, each with what that is decided on.
pub async fn reached<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>) -> Result<BTreeMap<SettlementId, Target>> {
    let rows = tx.select::<Entity>().within(plan).all().await?;
    rows.iter().map(|row| Ok((SettlementId(row.id), target_of(row)?))).collect()
}

/// Those of these settlements that were not thrown away, each with what reading the whole of it is decided on.
pub async fn standing(tx: &ScopedTx, ids: BTreeSet<SettlementId>) -> Result<BTreeMap<SettlementId, Target>> {
    let these = among::<Entity>(tx, Column::Id, ids).add(Column::Stage.ne(Stage::Discarded.to_string()));
    let rows = tx.select::<Entity>().filter(these).all().await?;
    rows.iter().map(|row| Ok((SettlementId(row.id), target_of(row)?))).collect()
}

/// One settlement, for a use case that has its permit already.
pub async fn filed(tx: &ScopedTx, id: SettlementId) -> Result<Filed> {
    found(tx, id, tx.select::<Entity>().filter(Column::Id.eq(id.0)).one().await?).await
}

/// The same, held until the unit ends, so that two people cannot change its state at once.
pub async fn filed_for_update(work: &UnitOfWork, id: SettlementId) -> Result<Filed> {
    found(work, id, work.select::<Entity>().filter(Column::Id.eq(id.0)).for_update().one().await?).await
}

/// One settlement that the caller may see.
pub async fn filed_within<R: Rpc>(tx: &ReadTx, plan: &Plan<R>, id: SettlementId) -> Result<Filed> {
    found(tx, id, tx.select::<Entity>().within(plan).filter(Column::Id.eq(id.0)).one().await?).await
}

/// A page of settlements, newest first.
pub async fn page<R: Rpc>(tx: &ReadTx, plan: &Plan<R>, page: &Page) -> Result<(Vec<Filed>, String)> {
    let (rows, token) = tx.select::<Entity>().within(plan).page_desc(page, [Column::Id]).await?;
    let mut settlements = Vec::with_capacity(rows.len());
    for row in rows {
        settlements.push(read(tx, row).await?);
    }
    Ok((settlements, token))
}

async fn found(tx: &ScopedTx, id: SettlementId, row: Option<Model>) -> Result<Filed> {
    read(tx, row.ok_or_else(|| Error::not_found("settlement", id))?).await
}

async fn read(tx: &ScopedTx, row: Model) -> Result<Filed> {
    let sums = tx.open(&Place::of(Column::Sums, row.id), &row.sums).await?;
    if sums.paid_minor.checked_add(sums.team_fund_minor()) != Some(sums.pool.minor) {
        return Err(Error::internal(format!("settlement {}: paid and funds are not the pool", row.id)));
    }
    Ok(Filed {
        id: SettlementId(row.id),
        pool: PoolId(row.pool_id),
        owner: owner_from_db(&row.region, row.unit_id)?,
        cycle: CycleId(row.cycle_id),
        last_day: row.last_day.map(date_from_db).transpose()?,
        stage: word_from_db("a settlement's stage", &row.stage)?,
        sums,
        people: number_from_db("the people of a settlement", row.people)?,
        inputs_digest: row.inputs_digest,
        prepared: hands(row.prepared_by, row.prepared_person, row.prepared_for),
        approved: row.approved_by.map(|by| hands(by, row.approved_person, row.approved_for)),
        posted: row.posted_by.map(|by| hands(by, row.posted_person, row.posted_for)),
        prepared_at: from_db(row.recorded_at)?,
        approved_at: row.approved_at.map(from_db).transpose()?,
        posted_at: row.posted_at.map(from_db).transpose()?,
    })
}

fn hands(by: Uuid, person: Option<Uuid>, delegated_by: Option<Uuid>) -> Hands {
    Hands { by: PrincipalId(by), person: person.map(PersonId), delegated_by: delegated_by.map(PrincipalId) }
}

/// The carry account of an owner in a currency; empty before the first settlement that carries.
pub async fn carry_book(tx: &ScopedTx, owner: &Owner, currency: Currency) -> Result<CarryBook> {
    let row = tx.select::<carry::Entity>().filter(book_of(owner, currency)).one().await?;
    match row {
        None => Ok(CarryBook::empty(currency)),
        Some(row) => Ok(tx.open(&Place::of(carry::Column::Book, row.id), &row.book).await?),
    }
}

/// Writes the carry account of an owner after a posting or a correction.
pub async fn keep_carry_book(work: &UnitOfWork, ctx: &OpContext, owner: &Owner, book: &CarryBook) -> Result<()> {
    let mine = book_of(owner, book.currency);
    let known = work.select::<carry::Entity>().filter(mine.clone()).for_update().one().await?;
    let id = known.as_ref().map_or_else(|| ctx.new_id(), |row| row.id);
    let sealed: Sealed<class::Salary, _> = work.seal(&Place::of(carry::Column::Book, id), book).await?;
    if known.is_some() {
        work.update::<carry::Entity>().set(carry::Column::Book, sealed).filter(mine).exec_one().await?;
        return Ok(());
    }
    let row = carry::ActiveModel {
        id: Set(id),
        region: Set(owner.region().to_string()),
        unit_id: Set(owner.unit().map(|unit| unit.0)),
        currency: Set(book.currency.to_string()),
        book: Set(sealed),
        recorded_at: Set(to_db(ctx.now())),
        ..Default::default()
    };
    work.insert(row).await?;
    Ok(())
}

fn book_of(owner: &Owner, currency: Currency) -> Condition {
    let unit = match owner.unit() {
        None => carry::Column::UnitId.is_null(),
        Some(unit) => carry::Column::UnitId.eq(unit.0),
    };
    Condition::all().add(unit).add(carry::Column::Currency.eq(currency.to_string()))
}
