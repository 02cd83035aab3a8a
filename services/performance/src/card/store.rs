//! Rows of score cards.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::ExprTrait as _;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Condition;
use tally_access::{OpContext, Plan, Region, Rpc};
use tally_kernel::id::{CycleId, PersonId, SchemeId, ScoreCardId};
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::{Conflict as _, ScopedTx, UnitOfWork, among, lost_race, to_db};

use crate::credit::facts::Place;
use crate::cycle::facts::{self as cycles, Shown};
use tally_engine::scoring::ScoreCard;

/// A score card. The whole trace is in the body; columns are what lists filter and sort by.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "cards")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub region: String,
    pub unit_id: Option<Uuid>,
    pub person_id: Uuid,
    pub run_id: Uuid,
    pub cycle_id: Uuid,
    pub rank: i32,
    pub of: i32,
    pub body: String,
    pub inputs_digest: String,
    pub recorded_at: DateTimeUtc,
    /// The last day of the cycle, or of the person in the unit; nothing in a row from before days were kept.
    pub day: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, person: PersonId, iso_day: Day });

/// A card with what the store knows of it.
#[derive(Clone, Debug)]
pub struct StoredCard {
    pub id: ScoreCardId,
    pub cycle: CycleId,
    pub card: ScoreCard,
    /// Digest of what went in, hex.
    pub inputs_digest: String,
    /// Which version of the cycle's result it is of; 0 where it is not published.
    pub version: u32,
}

impl StoredCard {
    /// As the cycle that was asked for shows it.
    pub fn shown(self, cycle: CycleId, shown: &Shown) -> Self {
        let version = shown.cycle.published.map_or(0, |published| published.version);
        Self { cycle, version, ..self }
    }
}

impl TryFrom<Model> for StoredCard {
    type Error = Error;
    fn try_from(row: Model) -> Result<Self> {
        Ok(Self {
            id: ScoreCardId(row.id),
            cycle: CycleId(row.cycle_id),
            card: serde_json::from_str(&row.body).map_err(Error::internal)?,
            inputs_digest: row.inputs_digest,
            version: 0,
        })
    }
}

/// Writes the cards of a run, each with where its person stands and the digest of what went in. `day` is the last of the cycle.
pub async fn insert(
    work: &UnitOfWork,
    ctx: &OpContext,
    (cycle, day): (CycleId, civil::Date),
    run: Uuid,
    cards: &[(Place, ScoreCard, String)],
) -> Result<()> {
    let mut rows = Vec::with_capacity(cards.len());
    for (place, card, inputs_digest) in cards {
        rows.push(ActiveModel {
            tenant_id: NotSet,
            id: Set(ctx.new_id()),
            region: Set(place.region.as_str().to_owned()),
            unit_id: Set(Some(card.unit.0)),
            person_id: Set(card.person.0),
            run_id: Set(run),
            cycle_id: Set(cycle.0),
            rank: Set(i32::try_from(card.rank).map_err(Error::internal)?),
            of: Set(i32::try_from(card.of).map_err(Error::internal)?),
            body: Set(serde_json::to_string(card).map_err(Error::internal)?),
            inputs_digest: Set(inputs_digest.clone()),
            recorded_at: Set(to_db(ctx.now())),
            day: Set(Some(place.day(day).to_string())),
        });
    }
    work.insert_many(rows).await.conflict(lost_race)?;
    Ok(())
}

/// One person's card of a run.
pub async fn find<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>, run: Uuid, person: PersonId) -> Result<Option<StoredCard>> {
    let mine = Column::RunId.eq(run).and(Column::PersonId.eq(person.0));
    tx.select::<Entity>().within(plan).filter(mine).one().await?.map(StoredCard::try_from).transpose()
}

/// A page of the cards of a run, by rank and person.
pub async fn page<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>, run: Uuid, page: &Page) -> Result<(Vec<StoredCard>, String)> {
    let mine = tx.select::<Entity>().within(plan).filter(Column::RunId.eq(run));
    let (rows, next) = mine.page_asc(page, [Column::Rank, Column::PersonId]).await?;
    Ok((rows.into_iter().map(StoredCard::try_from).collect::<Result<_>>()?, next))
}

/// Whether a plan reaches a card that was scored by a version of a scheme.
pub async fn scored_by<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>, scheme: SchemeId, version: u32) -> Result<bool> {
    let cycles = cycles::scored_by(tx, scheme, version).await?;
    let of = among::<Entity>(tx, Column::CycleId, cycles);
    Ok(tx.select::<Entity>().within(plan).filter(of).limit(1).one().await?.is_some())
}

/// The cycles with a card that the caller reaches; none for who reaches the whole group, and so every cycle.
pub async fn cycles<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>) -> Result<Vec<CycleId>> {
    if plan.reach().tenant {
        return Ok(Vec::new());
    }
    let mine = tx.select::<Entity>().within(plan);
    let cycles: Vec<Uuid> = mine.rows(|rows| rows.column(Column::CycleId).group_by(Column::CycleId)).await?;
    Ok(cycles.into_iter().map(CycleId).collect())
}

/// What the cards of a run say of a region's people.
pub async fn of_region(tx: &ScopedTx, run: Uuid, region: &Region) -> Result<Vec<ScoreCard>> {
    let mine = Column::RunId.eq(run).and(Column::Region.eq(region.as_str()));
    let rows = tx.select::<Entity>().filter(mine).order_by_asc(Column::PersonId).all().await?;
    rows.into_iter().map(|row| StoredCard::try_from(row).map(|stored| stored.card)).collect()
}

/// The cards of a run, of these people or of all, by person.
pub async fn of_run(
    tx: &ScopedTx,
    run: Uuid,
    people: Option<&BTreeSet<PersonId>>,
) -> Result<BTreeMap<PersonId, ScoreCard>> {
    let rows = tx.select::<Entity>().filter(Column::RunId.eq(run)).filter(of_people(tx, people)).all().await?;
    let card = |row: Model| StoredCard::try_from(row).map(|stored| (stored.card.person, stored.card));
    rows.into_iter().map(card).collect()
}

/// The cards of a run as they are kept, whether they can be read or not, by person: the whole card as JSON, with the columns beside it.
pub async fn as_kept(tx: &ScopedTx, run: Uuid) -> Result<BTreeMap<PersonId, Model>> {
    let rows = tx.select::<Entity>().filter(Column::RunId.eq(run)).all().await?;
    Ok(rows.into_iter().map(|row| (PersonId(row.person_id), row)).collect())
}

/// Who has a card in one of these results.
pub async fn people_of(tx: &ScopedTx, runs: BTreeSet<Uuid>) -> Result<Vec<PersonId>> {
    let mine = tx.select::<Entity>().filter(among::<Entity>(tx, Column::RunId, runs));
    let people: Vec<Uuid> = mine.rows(|rows| rows.column(Column::PersonId).group_by(Column::PersonId)).await?;
    Ok(people.into_iter().map(PersonId).collect())
}

/// Who has a card in each of these results, of these people or of all.
pub async fn people_by_run(
    tx: &ScopedTx,
    runs: BTreeSet<Uuid>,
    people: Option<&BTreeSet<PersonId>>,
) -> Result<HashMap<Uuid, BTreeSet<PersonId>>> {
    let mine = tx.select::<Entity>().filter(among::<Entity>(tx, Column::RunId, runs)).filter(of_people(tx, people));
    let cards: Vec<(Uuid, Uuid)> = mine.rows(|rows| rows.column(Column::RunId).column(Column::PersonId)).await?;
    let mut by_run: HashMap<Uuid, BTreeSet<PersonId>> = HashMap::new();
    for (run, person) in cards {
        by_run.entry(run).or_default().insert(PersonId(person));
    }
    Ok(by_run)
}

fn of_people(tx: &ScopedTx, people: Option<&BTreeSet<PersonId>>) -> Condition {
    let these = people.map(|people| among::<Entity>(tx, Column::PersonId, people.iter().copied()));
    Condition::all().add_option(these)
}

/// Throws away the cards of a run.
pub async fn discard(work: &UnitOfWork, run: Uuid) -> Result<()> {
    work.delete::<Entity>().filter(Column::RunId.eq(run)).exec().await?;
    Ok(())
}
