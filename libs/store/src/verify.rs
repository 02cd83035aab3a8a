//! Reads both logs from the beginning and names the first entry of each stream that is not as it was written.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, QueryResult, Statement};
use tally_kernel::Error;
use uuid::Uuid;

use crate::audit::{self, AuditEntry};
use crate::connect::{Mode, Role};
use crate::error::StoreError;
use crate::log::{Hash, Log, genesis, head_message, link};
use crate::outbox::{self, Row};
use crate::{Store, to_db};

/// Entries read at once.
const BATCH: i64 = 5000;
/// How long an entry may stay unnumbered before something is wrong with the sequencer.
const UNNUMBERED: Duration = Duration::from_secs(5);

/// What is wrong with a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The content is not what was written: a changed byte, or an entry that the service never wrote.
    Content,
    /// The entry does not follow from the one before: inserted, replaced or moved.
    Chain,
    /// This position is missing: deleted.
    Missing,
    /// The signed head says that there were more: the end was cut off.
    Truncated,
    /// There are entries after the signed head.
    BeyondHead,
    /// The head's signature is not ours, or there is none.
    Head,
    /// Older than five seconds and still without a position: no sequencer runs.
    Unnumbered,
}

/// The first bad entry of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// `audit` or `outbox`.
    pub log: &'static str,
    /// The group; the nil id for the outbox, which is one stream.
    pub tenant: Uuid,
    /// The position, if it has one.
    pub position: Option<i64>,
    /// The entry, if it is there.
    pub entry: Option<Uuid>,
    /// What is wrong.
    pub trouble: Trouble,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.trouble {
            Trouble::Content => "is not what the service wrote",
            Trouble::Chain => "does not follow from the entry before it (inserted, replaced or moved)",
            Trouble::Missing => "is missing",
            Trouble::Truncated => "is missing, and all after it up to the signed head",
            Trouble::BeyondHead => "lies beyond the signed head",
            Trouble::Head => "is the head, whose signature is missing or not the service's",
            Trouble::Unnumbered => "has waited for a position longer than five seconds: is a sequencer running?",
        };
        let position = self.position.map_or_else(|| "an unnumbered entry".to_owned(), |p| format!("entry {p}"));
        let id = self.entry.map(|id| format!(" ({id})")).unwrap_or_default();
        write!(f, "{} of {}: {position}{id} {what}", self.log, self.tenant)
    }
}

/// What [`Store::verify_audit`] found.
#[derive(Clone, Debug, Default)]
pub struct AuditReport {
    /// Entries read, of both logs.
    pub entries: u64,
    /// The first bad entry of every bad stream; nothing when all is well.
    pub faults: Vec<Fault>,
}

impl AuditReport {
    /// Whether nothing is wrong.
    pub fn ok(&self) -> bool {
        self.faults.is_empty()
    }
}

struct Head {
    position: i64,
    chain: Vec<u8>,
    key: i64,
    signature: Vec<u8>,
}

struct Entry {
    id: Uuid,
    /// Whether the content is bound to the hash it was stored with.
    sound: bool,
    content: Vec<u8>,
    position: i64,
    chain: Vec<u8>,
}

impl Store {
    /// Checks every entry of the audit log and the outbox of this service.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE` when the database is away. What is wrong with the logs is no error but the report.
    pub async fn verify_audit(&self) -> Result<AuditReport, Error> {
        Ok(self.verify().await?)
    }

    async fn verify(&self) -> Result<AuditReport, StoreError> {
        let tx = self.all_tenants(Mode::Read, Role::Worker).await?;
        let mut report = AuditReport::default();
        for log in Log::ALL {
            let heads = self.heads(&tx, log).await?;
            for stream in self.streams(&tx, log, &heads).await? {
                let fault = self.verify_stream(&tx, log, stream, heads.get(&stream), &mut report.entries).await?;
                report.faults.extend(fault);
            }
            self.verify_unnumbered(&tx, log, &mut report).await?;
        }
        Ok(report)
    }

    async fn heads(&self, tx: &DatabaseTransaction, log: Log) -> Result<BTreeMap<Uuid, Head>, StoreError> {
        let sql = "SELECT tenant_id, position, chain, key_id, signature FROM log_heads WHERE log = $1";
        let rows = tx.query_all_raw(Statement::from_sql_and_values(self.backend(), sql, [log.table().into()])).await?;
        rows.iter()
            .map(|row| {
                let (stream, position, chain, key, signature) = row.try_get_many_by_index()?;
                Ok((stream, Head { position, chain, key, signature }))
            })
            .collect()
    }

    /// Streams that have entries or a head.
    async fn streams(
        &self,
        tx: &DatabaseTransaction,
        log: Log,
        heads: &BTreeMap<Uuid, Head>,
    ) -> Result<Vec<Uuid>, StoreError> {
        let sql = format!("SELECT DISTINCT tenant_id FROM {} WHERE position IS NOT NULL", log.table());
        let rows = tx.query_all_raw(Statement::from_string(self.backend(), sql)).await?;
        let mut streams: Vec<Uuid> = heads.keys().copied().collect();
        for row in &rows {
            streams.push(log.stream(row.try_get_by_index(0)?));
        }
        streams.sort_unstable();
        streams.dedup();
        Ok(streams)
    }

    async fn verify_stream(
        &self,
        tx: &DatabaseTransaction,
        log: Log,
        stream: Uuid,
        head: Option<&Head>,
        entries: &mut u64,
    ) -> Result<Option<Fault>, StoreError> {
        let fault = |position: i64, entry: Option<Uuid>, trouble| {
            Ok(Some(Fault { log: log.table(), tenant: stream, position: Some(position), entry, trouble }))
        };
        let (mut position, mut chain): (i64, Hash) = (0, genesis(self.service(), log, stream));
        let mut last = None;
        loop {
            let batch = self.entries(tx, log, stream, position).await?;
            for entry in &batch {
                *entries += 1;
                let expected = position + 1;
                if entry.position != expected {
                    return fault(expected, None, Trouble::Missing);
                }
                if !entry.sound {
                    return fault(expected, Some(entry.id), Trouble::Content);
                }
                chain = link(&chain, expected, &entry.content);
                if chain.as_slice() != entry.chain {
                    return fault(expected, Some(entry.id), Trouble::Chain);
                }
                (position, last) = (expected, Some(entry.id));
            }
            if (batch.len() as i64) < BATCH {
                break;
            }
        }
        match head {
            None => fault(position, last, Trouble::Head),
            Some(head) if head.position > position => fault(position + 1, None, Trouble::Truncated),
            Some(head) if head.position < position => fault(head.position + 1, None, Trouble::BeyondHead),
            Some(head) if !self.signed(log, stream, head, &chain) => fault(position, last, Trouble::Head),
            Some(_) => Ok(None),
        }
    }

    fn signed(&self, log: Log, stream: Uuid, head: &Head, chain: &Hash) -> bool {
        let message = head_message(self.service(), log, stream, head.position, chain);
        let Ok(key) = u32::try_from(head.key) else { return false };
        head.chain == chain && self.keys().verify(key, &message, &head.signature)
    }

    async fn entries(
        &self,
        tx: &DatabaseTransaction,
        log: Log,
        stream: Uuid,
        after: i64,
    ) -> Result<Vec<Entry>, StoreError> {
        let (columns, whose) = match log {
            Log::Audit => (audit::COLUMNS, "tenant_id = $3 AND"),
            Log::Outbox => (outbox::COLUMNS, "$3 = $3 AND"),
        };
        let sql = format!(
            "SELECT {columns}, position, chain FROM {} WHERE {whose} position > $1 ORDER BY position LIMIT $2",
            log.table()
        );
        let values = [after.into(), BATCH.into(), stream.into()];
        let rows = tx.query_all_raw(Statement::from_sql_and_values(self.backend(), sql, values)).await?;
        rows.iter().map(|row| self.entry(log, row)).collect()
    }

    fn entry(&self, log: Log, row: &QueryResult) -> Result<Entry, StoreError> {
        let (id, written, content, width) = self.content(log, row)?;
        let (position, chain): (i64, Option<Vec<u8>>) =
            (row.try_get_by_index(width)?, row.try_get_by_index(width + 1)?);
        Ok(Entry { id, sound: written.as_slice() == content, content, position, chain: chain.unwrap_or_default() })
    }

    /// The entry's id, the hash its content has, the hash it was stored with, and the number of columns before the position.
    fn content(&self, log: Log, row: &QueryResult) -> Result<(Uuid, Hash, Vec<u8>, usize), StoreError> {
        Ok(match log {
            Log::Audit => {
                let (entry, stored) = AuditEntry::read(row)?;
                (entry.id, entry.content(self.keys())?, stored, 17)
            }
            Log::Outbox => {
                let (entry, stored) = Row::read(row)?;
                (entry.id, entry.content(self.keys())?, stored, 10)
            }
        })
    }

    async fn verify_unnumbered(
        &self,
        tx: &DatabaseTransaction,
        log: Log,
        report: &mut AuditReport,
    ) -> Result<(), StoreError> {
        let columns = if log == Log::Audit { audit::COLUMNS } else { outbox::COLUMNS };
        let sql = format!("SELECT {columns} FROM {} WHERE position IS NULL ORDER BY id LIMIT $1", log.table());
        let rows = tx.query_all_raw(Statement::from_sql_and_values(self.backend(), sql, [BATCH.into()])).await?;
        let old = to_db(self.clock().now()) - chrono::Duration::from_std(UNNUMBERED).map_err(StoreError::fault)?;
        for row in &rows {
            report.entries += 1;
            let (id, written, stored, _) = self.content(log, row)?;
            let trouble = if written.as_slice() != stored {
                Trouble::Content
            } else if row.try_get_by_index::<sea_orm::prelude::DateTimeUtc>(2)? < old {
                Trouble::Unnumbered
            } else {
                continue;
            };
            let tenant = log.stream(row.try_get_by_index(0)?);
            report.faults.push(Fault { log: log.table(), tenant, position: None, entry: Some(id), trouble });
            break;
        }
        Ok(())
    }
}
