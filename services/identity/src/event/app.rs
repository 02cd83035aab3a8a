//! Reading the outbox.

use tally_access::{ActorKind, OpContext, Target};
use tally_kernel::{Error, Result};
pub(crate) use tally_store::EventRecord as Happened;

use crate::App;
use crate::policy::ReadEvents;

/// Events when the caller names no number.
const DEFAULT: u32 = 100;
/// The most events of one answer.
const MOST: u32 = 1_000;

/// Events after a position. A service of the suite reads those of every group, anybody else those of their own.
///
/// # Errors
/// `PERMISSION_DENIED`; `NOT_FOUND` for a position that no log reaches.
pub(crate) async fn read(app: &App, ctx: &OpContext, after: u64, limit: u32) -> Result<Vec<Happened>> {
    ctx.permit::<ReadEvents>(&Target::tenant())?;
    let after = i64::try_from(after).map_err(|_| Error::not_found("position", after))?;
    let limit = if limit == 0 { DEFAULT } else { limit.min(MOST) };
    let every_group = matches!(ctx.actor.kind, ActorKind::Service(_));
    let mut events = app.store.read_events(after, limit.into()).await?;
    events.retain(|event| every_group || event.tenant == ctx.tenant().0);
    Ok(events)
}
