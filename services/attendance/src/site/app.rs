//! Bringing in sites and listing them.

use tally_access::{OpContext, Target};
use tally_app::import::{Import, bulk_audit};
use tally_app::mutate;
use tally_kernel::Result;
use tally_kernel::import::{ImportOutcome, Keyed, reconcile};
use tally_kernel::page::Page;
use tally_store::UnitOfWork;

use super::domain::{Site, StoredSite};
use super::store;
use crate::app::App;
use crate::policy::{ImportSites, ListSites};

/// Writes the sites that are new.
pub async fn import_sites(app: &App, ctx: &OpContext, import: Import<Site>) -> Result<ImportOutcome> {
    let targets = import.rows.iter().map(|(_, site)| Target::region(site.region.clone()));
    let permit = ctx.permit_all::<ImportSites>(targets)?;
    mutate(&app.store, ctx, &permit, &import.request, async |work: UnitOfWork| {
        let mut outcome = import.refused.clone();
        let names = import.rows.iter().map(|(_, site)| site.name.clone()).collect();
        let there = store::named(&work, names).await?;
        let fresh = reconcile(import.rows.clone(), there.iter().map(Keyed::known), &mut outcome);
        store::insert(&work, ctx, fresh.into_iter().map(|(_, site)| site).collect()).await?;
        let audit = bulk_audit("attendance.site.write", "sites", &import.request, &outcome);
        Ok((work, audit, outcome.in_order()))
    })
    .await
}

/// A page of sites, and the token of the next.
pub async fn list_sites(app: &App, ctx: &OpContext, page: &Page) -> Result<(Vec<StoredSite>, String)> {
    let plan = ctx.plan::<ListSites>()?;
    let tx = app.store.read(ctx).await?;
    store::page(&tx, &plan, page).await
}
