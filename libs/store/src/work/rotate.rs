//! New keys while the service works: data keys wrapped anew under a new master key, or new data keys and every row sealed
//! anew.
//!
//! A new version of a data key seals from the moment it is committed; rows follow in batches. A batch, and how far it got,
//! is one transaction: whoever is killed goes on there, and several that rotate at once do no harm, because a row is only
//! replaced if it still is what was read. When no row is left under an old version, that version is destroyed.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, QueryResult, Statement, Value};
use tally_access::{Actor, OpContext, Regions, compile_service};
use tally_kernel::id::TenantId;
use tally_kernel::{Result, Rng};
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::log::audit::Audit;
use crate::names::{self, DATA_KEYS, KEY_ROTATIONS};
use crate::seal::cipher;
use crate::seal::class::KeyClass;
use crate::seal::sealed::{Cell, header};
use crate::seal::sealer::{SealedColumn, Wrapped, bound_to};
use crate::tx::connect::{Mode, Role, Settings};
use crate::tx::context::{Author, Scope, to_db};
use crate::tx::scoped::{ScopedTx, Traced};

/// Rows of one transaction.
const BATCH: i64 = 500;
/// How long units may keep a rotation waiting at a time, and how long new units wait behind it at most.
const TURN: &str = "500";
/// How often a step is tried while others are faster, and the pause between.
const TRIES: u32 = 200;
const PAUSE: Duration = Duration::from_millis(50);

/// How far a rotation is with one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyMove {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// Rows that were sealed anew, by this run and the ones it resumes.
    pub rows: u64,
}

/// What a rotation of data keys did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotated {
    /// Keys that were replaced and destroyed.
    pub keys: u64,
    /// Whether all of them had been begun by an earlier run, so that keys it had finished, or not begun, stayed as they were.
    pub resumed: bool,
    /// Rows that were sealed anew by this run.
    pub rows: u64,
}

/// A key that is being replaced: whose, of which class, and the version that all rows get.
#[derive(Clone, Copy)]
struct Target {
    tenant: Uuid,
    class: KeyClass,
    version: u32,
}

impl Store {
    /// How many data keys are not wrapped with the newest master key.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE`.
    pub async fn keys_behind(&self) -> Result<u64> {
        let tx = self.all_tenants(Mode::Read, Role::Worker).await?;
        Ok(self.behind(&tx).await?.len() as u64)
    }

    /// Wraps every data key with the newest master key: how many.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE`; a fault of ours when a key does not unwrap.
    pub async fn rewrap_keys(&self) -> Result<u64> {
        Ok(self.rewrap().await?)
    }

    async fn rewrap(&self) -> Result<u64, StoreError> {
        let tx = self.all_tenants(Mode::Write, Role::Worker).await?;
        let behind = self.behind(&tx).await?;
        for (tenant, class, row) in &behind {
            let place = bound_to(*tenant, *class, row.version);
            let key = self.keys().unwrap(row.master, &row.wrapped, &place)?;
            let (master, wrapped) = self.keys().wrap(&key, &place)?;
            let sql = format!(
                "UPDATE {DATA_KEYS} SET master = $1, wrapped = $2 \
                 WHERE tenant_id = $3 AND class = $4 AND version = $5 AND destroyed_at IS NULL"
            );
            let values: [Value; 5] = [
                i64::from(master).into(),
                wrapped.into(),
                (*tenant).into(),
                class.name().into(),
                i64::from(row.version).into(),
            ];
            tx.execute_raw(Statement::from_sql_and_values(self.backend(), sql, values)).await?;
        }
        tx.commit().await?;
        Ok(behind.len() as u64)
    }

    async fn behind(&self, tx: &DatabaseTransaction) -> Result<Vec<(Uuid, KeyClass, Wrapped)>, StoreError> {
        let sql = format!(
            "SELECT version, master, wrapped, tenant_id, class FROM {DATA_KEYS} WHERE destroyed_at IS NULL AND master <> $1"
        );
        let values = [i64::from(self.keys().newest_master()).into()];
        let rows = tx.query_all_raw(Statement::from_sql_and_values(self.backend(), sql, values)).await?;
        let read = |row: &QueryResult| Ok((row.try_get_by_index(3)?, class_at(row, 4)?, Wrapped::read(row)?));
        rows.iter().map(read).collect()
    }

    /// Replaces the data keys of every tenant and seals all their rows anew; or ends a rotation that was interrupted. `progress` hears of every batch.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE`, `STORE_BUSY`; a fault of ours that names the cell when a value does not open. What is done
    /// stays done.
    pub async fn rotate_data_keys(&self, mut progress: impl FnMut(KeyMove)) -> Result<Rotated> {
        let mut targets = self.unfinished().await?;
        let resumed = !targets.is_empty();
        if targets.is_empty() {
            for (tenant, class) in self.rotating().await? {
                self.patiently(|| self.begin_version(tenant, class)).await?;
            }
            targets = self.unfinished().await?;
        }
        let mut rotated = Rotated { resumed, ..Rotated::default() };
        for target in targets {
            // Written down before a row moves: a run that is killed has left its entry.
            let what = || {
                let audit = Audit::new("suite.keys.rotate", "data_key", target.class.name());
                audit.note("version", target.version).note("resumed", resumed)
            };
            self.note(target.tenant, what()).await?;
            let rows = self.move_rows(target, &mut progress).await?;
            self.note(target.tenant, what().note("rows", rows)).await?;
            rotated.rows += rows;
            rotated.keys += 1;
        }
        Ok(rotated)
    }

    /// Writes into a group's audit log what is done with its keys: by whoever holds the key file, so in the service's name.
    async fn note(&self, tenant: Uuid, audit: Audit) -> Result<()> {
        let actor = Actor::service(self.service(), TenantId(tenant), None);
        let view = Arc::new(compile_service(self.service(), 0));
        let ctx = OpContext::new(actor, view, self.clock().clone(), Rng::System);
        self.audit_read(&ctx, "suite.internal/RotateKeys", audit).await
    }

    /// Whose keys of which classes are replaced.
    async fn rotating(&self) -> Result<Vec<(Uuid, KeyClass)>, StoreError> {
        let tx = self.all_tenants(Mode::Read, Role::Worker).await?;
        let sql = format!("SELECT DISTINCT tenant_id, class FROM {DATA_KEYS} WHERE destroyed_at IS NULL ORDER BY 1, 2");
        let rows = tx.query_all_raw(Statement::from_string(self.backend(), sql)).await?;
        let read = |row: &QueryResult| Ok((row.try_get_by_index(0)?, class_at(row, 1)?));
        let all = rows.iter().map(read).collect::<Result<Vec<(Uuid, KeyClass)>, StoreError>>()?;
        Ok(all.into_iter().filter(|(_, class)| class.moves()).collect())
    }

    /// The keys that have a newer version and are still there.
    async fn unfinished(&self) -> Result<Vec<Target>, StoreError> {
        let tx = self.all_tenants(Mode::Read, Role::Worker).await?;
        let sql = format!(
            "SELECT tenant_id, class, MAX(version) FROM {DATA_KEYS} WHERE destroyed_at IS NULL \
             GROUP BY tenant_id, class HAVING COUNT(*) > 1 ORDER BY 1, 2"
        );
        let rows = tx.query_all_raw(Statement::from_string(self.backend(), sql)).await?;
        let read = |row: &QueryResult| {
            let version: i64 = row.try_get_by_index(2)?;
            let version = u32::try_from(version).map_err(StoreError::fault)?;
            Ok(Target { tenant: row.try_get_by_index(0)?, class: class_at(row, 1)?, version })
        };
        rows.iter().map(read).collect()
    }

    /// Makes the next version of a key. Waits until no unit of the tenant is under way, so that none seals with the old
    /// version afterwards.
    async fn begin_version(&self, tenant: Uuid, class: KeyClass) -> Result<(), StoreError> {
        let tx = self.all_tenants(Mode::Write, Role::Worker).await?;
        if self.backend() == DbBackend::Postgres {
            tx.execute_unprepared(&format!("SET LOCAL lock_timeout = {TURN}")).await?;
            let lock = names::sealing_lock(&names::worker(self.service()), &tenant.to_string());
            let sql = "SELECT pg_advisory_xact_lock(hashtextextended($1, 3))";
            tx.execute_raw(Statement::from_sql_and_values(self.backend(), sql, [lock.into()])).await?;
        }
        let sql = format!(
            "SELECT MAX(version), COUNT(CASE WHEN destroyed_at IS NULL THEN 1 END) FROM {DATA_KEYS} \
             WHERE tenant_id = $1 AND class = $2"
        );
        let values = [tenant.into(), class.name().into()];
        let row = tx.query_one_raw(Statement::from_sql_and_values(self.backend(), sql, values)).await?;
        let row = row.ok_or_else(|| StoreError::fault("a count of keys without a row"))?;
        let (newest, live): (i64, i64) = row.try_get_many_by_index()?;
        let newest = u32::try_from(newest).map_err(StoreError::fault)?;
        if live > 1 {
            return Ok(());
        }
        let version = newest + 1;
        let (master, wrapped) = self.keys().wrap(&cipher::fresh(), &bound_to(tenant, class, version))?;
        let sql = format!(
            "INSERT INTO {DATA_KEYS} (tenant_id, class, version, master, wrapped, recorded_at) VALUES ($1,$2,$3,$4,$5,$6)"
        );
        let values: [Value; 6] = [
            tenant.into(),
            class.name().into(),
            i64::from(version).into(),
            i64::from(master).into(),
            wrapped.into(),
            to_db(self.clock().now()).into(),
        ];
        tx.execute_raw(Statement::from_sql_and_values(self.backend(), sql, values)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Seals every row of the target's class anew and destroys its older versions: how many rows.
    async fn move_rows(&self, target: Target, progress: &mut impl FnMut(KeyMove)) -> Result<u64, StoreError> {
        let columns: Vec<&SealedColumn> =
            self.sealer().columns.iter().filter(|column| column.class == target.class).collect();
        let mut total = 0;
        loop {
            for column in &columns {
                while let Some((batch, rows)) = self.patiently(|| self.move_batch(target, column)).await? {
                    total += batch;
                    progress(KeyMove { table: column.table.clone(), column: column.column.clone(), rows });
                }
            }
            // A cursor that a restored backup left behind may have passed rows over; then it goes once more from the start.
            if self.patiently(|| self.destroy_older(target, &columns)).await? {
                return Ok(total);
            }
        }
    }

    /// Seals one batch of a column anew: how many rows, and how many so far; none when there is nothing left.
    async fn move_batch(&self, target: Target, column: &SealedColumn) -> Result<Option<(u64, u64)>, StoreError> {
        let tx = self.tenant_tx(target.tenant).await?;
        let (after, moved) = cursor(&tx, target, column).await?;
        let (table, name) = (&column.table, &column.column);
        let sql = format!(
            "SELECT id, {name} FROM {table} WHERE tenant_id = $1 AND id > $2 AND {name} IS NOT NULL \
             AND substr({name}, 1, {}) <> $3 ORDER BY id LIMIT $4",
            crate::seal::sealed::HEADER
        );
        let values = [target.tenant.into(), after.into(), target.header().into(), BATCH.into()];
        let rows = tx.raw().query_all_raw(tx.statement(sql, values)).await?;
        let (mut last, mut list) = (after, Vec::with_capacity(rows.len()));
        for row in &rows {
            let (id, old): (Uuid, Vec<u8>) = row.try_get_many_by_index()?;
            let new = target.seal_anew(&tx, column, id, &old).await?;
            list.push(serde_json::json!({
                "i": id.simple().to_string(), "o": hex::encode(old), "n": hex::encode(new),
            }));
            last = id;
        }
        if list.is_empty() {
            return Ok(None);
        }
        let sql = replacing(self.backend(), table, name);
        let values = [target.tenant.into(), serde_json::Value::from(list).to_string().into()];
        let batch = tx.raw().execute_raw(tx.statement(sql, values)).await?.rows_affected();
        let moved = moved + batch;
        keep_cursor(&tx, target, column, last, moved).await?;
        tx.finish().await?;
        Ok(Some((batch, moved)))
    }

    /// Destroys the older versions if no row needs them any more; otherwise forgets the cursors.
    async fn destroy_older(&self, target: Target, columns: &[&SealedColumn]) -> Result<bool, StoreError> {
        let tx = self.tenant_tx(target.tenant).await?;
        let mut needed = false;
        for SealedColumn { table, column, .. } in columns {
            let sql = format!(
                "SELECT 1 FROM {table} WHERE tenant_id = $1 AND {column} IS NOT NULL AND substr({column}, 1, {}) <> $2 LIMIT 1",
                crate::seal::sealed::HEADER
            );
            let values = [target.tenant.into(), target.header().into()];
            needed |= tx.raw().query_one_raw(tx.statement(sql, values)).await?.is_some();
            let sql =
                format!("DELETE FROM {KEY_ROTATIONS} WHERE tenant_id = $1 AND table_name = $2 AND column_name = $3");
            let values = [target.tenant.into(), table.as_str().into(), column.as_str().into()];
            tx.raw().execute_raw(tx.statement(sql, values)).await?;
        }
        if !needed {
            let sql = format!(
                "UPDATE {DATA_KEYS} SET wrapped = NULL, destroyed_at = $1 \
                 WHERE tenant_id = $2 AND class = $3 AND version < $4 AND destroyed_at IS NULL"
            );
            let values = [
                to_db(self.clock().now()).into(),
                target.tenant.into(),
                target.class.name().into(),
                i64::from(target.version).into(),
            ];
            tx.raw().execute_raw(tx.statement(sql, values)).await?;
        }
        tx.finish().await?;
        Ok(!needed)
    }

    /// A transaction of a tenant for the store's own work.
    async fn tenant_tx(&self, tenant: Uuid) -> Result<ScopedTx, StoreError> {
        let settings = Settings { tenant: tenant.to_string(), region: "*".to_owned(), ..Settings::default() };
        let tx = self.inner().pools.begin(Mode::Write, Role::Login, &settings).await?;
        let scope = Scope {
            tenant,
            regions: Regions::All,
            author: Author { principal: Uuid::nil(), kind: "nobody".to_owned(), on_behalf_of: None },
            trace: None,
            deadline: None,
            now: self.clock().now(),
            rng: Rng::System,
        };
        let traced = Traced::begin(self.service(), Mode::Write);
        Ok(ScopedTx::new(tx, traced, scope, self.backend(), self.inner().sealer.clone()))
    }

    /// Tries a step again while others are faster.
    async fn patiently<T, F: Future<Output = Result<T, StoreError>>>(
        &self,
        step: impl Fn() -> F,
    ) -> Result<T, StoreError> {
        for _ in 1..TRIES {
            match step().await {
                Err(StoreError::Busy(why)) => tracing::debug!(why, service = self.service(), "the rotation waits"),
                done => return done,
            }
            tokio::time::sleep(PAUSE).await;
        }
        step().await
    }
}

impl Target {
    fn header(&self) -> Vec<u8> {
        header(self.class, self.version).to_vec()
    }

    async fn seal_anew(
        &self,
        tx: &ScopedTx,
        column: &SealedColumn,
        row: Uuid,
        old: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let cell = Cell { tenant: self.tenant, table: &column.table, column: &column.column, row };
        let before = cell.version(self.class, old)?;
        let clear = cell.open(self.class, before, &tx.opening_key(&cell, self.class, before).await?, old)?;
        cell.seal(self.class, self.version, &tx.opening_key(&cell, self.class, self.version).await?, &clear)
    }
}

fn class_at(row: &QueryResult, at: usize) -> Result<KeyClass, StoreError> {
    let name: String = row.try_get_by_index(at)?;
    KeyClass::of_name(&name).ok_or_else(|| StoreError::fault(format_args!("a key of the unknown class {name}")))
}

/// Where the rotation of a column stands: the last row, and how many were moved.
async fn cursor(tx: &ScopedTx, target: Target, column: &SealedColumn) -> Result<(Uuid, u64), StoreError> {
    let sql = format!(
        "SELECT after_id, moved FROM {KEY_ROTATIONS} \
         WHERE tenant_id = $1 AND table_name = $2 AND column_name = $3 AND version = $4"
    );
    let (table, name) = (column.table.as_str().into(), column.column.as_str().into());
    let values = [target.tenant.into(), table, name, i64::from(target.version).into()];
    let Some(row) = tx.raw().query_one_raw(tx.statement(sql, values)).await? else { return Ok((Uuid::nil(), 0)) };
    let (after, moved): (Uuid, i64) = row.try_get_many_by_index()?;
    Ok((after, u64::try_from(moved).unwrap_or(0)))
}

async fn keep_cursor(
    tx: &ScopedTx,
    target: Target,
    column: &SealedColumn,
    after: Uuid,
    moved: u64,
) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO {KEY_ROTATIONS} (tenant_id, table_name, column_name, version, after_id, moved) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_id, table_name, column_name) DO UPDATE SET \
         version = excluded.version, after_id = excluded.after_id, moved = excluded.moved"
    );
    let values: [Value; 6] = [
        target.tenant.into(),
        column.table.as_str().into(),
        column.column.as_str().into(),
        i64::from(target.version).into(),
        after.into(),
        i64::try_from(moved).unwrap_or(i64::MAX).into(),
    ];
    tx.raw().execute_raw(tx.statement(sql, values)).await?;
    Ok(())
}

/// Replaces cells that still are what was read: a list of row, old and new bytes as one value.
fn replacing(backend: DbBackend, table: &str, column: &str) -> String {
    let list = match backend {
        DbBackend::Postgres => {
            "(SELECT i, decode(o, 'hex') AS o, decode(n, 'hex') AS n \
             FROM json_to_recordset($2::json) AS r(i uuid, o text, n text)) AS v"
        }
        _ => {
            "(SELECT unhex(value->>'i') AS i, unhex(value->>'o') AS o, unhex(value->>'n') AS n FROM json_each($2)) AS v"
        }
    };
    format!(
        "UPDATE {table} SET {column} = v.n FROM {list} \
         WHERE {table}.tenant_id = $1 AND {table}.id = v.i AND {table}.{column} = v.o"
    )
}
