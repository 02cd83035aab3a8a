//! What happened here, for other services to read at their own pace.

use jiff::Timestamp;
use tally_access::{ActorKind, OpContext, Target};
use tally_kernel::id::TenantId;
use tally_kernel::{Error, Result};
use uuid::Uuid;

use crate::App;
use crate::policy::ReadEvents;

/// Events when the caller names no number.
const DEFAULT: u32 = 100;
/// The most events of one answer.
const MOST: u32 = 1_000;

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Happened {
    /// Dense position in the log, from 1.
    pub position: u64,
    /// The event.
    pub id: Uuid,
    /// Such as `cycle.published`.
    pub kind: String,
    /// What it is about.
    pub key: String,
    /// JSON whose shape the kind tells.
    pub payload: String,
    /// When.
    pub at: Timestamp,
    /// The group.
    pub tenant: TenantId,
    /// W3C `traceparent` of the call that made it happen.
    pub trace: Option<String>,
}

/// Events after a position. A service of the suite reads those of every group, and with them the group of each; anybody
/// else those of their own.
pub async fn read_events(app: &App, ctx: &OpContext, after: u64, limit: u32) -> Result<Vec<Happened>> {
    ctx.permit::<ReadEvents>(&Target::tenant())?;
    let after = i64::try_from(after).map_err(|_| Error::not_found("position", after))?;
    let limit = if limit == 0 { DEFAULT } else { limit.min(MOST) };
    let every_group = matches!(ctx.actor.kind, ActorKind::Service(_));
    let events = app.store.read_events(after, limit.into()).await?.into_iter().map(|event| Happened {
        position: u64::try_from(event.position).unwrap_or(0),
        id: event.id,
        kind: event.kind,
        key: event.key,
        payload: event.payload.to_string(),
        at: event.at,
        tenant: TenantId(event.tenant),
        trace: event.trace,
    });
    Ok(events.filter(|event| every_group || event.tenant == ctx.tenant()).collect())
}
