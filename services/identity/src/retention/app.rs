//! Setting and reading the schedule, and removing what is over here.

use tally_access::{OpContext, Target};
use tally_app::{RequestKey, mutate};
use tally_kernel::{Error, Result};
use tally_privacy::{Kind, Ran, Terms};
use tally_store::Audit;
use uuid::Uuid;

use super::domain::{self, Retention};
use super::store;
use crate::policy::{ListRetention, RunRetention, SetRetention};
use crate::{App, hold, privacy};

#[derive(Clone, Debug)]
pub(crate) struct Set {
    pub(crate) request: RequestKey,
    pub(crate) kind: String,
    pub(crate) months: u32,
    pub(crate) reason: String,
}

/// Sets how long the group keeps a kind of data.
///
/// # Errors
/// `RETENTION_KIND_UNKNOWN`, `RETENTION_OUT_OF_BOUNDS`, `PERMISSION_DENIED`.
pub(crate) async fn set(app: &App, ctx: &OpContext, wanted: &Set) -> Result<(&'static Kind, Retention)> {
    let permit = ctx.permit::<SetRetention>(&Target::tenant())?;
    let kind = domain::judge(&wanted.kind, wanted.months)?;
    let set = mutate(&app.store, ctx, &permit, &wanted.request, async |work| {
        // Of two calls at once each would raise what the other found.
        work.lock("retentions", Uuid::nil()).await?;
        let was = domain::of_kind(&store::all(&work).await?, kind.name);
        let was = was.ok_or_else(|| Error::internal(format_args!("no retention of {}", kind.name)))?;
        let before = was.months;
        let new = was.set(wanted.months, wanted.reason.clone(), ctx.now())?;
        store::put(&work, ctx, &new).await?;
        let audit = Audit::new("identity.retention.set", "retention", kind.name);
        Ok((work, audit.note("before", before).note("after", wanted.months), new))
    });
    Ok((kind, set.await?))
}

/// The schedule as it holds.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub(crate) async fn list(app: &App, ctx: &OpContext) -> Result<Vec<(&'static Kind, Retention)>> {
    ctx.permit::<ListRetention>(&Target::tenant())?;
    Ok(domain::schedule(&store::all(&*app.store.read(ctx).await?).await?))
}

/// Removes what is over here.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub(crate) async fn run(app: &App, ctx: &OpContext) -> Result<Ran> {
    ctx.permit::<RunRetention>(&Target::tenant())?;
    let terms = {
        let tx = app.store.read(ctx).await?;
        let schedule = domain::schedule(&store::all(&tx).await?);
        let holds = hold::facts::standing(&tx).await?;
        Terms {
            months: schedule.into_iter().map(|(kind, one)| (kind.name.to_owned(), one.months)).collect(),
            everybody: holds.iter().any(|hold| hold.person.is_none()),
            people: holds.iter().filter_map(|hold| hold.person).collect(),
            ..Terms::default()
        }
    };
    tally_privacy::run::<RunRetention>(&app.store, ctx, &terms, &privacy::DATA_TABLES).await
}
