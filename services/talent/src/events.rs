//! What talent consumes: published cycles of performance.

use tally_access::OpContext;
use tally_api::performance::v1::CyclePublished;
use tally_app::consumer::{Consumer, Handled, Handler, Producer, Received};
use tally_kernel::Result;
use tally_kernel::id::CycleId;
use tally_runtime::Task;
use tracing::Instrument as _;

use crate::policy::RecordEvidence;
use crate::profile::app::{self, App};
use crate::{Deps, SERVICE};

/// The consumer, as background work.
pub(crate) fn consumer(app: App, deps: Deps) -> Task {
    let Deps { store, cache, peers, clock, rng } = deps;
    let producer = Producer::Performance(peers.performance, cache);
    Consumer { service: SERVICE, producer, store, clock, rng, handler: Evidence { app } }.task("talent events")
}

#[derive(Clone)]
struct Evidence {
    app: App,
}

impl Handler for Evidence {
    type Row = RecordEvidence;

    async fn handle(&self, ctx: &OpContext, event: &Received) -> Result<Handled> {
        if let Some(published) = event.read::<CyclePublished>()? {
            let cycle = published.cycle_id.parse::<CycleId>()?;
            let work = async { app::record_evidence(&self.app, &event.traced(ctx), event, cycle).await };
            work.instrument(event.span(SERVICE)).await?;
        }
        Ok(Handled::Done)
    }
}
