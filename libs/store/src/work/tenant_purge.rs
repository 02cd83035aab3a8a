//! Removing: rows of nobody, results of old requests, and a whole group with the keys of what was sealed for it. The logs
//! stay: they hold ids and commitments, and the chain goes on.

use jiff::Timestamp;
use sea_orm::sea_query::IntoCondition;
use sea_orm::{ConnectionTrait as _, DbBackend, QueryFilter as _, Statement};
use tally_kernel::Error;

use crate::Store;
use crate::error::StoreError;
use crate::names::{AUDIT, AUDIT_PEOPLE, DATA_KEYS, LOG_HEADS, OUTBOX, PERSON_KEYS};
use crate::tx::connect::{Mode, Pools, Role};
use crate::tx::context::to_db;
use crate::tx::scoped::Unscoped;
use crate::work::unit_of_work::UnitOfWork;

/// Tables that outlive a group: the logs, and the keys, whose rows say that they were destroyed.
const STAY: [&str; 6] = [AUDIT, AUDIT_PEOPLE, OUTBOX, LOG_HEADS, DATA_KEYS, PERSON_KEYS];

impl UnitOfWork {
    /// Removes rows that belong to no tenant.
    ///
    /// # Errors
    /// What the database says.
    pub async fn delete_unscoped<E: Unscoped>(&self, condition: impl IntoCondition) -> Result<u64, StoreError> {
        let query = E::delete_many().filter(condition.into_condition());
        Ok(query.exec(self.raw()).await?.rows_affected)
    }

    /// Forgets the kept results of requests from before an instant: how many. The same request is done again then.
    ///
    /// # Errors
    /// What the database says.
    pub async fn forget_requests(&self, until: Timestamp) -> Result<u64, StoreError> {
        let sql = "DELETE FROM idempotency WHERE tenant_id = $1 AND recorded_at < $2";
        let values = [self.scope().tenant.into(), to_db(until).into()];
        Ok(self.raw().execute_raw(self.statement(sql, values)).await?.rows_affected())
    }

    /// Deletes rows of the group, at most `most` of each table, but for the logs and the tables named in `keep`: how many
    /// there were. Call it until nothing is left. The tables are those of the schema, so none can be forgotten.
    ///
    /// # Errors
    /// What the database says.
    pub async fn purge_tenant(&self, keep: &[&str], most: u64) -> Result<u64, StoreError> {
        let mut rows = 0;
        for table in self.tables_of_tenants().await? {
            if STAY.contains(&table.as_str()) || keep.contains(&table.as_str()) {
                continue;
            }
            let place = if self.backend() == DbBackend::Postgres { "ctid" } else { "rowid" };
            let sql = format!(
                "DELETE FROM {table} WHERE {place} IN (SELECT {place} FROM {table} WHERE tenant_id = $1 LIMIT {most})"
            );
            let statement = self.statement(sql, [self.scope().tenant.into()]);
            rows += self.raw().execute_raw(statement).await?.rows_affected();
        }
        Ok(rows)
    }

    /// Destroys all keys of the group and of its people: what backups of the database hold sealed stays closed.
    ///
    /// # Errors
    /// What the database says.
    pub async fn destroy_tenant_keys(&self) -> Result<(), StoreError> {
        for table in [DATA_KEYS, PERSON_KEYS] {
            let sql = format!(
                "UPDATE {table} SET wrapped = NULL, destroyed_at = $2 WHERE tenant_id = $1 AND destroyed_at IS NULL"
            );
            let values = [self.scope().tenant.into(), to_db(self.scope().now).into()];
            self.raw().execute_raw(self.statement(sql, values)).await?;
        }
        Ok(())
    }

    async fn tables_of_tenants(&self) -> Result<Vec<String>, StoreError> {
        let sql = match self.backend() {
            DbBackend::Postgres => {
                "SELECT table_name::text FROM information_schema.columns \
                 WHERE table_schema = current_schema() AND column_name = 'tenant_id' ORDER BY 1"
            }
            _ => {
                "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'tenant_id' \
                 WHERE m.type = 'table' ORDER BY 1"
            }
        };
        let rows = self.raw().query_all_raw(Statement::from_string(self.backend(), sql)).await?;
        rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
    }
}

impl Store {
    /// Takes what was removed out of SQLite's write-ahead file too, where it would stay until some later checkpoint. Call it
    /// after a purge was committed, and without a transaction of one's own. Who reads for long can hold it up: then it
    /// happens with the next one. PostgreSQL has its own ways (`docs/privacy.md`).
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE`.
    pub async fn wipe(&self) -> Result<(), Error> {
        Ok(self.checkpoint().await?)
    }

    async fn checkpoint(&self) -> Result<(), StoreError> {
        let Pools::Sqlite { writer, .. } = &self.inner().pools else { return Ok(()) };
        let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
        let done = writer.query_one_raw(Statement::from_string(DbBackend::Sqlite, sql)).await?;
        let busy = done.map_or(Ok(1), |row| row.try_get_by_index::<i32>(0))?;
        if busy != 0 {
            tracing::warn!(service = self.service(), "somebody reads: what was removed stays in the write-ahead file");
        }
        Ok(())
    }

    /// The service's tables with a column of this name, sorted: what a test holds a list of tables against.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE`.
    pub async fn tables_with(&self, column: &str) -> Result<Vec<String>, Error> {
        Ok(self.read_tables_with(column).await?)
    }

    async fn read_tables_with(&self, column: &str) -> Result<Vec<String>, StoreError> {
        let tx = self.all_tenants(Mode::Read, Role::Login).await?;
        let sql = match self.backend() {
            DbBackend::Postgres => {
                "SELECT table_name::text FROM information_schema.columns \
                 WHERE table_schema = current_schema() AND column_name = $1 ORDER BY 1"
            }
            _ => {
                "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = $1 \
                 WHERE m.type = 'table' ORDER BY 1"
            }
        };
        let rows =
            tx.query_all_raw(Statement::from_sql_and_values(self.backend(), sql, [column.to_owned().into()])).await?;
        rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
    }
}
