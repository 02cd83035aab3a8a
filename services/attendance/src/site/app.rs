//! Bringing in sites and listing them.

use tally_access::{OpContext, Target};
use tally_kernel::Result;
use tally_kernel::page::Page;

use super::domain::{Site, StoredSite};
use super::store;
use crate::app::{App, bulk_audit, sorted};
use crate::import::{Batch, Outcome, reconcile};
use crate::policy::{ImportSites, ListSites};

/// Writes the sites that are new.
pub async fn import_sites(app: &App, ctx: &OpContext, batch: Batch<Site>) -> Result<Outcome> {
    let targets = batch.rows.iter().map(|(_, site)| Target::region(site.region.clone()));
    let permit = ctx.permit_all::<ImportSites>(targets)?;
    app.store
        .retry(ctx, || async {
            let mut unit = app.store.unit(ctx, &permit).await?;
            if let Some(done) = unit.replay::<Outcome>(&batch.request_id, &batch.body).await? {
                return Ok(done);
            }
            let mut outcome = Outcome { problems: batch.problems.clone(), ..Outcome::default() };
            let names = batch.rows.iter().map(|(_, site)| site.name.clone()).collect();
            let there = store::named(&unit, names).await?;
            let fresh = reconcile(batch.rows.clone(), there, &mut outcome);
            store::insert(&unit, ctx, fresh.into_iter().map(|(_, site)| site).collect()).await?;
            let audit = bulk_audit("attendance.site.write", "sites", &batch.body, &outcome);
            unit.commit(audit, sorted(outcome)).await
        })
        .await
}

/// A page of sites, and the token of the next.
pub async fn list_sites(app: &App, ctx: &OpContext, page: &Page) -> Result<(Vec<StoredSite>, String)> {
    let plan = ctx.plan::<ListSites>()?;
    let tx = app.store.read(ctx).await?;
    store::page(&tx, &plan, page).await
}
