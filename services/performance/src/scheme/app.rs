//! Writing scheme versions, and reading them. What makes one sound is in `tally_engine::scoring`.

use tally_access::{OpContext, Region, Target};
use tally_app::{RequestKey, mutate};
use tally_kernel::id::SchemeId;
use tally_kernel::page::Page;
use tally_kernel::{Error, Result};
use tally_store::{Audit, digest};

use super::store;
use crate::App;
use crate::policy::{CreateSchemeVersion, GetScheme, ListSchemes};
use tally_engine::scoring::{CardError, Scheme};

/// Writes a new version; versions never change afterwards.
pub async fn create_version(
    app: &App,
    ctx: &OpContext,
    request: &RequestKey,
    scheme: Scheme,
) -> Result<(SchemeId, Scheme)> {
    let permit = ctx.permit::<CreateSchemeVersion>(&Target::region(Region::global()))?;
    scheme.validate(None).map_err(CardError::Scheme)?;
    let body = digest(serde_json::to_string(&scheme).map_err(Error::internal)?.as_bytes());
    mutate(&app.store, ctx, &permit, request, async |work| {
        let (id, written) = store::append(&work, ctx, scheme.clone()).await?;
        let audit = Audit::new("performance.scheme.write", "scheme", id).after(&body);
        Ok((work, audit.note("version", written.version), (id, written)))
    })
    .await
}

/// One version; 0 is the newest.
pub async fn get_scheme(app: &App, ctx: &OpContext, id: SchemeId, version: u32) -> Result<Scheme> {
    let plan = ctx.plan::<GetScheme>()?;
    let tx = app.store.read(ctx).await?;
    store::find(&tx, &plan, id, version).await?.ok_or_else(|| Error::not_found("scheme", id))
}

/// A page of schemes, each with its newest version.
pub async fn list_schemes(app: &App, ctx: &OpContext, page: &Page) -> Result<(Vec<(SchemeId, Scheme)>, String)> {
    let plan = ctx.plan::<ListSchemes>()?;
    let tx = app.store.read(ctx).await?;
    store::page(&tx, &plan, page).await
}
