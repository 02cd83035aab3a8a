//! Rows of service records.

use std::collections::BTreeMap;

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Condition;
use sea_orm::{ExprTrait as _, FromQueryResult};
use tally_access::{OpContext, Plan, Rpc};
use tally_engine::closing::collect::{Row as Collected, to_micro};
use tally_kernel::id::AccountId;
use tally_kernel::page::Page;
use tally_kernel::{Error, Kind, Micro, Result, msg};
use tally_store::{Conflict as _, ScopedTx, UnitOfWork, bytes_from_db, json_from_db, lost_race, number_from_db, to_db};

use super::domain::{Measure, MeasureValue, Record, Row, Said, Source};

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
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId });

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
        })
    }
}

fn measures_of(json: Option<&str>) -> Result<Vec<Measure>> {
    json.map_or_else(|| Ok(Vec::new()), |json| json_from_db("the measures of a record", json))
}

/// What is said of those of these records that are there, by external id: of one that is another, all of it. `rows` are sorted
/// by external id.
pub async fn said(tx: &ScopedTx, account: AccountId, rows: &[(u32, Row)]) -> Result<Vec<(String, Said)>> {
    let (Some((_, first)), Some((_, last))) = (rows.first(), rows.last()) else { return Ok(Vec::new()) };
    let of_account = || tx.select::<Entity>().filter(Column::AccountId.eq(account.0));
    // New records mostly come with ids beyond all that are there: one look instead of thousands.
    let between = Column::ExternalId.between(&first.record.external_id, &last.record.external_id);
    if of_account()
        .filter(between)
        .limit(1)
        .rows::<(Uuid, Uuid)>(|q| q.column(Column::Id).column(Column::AccountId))
        .await?
        .is_empty()
    {
        return Ok(Vec::new());
    }
    let ids = rows.iter().map(|(_, row)| row.record.external_id.as_str());
    let chosen = of_account().filter(Column::ExternalId.is_in(ids));
    let found = chosen.rows::<(String, Vec<u8>)>(|q| q.column(Column::ExternalId).column(Column::Content)).await?;
    let digest = |(id, content): (String, Vec<u8>)| Ok((id, bytes_from_db("the digest of a record", &content)?));
    let found: BTreeMap<String, [u8; 32]> = found.into_iter().map(digest).collect::<Result<_>>()?;
    let is_other = |row: &&Row| found.get(&row.record.external_id).is_some_and(|content| *content != row.content);
    let others = rows.iter().map(|(_, row)| row).filter(is_other).map(|row| row.record.external_id.as_str());
    let others: Vec<&str> = others.collect();
    let mut whole = BTreeMap::new();
    if !others.is_empty() {
        let models = of_account().filter(Column::ExternalId.is_in(others)).all().await?;
        for model in models {
            whole.insert(model.external_id.clone(), Record::try_from(model)?);
        }
    }
    let said = |(id, content)| {
        let record = whole.remove(&id);
        (id, Said { content, record })
    };
    Ok(found.into_iter().map(said).collect())
}

pub async fn insert(work: &UnitOfWork, ctx: &OpContext, of: &Source, rows: Vec<(u32, Row)>) -> Result<()> {
    let recorded_at = to_db(ctx.now());
    let model = |(_, Row { record, content }): (u32, Row)| {
        Ok(ActiveModel {
            tenant_id: NotSet,
            account_id: Set(of.account.0),
            id: Set(ctx.new_id()),
            region: Set(of.region.as_str().to_owned()),
            unit_id: Set(of.unit.map(Uuid::from)),
            started_ms: Set(record.started_ms),
            ended_ms: Set(record.ended_ms),
            first_reply_ms: Set(record.first_reply_ms.map(i64::from)),
            resolved: Set(record.resolved),
            rating_milli: Set(record.rating_milli.map(i32::try_from).transpose().map_err(Error::internal)?),
            amount_minor: Set(record.amount_minor),
            measures: Set(measures_json(&record)?),
            external_id: Set(record.external_id),
            agent: Set(record.agent),
            kind: Set(record.kind),
            customer: Set(record.customer),
            content: Set(content.to_vec()),
            recorded_at: Set(recorded_at),
        })
    };
    work.insert_many(rows.into_iter().map(model).collect::<Result<Vec<_>>>()?).await.conflict(lost_race)?;
    Ok(())
}

fn measures_json(record: &Record) -> Result<Option<String>> {
    if record.measures.is_empty() {
        return Ok(None);
    }
    serde_json::to_string(&record.measures).map(Some).map_err(Error::internal)
}

pub async fn find<R: Rpc>(
    tx: &ScopedTx,
    plan: &Plan<R>,
    account: AccountId,
    external_id: &str,
) -> Result<Option<Model>> {
    let mine = tx.select::<Entity>().within(plan).filter(Column::AccountId.eq(account.0));
    Ok(mine.filter(Column::ExternalId.eq(external_id)).one().await?)
}

/// A page of an account's records that began in `from..to`, by start.
pub async fn page<R: Rpc>(
    tx: &ScopedTx,
    plan: &Plan<R>,
    account: AccountId,
    (from, to): (i64, i64),
    page: &Page,
) -> Result<(Vec<Model>, String)> {
    let span = Column::StartedMs.gte(from).and(Column::StartedMs.lt(to));
    let mine = tx.select::<Entity>().within(plan).filter(Column::AccountId.eq(account.0)).filter(span);
    Ok(mine.page_asc(page, [Column::StartedMs, Column::ExternalId]).await?)
}

/// How many records of each account, by agent as written, began in `from..to`.
pub async fn agents(tx: &ScopedTx, (from, to): (i64, i64)) -> Result<Vec<(Uuid, String, i64)>> {
    let all = tx.select::<Entity>().filter(Column::StartedMs.gte(from).and(Column::StartedMs.lt(to)));
    let counted = all.rows::<(Uuid, String, i64)>(|q| {
        q.column(Column::AccountId).column(Column::Agent).count().group_by(Column::AccountId).group_by(Column::Agent)
    });
    Ok(counted.await?)
}

/// Where a reading of an account's records stands: the start and external id of the last one.
pub type Last = (i64, String);

/// What [`collect`] reads of a record.
#[derive(FromQueryResult)]
struct Chosen {
    started_ms: i64,
    ended_ms: i64,
    external_id: String,
    agent: String,
    kind: String,
    customer: String,
    first_reply_ms: Option<i64>,
    resolved: Option<bool>,
    rating_milli: Option<i32>,
    amount_minor: Option<i64>,
    measures: Option<String>,
    content: Vec<u8>,
}

/// Hands over the next records of an account, which errors call by its key, that began in `from..to`, by start and external id, after the last one read,
/// with the values of these columns beside the known ones. The last one now, or nothing at the end.
pub async fn collect(
    tx: &ScopedTx,
    (account, key): (AccountId, &str),
    (from, to): (i64, i64),
    after: Option<&Last>,
    columns: &[String],
    limit: u64,
    mut take: impl FnMut(&Collected<'_>),
) -> Result<Option<Last>> {
    let mut query = tx.select::<Entity>().filter(Column::AccountId.eq(account.0)).filter(Column::StartedMs.lt(to));
    query = match after {
        None => query.filter(Column::StartedMs.gte(from)),
        Some((ms, id)) => query
            .filter(Column::StartedMs.gt(*ms).or(Column::StartedMs.eq(*ms).and(Column::ExternalId.gt(id))))
            .filter(Column::StartedMs.gte(*ms)),
    };
    let ordered = query.order_by_asc(Column::StartedMs).order_by_asc(Column::ExternalId).limit(limit);
    let chosen = ordered.rows_into::<Chosen>(|q| {
        let q = q.column(Column::StartedMs).column(Column::EndedMs).column(Column::ExternalId).column(Column::Agent);
        let q = q.column(Column::Kind).column(Column::Customer).column(Column::FirstReplyMs).column(Column::Resolved);
        let q = q.column(Column::RatingMilli).column(Column::AmountMinor).column(Column::Content);
        if columns.is_empty() { q.without(Column::Measures) } else { q.column(Column::Measures) }
    });
    let rows = chosen.await?;
    for row in &rows {
        take(&Collected {
            started_ms: row.started_ms,
            ended_ms: row.ended_ms,
            external_id: &row.external_id,
            agent: &row.agent,
            kind: &row.kind,
            customer: &row.customer,
            first_reply_ms: row.first_reply_ms,
            resolved: row.resolved,
            rating_milli: row.rating_milli,
            amount_minor: row.amount_minor,
            custom: &measured((key, &row.external_id), row.measures.as_deref(), columns)?,
            content: &row.content,
        });
    }
    let more = rows.len() as u64 == limit;
    Ok(rows.into_iter().next_back().filter(|_| more).map(|row| (row.started_ms, row.external_id)))
}

/// The values of these columns in a record's measures. One that is too large to compute with is told, not left out: any other
/// column may hold such numbers, since nobody sums an order's number.
fn measured((account, record): (&str, &str), measures: Option<&str>, columns: &[String]) -> Result<Vec<Option<Micro>>> {
    if columns.is_empty() {
        return Ok(Vec::new());
    }
    let found = measures_of(measures)?;
    let value = |column: &String| match found.iter().find(|m| m.name == *column).map(|m| &m.value) {
        Some(MeasureValue::Number(number)) => to_micro(*number).map(Some).ok_or_else(|| {
            Error::of(Kind::FailedPrecondition, msg!("MEASURE_TOO_LARGE", column, record, account, value = number))
        }),
        Some(MeasureValue::Text(_)) | None => Ok(None),
    };
    columns.iter().map(value).collect()
}

/// When a record began, and its agent as written.
pub async fn started(tx: &ScopedTx, account: AccountId, external_id: &str) -> Result<Option<(i64, String)>> {
    let this = Column::AccountId.eq(account.0).and(Column::ExternalId.eq(external_id));
    let found =
        tx.select::<Entity>().filter(this).rows::<(i64, String)>(|q| q.column(Column::StartedMs).column(Column::Agent));
    Ok(found.await?.pop())
}

/// Puts a pseudonym on an account's records of these milliseconds that name this agent: how many.
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
    Ok(work.update::<Entity>().set(Column::Agent, pseudonym).filter(these).exec().await?)
}

/// Puts a pseudonym on the records of whatever account that name the number.
pub async fn rename_number(work: &UnitOfWork, number: &str, pseudonym: &str) -> Result<u64> {
    let update = work.update::<Entity>().set(Column::Agent, pseudonym);
    Ok(update.filter(Column::Agent.eq(number)).exec().await?)
}

#[cfg(test)]
mod tests {
    use tally_kernel::message::Arg;

    use super::*;

    #[test]
    fn a_measure_that_cannot_be_read_or_computed_with_is_an_error_and_not_left_out() {
        let columns = ["qa".to_owned()];
        let value = |json: &str| measured(("JD/shop/a", "r1"), Some(json), &columns);
        assert_eq!(value(r#"[{"k":"qa","n":"1.5"}]"#).unwrap(), [Some("1.5".parse().unwrap())]);
        assert_eq!(value(r#"[{"k":"qa","t":"good"}]"#).unwrap(), [None]);
        assert_eq!(value(r#"[{"k":"order","n":"10000000000000"}]"#).unwrap(), [None], "nobody measures it");
        let large = value(r#"[{"k":"qa","n":"10000000000000"}]"#).unwrap_err();
        let told = ["column", "record", "account"].map(|name| large.message().args()[name].clone());
        assert_eq!(told, ["qa", "r1", "JD/shop/a"].map(|text| Arg::Text(text.to_owned())));
        assert_eq!(large.reason(), "MEASURE_TOO_LARGE");
        assert_eq!(value("[{").unwrap_err().kind(), Kind::Internal);
    }

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
        }
    }

    #[test]
    fn a_record_that_cannot_have_been_written_is_an_error() {
        assert_eq!(Record::try_from(row()).unwrap().rating_milli, Some(1));
        let broken = [
            Model { first_reply_ms: Some(-1), ..row() },
            Model { rating_milli: Some(-1), ..row() },
            Model { measures: Some("[".into()), ..row() },
        ];
        for row in broken {
            assert_eq!(Record::try_from(row.clone()).unwrap_err().kind(), Kind::Internal, "{row:?}");
        }
    }
}
