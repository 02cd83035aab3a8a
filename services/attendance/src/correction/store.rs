//! The table `corrections`.

use jiff::Timestamp;
use tally_access::four_eyes::Hands;
use tally_access::{Plan, Rpc};
use tally_kernel::id::{CorrectionId, OrgUnitId, PersonId, PrincipalId};
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::orm::ActiveValue::Set;
use tally_store::orm::entity::prelude::*;
use tally_store::orm::{Condition, ExprTrait as _};
use tally_store::{
    Conflict as _, ScopedTx, UnitOfWork, among, from_db, json_from_db, lost_race, scoped, to_db, word_from_db,
};

use super::domain::{Correction, Filter, Notice, Stage, Taken};
use crate::superseded::facts::NOBODY;

#[derive(Clone, Debug, PartialEq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "corrections")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub region: String,
    pub unit_id: Option<Uuid>,
    pub person_id: Uuid,
    pub other_person_id: Option<Uuid>,
    pub subject: String,
    pub action: String,
    pub fact_id: Option<Uuid>,
    pub stage: String,
    #[serde(skip)]
    pub waiting_on: Option<String>,
    pub before: String,
    pub after: String,
    pub reason: String,
    pub evidence: String,
    pub touched: String,
    pub notice_minutes: Option<i64>,
    pub late: bool,
    pub until: DateTimeUtc,
    pub requested_by: Uuid,
    pub requested_person: Option<Uuid>,
    pub requested_for: Option<Uuid>,
    pub approved_by: Option<Uuid>,
    pub approved_person: Option<Uuid>,
    pub approved_for: Option<Uuid>,
    pub approved_at: Option<DateTimeUtc>,
    pub dropped_by: Option<Uuid>,
    pub dropped_person: Option<Uuid>,
    pub dropped_for: Option<Uuid>,
    pub dropped_at: Option<DateTimeUtc>,
    pub drop_reason: Option<String>,
    pub recorded_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, person: PersonId, at: Until });

/// A text that is empty once it was erased.
fn json<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<Option<T>> {
    if text.is_empty() { Ok(None) } else { Ok(Some(json_from_db(what, text)?)) }
}

fn taken(
    by: Option<Uuid>,
    person: Option<Uuid>,
    delegated: Option<Uuid>,
    at: Option<DateTimeUtc>,
) -> Result<Option<Taken>> {
    let by = by.map(PrincipalId).map(|by| Hands {
        by,
        person: person.map(PersonId),
        delegated_by: delegated.map(PrincipalId),
    });
    Ok(by.zip(at.map(from_db).transpose()?).map(|(by, at)| Taken { by, at }))
}

fn read(row: Model) -> Result<Correction> {
    let requested = taken(Some(row.requested_by), row.requested_person, row.requested_for, Some(row.recorded_at))?;
    let dropped = taken(row.dropped_by, row.dropped_person, row.dropped_for, row.dropped_at)?;
    Ok(Correction {
        id: CorrectionId(row.id),
        subject: row.subject,
        action: word_from_db("a correction's action", &row.action)?,
        stage: word_from_db("a correction's stage", &row.stage)?,
        person: Some(PersonId(row.person_id)).filter(|person| *person != NOBODY),
        other: row.other_person_id.map(PersonId),
        place: (word_from_db("a region", &row.region)?, row.unit_id.map(OrgUnitId)),
        fact: row.fact_id,
        before: json::<Option<_>>("a correction's fact", &row.before)?.flatten(),
        after: json("a correction's facts", &row.after)?.unwrap_or_default(),
        reason: row.reason,
        evidence: row.evidence,
        requested: requested.ok_or_else(|| Error::internal("a correction that nobody asked for"))?,
        approved: taken(row.approved_by, row.approved_person, row.approved_for, row.approved_at)?,
        dropped: dropped.map(|taken| (taken, row.drop_reason.unwrap_or_default())),
        touched: json("what a correction touches", &row.touched)?,
        until: from_db(row.until)?,
        notice: row.notice_minutes.map(|minutes| Notice { minutes, late: row.late }),
    })
}

fn written<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(Error::internal)
}

/// Writes what was asked for or made; `waiting_on` is what no other waits for meanwhile.
pub(crate) async fn insert(work: &UnitOfWork, new: &Correction, waiting_on: Option<String>) -> Result<()> {
    let row = ActiveModel {
        id: Set(new.id.0),
        region: Set(new.place.0.to_string()),
        unit_id: Set(new.place.1.map(Uuid::from)),
        person_id: Set(new.person.unwrap_or(NOBODY).into()),
        other_person_id: Set(new.other.map(Uuid::from)),
        subject: Set(new.subject.clone()),
        action: Set(new.action.to_string()),
        fact_id: Set(new.fact),
        stage: Set(new.stage.to_string()),
        waiting_on: Set(waiting_on),
        before: Set(written(&new.before)?),
        after: Set(written(&new.after)?),
        reason: Set(new.reason.clone()),
        evidence: Set(new.evidence.clone()),
        touched: Set(new.touched.as_ref().map(written).transpose()?.unwrap_or_default()),
        notice_minutes: Set(new.notice.map(|notice| notice.minutes)),
        late: Set(new.notice.is_some_and(|notice| notice.late)),
        until: Set(to_db(new.until)),
        requested_by: Set(new.requested.by.by.into()),
        requested_person: Set(new.requested.by.person.map(Uuid::from)),
        requested_for: Set(new.requested.by.delegated_by.map(Uuid::from)),
        recorded_at: Set(to_db(new.requested.at)),
        ..Default::default()
    };
    work.insert(row).await.conflict(lost_race)?;
    Ok(())
}

/// Writes that it was approved, and what it touches as of that.
pub(crate) async fn approve(work: &UnitOfWork, new: &Correction, approved: Taken) -> Result<()> {
    let touched = new.touched.as_ref().map(written).transpose()?.unwrap_or_default();
    work.update::<Entity>()
        .set(Column::Stage, new.stage.to_string())
        .set(Column::WaitingOn, None::<String>)
        .set(Column::Touched, touched)
        .set(Column::ApprovedBy, approved.by.by.0)
        .set(Column::ApprovedPerson, approved.by.person.map(Uuid::from))
        .set(Column::ApprovedFor, approved.by.delegated_by.map(Uuid::from))
        .set(Column::ApprovedAt, to_db(approved.at))
        .filter(Column::Id.eq(new.id.0))
        .exec_one()
        .await?;
    Ok(())
}

/// Writes that nobody will approve it.
pub(crate) async fn drop(work: &UnitOfWork, id: CorrectionId, stage: Stage, by: Taken, reason: &str) -> Result<()> {
    work.update::<Entity>()
        .set(Column::Stage, stage.to_string())
        .set(Column::WaitingOn, None::<String>)
        .set(Column::DroppedBy, by.by.by.0)
        .set(Column::DroppedPerson, by.by.person.map(Uuid::from))
        .set(Column::DroppedFor, by.by.delegated_by.map(Uuid::from))
        .set(Column::DroppedAt, to_db(by.at))
        .set(Column::DropReason, reason)
        .filter(Column::Id.eq(id.0))
        .exec_one()
        .await?;
    Ok(())
}

/// One correction.
pub(crate) async fn get(tx: &ScopedTx, id: CorrectionId) -> Result<Option<Correction>> {
    tx.select::<Entity>().filter(Column::Id.eq(id.0)).one().await?.map(read).transpose()
}

/// Waits until nobody else decides about this one.
pub(crate) async fn lock(work: &UnitOfWork, id: CorrectionId) -> Result<()> {
    Ok(work.lock("correction", id.0).await?)
}

/// The one that waits for this.
pub(crate) async fn waiting(tx: &ScopedTx, waiting_on: &str) -> Result<Option<CorrectionId>> {
    let row = tx.select::<Entity>().filter(Column::WaitingOn.eq(waiting_on)).one().await?;
    Ok(row.map(|row| CorrectionId(row.id)))
}

/// A page of those that the plan reaches, newest first: about one person or all, in one state or any.
pub(crate) async fn page<R: Rpc>(
    tx: &ScopedTx,
    plan: &Plan<R>,
    page: &Page,
    of: &Filter,
) -> Result<(Vec<Correction>, String)> {
    let counts = |since: Timestamp| {
        let made = Column::Stage.eq(Stage::Made.to_string()).and(Column::RecordedAt.gte(to_db(since)));
        made.or(Column::Stage.eq(Stage::Approved.to_string()).and(Column::ApprovedAt.gte(to_db(since))))
    };
    let only = Condition::all()
        .add_option(of.person.map(|person| Column::PersonId.eq(person.0).or(Column::OtherPersonId.eq(person.0))))
        .add_option(of.stage.map(|stage| Column::Stage.eq(stage.to_string())))
        .add_option(of.counting_since.map(counts));
    // Whom something was moved from or to reaches it as well.
    let others = plan.reach().persons.iter().map(|person| person.0);
    let also = among::<Entity>(tx, Column::OtherPersonId, others);
    let rows = tx.select::<Entity>().within_or(plan, also).filter(only);
    let (rows, next) = rows.page_desc(page, [Column::RecordedAt, Column::Id]).await?;
    Ok((rows.into_iter().map(read).collect::<Result<_>>()?, next))
}
