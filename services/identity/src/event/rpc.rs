//! `EventService`: parse, call, render.

use std::sync::Arc;

use tally_api::identity::v1 as pb;
use tally_api::identity::v1::event_service_server::EventService;
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, Happened};
use crate::App;
use crate::render::timestamp;

/// The server.
pub(crate) struct Rpc(pub(crate) Arc<App>);

#[tonic::async_trait]
impl EventService for Rpc {
    async fn read_events(
        &self,
        req: Request<pb::ReadEventsRequest>,
    ) -> Result<Response<pb::ReadEventsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let pb::ReadEventsRequest { after, limit } = req.into_inner();
        let found = app::read(&self.0, &ctx, after, limit).await;
        found.map(|events| pb::ReadEventsResponse { events: events.into_iter().map(message).collect() }).answer(&ctx)
    }
}

fn message(event: Happened) -> pb::Event {
    pb::Event {
        position: u64::try_from(event.position).unwrap_or(0),
        event_id: event.id.to_string(),
        kind: event.kind,
        key: event.key,
        payload: event.payload.to_string(),
        at: Some(timestamp(event.at)),
        tenant_id: event.tenant.to_string(),
        traceparent: event.trace.unwrap_or_default(),
    }
}
