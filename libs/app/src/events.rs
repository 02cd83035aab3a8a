//! Events of a service: how one is emitted, and how others read the log.

use tally_access::{ActorKind, OpContext, Rpc, Target};
use tally_api::common::v1::{Event, ReadEventsRequest, ReadEventsResponse};
use tally_api::events::{EventMessage, to_json};
use tally_kernel::{Error, Result};
use tally_store::{EventRecord, Store};

use crate::convert::timestamp;

/// Events when the caller names no number.
const DEFAULT: u32 = 100;
/// The most events of one answer.
const MOST: u32 = 1_000;

/// What a unit of work emits: the message, under its own name and key.
///
/// # Errors
/// When a value has no JSON.
pub fn event<M: EventMessage>(message: &M) -> Result<tally_store::Event> {
    let payload = to_json(message).map_err(Error::internal)?;
    Ok(tally_store::Event::new(M::KIND, message.key(), payload))
}

/// Events after a position, and how far the log was read. A service of the suite reads those of every group, anybody else
/// those of their own.
///
/// # Errors
/// `PERMISSION_DENIED`; `NOT_FOUND` for a position that no log reaches.
pub async fn read<R: Rpc>(store: &Store, ctx: &OpContext, asked: ReadEventsRequest) -> Result<ReadEventsResponse> {
    ctx.permit::<R>(&Target::tenant())?;
    let after = i64::try_from(asked.after).map_err(|_| Error::not_found("position", asked.after))?;
    let limit = if asked.limit == 0 { DEFAULT } else { asked.limit.min(MOST) };
    let of = (!matches!(ctx.actor.kind, ActorKind::Service(_))).then(|| ctx.tenant());
    let part = store.read_log(of, after, limit.into()).await?;
    let events = part.events.into_iter().map(message).collect();
    Ok(ReadEventsResponse { events, position: part.position.unsigned_abs() })
}

pub(crate) fn message(event: EventRecord) -> Event {
    Event {
        position: event.position.unsigned_abs(),
        event_id: event.id.to_string(),
        kind: event.kind,
        key: event.key,
        payload: event.payload,
        at: Some(timestamp(event.at)),
        tenant_id: event.tenant.to_string(),
        traceparent: event.trace.unwrap_or_default(),
    }
}

/// The room: `Rpc { store }` answers the service's own `EventService`. Takes the package of the contract and the row of the
/// policy; the service names tonic, tally-api, tally-rpc and tally-store, as every room does.
#[macro_export]
macro_rules! event_room {
    ($package:path, $row:path) => {
        use ::tally_api::common::v1::{ReadEventsRequest, ReadEventsResponse};
        use $package as pb;

        /// The room's rpc.
        pub(crate) struct Rpc {
            /// Whose log is read.
            pub(crate) store: ::tally_store::Store,
        }

        #[::tonic::async_trait]
        impl pb::event_service_server::EventService for Rpc {
            async fn read_events(
                &self,
                req: ::tonic::Request<ReadEventsRequest>,
            ) -> Result<::tonic::Response<ReadEventsResponse>, ::tonic::Status> {
                let ctx = ::tally_rpc::context(&req)?;
                let part = $crate::events::read::<$row>(&self.store, &ctx, req.into_inner()).await;
                ::tally_rpc::Answer::answer(part, &ctx)
            }
        }
    };
}
