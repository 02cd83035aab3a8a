//! Bringing in aliases and listing them.

use jiff::Timestamp;
use tally_access::OpContext;
use tally_app::import::{Import, bulk_audit};
use tally_app::mutate;
use tally_kernel::Result;
use tally_kernel::import::{ImportOutcome, reconcile};
use tally_kernel::page::Page;
use tally_store::UnitOfWork;
use uuid::Uuid;

use super::domain::{Alias, without_overlaps};
use super::store;
use crate::app::{ALIASES, App, reached, unknown_person, without_removed};
use crate::days;
use crate::placed::{Placed, Stored, keyed, without_known};
use crate::policy::{ImportAliases, ListAliases};

/// Writes the aliases that are new.
pub async fn import_aliases(app: &App, ctx: &OpContext, import: Import<Alias>) -> Result<ImportOutcome> {
    ctx.plan::<ImportAliases>()?;
    let people = app.directory.everybody(ctx).await?;
    let mut refused = import.refused;
    let mut rows = Vec::with_capacity(import.rows.len());
    for (index, fact) in import.rows {
        match people.get(fact.person).and_then(|person| days::home(person, fact.from, ctx.now())) {
            Some(home) => rows.push((index, Placed { home: home.into(), fact })),
            None => refused.problems.push(unknown_person(index, fact.person)),
        }
    }
    let target = |row: &Placed<Alias>| row.home.target_from(Some(row.fact.person), row.fact.from);
    let (rows, permit) = reached::<ImportAliases, _>(ctx, rows, &mut refused, target)?;
    let terms = app.terms(ctx, ALIASES, rows.iter().map(|(_, row)| days::last(row.fact.to)).min()).await?;
    let today = days::today(ctx.now())?;
    mutate(&app.store, ctx, &permit, &import.request, async |work: UnitOfWork| {
        let mut outcome = refused.clone();
        let nicknames = rows.iter().map(|(_, row)| row.fact.alias.clone()).collect();
        // A correction writes a key that may be there already.
        work.lock("aliases", Uuid::nil()).await?;
        let there = store::nicknamed(&work, nicknames).await?;
        let rows = without_known(rows.clone(), &there, &mut outcome);
        let ends = |alias: &Alias| (alias.person, days::last(alias.to));
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
) -> Result<(Vec<Stored<Alias>>, String)> {
    let plan = ctx.plan::<ListAliases>()?;
    let tx = app.store.read(ctx).await?;
    store::page(&tx, &plan, page, known).await
}
