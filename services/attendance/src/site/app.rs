//! Bringing in sites and listing them.

use tally_access::{OpContext, Target};
use tally_app::mutate;
use tally_kernel::Result;
use tally_kernel::page::Page;
use tally_store::UnitOfWork;

use super::domain::{Site, StoredSite};
use super::store;
use crate::app::{App, bulk_audit, sorted};
use crate::import::{Batch, ImportOutcome, reconcile};
use crate::policy::{ImportSites, ListSites};

/// Writes the sites that are new.
pub async fn import_sites(app: &App, ctx: &OpContext, batch: Batch<Site>) -> Result<ImportOutcome> {
    let targets = batch.rows.iter().map(|(_, site)| Target::region(site.region.clone()));
    let permit = ctx.permit_all::<ImportSites>(targets)?;
    mutate(&app.store, ctx, &permit, &batch.request, async |work: UnitOfWork| {
        let mut outcome = ImportOutcome { problems: batch.problems.clone(), ..ImportOutcome::default() };
        let names = batch.rows.iter().map(|(_, site)| site.name.clone()).collect();
        let there = store::named(&work, names).await?;
        let fresh = reconcile(batch.rows.clone(), there, &mut outcome);
        store::insert(&work, ctx, fresh.into_iter().map(|(_, site)| site).collect()).await?;
        let audit = bulk_audit("attendance.site.write", "sites", &batch.request, &outcome);
        Ok((work, audit, sorted(outcome)))
    })
    .await
}

/// A page of sites, and the token of the next.
pub async fn list_sites(app: &App, ctx: &OpContext, page: &Page) -> Result<(Vec<StoredSite>, String)> {
    let plan = ctx.plan::<ListSites>()?;
    let tx = app.store.read(ctx).await?;
    store::page(&tx, &plan, page).await
}
