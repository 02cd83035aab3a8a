//! Bringing in aliases and listing them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tally_access::OpContext;
use tally_app::import::Import;
use tally_app::mutate;
use tally_kernel::import::{ImportOutcome, reconcile};
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::UnitOfWork;
use uuid::Uuid;

use super::domain::{Alias, StoredAlias, without_overlaps};
use super::store;
use crate::app::{App, bulk_audit, reached, unknown_person, without_removed};
use crate::placed::{Placed, Standing, keyed, without_known};
use crate::policy::{ImportAliases, ListAliases};

/// What nicknames are in the retention schedule.
const ALIASES: &str = "attendance.aliases";

/// Writes the aliases that are new.
pub async fn import_aliases(app: &App, ctx: &OpContext, import: Import<Alias>) -> Result<ImportOutcome> {
    ctx.plan::<ImportAliases>()?;
    let people = app.directory.everybody(ctx).await?;
    let mut refused = import.refused;
    let mut rows = Vec::with_capacity(import.rows.len());
    for (index, fact) in import.rows {
        let person = people.get(fact.person);
        let today = || person.map(|p| p.zone.to_datetime(ctx.now()).date());
        match fact.from.or_else(today).and_then(|day| person?.home(day)) {
            Some(home) => rows.push((index, Placed { home: home.into(), fact })),
            None => refused.problems.push(unknown_person(index, fact.person)),
        }
    }
    // Whom a nickname means is said by whom the team was under when it began.
    let target = |row: &Placed<Alias>| {
        let target = row.home.target(row.fact.person);
        row.fact.from.map_or(target.clone(), |from| target.on(from))
    };
    let (rows, permit) = reached::<ImportAliases, _>(ctx, rows, &mut refused, target)?;
    let terms = app.terms(ctx, ALIASES, rows.iter().map(|(_, row)| row.fact.last()).min()).await?;
    // It stays for all of the day in which the edge lies.
    let today = ctx.now().to_zoned(TimeZone::UTC).start_of_day().map_err(Error::internal)?.timestamp();
    mutate(&app.store, ctx, &permit, &import.request, async |work: UnitOfWork| {
        let mut outcome = refused.clone();
        let nicknames = rows.iter().map(|(_, row)| row.fact.alias.clone()).collect();
        // A correction writes a key that may be there already.
        work.lock("aliases", Uuid::nil()).await?;
        let there = store::nicknamed(&work, nicknames).await?;
        let rows = without_known(rows.clone(), &there, &mut outcome);
        let ends = |alias: &Alias| (alias.person, alias.last());
        let rows = without_removed(rows, &there, (terms.as_ref(), ALIASES, today), ends, &mut outcome)?;
        let fresh = reconcile(rows, keyed(&there), &mut outcome);
        let fresh = without_overlaps(fresh, &there, &mut outcome);
        store::insert(&work, ctx, fresh).await?;
        let audit = bulk_audit("attendance.alias.write", "aliases", &import.request, &outcome);
        Ok((work, audit, outcome.in_order()))
    })
    .await
}

/// A page of aliases, as known at an instant or now, and the token of the next.
pub async fn list_aliases(
    app: &App,
    ctx: &OpContext,
    known: Option<Timestamp>,
    page: &Page,
) -> Result<(Vec<(StoredAlias, Standing)>, String)> {
    let plan = ctx.plan::<ListAliases>()?;
    let tx = app.store.read(ctx).await?;
    store::page(&tx, &plan, page, known).await
}
