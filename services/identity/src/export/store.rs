//! Rows as JSON, in the order of their ids.

use std::str::FromStr as _;

use jiff::Timestamp;
use sea_orm::ColumnTrait as _;
use serde::Serialize;
use tally_kernel::Error;
use tally_kernel::id::PersonId;
use tally_store::{Scoped, ScopedTx, StoreError, to_db};
use uuid::Uuid;

use crate::access::store::grants;
use crate::catalogue::store::entries;
use crate::org::store::states;
use crate::person::store::{employments, leaves, people};
use crate::reporting::store::lines;
use crate::tenant::store::tenants;

/// The tables of an export, in its order.
pub(crate) const TABLES: [&str; 8] =
    ["tenants", "org_unit_states", "people", "employments", "leaves", "reporting_lines", "catalogue_entries", "grants"];

/// Rows of one part.
const ROWS: u64 = 500;

/// Which rows of a table come next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// Recorded by then.
    pub(crate) until: Timestamp,
    /// After the row with this id.
    pub(crate) after: Option<Uuid>,
    /// About this person alone.
    pub(crate) person: Option<PersonId>,
}

/// The next rows of a table, and the id of the last; none at its end.
pub(crate) async fn part(tx: &ScopedTx, table: &str, cut: &Cut) -> Result<(Vec<String>, Option<Uuid>), StoreError> {
    match table {
        "tenants" => rows::<tenants::Entity>(tx, cut).await,
        "org_unit_states" => rows::<states::Entity>(tx, cut).await,
        "people" => rows::<people::Entity>(tx, cut).await,
        "employments" => rows::<employments::Entity>(tx, cut).await,
        "leaves" => rows::<leaves::Entity>(tx, cut).await,
        "reporting_lines" => rows::<lines::Entity>(tx, cut).await,
        "catalogue_entries" => rows::<entries::Entity>(tx, cut).await,
        "grants" => rows::<grants::Entity>(tx, cut).await,
        _ => Err(Error::internal(format!("no table {table}")).into()),
    }
}

async fn rows<E>(tx: &ScopedTx, cut: &Cut) -> Result<(Vec<String>, Option<Uuid>), StoreError>
where
    E: Scoped,
    E::Model: Serialize + Send + Sync,
{
    let column = |name: &str| E::Column::from_str(name).map_err(|_| Error::internal(format!("no column {name}")));
    let (id, recorded) = (column("id")?, column("recorded_at")?);
    let mut found = tx.select::<E>().filter(recorded.lte(to_db(cut.until)));
    if let Some(after) = cut.after {
        found = found.filter(id.gt(after));
    }
    if let Some(person) = cut.person {
        // What tells of nobody is not about somebody.
        let Some(about) = E::person_column() else { return Ok((Vec::new(), None)) };
        found = found.filter(about.eq(person.0));
    }
    let (mut told, mut last) = (Vec::new(), None);
    for row in found.order_by_asc(id).limit(ROWS).all().await? {
        let row = serde_json::to_value(&row).map_err(Error::internal)?;
        last = row.get("id").and_then(serde_json::Value::as_str).and_then(|id| Uuid::parse_str(id).ok());
        told.push(row.to_string());
    }
    Ok((told, last))
}
