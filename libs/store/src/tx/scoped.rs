//! The only door to data: a transaction that adds the tenant and the regions to everything, on both databases.
//!
//! [`ScopedTx`] does not implement sea-orm's `ConnectionTrait`, so a query that did not pass here has nothing to run on.
//! What passes here must be [`Scoped`], and is filtered before the caller sees the builder. Row-level security is the
//! backstop behind it, not the mechanism: SQLite has none.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use sea_orm::sea_query::extension::postgres::PgFunc;
use sea_orm::sea_query::{ArrayType, Condition, Expr, ExprTrait as _, IntoCondition};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, ConnectionTrait as _, DatabaseTransaction, DbBackend, EntityTrait,
    ModelTrait, Statement, Value,
};
use tally_access::{Border, Moment, Reach, Region, Regions, Stay, Stays};
use tally_kernel::id::OrgUnitId;
use tracing::Span;
use tracing::field::Empty;
use uuid::Uuid;

use crate::error::StoreError;
use crate::seal::keys::Keys;
use crate::seal::sealer::{Met, Sealer};
use crate::tx::connect::Mode;
use crate::tx::context::{Scope, date_from_db, date_to_db, from_db, to_db};
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
    /// When the fact was; nothing where a row is about how things are.
    fn moment_column() -> Option<MomentColumn<Self::Column>>;
}

/// The column that says when a fact was. A row in which it is empty is about how things are.
#[derive(Clone, Copy, Debug)]
pub enum MomentColumn<C> {
    /// A day of the group's calendar.
    Day(C),
    /// The same as text, YYYY-MM-DD.
    IsoDay(C),
    /// An instant.
    Instant(C),
    /// The same in milliseconds since 1970.
    Millis(C),
    /// The first and the last of a stretch of days; no end where the last is empty.
    Days(C, C),
}

impl<C: ColumnTrait> MomentColumn<C> {
    fn first(self) -> C {
        match self {
            Self::Day(column) | Self::IsoDay(column) | Self::Instant(column) | Self::Millis(column) => column,
            Self::Days(first, _) => first,
        }
    }

    fn border(self, border: Border) -> Value {
        match self {
            Self::Day(_) | Self::Days(..) => date_to_db(border.day).into(),
            Self::IsoDay(_) => border.day.to_string().into(),
            Self::Instant(_) => to_db(border.at).into(),
            Self::Millis(_) => border.at.as_millisecond().into(),
        }
    }

    /// When the fact of a row was.
    ///
    /// # Errors
    /// A fault of ours, or altered data: what the row holds is no moment.
    pub fn moment(self, row: &impl ModelTrait<Entity: EntityTrait<Column = C>>) -> Result<Option<Moment>, StoreError> {
        let no_moment = |value| StoreError::fault(format_args!("{value:?} is no moment"));
        if let Self::Days(first, last) = self {
            let (Value::ChronoDate(Some(first)), Value::ChronoDate(last)) = (row.get(first), row.get(last)) else {
                return Err(no_moment(format!("{:?}", row.get(first))));
            };
            return Ok(Some(Moment::Days(date_from_db(first)?, last.map(date_from_db).transpose()?)));
        }
        Ok(match row.get(self.first()) {
            Value::ChronoDate(day) => day.map(date_from_db).transpose()?.map(Moment::Day),
            Value::ChronoDateTimeUtc(at) => at.map(from_db).transpose()?.map(Moment::Instant),
            Value::String(day) => match day.map(|day| day.parse()).transpose() {
                Ok(day) => day.map(Moment::Day),
                Err(error) => return Err(no_moment(error.to_string())),
            },
            Value::BigInt(ms) => match ms.map(Timestamp::from_millisecond).transpose() {
                Ok(at) => at.map(Moment::Instant),
                Err(error) => return Err(no_moment(error.to_string())),
            },
            other => return Err(no_moment(format!("{other:?}"))),
        })
    }
}

/// Says which columns of an entity are filtered by: `scoped!(Entity { tenant: TenantId, region: Region, unit: UnitId,
/// person: PersonId, day: Day });`, all but `tenant` optional, in this order. The last is when the fact was ([`MomentColumn`]): one of
/// `day`, `iso_day`, `at`, `ms`, `days` (`ValidFrom..ValidTo`). A unit that moved is looked for where it hung then, and for what has none where it hangs today.
#[macro_export]
macro_rules! scoped {
    ($entity:ty { tenant: $tenant:ident $(, region: $region:ident)? $(, unit: $unit:ident)? $(, person: $person:ident)?
        $(, day: $day:ident)? $(, iso_day: $iso_day:ident)? $(, at: $at:ident)? $(, ms: $ms:ident)?
        $(, days: $first:ident..$last:ident)? $(,)? }) => {
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
            fn moment_column() -> Option<$crate::MomentColumn<Self::Column>> {
                $crate::scoped!(@moment $(Day $day)? $(IsoDay $iso_day)? $(Instant $at)? $(Millis $ms)? $(Days $first $last)?)
            }
        }
    };
    (@some) => { None };
    (@moment) => { None };
    (@moment $kind:ident $($column:ident)+) => {
        Some($crate::MomentColumn::$kind($(<Self as $crate::orm::EntityTrait>::Column::$column),+))
    };
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
    if let Some(column) = E::unit_column() {
        // Where rows have no moment, units are where they are today.
        let units: Vec<Uuid> = match E::moment_column() {
            Some(_) => reach.units.iter().map(|unit| unit.0).collect(),
            None => reach.units_today().map(|unit| unit.0).collect(),
        };
        if !units.is_empty() {
            any = any.add(one_of::<E>(backend, column, units.into_iter()));
        }
        if let Some(moment) = E::moment_column() {
            any = moved::<E>(backend, column, moment, reach).into_iter().fold(any, Condition::add);
        }
    }
    if let Some(column) = E::person_column().filter(|_| !reach.persons.is_empty()) {
        any = any.add(one_of::<E>(backend, column, reach.persons.iter().map(|person| person.0)));
    }
    // An empty condition would let every row pass. Beside others the false one would keep PostgreSQL from their indices.
    Some(if any.is_empty() { any.add(Expr::val(1).eq(0)) } else { any })
}

/// What a reach says of units that moved: a row of theirs is of one of the days on which they hung there. Units that moved
/// together make one condition.
fn moved<E: Scoped>(
    backend: DbBackend,
    unit: E::Column,
    moment: MomentColumn<E::Column>,
    reach: &Reach,
) -> Vec<Condition> {
    let condition = |(stays, units): (&Stays, Vec<OrgUnitId>)| {
        let as_today = Condition::any().add_option(stays.today().then(|| moment.first().is_null()));
        let days = stays.days().iter().fold(as_today, |any, stay| any.add(within(moment, stay)));
        Condition::all().add(one_of::<E>(backend, unit, units.into_iter().map(Uuid::from))).add(days)
    };
    reach.moved_together().into_iter().map(condition).collect()
}

/// Says what [`Stay::holds`] says.
fn within<C: ColumnTrait>(moment: MomentColumn<C>, stay: &Stay) -> Condition {
    let border = |border| moment.border(border);
    let from = stay.from.map(|from| match moment {
        MomentColumn::Days(_, last) => last.is_null().or(last.gte(border(from))),
        one => one.first().gte(border(from)),
    });
    let until = stay.until.map(|until| moment.first().lt(border(until)));
    Condition::all().add_option(from).add_option(until)
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
