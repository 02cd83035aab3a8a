//! People and employments.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sea_orm::sea_query::Condition;
use sea_orm::{ColumnTrait as _, ExprTrait as _};
use tally_access::{OpContext, Plan, Rpc};
use tally_kernel::id::{EmploymentId, OrgUnitId, PersonId};
use tally_kernel::time::Period;
use tally_store::{Conflict as _, ScopedTx, StoreError, Unit, among, date_from_db, date_to_db, lost_race, to_db};
use uuid::Uuid;

use super::domain::{Employment, Person};

mod people {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "people")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub employee_no: String,
        pub name: String,
        pub zone: String,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId, region: Region, person: Id });
}

mod employments {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "employments")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        /// This version of the fact.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub unit_id: Uuid,
        pub person_id: Uuid,
        pub employment_id: Uuid,
        /// Kept here too, so that a list filtered by employment is ordered by it.
        pub employee_no: String,
        pub position: String,
        pub grade: String,
        pub valid_from: Date,
        pub valid_to: Option<Date>,
        pub superseded_at: Option<DateTimeUtc>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, person: PersonId });
}

/// How a person is named in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// By id.
    Id(PersonId),
    /// By the group's own number.
    EmployeeNo(String),
}

/// One person with all employments known now.
pub(crate) async fn get(tx: &ScopedTx, key: &Key) -> Result<Option<Person>, StoreError> {
    let named = match key {
        Key::Id(id) => people::Column::Id.eq(id.0),
        Key::EmployeeNo(number) => people::Column::EmployeeNo.eq(number.as_str()),
    };
    let Some(row) = tx.select::<people::Entity>().filter(named).one().await? else { return Ok(None) };
    let of = employments::Column::PersonId.eq(row.id).and(known_now());
    let employed = tx.select::<employments::Entity>().filter(of).order_by_asc(employments::Column::ValidFrom).all();
    Ok(Some(assemble(vec![row], employed.await?)?.remove(0)))
}

/// The people with these numbers, by number.
pub(crate) async fn by_numbers(tx: &ScopedTx, numbers: Vec<String>) -> Result<BTreeMap<String, Person>, StoreError> {
    let mut found = BTreeMap::new();
    // Bound values per statement are limited; an import has at most 5,000.
    for chunk in numbers.chunks(1_000) {
        let rows = tx.select::<people::Entity>().filter(people::Column::EmployeeNo.is_in(chunk)).all().await?;
        let employed = employments::Column::EmployeeNo.is_in(chunk).and(known_now());
        let employed = tx.select::<employments::Entity>().filter(employed);
        let people = assemble(rows, employed.order_by_asc(employments::Column::ValidFrom).all().await?)?;
        found.extend(people.into_iter().map(|person| (person.employee_no.clone(), person)));
    }
    Ok(found)
}

/// People whose employment the plan reaches, by number, with those employments alone: at most `rows`, after a person.
pub(crate) async fn list<R: Rpc>(
    tx: &ScopedTx,
    plan: &Plan<R>,
    period: Option<Period>,
    after: Option<PersonId>,
    rows: u64,
) -> Result<Vec<Person>, StoreError> {
    let mut wanted = Condition::all().add(known_now());
    if let Some(period) = period {
        let ends = Condition::any()
            .add(employments::Column::ValidTo.is_null())
            .add(employments::Column::ValidTo.gte(date_to_db(period.from())));
        wanted = wanted.add(employments::Column::ValidFrom.lte(date_to_db(period.to()))).add(ends);
    }
    let mut from = wanted.clone();
    if let Some(after) = after {
        // The token names a person, not a number: numbers may be hidden from the caller.
        let last = tx.select::<people::Entity>().filter(people::Column::Id.eq(after.0)).one().await?;
        from = from.add(employments::Column::EmployeeNo.gt(last.map(|row| row.employee_no).unwrap_or_default()));
    }
    let found = tx.select::<employments::Entity>().within(plan).filter(from);
    let page: Vec<(String, Uuid)> = found
        .order_by_asc(employments::Column::EmployeeNo)
        .limit(rows)
        .rows(|q| {
            q.column(employments::Column::EmployeeNo)
                .column(employments::Column::PersonId)
                .group_by(employments::Column::EmployeeNo)
                .group_by(employments::Column::PersonId)
        })
        .await?;
    let ids: Vec<Uuid> = page.iter().map(|(_, id)| *id).collect();
    let of = among::<people::Entity>(tx, people::Column::Id, ids.iter().copied());
    let people = tx.select::<people::Entity>().filter(of).order_by_asc(people::Column::EmployeeNo).all().await?;
    let of = wanted.add(among::<employments::Entity>(tx, employments::Column::PersonId, ids));
    let employed = tx.select::<employments::Entity>().within(plan).filter(of);
    assemble(people, employed.order_by_asc(employments::Column::ValidFrom).all().await?)
}

/// Writes people, without their employments. `region` is the one of the first employment.
pub(crate) async fn insert_people(unit: &Unit, ctx: &OpContext, new: &[(Person, String)]) -> Result<(), StoreError> {
    let rows = new.iter().map(|(person, region)| people::Model {
        tenant_id: ctx.tenant().0,
        id: person.id.0,
        region: region.clone(),
        employee_no: person.employee_no.clone(),
        name: person.name.clone(),
        zone: person.zone.clone(),
        recorded_at: to_db(ctx.now()),
    });
    // Somebody else wrote one of the numbers since we looked: look again.
    unit.insert_many(rows.collect::<Vec<_>>()).await.conflict(lost_race).map(drop)
}

/// Writes employments.
pub(crate) async fn insert_employments(
    unit: &Unit,
    ctx: &OpContext,
    new: impl IntoIterator<Item = (PersonId, String, Employment)>,
) -> Result<(), StoreError> {
    let rows = new.into_iter().map(|(person, employee_no, employment)| employments::Model {
        tenant_id: ctx.tenant().0,
        id: employment.row,
        region: employment.region.to_string(),
        unit_id: employment.unit.0,
        person_id: person.0,
        employment_id: employment.id.0,
        employee_no,
        position: employment.position,
        grade: employment.grade,
        valid_from: date_to_db(employment.from),
        valid_to: employment.to.map(date_to_db),
        superseded_at: None,
        recorded_at: to_db(ctx.now()),
    });
    unit.insert_many(rows.collect::<Vec<_>>()).await.map(drop)
}

/// Closes a version of an employment as "known until now". What it said stays.
pub(crate) async fn supersede(unit: &Unit, row: Uuid, now: Timestamp) -> Result<(), StoreError> {
    let open = employments::Column::Id.eq(row).and(known_now());
    unit.update::<employments::Entity>()
        .set(employments::Column::SupersededAt, to_db(now))
        .filter(open)
        .exec_one()
        .await
}

fn known_now() -> sea_orm::sea_query::Expr {
    employments::Column::SupersededAt.is_null()
}

fn assemble(people: Vec<people::Model>, employed: Vec<employments::Model>) -> Result<Vec<Person>, StoreError> {
    let mut of = BTreeMap::<Uuid, Vec<Employment>>::new();
    for row in employed {
        let employment = Employment {
            row: row.id,
            id: EmploymentId(row.employment_id),
            unit: OrgUnitId(row.unit_id),
            region: row.region.parse()?,
            position: row.position,
            grade: row.grade,
            from: date_from_db(row.valid_from),
            to: row.valid_to.map(date_from_db),
        };
        of.entry(row.person_id).or_default().push(employment);
    }
    let person = |row: people::Model| Person {
        id: PersonId(row.id),
        employments: of.remove(&row.id).unwrap_or_default(),
        employee_no: row.employee_no,
        name: row.name,
        zone: row.zone,
    };
    Ok(people.into_iter().map(person).collect())
}
