//! Events: what a service tells the others, written in the transaction that made it true, followed with a cursor.
//!
//! The producer's rows get positions from the sequencer, so a reader that has seen position n has seen everything before
//! n, whatever committed late. The consumer advances its cursor in the transaction of the effect: effects happen once,
//! whatever is killed. Bells only wake readers; nothing is lost when one does not ring.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::{ConnectionTrait as _, QueryResult, Statement, Value};
use tally_kernel::Error;
use tally_kernel::id::TenantId;
use tokio::sync::watch;
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::log::chain::{Hash, Log, content_hash};
use crate::seal::keys::Keys;
use crate::tx::connect::{Mode, Role};
use crate::tx::context::{from_db, to_db};
use crate::tx::scoped::ScopedTx;
use crate::tx::sql::{Part, most_rows, rows_of_next_statement, tuples};

pub(crate) const COLUMNS: &str = "tenant_id, id, at, kind, key, payload, principal, actor, trace, content";
/// How many columns these are.
pub(crate) const WIDTH: usize = 10;
/// So many events are one statement, whatever their number.
const FEW: usize = 8;

/// So many positions are looked at for one answer at most, however few of them are the tenant's.
const MOST_LOOKED_AT: i64 = 10_000;

/// What to tell. The payload holds ids, codes and numbers, never personal data.
#[derive(Clone, Debug)]
pub struct Event {
    kind: &'static str,
    key: String,
    payload: String,
}

impl Event {
    /// An event of a `kind` (`tally.performance.v1.CyclePublished`) about the thing with this `key`; `payload` is JSON. Services
    /// make it of a message of the contracts, with `tally_app::events::event`.
    pub fn new(kind: &'static str, key: impl fmt::Display, payload: impl Into<String>) -> Self {
        Self { kind, key: key.to_string(), payload: payload.into() }
    }
}

/// An event as consumers read it.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRecord {
    /// Its place in the producer's sequence, from 1, without gaps.
    pub position: i64,
    /// The same whenever it is read.
    pub id: Uuid,
    /// Whose event it is.
    pub tenant: Uuid,
    /// What happened.
    pub kind: String,
    /// To which thing.
    pub key: String,
    /// The details, as JSON.
    pub payload: String,
    /// When, by the producer's clock.
    pub at: jiff::Timestamp,
    /// Who caused it: the principal.
    pub principal: Uuid,
    /// What stands behind the principal: `person:<id>`, `user`, `service:<name>`.
    pub actor: String,
    /// The W3C `traceparent` of the call that caused it.
    pub trace: Option<String>,
}

/// A part of a producer's log.
#[derive(Clone, Debug, PartialEq)]
pub struct LogPart {
    /// Events, by position.
    pub events: Vec<EventRecord>,
    /// How far the log was read: go on after it.
    pub position: i64,
}

/// A row of the outbox.
pub(crate) struct Row {
    pub tenant: Uuid,
    pub id: Uuid,
    pub at: jiff::Timestamp,
    pub kind: String,
    pub key: String,
    pub payload: String,
    pub principal: Uuid,
    pub actor: String,
    pub trace: Option<String>,
}

impl Row {
    pub(crate) fn content(&self, keys: &Keys) -> Result<Hash, StoreError> {
        let at = self.at.as_microsecond().to_le_bytes();
        let trace = self.trace.as_ref().map_or_else(Vec::new, |text| [b"=", text.as_bytes()].concat());
        let fields: [&[u8]; 8] = [
            self.id.as_bytes(),
            &at,
            self.kind.as_bytes(),
            self.key.as_bytes(),
            self.payload.as_bytes(),
            self.principal.as_bytes(),
            self.actor.as_bytes(),
            &trace,
        ];
        content_hash(keys, Log::Outbox, self.tenant, &fields)
    }

    /// Reads [`COLUMNS`]: the row and the content hash it was stored with.
    pub(crate) fn read(row: &QueryResult) -> Result<(Self, Vec<u8>), StoreError> {
        let read = Self {
            tenant: row.try_get_by_index(0)?,
            id: row.try_get_by_index(1)?,
            // One that cannot be was altered, which the hash of the content tells: no fault that stops the proof of the log.
            at: from_db(row.try_get_by_index(2)?).unwrap_or_default(),
            kind: row.try_get_by_index(3)?,
            key: row.try_get_by_index(4)?,
            payload: row.try_get_by_index(5)?,
            principal: row.try_get_by_index(6)?,
            actor: row.try_get_by_index(7)?,
            trace: row.try_get_by_index(8)?,
        };
        Ok((read, row.try_get_by_index(9)?))
    }
}

/// The statements that write the events of a unit.
pub(crate) fn parts(tx: &ScopedTx, events: Vec<Event>) -> Result<Vec<Part>, StoreError> {
    let (scope, mut parts) = (tx.scope(), Vec::new());
    let mut events = events.into_iter();
    while events.len() > 0 {
        let mut values: Vec<Value> = Vec::new();
        let few = (events.len() <= FEW).then_some(events.len());
        let size = few.unwrap_or_else(|| rows_of_next_statement(events.len(), most_rows(WIDTH)));
        for event in events.by_ref().take(size) {
            let row = Row {
                tenant: scope.tenant,
                id: scope.new_id(),
                at: from_db(to_db(scope.now))?,
                kind: event.kind.to_owned(),
                key: event.key,
                payload: event.payload,
                principal: scope.author.principal,
                actor: scope.author.kind.clone(),
                trace: scope.trace.clone(),
            };
            let content = row.content(tx.keys())?.to_vec();
            values.extend([
                row.tenant.into(),
                row.id.into(),
                to_db(row.at).into(),
                row.kind.into(),
                row.key.into(),
                row.payload.into(),
                row.principal.into(),
                row.actor.into(),
                row.trace.into(),
                content.into(),
            ]);
        }
        parts.push(Part { sql: format!("INSERT INTO outbox ({COLUMNS}) VALUES {}", tuples(size, WIDTH)), values });
    }
    Ok(parts)
}

/// Tells that the outbox grew. In the process: a watched number. Beyond it: whatever [`Bell::also`] was given.
#[derive(Clone)]
pub struct Bell {
    position: watch::Sender<i64>,
    hook: Arc<Mutex<Option<Hook>>>,
}

type Hook = Arc<dyn Fn(i64) + Send + Sync>;

impl Bell {
    pub(crate) fn new() -> Self {
        Self { position: watch::Sender::new(0), hook: Arc::default() }
    }

    /// The newest known position of the outbox; changes when it grows.
    pub fn subscribe(&self) -> watch::Receiver<i64> {
        self.position.subscribe()
    }

    /// Calls `ring` with the newest position as well, such as to publish it to Redis. It must not block.
    pub fn also(&self, ring: impl Fn(i64) + Send + Sync + 'static) {
        *self.hook.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(ring));
    }

    pub(crate) fn ring(&self, position: i64) {
        self.position.send_replace(position);
        let hook = self.hook.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(hook) = hook {
            hook(position);
        }
    }
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bell({})", *self.position.borrow())
    }
}

impl Store {
    /// The events of every tenant after a position, in order, at most `limit`.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database is away.
    pub async fn read_events(&self, after: i64, limit: u64) -> Result<Vec<EventRecord>, Error> {
        Ok(self.events_after(None, after, limit).await?.events)
    }

    /// The events after a position, of one tenant or of all, and how far the log was read for them: also where none of the
    /// events there are the tenant's, so that whoever asks gets on. For the producer's `EventService`.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database is away.
    pub async fn read_log(&self, of: Option<TenantId>, after: i64, limit: u64) -> Result<LogPart, Error> {
        Ok(self.events_after(of, after, limit).await?)
    }

    async fn events_after(&self, of: Option<TenantId>, after: i64, limit: u64) -> Result<LogPart, StoreError> {
        let tx = self.all_tenants(Mode::Read, Role::Worker).await?;
        let statement = |sql: String, values: Vec<Value>| Statement::from_sql_and_values(self.backend(), sql, values);
        // Positions are dense and what has one is committed: nothing comes to lie below the end that is read here.
        let end = statement("SELECT COALESCE(MAX(position), 0) FROM outbox".to_owned(), Vec::new());
        let end: i64 = match tx.query_one_raw(end).await? {
            Some(row) => row.try_get_by_index(0)?,
            None => 0,
        };
        let end = end.min(after.saturating_add(MOST_LOOKED_AT));
        let mut sql = format!("SELECT {COLUMNS}, position FROM outbox WHERE position > $1 AND position <= $2");
        let mut values: Vec<Value> = vec![after.into(), end.into(), i64::try_from(limit).unwrap_or(i64::MAX).into()];
        if let Some(tenant) = of {
            sql.push_str(" AND tenant_id = $4");
            values.push(tenant.0.into());
        }
        sql.push_str(" ORDER BY position LIMIT $3");
        let rows = tx.query_all_raw(statement(sql, values)).await?;
        let events = rows.iter().map(record).collect::<Result<Vec<_>, _>>()?;
        let cut = u64::try_from(events.len()).is_ok_and(|read| read >= limit);
        let last = events.last().map(|event| event.position).filter(|_| cut);
        Ok(LogPart { position: last.unwrap_or(end).max(after), events })
    }

    /// How far this service has followed the events of `source`.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database is away.
    pub async fn cursor(&self, source: &str) -> Result<i64, Error> {
        Ok(self.read_cursor(source).await?)
    }

    // A function and not a block: the future of a block that borrows is not `Send` enough for background work.
    async fn read_cursor(&self, source: &str) -> Result<i64, StoreError> {
        let tx = self.all_tenants(Mode::Read, Role::Login).await?;
        let sql = "SELECT position FROM cursors WHERE source = $1";
        let row = tx.query_one_raw(Statement::from_sql_and_values(self.backend(), sql, [source.into()])).await?;
        row.map_or(Ok(0), |row| Ok(row.try_get_by_index(0)?))
    }
}

fn record(row: &QueryResult) -> Result<EventRecord, StoreError> {
    let (read, _) = Row::read(row)?;
    Ok(EventRecord {
        position: row.try_get_by_index(WIDTH)?,
        id: read.id,
        tenant: read.tenant,
        kind: read.kind,
        key: read.key,
        payload: read.payload,
        at: read.at,
        principal: read.principal,
        actor: read.actor,
        trace: read.trace,
    })
}
