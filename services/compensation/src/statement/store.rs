//! The statements table. Everything about money is one sealed value; nothing in clear but whose it is.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::FutureExt as _;
use sea_orm::{Condition, Set};
use tally_access::{OpContext, Plan, Rpc};
use tally_kernel::id::{CycleId, OrgUnitId, PersonId, SettlementId, StatementId};
use tally_kernel::page::Page;
use tally_kernel::{Error, Kind, Result};
use tally_privacy::{ExportCells, Exported, with_opened};
use tally_store::orm::prelude::*;
use tally_store::{
    Place, ReadTx, ScopedTx, Sealed, UnitOfWork, among, class, date_from_db, date_to_db, to_db, word_from_db,
};

use super::domain::{Belonged, Heading, KeptLine, PersonLine, Statement};

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "statements")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub region: String,
    pub unit_id: Uuid,
    pub person_id: Uuid,
    pub settlement_id: Uuid,
    pub cycle_id: Uuid,
    pub currency: String,
    #[serde(skip)]
    pub line: Sealed<class::Salary, Option<PersonLine>>,
    pub recorded_at: DateTimeUtc,
    /// The last day of the cycle, or of the person in the unit; nothing in a row from before days were kept.
    pub last_day: Option<Date>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, person: PersonId, day: LastDay });

impl Exported for Entity {
    fn tell<'t>(tx: &'t ScopedTx, row: &'t Model, opened: bool) -> ExportCells<'t> {
        with_opened(tx, row, opened, (Place::of(Column::Line, row.id), &row.line)).boxed()
    }
}

/// What is to be written of one person.
#[derive(Clone, Debug)]
pub struct NewStatement {
    pub person: PersonId,
    /// Nothing for somebody who gets adjustments alone.
    pub line: Option<PersonLine>,
    /// Where the person belonged on the last day of the cycle, as the card does; of adjustments alone the unit that pays them.
    pub place: Belonged,
}

/// Writes everybody's line of a draft.
pub async fn insert_all(work: &UnitOfWork, ctx: &OpContext, of: &Heading, statements: Vec<NewStatement>) -> Result<()> {
    let mut rows = Vec::with_capacity(statements.len());
    for NewStatement { person, line, place } in statements {
        let id = ctx.new_id();
        rows.push(ActiveModel {
            id: Set(id),
            region: Set(place.region.to_string()),
            unit_id: Set(place.unit.0),
            person_id: Set(person.0),
            settlement_id: Set(of.settlement.0),
            cycle_id: Set(of.cycle.0),
            currency: Set(of.currency.to_string()),
            line: Set(work.seal(&Place::of(Column::Line, id), &line).await?),
            recorded_at: Set(to_db(of.prepared_at)),
            last_day: Set(place.day(of.last_day).map(date_to_db)),
            ..Default::default()
        });
    }
    work.insert_many(rows).await?;
    Ok(())
}

/// Everybody's line of a settlement, by employee number.
pub async fn lines_of(tx: &ScopedTx, settlement: SettlementId) -> Result<Vec<PersonLine>> {
    let rows = tx.select::<Entity>().filter(Column::SettlementId.eq(settlement.0)).all().await?;
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        lines.extend(read(tx, row).await?.line);
    }
    lines.sort_by(|a, b| a.employee_no.cmp(&b.employee_no));
    Ok(lines)
}

/// Everybody's line of a settlement as it is stored, whether it can be read or not.
pub async fn kept_lines(tx: &ScopedTx, settlement: SettlementId) -> Result<BTreeMap<PersonId, KeptLine>> {
    let rows = tx.select::<Entity>().filter(Column::SettlementId.eq(settlement.0)).all().await?;
    let mut lines = BTreeMap::new();
    for row in rows {
        let person = PersonId(row.person_id);
        let line = match read(tx, row).await {
            Ok(statement) => KeptLine::There(statement.line.map(Box::new)),
            Err(altered) if altered.kind() == Kind::Internal => KeptLine::Unreadable,
            Err(error) => return Err(error),
        };
        lines.insert(person, line);
    }
    Ok(lines)
}

/// Whom a settlement pays.
pub async fn people_of(tx: &ScopedTx, settlement: SettlementId) -> Result<Vec<PersonId>> {
    let mine = tx.select::<Entity>().filter(Column::SettlementId.eq(settlement.0));
    let people: Vec<Uuid> = mine.rows(|rows| rows.column(Column::PersonId)).await?;
    Ok(people.into_iter().map(PersonId).collect())
}

/// One person's statement that the caller may see.
pub async fn one<R: Rpc>(
    tx: &ReadTx,
    plan: &Plan<R>,
    settlement: SettlementId,
    person: PersonId,
) -> Result<Option<Statement>> {
    let mine = Condition::all().add(Column::SettlementId.eq(settlement.0)).add(Column::PersonId.eq(person.0));
    let row = tx.select::<Entity>().within(plan).filter(mine).one().await?;
    match row {
        Some(row) => Ok(Some(read(tx, row).await?)),
        None => Ok(None),
    }
}

/// A page of a settlement's statements that the caller may see.
pub async fn page<R: Rpc>(
    tx: &ReadTx,
    plan: &Plan<R>,
    settlement: SettlementId,
    page: &Page,
) -> Result<(Vec<Statement>, String)> {
    let select = tx.select::<Entity>().within(plan).filter(Column::SettlementId.eq(settlement.0));
    let (rows, token) = select.page_asc(page, [Column::Id]).await?;
    let mut statements = Vec::with_capacity(rows.len());
    for row in rows {
        statements.push(read(tx, row).await?);
    }
    Ok((statements, token))
}

/// The settlements that pay a person.
pub async fn settlements_of(tx: &ScopedTx, person: PersonId) -> Result<BTreeSet<SettlementId>> {
    let mine = tx.select::<Entity>().filter(Column::PersonId.eq(person.0));
    let settlements: Vec<Uuid> = mine.rows(|rows| rows.column(Column::SettlementId)).await?;
    Ok(settlements.into_iter().map(SettlementId).collect())
}

/// A page of a person's statements in some settlements, newest first: those that the caller may see, and those of the settlements that the
/// caller may see as a whole.
pub async fn page_of_person<R: Rpc>(
    tx: &ReadTx,
    plan: &Plan<R>,
    (person, of, whole): (PersonId, Vec<SettlementId>, Vec<SettlementId>),
    page: &Page,
) -> Result<(Vec<Statement>, String)> {
    let select = tx.select::<Entity>().within_or(plan, among::<Entity>(tx, Column::SettlementId, whole));
    let mine = among::<Entity>(tx, Column::SettlementId, of).add(Column::PersonId.eq(person.0));
    let (rows, token) = select.filter(mine).page_desc(page, [Column::Id]).await?;
    let mut statements = Vec::with_capacity(rows.len());
    for row in rows {
        statements.push(read(tx, row).await?);
    }
    Ok((statements, token))
}

async fn read(tx: &ScopedTx, row: Model) -> Result<Statement> {
    let line: Option<PersonLine> = tx.open(&Place::of(Column::Line, row.id), &row.line).await?;
    let parts = |line: &PersonLine| line.parts.iter().map(|part| i128::from(part.minor)).sum::<i128>();
    if line.as_ref().is_some_and(|line| parts(line) != i128::from(line.minor)) {
        return Err(Error::internal(format!("statement {}: its amounts are not its sum", row.id)));
    }
    Ok(Statement {
        id: StatementId(row.id),
        settlement: SettlementId(row.settlement_id),
        cycle: CycleId(row.cycle_id),
        region: word_from_db("a region", &row.region)?,
        unit: OrgUnitId(row.unit_id),
        person: PersonId(row.person_id),
        last_day: row.last_day.map(date_from_db).transpose()?,
        currency: word_from_db("a currency", &row.currency)?,
        line,
    })
}
