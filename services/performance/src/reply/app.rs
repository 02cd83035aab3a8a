//! Bringing in messages of records, and reading them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use tally_access::{OpContext, Rpc};
use tally_app::import::{Import, bulk_audit};
use tally_app::mutate;
use tally_kernel::id::AccountId;
use tally_kernel::import::ImportOutcome;
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_privacy::Removed;
use tally_store::{ScopedTx, from_db};

use super::domain::{Change, Key, Reply, Row, RowError, extend};
use super::store::{self, Asked};
use crate::App;
use crate::policy::ListReplies;
use crate::record::domain::{KEPT_AS, Place};
use crate::record::facts::{self as records, What};

/// Writes messages, for an import or a part of a stream. Those that are there already are left alone, others come to them; a row of a record
/// that is not there, or is beyond reach, is refused by itself.
pub async fn import<R: Rpc>(app: &App, ctx: &OpContext, import: Import<Row>) -> Result<ImportOutcome> {
    ctx.plan::<R>()?;
    let Import { request, rows, refused } = import;
    let found = { places(&*app.store.read(ctx).await?, &rows).await? };
    let missing = rows.iter().filter(|(_, row)| !found.contains_key(&row.key));
    let oldest = missing.filter_map(|(_, row)| row.first_ms()).min();
    let terms = app.kept.terms(ctx, oldest.map(instant).transpose()?).await?;
    let (permit, ..) = ctx.permit_those::<R, _>(targets(found)?)?;
    mutate(&app.store, ctx, &permit, &request, async |work| {
        let mut outcome = refused.clone();
        // A record is not moved, and gets no other messages, meanwhile.
        let accounts: BTreeSet<AccountId> = rows.iter().map(|(_, row)| row.key.0).collect();
        for account in accounts {
            records::lock(&work, account).await?;
        }
        let (_, reached, _) = ctx.permit_those::<R, _>(targets(places(&work, &rows).await?)?)?;
        let reached = reached.into_iter().map(|place| (place.key.clone(), place)).collect();
        let removed = Removed::of(terms.as_ref(), KEPT_AS, ctx.now());
        let rows = placed(rows.clone(), &reached, &removed, &mut outcome)?;
        let there = store::there(&work, rows.iter().map(|(_, place, _)| place.record)).await?;
        let changes = extend(rows, there, &mut outcome);
        store::apply(&work, ctx, &changes).await?;
        // Whoever computed with these records finds what is another now.
        let each = changes.iter().map(|Change { place, .. }| (place.source(), place.started_ms));
        records::note_each(&work, ctx, What::Replied, each).await?;
        let audit = bulk_audit("performance.reply.import", "replies", &request, &outcome);
        Ok((work, audit, outcome.in_order()))
    })
    .await
}

fn instant(ms: i64) -> Result<Timestamp> {
    Timestamp::from_millisecond(ms).map_err(Error::internal)
}

type Places = BTreeMap<Key, Place>;

/// Where the records of rows are, of those that are there.
async fn places(tx: &ScopedTx, rows: &[(u32, Row)]) -> Result<Places> {
    let mut named: BTreeMap<AccountId, BTreeSet<&str>> = BTreeMap::new();
    for (_, Row { key: (account, id), .. }) in rows {
        named.entry(*account).or_default().insert(id);
    }
    let places = records::places(tx, &named).await?;
    Ok(places.into_iter().map(|place| (place.key.clone(), place)).collect())
}

fn targets(places: Places) -> Result<Vec<(Place, tally_access::Target)>> {
    places.into_values().map(|place| place.target().map(|target| (place, target))).collect()
}

/// The rows with their records. Of a record that is not there it is told whether it would be kept at all; whether one is there that is beyond reach,
/// is told to nobody.
fn placed(
    rows: Vec<(u32, Row)>,
    reached: &Places,
    removed: &Removed<'_>,
    outcome: &mut ImportOutcome,
) -> Result<Vec<(u32, Place, Row)>> {
    let mut placed = Vec::with_capacity(rows.len());
    for (index, row) in rows {
        if let Some(place) = reached.get(&row.key) {
            placed.push((index, place.clone(), row));
            continue;
        }
        let day = row.first_ms().map(|ms| removed.before(None, instant(ms)?)).transpose()?.flatten();
        let id = row.key.1;
        let wrong = day.map_or_else(|| RowError::Unknown(id.clone()), |day| RowError::Purged(id.clone(), day));
        outcome.problems.push(wrong.of(index));
    }
    Ok(placed)
}

/// Messages of a record as they are told: all of them, or as many as fit.
#[derive(Debug)]
pub struct Told {
    pub key: Key,
    pub replies: Vec<Reply>,
    pub recorded_at: Timestamp,
}

/// A page of the messages of an account's records, by start, or of one record; as they were known at an instant, if one is said.
pub async fn list_replies(
    app: &App,
    ctx: &OpContext,
    (account, span, external_id): (AccountId, (i64, i64), Option<&str>),
    known_at: Option<Timestamp>,
    page: &Page,
) -> Result<(Vec<Told>, String)> {
    let plan = ctx.plan::<ListReplies>()?;
    let tx = app.store.read(ctx).await?;
    let record = match external_id {
        None => None,
        Some(id) => {
            let named = BTreeMap::from([(account, BTreeSet::from([id]))]);
            let Some(place) = records::places(&tx, &named).await?.pop() else { return Ok(Default::default()) };
            Some(place.record)
        }
    };
    let (parts, next) = store::page(&tx, &plan, &Asked { account, span, record, known_at }, page).await?;
    // Of a record that was withdrawn nothing is told.
    let names = records::names(&tx, parts.iter().map(|part| part.record)).await?;
    let mut told = Vec::with_capacity(parts.len());
    for part in parts {
        let Some(id) = names.get(&part.record) else { continue };
        let (key, recorded_at) = ((account, id.clone()), from_db(part.recorded_at)?);
        told.push(Told { key, replies: part.replies, recorded_at });
    }
    Ok((told, next))
}
