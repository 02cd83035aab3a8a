//! Who is in a cycle, as it was when closing began.

use std::collections::BTreeSet;

use crate::cycle::domain::Cycle;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::entity::prelude::*;
use tally_access::OpContext;
use tally_kernel::Result;
use tally_kernel::id::PersonId;
use tally_kernel::person::Employment;
use tally_store::{Conflict as _, ScopedTx, UnitOfWork, lost_race, to_db};

/// Somebody who is in.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "cycle_people")]
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
    pub recorded_at: DateTimeUtc,
    /// The last day of the cycle, or of the home of whoever left it before; nothing in a row from before days were kept.
    pub day: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, person: PersonId, iso_day: Day });

/// Writes who is in an attempt, each with the home of the day.
pub async fn insert(
    work: &UnitOfWork,
    ctx: &OpContext,
    (cycle, run): (&Cycle, Uuid),
    people: &[(PersonId, Employment)],
) -> Result<()> {
    let row = |(person, home): &(PersonId, Employment)| ActiveModel {
        tenant_id: NotSet,
        id: Set(ctx.new_id()),
        region: Set(home.region.as_str().to_owned()),
        unit_id: Set(Some(home.unit.0)),
        person_id: Set(person.0),
        run_id: Set(run),
        cycle_id: Set(cycle.id.0),
        recorded_at: Set(to_db(ctx.now())),
        day: Set(Some(home.until(cycle.period.to()).to_string())),
    };
    work.insert_many(people.iter().map(row).collect::<Vec<_>>()).await.conflict(lost_race)?;
    Ok(())
}

/// Who is in an attempt.
pub async fn of_run(tx: &ScopedTx, run: Uuid) -> Result<BTreeSet<PersonId>> {
    let mine = tx.select::<Entity>().filter(Column::RunId.eq(run));
    let people: Vec<(Uuid, Uuid)> = mine.rows(|q| q.column(Column::PersonId).column(Column::CycleId)).await?;
    Ok(people.into_iter().map(|(person, _)| PersonId(person)).collect())
}

/// Forgets who was in an attempt.
pub async fn discard(work: &UnitOfWork, run: Uuid) -> Result<()> {
    work.delete::<Entity>().filter(Column::RunId.eq(run)).exec().await?;
    Ok(())
}
