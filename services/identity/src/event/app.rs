//! Reading the outbox.

use tally_access::{ActorKind, OpContext, Target};
use tally_kernel::{Error, Result};
pub(crate) use tally_store::{EventRecord, LogPart};

use crate::App;
use crate::policy::ReadEvents;

/// Events when the caller names no number.
const DEFAULT: u32 = 100;
/// The most events of one answer.
const MOST: u32 = 1_000;

/// Events after a position, and how far the log was read. A service of the suite reads those of every group, anybody else
/// those of their own.
///
/// # Errors
/// `PERMISSION_DENIED`; `NOT_FOUND` for a position that no log reaches.
pub(crate) async fn read(app: &App, ctx: &OpContext, after: u64, limit: u32) -> Result<LogPart> {
    ctx.permit::<ReadEvents>(&Target::tenant())?;
    let after = i64::try_from(after).map_err(|_| Error::not_found("position", after))?;
    let limit = if limit == 0 { DEFAULT } else { limit.min(MOST) };
    let of = (!matches!(ctx.actor.kind, ActorKind::Service(_))).then(|| ctx.tenant());
    app.store.read_log(of, after, limit.into()).await
}
