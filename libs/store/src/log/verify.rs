//! Reads both logs from the beginning and names the first entry of each stream that is not as it was written; then the
//! rows that no entry accounts for (`rows.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use sea_orm::prelude::DateTimeUtc;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, QueryResult, Statement, Value};
use tally_access::{OpContext, Permit, Rpc};
use tally_kernel::{Error, Kind, msg};
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::log::audit::{self, AuditEntry, People};
use crate::log::chain::{Hash, Log, genesis, hash_of, head_message, link};
use crate::log::heads::{HeadsFile, KnownHeads};
use crate::log::outbox::{self, Row};
use crate::log::report::{AuditReport, Defect, Fault};
use crate::tx::connect::{Mode, Role};
use crate::tx::context::{Scope, from_db, to_db};

/// Entries read at once.
const BATCH: i64 = 5000;
/// When an entry was written, among the columns of either log.
const AT: usize = 2;
/// How long an entry may stay unnumbered before something is wrong with the sequencer.
const UNNUMBERED: Duration = Duration::from_secs(5);

/// Hears how many entries are checked so far.
pub type CheckedEntries<'a> = &'a (dyn Fn(u64) + Send + Sync);

struct Head {
    position: i64,
    chain: Vec<u8>,
    key: i64,
    signature: Vec<u8>,
}

struct Entry {
    id: Option<Uuid>,
    /// Whether the content is bound to the hash it was stored with.
    sound: bool,
    content: Vec<u8>,
    position: Option<i64>,
    chain: Vec<u8>,
    /// Nothing of what cannot be read.
    at: Option<Timestamp>,
}

impl Store {
    /// Checks every entry of the audit log and the outbox of this service, and that every row has its audit entry.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE` when the database is away. What is wrong with the logs is no error but the report.
    pub async fn verify_audit(&self) -> Result<AuditReport, Error> {
        self.verify(KnownHeads::default()).await.map_err(|error| self.located(error))
    }

    /// The same, and that both logs pass through every head in the directory's file of this service.
    ///
    /// # Errors
    /// As [`Store::verify_audit`]; `HEADS_UNREADABLE`.
    pub async fn verify_audit_with(&self, directory: &Path) -> Result<AuditReport, Error> {
        // Read before the logs: what is exported meanwhile is not looked for.
        let known = KnownHeads::read(directory, self.service(), self.keys())?;
        self.verify(known).await.map_err(|error| self.located(error))
    }

    /// The same of the caller's group alone: its audit log, without heads that were exported, and its rows. The outbox is one stream of all
    /// groups, and left to [`Store::verify_audit`]. `told` hears how far it is; dropped, it ends. It holds one batch of entries at a time.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE`, `UNAUTHENTICATED`. What is wrong with the log is no error but the report.
    pub async fn verify_audit_of<R: Rpc>(
        &self,
        ctx: &OpContext,
        _: &Permit<R>,
        told: CheckedEntries<'_>,
    ) -> Result<AuditReport, Error> {
        let tenant = Scope::of(ctx)?.tenant;
        self.verify_tenant(tenant, told).await.map_err(|error| self.located(error))
    }

    async fn verify_tenant(&self, tenant: Uuid, told: CheckedEntries<'_>) -> Result<AuditReport, StoreError> {
        let tx = self.all_tenants(Mode::Snapshot, Role::Worker).await?;
        let mut report = AuditReport::default();
        let heads = self.heads(&tx, Log::Audit, Some(tenant)).await?;
        let numbered = "SELECT EXISTS (SELECT 1 FROM audit WHERE tenant_id = $1 AND position IS NOT NULL)";
        let numbered = Statement::from_sql_and_values(self.backend(), numbered, [tenant.into()]);
        let numbered = tx.query_one_raw(numbered).await?.map_or(Ok(false), |row| row.try_get_by_index(0))?;
        // Before its first entry a group has no head, and none is missing.
        if numbered || !heads.is_empty() {
            let fault = self.verify_stream(&tx, Log::Audit, tenant, (heads.get(&tenant), None), (&mut report, told));
            let fault = fault.await?;
            report.faults.extend(fault);
        }
        self.verify_unnumbered(&tx, Log::Audit, Some(tenant), &mut report).await?;
        drop(tx);
        told(report.entries);
        self.verify_rows(&BTreeSet::from([tenant]), &mut report).await?;
        Ok(report)
    }

    async fn verify(&self, known: KnownHeads) -> Result<AuditReport, StoreError> {
        let tx = self.all_tenants(Mode::Snapshot, Role::Worker).await?;
        let mut report = AuditReport { heads: known.count, ..AuditReport::default() };
        let mut tenants = self.unnumbered_tenants(&tx).await?;
        for log in Log::ALL {
            let heads = self.heads(&tx, log, None).await?;
            let exported = known.streams.keys().filter(|(of, _)| of == log.table()).map(|(_, stream)| *stream);
            let streams = self.streams(&tx, log, heads.keys().copied().chain(exported)).await?;
            if log == Log::Audit {
                tenants.extend(&streams);
            }
            for stream in streams {
                let known = (heads.get(&stream), known.streams.get(&(log.table().to_owned(), stream)));
                let fault = self.verify_stream(&tx, log, stream, known, (&mut report, &|_| ())).await?;
                report.faults.extend(fault);
            }
            self.verify_unnumbered(&tx, log, None, &mut report).await?;
        }
        report.faults.extend(known.bad.map(|(line, stream)| Fault {
            table: "heads".to_owned(),
            tenant: stream,
            position: None,
            entry: None,
            row: Some(line.to_string()),
            defect: Defect::ExportedHead,
        }));
        drop(tx);
        self.verify_rows(&tenants, &mut report).await?;
        Ok(report)
    }

    /// Refuses keys that signed nothing of what is here: all that is written with them looks forged ever after.
    ///
    /// # Errors
    /// `KEYS_OF_ANOTHER_STORE`; `STORE_UNAVAILABLE`.
    pub async fn refuse_other_keys(&self) -> Result<(), Error> {
        self.other_keys().await.map_err(|error| self.located(error))
    }

    async fn other_keys(&self) -> Result<(), StoreError> {
        let tx = self.all_tenants(Mode::Read, Role::Worker).await?;
        let mut is_empty = true;
        for log in Log::ALL {
            for (stream, head) in self.heads(&tx, log, None).await? {
                // One altered head is a matter of `tally audit verify`, and keeps nobody from working.
                if hash_of(&head.chain).is_ok_and(|chain| self.signed(log, stream, &head, &chain)) {
                    return Ok(());
                }
                is_empty = false;
            }
        }
        if is_empty {
            return Ok(());
        }
        Err(Error::of(Kind::FailedPrecondition, msg!("KEYS_OF_ANOTHER_STORE", service = self.service())).into())
    }

    /// Refuses a store without a single entry where the file of signed heads tells of some: its data was lost, or another
    /// database stands in its place, and a second beginning would hide that.
    ///
    /// # Errors
    /// `STORE_LOST`; `HEADS_UNREADABLE`; `STORE_UNAVAILABLE`.
    pub async fn refuse_lost_data(&self) -> Result<(), Error> {
        let Some(file) = &self.inner().heads else { return Ok(()) };
        let tx = self.all_tenants(Mode::Read, Role::Worker).await?;
        for log in Log::ALL {
            if !self.heads(&tx, log, None).await?.is_empty() {
                return Ok(());
            }
        }
        let service = self.service();
        let path = file.path();
        match KnownHeads::read(path.parent().unwrap_or(path), service, self.keys())?.count {
            0 => Ok(()),
            _ => {
                let (file, setting) = (path.display(), self.inner().location.setting());
                Err(Error::of(Kind::FailedPrecondition, msg!("STORE_LOST", service, file, setting)))
            }
        }
    }

    /// Refuses a file of signed heads that cannot be written: found out at the first entry, it would be found out by nobody.
    ///
    /// # Errors
    /// `HEADS_UNWRITABLE`.
    pub fn refuse_unwritable_heads(&self) -> Result<(), Error> {
        self.inner().heads.as_ref().map_or(Ok(()), HeadsFile::check)
    }

    /// Groups whose first entry may still wait for its position.
    async fn unnumbered_tenants(&self, tx: &DatabaseTransaction) -> Result<BTreeSet<Uuid>, StoreError> {
        let sql = "SELECT DISTINCT tenant_id FROM audit WHERE position IS NULL";
        let rows = tx.query_all_raw(Statement::from_string(self.backend(), sql)).await?;
        rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
    }

    /// The signed heads of a log: of this stream alone, or of all.
    async fn heads(
        &self,
        tx: &DatabaseTransaction,
        log: Log,
        only: Option<Uuid>,
    ) -> Result<BTreeMap<Uuid, Head>, StoreError> {
        let sql = "SELECT tenant_id, position, chain, key_id, signature FROM log_heads WHERE log = $1";
        let (whose, only) = of_tenant(only, 2);
        let values = [log.table().into()].into_iter().chain(only);
        let statement = Statement::from_sql_and_values(self.backend(), format!("{sql}{whose}"), values);
        let rows = tx.query_all_raw(statement).await?;
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
        heads: impl Iterator<Item = Uuid>,
    ) -> Result<Vec<Uuid>, StoreError> {
        let sql = format!("SELECT DISTINCT tenant_id FROM {} WHERE position IS NOT NULL", log.table());
        let rows = tx.query_all_raw(Statement::from_string(self.backend(), sql)).await?;
        let mut streams: Vec<Uuid> = heads.collect();
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
        (head, exported): (Option<&Head>, Option<&BTreeMap<i64, Vec<u8>>>),
        (report, told): (&mut AuditReport, CheckedEntries<'_>),
    ) -> Result<Option<Fault>, StoreError> {
        let fault = |position: i64, entry: Option<Uuid>, defect| {
            let table = log.table().to_owned();
            Ok(Some(Fault { table, tenant: stream, position: Some(position), entry, row: None, defect }))
        };
        let (mut position, mut chain): (i64, Hash) = (0, genesis(self.service(), log, stream));
        let mut last = None;
        loop {
            let batch = self.entries(tx, log, stream, position).await?;
            for entry in &batch {
                report.count(entry.at.filter(|_| log == Log::Audit));
                let expected = position + 1;
                if entry.position != Some(expected) {
                    return fault(expected, None, Defect::Missing);
                }
                if !entry.sound {
                    return fault(expected, entry.id, Defect::Content);
                }
                chain = link(&chain, expected, &entry.content);
                if chain.as_slice() != entry.chain {
                    return fault(expected, entry.id, Defect::Chain);
                }
                if exported.and_then(|heads| heads.get(&expected)).is_some_and(|known| known.as_slice() != chain) {
                    return fault(expected, entry.id, Defect::Forked);
                }
                (position, last) = (expected, entry.id);
            }
            told(report.entries);
            if (batch.len() as i64) < BATCH {
                break;
            }
        }
        let exported = exported.and_then(BTreeMap::last_key_value).map(|(known, _)| *known);
        match head {
            Some(head) if head.position > position => fault(position + 1, None, Defect::Truncated),
            _ if exported.is_some_and(|known| known > position) => fault(position + 1, None, Defect::PutBack),
            None => fault(position, last, Defect::Head),
            Some(head) if head.position < position => fault(head.position + 1, None, Defect::BeyondHead),
            Some(head) if !self.signed(log, stream, head, &chain) => fault(position, last, Defect::Head),
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
        let whose = if log == Log::Audit { "tenant_id = $3" } else { "$3 = $3" };
        let sql = format!(
            "SELECT {}, position, chain FROM {} WHERE {whose} AND position > $1 ORDER BY position LIMIT $2",
            columns(log).0,
            log.table()
        );
        let values = [after.into(), BATCH.into(), stream.into()];
        let rows = tx.query_all_raw(Statement::from_sql_and_values(self.backend(), sql, values)).await?;
        let mut people = match log {
            Log::Audit => {
                let these = "a.tenant_id = $1 AND a.position > $2 AND a.position <= $3";
                audit::people(tx, these, [stream.into(), after.into(), (after + BATCH).into()]).await?
            }
            Log::Outbox => People::new(),
        };
        Ok(rows.iter().map(|row| self.entry(log, row, &mut people)).collect())
    }

    /// What cannot even be read is not what was written.
    fn entry(&self, log: Log, row: &QueryResult, people: &mut People) -> Entry {
        let (_, width) = columns(log);
        let content = self.content(log, row, people).ok();
        Entry {
            id: content.as_ref().map(|(id, ..)| *id),
            sound: content.as_ref().is_some_and(|(_, written, stored)| written.as_slice() == stored),
            content: content.map(|(.., stored)| stored).unwrap_or_default(),
            position: row.try_get_by_index(width).ok(),
            chain: row.try_get_by_index(width + 1).unwrap_or_default(),
            at: row.try_get_by_index::<DateTimeUtc>(AT).ok().and_then(|at| from_db(at).ok()),
        }
    }

    /// The entry's id, the hash its content has, and the hash it was stored with.
    fn content(&self, log: Log, row: &QueryResult, people: &mut People) -> Result<(Uuid, Hash, Vec<u8>), StoreError> {
        Ok(match log {
            Log::Audit => {
                let (entry, stored) = AuditEntry::read(row, people)?;
                (entry.id, entry.content(self.keys())?, stored)
            }
            Log::Outbox => {
                let (entry, stored) = Row::read(row)?;
                (entry.id, entry.content(self.keys())?, stored)
            }
        })
    }

    async fn verify_unnumbered(
        &self,
        tx: &DatabaseTransaction,
        log: Log,
        only: Option<Uuid>,
        report: &mut AuditReport,
    ) -> Result<(), StoreError> {
        let (whose, only) = of_tenant(only, 2);
        let sql = format!(
            "SELECT {}, position, chain FROM {} WHERE position IS NULL{whose} ORDER BY id LIMIT $1",
            columns(log).0,
            log.table()
        );
        let values = [BATCH.into()].into_iter().chain(only.clone());
        let rows = tx.query_all_raw(Statement::from_sql_and_values(self.backend(), sql, values)).await?;
        let mut people = match only {
            Some(only) => audit::people(tx, "a.position IS NULL AND a.tenant_id = $1", [only]).await?,
            None => audit::people(tx, "a.position IS NULL", []).await?,
        };
        let old = to_db(self.clock().now()) - chrono::Duration::from_std(UNNUMBERED).map_err(StoreError::fault)?;
        for row in &rows {
            report.entries += 1;
            let entry = self.entry(log, row, &mut people);
            let defect = if !entry.sound {
                Defect::Content
            } else if row.try_get_by_index::<DateTimeUtc>(AT)? < old {
                Defect::Unnumbered
            } else {
                continue;
            };
            let tenant = log.stream(row.try_get_by_index(0)?);
            let table = log.table().to_owned();
            report.faults.push(Fault { table, tenant, position: None, entry: entry.id, row: None, defect });
            break;
        }
        Ok(())
    }
}

/// The condition that a row is of a group, with the value of its place; nothing for those of all.
fn of_tenant(only: Option<Uuid>, place: usize) -> (String, Option<Value>) {
    (only.map(|_| format!(" AND tenant_id = ${place}")).unwrap_or_default(), only.map(Value::from))
}

/// The columns of a log that content hashes bind, with the hash, and how many these are.
fn columns(log: Log) -> (&'static str, usize) {
    match log {
        Log::Audit => (audit::COLUMNS, audit::WIDTH),
        Log::Outbox => (outbox::COLUMNS, outbox::WIDTH),
    }
}
