//! Rows of service records, as they are. What they were is in `version`, what was done to them in `change`.

use jiff::Timestamp;
use sea_orm::ExprTrait as _;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Condition;
use tally_access::{OpContext, Plan, Rpc};
use tally_kernel::contribution::{self, Contribution};
use tally_kernel::id::AccountId;
use tally_kernel::page::{Page, token_invalid};
use tally_kernel::{Error, Result};
use tally_store::{Scoped, ScopedTx, UnitOfWork, json_from_db, number_from_db, to_db};

use super::domain::{Measure, Record, Row, Source};
use crate::columns::holding;

pub mod change;
pub mod collect;
pub mod count;
pub mod place;
pub mod version;
pub mod write;

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "records")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub external_id: String,
    pub id: Uuid,
    pub region: String,
    pub unit_id: Option<Uuid>,
    pub started_ms: i64,
    pub ended_ms: i64,
    pub agent: String,
    pub kind: String,
    pub first_reply_ms: Option<i64>,
    pub resolved: Option<bool>,
    pub rating_milli: Option<i32>,
    pub amount_minor: Option<i64>,
    pub customer: String,
    pub measures: Option<String>,
    #[serde(skip)]
    pub content: Vec<u8>,
    pub recorded_at: DateTimeUtc,
    pub revision: Option<i64>,
    pub currency: Option<String>,
    pub refers_to: Option<String>,
    /// As `contribution::write` writes them; nothing where there are none.
    pub contributors: Option<String>,
    pub device: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, ms: StartedMs });

impl TryFrom<Model> for Record {
    type Error = Error;
    fn try_from(row: Model) -> Result<Self> {
        let reply = row.first_reply_ms.map(|ms| number_from_db("the first reply of a record", ms));
        let rating = row.rating_milli.map(|rating| number_from_db("the rating of a record", rating));
        Ok(Self {
            external_id: row.external_id,
            started_ms: row.started_ms,
            ended_ms: row.ended_ms,
            agent: row.agent,
            kind: row.kind,
            first_reply_ms: reply.transpose()?,
            resolved: row.resolved,
            rating_milli: rating.transpose()?,
            amount_minor: row.amount_minor,
            customer: row.customer,
            measures: measures_of(row.measures.as_deref())?,
            currency: row.currency.unwrap_or_default(),
            refers_to: row.refers_to.unwrap_or_default(),
            contributors: contributors_of(row.contributors.as_deref())?,
            device: row.device.unwrap_or_default(),
        })
    }
}

fn contributors_of(cell: Option<&str>) -> Result<Vec<Contribution>> {
    cell.map_or_else(|| Ok(Vec::new()), |cell| contribution::read(cell).map_err(Error::internal))
}

fn measures_of(json: Option<&str>) -> Result<Vec<Measure>> {
    json.map_or_else(|| Ok(Vec::new()), |json| json_from_db("the measures of a record", json))
}

/// A row of a record of an account, under its id, as it comes now.
fn model(ctx: &OpContext, of: &Source, id: Uuid, row: Row) -> Result<Model> {
    let Row { record, revision, content } = row;
    let said = |text: String| Some(text).filter(|text| !text.is_empty());
    Ok(Model {
        tenant_id: ctx.tenant().0,
        account_id: of.account.0,
        id,
        region: of.region.as_str().to_owned(),
        unit_id: of.unit.map(Uuid::from),
        started_ms: record.started_ms,
        ended_ms: record.ended_ms,
        first_reply_ms: record.first_reply_ms.map(i64::from),
        resolved: record.resolved,
        rating_milli: record.rating_milli.map(i32::try_from).transpose().map_err(Error::internal)?,
        amount_minor: record.amount_minor,
        measures: measures_json(&record.measures)?,
        external_id: record.external_id,
        agent: record.agent,
        kind: record.kind,
        customer: record.customer,
        content: content.to_vec(),
        recorded_at: to_db(ctx.now()),
        revision: Some(revision).filter(|revision| *revision > 0),
        currency: said(record.currency),
        refers_to: said(record.refers_to),
        contributors: said(contribution::write(&record.contributors)),
        device: said(record.device),
    })
}

fn measures_json(measures: &[Measure]) -> Result<Option<String>> {
    if measures.is_empty() {
        return Ok(None);
    }
    serde_json::to_string(measures).map(Some).map_err(Error::internal)
}

/// A record, or what was known of it at an instant.
pub async fn find<R: Rpc>(
    tx: &ScopedTx,
    plan: &Plan<R>,
    account: AccountId,
    external_id: &str,
    known_at: Option<Timestamp>,
) -> Result<Option<Model>> {
    let mine = tx.select::<Entity>().within(plan).filter(Column::AccountId.eq(account.0));
    let current = mine.filter(Column::ExternalId.eq(external_id)).one().await?;
    let Some(at) = known_at else { return Ok(current) };
    if let Some(known) = current.filter(|row| row.recorded_at <= to_db(at)) {
        return Ok(Some(known));
    }
    let mine = tx.select::<version::Entity>().within(plan).filter(version::Column::AccountId.eq(account.0));
    let known = mine.filter(version::Column::ExternalId.eq(external_id)).filter(version::known_at(at));
    Ok(known.one().await?.map(Into::into))
}

/// A page of an account's records that began in `from..to`, by start; as they were known at an instant, if one is said.
pub async fn page<R: Rpc>(
    tx: &ScopedTx,
    plan: &Plan<R>,
    account: AccountId,
    (from, to): (i64, i64),
    known_at: Option<Timestamp>,
    page: &Page,
) -> Result<(Vec<Model>, String)> {
    let span = Column::StartedMs.gte(from).and(Column::StartedMs.lt(to));
    let mine = tx.select::<Entity>().within(plan).filter(Column::AccountId.eq(account.0)).filter(span);
    let Some(at) = known_at else {
        return Ok(mine.page_asc(page, [Column::StartedMs, Column::ExternalId]).await?);
    };
    let (most, after) = (u64::from(page.size) + 1, page.after.as_deref().map(read_key).transpose()?);
    let mut mine = mine.filter(Column::RecordedAt.lte(to_db(at)));
    let was = version::Column::StartedMs.gte(from).and(version::Column::StartedMs.lt(to));
    let was = was.and(version::Column::AccountId.eq(account.0));
    let mut was = tx.select::<version::Entity>().within(plan).filter(was).filter(version::known_at(at));
    if let Some(last) = &after {
        mine = mine.filter(beyond(last, Column::StartedMs, Column::ExternalId));
        was = was.filter(beyond(last, version::Column::StartedMs, version::Column::ExternalId));
    }
    let mine = mine.order_by_asc(Column::StartedMs).order_by_asc(Column::ExternalId).limit(most);
    let was = was.order_by_asc(version::Column::StartedMs).order_by_asc(version::Column::ExternalId).limit(most);
    let mut rows = mine.all().await?;
    rows.extend(was.all().await?.into_iter().map(Model::from));
    rows.sort_by(|a, b| (a.started_ms, &a.external_id).cmp(&(b.started_ms, &b.external_id)));
    let next = page.cut(&mut rows, |row| format!("{} {}", row.started_ms, row.external_id));
    Ok((rows, next))
}

/// Where a reading of an account's records stands: the start and external id of the last one.
pub type Last = (i64, String);

fn read_key(key: &str) -> Result<Last> {
    let parts = key.split_once(' ').and_then(|(ms, id)| Some((ms.parse().ok()?, id.to_owned())));
    parts.ok_or_else(token_invalid)
}

/// Rows after this one, by start and external id.
fn beyond<C: ColumnTrait>((ms, id): &Last, started: C, external_id: C) -> Condition {
    let later = started.gt(*ms).or(started.eq(*ms).and(external_id.gt(id)));
    Condition::all().add(later).add(started.gte(*ms))
}

/// What a record said: as was known at an instant, if one is said, and then as it is.
pub async fn said(
    tx: &ScopedTx,
    account: AccountId,
    external_id: &str,
    known_at: Option<Timestamp>,
) -> Result<Vec<Said>> {
    let mut found: Vec<SaidRow> = Vec::new();
    if let Some(at) = known_at {
        use version::Column as Was;
        let was = Was::AccountId.eq(account.0).and(Was::ExternalId.eq(external_id));
        let known = tx.select::<version::Entity>().filter(version::known_at(at)).filter(was);
        let columns = [Was::StartedMs, Was::EndedMs, Was::Agent, Was::Contributors, Was::RefersTo, Was::Device];
        found.extend(known.rows(|q| columns.into_iter().fold(q, |q, column| q.column(column))).await?);
    }
    let now = Column::AccountId.eq(account.0).and(Column::ExternalId.eq(external_id));
    let now = tx.select::<Entity>().filter(now);
    let columns =
        [Column::StartedMs, Column::EndedMs, Column::Agent, Column::Contributors, Column::RefersTo, Column::Device];
    found.extend(now.rows(|q| columns.into_iter().fold(q, |q, column| q.column(column))).await?);
    let said = |(started_ms, ended_ms, agent, contributors, refers_to, device): SaidRow| {
        let (contributors, device) = (contributors_of(contributors.as_deref())?, device.unwrap_or_default());
        Ok(Said { started_ms, ended_ms, agent, contributors, refers_to, device })
    };
    found.into_iter().map(said).collect()
}

/// Start, end, agent, contributors, what it refers to, device.
type SaidRow = (i64, i64, String, Option<String>, Option<String>, Option<String>);

/// When a record began and ended, and whom it names.
#[derive(Clone, Debug)]
pub struct Said {
    pub started_ms: i64,
    pub ended_ms: i64,
    pub agent: String,
    pub contributors: Vec<Contribution>,
    /// Of a refund, the external id of the record that it takes from.
    pub refers_to: Option<String>,
    /// Or empty.
    pub device: String,
}

/// Puts a pseudonym on an account's records of these milliseconds that name this agent, and on what they were before: how many
/// rows.
pub async fn rename(
    work: &UnitOfWork,
    account: AccountId,
    agent: &str,
    (from, to): (Option<i64>, Option<i64>),
    pseudonym: &str,
) -> Result<u64> {
    let these = Condition::all()
        .add(Column::AccountId.eq(account.0))
        .add(Column::Agent.eq(agent))
        .add_option(from.map(|from| Column::StartedMs.gte(from)))
        .add_option(to.map(|to| Column::StartedMs.lt(to)));
    let rows = work.update::<Entity>().set(Column::Agent, pseudonym).filter(these).exec().await?;
    let named = Condition::all()
        .add(Column::AccountId.eq(account.0))
        .add(Column::Contributors.like(holding(agent)))
        .add_option(from.map(|from| Column::StartedMs.gte(from)))
        .add_option(to.map(|to| Column::StartedMs.lt(to)));
    let rows = rows + rename_contributors::<Entity>(work, NAMED, named, (agent, pseudonym)).await?;
    Ok(rows + version::rename(work, account, agent, (from, to), pseudonym).await?)
}

/// Puts a pseudonym on the records of whatever account that name the number, and on what they were before.
pub async fn rename_number(work: &UnitOfWork, number: &str, pseudonym: &str) -> Result<u64> {
    let update = work.update::<Entity>().set(Column::Agent, pseudonym);
    let rows = update.filter(Column::Agent.eq(number)).exec().await?;
    let named = Condition::all().add(Column::Contributors.like(holding(number)));
    let rows = rows + rename_contributors::<Entity>(work, NAMED, named, (number, pseudonym)).await?;
    Ok(rows + version::rename_number(work, number, pseudonym).await?)
}

/// What tells a record and who is named in it.
const NAMED: [Column; 2] = [Column::Id, Column::Contributors];

/// Puts a pseudonym in the place of a contributor of these records, or of what records were: how many rows.
async fn rename_contributors<E: Scoped>(
    work: &UnitOfWork,
    [id, contributors]: [E::Column; 2],
    these: Condition,
    (agent, pseudonym): (&str, &str),
) -> Result<u64> {
    let mut renamed = 0;
    let found = work.select::<E>().filter(these);
    for (row, cell) in found.rows::<(Uuid, Option<String>)>(|q| q.column(id).column(contributors)).await? {
        if let Some(new) = renamed_cell(cell.as_deref(), agent, pseudonym)? {
            renamed += work.update::<E>().set(contributors, new).filter(id.eq(row)).exec().await?;
        }
    }
    Ok(renamed)
}

/// A cell of contributors with another name in the place of one; nothing where it does not name that one.
fn renamed_cell(cell: Option<&str>, agent: &str, pseudonym: &str) -> Result<Option<String>> {
    let mut named = contributors_of(cell)?;
    let mine = named.iter_mut().filter(|one| one.agent == agent);
    let changed = mine.map(|one| pseudonym.clone_into(&mut one.agent)).count() > 0;
    named.sort();
    named.dedup();
    Ok(changed.then(|| contribution::write(&named)))
}

#[cfg(test)]
mod tests {
    use tally_kernel::Kind;

    use super::*;

    fn row() -> Model {
        Model {
            tenant_id: Uuid::nil(),
            account_id: Uuid::nil(),
            external_id: "r1".into(),
            id: Uuid::nil(),
            region: "*".into(),
            unit_id: None,
            started_ms: 0,
            ended_ms: 1,
            agent: String::new(),
            kind: String::new(),
            first_reply_ms: Some(1),
            resolved: None,
            rating_milli: Some(1),
            amount_minor: None,
            customer: String::new(),
            measures: None,
            content: Vec::new(),
            recorded_at: DateTimeUtc::UNIX_EPOCH,
            revision: None,
            currency: None,
            refers_to: None,
            contributors: None,
            device: None,
        }
    }

    #[test]
    fn a_record_that_cannot_have_been_written_is_an_error() {
        assert_eq!(Record::try_from(row()).unwrap().rating_milli, Some(1));
        let broken = [
            Model { first_reply_ms: Some(-1), ..row() },
            Model { rating_milli: Some(-1), ..row() },
            Model { measures: Some("[".into()), ..row() },
            Model { contributors: Some("closer".into()), ..row() },
        ];
        for row in broken {
            assert_eq!(Record::try_from(row.clone()).unwrap_err().kind(), Kind::Internal, "{row:?}");
        }
    }
}
