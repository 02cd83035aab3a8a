//! The table `handovers`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tally_access::{OpContext, Plan};
use tally_kernel::Result;
use tally_kernel::id::{AccountId, CorrectionId, HandoverId, PersonId};
use tally_kernel::page::Page;
use tally_store::orm::ActiveValue::Set;
use tally_store::orm::Condition;
use tally_store::orm::entity::prelude::*;
use tally_store::{Conflict as _, ScopedTx, UnitOfWork, among, from_db, lost_race, scoped, to_db, word_from_db};

use super::domain::Handover;
use crate::errors::Refused;
use crate::placed::{Asked, Placed, Stored, Subject};
use crate::policy::{GetHandover, ListHandovers};
use crate::superseded::facts::{EARLIEST, known_by, marked, marked_by, touching};

#[derive(Clone, Debug, PartialEq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "handovers")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub region: String,
    pub unit_id: Option<Uuid>,
    pub person_id: Uuid,
    pub account_id: Uuid,
    pub at: DateTimeUtc,
    pub kind: String,
    pub recorded_at: DateTimeUtc,
    pub correction_id: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, person: PersonId, at: At });

/// Values of one IN list.
const LIST: usize = 1_000;

fn read(row: Model) -> Result<Stored<Handover>> {
    let kind = word_from_db("a hand-over's kind", &row.kind)?;
    let (account, person) = (AccountId(row.account_id), PersonId(row.person_id));
    let handover = Handover { account, person, at: from_db(row.at)?, kind };
    Stored::read(handover, row.id, (&row.region, row.unit_id), row.correction_id)
}

fn row(ctx: &OpContext, id: Uuid, Placed { home, fact }: &Placed<Handover>) -> ActiveModel {
    ActiveModel {
        id: Set(id),
        region: Set(home.region.to_string()),
        unit_id: Set(home.unit.map(Uuid::from)),
        person_id: Set(fact.person.into()),
        account_id: Set(fact.account.into()),
        at: Set(to_db(fact.at)),
        kind: Set(fact.kind.to_string()),
        recorded_at: Set(to_db(ctx.now())),
        ..Default::default()
    }
}

/// One hand-over, whether it counts or not.
pub(crate) async fn get(tx: &ScopedTx, id: HandoverId) -> Result<Option<Stored<Handover>>> {
    let row = tx.select::<Entity>().filter(Column::Id.eq(id.0)).one().await?;
    Ok(marked(tx, row.map(read), None).await?.pop())
}

/// One hand-over within reach, whether it counts or not.
pub(crate) async fn within(
    tx: &ScopedTx,
    plan: &Plan<GetHandover>,
    id: HandoverId,
) -> Result<Option<Stored<Handover>>> {
    let row = tx.select::<Entity>().within(plan).filter(Column::Id.eq(id.0)).one().await?;
    Ok(marked(tx, row.map(read), None).await?.pop())
}

/// All that these people did with these accounts, and counts.
pub(crate) async fn of_people(
    tx: &ScopedTx,
    people: impl IntoIterator<Item = PersonId>,
    accounts: impl IntoIterator<Item = AccountId>,
) -> Result<Vec<Stored<Handover>>> {
    let rows = tx.select::<Entity>().filter(among::<Entity>(tx, Column::AccountId, accounts));
    let rows = rows.filter(among::<Entity>(tx, Column::PersonId, people)).all().await?;
    let mut there = marked(tx, rows.into_iter().map(read), None).await?;
    there.retain(Stored::counts);
    Ok(there)
}

/// The accounts that these people ever took or released.
pub(crate) async fn accounts_of(
    tx: &ScopedTx,
    people: impl IntoIterator<Item = PersonId>,
) -> Result<BTreeSet<AccountId>> {
    let rows = tx.select::<Entity>().filter(among::<Entity>(tx, Column::PersonId, people));
    let rows: Vec<(Uuid,)> = rows.rows(|q| q.column(Column::AccountId).group_by(Column::AccountId)).await?;
    Ok(rows.into_iter().map(|(id,)| AccountId(id)).collect())
}

/// Hand-overs of these accounts from one instant to another, both included, as known at an instant or now.
pub(crate) async fn between(
    tx: &ScopedTx,
    accounts: impl IntoIterator<Item = AccountId>,
    (from, to): (Timestamp, Timestamp),
    known: Option<Timestamp>,
) -> Result<Vec<Stored<Handover>>> {
    let rows = tx.select::<Entity>().filter(among::<Entity>(tx, Column::AccountId, accounts));
    let rows = rows.filter(Column::At.between(to_db(from), to_db(to))).filter(known_by(Column::RecordedAt, known));
    let out = touching(tx, Subject::Handover, (from, to), known).await?;
    marked_by(&out, rows.all().await?.into_iter().map(read))
}

/// What each person last did with each of these accounts before an instant, and counts: so that a hold taken long ago is
/// known.
pub(crate) async fn last_before(
    tx: &ScopedTx,
    accounts: &[AccountId],
    at: Timestamp,
    known: Option<Timestamp>,
) -> Result<Vec<Stored<Handover>>> {
    let out = touching(tx, Subject::Handover, (EARLIEST, at), known).await?;
    let earlier = || {
        let rows = tx.select::<Entity>().filter(among::<Entity>(tx, Column::AccountId, accounts.iter().copied()));
        let rows = rows.filter(Column::At.lt(to_db(at))).filter(known_by(Column::RecordedAt, known));
        if out.is_empty() { rows } else { rows.filter(among::<Entity>(tx, Column::Id, out.keys().copied()).not()) }
    };
    let choose = |q: tally_store::Rows<Entity>| {
        let q = q.column(Column::AccountId).column(Column::PersonId).expr(Column::At.max());
        q.group_by(Column::AccountId).group_by(Column::PersonId)
    };
    let last: BTreeSet<(Uuid, Uuid, DateTimeUtc)> = earlier().rows(choose).await?.into_iter().collect();
    let instants: BTreeSet<DateTimeUtc> = last.iter().map(|row| row.2).collect();
    let instants: Vec<DateTimeUtc> = instants.into_iter().collect();
    let mut handovers = Vec::with_capacity(last.len());
    for some in instants.chunks(LIST) {
        let rows = earlier().filter(Column::At.is_in(some.iter().copied())).all().await?;
        let rows = rows.into_iter().filter(|row| last.contains(&(row.account_id, row.person_id, row.at)));
        handovers.extend(marked_by(&out, rows.map(read))?);
    }
    Ok(handovers)
}

/// A page of hand-overs of a stretch of time, by instant, with how each stands.
pub(crate) async fn page(
    tx: &ScopedTx,
    plan: &Plan<ListHandovers>,
    page: &Page,
    (from, to): (Timestamp, Timestamp),
    Asked { person, account, known }: Asked,
) -> Result<(Vec<Stored<Handover>>, String)> {
    let of_person = person.map(|person| Column::PersonId.eq(person.0));
    let of = Condition::all().add_option(of_person).add_option(account.map(|id| Column::AccountId.eq(id.0)));
    let rows = tx.select::<Entity>().within(plan).filter(of).filter(known_by(Column::RecordedAt, known));
    let rows = rows.filter(Column::At.gte(to_db(from))).filter(Column::At.lt(to_db(to)));
    let (rows, next) = rows.page_asc(page, [Column::At, Column::Id]).await?;
    Ok((marked(tx, rows.into_iter().map(read), known).await?, next))
}

/// Writes a person's own hand-over, with the commit.
pub(crate) fn record(work: &mut UnitOfWork, ctx: &OpContext, placed: &Placed<Handover>) -> Result<HandoverId> {
    let id = ctx.new_id();
    work.insert_with_commit(row(ctx, id, placed), || Refused::HandoverRepeated.into())?;
    Ok(HandoverId(id))
}

/// Writes hand-overs that another system recorded.
pub(crate) async fn insert(work: &UnitOfWork, ctx: &OpContext, handovers: &[Placed<Handover>]) -> Result<()> {
    let rows: Vec<_> = handovers.iter().map(|handover| row(ctx, ctx.new_id(), handover)).collect();
    work.insert_many(rows).await.conflict(lost_race)?;
    Ok(())
}

/// Writes a hand-over that a correction brings.
pub(crate) async fn correct(
    work: &UnitOfWork,
    ctx: &OpContext,
    handover: &Placed<Handover>,
    correction: CorrectionId,
) -> Result<()> {
    let row = row(ctx, ctx.new_id(), handover);
    work.insert(ActiveModel { correction_id: Set(Some(correction.into())), ..row }).await?;
    Ok(())
}
