//! Where records are, for what is kept beside them under their ids.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::BoxFuture;
use jiff::Timestamp;
use sea_orm::ExprTrait as _;
use sea_orm::entity::prelude::*;
use tally_kernel::id::{AccountId, OrgUnitId};
use tally_kernel::{Error, Result};
use tally_store::{ScopedTx, UnitOfWork, among, to_db};

use super::super::domain::Place;
use super::{Column, Entity, Last, beyond, version};

/// Takes what is kept beside records to where the records with these external ids of an account are by now, and to when they began: the rooms
/// that keep it stand above this one.
pub type Follow = for<'a> fn(&'a UnitOfWork, AccountId, BTreeSet<&'a str>) -> BoxFuture<'a, Result<()>>;

type Told = (Uuid, String, String, Option<Uuid>, i64);

/// The records with these external ids of these accounts that are there.
pub async fn places(tx: &ScopedTx, named: &BTreeMap<AccountId, BTreeSet<&str>>) -> Result<Vec<Place>> {
    let mut places = Vec::new();
    for (account, ids) in named {
        let these = Column::AccountId.eq(account.0).and(Column::ExternalId.is_in(ids.iter().copied()));
        let rows: Vec<Told> = tx
            .select::<Entity>()
            .filter(these)
            .rows(|q| {
                let q = q.column(Column::Id).column(Column::ExternalId).column(Column::Region);
                q.column(Column::UnitId).column(Column::StartedMs)
            })
            .await?;
        for (record, id, region, unit, started_ms) in rows {
            let (region, unit) = (region.parse().map_err(Error::internal)?, unit.map(OrgUnitId));
            places.push(Place { record, key: (*account, id), region, unit, started_ms });
        }
    }
    Ok(places)
}

/// The external ids of these records, of those that are there.
pub async fn names(tx: &ScopedTx, records: impl IntoIterator<Item = Uuid>) -> Result<BTreeMap<Uuid, String>> {
    let these = tx.select::<Entity>().filter(among::<Entity>(tx, Column::Id, records));
    let rows: Vec<(Uuid, String)> = these.rows(|q| q.column(Column::Id).column(Column::ExternalId)).await?;
    Ok(rows.into_iter().collect())
}

/// Who was served by a record that has been as it is since before an instant.
pub async fn customer(
    tx: &ScopedTx,
    (account, external_id): (AccountId, &str),
    since: Timestamp,
) -> Result<Option<String>> {
    let these = Column::AccountId.eq(account.0).and(Column::ExternalId.eq(external_id));
    let these = tx.select::<Entity>().filter(these.and(Column::RecordedAt.lte(to_db(since))));
    let rows: Vec<(String, Uuid)> = these.rows(|q| q.column(Column::Customer).column(Column::Id)).await?;
    Ok(rows.into_iter().next().map(|(customer, _)| customer))
}

/// The next sessions of records or of their versions: the same columns of two tables.
macro_rules! sessions {
    ($query:expr, $column:ident, $id:ident, $account:ident, $span:ident, $after:ident, $limit:ident) => {{
        let query = $query.filter($column::AccountId.eq($account.0)).filter($column::StartedMs.lt($span.1));
        let query = match $after {
            None => query.filter($column::StartedMs.gte($span.0)),
            Some(last) => query.filter(beyond(last, $column::StartedMs, $column::ExternalId)),
        };
        let query = query.filter($column::RefersTo.is_null());
        let ordered = query.order_by_asc($column::StartedMs).order_by_asc($column::ExternalId).limit($limit);
        ordered.rows(|q| q.column($column::StartedMs).column($column::ExternalId).column($column::$id)).await?
    }};
}

/// The ids of the next sessions as [`super::collect::collect`] reads them: start, external id, id.
pub async fn sessions(
    tx: &ScopedTx,
    account: AccountId,
    span: (i64, i64),
    known_at: Option<Timestamp>,
    after: Option<&Last>,
    limit: u64,
) -> Result<Vec<(i64, String, Uuid)>> {
    use version::Column as Was;
    let Some(at) = known_at else {
        return Ok(sessions!(tx.select::<Entity>(), Column, Id, account, span, after, limit));
    };
    let known = tx.select::<Entity>().filter(Column::RecordedAt.lte(to_db(at)));
    let mut rows: Vec<(i64, String, Uuid)> = sessions!(known, Column, Id, account, span, after, limit);
    let known = tx.select::<version::Entity>().filter(version::known_at(at));
    let were: Vec<(i64, String, Uuid)> = sessions!(known, Was, RecordId, account, span, after, limit);
    rows.extend(were);
    rows.sort();
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(rows)
}
