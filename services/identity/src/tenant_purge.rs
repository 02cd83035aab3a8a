//! What is left of deleted groups goes here too, as in every other service: identity hears its own events.

use std::sync::Arc;
use std::time::Duration;

use tally_access::{Actor, OpContext, compile_service};
use tally_kernel::id::TenantId;
use tally_kernel::{Clock, Result, Rng};
use tally_privacy::{DELETED, remove_group};
use tally_runtime::{Shutdown, Task};
use tally_store::{Audit, Store};

use crate::SERVICE;
use crate::policy::RemoveTenant;

/// The name of the cursor in the own outbox.
const CURSOR: &str = "identity/removals";
/// How often it looks when it heard no bell: another process may have numbered the event.
const LOOK: Duration = Duration::from_secs(5);
/// Events of one look.
const EVENTS: u64 = 500;
/// What says that there was a group, and that nobody of it is let in.
const KEEP: [&str; 2] = ["tenants", "access_revisions"];

/// The background work.
pub(crate) fn task(store: Store, clock: Clock, rng: Rng) -> Task {
    Task::new("removals", move |shutdown| follow(store.clone(), clock.clone(), rng.clone(), shutdown))
}

async fn follow(store: Store, clock: Clock, rng: Rng, shutdown: Shutdown) -> Result<()> {
    let mut bell = store.bell().subscribe();
    let mut at = store.cursor(CURSOR).await?;
    while !shutdown.is_requested() {
        let events = store.read_events(at, EVENTS).await?;
        let idle = events.is_empty();
        for event in events {
            if event.kind == DELETED {
                let view = Arc::new(compile_service(SERVICE, 0));
                let actor = Actor::service(SERVICE, TenantId(event.tenant), None);
                let ctx = OpContext::new(actor, view, clock.clone(), rng.clone());
                remove_group::<RemoveTenant>(&store, &ctx, &KEEP).await?;
                advance(&store, &ctx, event.position).await?;
            }
            at = event.position;
        }
        if idle {
            tokio::select! {
                _ = bell.changed() => {}
                _ = shutdown.sleep(LOOK) => {}
            }
        }
    }
    Ok(())
}

async fn advance(store: &Store, ctx: &OpContext, position: i64) -> Result<()> {
    let permit = ctx.permit::<RemoveTenant>(&tally_access::Target::tenant())?;
    let moved = store.retry(ctx, || async {
        let work = store.unit(ctx, &permit).await?;
        if !work.advance_cursor(CURSOR, position).await? {
            return Ok(());
        }
        work.commit(Audit::new("suite.tenant.removed", "tenant", ctx.tenant()), ()).await
    });
    moved.await
}
