//! EventService: messages in, messages out.

use tally_api::common::v1 as common;
use tally_api::performance::v1 as pb;
use tally_rpc::Answer as _;
use tonic::{Request, Response, Status};

use super::app::{self, EventRecord, LogPart};
use crate::App;

/// EventService.
pub struct Rpc {
    /// What every room works with.
    pub app: App,
}

#[tonic::async_trait]
impl pb::event_service_server::EventService for Rpc {
    async fn read_events(
        &self,
        req: Request<common::ReadEventsRequest>,
    ) -> Result<Response<common::ReadEventsResponse>, Status> {
        let ctx = tally_rpc::context(&req)?;
        let reply = async {
            let asked = req.into_inner();
            app::read_events(&self.app, &ctx, asked.after, asked.limit).await.map(render)
        };
        reply.await.answer(&ctx)
    }
}

fn render(part: LogPart) -> common::ReadEventsResponse {
    let events = part.events.into_iter().map(message).collect();
    common::ReadEventsResponse { events, position: part.position.unsigned_abs() }
}

fn message(event: EventRecord) -> common::Event {
    let nanos = event.at.subsec_nanosecond();
    common::Event {
        position: event.position.unsigned_abs(),
        event_id: event.id.to_string(),
        kind: event.kind,
        key: event.key,
        payload: event.payload.to_string(),
        at: Some(prost_types::Timestamp { seconds: event.at.as_second(), nanos }),
        tenant_id: event.tenant.to_string(),
        traceparent: event.trace.unwrap_or_default(),
    }
}
