//! Exports of the group and of what is held about a person.

use futures::Stream;
use tally_access::{OpContext, Permission, Target};
use tally_kernel::id::PersonId;
use tally_kernel::{Error, Result};
use tally_privacy::ExportCursor;
use tally_privacy::ExportedPiece;
use tally_store::Audit;

use crate::person::domain::Key;
use crate::policy::{ExportPerson, ExportTenant};
use crate::privacy::{DATA_TABLES, GROUP};
use crate::{App, person};

/// Rows of one table, each a JSON object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) table: &'static str,
    pub(crate) rows: Vec<String>,
}

/// Everything that identity holds of the group. Sessions are left out, as all that somebody signs in with.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub(crate) async fn group(app: &App, ctx: &OpContext) -> Result<impl Stream<Item = Result<ExportedPiece>> + use<>> {
    let people = DATA_TABLES.iter().filter(|table| table.tells_of_people());
    tally_privacy::export_tenant::<ExportTenant>(&app.store, ctx, GROUP.iter().chain(people).collect()).await
}

/// Everything that identity holds about a person, what is known no longer included. Whoever asks must be allowed to read
/// who the person is wherever the person ever was: for oneself that is always so.
///
/// # Errors
/// `NOT_FOUND` for nobody, and for somebody out of reach.
pub(crate) async fn person(app: &App, ctx: &OpContext, id: PersonId) -> Result<Vec<Part>> {
    let permit = ctx.permit_all::<ExportPerson>([])?;
    let missing = || Error::not_found("person", id);
    let places = person::facts::places(&*app.store.read(ctx).await?, id).await?;
    if places.is_empty() || !places.iter().all(|target| ctx.may(Permission::PersonReadPii, target)) {
        return Err(missing());
    }
    let own = ctx.actor.person() == Some(id);
    let all = |permission| places.iter().all(|target| ctx.may(permission, target));
    let sees = |permission, _: &Target| own || all(permission);
    let found = person::facts::get(&*app.store.read(ctx).await?, &Key::Id(id)).await?.ok_or_else(missing)?;
    let audit = Audit::new("identity.person.export", "person", found.id);
    app.store.unit(ctx, &permit).await?.commit(audit, ()).await?;
    let tx = app.store.read(ctx).await?;
    let mut parts = Vec::new();
    for table in &DATA_TABLES {
        let mut cursor = ExportCursor { until: ctx.now(), after: None, person: Some(id) };
        while let (rows, Some(last)) = table.rows(&tx, &cursor, &sees).await? {
            parts.push(Part { table: table.table(), rows: rows.into_iter().filter_map(|row| row.json).collect() });
            cursor.after = Some(last);
        }
    }
    Ok(parts)
}
