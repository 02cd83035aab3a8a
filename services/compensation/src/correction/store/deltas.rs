//! The table of deltas: what one person gets more or less once a settlement was put right.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::FutureExt as _;
use sea_orm::{Condition, Set};
use serde::{Deserialize, Serialize};
use strum_macros::{Display, EnumString};
use tally_access::{Moment, OpContext, Plan, Region, Rpc, Target};
use tally_kernel::id::{CorrectionId, CycleId, DeltaId, OrgUnitId, PersonId, SettlementId};
use tally_kernel::page::Page;
use tally_kernel::{Currency, Result};
use tally_privacy::{ExportCells, Exported, with_opened};
use tally_store::orm::prelude::*;
use tally_store::{
    Place, ReadTx, ScopedTx, Sealed, UnitOfWork, among, class, date_from_db, date_to_db, from_db, to_db, word_from_db,
};

use crate::correction::domain::{Delta, Filed, Outstanding};
use crate::statement::domain::Belonged;

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "pay_deltas")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub region: String,
    pub unit_id: Uuid,
    pub person_id: Uuid,
    pub correction_id: Uuid,
    pub settlement_id: Uuid,
    pub cycle_id: Uuid,
    pub currency: String,
    pub stage: String,
    pub held_by: Option<Uuid>,
    pub approved_at: Option<DateTimeUtc>,
    #[serde(skip)]
    pub owed: Sealed<class::Salary, Owed>,
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
        with_opened(tx, row, opened, (Place::of(Column::Owed, row.id), &row.owed)).boxed()
    }
}

/// A delta, and what is left of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Owed {
    pub(crate) delta: Delta,
    /// What is still to be paid, or with a minus to be held back, in minor units.
    pub(crate) left_minor: i64,
}

/// Where a delta stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Stage {
    /// Of a correction that is drafted.
    Draft,
    /// Waits for a settlement that takes it, or what is left of it.
    Waiting,
    /// In a settlement that is not posted.
    Held,
    /// Nothing is left.
    Settled,
    /// Of a correction that was thrown away.
    Withdrawn,
}

/// A delta on file.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) id: DeltaId,
    pub(crate) correction: CorrectionId,
    /// The settlement that was put right.
    pub(crate) settlement: SettlementId,
    pub(crate) cycle: CycleId,
    /// The last day of that, or of the person in the unit; nothing in a row from before days were kept.
    pub(crate) last_day: Option<jiff::civil::Date>,
    pub(crate) currency: Currency,
    /// Where the person belonged.
    pub(crate) place: (Region, OrgUnitId),
    pub(crate) stage: Stage,
    pub(crate) held_by: Option<SettlementId>,
    pub(crate) approved_at: Option<jiff::Timestamp>,
    pub(crate) owed: Owed,
}

impl Kept {
    /// What reading it is decided on.
    pub(crate) fn target(&self) -> Target {
        let place = Target::person(self.place.0.clone(), Some(self.place.1), self.owed.delta.who.person);
        Target { moment: self.last_day.map(Moment::Day), ..place }
    }

    /// The corrections of these.
    pub(crate) fn corrections(of: &[Self]) -> BTreeSet<CorrectionId> {
        of.iter().map(|delta| delta.correction).collect()
    }

    /// What of it waits, by the correction that it is of.
    pub(crate) fn outstanding(&self, of: &Filed) -> Outstanding {
        Outstanding {
            id: self.id,
            settlement: self.settlement,
            owner: of.owner.clone(),
            currency: self.currency,
            delta: self.owed.delta.clone(),
            left_minor: self.owed.left_minor,
        }
    }
}

/// Writes the deltas of a draft, each where the person belongs by `place`.
pub(crate) async fn insert_all(
    work: &UnitOfWork,
    ctx: &OpContext,
    of: &Filed,
    deltas: &[Delta],
    place: impl Fn(PersonId) -> Result<Belonged>,
) -> Result<()> {
    let mut rows = Vec::with_capacity(deltas.len());
    for delta in deltas {
        let place = place(delta.who.person)?;
        let id = ctx.new_id();
        let owed = Owed { delta: delta.clone(), left_minor: delta.difference()? };
        rows.push(ActiveModel {
            id: Set(id),
            region: Set(place.region.to_string()),
            unit_id: Set(place.unit.0),
            person_id: Set(delta.who.person.0),
            correction_id: Set(of.id.0),
            settlement_id: Set(of.settlement.0),
            cycle_id: Set(of.cycle.0),
            currency: Set(of.reckoned.standing.pool.currency.to_string()),
            stage: Set(Stage::Draft.to_string()),
            owed: Set(work.seal(&Place::of(Column::Owed, id), &owed).await?),
            recorded_at: Set(to_db(of.drafted.at)),
            last_day: Set(place.day(of.last_day).map(date_to_db)),
            ..Default::default()
        });
    }
    if !rows.is_empty() {
        work.insert_many(rows).await?;
    }
    Ok(())
}

/// From now on settlements take the deltas of a correction.
pub(crate) async fn approve(work: &UnitOfWork, of: CorrectionId, at: jiff::Timestamp) -> Result<()> {
    work.update::<Entity>()
        .set(Column::Stage, Stage::Waiting.to_string())
        .set(Column::ApprovedAt, to_db(at))
        .filter(Column::CorrectionId.eq(of.0))
        .exec()
        .await?;
    Ok(())
}

/// No settlement ever takes them.
pub(crate) async fn withdraw(work: &UnitOfWork, of: CorrectionId) -> Result<()> {
    work.update::<Entity>()
        .set(Column::Stage, Stage::Withdrawn.to_string())
        .filter(Column::CorrectionId.eq(of.0))
        .exec()
        .await?;
    Ok(())
}

/// Writes where a delta stands, what is left of it and which settlement holds it.
pub(crate) async fn keep(work: &UnitOfWork, delta: &Kept) -> Result<()> {
    let sealed: Sealed<class::Salary, Owed> = work.seal(&Place::of(Column::Owed, delta.id.0), &delta.owed).await?;
    work.update::<Entity>()
        .set(Column::Stage, delta.stage.to_string())
        .set(Column::HeldBy, delta.held_by.map(|settlement| settlement.0))
        .set(Column::Owed, sealed)
        .filter(Column::Id.eq(delta.id.0))
        .exec_one()
        .await?;
    Ok(())
}

/// Everything in a currency that waits for a settlement.
pub(crate) async fn waiting(tx: &ScopedTx, currency: Currency) -> Result<Vec<Kept>> {
    let only = Condition::all()
        .add(Column::Stage.eq(Stage::Waiting.to_string()))
        .add(Column::Currency.eq(currency.to_string()));
    all(tx, tx.select::<Entity>().filter(only).all().await?).await
}

/// What a settlement that is not posted holds.
pub(crate) async fn held_by(tx: &ScopedTx, settlement: SettlementId) -> Result<Vec<Kept>> {
    let mine = tx.select::<Entity>().filter(Column::HeldBy.eq(settlement.0));
    all(tx, mine.all().await?).await
}

/// Deltas of a correction by employee number: so many at most.
pub(crate) async fn of_correction(tx: &ScopedTx, of: CorrectionId, most: u64) -> Result<Vec<Kept>> {
    let mine = tx.select::<Entity>().filter(Column::CorrectionId.eq(of.0));
    let mut deltas = all(tx, mine.order_by_asc(Column::Id).limit(most).all().await?).await?;
    deltas.sort_by(|a, b| a.owed.delta.who.cmp(&b.owed.delta.who));
    Ok(deltas)
}

/// Whom a correction gives another amount.
pub(crate) async fn people_of(tx: &ScopedTx, of: CorrectionId) -> Result<Vec<PersonId>> {
    let mine = tx.select::<Entity>().filter(Column::CorrectionId.eq(of.0));
    let people: Vec<Uuid> = mine.rows(|rows| rows.column(Column::PersonId)).await?;
    Ok(people.into_iter().map(PersonId).collect())
}

/// These deltas.
pub(crate) async fn these(tx: &ScopedTx, ids: Vec<DeltaId>) -> Result<Vec<Kept>> {
    let only = among::<Entity>(tx, Column::Id, ids);
    all(tx, tx.select::<Entity>().filter(only).all().await?).await
}

/// Which deltas are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// Of this correction, whatever its state.
    pub correction: Option<CorrectionId>,
    /// Of this person.
    pub person: Option<PersonId>,
    /// As it was known then.
    pub known_at: Option<jiff::Timestamp>,
    /// What waits for a settlement now, or what is left of it.
    pub waiting: bool,
}

/// Deltas that are told, or not, by who pays or paid them, and not by where the person belonged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moved {
    /// By whom, of those that the caller reaches there.
    pub(crate) here: BTreeMap<DeltaId, Vec<Target>>,
    /// Those that are not told of though the person belonged to the caller: what waits, and somebody else pays it.
    pub(crate) elsewhere: Vec<DeltaId>,
}

/// All that waits of the correction and the person that are asked for: of which correction, and whose.
pub(crate) async fn who_waits(tx: &ScopedTx, asked: &Asked) -> Result<Vec<(DeltaId, CorrectionId, PersonId)>> {
    let only = Condition::all()
        .add(Column::Stage.eq(Stage::Waiting.to_string()))
        .add_option(asked.correction.map(|id| Column::CorrectionId.eq(id.0)))
        .add_option(asked.person.map(|id| Column::PersonId.eq(id.0)));
    let rows = tx.select::<Entity>().filter(only).rows::<(Uuid, Uuid, Uuid)>(|rows| {
        rows.column(Column::Id).column(Column::CorrectionId).column(Column::PersonId)
    });
    let read = |(id, of, person)| (DeltaId(id), CorrectionId(of), PersonId(person));
    Ok(rows.await?.into_iter().map(read).collect())
}

/// A page of deltas that the caller may see, the oldest first.
pub(crate) async fn page<R: Rpc>(
    tx: &ReadTx,
    plan: &Plan<R>,
    (asked, moved): (&Asked, &Moved),
    page: &Page,
) -> Result<(Vec<Kept>, String)> {
    let approved = asked.correction.is_none().then(|| Column::ApprovedAt.is_not_null());
    let only = Condition::all()
        .add_option(asked.correction.map(|id| Column::CorrectionId.eq(id.0)))
        .add_option(asked.person.map(|id| Column::PersonId.eq(id.0)))
        .add_option(approved)
        .add_option(asked.waiting.then(|| Column::Stage.eq(Stage::Waiting.to_string())))
        .add_option(asked.known_at.map(|at| Column::ApprovedAt.lte(to_db(at))));
    let found = if moved.here.is_empty() && moved.elsewhere.is_empty() {
        tx.select::<Entity>().within(plan).filter(only)
    } else {
        let here = among::<Entity>(tx, Column::Id, moved.here.keys().copied());
        let elsewhere = among::<Entity>(tx, Column::Id, moved.elsewhere.iter().copied());
        tx.select::<Entity>().within_or(plan, here).filter(only.add(elsewhere.not()))
    };
    let (rows, token) = found.page_asc(page, [Column::RecordedAt, Column::Id]).await?;
    Ok((all(tx, rows).await?, token))
}

async fn all(tx: &ScopedTx, rows: Vec<Model>) -> Result<Vec<Kept>> {
    let mut deltas = Vec::with_capacity(rows.len());
    for row in rows {
        deltas.push(read(tx, row).await?);
    }
    Ok(deltas)
}

async fn read(tx: &ScopedTx, row: Model) -> Result<Kept> {
    Ok(Kept {
        id: DeltaId(row.id),
        correction: CorrectionId(row.correction_id),
        settlement: SettlementId(row.settlement_id),
        cycle: CycleId(row.cycle_id),
        last_day: row.last_day.map(date_from_db).transpose()?,
        currency: word_from_db("a currency", &row.currency)?,
        place: (word_from_db("a region", &row.region)?, OrgUnitId(row.unit_id)),
        stage: word_from_db("a delta's stage", &row.stage)?,
        held_by: row.held_by.map(SettlementId),
        approved_at: row.approved_at.map(from_db).transpose()?,
        owed: tx.open(&Place::of(Column::Owed, row.id), &row.owed).await?,
    })
}
