//! All that a service holds about a person, as JSON.

use crate::tables::{DataTable, ExportCursor};
use tally_access::{OpContext, Permission, Region, Rpc, Target};
use tally_api::common::v1 as common;
use tally_kernel::id::PersonId;
use tally_kernel::{Error, Result};
use tally_store::{Audit, Store};

/// The tables with their rows. Whoever asks must be allowed to read who the person is wherever these rows were written; a
/// row is shown to the person, and to whoever holds what opens its table there, and counted as withheld otherwise. Asking
/// leaves an entry in the audit log before anything leaves.
///
/// # Errors
/// `NOT_FOUND` for somebody out of reach or of whom nothing is held; `PERMISSION_DENIED`.
pub async fn export<R: Rpc>(
    store: &Store,
    ctx: &OpContext,
    person: PersonId,
    data_tables: &[DataTable],
) -> Result<Vec<common::ExportedTable>> {
    ctx.permit_all::<R>([])?;
    let own = ctx.actor.person() == Some(person);
    let sees = |permission, target: &Target| own || ctx.may(permission, target);
    let mut parts = Vec::new();
    let (mut rows, mut withheld) = (0, 0);
    let tx = store.read(ctx).await?;
    for table in data_tables {
        let mut cursor = ExportCursor { until: ctx.now(), after: None, person: Some(person) };
        while let (found, Some(last)) = table.rows(&tx, &cursor, &sees).await? {
            let mut part = common::ExportedTable { table: table.table().to_owned(), ..Default::default() };
            for row in found {
                if !own && !in_reach(ctx, &row.target) {
                    return Err(Error::not_found("person", person));
                }
                match row.json {
                    Some(json) => part.rows.push(json),
                    None => part.withheld += 1,
                }
            }
            rows += part.rows.len();
            withheld += part.withheld;
            parts.push(part);
            cursor.after = Some(last);
        }
    }
    drop(tx);
    // That nothing is held tells something too.
    if parts.is_empty() && !own && !ctx.may(Permission::PersonReadPii, &Target::tenant()) {
        return Err(Error::not_found("person", person));
    }
    let audit = Audit::new("suite.person.export", "person", person).about(person);
    store.audit_read(ctx, R::METHOD, audit.note("rows", rows).note("withheld", withheld)).await?;
    Ok(parts)
}

/// Whether the caller may read who the person is where a row was written. Rows that name no place ask for nothing: they are
/// opened by what opens their table alone.
fn in_reach(ctx: &OpContext, target: &Target) -> bool {
    target.region.as_ref().is_none_or(Region::is_global) || ctx.may(Permission::PersonReadPii, target)
}
