//! The only door to data: a transaction that adds the tenant and the regions to everything, on both databases.
//!
//! [`ScopedTx`] does not implement sea-orm's `ConnectionTrait`, so a query that did not pass here has nothing to run on.
//! What passes here must be [`Scoped`], and is filtered before the caller sees the builder. Row-level security is the
//! backstop behind it, not the mechanism: SQLite has none.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sea_orm::sea_query::extension::postgres::PgFunc;
use sea_orm::sea_query::{ArrayType, Condition, Expr, ExprTrait as _, IntoCondition};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, ConnectionTrait as _, DatabaseTransaction, DbBackend, EntityTrait,
    Statement, Value,
};
use tally_access::{Reach, Region, Regions};
use tracing::Span;
use tracing::field::Empty;
use uuid::Uuid;

use crate::error::StoreError;
use crate::seal::keys::Keys;
use crate::seal::sealer::{Met, Sealer};
use crate::tx::connect::Mode;
use crate::tx::context::Scope;
use crate::tx::sql::{Part, joined};

/// An entity whose rows belong to tenants. Written with [`scoped!`](crate::tx::scoped).
pub trait Scoped: EntityTrait {
    /// Whose row it is.
    fn tenant_column() -> Self::Column;
    /// The region of the row's org unit, `*` for group-level rows.
    fn region_column() -> Option<Self::Column>;
    /// The org unit as of the fact.
    fn unit_column() -> Option<Self::Column>;
    /// Whom the row is about.
    fn person_column() -> Option<Self::Column>;
}

/// Says which columns of an entity are filtered by: `scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId,
/// person: PersonId });`, all but `tenant` optional, in this order.
#[macro_export]
macro_rules! scoped {
    ($entity:ty { tenant: $tenant:ident $(, region: $region:ident)? $(, unit: $unit:ident)? $(, person: $person:ident)? $(,)? }) => {
        impl $crate::Scoped for $entity {
            fn tenant_column() -> Self::Column {
                <Self as $crate::orm::EntityTrait>::Column::$tenant
            }
            fn region_column() -> Option<Self::Column> {
                $crate::scoped!(@some $($region)?)
            }
            fn unit_column() -> Option<Self::Column> {
                $crate::scoped!(@some $($unit)?)
            }
            fn person_column() -> Option<Self::Column> {
                $crate::scoped!(@some $($person)?)
            }
        }
    };
    (@some) => { None };
    (@some $column:ident) => { Some(<Self as $crate::orm::EntityTrait>::Column::$column) };
}

/// An entity whose rows belong to no tenant, such as the directory in which a group's id is found by its name. Written
/// with [`unscoped!`](crate::unscoped); there should be next to none.
pub trait Unscoped: EntityTrait {
    /// Why there is no tenant.
    const WHY: &'static str;
}

/// Says that the rows of an entity belong to no tenant, and why.
#[macro_export]
macro_rules! unscoped {
    ($entity:ty, $why:literal) => {
        impl $crate::Unscoped for $entity {
            const WHY: &'static str = $why;
        }
    };
}

/// The span of a transaction, from the wait for a connection until its end: how many rows it read or wrote, never which.
/// Of the level debug: made for an exporter alone, and nothing without one.
pub(crate) struct Traced {
    span: Span,
    rows: AtomicU64,
}

impl Traced {
    pub(crate) fn begin(service: &'static str, mode: Mode) -> Self {
        let name = if mode == Mode::Write { "unit of work" } else { "read transaction" };
        let span = tracing::debug_span!(
            "transaction",
            otel.name = name,
            service.name = service,
            rpc.method = Empty,
            db.rows = Empty,
            db.committed = Empty,
        );
        Self { span, rows: AtomicU64::new(0) }
    }

    pub(crate) fn method(&self, method: &'static str) {
        self.span.record("rpc.method", method);
    }

    /// So many rows more.
    pub(crate) fn rows(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        self.span.record("db.rows", self.rows.load(Ordering::Relaxed));
    }
}

/// See the module's text. Dropped without commit, it is rolled back.
pub struct ScopedTx {
    tx: DatabaseTransaction,
    traced: Traced,
    scope: Scope,
    backend: DbBackend,
    sealer: Arc<Sealer>,
    met: Met,
}

impl ScopedTx {
    pub(crate) fn new(
        tx: DatabaseTransaction,
        traced: Traced,
        scope: Scope,
        backend: DbBackend,
        sealer: Arc<Sealer>,
    ) -> Self {
        Self { tx, traced, scope, backend, sealer, met: Met::default() }
    }

    pub(crate) fn traced(&self) -> &Traced {
        &self.traced
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Notes for whom the work is done, where a right was delegated.
    pub(crate) fn for_somebody(&mut self, principal: Uuid) {
        self.scope.author.on_behalf_of = Some(principal);
    }

    pub(crate) fn backend(&self) -> DbBackend {
        self.backend
    }

    pub(crate) fn raw(&self) -> &DatabaseTransaction {
        &self.tx
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.sealer.keys
    }

    pub(crate) fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    pub(crate) fn keys_met(&self) -> &Met {
        &self.met
    }

    pub(crate) async fn finish(self) -> Result<(), StoreError> {
        self.tx.commit().await?;
        self.traced.span.record("db.committed", true);
        Ok(())
    }

    /// Runs statements that do not depend on each other and may happen in any order: on PostgreSQL as one, which saves
    /// ways there and back.
    pub(crate) async fn run_together(&self, mut parts: Vec<Part>) -> Result<(), StoreError> {
        if self.backend == DbBackend::Postgres && parts.len() > 1 {
            parts = vec![joined(parts)];
        }
        for part in parts {
            self.tx.execute_raw(Statement::from_sql_and_values(self.backend, part.sql, part.values)).await?;
        }
        Ok(())
    }

    pub(crate) fn statement<const N: usize>(&self, sql: impl Into<String>, values: [Value; N]) -> Statement {
        Statement::from_sql_and_values(self.backend, sql, values)
    }

    /// Waits until no other transaction holds the lock of this name, and holds it until this one ends. SQLite has one
    /// writer, so there is nobody to wait for.
    ///
    /// # Errors
    /// When the time is over or the database is away.
    pub async fn lock(&self, what: &str, id: Uuid) -> Result<(), StoreError> {
        if self.backend == DbBackend::Postgres {
            let name = format!("{}|{what}|{id}", self.scope.tenant);
            let sql = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
            self.tx.execute_raw(self.statement(sql, [name.into()])).await?;
        }
        Ok(())
    }

    /// The condition that makes rows this transaction's.
    pub(crate) fn mine<E: Scoped>(&self) -> Condition {
        let tenant = Condition::all().add(E::tenant_column().eq(self.scope.tenant));
        match (&self.scope.regions, E::region_column()) {
            (Regions::Only(regions), Some(column)) => {
                let served = regions.iter().map(Region::as_str).chain([Region::GLOBAL]);
                tenant.add(column.is_in(served))
            }
            (Regions::All, _) | (_, None) => tenant,
        }
    }

    /// Makes a row the tenant's, and refuses one of another tenant or of a region that this stack does not serve.
    pub(crate) fn own<A>(&self, row: &mut A) -> Result<(), StoreError>
    where
        A: ActiveModelTrait,
        A::Entity: Scoped,
    {
        let tenant = <A::Entity as Scoped>::tenant_column();
        match row.get(tenant) {
            ActiveValue::Set(Value::Uuid(Some(id))) | ActiveValue::Unchanged(Value::Uuid(Some(id)))
                if id != self.scope.tenant =>
            {
                return Err(StoreError::fault(format_args!(
                    "a row of tenant {id} in a transaction of {}",
                    self.scope.tenant
                )));
            }
            _ => row.set(tenant, self.scope.tenant.into()),
        }
        if let Some(column) = <A::Entity as Scoped>::region_column() {
            match row.get(column) {
                ActiveValue::Set(value) | ActiveValue::Unchanged(value) => self.serves(&value)?,
                ActiveValue::NotSet => {}
            }
        }
        Ok(())
    }

    /// Refuses a region that this stack does not serve.
    pub(crate) fn serves(&self, region: &Value) -> Result<(), StoreError> {
        let Value::String(Some(name)) = region else { return Ok(()) };
        let region: Region = name.parse().map_err(StoreError::Refused)?;
        if self.scope.regions.serve(&region) {
            return Ok(());
        }
        Err(StoreError::Refused(self.scope.regions.refuse(&region)))
    }
}

/// A read-only [`ScopedTx`]; ends when dropped.
pub struct ReadTx(pub(crate) ScopedTx);

impl Deref for ReadTx {
    type Target = ScopedTx;
    fn deref(&self) -> &ScopedTx {
        &self.0
    }
}

/// What a [`Reach`] says, in SQL; nothing when it reaches the whole tenant. Must say exactly what [`Reach::covers`] says.
pub(crate) fn reach_condition<E: Scoped>(backend: DbBackend, reach: &Reach) -> Option<Condition> {
    if reach.tenant {
        return None;
    }
    let mut any = Condition::any();
    if let Some(column) = E::region_column().filter(|_| !reach.regions.is_empty()) {
        any = any.add(column.is_in(reach.regions.iter().map(Region::as_str)));
    }
    if let Some(column) = E::unit_column().filter(|_| !reach.units.is_empty()) {
        any = any.add(one_of::<E>(backend, column, reach.units.iter().map(|unit| unit.0)));
    }
    if let Some(column) = E::person_column().filter(|_| !reach.persons.is_empty()) {
        any = any.add(one_of::<E>(backend, column, reach.persons.iter().map(|person| person.0)));
    }
    // An empty condition would let every row pass. Beside others the false one would keep PostgreSQL from their indices.
    Some(if any.is_empty() { any.add(Expr::val(1).eq(0)) } else { any })
}

/// `column` is one of these ids, however many: one bound value, so one prepared statement for every number.
pub(crate) fn one_of<E: EntityTrait>(backend: DbBackend, column: E::Column, ids: impl Iterator<Item = Uuid>) -> Expr {
    let cell = Expr::col(column.as_column_ref());
    match backend {
        DbBackend::Postgres => {
            let ids: Vec<Value> = ids.map(Value::from).collect();
            cell.eq(PgFunc::any(Expr::val(Value::Array(ArrayType::Uuid, Some(Box::new(ids))))))
        }
        _ => {
            let ids: Vec<String> = ids.map(|id| id.simple().to_string()).collect();
            let list = serde_json::Value::from(ids).to_string();
            Expr::cust_with_exprs("? IN (SELECT unhex(value) FROM json_each(?))", [cell, Expr::val(list)])
        }
    }
}

/// `column` is one of these ids. For lists that a caller brings, of any length.
pub fn among<E: EntityTrait>(
    tx: &ScopedTx,
    column: E::Column,
    ids: impl IntoIterator<Item = impl Into<Uuid>>,
) -> Condition {
    one_of::<E>(tx.backend(), column, ids.into_iter().map(Into::into)).into_condition()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table that says of a row only whose it is.
    mod note {
        use sea_orm::entity::prelude::*;

        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(table_name = "notes")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub tenant_id: Uuid,
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: Uuid,
        }

        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
        pub enum Relation {}

        impl ActiveModelBehavior for ActiveModel {}

        crate::scoped!(Entity { tenant: TenantId });
    }

    #[test]
    fn a_reach_that_no_column_of_the_table_can_say_lets_no_row_pass() {
        let reach =
            Reach { persons: [tally_kernel::id::PersonId(Uuid::nil())].into_iter().collect(), ..Reach::default() };
        let condition = reach_condition::<note::Entity>(DbBackend::Sqlite, &reach).expect("not the whole group");
        assert_eq!(condition, Condition::any().add(Expr::val(1).eq(0)));
    }
}
