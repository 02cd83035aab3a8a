//! Tables that tell of people: what an export shows of them, what an erasure does to them, and what is taken out when it
//! has been kept long enough. A service lists its tables once; what it lists is the same for all three.

use std::marker::PhantomData;
use std::str::FromStr as _;

use futures::future::{BoxFuture, FutureExt as _};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tally_access::{Permission, Target};
use tally_kernel::Error;
use tally_kernel::id::{OrgUnitId, PersonId};
use tally_store::class::OfTenant;
use tally_store::orm::sea_query::{ArrayType, Condition, Expr};
use tally_store::orm::{
    ColumnTrait as _, EntityTrait, ExprTrait as _, IdenStatic as _, Iterable as _, ModelTrait, PrimaryKeyToColumn as _,
    Value,
};
use tally_store::{Place, Scoped, ScopedTx, Sealed, StoreError, UnitOfWork, among, to_db};
use uuid::Uuid;

/// A row's columns, to come.
pub type ExportCells<'t> = BoxFuture<'t, Result<serde_json::Map<String, serde_json::Value>, StoreError>>;

/// An entity whose rows can be told as JSON.
pub trait Exported: Scoped
where
    Self::Model: Serialize + Send + Sync,
{
    /// What opens its sealed columns; nothing where they open with the row.
    const SEALED: Option<Permission> = None;
    /// Rows of one part of an export: fewer where a row may be long.
    const AT_ONCE: u64 = 500;

    /// A row as a JSON object. Tables with sealed columns open them here where `opened` says so, and leave out what was
    /// erased.
    fn tell<'t>(tx: &'t ScopedTx, row: &'t Self::Model, opened: bool) -> ExportCells<'t> {
        let _ = (tx, opened);
        async move { plain(row) }.boxed()
    }
}

/// A row as its columns serialise.
///
/// # Errors
/// A fault of ours when it is no object.
pub fn plain(row: &impl Serialize) -> Result<serde_json::Map<String, serde_json::Value>, StoreError> {
    match serde_json::to_value(row).map_err(fault)? {
        serde_json::Value::Object(columns) => Ok(columns),
        _ => Err(fault("a row that is no object")),
    }
}

/// A row as its columns serialise, and what a cell of it holds sealed for the group where `opened` says so.
///
/// # Errors
/// A fault of ours when it cannot be opened.
pub async fn with_opened<C: OfTenant, T: DeserializeOwned + Serialize>(
    tx: &ScopedTx,
    row: &(impl Serialize + Sync),
    opened: bool,
    (place, sealed): (Place, &Sealed<C, T>),
) -> Result<serde_json::Map<String, serde_json::Value>, StoreError> {
    let mut told = plain(row)?;
    if opened {
        let value = serde_json::to_value(tx.open(&place, sealed).await?).map_err(fault)?;
        told.insert(place.column().to_owned(), value);
    }
    Ok(told)
}

/// What an erasure does to the rows about a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErasureRule {
    /// They go.
    Deleted,
    /// They stay under the person's id, which means nobody any more; why is for the docs.
    Kept(&'static str),
    /// They stay without these columns.
    Cleared(&'static [(&'static str, Clear)]),
}

/// What a column holds after an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clear {
    /// The person's [`pseudonym`].
    Pseudonym,
    /// An empty text.
    Empty,
    /// Nothing.
    Null,
}

/// What stands for an erased person where a name or a number stood. Different for different people.
pub fn pseudonym(person: PersonId) -> String {
    format!("erased-{}", person.0.simple())
}

/// Which rows of a table come next in an export.
#[derive(Clone, Debug)]
pub struct ExportCursor {
    /// Recorded by then.
    pub until: Timestamp,
    /// After the row with this key.
    pub after: Option<RowKey>,
    /// About this person alone.
    pub person: Option<PersonId>,
}

/// The key of a row within its group.
pub type RowKey = Vec<Value>;

/// Whether whoever asks holds a permission where a row stands.
pub type Sees<'s> = &'s (dyn Fn(Permission, &Target) -> bool + Sync);

/// A row of an export.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportRow {
    /// Where the row stands: a table without a region or a unit does not say.
    pub target: Target,
    /// A JSON object; nothing when whoever asks may not read the row.
    pub json: Option<String>,
}

/// Rows of an export, and the key of the last; none at the end.
pub type ExportRows = (Vec<ExportRow>, Option<RowKey>);

/// A table: one that tells of people, or whose rows are kept for a time, or that an export of the group holds.
#[derive(Clone, Copy)]
pub struct DataTable {
    /// What opens its rows to somebody else than the person.
    pub opens: Permission,
    /// What an erasure does to the rows about a person.
    pub rule: ErasureRule,
    /// The kind in the retention schedule and the column that its months count from; nothing where the rows live as long
    /// as the person.
    pub kept: Option<(&'static str, &'static str)>,
    rows: &'static dyn Rows,
}

impl DataTable {
    /// The table of an entity.
    pub const fn of<E>(opens: Permission, rule: ErasureRule, kept: Option<(&'static str, &'static str)>) -> Self
    where
        E: Exported,
        E::Model: Serialize + Send + Sync,
    {
        Self { opens, rule, kept, rows: &Of::<E>(PhantomData) }
    }

    /// The table of an entity that tells of nobody and is kept as long as the group: only an export asks for it.
    pub const fn of_the_group<E>(opens: Permission) -> Self
    where
        E: Exported,
        E::Model: Serialize + Send + Sync,
    {
        Self::of::<E>(opens, ErasureRule::Kept("tells of nobody"), None)
    }

    /// Its name.
    pub fn table(&self) -> &'static str {
        self.rows.table()
    }

    /// Whether its rows say whom they tell of.
    pub fn tells_of_people(&self) -> bool {
        self.rows.tells_of_people()
    }

    /// The next rows, at most 500, in the order of their keys, and the key of the last; none at the end. About a person,
    /// a table whose rows tell of nobody has none.
    ///
    /// # Errors
    /// What the database says.
    pub async fn rows(&self, tx: &ScopedTx, cursor: &ExportCursor, sees: Sees<'_>) -> Result<ExportRows, StoreError> {
        self.rows.rows(tx, cursor, self.opens, sees).await
    }

    /// Does to the rows about a person what an erasure does: how many there were.
    ///
    /// # Errors
    /// What the database says.
    pub async fn erase(&self, work: &UnitOfWork, person: PersonId) -> Result<u64, StoreError> {
        self.rows.erase(work, person, self.rule).await
    }

    /// Deletes some of the rows that are over, the oldest first: about `rows` of them, and all that are as old as the
    /// last. Rows about people on hold stay; while anybody is, so does a table whose rows do not say of whom they tell.
    /// How many were deleted, and whom they told of.
    ///
    /// # Errors
    /// What the database says; a fault of ours for a column that holds no time.
    pub async fn purge_expired(
        &self,
        work: &UnitOfWork,
        over: &Over,
        rows: u64,
    ) -> Result<(u64, Vec<PersonId>), StoreError> {
        let Some((_, from)) = self.kept else { return Ok((0, Vec::new())) };
        self.rows.purge_expired(work, from, over, rows).await
    }
}

impl std::fmt::Debug for DataTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DataTable({})", self.table())
    }
}

/// What is over, and who is on hold.
#[derive(Clone, Debug)]
pub struct Over {
    /// Rows from before this instant are over.
    pub until: Timestamp,
    /// People whose rows stay.
    pub held: Vec<PersonId>,
}

type Taken = (u64, Vec<PersonId>);

trait Rows: Sync {
    fn table(&self) -> &'static str;
    fn tells_of_people(&self) -> bool;
    fn rows<'t>(
        &self,
        tx: &'t ScopedTx,
        cursor: &'t ExportCursor,
        opens: Permission,
        sees: Sees<'t>,
    ) -> BoxFuture<'t, Result<ExportRows, StoreError>>;
    fn erase<'t>(
        &self,
        work: &'t UnitOfWork,
        person: PersonId,
        rule: ErasureRule,
    ) -> BoxFuture<'t, Result<u64, StoreError>>;
    fn purge_expired<'t>(
        &self,
        work: &'t UnitOfWork,
        from: &'static str,
        over: &'t Over,
        rows: u64,
    ) -> BoxFuture<'t, Result<Taken, StoreError>>;
}

struct Of<E>(PhantomData<fn() -> E>);

impl<E> Rows for Of<E>
where
    E: Exported,
    E::Model: Serialize + Send + Sync,
{
    fn table(&self) -> &'static str {
        E::default().table_name()
    }

    fn tells_of_people(&self) -> bool {
        E::person_column().is_some()
    }

    fn rows<'t>(
        &self,
        tx: &'t ScopedTx,
        cursor: &'t ExportCursor,
        opens: Permission,
        sees: Sees<'t>,
    ) -> BoxFuture<'t, Result<ExportRows, StoreError>> {
        told::<E>(tx, cursor, opens, sees).boxed()
    }

    fn erase<'t>(
        &self,
        work: &'t UnitOfWork,
        person: PersonId,
        rule: ErasureRule,
    ) -> BoxFuture<'t, Result<u64, StoreError>> {
        erase::<E>(work, person, rule).boxed()
    }

    fn purge_expired<'t>(
        &self,
        work: &'t UnitOfWork,
        from: &'static str,
        over: &'t Over,
        rows: u64,
    ) -> BoxFuture<'t, Result<Taken, StoreError>> {
        purge_expired::<E>(work, from, over, rows).boxed()
    }
}

async fn told<E>(
    tx: &ScopedTx,
    cursor: &ExportCursor,
    opens: Permission,
    sees: Sees<'_>,
) -> Result<ExportRows, StoreError>
where
    E: Exported,
    E::Model: Serialize + Send + Sync,
{
    let mut these = Condition::all();
    if let Some(person) = cursor.person {
        // What tells of nobody is not about somebody.
        let Some(about) = E::person_column() else { return Ok((Vec::new(), None)) };
        these = these.add(about.eq(person.0));
    }
    // Rows that do not say when they were recorded are those of a run, which is done before it is shown.
    if let Ok(recorded) = E::Column::from_str("recorded_at") {
        these = these.add(recorded.lte(to_db(cursor.until)));
    }
    let key = key::<E>();
    if let Some(after) = &cursor.after {
        let columns = key.iter().map(|column| column.into_expr());
        these = these.add(Expr::tuple(columns).gt(Expr::tuple(after.iter().cloned().map(Expr::val))));
    }
    let mut query = tx.select::<E>().filter(these);
    for column in &key {
        query = query.order_by_asc(*column);
    }
    let (mut rows, mut last) = (Vec::new(), None);
    for row in query.limit(E::AT_ONCE).all().await? {
        let target = target::<E>(&row)?;
        let json = if sees(opens, &target) {
            let opened = E::SEALED.is_none_or(|permission| sees(permission, &target));
            Some(serde_json::Value::Object(E::tell(tx, &row, opened).await?).to_string())
        } else {
            None
        };
        rows.push(ExportRow { target, json });
        last = Some(key.iter().map(|column| row.get(*column)).collect());
    }
    Ok((rows, last))
}

/// What tells a group's rows apart: the primary key without the group.
fn key<E: Scoped>() -> Vec<E::Column> {
    let columns = E::PrimaryKey::iter().map(|part| part.into_column());
    columns.filter(|column| column.as_str() != E::tenant_column().as_str()).collect()
}

fn target<E: Scoped>(row: &E::Model) -> Result<Target, StoreError> {
    let region = match E::region_column().map(|column| row.get(column)) {
        Some(Value::String(Some(name))) => Some(name.parse().map_err(StoreError::Refused)?),
        _ => None,
    };
    let id = |column: Option<E::Column>| column.and_then(|column| uuid(&row.get(column)));
    let unit = id(E::unit_column()).map(OrgUnitId);
    let moment = E::moment_column().map(|moment| moment.moment(row)).transpose()?.flatten();
    Ok(Target { region, unit, person: id(E::person_column()).map(PersonId), moment })
}

async fn erase<E: Scoped>(work: &UnitOfWork, person: PersonId, rule: ErasureRule) -> Result<u64, StoreError> {
    let Some(about) = E::person_column() else { return Ok(0) };
    match rule {
        ErasureRule::Kept(_) => Ok(0),
        ErasureRule::Deleted => work.delete::<E>().filter(about.eq(person.0)).exec().await,
        ErasureRule::Cleared(columns) => {
            let mut update = work.update::<E>();
            for (name, clear) in columns {
                let column = column::<E>(name)?;
                update = match clear {
                    Clear::Pseudonym => update.set(column, pseudonym(person)),
                    Clear::Empty => update.set(column, ""),
                    Clear::Null => update.set_expr(column, Expr::cust("NULL")),
                };
            }
            update.filter(about.eq(person.0)).exec().await
        }
    }
}

async fn purge_expired<E: Scoped>(work: &UnitOfWork, from: &str, over: &Over, rows: u64) -> Result<Taken, StoreError> {
    let from = column::<E>(from)?;
    let mut these = Condition::all().add(from.lt(time::<E>(from, over.until)?));
    match E::person_column() {
        Some(about) if !over.held.is_empty() => {
            let held = over.held.iter().map(|person| person.0);
            these = these.add(among::<E>(work, about, held).not());
        }
        None if !over.held.is_empty() => return Ok((0, Vec::new())),
        Some(_) | None => {}
    }
    let oldest = work.select::<E>().filter(these.clone()).order_by_asc(from).limit(rows).all().await?;
    let Some(last) = oldest.last() else { return Ok((0, Vec::new())) };
    let these = these.add(from.lte(last.get(from)));
    let mut people = Vec::new();
    if let Some(about) = E::person_column() {
        let found: Vec<Option<Uuid>> =
            work.select::<E>().filter(these.clone()).rows(|rows| rows.column(about).group_by(about)).await?;
        people.extend(found.into_iter().flatten().map(PersonId));
    }
    Ok((work.delete::<E>().filter(these).exec().await?, people))
}

/// An instant as this column holds times: an instant, a date, or milliseconds since 1970.
fn time<E: EntityTrait>(column: E::Column, at: Timestamp) -> Result<Value, StoreError> {
    Ok(match <E::Model as ModelTrait>::get_value_type(column) {
        ArrayType::ChronoDateTimeUtc => to_db(at).into(),
        ArrayType::ChronoDate => to_db(at).date_naive().into(),
        ArrayType::BigInt => at.as_millisecond().into(),
        _ => return Err(fault(format_args!("{} holds no time", E::default().table_name()))),
    })
}

fn column<E: EntityTrait>(name: &str) -> Result<E::Column, StoreError> {
    let table = E::default().table_name();
    E::Column::from_str(name).map_err(|_| Error::internal(format_args!("{table} has no column {name}")).into())
}

fn uuid(value: &Value) -> Option<Uuid> {
    match value {
        Value::Uuid(id) => *id,
        _ => None,
    }
}

/// A fault of ours, told to operators only.
fn fault(context: impl std::fmt::Display) -> StoreError {
    Error::internal(context).into()
}
