//! Writing records: new ones, new versions, and those that are taken out. What counts no more becomes a version first.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::ExprTrait as _;
use sea_orm::entity::prelude::*;
use tally_access::OpContext;
use tally_kernel::id::AccountId;
use tally_kernel::{Error, Kind, Result, msg};
use tally_store::{Conflict as _, ScopedTx, UnitOfWork, bytes_from_db, lost_race};

use super::super::domain::{Change, Gone, Plan, Record, Row, Source, Stored, There};
use super::version::{self, End, Ended, ended};
use super::{Column, Entity, Model, model};

/// The lock of whoever changes records of an account that are there, or depends on them. New records need none: their key is
/// taken or not.
pub async fn lock(work: &UnitOfWork, account: AccountId) -> Result<()> {
    Ok(work.lock("records", account.0).await?)
}

/// What is there of the external ids that these rows have or refer to.
pub async fn there(tx: &ScopedTx, account: AccountId, rows: &[(u32, Row)]) -> Result<BTreeMap<String, There>> {
    let named = |(_, row): &'_ (u32, Row)| [row.record.external_id.clone(), row.record.refers_to.clone()];
    let ids: BTreeSet<String> = rows.iter().flat_map(named).filter(|id| !id.is_empty()).collect();
    let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return Ok(BTreeMap::new()) };
    let mut there = BTreeMap::new();
    // New records mostly come with ids beyond all that are there: one look instead of thousands.
    if any_between(tx, account, first, last).await? {
        there = records(tx, account, rows, &ids).await?;
    }
    if version::any_between(tx, account, first, last).await? {
        let absent = ids.iter().filter(|id| !there.contains_key(*id)).map(String::as_str);
        let gone: Vec<_> = version::newest(tx, account, absent).await?;
        there.extend(gone.into_iter().filter_map(|row| gone_as(&row).map(|gone| (row.external_id.clone(), gone))));
    }
    Ok(there)
}

fn gone_as(row: &version::Model) -> Option<There> {
    let how = match row.ended.parse() {
        Ok(Ended::Withdrawn) => Gone::Withdrawn,
        Ok(Ended::Moved) => Gone::Moved,
        Ok(Ended::Revised) | Err(_) => return None,
    };
    let (revision, started_ms) = (row.revision.unwrap_or_default(), row.started_ms);
    Some(There::Gone { revision, started_ms, how, why: row.reason.clone() })
}

async fn any_between(tx: &ScopedTx, account: AccountId, first: &str, last: &str) -> Result<bool> {
    let these = Column::AccountId.eq(account.0).and(Column::ExternalId.between(first, last));
    let found = tx.select::<Entity>().filter(these).limit(1);
    Ok(!found.rows::<(Uuid, Uuid)>(|q| q.column(Column::Id).column(Column::AccountId)).await?.is_empty())
}

async fn records(
    tx: &ScopedTx,
    account: AccountId,
    rows: &[(u32, Row)],
    ids: &BTreeSet<String>,
) -> Result<BTreeMap<String, There>> {
    type Told = (String, Vec<u8>, Option<i64>, i64, Option<String>);
    let of_account = || tx.select::<Entity>().filter(Column::AccountId.eq(account.0));
    let chosen = of_account().filter(Column::ExternalId.is_in(ids.iter().map(String::as_str)));
    let found = chosen.rows::<Told>(|q| {
        let q = q.column(Column::ExternalId).column(Column::Content).column(Column::Revision);
        q.column(Column::StartedMs).column(Column::RefersTo)
    });
    let stored = |(id, content, revision, started_ms, refers_to): Told| {
        let content = bytes_from_db("the digest of a record", &content)?;
        let (revision, refers_to) = (revision.unwrap_or_default(), refers_to.unwrap_or_default());
        Ok((id, Stored { revision, content, started_ms, refers_to, record: None }))
    };
    let mut found: BTreeMap<String, Stored> = found.await?.into_iter().map(stored).collect::<Result<_>>()?;
    let is_other = |row: &&Row| found.get(&row.record.external_id).is_some_and(|there| there.content != row.content);
    let others: Vec<&str> =
        rows.iter().map(|(_, row)| row).filter(is_other).map(|row| row.record.external_id.as_str()).collect();
    if !others.is_empty() {
        for model in of_account().filter(Column::ExternalId.is_in(others)).all().await? {
            if let Some(stored) = found.get_mut(&model.external_id) {
                stored.record = Some(Box::new(Record::try_from(model)?));
            }
        }
    }
    Ok(found.into_iter().map(|(id, stored)| (id, There::Record(stored))).collect())
}

/// Does what was decided.
pub async fn apply(work: &UnitOfWork, ctx: &OpContext, of: &Source, plan: Plan) -> Result<()> {
    raise(work, of.account, plan.raised).await?;
    let ids = |is: fn(&Option<There>) -> bool| {
        plan.changes.iter().filter(move |c| is(&c.was)).map(|change| change.row.record.external_id.as_str())
    };
    let replaced = take(work, of.account, ids(|was| matches!(was, Some(There::Record(_)))).collect()).await?;
    let back: Vec<&str> = ids(|was| matches!(was, Some(There::Gone { .. }))).collect();
    let back = if back.is_empty() { Vec::new() } else { version::newest(work, of.account, back).await? };
    let mut known: BTreeMap<String, Uuid> = replaced.iter().map(|row| (row.external_id.clone(), row.id)).collect();
    known.extend(back.into_iter().map(|row| (row.external_id, row.record_id)));
    let mut ends = Ends::of(work, ctx, known.values().copied(), End { ended: Ended::Revised, reason: "" }).await?;
    replaced.into_iter().for_each(|row| ends.push(row));
    let mut current = Vec::with_capacity(plan.changes.len());
    for Change { earlier, row, was: _ } in plan.changes {
        let id = known.get(&row.record.external_id).copied().unwrap_or_else(|| ctx.new_id());
        for row in earlier {
            ends.push(model(ctx, of, id, row)?);
        }
        current.push(model(ctx, of, id, row)?);
    }
    ends.write(work).await?;
    work.insert_many(current).await.conflict(lost_race)?;
    Ok(())
}

/// Keeps the higher revisions of records that are as they were.
async fn raise(work: &UnitOfWork, account: AccountId, raised: Vec<(String, i64)>) -> Result<()> {
    let mut by_revision: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    raised.into_iter().for_each(|(id, revision)| by_revision.entry(revision).or_default().push(id));
    for (revision, ids) in by_revision {
        let these = Column::AccountId.eq(account.0).and(Column::ExternalId.is_in(ids));
        work.update::<Entity>().set(Column::Revision, revision).filter(these).exec().await?;
    }
    Ok(())
}

/// Takes records out of an account; they must be written as versions, or again.
async fn take(work: &UnitOfWork, account: AccountId, ids: Vec<&str>) -> Result<Vec<Model>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let these = Column::AccountId.eq(account.0).and(Column::ExternalId.is_in(ids));
    let rows = work.select::<Entity>().filter(these.clone()).all().await?;
    let deleted = work.delete::<Entity>().filter(these).exec().await?;
    if deleted == rows.len() as u64 { Ok(rows) } else { Err(lost_race()) }
}

/// Versions that end now.
struct Ends<'a> {
    ctx: &'a OpContext,
    end: End<'a>,
    /// How many versions of each record ended.
    counts: BTreeMap<Uuid, i32>,
    rows: Vec<version::Model>,
}

impl<'a> Ends<'a> {
    async fn of(
        tx: &ScopedTx,
        ctx: &'a OpContext,
        records: impl ExactSizeIterator<Item = Uuid>,
        end: End<'a>,
    ) -> Result<Self> {
        let none = records.len() == 0;
        let counts = if none { Vec::new() } else { version::counts(tx, records).await? };
        Ok(Self { ctx, end, counts: counts.into_iter().collect(), rows: Vec::new() })
    }

    fn push(&mut self, row: Model) {
        let count = self.counts.entry(row.id).or_default();
        *count += 1;
        self.rows.push(ended(self.ctx, row, *count, self.end));
    }

    async fn write(self, work: &UnitOfWork) -> Result<()> {
        work.insert_many(self.rows).await.conflict(lost_race)?;
        Ok(())
    }
}

/// What was taken out of an account.
pub struct TakenOut {
    /// The record's id.
    pub record: Uuid,
    pub rows: usize,
    /// When the records began whose days are others now.
    pub starts: Vec<i64>,
}

/// Takes a record out of an account for good.
///
/// # Errors
/// `NOT_FOUND`; `RECORD_WITHDRAWN`, `RECORD_MOVED` where it was taken out before; `RECORD_REFERRED_TO` where refunds refer to it.
pub async fn withdraw(work: &UnitOfWork, ctx: &OpContext, of: &Source, id: &str, reason: &str) -> Result<TakenOut> {
    lock(work, of.account).await?;
    let rows = take(work, of.account, vec![id]).await?;
    let Ok([row]) = <[Model; 1]>::try_from(rows) else { return Err(not_there(work, of.account, id).await?) };
    if let Some(refund) = refunds(work, of.account, id).await?.first() {
        let refund = refund.external_id.clone();
        return Err(Error::of(Kind::FailedPrecondition, msg!("RECORD_REFERRED_TO", id, refund)));
    }
    let start = match &row.refers_to {
        Some(other) => started(work, of.account, other).await?.unwrap_or(row.started_ms),
        None => row.started_ms,
    };
    let taken = TakenOut { record: row.id, rows: 1, starts: vec![start] };
    let mut ends = Ends::of(work, ctx, [row.id].into_iter(), End { ended: Ended::Withdrawn, reason }).await?;
    ends.push(row);
    ends.write(work).await?;
    Ok(taken)
}

/// Takes a record with its refunds to another account.
///
/// # Errors
/// `NOT_FOUND`; `REFUND_MOVES_WITH_RECORD` for a refund; `RECORD_THERE_ALREADY` where the other account has, or had, a record with
/// such an id.
pub async fn shift(
    work: &UnitOfWork,
    ctx: &OpContext,
    (from, to): (&Source, &Source),
    id: &str,
    reason: &str,
) -> Result<TakenOut> {
    let refused = |message| Error::of(Kind::FailedPrecondition, message);
    let (first, second) = (from.account.min(to.account), from.account.max(to.account));
    lock(work, first).await?;
    lock(work, second).await?;
    let mut ids = vec![id.to_owned()];
    ids.extend(refunds(work, from.account, id).await?.into_iter().map(|refund| refund.external_id));
    let rows = take(work, from.account, ids.iter().map(String::as_str).collect()).await?;
    let Some(row) = rows.iter().find(|row| row.external_id == id) else {
        return Err(not_there(work, from.account, id).await?);
    };
    if let Some(other) = &row.refers_to {
        return Err(refused(msg!("REFUND_MOVES_WITH_RECORD", id, other = other.as_str())));
    }
    let records: BTreeSet<Uuid> = rows.iter().map(|row| row.id).collect();
    let names = || ids.iter().map(String::as_str);
    let there = work.select::<Entity>().filter(Column::AccountId.eq(to.account.0));
    let there = there.filter(Column::ExternalId.is_in(names())).all().await?.into_iter().map(|row| row.external_id);
    let others = version::newest(work, to.account, names()).await?.into_iter();
    let others = others.filter(|row| !records.contains(&row.record_id)).map(|row| row.external_id);
    if let Some(id) = there.chain(others).next() {
        return Err(refused(msg!("RECORD_THERE_ALREADY", id)));
    }
    let taken = TakenOut { record: row.id, rows: rows.len(), starts: vec![row.started_ms] };
    let mut ends = Ends::of(work, ctx, records.iter().copied(), End { ended: Ended::Moved, reason }).await?;
    let mut arriving = Vec::with_capacity(rows.len());
    for row in rows {
        let (region, unit_id) = (to.region.as_str().to_owned(), to.unit.map(Uuid::from));
        let recorded_at = tally_store::to_db(ctx.now());
        arriving.push(Model { account_id: to.account.0, region, unit_id, recorded_at, ..row.clone() });
        ends.push(row);
    }
    ends.write(work).await?;
    work.insert_many(arriving).await.conflict(lost_race)?;
    Ok(taken)
}

/// Why a record cannot be taken out of an account: it was before, or never was there.
async fn not_there(tx: &ScopedTx, account: AccountId, id: &str) -> Result<Error> {
    let gone = version::newest(tx, account, [id]).await?.pop().and_then(|row| gone_as(&row));
    let refused = |message| Error::of(Kind::FailedPrecondition, message);
    Ok(match gone {
        Some(There::Gone { how: Gone::Withdrawn, why, .. }) => refused(msg!("RECORD_WITHDRAWN.already", id, why)),
        Some(There::Gone { how: Gone::Moved, why, .. }) => refused(msg!("RECORD_MOVED.already", id, why)),
        Some(There::Record(_)) | None => Error::not_found("record", id),
    })
}

/// The refunds that refer to a record.
async fn refunds(tx: &ScopedTx, account: AccountId, id: &str) -> Result<Vec<Model>> {
    let these = Column::AccountId.eq(account.0).and(Column::RefersTo.eq(id)).and(Column::RefersTo.is_not_null());
    Ok(tx.select::<Entity>().filter(these).all().await?)
}

async fn started(tx: &ScopedTx, account: AccountId, id: &str) -> Result<Option<i64>> {
    Ok(super::said(tx, account, id, None).await?.pop().map(|said| said.started_ms))
}
