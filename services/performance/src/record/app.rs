//! Bringing in service records, and reading them.

use tally_access::{OpContext, Target};
use tally_kernel::id::AccountId;
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::Audit;

use super::domain::{Import, Imported, Record, Rows};
use super::store;
use crate::App;
use crate::policy::{GetRecord, ImportRecords, ListRecords};

/// Writes records of one account. What is there already with the same content is left alone, what differs is refused row
/// by row, everything else is written.
pub async fn import_records(app: &App, ctx: &OpContext, import: Import) -> Result<Imported> {
    let target = Target { region: Some(import.region.clone()), unit: import.unit, person: None };
    let permit = ctx.permit::<ImportRecords>(&target)?;
    app.accounts.check(app, ctx, import.account, &import.region, import.unit).await?;
    let rows = Rows::of(import.rows);
    let body = rows.digest(import.account, &import.region, import.unit);
    app.store
        .retry(ctx, || async {
            let mut work = app.store.unit(ctx, &permit).await?;
            if let Some(done) = work.replay::<Imported>(&import.request_id, &body).await? {
                return Ok(done);
            }
            let there = store::contents(&work, import.account, &rows.good).await?;
            let verdict = rows.judge(|id| there.get(id).copied());
            store::insert(&work, ctx, import.account, &import.region, import.unit, &verdict.new).await?;
            let imported = Imported::from(verdict);
            let audit = Audit::new("performance.record.import", "account", import.account).region(&import.region);
            let audit = audit.after(&body).note("written", imported.written).note("unchanged", imported.unchanged);
            work.commit(audit.note("refused", imported.problems.len()), imported).await
        })
        .await
}

/// One record, by the platform's own id.
pub async fn get_record(app: &App, ctx: &OpContext, account: AccountId, external_id: &str) -> Result<(String, Record)> {
    let plan = ctx.plan::<GetRecord>()?;
    let tx = app.store.read(ctx).await?;
    let found = store::find(&tx, &plan, account, external_id).await?;
    found.map(|row| (row.id.to_string(), row.into())).ok_or_else(|| Error::not_found("record", external_id))
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
    Ok((rows.into_iter().map(|row| (row.id.to_string(), row.into())).collect(), next))
}
