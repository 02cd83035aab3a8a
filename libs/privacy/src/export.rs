//! All that a service holds about a person, as JSON.

use crate::tables::{DataTable, ExportCursor};
use tally_access::{OpContext, Permission, Rpc, Target};
use tally_api::common::v1 as common;
use tally_kernel::id::PersonId;
use tally_kernel::{Error, Result};
use tally_store::{Audit, Store};

/// The tables with their rows, and whether there are others beyond reach. Whoever asks must be allowed to read who the person is where some of
/// these rows were written; a row is shown to the person, and to whoever may read that there and holds what opens its table. Where only the
/// latter is missing it is counted as withheld; of which tables the others are, and how many, would tell what another branch knows.
/// Asking leaves an entry in the audit log before anything leaves.
///
/// # Errors
/// `NOT_FOUND` for somebody of whom nothing is in reach, whether anything is held or not; `PERMISSION_DENIED`.
pub async fn export<R: Rpc>(
    store: &Store,
    ctx: &OpContext,
    person: PersonId,
    data_tables: &[DataTable],
) -> Result<(Vec<common::ExportedTable>, bool)> {
    ctx.permit_all::<R>([])?;
    let own = ctx.actor.person() == Some(person);
    let sees = |permission, target: &Target| own || ctx.may(permission, target);
    let mut parts = Vec::new();
    let (mut rows, mut withheld, mut beyond) = (0, 0, 0);
    let (mut reached, mut hidden) = (false, false);
    let tx = store.read(ctx).await?;
    for table in data_tables {
        let mut cursor = ExportCursor { until: ctx.now(), after: None, person: Some(person) };
        while let (found, Some(last)) = table.rows(&tx, &cursor, &sees).await? {
            let mut part = common::ExportedTable { table: table.table().to_owned(), ..Default::default() };
            for row in found {
                let there = own || placed(&row.target).is_none_or(|at| ctx.may(Permission::PersonReadPii, at));
                reached |= there && (own || placed(&row.target).is_some());
                hidden |= !there;
                match row.json {
                    Some(json) if there => part.rows.push(json),
                    None if own || ctx.may(Permission::PersonReadPii, &row.target) => part.withheld += 1,
                    Some(_) | None => beyond += 1,
                }
            }
            rows += part.rows.len();
            withheld += part.withheld;
            parts.extend(Some(part).filter(|part| part.withheld > 0 || !part.rows.is_empty()));
            cursor.after = Some(last);
        }
    }
    drop(tx);
    if hidden && !reached {
        return Err(Error::not_found("person", person));
    }
    // That nothing is held tells something too.
    if parts.is_empty() && !own && !ctx.may(Permission::PersonReadPii, &Target::tenant()) {
        return Err(Error::not_found("person", person));
    }
    let audit = Audit::new("suite.person.export", "person", person).about(person);
    let audit = audit.note("rows", rows).note("withheld", withheld).note("beyond", beyond);
    store.audit_read(ctx, R::METHOD, audit).await?;
    Ok((parts, beyond > 0))
}

/// Where a row was written. One that names no place asks for nothing: it is opened by what opens its table alone.
fn placed(target: &Target) -> Option<&Target> {
    Some(target).filter(|target| target.region.as_ref().is_some_and(|region| !region.is_global()))
}
