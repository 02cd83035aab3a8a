//! The table `shifts`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tally_access::{OpContext, Plan};
use tally_kernel::Result;
use tally_kernel::id::{AccountId, CorrectionId, PersonId, ShiftId};
use tally_kernel::page::Page;
use tally_store::orm::ActiveValue::Set;
use tally_store::orm::Condition;
use tally_store::orm::entity::prelude::*;
use tally_store::{Conflict as _, ScopedTx, UnitOfWork, among, from_db, lost_race, scoped, to_db};

use super::domain::Shift;
use crate::placed::{Asked, Placed, Stored, Subject};
use crate::policy::{GetShift, ListShifts};
use crate::superseded::facts::{self as superseded, known_by, marked, marked_by};

#[derive(Clone, Debug, PartialEq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "shifts")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub region: String,
    pub unit_id: Option<Uuid>,
    pub person_id: Uuid,
    pub account_id: Uuid,
    pub start_at: DateTimeUtc,
    pub end_at: DateTimeUtc,
    pub recorded_at: DateTimeUtc,
    pub correction_id: Option<Uuid>,
    pub seat: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, person: PersonId, at: StartAt });

fn read(row: Model) -> Result<Stored<Shift>> {
    let shift = Shift {
        person: PersonId(row.person_id),
        account: AccountId(row.account_id),
        start: from_db(row.start_at)?,
        end: from_db(row.end_at)?,
        seat: row.seat,
    };
    Stored::read(shift, row.id, (&row.region, row.unit_id), row.correction_id)
}

/// Shifts of these people that begin within the instants, both included.
pub(crate) async fn beginning(
    tx: &ScopedTx,
    people: impl IntoIterator<Item = PersonId>,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Stored<Shift>>> {
    let rows = tx.select::<Entity>().filter(among::<Entity>(tx, Column::PersonId, people));
    let rows = rows.filter(Column::StartAt.between(to_db(from), to_db(to))).all().await?;
    let out = superseded::touching(tx, Subject::Shift, (from, to), None).await?;
    marked_by(&out, rows.into_iter().map(read))
}

/// One shift, whether it counts or not.
pub(crate) async fn get(tx: &ScopedTx, id: ShiftId) -> Result<Option<Stored<Shift>>> {
    let row = tx.select::<Entity>().filter(Column::Id.eq(id.0)).one().await?;
    Ok(marked(tx, row.map(read), None).await?.pop())
}

/// One shift within reach, whether it counts or not.
pub(crate) async fn within(tx: &ScopedTx, plan: &Plan<GetShift>, id: ShiftId) -> Result<Option<Stored<Shift>>> {
    let row = tx.select::<Entity>().within(plan).filter(Column::Id.eq(id.0)).one().await?;
    Ok(marked(tx, row.map(read), None).await?.pop())
}

/// The accounts that these people were ever rostered for.
pub(crate) async fn accounts_of(
    tx: &ScopedTx,
    people: impl IntoIterator<Item = PersonId>,
) -> Result<BTreeSet<AccountId>> {
    let rows = tx.select::<Entity>().filter(among::<Entity>(tx, Column::PersonId, people));
    let rows: Vec<(Uuid,)> = rows.rows(|q| q.column(Column::AccountId).group_by(Column::AccountId)).await?;
    Ok(rows.into_iter().map(|(id,)| AccountId(id)).collect())
}

/// Shifts that touch a stretch of time, of these accounts, of these people or at seats, as known at an instant or now.
pub(crate) async fn touching(
    tx: &ScopedTx,
    whose: Whose,
    (from, to): (Timestamp, Timestamp),
    known: Option<Timestamp>,
) -> Result<Vec<Stored<Shift>>> {
    let rows = tx.select::<Entity>().filter(Column::StartAt.lt(to_db(to))).filter(Column::EndAt.gt(to_db(from)));
    let rows = rows.filter(known_by(Column::RecordedAt, known));
    let rows = match whose {
        Whose::Everybodys => rows,
        Whose::Seated => rows.filter(Column::Seat.is_not_null()),
        Whose::Accounts(accounts) => rows.filter(among::<Entity>(tx, Column::AccountId, accounts)),
        Whose::People(people) => rows.filter(among::<Entity>(tx, Column::PersonId, people)),
    };
    let out = superseded::touching(tx, Subject::Shift, (from, to), known).await?;
    marked_by(&out, rows.all().await?.into_iter().map(read))
}

/// Which shifts are looked for.
pub(crate) enum Whose {
    Everybodys,
    /// Those that name a seat.
    Seated,
    Accounts(Vec<AccountId>),
    People(Vec<PersonId>),
}

/// A page of the shifts that touch a stretch of time, by start, with how each stands.
pub(crate) async fn page(
    tx: &ScopedTx,
    plan: &Plan<ListShifts>,
    page: &Page,
    (from, to): (Timestamp, Timestamp),
    Asked { person, account, known }: Asked,
) -> Result<(Vec<Stored<Shift>>, String)> {
    let of_person = person.map(|person| Column::PersonId.eq(person.0));
    let of = Condition::all().add_option(of_person).add_option(account.map(|id| Column::AccountId.eq(id.0)));
    let rows = tx.select::<Entity>().within(plan).filter(of).filter(known_by(Column::RecordedAt, known));
    let rows = rows.filter(Column::StartAt.lt(to_db(to))).filter(Column::EndAt.gt(to_db(from)));
    let (rows, next) = rows.page_asc(page, [Column::StartAt, Column::Id]).await?;
    Ok((marked(tx, rows.into_iter().map(read), known).await?, next))
}

pub(crate) async fn insert(work: &UnitOfWork, ctx: &OpContext, shifts: Vec<Placed<Shift>>) -> Result<()> {
    let rows: Vec<_> = shifts.iter().map(|shift| row(ctx, shift)).collect();
    work.insert_many(rows).await.conflict(lost_race)?;
    Ok(())
}

/// Writes a shift that a correction brings.
pub(crate) async fn correct(
    work: &UnitOfWork,
    ctx: &OpContext,
    shift: &Placed<Shift>,
    correction: CorrectionId,
) -> Result<()> {
    work.insert(ActiveModel { correction_id: Set(Some(correction.into())), ..row(ctx, shift) }).await?;
    Ok(())
}

fn row(ctx: &OpContext, Placed { home, fact }: &Placed<Shift>) -> ActiveModel {
    ActiveModel {
        id: Set(ctx.new_id()),
        region: Set(home.region.to_string()),
        unit_id: Set(home.unit.map(Uuid::from)),
        person_id: Set(fact.person.into()),
        account_id: Set(fact.account.into()),
        start_at: Set(to_db(fact.start)),
        end_at: Set(to_db(fact.end)),
        seat: Set(fact.seat.clone()),
        recorded_at: Set(to_db(ctx.now())),
        ..Default::default()
    }
}
