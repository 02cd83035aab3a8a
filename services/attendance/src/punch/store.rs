//! The table `punches`.

use jiff::Timestamp;
use tally_access::{OpContext, Plan};
use tally_kernel::Result;
use tally_kernel::id::{CorrectionId, PersonId, PunchId};
use tally_kernel::page::Page;
use tally_store::orm::ActiveValue::Set;
use tally_store::orm::entity::prelude::*;
use tally_store::{Conflict as _, ScopedTx, UnitOfWork, among, from_db, lost_race, scoped, to_db, word_from_db};

use super::domain::{Judged, Punch, Verdict};
use crate::errors::Refused;
use crate::placed::{Placed, Stored, Subject};
use crate::policy::ListPunches;
use crate::superseded::facts::{known_by, marked, marked_by, touching};

#[derive(Clone, Debug, PartialEq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "punches")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub region: String,
    pub unit_id: Option<Uuid>,
    pub person_id: Uuid,
    pub at: DateTimeUtc,
    pub kind: String,
    pub verdict: String,
    pub device_at: Option<DateTimeUtc>,
    pub recorded_at: DateTimeUtc,
    pub correction_id: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, person: PersonId, at: At });

fn read(row: Model) -> Result<Stored<Judged>> {
    let kind = word_from_db("a punch's kind", &row.kind)?;
    let punch = Punch { person: PersonId(row.person_id), at: from_db(row.at)?, kind };
    let verdict = word_from_db("a punch's verdict", &row.verdict)?;
    Stored::read(Judged { punch, verdict }, row.id, (&row.region, row.unit_id), row.correction_id)
}

fn row(
    ctx: &OpContext,
    id: Uuid,
    placed: &Placed<Punch>,
    verdict: Verdict,
    device_at: Option<Timestamp>,
) -> ActiveModel {
    let Placed { home, fact } = placed;
    ActiveModel {
        id: Set(id),
        region: Set(home.region.to_string()),
        unit_id: Set(home.unit.map(Uuid::from)),
        person_id: Set(fact.person.into()),
        at: Set(to_db(fact.at)),
        kind: Set(fact.kind.to_string()),
        verdict: Set(verdict.to_string()),
        device_at: Set(device_at.map(to_db)),
        recorded_at: Set(to_db(ctx.now())),
        ..Default::default()
    }
}

/// A punch, whatever was made of it.
fn punch(row: Model) -> Result<Stored<Punch>> {
    Ok(read(row)?.map(|judged| judged.punch))
}

/// Punches from one instant to another, both included, as known at an instant or now: of these people, or of everybody.
pub(crate) async fn between(
    tx: &ScopedTx,
    people: Option<Vec<PersonId>>,
    (from, to): (Timestamp, Timestamp),
    known: Option<Timestamp>,
) -> Result<Vec<Stored<Punch>>> {
    let rows = tx.select::<Entity>().filter(Column::At.between(to_db(from), to_db(to)));
    let rows = rows.filter(known_by(Column::RecordedAt, known));
    let rows = match people {
        Some(people) => rows.filter(among::<Entity>(tx, Column::PersonId, people)),
        None => rows,
    };
    let out = touching(tx, Subject::Punch, (from, to), known).await?;
    marked_by(&out, rows.all().await?.into_iter().map(punch))
}

/// One punch, whether it counts or not.
pub(crate) async fn get(tx: &ScopedTx, id: PunchId) -> Result<Option<Stored<Punch>>> {
    let row = tx.select::<Entity>().filter(Column::Id.eq(id.0)).one().await?;
    Ok(marked(tx, row.map(punch), None).await?.pop())
}

/// The latest punch of anybody that counts, from one instant to another, both included.
pub(crate) async fn last(
    tx: &ScopedTx,
    (from, to): (Timestamp, Timestamp),
    known: Option<Timestamp>,
) -> Result<Option<Timestamp>> {
    let out = touching(tx, Subject::Punch, (from, to), known).await?;
    let rows = tx.select::<Entity>().filter(Column::At.between(to_db(from), to_db(to)));
    let rows =
        rows.filter(known_by(Column::RecordedAt, known)).filter(among::<Entity>(tx, Column::Id, out.into_keys()).not());
    let last = rows.order_by_desc(Column::At).limit(1).rows(|q| q.column(Column::At)).await?;
    last.into_iter().next().map(|(at,): (DateTimeUtc,)| from_db(at)).transpose()
}

/// A page of punches of a stretch of time, by instant, with how each stands.
pub(crate) async fn page(
    tx: &ScopedTx,
    plan: &Plan<ListPunches>,
    page: &Page,
    (from, to): (Timestamp, Timestamp),
    (person, known): (Option<PersonId>, Option<Timestamp>),
) -> Result<(Vec<Stored<Judged>>, String)> {
    let rows = tx.select::<Entity>().within(plan).filter(known_by(Column::RecordedAt, known));
    let rows = rows.filter(Column::At.gte(to_db(from))).filter(Column::At.lt(to_db(to)));
    let rows = match person {
        Some(person) => rows.filter(Column::PersonId.eq(Uuid::from(person))),
        None => rows,
    };
    let (rows, next) = rows.page_asc(page, [Column::At, Column::Id]).await?;
    Ok((marked(tx, rows.into_iter().map(read), known).await?, next))
}

/// Writes a person's own punch, with the commit.
pub(crate) fn record(
    work: &mut UnitOfWork,
    ctx: &OpContext,
    placed: &Placed<Punch>,
    verdict: Verdict,
    device_at: Option<Timestamp>,
) -> Result<PunchId> {
    let id = ctx.new_id();
    work.insert_with_commit(row(ctx, id, placed, verdict, device_at), || Refused::PunchRepeated.into())?;
    Ok(PunchId(id))
}

/// Writes punches that another system recorded.
pub(crate) async fn insert(work: &UnitOfWork, ctx: &OpContext, punches: &[Placed<Punch>]) -> Result<()> {
    let rows: Vec<_> = punches.iter().map(|punch| row(ctx, ctx.new_id(), punch, Verdict::NotJudged, None)).collect();
    work.insert_many(rows).await.conflict(lost_race)?;
    Ok(())
}

/// Writes a punch that a correction brings.
pub(crate) async fn correct(
    work: &UnitOfWork,
    ctx: &OpContext,
    punch: &Placed<Punch>,
    correction: CorrectionId,
) -> Result<()> {
    let row = row(ctx, ctx.new_id(), punch, Verdict::NotJudged, None);
    work.insert(ActiveModel { correction_id: Set(Some(correction.into())), ..row }).await?;
    Ok(())
}
