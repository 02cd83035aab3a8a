//! The table of adjustments: what a settlement takes of a delta.

use std::collections::BTreeMap;

use futures::future::FutureExt as _;
use sea_orm::{Condition, Set};
use serde::{Deserialize, Serialize};
use strum_macros::{Display, EnumString};
use tally_access::{Moment, OpContext, Plan, Rpc, Target};
use tally_kernel::Result;
use tally_kernel::id::{DeltaId, OrgUnitId, PersonId, SettlementId};
use tally_privacy::{ExportCells, Exported, with_opened};
use tally_store::orm::prelude::*;
use tally_store::{
    Conflict as _, Place, ScopedTx, Sealed, UnitOfWork, among, class, date_from_db, date_to_db, from_db, lost_race,
    to_db, word_from_db,
};

use crate::statement::domain::{Belonged, Heading};

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "adjustments")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub region: String,
    pub unit_id: Uuid,
    pub person_id: Uuid,
    pub settlement_id: Uuid,
    pub delta_id: Uuid,
    pub stage: String,
    #[serde(skip)]
    pub amounts: Sealed<class::Salary, Amounts>,
    pub ended_at: Option<DateTimeUtc>,
    pub recorded_at: DateTimeUtc,
    /// The last day of the cycle; nothing in a row from before days were kept.
    pub last_day: Option<Date>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, person: PersonId, day: LastDay });

impl Exported for Entity {
    fn tell<'t>(tx: &'t ScopedTx, row: &'t Model, opened: bool) -> ExportCells<'t> {
        with_opened(tx, row, opened, (Place::of(Column::Amounts, row.id), &row.amounts)).boxed()
    }
}

/// What is taken of a delta, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Amounts {
    /// What the settlement pays of it, or with a minus holds back.
    pub(crate) minor: i64,
    /// What is left for the next one.
    pub(crate) left_minor: i64,
}

/// Where an adjustment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Stage {
    /// In a settlement that is not posted.
    Held,
    /// In a posted settlement.
    Settled,
    /// The settlement was thrown away.
    Freed,
}

/// An adjustment on file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    pub(crate) delta: DeltaId,
    /// The settlement that takes it.
    pub(crate) settlement: SettlementId,
    pub(crate) person: PersonId,
    pub(crate) stage: Stage,
    pub(crate) amounts: Amounts,
    pub(crate) since: jiff::Timestamp,
    pub(crate) ended: Option<jiff::Timestamp>,
}

impl Kept {
    /// As it stood at an instant, or as it stands; nothing where it was not there, or not any more.
    pub(crate) fn as_of(self, at: Option<jiff::Timestamp>) -> Option<Self> {
        let ended = self.ended.filter(|ended| at.is_none_or(|at| *ended <= at));
        let begun = at.is_none_or(|at| self.since <= at);
        let stage = if ended.is_some() { self.stage } else { Stage::Held };
        (begun && stage != Stage::Freed).then_some(Self { stage, ended, ..self })
    }
}

/// Writes what a drafted settlement takes of a delta. Whoever takes it at the same moment meets a unique key.
pub(crate) async fn insert(
    work: &UnitOfWork,
    ctx: &OpContext,
    of: &Heading,
    (delta, amounts): (DeltaId, Amounts),
    (person, place): (PersonId, Belonged),
) -> Result<()> {
    let id = ctx.new_id();
    let row = ActiveModel {
        id: Set(id),
        region: Set(place.region.to_string()),
        unit_id: Set(place.unit.0),
        person_id: Set(person.0),
        settlement_id: Set(of.settlement.0),
        delta_id: Set(delta.0),
        stage: Set(Stage::Held.to_string()),
        amounts: Set(work.seal(&Place::of(Column::Amounts, id), &amounts).await?),
        recorded_at: Set(to_db(of.prepared_at)),
        last_day: Set(place.day(of.last_day).map(date_to_db)),
        ..Default::default()
    };
    work.insert(row).await.conflict(lost_race)?;
    Ok(())
}

/// Ends what a settlement held: settled, or freed.
pub(crate) async fn end(work: &UnitOfWork, settlement: SettlementId, stage: Stage, at: jiff::Timestamp) -> Result<()> {
    work.update::<Entity>()
        .set(Column::Stage, stage.to_string())
        .set(Column::EndedAt, to_db(at))
        .filter(Column::SettlementId.eq(settlement.0))
        .exec()
        .await?;
    Ok(())
}

/// What a settlement takes, by delta: of one person, or of all.
pub(crate) async fn of_settlement(
    tx: &ScopedTx,
    settlement: SettlementId,
    person: Option<PersonId>,
) -> Result<BTreeMap<DeltaId, Kept>> {
    let only = Condition::all()
        .add(Column::SettlementId.eq(settlement.0))
        .add_option(person.map(|person| Column::PersonId.eq(person.0)));
    let mut adjustments = BTreeMap::new();
    for row in tx.select::<Entity>().filter(only).all().await? {
        let kept = read(tx, row).await?;
        adjustments.insert(kept.delta, kept);
    }
    Ok(adjustments)
}

/// What settlements took of these deltas, the oldest first.
pub(crate) async fn of_deltas(tx: &ScopedTx, deltas: Vec<DeltaId>) -> Result<BTreeMap<DeltaId, Vec<Kept>>> {
    let only = among::<Entity>(tx, Column::DeltaId, deltas);
    let rows =
        tx.select::<Entity>().filter(only).order_by_asc(Column::RecordedAt).order_by_asc(Column::Id).all().await?;
    let mut adjustments: BTreeMap<DeltaId, Vec<Kept>> = BTreeMap::new();
    for row in rows {
        let kept = read(tx, row).await?;
        adjustments.entry(kept.delta).or_default().push(kept);
    }
    Ok(adjustments)
}

/// What settlements took of each delta: which one, and what reading it is decided on.
pub(crate) type Reached = BTreeMap<DeltaId, Vec<(SettlementId, Target)>>;

/// What settlements took by an instant, or take by now: of those settlements that the caller reaches, and of the statements. Each with the
/// settlement and what reading it is decided on.
pub(crate) async fn reached<R: Rpc>(
    tx: &ScopedTx,
    plan: &Plan<R>,
    settlements: &BTreeMap<SettlementId, Target>,
    (person, known_at): (Option<PersonId>, Option<jiff::Timestamp>),
) -> Result<Reached> {
    let there = Condition::any()
        .add(Column::Stage.ne(Stage::Freed.to_string()))
        .add_option(known_at.map(|at| Column::EndedAt.gt(to_db(at))));
    let only = Condition::all()
        .add(there)
        .add_option(known_at.map(|at| Column::RecordedAt.lte(to_db(at))))
        .add_option(person.map(|person| Column::PersonId.eq(person.0)));
    let whole = among::<Entity>(tx, Column::SettlementId, settlements.keys().copied());
    let mut reached = Reached::new();
    for row in tx.select::<Entity>().within_or(plan, whole).filter(only).all().await? {
        let region = word_from_db("a region", &row.region)?;
        let place = Target::person(region, Some(OrgUnitId(row.unit_id)), PersonId(row.person_id));
        let day = row.last_day.map(date_from_db).transpose()?;
        let (taken, by) = (reached.entry(DeltaId(row.delta_id)).or_default(), SettlementId(row.settlement_id));
        taken.push((by, Target { moment: day.map(Moment::Day), ..place }));
        taken.extend(settlements.get(&by).map(|whole| (by, whole.clone())));
    }
    Ok(reached)
}

async fn read(tx: &ScopedTx, row: Model) -> Result<Kept> {
    Ok(Kept {
        delta: DeltaId(row.delta_id),
        settlement: SettlementId(row.settlement_id),
        person: PersonId(row.person_id),
        stage: word_from_db("an adjustment's stage", &row.stage)?,
        amounts: tx.open(&Place::of(Column::Amounts, row.id), &row.amounts).await?,
        since: from_db(row.recorded_at)?,
        ended: row.ended_at.map(from_db).transpose()?,
    })
}
