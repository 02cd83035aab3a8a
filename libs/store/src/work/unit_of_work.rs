//! The unit of work: change, audit entry, events and the request's result, in one transaction or not at all.
//!
//! A unit is opened with a permit, and committed with an [`Audit`]: there is no other way to write. Dropped, it is rolled
//! back. A reply that follows a commit is durable. No call over the network happens inside.
//!
//! The id of the audit entry is fixed when the unit opens. Every row it inserts or changes takes that id, and the entry
//! tells how many there were, so that a row which no unit wrote can be found.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::future::BoxFuture;
use sea_orm::sea_query::{Alias, DynIden, Expr, InsertStatement, IntoCondition, IntoIden as _, Query};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait as _, ConnectionTrait as _, DeleteMany, EntityName as _, EntityTrait,
    IdenStatic as _, IntoActiveModel, Iterable as _, QueryFilter as _, UpdateMany, Value,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tally_access::{OpContext, Permit, Plan, Rpc, Source};
use tally_kernel::{Error, Kind, Result, msg};
use uuid::Uuid;

use crate::Store;
use crate::error::{Conflict as _, StoreError};
use crate::log::audit::{self, Audit, AuditEntry, Written};
use crate::log::outbox::{self, Event};
use crate::names::AUDIT_ID;
use crate::seal::class::OfTenant;
use crate::seal::sealed::{Place, Sealed};
use crate::tx::connect::Mode;
use crate::tx::scoped::{Scoped, ScopedTx, Unscoped, reach_condition};
use crate::tx::sql::{Part, most_rows, rows_of_next_statement};
use crate::work::idempotency::{self, Claim};

/// See the module's text. Made by [`Store::unit`].
#[must_use = "a unit that is not committed is rolled back"]
pub struct UnitOfWork {
    tx: ScopedTx,
    store: Store,
    method: &'static str,
    /// The emergency that opened it.
    break_glass: Option<Uuid>,
    /// The audit entry that will account for what is written.
    audit_id: Uuid,
    written: Mutex<Written>,
    last: Option<Last>,
    events: Vec<Event>,
    claim: Option<Claim>,
}

/// The row that is written with the commit.
struct Last {
    part: Part,
    taken: fn() -> Error,
}

impl Deref for UnitOfWork {
    type Target = ScopedTx;
    fn deref(&self) -> &ScopedTx {
        &self.tx
    }
}

impl DerefMut for UnitOfWork {
    fn deref_mut(&mut self) -> &mut ScopedTx {
        &mut self.tx
    }
}

impl fmt::Debug for UnitOfWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnitOfWork({})", self.method)
    }
}

impl Store {
    /// Opens a unit of work for what the permit allows.
    ///
    /// # Errors
    /// `STORE_BUSY`, `DEADLINE_EXCEEDED` or `STORE_UNAVAILABLE`; `TENANT_NOT_HERE` for a second tenant on SQLite.
    pub async fn unit<R: Rpc>(&self, ctx: &OpContext, permit: &Permit<R>) -> Result<UnitOfWork> {
        if permit.tenant() != ctx.tenant() || permit.principal() != ctx.actor.principal {
            return Err(Error::internal(format_args!("a permit of {} used by another context", permit.method())));
        }
        self.unit_of(ctx, permit.method(), permit.source()).await
    }

    /// Boxed, as [`UnitOfWork::commit`] is inside: what does not depend on the rpc is compiled once, here.
    fn unit_of<'a>(
        &'a self,
        ctx: &'a OpContext,
        method: &'static str,
        source: Source,
    ) -> BoxFuture<'a, Result<UnitOfWork>> {
        Box::pin(async move {
            let mut work = self.open_unit(ctx, method).await?;
            match source {
                Source::Own => {}
                Source::Delegated(delegator) => work.tx.for_somebody(delegator.into()),
                Source::BreakGlass(id) => work.break_glass = Some(id),
            }
            Ok(work)
        })
    }

    pub(crate) async fn open_unit(&self, ctx: &OpContext, method: &'static str) -> Result<UnitOfWork> {
        let tx = self.begin(ctx, Mode::Write).await?;
        tx.traced().method(method);
        Ok(UnitOfWork {
            audit_id: tx.scope().new_id(),
            tx,
            store: self.clone(),
            method,
            break_glass: None,
            written: Mutex::default(),
            last: None,
            events: Vec::new(),
            claim: None,
        })
    }
}

impl UnitOfWork {
    /// The first result, if this request was done before; otherwise claims the request for this unit. Call it first. An
    /// empty id claims nothing.
    ///
    /// # Errors
    /// `REQUEST_ID_REUSED` when the id came with another body or rpc.
    pub async fn replay<T: DeserializeOwned>(
        &mut self,
        request_id: &str,
        body: &[u8; 32],
    ) -> Result<Option<T>, StoreError> {
        if request_id.is_empty() {
            return Ok(None);
        }
        let first = self.claim(request_id, body).await?;
        first.map(|kept| serde_json::from_str(kept.get())).transpose().map_err(StoreError::fault)
    }

    fn claim<'a>(
        &'a mut self,
        request_id: &'a str,
        body: &'a [u8; 32],
    ) -> BoxFuture<'a, Result<Option<Box<RawValue>>, StoreError>> {
        Box::pin(async move {
            match idempotency::claim(&self.tx, self.method, request_id, body).await? {
                Err(first) => Ok(Some(first)),
                Ok(claim) => {
                    self.claim = Some(claim);
                    Ok(None)
                }
            }
        })
    }

    /// Writes one row.
    ///
    /// # Errors
    /// [`StoreError::Unique`] and [`StoreError::Reference`] for the caller to name; `REGION_NOT_SERVED`.
    pub async fn insert<M, A>(&self, row: M) -> Result<(), StoreError>
    where
        M: IntoActiveModel<A>,
        A: ActiveModelTrait + Send,
        A::Entity: Scoped,
    {
        self.insert_some(vec![row.into_active_model()]).await?;
        Ok(())
    }

    /// Writes one row with the commit, in one statement with the audit entry: a way there and back less than
    /// [`UnitOfWork::insert`], for what is called most. Nothing in the unit sees the row; `taken` is what its key being taken
    /// means, which the commit says then.
    ///
    /// # Errors
    /// `REGION_NOT_SERVED`; a fault for a second such row.
    pub fn insert_with_commit<M, A>(&mut self, row: M, taken: fn() -> Error) -> Result<(), StoreError>
    where
        M: IntoActiveModel<A>,
        A: ActiveModelTrait + Send,
        A::Entity: Scoped,
    {
        if self.last.is_some() {
            return Err(StoreError::fault("a unit has one last row"));
        }
        let statement = self.backend().build(&self.prepared(vec![row.into_active_model()])?);
        self.wrote::<A::Entity>(1);
        let values = statement.values.map_or_else(Vec::new, |values| values.0);
        self.last = Some(Last { part: Part { sql: statement.sql, values }, taken });
        Ok(())
    }

    /// Writes any number of rows, many to a statement. All set the same columns.
    ///
    /// # Errors
    /// As [`UnitOfWork::insert`]; none is written then.
    pub async fn insert_many<M, A>(&self, rows: impl IntoIterator<Item = M>) -> Result<u64, StoreError>
    where
        M: IntoActiveModel<A>,
        A: ActiveModelTrait + Send,
        A::Entity: Scoped,
    {
        let most = most_rows(<A::Entity as EntityTrait>::Column::iter().count() + 1);
        let mut written = 0;
        let mut rows = rows.into_iter().map(IntoActiveModel::into_active_model);
        loop {
            let chunk: Vec<A> = rows.by_ref().take(most).collect();
            if chunk.is_empty() {
                return Ok(written);
            }
            let mut left = chunk.into_iter();
            while left.len() > 0 {
                let size = rows_of_next_statement(left.len(), most);
                written += self.insert_some(left.by_ref().take(size).collect()).await?;
            }
        }
    }

    /// Writes rows with one statement.
    async fn insert_some<A>(&self, rows: Vec<A>) -> Result<u64, StoreError>
    where
        A: ActiveModelTrait + Send,
        A::Entity: Scoped,
    {
        let statement = self.prepared(rows)?;
        let count = self.tx.raw().execute(&statement).await?.rows_affected();
        self.wrote::<A::Entity>(count);
        Ok(count)
    }

    /// The statement that writes rows: they are the tenant's, name their entry, and their people are noted.
    fn prepared<A>(&self, mut rows: Vec<A>) -> Result<InsertStatement, StoreError>
    where
        A: ActiveModelTrait,
        A::Entity: Scoped,
    {
        rows.iter_mut().try_for_each(|row| self.tx.own(row))?;
        if let Some(column) = <A::Entity as Scoped>::person_column() {
            let people = rows.iter().filter_map(|row| match row.get(column) {
                ActiveValue::Set(Value::Uuid(id)) | ActiveValue::Unchanged(Value::Uuid(id)) => id,
                _ => None,
            });
            self.written().people.extend(people);
        }
        insert_statement(rows, self.audit_id)
    }

    fn wrote<E: EntityTrait>(&self, rows: u64) {
        self.traced().rows(usize::try_from(rows).unwrap_or(usize::MAX));
        *self.written().rows.entry(E::default().table_name().to_owned()).or_default() += rows;
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes one row that belongs to no tenant.
    ///
    /// # Errors
    /// As [`UnitOfWork::insert`].
    pub async fn insert_unscoped<M, A>(&self, row: M) -> Result<(), StoreError>
    where
        M: IntoActiveModel<A>,
        A: ActiveModelTrait + Send,
        A::Entity: Unscoped,
    {
        <A::Entity as EntityTrait>::insert(row.into_active_model()).exec_without_returning(self.tx.raw()).await?;
        Ok(())
    }

    /// Changes rows of the tenant. Runs only with a filter.
    pub fn update<E: Scoped>(&self) -> Update<'_, E, false> {
        Update { unit: self, query: E::update_many().filter(self.tx.mine::<E>()), refused: None }
    }

    /// Deletes rows of the tenant. Runs only with a filter.
    pub fn delete<E: Scoped>(&self) -> Delete<'_, E, false> {
        Delete { tx: &self.tx, query: E::delete_many().filter(self.tx.mine::<E>()) }
    }

    /// Seals a value for its place, with the group's newest key of the class. The key is looked up once per unit.
    ///
    /// # Errors
    /// Only faults of ours.
    pub async fn seal<C: OfTenant, T: Serialize>(&self, place: &Place, value: &T) -> Result<Sealed<C, T>, StoreError> {
        self.seal_in(place, value).await
    }

    /// Takes one event of `source` as applied by this unit. `false`: it was applied already, drop the unit.
    ///
    /// # Errors
    /// What the database says.
    pub async fn advance_cursor(&self, source: &str, position: i64) -> Result<bool, StoreError> {
        let sql = "INSERT INTO cursors (source, position) VALUES ($1, $2) ON CONFLICT (source) \
                   DO UPDATE SET position = excluded.position WHERE cursors.position < excluded.position";
        let done = self.raw().execute_raw(self.statement(sql, [source.into(), position.into()])).await?;
        Ok(done.rows_affected() == 1)
    }

    /// Tells the other services; written by the commit.
    pub fn emit(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Makes it all true, and gives `result` back.
    ///
    /// # Errors
    /// `STORE_BUSY` when somebody else was faster, what [`UnitOfWork::insert_with_commit`] was told of its key; then nothing happened.
    pub async fn commit<T: Serialize>(self, audit: Audit, result: T) -> Result<T> {
        let kept = match &self.claim {
            Some(_) => Some(serde_json::value::to_raw_value(&result).map_err(Error::internal)?),
            None => None,
        };
        self.commit_with(audit, kept).await?;
        Ok(result)
    }

    fn commit_with(self, audit: Audit, result: Option<Box<RawValue>>) -> BoxFuture<'static, Result<()>> {
        Box::pin(async move {
            let inserted = self.written().people.clone();
            let audit = self.committed(audit, &inserted).await?;
            let Self { tx, store, method, break_glass, audit_id, written, last, events, claim } = self;
            let audit = break_glass.into_iter().fold(audit, |audit, id| audit.note("break_glass", id));
            let request_id = claim.as_ref().map(|claim| claim.request_id.as_str());
            let written = written.into_inner().unwrap_or_else(PoisonError::into_inner);
            let entry = AuditEntry::of(audit, audit_id, written, tx.scope(), method, request_id)?;
            let (row, taken) = last.map(|last| (last.part, last.taken)).unzip();
            let mut parts: Vec<Part> = row.into_iter().collect();
            parts.extend(audit::parts(&tx, vec![entry])?);
            if let Some((claim, result)) = claim.as_ref().zip(result) {
                parts.push(idempotency::part(&tx, claim, &result).await?);
            }
            let mut events = outbox::parts(&tx, events)?.into_iter();
            parts.extend(events.next());
            let together = tx.run_together(parts).await;
            taken.into_iter().fold(together, |done, taken| done.conflict(taken))?;
            // Further ones follow one by one: events keep the order in which they were emitted.
            for more in events {
                tx.run_together(vec![more]).await?;
            }
            tx.finish().await?;
            store.committed();
            Ok(())
        })
    }
}

/// One statement for rows that all set the same columns; their audit entry is added.
fn insert_statement<A: ActiveModelTrait>(rows: Vec<A>, audit_id: Uuid) -> Result<InsertStatement, StoreError> {
    let mut statement = Query::insert();
    statement.into_table(A::Entity::default().table_ref());
    let mut columns = Vec::new();
    for (n, mut row) in rows.into_iter().enumerate() {
        let (mut set, mut values) = (Vec::new(), Vec::new());
        for column in <A::Entity as EntityTrait>::Column::iter() {
            if let ActiveValue::Set(value) | ActiveValue::Unchanged(value) = row.take(column) {
                set.push(column.as_str());
                values.push(column.save_as(Expr::val(value)));
            }
        }
        if n == 0 {
            let names = set.iter().map(|name| Alias::new(*name).into_iden());
            statement.columns(names.chain([Alias::new(AUDIT_ID).into_iden()]).collect::<Vec<DynIden>>());
            columns = set;
        } else if columns != set {
            return Err(StoreError::fault("rows of one call set different columns"));
        }
        values.push(Expr::val(audit_id));
        statement.values(values).map_err(StoreError::fault)?;
    }
    Ok(statement)
}

/// A change of rows in the making; `exec` is there once a filter is.
#[must_use = "an update changes nothing until exec()"]
pub struct Update<'t, E: EntityTrait, const FILTERED: bool> {
    unit: &'t UnitOfWork,
    query: UpdateMany<E>,
    refused: Option<StoreError>,
}

impl<'t, E: Scoped, const FILTERED: bool> Update<'t, E, FILTERED> {
    /// Sets a column.
    pub fn set(self, column: E::Column, value: impl Into<Value>) -> Self {
        let value = value.into();
        let is = |other: Option<E::Column>| other.is_some_and(|other| other.as_str() == column.as_str());
        let refused = if is(Some(E::tenant_column())) {
            Some(StoreError::fault("rows do not change their tenant"))
        } else if is(E::region_column()) {
            self.unit.serves(&value).err()
        } else {
            None
        };
        let query = self.query.col_expr(column, column.save_as(Expr::val(value)));
        Self { query, refused: self.refused.or(refused), ..self }
    }

    /// Sets a column to an expression, such as `Expr::col(Column::Uses).add(1)`.
    pub fn set_expr(self, column: E::Column, expr: Expr) -> Self {
        let fixed = [Some(E::tenant_column()), E::region_column()];
        let refused = fixed
            .into_iter()
            .flatten()
            .any(|other| other.as_str() == column.as_str())
            .then(|| StoreError::fault("tenant and region are set to values, not expressions"));
        Self { query: self.query.col_expr(column, expr), refused: self.refused.or(refused), ..self }
    }

    /// Only rows that meet the condition.
    pub fn filter(self, condition: impl IntoCondition) -> Update<'t, E, true> {
        Update { unit: self.unit, query: self.query.filter(condition.into_condition()), refused: self.refused }
    }
}

impl<E: Scoped> Update<'_, E, true> {
    /// Only rows that the plan reaches.
    pub fn within<R: Rpc>(mut self, plan: &Plan<R>) -> Self {
        if let Some(condition) = reach_condition::<E>(self.unit.backend(), plan.reach()) {
            self.query = self.query.filter(condition);
        }
        self
    }

    /// Changes them: the number of rows.
    ///
    /// # Errors
    /// As [`UnitOfWork::insert`].
    pub async fn exec(self) -> Result<u64, StoreError> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        let query = self.query.col_expr(Alias::new(AUDIT_ID), Expr::val(self.unit.audit_id));
        let rows = query.exec(self.unit.raw()).await?.rows_affected;
        self.unit.wrote::<E>(rows);
        Ok(rows)
    }

    /// Changes exactly one row, for updates with an expected version.
    ///
    /// # Errors
    /// `STALE` (aborted) when the row is not there any more as it was read.
    pub async fn exec_one(self) -> Result<(), StoreError> {
        match self.exec().await? {
            1 => Ok(()),
            0 => Err(StoreError::Refused(Error::of(Kind::Aborted, msg!("STALE")))),
            n => Err(StoreError::fault(format_args!("an update of one row met {n}"))),
        }
    }
}

/// A deletion of rows in the making; `exec` is there once a filter is.
#[must_use = "a delete removes nothing until exec()"]
pub struct Delete<'t, E: EntityTrait, const FILTERED: bool> {
    tx: &'t ScopedTx,
    query: DeleteMany<E>,
}

impl<'t, E: Scoped, const FILTERED: bool> Delete<'t, E, FILTERED> {
    /// Only rows that meet the condition.
    pub fn filter(self, condition: impl IntoCondition) -> Delete<'t, E, true> {
        Delete { tx: self.tx, query: self.query.filter(condition.into_condition()) }
    }
}

impl<E: Scoped> Delete<'_, E, true> {
    /// Removes them: the number of rows.
    ///
    /// # Errors
    /// As [`UnitOfWork::insert`].
    pub async fn exec(self) -> Result<u64, StoreError> {
        let rows = self.query.exec(self.tx.raw()).await?.rows_affected;
        self.tx.traced().rows(usize::try_from(rows).unwrap_or(usize::MAX));
        Ok(rows)
    }
}
