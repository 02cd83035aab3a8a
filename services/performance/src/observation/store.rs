//! Rows of observations: one for each version. A row says since when and until when it counted; nothing else of it ever changes but
//! the number by which its sender tells versions apart.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use sea_orm::ExprTrait as _;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Condition;
use strum_macros::{EnumString, IntoStaticStr};
use tally_access::{OpContext, Plan as Reached, Rpc};
use tally_kernel::id::{ObservationId, OrgUnitId, PersonId};
use tally_kernel::page::Page;
use tally_kernel::{Error, Micro, Result};
use tally_store::{
    Conflict as _, ScopedTx, UnitOfWork, bytes_from_db, dated, from_db, lost_race, number_from_db, to_db, word_from_db,
};

use super::domain::{Content, Placed, Plan, Said, Stored, Subject, SubjectKind, There, When};

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "observations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub region: String,
    pub unit_id: Option<Uuid>,
    pub person_id: Option<Uuid>,
    /// The same for all versions.
    pub observation_id: Uuid,
    /// Of the version among those of its observation, from 1.
    pub ordinal: i32,
    pub measure: String,
    /// [`SubjectKind`].
    pub kind: String,
    pub subject: String,
    pub from_day: String,
    pub to_day: String,
    pub at_ms: Option<i64>,
    pub ended_ms: i64,
    pub value_micro: i64,
    pub source: String,
    pub revision: i64,
    #[serde(skip)]
    pub key: Vec<u8>,
    pub recorded_at: DateTimeUtc,
    /// Nothing while it counts.
    pub until_at: Option<DateTimeUtc>,
    /// [`Ended`].
    pub ended: Option<String>,
    pub reason: Option<String>,
    /// The principal who ended it.
    pub ended_by: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, person: PersonId, iso_day: ToDay });

/// How a version ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Ended {
    Revised,
    Withdrawn,
}

/// A version with its place in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub id: ObservationId,
    pub placed: Placed,
    pub recorded_at: Timestamp,
    /// Nothing while it counts.
    pub end: Option<End>,
}

/// How a version ended, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    pub until: Timestamp,
    pub ended: Ended,
    pub reason: String,
    pub by: Uuid,
}

impl TryFrom<Model> for Version {
    type Error = Error;
    fn try_from(row: Model) -> Result<Self> {
        let day = |text: &str| text.parse::<Date>().map_err(Error::internal);
        let kind: SubjectKind = word_from_db("the kind of a subject", &row.kind)?;
        let days = (day(&row.from_day)?, day(&row.to_day)?);
        let at = row.at_ms.map(Timestamp::from_millisecond).transpose().map_err(Error::internal)?;
        let subject = Subject::of(kind, &row.subject).ok_or_else(|| Error::internal("a subject that is none"))?;
        let unit = row.unit_id.map(OrgUnitId);
        let said = Said {
            measure: row.measure,
            subject,
            when: at.map_or(When::Days(days.0, days.1), When::At),
            value: Micro::from_millionths(row.value_micro),
            source: row.source,
            revision: row.revision,
            run_by: unit.filter(|_| kind == SubjectKind::Campaign),
        };
        let (region, person) = (row.region.parse().map_err(Error::internal)?, row.person_id.map(PersonId));
        let placed = Placed { said, days, ended_ms: row.ended_ms, region, unit, person };
        let end = match (row.until_at, row.ended, row.ended_by) {
            (Some(until), Some(ended), Some(by)) => Some(End {
                until: from_db(until)?,
                ended: word_from_db("the end of an observation", &ended)?,
                reason: row.reason.unwrap_or_default(),
                by,
            }),
            _ => None,
        };
        Ok(Self { id: ObservationId(row.observation_id), placed, recorded_at: from_db(row.recorded_at)?, end })
    }
}

/// A version as it comes now.
fn model(ctx: &OpContext, observation: Uuid, ordinal: i32, placed: &Placed) -> Model {
    let Placed { said, days, .. } = placed;
    Model {
        tenant_id: ctx.tenant().0,
        id: ctx.new_id(),
        region: placed.region.as_str().to_owned(),
        unit_id: placed.unit.map(Uuid::from),
        person_id: placed.person.map(Uuid::from),
        observation_id: observation,
        ordinal,
        measure: said.measure.clone(),
        kind: said.subject.kind().to_string(),
        subject: said.subject.key(),
        from_day: days.0.to_string(),
        to_day: days.1.to_string(),
        at_ms: match said.when {
            When::At(at) => Some(at.as_millisecond()),
            When::Days(..) => None,
        },
        ended_ms: placed.ended_ms,
        value_micro: said.value.millionths(),
        source: said.source.clone(),
        revision: said.revision,
        key: placed.key().to_vec(),
        recorded_at: to_db(ctx.now()),
        until_at: None,
        ended: None,
        reason: None,
        ended_by: None,
    }
}

/// The lock of whoever writes observations: two calls at once must not each write one of two that contradict each other.
pub async fn lock(work: &UnitOfWork) -> Result<()> {
    Ok(work.lock("observations", Uuid::nil()).await?)
}

/// What is there of these observations: the newest version of each.
pub async fn there(tx: &ScopedTx, rows: &[(u32, Placed)]) -> Result<There> {
    let keys: BTreeSet<Vec<u8>> = rows.iter().map(|(_, row)| row.key().to_vec()).collect();
    if keys.is_empty() {
        return Ok(There::new());
    }
    let mut newest: BTreeMap<Vec<u8>, Model> = BTreeMap::new();
    for row in tx.select::<Entity>().filter(Column::Key.is_in(keys)).order_by_asc(Column::Ordinal).all().await? {
        newest.insert(row.key.clone(), row);
    }
    let stored = |(key, row): (Vec<u8>, Model)| {
        let withdrawn = row.until_at.map(|_| row.reason.unwrap_or_default());
        let content = Content { value: Micro::from_millionths(row.value_micro), source: row.source };
        let (id, ordinal, revision) = (row.observation_id, row.ordinal, row.revision);
        Ok((bytes_from_db("the key of an observation", &key)?, Stored { id, ordinal, revision, content, withdrawn }))
    };
    newest.into_iter().map(stored).collect()
}

/// Does what was decided.
pub async fn apply(work: &UnitOfWork, ctx: &OpContext, plan: Plan) -> Result<()> {
    for (id, revision) in plan.raised {
        let these = Column::ObservationId.eq(id).and(Column::UntilAt.is_null());
        work.update::<Entity>().set(Column::Revision, revision).filter(these).exec_one().await?;
    }
    let revised = plan.changes.iter().filter_map(|change| change.was.as_ref());
    let revised: Vec<Uuid> = revised.filter(|was| was.withdrawn.is_none()).map(|was| was.id).collect();
    if !revised.is_empty() {
        end(work, ctx, Column::ObservationId.is_in(revised), (Ended::Revised, "")).await?;
    }
    let mut rows = Vec::new();
    for change in &plan.changes {
        let observation = change.was.as_ref().map_or_else(|| ctx.new_id(), |was| was.id);
        let before = change.was.as_ref().map_or(0, |was| was.ordinal);
        let last = change.versions.len();
        for (at, placed) in change.versions.iter().enumerate() {
            let ordinal = before + i32::try_from(at).map_err(Error::internal)? + 1;
            let row = model(ctx, observation, ordinal, placed);
            // One that came with a newer one in the same call never counted.
            rows.push(if at + 1 == last { row } else { ended(ctx, row) });
        }
    }
    work.insert_many(rows).await.conflict(lost_race)?;
    Ok(())
}

fn ended(ctx: &OpContext, row: Model) -> Model {
    let ended: &str = Ended::Revised.into();
    let (until_at, ended_by) = (Some(row.recorded_at), Some(ctx.actor.principal.0));
    Model { until_at, ended: Some(ended.to_owned()), reason: Some(String::new()), ended_by, ..row }
}

/// Ends what counts of these.
async fn end(
    work: &UnitOfWork,
    ctx: &OpContext,
    these: sea_orm::sea_query::Expr,
    (ended, reason): (Ended, &str),
) -> Result<u64> {
    let ended: &str = ended.into();
    let update = work
        .update::<Entity>()
        .set(Column::UntilAt, Some(to_db(ctx.now())))
        .set(Column::Ended, Some(ended.to_owned()))
        .set(Column::Reason, Some(reason.to_owned()))
        .set(Column::EndedBy, Some(ctx.actor.principal.0));
    Ok(update.filter(these.and(Column::UntilAt.is_null())).exec().await?)
}

/// The last version of an observation, if the plan reaches it.
pub async fn find<R: Rpc>(tx: &ScopedTx, plan: &Reached<R>, id: ObservationId) -> Result<Version> {
    let these = tx.select::<Entity>().within(plan).filter(Column::ObservationId.eq(id.0));
    let found = these.order_by_desc(Column::Ordinal).limit(1).one().await?;
    found.ok_or_else(|| Error::not_found("observation", id))?.try_into()
}

/// Takes an observation out.
///
/// # Errors
/// `NOT_FOUND` where it counts no more.
pub async fn withdraw(work: &UnitOfWork, ctx: &OpContext, id: ObservationId, reason: &str) -> Result<()> {
    let done = end(work, ctx, Column::ObservationId.eq(id.0), (Ended::Withdrawn, reason)).await?;
    if done == 1 { Ok(()) } else { Err(Error::not_found("observation", id)) }
}

/// Which observations are asked for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub measure: Option<String>,
    pub subject: Option<Subject>,
    /// Whose last day is one of these.
    pub days: (Option<Date>, Option<Date>),
    /// As they were known then, and not as they are.
    pub known_at: Option<Timestamp>,
    /// Whatever counted before as well.
    pub versions: bool,
}

/// A page of observations by their last day.
pub async fn page<R: Rpc>(
    tx: &ScopedTx,
    plan: &Reached<R>,
    asked: &Asked,
    page: &Page,
) -> Result<(Vec<Version>, String)> {
    let subject = asked.subject.as_ref().map(|subject| (subject.kind().to_string(), subject.key()));
    let these = Condition::all()
        .add_option(asked.measure.as_ref().map(|measure| Column::Measure.eq(measure.as_str())))
        .add_option(subject.map(|(kind, key)| Column::Kind.eq(kind).and(Column::Subject.eq(key))))
        .add_option(asked.days.0.map(|from| Column::ToDay.gte(from.to_string())))
        .add_option(asked.days.1.map(|to| Column::ToDay.lte(to.to_string())))
        .add(counting(asked.known_at, asked.versions));
    let rows = tx.select::<Entity>().within(plan).filter(these).page_asc(page, [Column::ToDay, Column::Id]).await?;
    Ok((rows.0.into_iter().map(Version::try_from).collect::<Result<_>>()?, rows.1))
}

/// What counts now, or counted at an instant; with `versions` whatever had come by then.
fn counting(known_at: Option<Timestamp>, versions: bool) -> Condition {
    dated::counting((Column::RecordedAt, Column::UntilAt), known_at, versions)
}

/// Whom or what observations of these measures within the days are about that came, were revised or were withdrawn since: of each observation
/// the subject and the unit that it belongs to.
pub async fn changed_since(
    tx: &ScopedTx,
    measures: &BTreeSet<String>,
    days: (Date, Date),
    since: Timestamp,
) -> Result<Vec<(Subject, Option<OrgUnitId>)>> {
    if measures.is_empty() {
        return Ok(Vec::new());
    }
    let since = to_db(since);
    let changed = Condition::any().add(Column::RecordedAt.gt(since)).add(Column::UntilAt.gt(since));
    let rows = tx.select::<Entity>().filter(within(measures, days).add(changed)).all().await?;
    let versions = rows.into_iter().map(Version::try_from).collect::<Result<Vec<_>>>()?;
    let about = |of: Version| (of.id, (of.placed.said.subject, of.placed.unit));
    Ok(versions.into_iter().map(about).collect::<BTreeMap<_, _>>().into_values().collect())
}

fn within(measures: &BTreeSet<String>, (from, to): (Date, Date)) -> Condition {
    Condition::all()
        .add(Column::Measure.is_in(measures.iter().map(String::as_str)))
        .add(Column::ToDay.gte(from.to_string()))
        .add(Column::ToDay.lte(to.to_string()))
        .add(Column::FromDay.gte(from.to_string()))
}

/// What counts of these measures and is about days within `from..=to` alone.
pub async fn counting_in(
    tx: &ScopedTx,
    measures: &BTreeSet<String>,
    days: (Date, Date),
    known_at: Option<Timestamp>,
) -> Result<Vec<Placed>> {
    if measures.is_empty() {
        return Ok(Vec::new());
    }
    let these = within(measures, days).add(counting(known_at, false));
    let rows = tx.select::<Entity>().filter(these).all().await?;
    rows.into_iter().map(|row| Version::try_from(row).map(|version| version.placed)).collect()
}

/// How many observations of a measure there are, of a unit or of none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    pub measure: String,
    pub unit: Option<OrgUnitId>,
    pub observations: u64,
}

/// Of what counts now and is about some day of `from..=to`: what is of these measures and reaches beyond those days, and what is of
/// others.
pub async fn uncounted(
    tx: &ScopedTx,
    measures: &BTreeSet<String>,
    (from, to): (Date, Date),
) -> Result<(Vec<Counted>, Vec<Counted>)> {
    let (from, to) = (from.to_string(), to.to_string());
    let touching = Condition::all().add(Column::ToDay.gte(from.as_str())).add(Column::FromDay.lte(to.as_str()));
    let touching = touching.add(counting(None, false));
    let beyond = Condition::any().add(Column::FromDay.lt(from)).add(Column::ToDay.gt(to));
    let of = Column::Measure.is_in(measures.iter().map(String::as_str));
    let beyond = counted(tx, touching.clone().add(beyond).add(of.clone())).await?;
    Ok((beyond, counted(tx, touching.add(of.not())).await?))
}

async fn counted(tx: &ScopedTx, these: Condition) -> Result<Vec<Counted>> {
    let grouped = tx.select::<Entity>().filter(these).rows::<(String, Option<Uuid>, i64)>(|q| {
        let q = q.column(Column::Measure).column(Column::UnitId).count();
        q.group_by(Column::Measure).group_by(Column::UnitId)
    });
    let counted = |(measure, unit, observations): (String, Option<Uuid>, i64)| {
        let observations = number_from_db("how many observations there are", observations)?;
        Ok(Counted { measure, unit: unit.map(OrgUnitId), observations })
    };
    grouped.await?.into_iter().map(counted).collect()
}
