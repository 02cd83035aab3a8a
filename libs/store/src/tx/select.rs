//! Reading: a query that already holds the tenant's filter when the caller first sees it.

use futures::{Stream, StreamExt as _, TryStreamExt as _};
use sea_orm::prelude::DateTimeUtc;
use sea_orm::sea_query::{ArrayType, Condition, Expr, ExprTrait as _, IntoCondition, Order};
use sea_orm::{
    ColumnTrait, ConnectionTrait as _, EntityTrait, FromQueryResult, IdenStatic as _, IntoSimpleExpr, ModelTrait,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, QueryTrait as _, TryGetable,
    TryGetableMany, Value,
};
use tally_access::{Plan, Rpc};
use tally_kernel::Error;
use tally_kernel::page::{Page, token_invalid};
use uuid::Uuid;

use crate::error::StoreError;
use crate::tx::scoped::{Scoped, ScopedTx, Unscoped, reach_condition};

/// A read in the making. Made by [`ScopedTx::select`].
#[must_use = "a select reads nothing until all(), one(), one_with(), count(), rows(), rows_into(), page_*() or stream()"]
pub struct Select<'t, E: EntityTrait> {
    tx: &'t ScopedTx,
    query: sea_orm::Select<E>,
}

impl ScopedTx {
    /// Reads rows of the tenant, in the regions this stack serves.
    pub fn select<E: Scoped>(&self) -> Select<'_, E> {
        Select { tx: self, query: E::find().filter(self.mine::<E>()) }
    }

    /// Reads rows that belong to no tenant.
    pub fn select_unscoped<E: Unscoped>(&self) -> Select<'_, E> {
        Select { tx: self, query: E::find() }
    }
}

impl<E: Scoped> Select<'_, E> {
    /// Only rows that the plan reaches.
    pub fn within<R: Rpc>(mut self, plan: &Plan<R>) -> Self {
        self.tx.traced().method(plan.method());
        if let Some(condition) = reach_condition::<E>(self.tx.backend(), plan.reach()) {
            self.query = self.query.filter(condition);
        }
        self
    }

    /// Only rows that the plan reaches, and those that meet the condition: where a second rule opens rows as well.
    pub fn within_or<R: Rpc>(mut self, plan: &Plan<R>, also: impl IntoCondition) -> Self {
        self.tx.traced().method(plan.method());
        if let Some(condition) = reach_condition::<E>(self.tx.backend(), plan.reach()) {
            self.query = self.query.filter(Condition::any().add(condition).add(also.into_condition()));
        }
        self
    }
}

impl<'t, E: EntityTrait> Select<'t, E> {
    fn map(self, change: impl FnOnce(sea_orm::Select<E>) -> sea_orm::Select<E>) -> Self {
        Self { tx: self.tx, query: change(self.query) }
    }

    /// Only rows that meet the condition.
    pub fn filter(self, condition: impl IntoCondition) -> Self {
        self.map(|q| q.filter(condition))
    }

    /// Smallest first.
    pub fn order_by_asc(self, column: E::Column) -> Self {
        self.map(|q| q.order_by_asc(column))
    }

    /// Greatest first.
    pub fn order_by_desc(self, column: E::Column) -> Self {
        self.map(|q| q.order_by_desc(column))
    }

    /// At most so many rows.
    pub fn limit(self, rows: u64) -> Self {
        self.map(|q| q.limit(rows))
    }

    /// Holds the rows until this transaction ends, so that nobody changes them meanwhile. SQLite has one writer and
    /// needs no lock.
    pub fn for_update(self) -> Self {
        if self.tx.backend() == sea_orm::DbBackend::Postgres {
            self.map(sea_orm::QuerySelect::lock_exclusive)
        } else {
            self
        }
    }

    /// All rows.
    ///
    /// # Errors
    /// What the database says.
    pub async fn all(self) -> Result<Vec<E::Model>, StoreError> {
        let rows = self.query.all(self.tx.raw()).await?;
        self.tx.traced().rows(rows.len());
        Ok(rows)
    }

    /// The first row, if any.
    ///
    /// # Errors
    /// What the database says.
    pub async fn one(self) -> Result<Option<E::Model>, StoreError> {
        let row = self.query.one(self.tx.raw()).await?;
        self.tx.traced().rows(usize::from(row.is_some()));
        Ok(row)
    }

    /// The first row, if any, and what the expression says beside it, such as a cell of another table: one way there and
    /// back instead of two.
    ///
    /// # Errors
    /// What the database says.
    pub async fn one_with<T: TryGetable>(self, also: impl Into<Expr>) -> Result<Option<(E::Model, T)>, StoreError> {
        const ALSO: &str = "also_";
        let query = self.query.expr_as(also, ALSO).limit(1);
        let Some(row) = self.tx.raw().query_one(query.as_query()).await? else { return Ok(None) };
        self.tx.traced().rows(1);
        Ok(Some((E::Model::from_query_result(&row, "")?, row.try_get("", ALSO)?)))
    }

    /// How many rows.
    ///
    /// # Errors
    /// What the database says.
    pub async fn count(self) -> Result<u64, StoreError>
    where
        E::Model: FromQueryResult + Sized + Send + Sync + 't,
    {
        Ok(self.query.count(self.tx.raw()).await?)
    }

    /// Row after row, for more than fits into memory.
    ///
    /// # Errors
    /// What the database says.
    pub async fn stream(self) -> Result<impl Stream<Item = Result<E::Model, StoreError>> + Send + 't, StoreError>
    where
        E::Model: 't,
    {
        let traced = self.tx.traced();
        let rows = self.query.stream(self.tx.raw()).await?.map_err(StoreError::from);
        Ok(rows.inspect_ok(|_| traced.rows(1)).boxed())
    }

    /// Chosen columns and sums instead of whole rows, as tuples in the order they were chosen.
    ///
    /// # Errors
    /// What the database says.
    pub async fn rows<T: TryGetableMany + Send + Sync>(
        self,
        choose: impl FnOnce(Rows<E>) -> Rows<E>,
    ) -> Result<Vec<T>, StoreError> {
        let chosen = choose(Rows { query: self.query.select_only(), columns: 0 });
        let rows = chosen.query.into_tuple::<T>().all(self.tx.raw()).await?;
        self.tx.traced().rows(rows.len());
        Ok(rows)
    }

    /// The rows with the columns that are chosen, each in the field of its name.
    ///
    /// # Errors
    /// What the database says.
    pub async fn rows_into<T: FromQueryResult + Send + Sync>(
        self,
        choose: impl FnOnce(Rows<E>) -> Rows<E>,
    ) -> Result<Vec<T>, StoreError> {
        let chosen = choose(Rows { query: self.query.select_only(), columns: 0 });
        let rows = chosen.query.into_model::<T>().all(self.tx.raw()).await?;
        self.tx.traced().rows(rows.len());
        Ok(rows)
    }

    /// One page, smallest key first, and the token of the next (empty at the end). The columns must not be null, and
    /// the last must tell rows apart.
    ///
    /// # Errors
    /// [`token_invalid`] for a tampered token; what the database says.
    pub async fn page_asc<const N: usize>(
        self,
        page: &Page,
        keys: [E::Column; N],
    ) -> Result<(Vec<E::Model>, String), StoreError> {
        self.page(page, keys, Order::Asc).await
    }

    /// One page, greatest key first; otherwise as [`Select::page_asc`].
    ///
    /// # Errors
    /// [`token_invalid`] for a tampered token; what the database says.
    pub async fn page_desc<const N: usize>(
        self,
        page: &Page,
        keys: [E::Column; N],
    ) -> Result<(Vec<E::Model>, String), StoreError> {
        self.page(page, keys, Order::Desc).await
    }

    async fn page<const N: usize>(
        mut self,
        page: &Page,
        keys: [E::Column; N],
        order: Order,
    ) -> Result<(Vec<E::Model>, String), StoreError> {
        if let Some(after) = &page.after {
            let last = read_key::<E, N>(after, keys)?;
            let cells = Expr::tuple(keys.map(|key| Expr::col(key.as_column_ref())));
            let bound = Expr::tuple(last.into_iter().map(Expr::val));
            self.query = self.query.filter(if order == Order::Asc { cells.gt(bound) } else { cells.lt(bound) });
        }
        for key in keys {
            self.query = self.query.order_by(key, order.clone());
        }
        let mut rows = self.query.limit(u64::from(page.size) + 1).all(self.tx.raw()).await?;
        self.tx.traced().rows(rows.len());
        let next = page.cut(&mut rows, |row| write_key::<E, N>(row, keys));
        Ok((rows, next))
    }
}

/// The columns of [`Select::rows`].
pub struct Rows<E: EntityTrait> {
    query: sea_orm::Select<E>,
    columns: usize,
}

impl<E: EntityTrait> Rows<E> {
    /// This column.
    pub fn column(self, column: E::Column) -> Self {
        Self { query: self.query.column(column), columns: self.columns + 1 }
    }

    /// Nothing in the place of this text column.
    pub fn without(self, column: E::Column) -> Self {
        let nothing = Expr::val(None::<String>);
        Self { query: self.query.expr_as(nothing, column.as_str()), columns: self.columns + 1 }
    }

    /// This expression, such as `Column::Seconds.max()`.
    pub fn expr(self, expr: impl Into<Expr>) -> Self {
        let name = format!("c{}", self.columns);
        Self { query: self.query.expr_as(expr.into(), name), columns: self.columns + 1 }
    }

    /// The sum of a whole-number column, as `Option<i64>` (none over no rows).
    pub fn sum(self, column: E::Column) -> Self {
        self.expr(Expr::col(column.as_column_ref()).sum().cast_as("bigint"))
    }

    /// The number of rows, as `i64`.
    pub fn count(self) -> Self {
        self.expr(Expr::cust("COUNT(*)"))
    }

    /// One row for each value of this column or expression.
    pub fn group_by(self, by: impl IntoSimpleExpr) -> Self {
        Self { query: self.query.group_by(by), ..self }
    }
}

fn write_key<E: EntityTrait, const N: usize>(row: &E::Model, keys: [E::Column; N]) -> String {
    let parts = keys.map(|key| match row.get(key) {
        Value::Uuid(Some(id)) => id.to_string(),
        Value::String(Some(text)) => text,
        Value::BigInt(Some(n)) => n.to_string(),
        Value::Int(Some(n)) => n.to_string(),
        Value::ChronoDateTimeUtc(Some(at)) => at.timestamp_micros().to_string(),
        Value::ChronoDate(Some(date)) => date.to_string(),
        _ => String::new(),
    });
    serde_json::json!(parts.as_slice()).to_string()
}

fn read_key<E: EntityTrait, const N: usize>(text: &str, keys: [E::Column; N]) -> Result<Vec<Value>, Error> {
    let parts: Vec<String> = serde_json::from_str(text).map_err(|_| token_invalid())?;
    if parts.len() != N {
        return Err(token_invalid());
    }
    let value = |(key, part): (E::Column, String)| match <E::Model as ModelTrait>::get_value_type(key) {
        ArrayType::Uuid => Uuid::parse_str(&part).ok().map(Value::from),
        ArrayType::String => Some(Value::from(part)),
        ArrayType::BigInt => part.parse::<i64>().ok().map(Value::from),
        ArrayType::Int => part.parse::<i32>().ok().map(Value::from),
        ArrayType::ChronoDateTimeUtc => part.parse().ok().and_then(DateTimeUtc::from_timestamp_micros).map(Value::from),
        ArrayType::ChronoDate => part.parse::<chrono::NaiveDate>().ok().map(Value::from),
        _ => None,
    };
    keys.into_iter().zip(parts).map(value).collect::<Option<Vec<_>>>().ok_or_else(token_invalid)
}
