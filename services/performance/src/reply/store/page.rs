//! Messages page by page: as many records as are asked for, and of those with many messages as many as an answer holds.

use jiff::Timestamp;
use sea_orm::ExprTrait as _;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Condition;
use tally_access::{Plan, Rpc};
use tally_kernel::id::AccountId;
use tally_kernel::page::{Page, token_invalid};
use tally_kernel::{Error, Result};
use tally_store::{ScopedTx, among};

use super::super::domain::{Reply, unpack};
use super::{Column, Entity, Model, counting};

/// Bytes that a page ends after: the limit of a message of gRPC is 4 MiB.
const BYTES: usize = 3_000_000;
/// No fewer bytes than a message has beside its device: instant, side, tags and lengths.
const OF_MESSAGE: usize = 32;
/// No fewer bytes than a record has beside its messages: its account, its id and when they came.
const OF_RECORD: usize = 1_000;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub account: AccountId,
    /// Of records that began in `from..to`, milliseconds since 1970.
    pub span: (i64, i64),
    /// Of this record alone.
    pub record: Option<Uuid>,
    /// As they were known at this instant, and not as they are.
    pub known_at: Option<Timestamp>,
}

/// Messages of a record, all that are left of a version or those that fit.
pub struct Part {
    pub record: Uuid,
    pub replies: Vec<Reply>,
    pub recorded_at: DateTimeUtc,
}

/// Where a page ended.
struct End {
    started_ms: i64,
    record: Uuid,
    /// Within a record: the version that was read, and how many of its messages are told. Another version may count by now.
    within: Option<(i32, usize)>,
}

impl End {
    /// After all of a record.
    fn after((started_ms, record): (i64, Uuid)) -> Self {
        Self { started_ms, record, within: None }
    }

    fn read(key: &str) -> Option<Self> {
        let mut parts = key.split(' ');
        let mut end = Self::after((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?));
        if let Some(ordinal) = parts.next() {
            end.within = Some((ordinal.parse().ok()?, parts.next()?.parse().ok()?));
        }
        Some(end)
    }

    fn key(&self) -> String {
        let place = format!("{} {}", self.started_ms, self.record);
        self.within.map_or(place.clone(), |(ordinal, told)| format!("{place} {ordinal} {told}"))
    }
}

/// What a page holds so far.
struct Filled {
    parts: Vec<Part>,
    room: usize,
}

impl Filled {
    /// Adds the messages of a version after those that are told already, as many as fit, one at least to an empty page; where it ended if they
    /// did not all fit.
    fn add(&mut self, row: &Model, told: usize) -> Result<Option<End>> {
        let is_first = self.parts.is_empty();
        let mut left = self.room.saturating_sub(OF_RECORD);
        let (mut replies, mut more) = (Vec::new(), false);
        for message in unpack(&row.messages).map_err(Error::internal)?.skip(told) {
            let message = message.map_err(Error::internal)?;
            let bytes = OF_MESSAGE + message.device.len();
            if bytes > left && !(is_first && replies.is_empty()) {
                more = true;
                break;
            }
            left = left.saturating_sub(bytes);
            replies.push(message.into());
        }
        let now_told = told + replies.len();
        if !replies.is_empty() {
            self.parts.push(Part { record: row.record_id, replies, recorded_at: row.recorded_at });
        }
        self.room = left;
        let end = End { within: Some((row.ordinal, now_told)), ..End::after((row.started_ms, row.record_id)) };
        Ok(more.then_some(end))
    }
}

/// A page of messages, by the start of their record; the rest of a record first whose messages the page before did not hold.
pub async fn page<R: Rpc>(tx: &ScopedTx, plan: &Plan<R>, asked: &Asked, page: &Page) -> Result<(Vec<Part>, String)> {
    let after = page.after.as_deref().map(|key| End::read(key).ok_or_else(token_invalid)).transpose()?;
    let mut filled = Filled { parts: Vec::new(), room: BYTES };
    if let Some(End { record, within: Some((ordinal, told)), .. }) = after {
        let version = Column::RecordId.eq(record).and(Column::Ordinal.eq(ordinal));
        let row = tx.select::<Entity>().within(plan).filter(version).one().await?;
        if let Some(end) = row.map(|row| filled.add(&row, told)).transpose()?.flatten() {
            return Ok((filled.parts, page.token(&end.key())));
        }
    }
    let mut last = after.map(|end| (end.started_ms, end.record));
    let (heads, more) = heads(tx, plan, (asked, last), (page.size as usize - filled.parts.len(), filled.room)).await?;
    let records = heads.iter().map(|(_, record)| *record);
    let these = among::<Entity>(tx, Column::RecordId, records).add(counting(asked.known_at));
    let rows = tx.select::<Entity>().within(plan).filter(these);
    for row in rows.order_by_asc(Column::StartedMs).order_by_asc(Column::RecordId).all().await? {
        if let Some(end) = filled.add(&row, 0)? {
            return Ok((filled.parts, page.token(&end.key())));
        }
        last = Some((row.started_ms, row.record_id));
    }
    let next = last.filter(|_| more).map(|last| page.token(&End::after(last).key()));
    Ok((filled.parts, next.unwrap_or_default()))
}

/// The next records whose messages may fit, by start, `most` at most and one at least if any may be; and whether there are more.
async fn heads<R: Rpc>(
    tx: &ScopedTx,
    plan: &Plan<R>,
    (asked, after): (&Asked, Option<(i64, Uuid)>),
    (most, room): (usize, usize),
) -> Result<(Vec<(i64, Uuid)>, bool)> {
    let (from, to) = asked.span;
    let these = Condition::all()
        .add(Column::AccountId.eq(asked.account.0))
        .add(Column::StartedMs.gte(from).and(Column::StartedMs.lt(to)))
        .add(counting(asked.known_at))
        .add_option(asked.record.map(|record| Column::RecordId.eq(record)))
        .add_option(after.map(|(ms, record)| {
            let later = Column::StartedMs.gt(ms);
            later.or(Column::StartedMs.eq(ms).and(Column::RecordId.gt(record)))
        }));
    let ordered = tx.select::<Entity>().within(plan).filter(these);
    let ordered = ordered.order_by_asc(Column::StartedMs).order_by_asc(Column::RecordId).limit(most as u64 + 1);
    let found: Vec<(i64, Uuid, i32)> =
        ordered.rows(|q| q.column(Column::StartedMs).column(Column::RecordId).column(Column::Replies)).await?;
    let mut bytes = 0;
    let fitting = found.iter().take_while(|(_, _, count)| {
        bytes += OF_RECORD + OF_MESSAGE * usize::try_from(*count).unwrap_or(0);
        bytes <= room
    });
    let fitting = fitting.count().max(1).min(most);
    let more = found.len() > fitting;
    Ok((found.into_iter().take(fitting).map(|(ms, record, _)| (ms, record)).collect(), more))
}
