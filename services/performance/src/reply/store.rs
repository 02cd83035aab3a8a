//! Messages of records: a row for each version of a record's messages, packed. A row says since when and until when it counted; where its record is
//! goes with the record, nothing else of it ever changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Condition;
use sea_orm::{ExprTrait as _, FromQueryResult};
use serde::{Serialize, Serializer};
use tally_access::OpContext;
use tally_engine::attribution::Side;
use tally_kernel::id::AccountId;
use tally_kernel::{Error, Result};
use tally_store::{Conflict as _, ScopedTx, UnitOfWork, among, dated, lost_race, number_from_db, to_db};

use super::domain::{Change, Messages, Reply, Stored, pack, unpack};
use crate::record::domain::{Devices, Spans};
use crate::record::facts::{self as records, Last};

mod page;

pub use page::{Asked, page};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "replies")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub region: String,
    pub unit_id: Option<Uuid>,
    pub account_id: Uuid,
    /// The same whatever account the record is on.
    pub record_id: Uuid,
    /// Of the version among those of its record, from 1.
    pub ordinal: i32,
    /// When the record began.
    pub started_ms: i64,
    /// How many they are.
    pub replies: i32,
    /// As [`pack`] writes them.
    #[serde(serialize_with = "opened")]
    pub messages: Vec<u8>,
    /// The devices that they name, a line each; nothing where they name none.
    #[serde(skip)]
    pub devices: Option<String>,
    pub recorded_at: DateTimeUtc,
    /// Nothing while it counts.
    pub until_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

tally_store::scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId, ms: StartedMs });

/// A message as it is told to whoever takes a group's data along.
#[derive(Serialize)]
struct Opened {
    at_ms: i64,
    by: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    device: String,
}

fn opened<S: Serializer>(messages: &[u8], to: S) -> Result<S::Ok, S::Error> {
    let all = unpack(messages).and_then(Messages::all).map_err(serde::ser::Error::custom)?;
    to.collect_seq(all.into_iter().map(|reply| {
        let by = match reply.by {
            Side::Agent => "agent",
            Side::Customer => "customer",
        };
        Opened { at_ms: reply.at_ms, by, device: reply.device }
    }))
}

/// The messages of these records as they are.
pub async fn there(tx: &ScopedTx, records: impl IntoIterator<Item = Uuid>) -> Result<BTreeMap<Uuid, Stored>> {
    let these = among::<Entity>(tx, Column::RecordId, records).add(Column::UntilAt.is_null());
    let rows = tx.select::<Entity>().filter(these).all().await?;
    let stored = |row: Model| {
        let replies = unpack(&row.messages).and_then(Messages::all).map_err(Error::internal)?;
        Ok((row.record_id, Stored { ordinal: row.ordinal, replies }))
    };
    rows.into_iter().map(stored).collect()
}

/// Writes new versions, and ends those that they take the place of.
pub async fn apply(work: &UnitOfWork, ctx: &OpContext, changes: &[Change]) -> Result<()> {
    let ended: Vec<Uuid> =
        changes.iter().filter(|change| change.was.is_some()).map(|change| change.place.record).collect();
    if !ended.is_empty() {
        let count = ended.len() as u64;
        let these = among::<Entity>(work, Column::RecordId, ended).add(Column::UntilAt.is_null());
        let update = work.update::<Entity>().set(Column::UntilAt, Some(to_db(ctx.now())));
        if update.filter(these).exec().await? != count {
            return Err(lost_race());
        }
    }
    let mut rows = Vec::with_capacity(changes.len());
    for Change { place, was, replies } in changes {
        rows.push(Model {
            tenant_id: ctx.tenant().0,
            id: ctx.new_id(),
            region: place.region.as_str().to_owned(),
            unit_id: place.unit.map(Uuid::from),
            account_id: place.key.0.0,
            record_id: place.record,
            ordinal: was.unwrap_or_default() + 1,
            started_ms: place.started_ms,
            replies: i32::try_from(replies.len()).map_err(Error::internal)?,
            messages: pack(replies),
            devices: named(replies),
            recorded_at: to_db(ctx.now()),
            until_at: None,
        });
    }
    work.insert_many(rows).await.conflict(lost_race)?;
    Ok(())
}

/// The devices of messages, a line each: no name of one has a line break.
fn named(replies: &[Reply]) -> Option<String> {
    let devices: BTreeSet<&str> = replies.iter().map(|reply| reply.device.as_str()).collect();
    let devices: Vec<&str> = devices.into_iter().filter(|device| !device.is_empty()).collect();
    (!devices.is_empty()).then(|| devices.join("\n"))
}

/// The devices that messages of records of a period name, by account; of these accounts, or of all.
pub async fn devices(tx: &ScopedTx, spans: &Spans, of: Option<&BTreeSet<AccountId>>) -> Result<Devices> {
    let mut named = Devices::new();
    for (from, to) in spans.stretches() {
        let these = Condition::all()
            .add(Column::StartedMs.gte(from).and(Column::StartedMs.lt(to)))
            .add(Column::UntilAt.is_null().and(Column::Devices.is_not_null()))
            .add_option(of.map(|of| among::<Entity>(tx, Column::AccountId, of.iter().map(|account| account.0))));
        let found = tx.select::<Entity>().filter(these).rows::<(Uuid, Option<String>)>(|q| {
            let q = q.column(Column::AccountId).column(Column::Devices);
            q.group_by(Column::AccountId).group_by(Column::Devices)
        });
        for (account, lines) in found.await? {
            let account = AccountId(account);
            let lines = lines.filter(|_| spans.hold(account, (from, to)));
            let devices = lines.iter().flat_map(|lines| lines.lines()).map(str::to_owned);
            named.entry(account).or_default().extend(devices);
        }
    }
    named.retain(|_, devices| !devices.is_empty());
    Ok(named)
}

/// How many records of a period have messages, by account.
pub async fn counts(tx: &ScopedTx, spans: &Spans) -> Result<BTreeMap<AccountId, u64>> {
    let mut counts = BTreeMap::new();
    for (from, to) in spans.stretches() {
        let these = Column::StartedMs.gte(from).and(Column::StartedMs.lt(to)).and(Column::UntilAt.is_null());
        let found = tx
            .select::<Entity>()
            .filter(these)
            .rows::<(Uuid, i64)>(|q| q.column(Column::AccountId).count().group_by(Column::AccountId));
        for (account, records) in found.await? {
            let account = AccountId(account);
            if spans.hold(account, (from, to)) {
                let records: u64 = number_from_db("a count of messages", records)?;
                *counts.entry(account).or_default() += records;
            }
        }
    }
    Ok(counts)
}

/// Takes messages to where the records with these external ids of an account are by now, and to when they began.
pub async fn follow(work: &UnitOfWork, account: AccountId, ids: BTreeSet<&str>) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let places = records::places(work, &BTreeMap::from([(account, ids)])).await?;
    let these = among::<Entity>(work, Column::RecordId, places.iter().map(|place| place.record));
    let these = work.select::<Entity>().filter(these.add(Column::UntilAt.is_null()));
    let with: BTreeSet<Uuid> = these.rows(|q| q.column(Column::RecordId)).await?.into_iter().collect();
    for place in places.iter().filter(|place| with.contains(&place.record)) {
        let update = work
            .update::<Entity>()
            .set(Column::AccountId, place.key.0.0)
            .set(Column::Region, place.region.as_str())
            .set(Column::UnitId, place.unit.map(Uuid::from))
            .set(Column::StartedMs, place.started_ms);
        update.filter(Column::RecordId.eq(place.record)).exec().await?;
    }
    Ok(())
}

/// What [`collect`] reads.
#[derive(FromQueryResult)]
struct Chosen {
    record_id: Uuid,
    messages: Vec<u8>,
}

/// Hands over the messages of the next sessions that have some, in the order in which `record::facts::collect` hands over the sessions
/// themselves: of each its start, its external id and the messages, as they are or as they were known at an instant. It reads as many sessions as
/// `limit` says, after the last one read; the last one now, or nothing at the end. As they are, an account without any messages ends at once.
pub async fn collect(
    tx: &ScopedTx,
    (account, span): (AccountId, (i64, i64)),
    known_at: Option<Timestamp>,
    after: Option<&Last>,
    limit: u64,
    mut take: impl FnMut(i64, &str, Messages<'_>) -> Result<()>,
) -> Result<Option<Last>> {
    if after.is_none() && known_at.is_none() && !any(tx, account).await? {
        return Ok(None);
    }
    let sessions = records::sessions(tx, account, span, known_at, after, limit).await?;
    let ids = sessions.iter().map(|(_, _, record)| *record);
    let these = among::<Entity>(tx, Column::RecordId, ids).add(counting(known_at));
    let chosen = tx
        .select::<Entity>()
        .filter(these)
        .rows_into::<Chosen>(|q| q.column(Column::RecordId).column(Column::Messages))
        .await?;
    let found: HashMap<Uuid, Vec<u8>> = chosen.into_iter().map(|row| (row.record_id, row.messages)).collect();
    for (started_ms, external_id, record) in &sessions {
        if let Some(messages) = found.get(record) {
            take(*started_ms, external_id, unpack(messages).map_err(Error::internal)?)?;
        }
    }
    let more = sessions.len() as u64 == limit;
    Ok(sessions.into_iter().next_back().filter(|_| more).map(|(started_ms, id, _)| (started_ms, id)))
}

/// Whether any record that is on an account has messages, or had when it was withdrawn.
async fn any(tx: &ScopedTx, account: AccountId) -> Result<bool> {
    let found = tx.select::<Entity>().filter(Column::AccountId.eq(account.0)).limit(1);
    Ok(!found.rows::<(Uuid, Uuid)>(|q| q.column(Column::Id).column(Column::RecordId)).await?.is_empty())
}

/// What counts now, or counted at an instant.
fn counting(known_at: Option<Timestamp>) -> Condition {
    dated::counting((Column::RecordedAt, Column::UntilAt), known_at, false)
}

#[cfg(test)]
mod tests;
