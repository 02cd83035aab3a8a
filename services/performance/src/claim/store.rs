//! Claims: a row for each. It says until when it counted and why no longer; nothing else of it ever changes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sea_orm::ExprTrait as _;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Condition;
use tally_access::{OpContext, Plan, Rpc};
use tally_engine::closing::facts::Clicks;
use tally_kernel::id::{AccountId, ClaimId, OrgUnitId, PersonId};
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::{
    Conflict as _, ScopedTx, UnitOfWork, bytes_from_db, dated, from_db, lost_race, number_from_db, to_db,
};

use super::domain::{Claim, Placed, There};
use crate::record::domain::{Source, Spans};

/// No further from the start of a record is a claim of it that names nothing.
const NEAR_MS: i64 = 10 * 60_000;
/// Longer than any dialogue is under way.
const LONGEST_MS: i64 = 7 * 86_400_000;

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "claims")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub region: String,
    pub unit_id: Option<Uuid>,
    pub person_id: Option<Uuid>,
    pub account_id: Uuid,
    pub at_ms: i64,
    /// Empty where no record is named.
    pub external_id: String,
    /// Empty where no customer is named.
    pub customer: String,
    #[serde(skip)]
    pub key: Vec<u8>,
    pub recorded_at: DateTimeUtc,
    /// Nothing while it counts.
    pub until_at: Option<DateTimeUtc>,
    /// Why it was withdrawn.
    pub reason: Option<String>,
    /// The principal who withdrew it.
    pub ended_by: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, person: PersonId, ms: AtMs });

/// A claim that is there, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub id: ClaimId,
    pub placed: Placed,
    pub recorded_at: Timestamp,
    /// Nothing while it counts.
    pub end: Option<End>,
}

/// Until when a claim counted, and why no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    pub until: Timestamp,
    pub reason: String,
    pub by: Uuid,
}

impl TryFrom<Model> for Stored {
    type Error = Error;
    fn try_from(row: Model) -> Result<Self> {
        let account = AccountId(row.account_id);
        let of =
            Source { account, region: row.region.parse().map_err(Error::internal)?, unit: row.unit_id.map(OrgUnitId) };
        let person = PersonId(row.person_id.ok_or_else(|| Error::internal("a claim of nobody"))?);
        let claim = Claim { account, person, at_ms: row.at_ms, external_id: row.external_id, customer: row.customer };
        let end = match (row.until_at, row.ended_by) {
            (Some(until), Some(by)) => Some(End { until: from_db(until)?, reason: row.reason.unwrap_or_default(), by }),
            _ => None,
        };
        let placed = Placed { claim, of };
        Ok(Self { id: ClaimId(row.id), placed, recorded_at: from_db(row.recorded_at)?, end })
    }
}

/// Which of these claims are there.
pub async fn there<'r>(tx: &ScopedTx, rows: impl IntoIterator<Item = &'r Placed>) -> Result<There> {
    let keys: BTreeSet<Vec<u8>> = rows.into_iter().map(|row| row.claim.digest().to_vec()).collect();
    if keys.is_empty() {
        return Ok(There::new());
    }
    let rows = tx.select::<Entity>().filter(Column::Key.is_in(keys)).all().await?;
    let known = |row: Model| {
        let withdrawn = row.until_at.map(|_| row.reason.unwrap_or_default());
        Ok((bytes_from_db("the key of a claim", &row.key)?, withdrawn))
    };
    rows.into_iter().map(known).collect()
}

/// The claim that says the same, whether it counts or not.
pub async fn same(tx: &ScopedTx, claim: &Claim) -> Result<Option<Stored>> {
    let these = Column::Key.eq(claim.digest().to_vec());
    tx.select::<Entity>().filter(these).one().await?.map(Stored::try_from).transpose()
}

/// Writes claims that are recorded at an instant; the ids that they get, in their order.
pub async fn insert(
    work: &UnitOfWork,
    ctx: &OpContext,
    claims: &[Placed],
    recorded_at: Timestamp,
) -> Result<Vec<ClaimId>> {
    let row = |Placed { claim, of }: &Placed| Model {
        tenant_id: ctx.tenant().0,
        id: ctx.new_id(),
        region: of.region.as_str().to_owned(),
        unit_id: of.unit.map(Uuid::from),
        person_id: Some(claim.person.0),
        account_id: claim.account.0,
        at_ms: claim.at_ms,
        external_id: claim.external_id.clone(),
        customer: claim.customer.clone(),
        key: claim.digest().to_vec(),
        recorded_at: to_db(recorded_at),
        until_at: None,
        reason: None,
        ended_by: None,
    };
    let rows: Vec<Model> = claims.iter().map(row).collect();
    let ids = rows.iter().map(|row| ClaimId(row.id)).collect();
    work.insert_many(rows).await.conflict(lost_race)?;
    Ok(ids)
}

/// A claim that the plan reaches.
pub async fn find<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>, id: ClaimId) -> Result<Stored> {
    let found = tx.select::<Entity>().within(plan).filter(Column::Id.eq(id.0)).one().await?;
    found.ok_or_else(|| Error::not_found("claim", id))?.try_into()
}

/// Takes a claim back.
///
/// # Errors
/// `NOT_FOUND` where it counts no more.
pub async fn withdraw(work: &UnitOfWork, ctx: &OpContext, id: ClaimId, reason: &str) -> Result<()> {
    let update = work
        .update::<Entity>()
        .set(Column::UntilAt, Some(to_db(ctx.now())))
        .set(Column::Reason, Some(reason.to_owned()))
        .set(Column::EndedBy, Some(ctx.actor.principal.0));
    let done = update.filter(Column::Id.eq(id.0).and(Column::UntilAt.is_null())).exec().await?;
    if done == 1 { Ok(()) } else { Err(Error::not_found("claim", id)) }
}

/// Which claims are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub account: AccountId,
    /// Made in `from..to`, milliseconds since 1970.
    pub span: (i64, i64),
    /// As they were known then, and not as they are.
    pub known_at: Option<Timestamp>,
    /// Also those that were withdrawn.
    pub withdrawn: bool,
}

/// A page of claims by the time they were made.
pub async fn page<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>, asked: &Asked, page: &Page) -> Result<(Vec<Stored>, String)> {
    let these = of(asked.account, asked.span).add(counting(asked.known_at, asked.withdrawn));
    let these = tx.select::<Entity>().within(plan).filter(these);
    let (rows, next) = these.page_asc(page, [Column::AtMs, Column::Id]).await?;
    Ok((rows.into_iter().map(Stored::try_from).collect::<Result<_>>()?, next))
}

/// The claims on an account that were made in `from..to` and count, or counted at an instant.
pub async fn made(
    tx: &ScopedTx,
    account: AccountId,
    span: (i64, i64),
    known_at: Option<Timestamp>,
) -> Result<Vec<Claim>> {
    let these = tx.select::<Entity>().filter(of(account, span).add(counting(known_at, false)));
    let rows = these.order_by_asc(Column::AtMs).order_by_asc(Column::Id).all().await?;
    rows.into_iter().map(|row| Ok(Stored::try_from(row)?.placed.claim)).collect()
}

/// When somebody claimed what may be a record: the claims that name it, that name its customer around its start, or that name nothing shortly
/// before and after; as they were known at an instant. One of them is the click that the record was credited by, if it was.
pub async fn clicks(
    tx: &ScopedTx,
    person: PersonId,
    record: (AccountId, &str, i64, &str),
    known_at: Timestamp,
) -> Result<Vec<i64>> {
    let (account, external_id, started_ms, customer) = record;
    let until = |after: i64| Column::AtMs.gte(started_ms - NEAR_MS).and(Column::AtMs.lte(started_ms + after));
    let unnamed = Column::ExternalId.eq("");
    let of_customer = unnamed.clone().and(Column::Customer.eq(customer)).and(until(LONGEST_MS));
    let meant = Condition::any()
        .add(Column::ExternalId.eq(external_id))
        .add(unnamed.and(Column::Customer.eq("")).and(until(NEAR_MS)))
        .add_option((!customer.is_empty()).then_some(of_customer));
    let these = Condition::all().add(Column::AccountId.eq(account.0)).add(Column::PersonId.eq(person.0));
    let these = tx.select::<Entity>().filter(these.add(meant).add(counting(Some(known_at), false)));
    let rows: Vec<(i64, Uuid)> =
        these.order_by_asc(Column::AtMs).rows(|q| q.column(Column::AtMs).column(Column::Id)).await?;
    Ok(rows.into_iter().map(|(at_ms, _)| at_ms).collect())
}

/// The claims that count which each person made on each account in its days of a period.
pub async fn claimants(tx: &ScopedTx, spans: &Spans) -> Result<BTreeMap<AccountId, BTreeMap<PersonId, Clicks>>> {
    let mut all: BTreeMap<AccountId, BTreeMap<PersonId, Clicks>> = BTreeMap::new();
    for (from, to) in spans.stretches() {
        let these = Condition::all().add(Column::AtMs.gte(from)).add(Column::AtMs.lt(to)).add(counting(None, false));
        let rows = tx.select::<Entity>().filter(these).rows::<(Uuid, Option<Uuid>, i64, i64)>(|q| {
            let q = q.column(Column::AccountId).column(Column::PersonId).count().expr(Column::AtMs.min());
            q.group_by(Column::AccountId).group_by(Column::PersonId)
        });
        for (account, person, claims, first_ms) in rows.await? {
            let (account, claims): (_, u64) = (AccountId(account), number_from_db("a count of claims", claims)?);
            if let Some(person) = person.filter(|_| spans.hold(account, (from, to))) {
                let of_account = all.entry(account).or_default();
                let clicks = of_account.entry(PersonId(person)).or_insert(Clicks { claims: 0, first_ms });
                (clicks.claims, clicks.first_ms) = (clicks.claims + claims, Ord::min(clicks.first_ms, first_ms));
            }
        }
    }
    Ok(all)
}

fn of(account: AccountId, (from, to): (i64, i64)) -> Condition {
    Condition::all().add(Column::AccountId.eq(account.0)).add(Column::AtMs.gte(from)).add(Column::AtMs.lt(to))
}

/// What counts now, or counted at an instant; with those that were `withdrawn` whatever had come by then.
fn counting(known_at: Option<Timestamp>, withdrawn: bool) -> Condition {
    dated::counting((Column::RecordedAt, Column::UntilAt), known_at, withdrawn)
}
