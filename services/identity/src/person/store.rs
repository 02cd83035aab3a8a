//! People and employments.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use sea_orm::ColumnTrait as _;
use tally_access::{OpContext, Plan, Region, Rpc, Target};
use tally_kernel::dated::Succession;
use tally_kernel::id::{EmploymentId, LeaveId, OrgUnitId, PersonId};
use tally_kernel::time::Period;
use tally_kernel::{Error, IdNumber};
use tally_store::{
    BlindIndex, Conflict as _, PersonKeys, Place, ScopedTx, Sealed, StoreError, UnitOfWork, among, class, date_from_db,
    date_to_db, dated, lost_race, to_db, word_from_db,
};
use uuid::Uuid;

use super::domain::{Employment, Holders, Key, Leave, Person, PersonError};

pub(crate) mod people {
    use sea_orm::entity::prelude::*;
    use tally_kernel::IdNumber;
    use tally_store::{BlindIndex, Sealed, class};

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
        #[serde(skip)]
        pub id_number: Option<Sealed<class::IdNumber, IdNumber>>,
        #[serde(skip)]
        pub id_number_index: Option<BlindIndex>,
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
        /// Nothing where nobody said.
        pub kind: Option<String>,
        pub valid_from: Date,
        pub valid_to: Option<Date>,
        pub superseded_at: Option<DateTimeUtc>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity {
        tenant: TenantId,
        region: Region,
        unit: UnitId,
        person: PersonId,
        days: ValidFrom..ValidTo
    });
    tally_store::dated!(Entity);
}

pub(crate) mod leaves {
    use sea_orm::entity::prelude::*;
    use tally_store::{Sealed, class};

    use crate::person::domain::Why;

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
        #[serde(skip)]
        pub why: Option<Sealed<class::Medical, Why>>,
        pub recorded_at: DateTimeUtc,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
    impl ActiveModelBehavior for ActiveModel {}
    tally_store::scoped!(Entity {
        tenant: TenantId,
        region: Region,
        unit: UnitId,
        person: PersonId,
        days: ValidFrom..ValidTo
    });
    tally_store::dated!(Entity);
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
    let of = dated::known::<employments::Entity>(known_at).add(employments::Column::PersonId.eq(row.id));
    let employed = tx.select::<employments::Entity>().filter(of).order_by_asc(employments::Column::ValidFrom);
    let employed = employed.order_by_asc(employments::Column::Id).all().await?;
    let of = dated::known::<leaves::Entity>(known_at).add(leaves::Column::PersonId.eq(row.id));
    let away = tx.select::<leaves::Entity>().filter(of).order_by_asc(leaves::Column::ValidFrom).all().await?;
    Ok(Some(assemble(tx, vec![row], employed, away).await?.remove(0)))
}

/// Whoever has this identity number: at most one person of a region.
pub(crate) async fn holders_of(tx: &ScopedTx, number: &IdNumber) -> Result<Vec<PersonId>, StoreError> {
    let Some(index) = tx.blind_index(number).await? else { return Ok(Vec::new()) };
    let of = tx.select::<people::Entity>().filter(people::Column::IdNumberIndex.eq(index));
    let rows = of.order_by_asc(people::Column::Id).all().await?;
    Ok(rows.into_iter().map(|row| PersonId(row.id)).collect())
}

/// Who of each region has these identity numbers.
pub(crate) async fn holders(tx: &ScopedTx, numbers: BTreeSet<IdNumber>) -> Result<Holders, StoreError> {
    let mut wanted = Vec::new();
    for number in numbers {
        // None: the group holds no number yet.
        let Some(index) = tx.blind_index(&number).await? else { return Ok(Holders::new()) };
        wanted.push((index, number));
    }
    let mut found = Holders::new();
    for chunk in wanted.chunks(1_000) {
        let indices = chunk.iter().map(|(index, _)| *index);
        let of = tx.select::<people::Entity>().filter(people::Column::IdNumberIndex.is_in(indices));
        for row in of.all().await? {
            let number = chunk.iter().find(|(index, _)| row.id_number_index == Some(*index));
            let number = number.ok_or_else(|| Error::internal("a person of another number"))?.1.clone();
            found.insert((word_from_db("a region", &row.region)?, number), PersonId(row.id));
        }
    }
    Ok(found)
}

/// Puts back what the kept result of a request leaves out, because it lives under the person's key alone.
pub(crate) async fn complete(tx: &ScopedTx, person: &mut Person) -> Result<(), StoreError> {
    let people = tx.select::<people::Entity>().filter(people::Column::Id.eq(person.id.0)).all().await?;
    let rows = among::<leaves::Entity>(tx, leaves::Column::Id, person.leaves.iter().map(|leave| leave.row));
    let away = tx.select::<leaves::Entity>().filter(rows).all().await?;
    for known in assemble(tx, people, Vec::new(), away).await? {
        person.id_number = known.id_number;
        for leave in &mut person.leaves {
            leave.why = known.leaves.iter().find(|l| l.row == leave.row).and_then(|l| l.why.clone());
        }
    }
    Ok(())
}

/// Wherever a person ever was, as far as was ever known: where each unit hangs today, and where it hung while the person was there.
pub(crate) async fn places(tx: &ScopedTx, person: PersonId) -> Result<Vec<Target>, StoreError> {
    let of = employments::Column::PersonId.eq(person.0);
    let rows = tx.select::<employments::Entity>().filter(of).all().await?;
    let mut places = Vec::with_capacity(rows.len() * 2);
    for row in rows {
        let employment = read(row)?;
        places.extend([employment.target(person), employment.read_target(person)]);
    }
    Ok(places)
}

/// The people with these numbers, by number, without their leaves.
pub(crate) async fn by_numbers(tx: &ScopedTx, numbers: Vec<String>) -> Result<BTreeMap<String, Person>, StoreError> {
    let mut found = BTreeMap::new();
    // Bound values per statement are limited; an import has at most 5,000.
    for chunk in numbers.chunks(1_000) {
        let rows = tx.select::<people::Entity>().filter(people::Column::EmployeeNo.is_in(chunk)).all().await?;
        let employed = dated::known::<employments::Entity>(None).add(employments::Column::EmployeeNo.is_in(chunk));
        let employed = tx.select::<employments::Entity>().filter(employed);
        let employed = employed.order_by_asc(employments::Column::ValidFrom).all().await?;
        let people = assemble(tx, rows, employed, Vec::new()).await?;
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
    let wanted = match about.period {
        Some(period) => dated::known_between::<employments::Entity>(period.from(), period.to(), about.known_at),
        None => dated::known::<employments::Entity>(about.known_at),
    };
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
    let of =
        dated::known::<leaves::Entity>(about.known_at).add(among::<leaves::Entity>(tx, leaves::Column::PersonId, ids));
    let away = tx.select::<leaves::Entity>().within(plan).filter(of).order_by_asc(leaves::Column::ValidFrom);
    let (employed, away) = (employed.all().await?, away.all().await?);
    assemble(tx, people, employed, away).await
}

/// Employments in these units on some day from a date on, with their person and number.
pub(crate) async fn of_units(
    tx: &ScopedTx,
    units: &[OrgUnitId],
    from: Date,
) -> Result<Vec<(PersonId, String, Employment)>, StoreError> {
    let since = dated::known_since::<employments::Entity>(from, None);
    let of = among::<employments::Entity>(tx, employments::Column::UnitId, units.iter().copied());
    let rows = tx.select::<employments::Entity>().filter(since.add(of)).all().await?;
    rows.into_iter().map(|row| Ok((PersonId(row.person_id), row.employee_no.clone(), read(row)?))).collect()
}

/// Whoever is employed in a region on a day.
pub(crate) async fn employed(tx: &ScopedTx, region: &Region, day: Date) -> Result<BTreeSet<PersonId>, StoreError> {
    let covers = dated::known_on::<employments::Entity>(day, None);
    let covers = covers.add(employments::Column::Region.eq(region.as_str()));
    let person = employments::Column::PersonId;
    let found = tx.select::<employments::Entity>().filter(covers);
    let people: Vec<Uuid> = found.rows(|rows| rows.column(person).group_by(person)).await?;
    Ok(people.into_iter().map(PersonId).collect())
}

/// Writes people, without their employments. `region` is the one of the first employment.
pub(crate) async fn insert_people(
    work: &UnitOfWork,
    ctx: &OpContext,
    new: &[(Person, String)],
) -> Result<(), StoreError> {
    let numbered = new.iter().filter(|(person, _)| person.id_number.is_some()).map(|(person, _)| person.id);
    let keys = work.make_person_keys(numbered).await?;
    let mut rows = Vec::with_capacity(new.len());
    for (person, region) in new {
        let (id_number, id_number_index) = sealed_number(work, &keys, person).await?;
        rows.push(people::Model {
            tenant_id: ctx.tenant().0,
            id: person.id.0,
            region: region.clone(),
            employee_no: person.employee_no.clone(),
            name: person.name.clone(),
            zone: person.zone.clone(),
            id_number,
            id_number_index,
            recorded_at: to_db(ctx.now()),
        });
    }
    // Somebody else wrote one of the numbers since we looked: look again.
    work.insert_many(rows).await.conflict(lost_race).map(drop)
}

async fn sealed_number(
    work: &UnitOfWork,
    keys: &PersonKeys<'_>,
    person: &Person,
) -> Result<(Option<Sealed<class::IdNumber, IdNumber>>, Option<BlindIndex>), StoreError> {
    let Some(number) = &person.id_number else { return Ok((None, None)) };
    let sealed = keys.seal(person.id, &Place::of(people::Column::IdNumber, person.id), number)?;
    Ok((Some(sealed), Some(work.make_blind_index(number).await?)))
}

/// Writes who a person is in place of what was wrong. Employments carry the number too, in all their versions.
pub(crate) async fn rectify(work: &UnitOfWork, person: &Person) -> Result<(), StoreError> {
    work.update::<people::Entity>()
        .set(people::Column::EmployeeNo, person.employee_no.as_str())
        .set(people::Column::Name, person.name.as_str())
        .set(people::Column::Zone, person.zone.as_str())
        .filter(people::Column::Id.eq(person.id.0))
        .exec_one()
        .await
        .conflict_on("employee_no", || PersonError::NumberTaken.into())?;
    if person.id_number.is_some() {
        let keys = work.make_person_keys([person.id]).await?;
        let (number, index) = sealed_number(work, &keys, person).await?;
        work.update::<people::Entity>()
            .set(people::Column::IdNumber, number)
            .set(people::Column::IdNumberIndex, index)
            .filter(people::Column::Id.eq(person.id.0))
            .exec_one()
            .await
            .conflict_on("id_number_index", || PersonError::IdNumberTaken.into())?;
    }
    work.update::<employments::Entity>()
        .set(employments::Column::EmployeeNo, person.employee_no.as_str())
        .filter(employments::Column::PersonId.eq(person.id.0))
        .exec()
        .await
        .map(drop)
}

/// Writes employments, known from `now` on.
pub(crate) async fn insert_employments(
    work: &UnitOfWork,
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
        post: employment.post.to_string(),
        reason: employment.reason.to_string(),
        employee_no,
        position: employment.position,
        grade: employment.grade,
        kind: employment.kind.map(|kind| kind.to_string()),
        valid_from: date_to_db(employment.from),
        valid_to: employment.to.map(date_to_db),
        superseded_at: None,
        recorded_at: to_db(now),
    });
    work.insert_many(rows.collect::<Vec<_>>()).await.map(drop)
}

/// Closes versions of employments as "known until now", and writes those known from `now` on.
pub(crate) async fn change_employments(
    work: &UnitOfWork,
    ctx: &OpContext,
    now: Timestamp,
    closes: &[Uuid],
    new: impl IntoIterator<Item = (PersonId, String, Employment)>,
) -> Result<(), StoreError> {
    dated::supersede::<employments::Entity>(work, closes, now).await?;
    insert_employments(work, ctx, now, new).await
}

/// The same of leaves of a person.
pub(crate) async fn change_leaves(
    work: &UnitOfWork,
    ctx: &OpContext,
    now: Timestamp,
    person: PersonId,
    Succession { closes, writes: new }: &Succession<Leave>,
) -> Result<(), StoreError> {
    dated::supersede::<leaves::Entity>(work, closes, now).await?;
    let said = new.iter().any(|leave| leave.why.is_some());
    let keys = work.make_person_keys(said.then_some(person)).await?;
    let mut rows = Vec::with_capacity(new.len());
    for leave in new {
        let place = Place::of(leaves::Column::Why, leave.row);
        rows.push(leaves::Model {
            tenant_id: ctx.tenant().0,
            id: leave.row,
            region: leave.region.to_string(),
            unit_id: leave.unit.0,
            person_id: person.0,
            leave_id: leave.id.0,
            valid_from: date_to_db(leave.from),
            valid_to: leave.to.map(date_to_db),
            superseded_at: None,
            why: leave.why.as_ref().map(|why| keys.seal(person, &place, why)).transpose()?,
            recorded_at: to_db(now),
        });
    }
    work.insert_many(rows).await.map(drop)
}

/// People with their employments and leaves; what is sealed is opened, and missing where the person was erased.
async fn assemble(
    tx: &ScopedTx,
    people: Vec<people::Model>,
    employed: Vec<employments::Model>,
    away: Vec<leaves::Model>,
) -> Result<Vec<Person>, StoreError> {
    let numbered = people.iter().filter(|row| row.id_number.is_some()).map(|row| row.id);
    let reasoned = away.iter().filter(|row| row.why.is_some()).map(|row| row.person_id);
    let keys = tx.person_keys(numbered.chain(reasoned).map(PersonId)).await?;
    let mut of = BTreeMap::<Uuid, (Vec<Employment>, Vec<Leave>)>::new();
    for row in employed {
        of.entry(row.person_id).or_default().0.push(read(row)?);
    }
    for row in away {
        let place = Place::of(leaves::Column::Why, row.id);
        let why = row.why.as_ref().map(|why| keys.open(PersonId(row.person_id), &place, why)).transpose()?;
        let leave = Leave {
            row: row.id,
            id: LeaveId(row.leave_id),
            unit: OrgUnitId(row.unit_id),
            region: word_from_db("a region", &row.region)?,
            from: date_from_db(row.valid_from)?,
            to: row.valid_to.map(date_from_db).transpose()?,
            why: why.flatten(),
        };
        of.entry(row.person_id).or_default().1.push(leave);
    }
    let person = |row: people::Model| {
        let (employments, leaves) = of.remove(&row.id).unwrap_or_default();
        let id = PersonId(row.id);
        let place = Place::of(people::Column::IdNumber, id);
        let number = row.id_number.as_ref().map(|number| keys.open(id, &place, number)).transpose()?;
        let (employee_no, name, zone, id_number) = (row.employee_no, row.name, row.zone, number.flatten());
        Ok(Person { id, employee_no, name, zone, id_number, employments, leaves })
    };
    people.into_iter().map(person).collect()
}

fn read(row: employments::Model) -> Result<Employment, StoreError> {
    Ok(Employment {
        row: row.id,
        id: EmploymentId(row.employment_id),
        post: word_from_db("a post", &row.post)?,
        unit: OrgUnitId(row.unit_id),
        region: word_from_db("a region", &row.region)?,
        reason: word_from_db("a reason", &row.reason)?,
        position: row.position,
        grade: row.grade,
        kind: row.kind.map(|kind| word_from_db("a kind of employment", &kind)).transpose()?,
        from: date_from_db(row.valid_from)?,
        to: row.valid_to.map(date_from_db).transpose()?,
    })
}
