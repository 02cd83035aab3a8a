//! People and employments.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use sea_orm::ColumnTrait as _;
use sea_orm::sea_query::Condition;
use tally_access::{OpContext, Plan, Rpc, Target};
use tally_kernel::Error;
use tally_kernel::id::{EmploymentId, LeaveId, OrgUnitId, PersonId};
use tally_kernel::time::Period;
use tally_store::{Conflict as _, ScopedTx, StoreError, Unit, among, date_from_db, date_to_db, lost_race, to_db};
use uuid::Uuid;

use super::domain::{Employment, Leave, Person, PersonError, Post, Reason};
use crate::org::store::{all_of, known};

pub(crate) mod people {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
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

pub(crate) mod employments {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
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
        pub post: String,
        pub reason: String,
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

pub(crate) mod leaves {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
    #[sea_orm(table_name = "leaves")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub tenant_id: Uuid,
        /// This version of the fact.
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub region: String,
        pub unit_id: Uuid,
        pub person_id: Uuid,
        pub leave_id: Uuid,
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

/// One person with all employments and leaves known now.
pub(crate) async fn get(tx: &ScopedTx, key: &Key) -> Result<Option<Person>, StoreError> {
    get_as_known(tx, key, None).await
}

/// One person with all employments and leaves as they were known at an instant, or now.
pub(crate) async fn get_as_known(
    tx: &ScopedTx,
    key: &Key,
    known_at: Option<Timestamp>,
) -> Result<Option<Person>, StoreError> {
    let named = match key {
        Key::Id(id) => people::Column::Id.eq(id.0),
        Key::EmployeeNo(number) => people::Column::EmployeeNo.eq(number.as_str()),
    };
    let Some(row) = tx.select::<people::Entity>().filter(named).one().await? else { return Ok(None) };
    let of = known_employments(known_at).add(employments::Column::PersonId.eq(row.id));
    let employed = tx.select::<employments::Entity>().filter(of).order_by_asc(employments::Column::ValidFrom);
    let employed = employed.order_by_asc(employments::Column::Id).all().await?;
    let of = known_leaves(known_at).add(leaves::Column::PersonId.eq(row.id));
    let away = tx.select::<leaves::Entity>().filter(of).order_by_asc(leaves::Column::ValidFrom).all().await?;
    Ok(Some(assemble(vec![row], employed, away)?.remove(0)))
}

/// Wherever a person ever was, as far as was ever known.
pub(crate) async fn places(tx: &ScopedTx, person: PersonId) -> Result<Vec<Target>, StoreError> {
    let of = employments::Column::PersonId.eq(person.0);
    let rows = tx.select::<employments::Entity>().filter(of).all().await?;
    rows.into_iter().map(|row| Ok(read(row)?.target(person))).collect()
}

/// The people with these numbers, by number, without their leaves.
pub(crate) async fn by_numbers(tx: &ScopedTx, numbers: Vec<String>) -> Result<BTreeMap<String, Person>, StoreError> {
    let mut found = BTreeMap::new();
    // Bound values per statement are limited; an import has at most 5,000.
    for chunk in numbers.chunks(1_000) {
        let rows = tx.select::<people::Entity>().filter(people::Column::EmployeeNo.is_in(chunk)).all().await?;
        let employed = known_employments(None).add(employments::Column::EmployeeNo.is_in(chunk));
        let employed = tx.select::<employments::Entity>().filter(employed);
        let employed = employed.order_by_asc(employments::Column::ValidFrom).all().await?;
        let people = assemble(rows, employed, Vec::new())?;
        found.extend(people.into_iter().map(|person| (person.employee_no.clone(), person)));
    }
    Ok(found)
}

/// What a list of people is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Only those employed on some day of it.
    pub(crate) period: Option<Period>,
    /// As it was known then, or is now.
    pub(crate) known_at: Option<Timestamp>,
}

/// People whose employment the plan reaches, by number, with those employments alone: at most `rows`, after a person.
pub(crate) async fn list<R: Rpc>(
    tx: &ScopedTx,
    plan: &Plan<R>,
    about: Wanted,
    after: Option<PersonId>,
    rows: u64,
) -> Result<Vec<Person>, StoreError> {
    let mut wanted = known_employments(about.known_at);
    if let Some(period) = about.period {
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
    let of = wanted.add(among::<employments::Entity>(tx, employments::Column::PersonId, ids.iter().copied()));
    let employed = tx.select::<employments::Entity>().within(plan).filter(of);
    let employed = employed.order_by_asc(employments::Column::ValidFrom).order_by_asc(employments::Column::Id);
    let of = known_leaves(about.known_at).add(among::<leaves::Entity>(tx, leaves::Column::PersonId, ids));
    let away = tx.select::<leaves::Entity>().within(plan).filter(of).order_by_asc(leaves::Column::ValidFrom);
    assemble(people, employed.all().await?, away.all().await?)
}

/// Employments in these units on some day from a date on, with their person and number.
pub(crate) async fn of_units(
    tx: &ScopedTx,
    units: &[OrgUnitId],
    from: Date,
) -> Result<Vec<(PersonId, String, Employment)>, StoreError> {
    let last = employments::Column::ValidTo;
    let lasts = Condition::any().add(last.is_null()).add(last.gte(date_to_db(from)));
    let of = among::<employments::Entity>(tx, employments::Column::UnitId, units.iter().copied());
    let rows = tx.select::<employments::Entity>().filter(known_employments(None).add(of).add(lasts)).all().await?;
    rows.into_iter().map(|row| Ok((PersonId(row.person_id), row.employee_no.clone(), read(row)?))).collect()
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

/// Writes who a person is in place of what was wrong. Employments carry the number too, in all their versions.
pub(crate) async fn rectify(unit: &Unit, person: &Person) -> Result<(), StoreError> {
    unit.update::<people::Entity>()
        .set(people::Column::EmployeeNo, person.employee_no.as_str())
        .set(people::Column::Name, person.name.as_str())
        .set(people::Column::Zone, person.zone.as_str())
        .filter(people::Column::Id.eq(person.id.0))
        .exec_one()
        .await
        .conflict_on("employee_no", || PersonError::NumberTaken.into())?;
    unit.update::<employments::Entity>()
        .set(employments::Column::EmployeeNo, person.employee_no.as_str())
        .filter(employments::Column::PersonId.eq(person.id.0))
        .exec()
        .await
        .map(drop)
}

/// Writes employments, known from `now` on.
pub(crate) async fn insert_employments(
    unit: &Unit,
    ctx: &OpContext,
    now: Timestamp,
    new: impl IntoIterator<Item = (PersonId, String, Employment)>,
) -> Result<(), StoreError> {
    let rows = new.into_iter().map(|(person, employee_no, employment)| employments::Model {
        tenant_id: ctx.tenant().0,
        id: employment.row,
        region: employment.region.to_string(),
        unit_id: employment.unit.0,
        person_id: person.0,
        employment_id: employment.id.0,
        post: employment.post.name().to_owned(),
        reason: employment.reason.name().to_owned(),
        employee_no,
        position: employment.position,
        grade: employment.grade,
        valid_from: date_to_db(employment.from),
        valid_to: employment.to.map(date_to_db),
        superseded_at: None,
        recorded_at: to_db(now),
    });
    unit.insert_many(rows.collect::<Vec<_>>()).await.map(drop)
}

/// Writes leaves of a person, known from `now` on.
pub(crate) async fn insert_leaves(
    unit: &Unit,
    ctx: &OpContext,
    now: Timestamp,
    person: PersonId,
    new: &[Leave],
) -> Result<(), StoreError> {
    let rows = new.iter().map(|leave| leaves::Model {
        tenant_id: ctx.tenant().0,
        id: leave.row,
        region: leave.region.to_string(),
        unit_id: leave.unit.0,
        person_id: person.0,
        leave_id: leave.id.0,
        valid_from: date_to_db(leave.from),
        valid_to: leave.to.map(date_to_db),
        superseded_at: None,
        recorded_at: to_db(now),
    });
    unit.insert_many(rows.collect::<Vec<_>>()).await.map(drop)
}

/// Closes versions of employments as "known until now". What they said stays.
pub(crate) async fn supersede(unit: &Unit, rows: &[Uuid], now: Timestamp) -> Result<(), StoreError> {
    let of = among::<employments::Entity>(unit, employments::Column::Id, rows.iter().copied());
    let update = unit.update::<employments::Entity>().set(employments::Column::SupersededAt, to_db(now));
    update.filter(known_employments(None).add(of)).exec().await.and_then(|met| all_of(met, rows))
}

/// Closes versions of leaves as "known until now". What they said stays.
pub(crate) async fn supersede_leaves(unit: &Unit, rows: &[Uuid], now: Timestamp) -> Result<(), StoreError> {
    let of = among::<leaves::Entity>(unit, leaves::Column::Id, rows.iter().copied());
    let update = unit.update::<leaves::Entity>().set(leaves::Column::SupersededAt, to_db(now));
    update.filter(known_leaves(None).add(of)).exec().await.and_then(|met| all_of(met, rows))
}

fn known_employments(at: Option<Timestamp>) -> Condition {
    known(employments::Column::RecordedAt, employments::Column::SupersededAt, at)
}

fn known_leaves(at: Option<Timestamp>) -> Condition {
    known(leaves::Column::RecordedAt, leaves::Column::SupersededAt, at)
}

fn assemble(
    people: Vec<people::Model>,
    employed: Vec<employments::Model>,
    away: Vec<leaves::Model>,
) -> Result<Vec<Person>, StoreError> {
    let mut of = BTreeMap::<Uuid, (Vec<Employment>, Vec<Leave>)>::new();
    for row in employed {
        of.entry(row.person_id).or_default().0.push(read(row)?);
    }
    for row in away {
        let leave = Leave {
            row: row.id,
            id: LeaveId(row.leave_id),
            unit: OrgUnitId(row.unit_id),
            region: row.region.parse()?,
            from: date_from_db(row.valid_from),
            to: row.valid_to.map(date_from_db),
        };
        of.entry(row.person_id).or_default().1.push(leave);
    }
    let person = |row: people::Model| {
        let (employments, leaves) = of.remove(&row.id).unwrap_or_default();
        let id = PersonId(row.id);
        Person { id, employee_no: row.employee_no, name: row.name, zone: row.zone, employments, leaves }
    };
    Ok(people.into_iter().map(person).collect())
}

fn read(row: employments::Model) -> Result<Employment, StoreError> {
    let unreadable = |what: &str| Error::internal(format!("employment {}: {what}", row.id));
    Ok(Employment {
        row: row.id,
        id: EmploymentId(row.employment_id),
        post: Post::read(&row.post).ok_or_else(|| unreadable(&row.post))?,
        unit: OrgUnitId(row.unit_id),
        region: row.region.parse()?,
        reason: Reason::read(&row.reason).ok_or_else(|| unreadable(&row.reason))?,
        position: row.position,
        grade: row.grade,
        from: date_from_db(row.valid_from),
        to: row.valid_to.map(date_from_db),
    })
}
