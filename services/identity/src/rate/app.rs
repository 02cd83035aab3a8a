//! Writing and listing rates.

use jiff::civil::Date;
use tally_access::{OpContext, Region, Target};
use tally_app::import::{self, Import};
use tally_app::mutate;
use tally_kernel::import::ImportOutcome;
use tally_kernel::page::Page;
use tally_kernel::{Currency, Error, Result};
use tally_store::Audit;

use super::domain::{self, Known, Sourced};
use super::store::{self, Versions};
use crate::App;
use crate::policy::{ListRates, SetRates};

/// Writes rates of the group. Rows that cannot be read are told apart; the others are written.
///
/// # Errors
/// `PERMISSION_DENIED` for whoever does not lay down what holds for the whole group.
pub(crate) async fn set(app: &App, ctx: &OpContext, wanted: &Import<Sourced>) -> Result<ImportOutcome> {
    let permit = ctx.permit::<SetRates>(&Target::region(Region::global()))?;
    mutate(&app.store, ctx, &permit, &wanted.request, async |work| {
        work.lock("rates", ctx.tenant().0).await?;
        let known = store::get(&work, None, None, Versions::Counting).await?;
        let plan = domain::plan(&known, wanted.rows.iter().map(|(_, said)| said.clone()));
        let counted = |rows: usize| u32::try_from(rows).map_err(Error::internal);
        let (written, unchanged) = (counted(plan.writes.len())?, counted(plan.unchanged)?);
        let outcome = ImportOutcome { written, unchanged, ..wanted.refused.clone() };
        store::change(&work, ctx, ctx.now(), plan).await?;
        let audit = import::audit(&outcome, Audit::new("identity.rate.set", "rate", "import"), &wanted.request);
        Ok((work, audit, outcome))
    })
    .await
}

/// What is asked of rates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    /// First day.
    pub from: Option<Date>,
    /// Last day.
    pub to: Option<Date>,
    /// On either side.
    pub currency: Option<Currency>,
    pub versions: Versions,
}

/// Rates that hold on some day of a stretch.
///
/// # Errors
/// `PERMISSION_DENIED` when the caller reads nothing of the group.
pub(crate) async fn list(app: &App, ctx: &OpContext, asked: Question, page: &Page) -> Result<(Vec<Known>, String)> {
    ctx.plan::<ListRates>()?;
    let tx = app.store.read(ctx).await?;
    let known = store::get(&tx, asked.currency, asked.to, asked.versions).await?;
    let mut rates = domain::between(known, asked.from, asked.to);
    rates.retain(|rate| page.after.as_ref().is_none_or(|after| rate.key() > *after));
    rates.truncate(page.size as usize + 1);
    let next = page.cut(&mut rates, Known::key);
    Ok((rates, next))
}
