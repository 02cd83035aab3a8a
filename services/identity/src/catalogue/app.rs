//! Writing and listing positions and grades.

use jiff::Timestamp;
use jiff::civil::Date;
use tally_access::{OpContext, Region, Target};
use tally_app::import::Import;
use tally_app::mutate;
use tally_kernel::Result;
use tally_kernel::import::ImportOutcome;
use tally_kernel::page::Page;
use tally_store::Audit;

use super::domain::{self, Entry, EntryRow};
use super::store;
use crate::policy::{ImportCatalogue, ListCatalogue};
use crate::{App, tenant};

/// Writes positions and grades of the group. Rows that cannot be written are told apart; the others are written.
///
/// # Errors
/// `PERMISSION_DENIED` for whoever does not lay down what holds for the whole group.
pub(crate) async fn import(app: &App, ctx: &OpContext, wanted: &Import<EntryRow>) -> Result<ImportOutcome> {
    let permit = ctx.permit::<ImportCatalogue>(&Target::region(Region::global()))?;
    mutate(&app.store, ctx, &permit, &wanted.request, async |work| {
        work.lock("catalogue", ctx.tenant().0).await?;
        let plan = domain::plan_import(&store::get(&work, None).await?, &wanted.rows, || ctx.new_id());
        store::change(&work, ctx, ctx.now(), &plan.change).await?;
        let audit = Audit::new("identity.catalogue.import", "catalogue", "import").note("written", plan.written);
        let outcome = ImportOutcome::new(plan.written, plan.unchanged, plan.problems);
        Ok((work, audit.after(wanted.request.digest()), outcome))
    })
    .await
}

/// Positions and grades of a day, as they were known at an instant: grades up the ladder,
/// then positions.
///
/// # Errors
/// `PERMISSION_DENIED` when the caller reads nothing of the group.
pub(crate) async fn list(
    app: &App,
    ctx: &OpContext,
    as_of: Option<Date>,
    known_at: Option<Timestamp>,
    page: &Page,
) -> Result<(Vec<Entry>, String)> {
    ctx.plan::<ListCatalogue>()?;
    let tx = app.store.read(ctx).await?;
    let day = match as_of {
        Some(day) => day,
        None => tenant::facts::today(&tx, ctx).await?,
    };
    let mut entries = store::get(&tx, known_at).await?.as_of(day);
    entries.retain(|entry| page.after.as_ref().is_none_or(|after| entry.key() > *after));
    entries.truncate(page.size as usize + 1);
    let next = page.cut(&mut entries, Entry::key);
    Ok((entries, next))
}
