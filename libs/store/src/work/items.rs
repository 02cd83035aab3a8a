//! Background work that survives its worker: items put down by a unit, taken with a lease, finished by another unit.
//!
//! More replicas mean more speed, and a killed one loses nothing: its lease runs out and somebody else takes the item.
//! Taking is one statement (`FOR UPDATE SKIP LOCKED` on PostgreSQL; SQLite has one writer). The effect of an item and its
//! end are one transaction, so a lost lease can never count twice.

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DbBackend, QueryResult, Statement, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tally_kernel::id::{PrincipalId, TenantId};
use tally_kernel::{Error, Kind, msg};
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::tx::connect::{Mode, Role};
use crate::tx::context::{from_db, to_db};
use crate::tx::scoped::ScopedTx;
use crate::tx::sql::{most_rows, rows_of_next_statement, tuples};
use crate::work::unit_of_work::UnitOfWork;

const COLUMNS: &str = "tenant_id, id, kind, group_id, payload, on_behalf_of, attempt, worker, recorded_at, trace";
/// Values of an item that is put down.
const WIDTH: usize = 11;
/// How long a failed item rests, times the number of its attempts.
const REST: Duration = Duration::from_secs(2);

/// An item to be put down.
#[derive(Clone, Debug)]
pub struct WorkOrder {
    kind: &'static str,
    group: Uuid,
    payload: Result<String, String>,
    /// Milliseconds since 1970 before which nobody takes it.
    not_before: i64,
}

impl WorkOrder {
    /// Work of a `kind` that is part of a job (`group`, such as a cycle).
    pub fn new(kind: &'static str, group: impl Into<Uuid>, payload: &impl Serialize) -> Self {
        let payload = serde_json::to_string(payload).map_err(|e| e.to_string());
        Self { kind, group: group.into(), payload, not_before: 0 }
    }

    /// Nobody takes it before this instant.
    #[must_use]
    pub fn not_before(self, at: jiff::Timestamp) -> Self {
        Self { not_before: at.as_millisecond(), ..self }
    }
}

/// An item that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkItem {
    /// Whose work it is.
    pub tenant: TenantId,
    /// The item.
    pub id: Uuid,
    /// What is to be done.
    pub kind: String,
    /// The job it is part of.
    pub group: Uuid,
    /// For whom: who asked for the job.
    pub on_behalf_of: Option<PrincipalId>,
    /// How often it has been taken, from 1.
    pub attempt: i32,
    /// The W3C `traceparent` of the call or the item that put it down.
    pub trace: Option<String>,
    /// When it was put down.
    pub put_down: jiff::Timestamp,
    payload: String,
    worker: String,
}

impl WorkItem {
    /// The details, as they were put down.
    ///
    /// # Errors
    /// A fault of ours when they are of another type.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.payload)
            .map_err(|e| Error::internal(format_args!("payload of the {} item {}: {e}", self.kind, self.id)))
    }
}

/// How far a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkCount {
    /// Waiting or being worked on.
    pub open: u64,
    /// Finished.
    pub done: u64,
    /// Given up after too many attempts.
    pub failed: u64,
}

impl UnitOfWork {
    /// Puts down items; they can be taken once this unit is committed. They are done on behalf of whom the unit acts for.
    ///
    /// # Errors
    /// What the database says.
    pub async fn enqueue_work(&self, orders: impl IntoIterator<Item = WorkOrder>) -> Result<(), StoreError> {
        let scope = self.scope();
        let behalf = scope.author.on_behalf_of.or_else(|| {
            let own = scope.author.kind.starts_with("service:") || scope.author.kind == "nobody";
            (!own).then_some(scope.author.principal)
        });
        let mut orders = orders.into_iter().collect::<Vec<_>>().into_iter();
        while orders.len() > 0 {
            let size = rows_of_next_statement(orders.len(), most_rows(WIDTH));
            let mut values: Vec<Value> = Vec::new();
            for order in orders.by_ref().take(size) {
                values.extend([
                    scope.tenant.into(),
                    scope.new_id().into(),
                    order.kind.into(),
                    order.group.into(),
                    order.payload.map_err(StoreError::fault)?.into(),
                    behalf.into(),
                    "open".into(),
                    0.into(),
                    order.not_before.into(),
                    to_db(scope.now).into(),
                    scope.trace.clone().into(),
                ]);
            }
            let sql = format!(
                "INSERT INTO work_items (tenant_id, id, kind, group_id, payload, on_behalf_of, state, attempt, lease_until, \
                 recorded_at, trace) VALUES {}",
                tuples(size, WIDTH)
            );
            self.raw().execute_raw(Statement::from_sql_and_values(self.backend(), sql, values)).await?;
        }
        Ok(())
    }

    /// Ends an item together with its effect: the number of items of its kind and job that are still open. Exact even
    /// when the last ones end at once, so whoever gets 0 ends the job.
    ///
    /// # Errors
    /// `LEASE_LOST` (aborted) when somebody else has taken the item meanwhile: drop the unit.
    pub async fn finish_work(&self, item: &WorkItem) -> Result<u64, StoreError> {
        self.lock("work group", item.group).await?;
        let sql = "UPDATE work_items SET state = 'done', lease_until = 0 \
                   WHERE tenant_id = $1 AND id = $2 AND state = 'open' AND attempt = $3 AND worker = $4";
        let values = [self.scope().tenant.into(), item.id.into(), item.attempt.into(), item.worker.as_str().into()];
        if self.raw().execute_raw(self.statement(sql, values)).await?.rows_affected() != 1 {
            return Err(StoreError::Refused(lease_lost(item)));
        }
        Ok(self.work_count(&item.kind, item.group).await?.open)
    }
}

impl ScopedTx {
    /// How far the items of a kind and job are.
    ///
    /// # Errors
    /// What the database says.
    pub async fn work_count(&self, kind: &str, group: impl Into<Uuid>) -> Result<WorkCount, StoreError> {
        let sql = "SELECT state, COUNT(*) FROM work_items WHERE tenant_id = $1 AND group_id = $2 AND kind = $3 GROUP BY state";
        let group: Uuid = group.into();
        let values = [self.scope().tenant.into(), group.into(), kind.into()];
        let mut count = WorkCount::default();
        for row in self.raw().query_all_raw(self.statement(sql, values)).await? {
            let (state, n): (String, i64) = row.try_get_many_by_index()?;
            let n = u64::try_from(n).unwrap_or(0);
            match state.as_str() {
                "open" => count.open = n,
                "done" => count.done = n,
                _ => count.failed = n,
            }
        }
        Ok(count)
    }
}

impl Store {
    /// Takes up to `max` items of a kind, of every tenant, oldest first, for the time of `lease`. Whose lease has run
    /// out is taken again.
    ///
    /// # Errors
    /// `STORE_BUSY` or `STORE_UNAVAILABLE`.
    pub async fn claim_work(
        &self,
        kind: &str,
        worker: &str,
        lease: Duration,
        max: u32,
    ) -> Result<Vec<WorkItem>, Error> {
        let claim = async {
            let tx = self.all_tenants(Mode::Write, Role::Worker).await?;
            let skip = if self.backend() == DbBackend::Postgres { "FOR UPDATE SKIP LOCKED" } else { "" };
            let sql = format!(
                "WITH picked AS MATERIALIZED (SELECT tenant_id AS t, id AS i FROM work_items WHERE kind = $1 AND state = 'open' \
                 AND lease_until <= $2 ORDER BY id LIMIT $3 {skip}) \
                 UPDATE work_items SET attempt = attempt + 1, lease_until = $4, worker = $5 FROM picked \
                 WHERE tenant_id = picked.t AND id = picked.i RETURNING {COLUMNS}"
            );
            let now = self.clock().now().as_millisecond();
            let until = now + millis(lease);
            let values = [kind.into(), now.into(), i64::from(max).into(), until.into(), worker.into()];
            let rows = tx.query_all_raw(Statement::from_sql_and_values(self.backend(), sql, values)).await?;
            let mut items = rows.iter().map(taken).collect::<Result<Vec<_>, StoreError>>()?;
            tx.commit().await?;
            items.sort_by_key(|item| item.id);
            Ok(items)
        };
        claim.await.map_err(|e: StoreError| e.into())
    }

    /// Puts an item back after a failure: it rests a while, longer with every attempt, and is given up after
    /// `max_attempts`. `true`: given up.
    ///
    /// # Errors
    /// `LEASE_LOST` when somebody else has taken it; `STORE_UNAVAILABLE`.
    pub async fn fail_work(&self, item: &WorkItem, error: &Error, max_attempts: i32) -> Result<bool, Error> {
        let given_up = item.attempt >= max_attempts;
        let rest = self.clock().now().as_millisecond() + millis(REST * item.attempt.unsigned_abs());
        let state = if given_up { "failed" } else { "open" };
        let values = [state.into(), rest.into(), error.reason().into()];
        self.put_back(item, "state = $5, lease_until = $6, fault = $7", values).await?;
        Ok(given_up)
    }

    /// Puts an item back that has nothing to do before an instant: it was only looked at, and counts as not taken.
    ///
    /// # Errors
    /// `LEASE_LOST` when somebody else has taken it; `STORE_UNAVAILABLE`.
    pub async fn rest_work(&self, item: &WorkItem, until: jiff::Timestamp) -> Result<(), Error> {
        self.put_back(item, "attempt = attempt - 1, lease_until = $5", [until.as_millisecond().into()]).await
    }

    /// Changes an item that is still this worker's; `values` are those of `set`, from $5 on.
    async fn put_back(&self, item: &WorkItem, set: &str, values: impl IntoIterator<Item = Value>) -> Result<(), Error> {
        let put = async {
            let tx = self.all_tenants(Mode::Write, Role::Worker).await?;
            let sql = format!(
                "UPDATE work_items SET {set} \
                 WHERE tenant_id = $1 AND id = $2 AND state = 'open' AND attempt = $3 AND worker = $4"
            );
            let mine = [item.tenant.0.into(), item.id.into(), item.attempt.into(), item.worker.as_str().into()];
            let values = mine.into_iter().chain(values);
            let done = tx.execute_raw(Statement::from_sql_and_values(self.backend(), sql, values)).await?;
            tx.commit().await?;
            Ok(done.rows_affected())
        };
        match put.await.map_err(|e: StoreError| Error::from(e))? {
            1 => Ok(()),
            _ => Err(lease_lost(item)),
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2)
}

fn taken(row: &QueryResult) -> Result<WorkItem, StoreError> {
    let behalf: Option<Uuid> = row.try_get_by_index(5)?;
    Ok(WorkItem {
        tenant: TenantId(row.try_get_by_index(0)?),
        id: row.try_get_by_index(1)?,
        kind: row.try_get_by_index(2)?,
        group: row.try_get_by_index(3)?,
        payload: row.try_get_by_index(4)?,
        on_behalf_of: behalf.map(PrincipalId),
        attempt: row.try_get_by_index(6)?,
        worker: row.try_get_by_index(7)?,
        put_down: from_db(row.try_get_by_index(8)?)?,
        trace: row.try_get_by_index(9)?,
    })
}

fn lease_lost(item: &WorkItem) -> Error {
    Error::of(Kind::Aborted, msg!("LEASE_LOST"))
        .with_internal(format_args!("{} item {} at attempt {}", item.kind, item.id, item.attempt))
}
