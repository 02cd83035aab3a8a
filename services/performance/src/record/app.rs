//! Bringing in service records, and reading them.

use tally_access::{OpContext, Target};
use tally_app::import::Import;
use tally_app::mutate;
use tally_kernel::id::AccountId;
use tally_kernel::import::{ImportOutcome, reconcile};
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::Audit;

use super::domain::{Record, Row, Source};
use super::store;
use crate::App;
use crate::policy::{GetRecord, ImportRecords, ListRecords};

/// Writes records of one account. What is there already with the same content is left alone, what differs is refused row
/// by row, everything else is written.
pub async fn import_records(app: &App, ctx: &OpContext, of: &Source, import: Import<Row>) -> Result<ImportOutcome> {
    let target = Target { region: Some(of.region.clone()), unit: of.unit, person: None };
    let permit = ctx.permit::<ImportRecords>(&target)?;
    app.accounts.check(&app.peers, ctx, of.account, &of.region, of.unit).await?;
    let mut rows = import.rows;
    rows.sort_by(|(a, x), (b, y)| (&x.record.external_id, a).cmp(&(&y.record.external_id, b)));
    mutate(&app.store, ctx, &permit, &import.request, async |work| {
        let mut outcome = import.refused.clone();
        let there = store::said(&work, of.account, &rows).await?;
        let fresh = reconcile(rows.clone(), there, &mut outcome);
        store::insert(&work, ctx, of, fresh).await?;
        let audit = Audit::new("performance.record.import", "account", of.account).region(&of.region);
        Ok((work, tally_app::import::audit(&outcome, audit, &import.request), outcome.in_order()))
    })
    .await
}

/// One record, by the platform's own id.
pub async fn get_record(app: &App, ctx: &OpContext, account: AccountId, external_id: &str) -> Result<(String, Record)> {
    let plan = ctx.plan::<GetRecord>()?;
    let tx = app.store.read(ctx).await?;
    let found = store::find(&tx, &plan, account, external_id).await?;
    let row = found.ok_or_else(|| Error::not_found("record", external_id))?;
    Ok((row.id.to_string(), row.try_into()?))
}

/// A page of an account's records, by start; each with its id.
pub async fn list_records(
    app: &App,
    ctx: &OpContext,
    account: AccountId,
    span: (i64, i64),
    page: &Page,
) -> Result<(Vec<(String, Record)>, String)> {
    let plan = ctx.plan::<ListRecords>()?;
    let tx = app.store.read(ctx).await?;
    let (rows, next) = store::page(&tx, &plan, account, span, page).await?;
    let record = |row: store::Model| Ok((row.id.to_string(), row.try_into()?));
    Ok((rows.into_iter().map(record).collect::<Result<_>>()?, next))
}
