//! `EventService`: parse, call, render.

use std::sync::Arc;

use tally_api::common::v1 as common;
use tally_api::identity::v1::event_service_server::EventService;
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, EventRecord, LogPart};
use crate::App;
use crate::render::timestamp;

/// The server.
pub(crate) struct Rpc(pub(crate) Arc<App>);

#[tonic::async_trait]
impl EventService for Rpc {
    async fn read_events(
        &self,
        req: Request<common::ReadEventsRequest>,
    ) -> Result<Response<common::ReadEventsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let common::ReadEventsRequest { after, limit } = req.into_inner();
        app::read(&self.0, &ctx, after, limit).await.map(render).answer(&ctx)
    }
}

fn render(part: LogPart) -> common::ReadEventsResponse {
    let events = part.events.into_iter().map(message).collect();
    common::ReadEventsResponse { events, position: part.position.unsigned_abs() }
}

fn message(event: EventRecord) -> common::Event {
    common::Event {
        position: event.position.unsigned_abs(),
        event_id: event.id.to_string(),
        kind: event.kind,
        key: event.key,
        payload: event.payload.to_string(),
        at: Some(timestamp(event.at)),
        tenant_id: event.tenant.to_string(),
        traceparent: event.trace.unwrap_or_default(),
    }
}
