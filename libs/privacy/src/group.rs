//! All that a service holds of a group, as JSON lines, piece by piece.

use std::sync::Arc;

use crate::tables::{DataTable, ExportCursor};
use futures::{Stream, TryStreamExt as _, stream};
use tally_access::{OpContext, Permission, Rpc, Target};
use tally_api::common::v1::ExportedPiece;
use tally_kernel::Result;
use tally_store::{Audit, Store};

/// Bytes of one piece at most: a message has four times as much room.
const PIECE: usize = 1 << 20;

/// Where an export stands: the tables still to be told, and where in the first of them.
struct At {
    store: Store,
    ctx: OpContext,
    tables: Vec<&'static DataTable>,
    cursor: ExportCursor,
}

/// The tables, one after the other, in the order of their keys, as of now: what is recorded later is not in it, however long
/// it takes. A row is told to whoever holds what opens its table where the row stands, and counted as withheld otherwise;
/// in a suspended group, to whoever would hold it. A piece may end within a line: the next goes on there. Asking leaves an
/// entry in the audit log before anything leaves.
///
/// # Errors
/// `PERMISSION_DENIED`.
pub async fn export_tenant<R: Rpc>(
    store: &Store,
    ctx: &OpContext,
    tables: Vec<&'static DataTable>,
) -> Result<impl Stream<Item = Result<ExportedPiece>> + use<R>> {
    ctx.permit::<R>(&Target::tenant())?;
    let audit = Audit::new("suite.tenant.export", "tenant", ctx.tenant());
    store.audit_read(ctx, R::METHOD, audit).await?;
    let cursor = ExportCursor { until: ctx.now(), after: None, person: None };
    let at = At { store: store.clone(), ctx: ctx.clone(), tables, cursor };
    Ok(stream::try_unfold(at, next).map_ok(|pieces| stream::iter(pieces.into_iter().map(Ok))).try_flatten())
}

/// The pieces of the next rows.
async fn next(mut at: At) -> Result<Option<(Vec<ExportedPiece>, At)>> {
    let view = Arc::clone(&at.ctx.view);
    let sees = move |permission: Permission, target: &Target| view.takes_along(permission, target);
    while let Some(table) = at.tables.first().copied() {
        let tx = at.store.read(&at.ctx).await?;
        let (found, last) = table.rows(&tx, &at.cursor, &sees).await?;
        drop(tx);
        if last.is_none() {
            at.tables.remove(0);
            at.cursor.after = None;
            continue;
        }
        at.cursor.after = last;
        let withheld = found.iter().filter(|row| row.json.is_none()).count();
        let lines: Vec<String> = found.into_iter().filter_map(|row| row.json).collect();
        let counted = ExportedPiece {
            table: table.table().to_owned(),
            rows: count(lines.len()),
            withheld: count(withheld),
            ..Default::default()
        };
        return Ok(Some((cut_up(counted, &lines), at)));
    }
    Ok(None)
}

/// The lines in pieces; the first carries the counts.
fn cut_up(counted: ExportedPiece, lines: &[String]) -> Vec<ExportedPiece> {
    let bytes: Vec<u8> = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect::<String>().into_bytes();
    let mut chunks = bytes.chunks(PIECE);
    let table = counted.table.clone();
    let first = ExportedPiece { lines: chunks.next().unwrap_or_default().to_vec(), ..counted };
    let more = chunks.map(|lines| ExportedPiece { table: table.clone(), lines: lines.to_vec(), ..Default::default() });
    std::iter::once(first).chain(more).collect()
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_goes_on_in_the_next_piece_and_rows_are_counted_once() {
        let lines = ["a".repeat(PIECE), "b".to_owned()];
        let counted = ExportedPiece { table: "notes".into(), rows: 2, withheld: 3, ..Default::default() };
        let pieces = cut_up(counted, &lines);
        assert_eq!(pieces.iter().map(|piece| piece.lines.len()).collect::<Vec<_>>(), [PIECE, 3]);
        assert_eq!(pieces.iter().map(|piece| (piece.rows, piece.withheld)).collect::<Vec<_>>(), [(2, 3), (0, 0)]);
        assert_eq!(
            pieces.iter().flat_map(|piece| piece.lines.clone()).collect::<Vec<_>>(),
            lines.map(|l| l + "\n").concat().into_bytes()
        );
        assert!(pieces.iter().all(|piece| piece.table == "notes"));
        assert_eq!(
            cut_up(ExportedPiece { withheld: 1, ..Default::default() }, &[]).len(),
            1,
            "what is withheld is told"
        );
    }
}
