//! What talent consumes: `cycle.published` of performance. The bell only wakes; the log is what is read.

use std::sync::Arc;
use std::time::Duration;

use tally_access::{Actor, OpContext, compile_service};
use tally_kernel::Result;
use tally_kernel::id::{CycleId, TenantId};
use tally_runtime::{Shutdown, Task};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::peers::Event;
use crate::profile::{App, app};
use crate::{Deps, SERVICE};

/// The producer whose log is read, and the name of the cursor.
pub const SOURCE: &str = "performance";

/// How often the consumer looks that heard no bell: one may be missed.
const LOOK: Duration = Duration::from_secs(5);

/// The consumer, as background work.
pub fn consumer(app: App, deps: Deps) -> Task {
    Task::new("talent events", move |shutdown| consume(app.clone(), deps.clone(), shutdown))
}

async fn consume(app: App, deps: Deps, shutdown: Shutdown) -> Result<()> {
    let mut bell = deps.cache.bell(SOURCE);
    let everybody = context(&deps, TenantId(Uuid::nil()));
    let mut at = app.store.cursor(SOURCE).await?;
    while !shutdown.is_requested() {
        let events = app.peers.events(&everybody, at).instrument(tally_rpc::looking()).await?;
        for event in &events {
            apply(&app, &deps, event).await?;
            at = event.position;
        }
        if events.is_empty() {
            tokio::select! {
                () = bell.heard() => {}
                go_on = shutdown.sleep(LOOK) => if !go_on { break },
            }
        }
    }
    Ok(())
}

async fn apply(app: &App, deps: &Deps, event: &Event) -> Result<()> {
    if event.kind != "cycle.published" {
        return Ok(());
    }
    let work = async {
        let mut ctx = context(deps, event.tenant.parse()?);
        ctx.trace = tally_rpc::current_trace().or_else(|| event.trace.clone());
        app::record_evidence(app, &ctx, event.position, event.key.parse::<CycleId>()?).await
    };
    work.instrument(tally_rpc::work(SERVICE, &event.kind, event.trace.as_deref())).await
}

fn context(deps: &Deps, tenant: TenantId) -> OpContext {
    let view = Arc::new(compile_service(SERVICE, 0));
    OpContext::new(Actor::service(SERVICE, tenant, None), view, deps.clock.clone(), deps.rng.clone())
}
