//! Whether an audit entry accounts for every row: each names the entry of the unit that wrote it last, and an entry tells how
//! many rows its unit wrote. More rows than that are one too many; fewer are right, since later units took some over or
//! deleted them.
//!
//! The tables are those of the schema with an `audit_id`, so none can be forgotten. On PostgreSQL they are read as the login
//! role, one group at a time: no role reads the business rows of all groups.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, Statement, Value};
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::log::report::{AuditReport, Defect, Fault};
use crate::names::AUDIT_ID;
use crate::tx::connect::{Mode, Role, Settings};

/// A table of business rows.
struct Table {
    name: String,
    /// What tells its rows apart within a group, as an SQL text; and the order of the key.
    key: String,
    order: String,
}

impl Store {
    /// Looks at the rows of these groups: the first bad row of each table and group.
    pub(crate) async fn verify_rows(
        &self,
        tenants: &BTreeSet<Uuid>,
        report: &mut AuditReport,
    ) -> Result<(), StoreError> {
        for tenant in tenants {
            let settings = Settings { tenant: tenant.to_string(), ..Settings::default() };
            let tx = self.inner().pools.begin(Mode::Read, Role::Login, &settings).await?;
            for table in self.business_tables(&tx).await? {
                let sql = format!("SELECT COUNT(*) FROM {} WHERE tenant_id = $1", table.name);
                let count = tx.query_one_raw(self.bound(sql, [(*tenant).into()])).await?;
                let count = count.map_or(Ok(0), |row| row.try_get_by_index::<i64>(0))?;
                report.rows += u64::try_from(count).unwrap_or(0);
                report.faults.extend(self.first_bad_row(&tx, *tenant, &table).await?);
            }
        }
        Ok(())
    }

    /// All tables with an audit entry for each row, by name.
    async fn business_tables(&self, tx: &DatabaseTransaction) -> Result<Vec<Table>, StoreError> {
        let sql = match self.backend() {
            DbBackend::Postgres => format!(
                "SELECT c.relname::text, string_agg(k.attname || '::text', ' || ''/'' || ' ORDER BY i.n), \
                 string_agg(k.attname, ', ' ORDER BY i.n) FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace \
                 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = '{AUDIT_ID}' AND NOT a.attisdropped \
                 JOIN pg_index x ON x.indrelid = c.oid AND x.indisprimary, \
                 unnest(x.indkey) WITH ORDINALITY AS i (att, n) JOIN pg_attribute k ON k.attnum = i.att \
                 WHERE k.attrelid = c.oid AND k.attname <> 'tenant_id' AND s.nspname = '{}' AND c.relkind IN ('r', 'p') \
                 GROUP BY 1 ORDER BY 1",
                self.service()
            ),
            _ => format!(
                "SELECT t, group_concat('CASE typeof(' || n || ') WHEN ''blob'' THEN lower(hex(' || n || ')) ELSE ' || n || ' END', \
                 ' || ''/'' || '), group_concat(n, ', ') FROM (SELECT m.name AS t, k.name AS n FROM sqlite_master m \
                 JOIN pragma_table_info(m.name) a ON a.name = '{AUDIT_ID}' \
                 JOIN pragma_table_info(m.name) k ON k.pk > 0 AND k.name <> 'tenant_id' \
                 WHERE m.type = 'table' ORDER BY m.name, k.pk) GROUP BY t ORDER BY t"
            ),
        };
        let rows = tx.query_all_raw(Statement::from_string(self.backend(), sql)).await?;
        rows.iter()
            .map(|row| {
                let (name, key, order) = row.try_get_many_by_index()?;
                Ok(Table { name, key, order })
            })
            .collect()
    }

    async fn first_bad_row(
        &self,
        tx: &DatabaseTransaction,
        tenant: Uuid,
        table: &Table,
    ) -> Result<Option<Fault>, StoreError> {
        let Table { name, key, order } = table;
        // Read so that no text can make the query fail: one that was tampered with is the chain's to name.
        let allowed = match self.backend() {
            DbBackend::Postgres => format!("substring(a.written from '\"{name}\":([0-9]{{1,18}})[,}}]')::bigint"),
            _ => format!("CASE WHEN json_valid(a.written) THEN a.written ->> '{name}' END"),
        };
        let sql = format!(
            "SELECT g.{AUDIT_ID}, a.id IS NULL FROM (SELECT {AUDIT_ID}, COUNT(*) AS n FROM {name} WHERE tenant_id = $1 \
             GROUP BY {AUDIT_ID}) AS g LEFT JOIN audit a ON a.tenant_id = $1 AND a.id = g.{AUDIT_ID} \
             WHERE a.id IS NULL OR g.n > COALESCE({allowed}, 0) ORDER BY g.{AUDIT_ID} LIMIT 1"
        );
        let Some(bad) = tx.query_one_raw(self.bound(sql, [tenant.into()])).await? else { return Ok(None) };
        let (entry, missing): (Uuid, bool) = bad.try_get_many_by_index()?;
        let sql = format!("SELECT {key} FROM {name} WHERE tenant_id = $1 AND {AUDIT_ID} = $2 ORDER BY {order} LIMIT 1");
        let row = tx.query_one_raw(self.bound(sql, [tenant.into(), entry.into()])).await?;
        let row = row.map(|row| row.try_get_by_index::<String>(0)).transpose()?;
        let defect = if missing { Defect::Unaccounted } else { Defect::Borrowed };
        Ok(Some(Fault { table: name.clone(), tenant, position: None, entry: Some(entry), row, defect }))
    }

    fn bound<const N: usize>(&self, sql: String, values: [Value; N]) -> Statement {
        Statement::from_sql_and_values(self.backend(), sql, values)
    }
}
