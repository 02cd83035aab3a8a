//! Removing a whole group from a service's store: its rows, and the keys of what was sealed for it. The logs stay: they hold
//! ids and commitments, and the chain goes on.

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

use crate::context::to_db;
use crate::error::StoreError;
use crate::names::{AUDIT, AUDIT_PEOPLE, DATA_KEYS, LOG_HEADS, OUTBOX, PERSON_KEYS};
use crate::unit_of_work::UnitOfWork;

/// Tables that outlive a group: the logs, and the keys, whose rows say that they were destroyed.
const STAY: [&str; 6] = [AUDIT, AUDIT_PEOPLE, OUTBOX, LOG_HEADS, DATA_KEYS, PERSON_KEYS];

impl UnitOfWork {
    /// Deletes rows of the group, at most `most` of each table, but for the logs and the tables named in `keep`: how many
    /// there were. Call it until nothing is left. The tables are those of the schema, so none can be forgotten.
    ///
    /// # Errors
    /// What the database says.
    pub async fn remove_group(&self, keep: &[&str], most: u64) -> Result<u64, StoreError> {
        let mut rows = 0;
        for table in self.tables_of_groups().await? {
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
    pub async fn destroy_group_keys(&self) -> Result<(), StoreError> {
        for table in [DATA_KEYS, PERSON_KEYS] {
            let sql = format!(
                "UPDATE {table} SET wrapped = NULL, destroyed_at = $2 WHERE tenant_id = $1 AND destroyed_at IS NULL"
            );
            let values = [self.scope().tenant.into(), to_db(self.scope().now).into()];
            self.raw().execute_raw(self.statement(sql, values)).await?;
        }
        Ok(())
    }

    async fn tables_of_groups(&self) -> Result<Vec<String>, StoreError> {
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
