//! What is left of deleted groups goes here too, as in every other service: identity hears its own events.

use tally_access::OpContext;
use tally_api::identity::v1::TenantDeleted;
use tally_app::consumer::{Consumer, Handled, Handler, Producer, Received};
use tally_kernel::{Clock, Result, Rng};
use tally_privacy::purge;
use tally_runtime::Task;
use tally_store::Store;

use crate::SERVICE;
use crate::policy::PurgeTenant;

/// The name of the cursor in the own outbox.
const CURSOR: &str = "identity/tenant-purge";
/// What says that there was a group, and that nobody of it is let in.
const KEEP: [&str; 2] = ["tenants", "access_revisions"];

pub(crate) fn task(store: Store, clock: Clock, rng: Rng) -> Task {
    let handler = Purge { store: store.clone() };
    Consumer { service: SERVICE, producer: Producer::Own(CURSOR), store, clock, rng, handler }.task("tenant-purge")
}

#[derive(Clone)]
struct Purge {
    store: Store,
}

impl Handler for Purge {
    type Row = PurgeTenant;

    async fn handle(&self, ctx: &OpContext, event: &Received) -> Result<Handled> {
        if event.read::<TenantDeleted>()?.is_some() {
            purge::<PurgeTenant>(&self.store, ctx, event, &KEEP).await?;
        }
        Ok(Handled::Done)
    }
}
