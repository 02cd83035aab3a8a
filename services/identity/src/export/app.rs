//! Exports of the group and of what is held about a person.

use std::sync::Arc;

use futures::{Stream, stream};
use tally_access::{OpContext, Permission, Target};
use tally_kernel::id::PersonId;
use tally_kernel::{Error, Result};
use tally_store::{Audit, Cut, Holding, ScopedTx, StoreError};

use super::store::{GROUP, HOLDINGS};
use crate::person::store::Key;
use crate::policy::{ExportPerson, ExportTenant};
use crate::{App, person};

/// Rows of one table, each a JSON object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) table: &'static str,
    pub(crate) rows: Vec<String>,
}

/// Everything that identity holds of the group as of now, table by table, in the order of ids. Later changes are not in
/// it, however long it takes. Logins are left out: what somebody signs in with is nobody else's.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub(crate) async fn group(app: &Arc<App>, ctx: &OpContext) -> Result<impl Stream<Item = Result<Part>> + use<>> {
    let permit = ctx.permit::<ExportTenant>(&Target::tenant())?;
    let audit = Audit::new("identity.tenant.export", "tenant", ctx.tenant());
    app.store.unit(ctx, &permit).await?.commit(audit, ()).await?;
    let begin = Cut { until: ctx.now(), after: None, person: None, opened: false };
    let (app, ctx) = (Arc::clone(app), ctx.clone());
    Ok(stream::try_unfold((0, begin), move |(mut at, mut cut)| {
        let (app, ctx) = (Arc::clone(&app), ctx.clone());
        async move {
            while let Some(table) = GROUP.get(at) {
                let tx = app.store.read(&ctx).await?;
                if let Some(part) = part(&tx, table, &mut cut).await? {
                    return Ok(Some((part, (at, cut))));
                }
                (at, cut.after) = (at + 1, None);
            }
            Ok(None)
        }
    }))
}

/// Everything that identity holds about a person, what is known no longer included. Whoever asks must be allowed to read
/// who the person is wherever the person ever was: for oneself that is always so.
///
/// # Errors
/// `NOT_FOUND` for nobody, and for somebody out of reach.
pub(crate) async fn person(app: &App, ctx: &OpContext, id: PersonId) -> Result<Vec<Part>> {
    let permit = ctx.permit_all::<ExportPerson>([])?;
    let missing = || Error::not_found("person", id);
    let places = person::store::places(&*app.store.read(ctx).await?, id).await?;
    if places.is_empty() || !places.iter().all(|target| ctx.may(Permission::PersonReadPii, target)) {
        return Err(missing());
    }
    let own = ctx.actor.person() == Some(id);
    let all = |permission| places.iter().all(|target| ctx.may(permission, target));
    let opened = own || (all(Permission::PersonReadIdNumber) && all(Permission::LeaveReadMedical));
    let found = person::store::get(&*app.store.read(ctx).await?, &Key::Id(id)).await?.ok_or_else(missing)?;
    let audit = Audit::new("identity.person.export", "person", found.id);
    app.store.unit(ctx, &permit).await?.commit(audit, ()).await?;
    let tx = app.store.read(ctx).await?;
    let mut parts = Vec::new();
    for table in &HOLDINGS {
        let mut cut = Cut { until: ctx.now(), after: None, person: Some(id), opened };
        while let Some(part) = part(&tx, table, &mut cut).await? {
            parts.push(part);
        }
    }
    Ok(parts)
}

/// The next rows of a table, and the cut after them; nothing at its end.
async fn part(tx: &ScopedTx, table: &Holding, cut: &mut Cut) -> Result<Option<Part>, StoreError> {
    let (rows, last) = table.rows(tx, cut).await?;
    cut.after = last;
    let rows = rows.into_iter().map(|row| row.json).collect();
    Ok(last.map(|_| Part { table: table.table(), rows }))
}
