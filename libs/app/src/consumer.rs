//! Following the log of a producer, at the service's own pace.
//!
//! A bell wakes the consumer and nothing depends on it: the log is what is read, from the position that is kept. Whoever
//! handles an event moves the position in the transaction of the effect ([`Received::advance`]), so that an event counts once
//! whatever is killed. An event that cannot be handled because something is away is tried again until it can. One that
//! fails by itself, time after time, is set aside: the audit log says so, and the events after it do not wait for ever.

use std::sync::Arc;
use std::time::Duration;

use tally_access::{Actor, OpContext, Permit, Rpc, Target, compile_service};
use tally_api::common::v1::{Event, ReadEventsRequest, ReadEventsResponse};
use tally_api::events::{EventMessage, from_json};
use tally_api::identity::v1::event_service_client::EventServiceClient as IdentityEvents;
use tally_api::performance::v1::event_service_client::EventServiceClient as PerformanceEvents;
use tally_cache::Cache;
use tally_kernel::id::TenantId;
use tally_kernel::{Clock, Error, Kind, Result, Rng};
use tally_rpc::{Peer, current_trace, error_from, looking};
use tally_runtime::{Shutdown, Task};
use tally_store::{Audit, STORE_DAMAGED, Store, UnitOfWork};
use tokio::sync::watch;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::events;

#[cfg(test)]
mod tests;

/// How often a consumer looks that heard no bell: one may be missed.
const LOOK: Duration = Duration::from_secs(5);
/// Events of one look.
const BATCH: u32 = 100;
/// How long it goes on with what fails: some two and a half minutes with an event that fails by itself.
const PATIENCE: Patience = Patience { first: Duration::from_secs(1), longest: Duration::from_secs(30), tries: 10 };

/// Whose log is followed; the bell of a peer's log rings over the cache.
#[derive(Clone, Debug)]
pub enum Producer {
    /// Identity.
    Identity(Peer, Cache),
    /// Performance.
    Performance(Peer, Cache),
    /// The service itself, under this name.
    Own(&'static str),
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handled {
    /// All that there was to do.
    Done,
    /// Nothing yet: it is another service's turn.
    Later,
}

/// What a service does about the events that it follows.
pub trait Handler: Clone + Send + Sync + 'static {
    /// The service's row of the policy for it.
    type Row: Rpc;

    /// Does what there is to do about one event, in a context of its group. It may be called twice for one event, and at the
    /// same time in another replica: what counts is in the unit that [`Received::advance`] lets go on.
    fn handle(&self, ctx: &OpContext, event: &Received) -> impl Future<Output = Result<Handled>> + Send;
}

/// An event that was read.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its place in the producer's log.
    pub position: i64,
    /// The same whenever it is read.
    pub id: String,
    /// What happened.
    pub kind: String,
    /// To which thing.
    pub key: String,
    /// Whose event it is.
    pub tenant: TenantId,
    source: &'static str,
    payload: String,
    traceparent: String,
}

/// A service that follows a producer.
#[derive(Clone)]
pub struct Consumer<H> {
    /// The service's name.
    pub service: &'static str,
    /// Whose log.
    pub producer: Producer,
    /// Where the position is kept.
    pub store: Store,
    /// Tells the time.
    pub clock: Clock,
    /// Gives ids.
    pub rng: Rng,
    /// What to do.
    pub handler: H,
}

/// How long a consumer waits after a failure, or for another service's turn, and how often it tries.
#[derive(Clone, Copy, Debug)]
struct Patience {
    first: Duration,
    longest: Duration,
    tries: u32,
}

/// How far a consumer is, and how often it tried the next event.
#[derive(Clone, Copy, Debug)]
struct Progress {
    at: i64,
    failed: (i64, u32),
}

/// What to do after a look.
enum Next {
    Look,
    Wait,
    Turn,
}

enum Bell {
    Own(watch::Receiver<i64>),
    Peer(tally_cache::Bell),
}

impl Bell {
    async fn heard(&mut self) {
        match self {
            Self::Own(bell) => {
                if bell.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
            Self::Peer(bell) => bell.heard().await,
        }
    }
}

impl Producer {
    /// The name that the position is kept under.
    pub fn source(&self) -> &'static str {
        match self {
            Self::Identity(..) => "identity",
            Self::Performance(..) => "performance",
            Self::Own(name) => name,
        }
    }

    fn bell(&self, store: &Store) -> Bell {
        match self {
            Self::Own(_) => Bell::Own(store.bell().subscribe()),
            Self::Identity(_, cache) | Self::Performance(_, cache) => Bell::Peer(cache.bell(self.source())),
        }
    }

    async fn read(&self, store: &Store, ctx: &OpContext, after: i64) -> Result<ReadEventsResponse> {
        let ask = ReadEventsRequest { after: after.unsigned_abs(), limit: BATCH };
        let reply = match self {
            Self::Identity(peer, _) => IdentityEvents::new(peer.channel()).read_events(peer.as_service(ctx, ask)).await,
            Self::Performance(peer, _) => {
                PerformanceEvents::new(peer.channel()).read_events(peer.as_service(ctx, ask)).await
            }
            Self::Own(_) => {
                let part = store.read_log(None, after, BATCH.into()).await?;
                let events = part.events.into_iter().map(events::message).collect();
                return Ok(ReadEventsResponse { events, position: part.position.unsigned_abs() });
            }
        };
        Ok(reply.map_err(error_from)?.into_inner())
    }
}

impl Received {
    fn of(event: Event, source: &'static str) -> Result<Self> {
        Ok(Self {
            position: i64::try_from(event.position).map_err(Error::internal)?,
            id: event.event_id,
            kind: event.kind,
            key: event.key,
            tenant: event.tenant_id.parse()?,
            source,
            payload: event.payload,
            traceparent: event.traceparent,
        })
    }

    /// The event as this message; nothing when it is another kind of event.
    ///
    /// # Errors
    /// When it says that it is one and is not.
    pub fn read<M: EventMessage>(&self) -> Result<Option<M>> {
        from_json(&self.kind, &self.payload).map_err(Error::internal)
    }

    /// Takes the event as done by this unit. `false`: it was done already, drop the unit.
    ///
    /// # Errors
    /// What the database says.
    pub async fn advance(&self, work: &UnitOfWork) -> Result<bool> {
        Ok(work.advance_cursor(self.source, self.position).await?)
    }

    /// Does what the event asks for in one unit, which takes it as done; nothing when it was done already.
    ///
    /// # Errors
    /// What `body` says; `STORE_BUSY` when it never got its turn.
    pub async fn once<R, F, Fut>(&self, store: &Store, ctx: &OpContext, permit: &Permit<R>, body: F) -> Result<()>
    where
        R: Rpc,
        F: Fn(UnitOfWork) -> Fut,
        Fut: Future<Output = Result<(UnitOfWork, Audit)>> + Send,
    {
        let attempt = || async {
            let work = store.unit(ctx, permit).await?;
            if !self.advance(&work).await? {
                return Ok(());
            }
            let (work, audit) = body(work).await?;
            work.commit(audit, ()).await
        };
        store.retry(ctx, attempt).await
    }

    /// The span of what `service` does about it, in the trace of the call that caused it.
    pub fn span(&self, service: &'static str) -> tracing::Span {
        tally_rpc::work(service, &self.kind, (!self.traceparent.is_empty()).then_some(self.traceparent.as_str()))
    }

    /// The context within [`Self::span`]: the calls made with it join the trace.
    pub fn traced(&self, ctx: &OpContext) -> OpContext {
        let caused = || (!self.traceparent.is_empty()).then(|| self.traceparent.clone());
        OpContext { trace: current_trace().or_else(caused), ..ctx.clone() }
    }
}

impl<H: Handler> Consumer<H> {
    /// The background work of following.
    pub fn task(self, name: &'static str) -> Task {
        Task::new(name, move |shutdown| self.clone().follow(PATIENCE, shutdown))
    }

    async fn follow(self, patience: Patience, shutdown: Shutdown) -> Result<()> {
        let mut bell = self.producer.bell(&self.store);
        let mut progress = Progress { at: self.store.cursor(self.producer.source()).await?, failed: (0, 0) };
        let mut pause = patience.first;
        while !shutdown.is_requested() {
            match self.look(&mut progress, patience.tries).await {
                Ok(Next::Look) => pause = patience.first,
                Ok(Next::Wait) => {
                    pause = patience.first;
                    tokio::select! {
                        () = bell.heard() => {}
                        _ = shutdown.sleep(LOOK) => {}
                    }
                }
                Ok(Next::Turn) => _ = shutdown.sleep(patience.first).await,
                Err(error) => {
                    let (source, at) = (self.producer.source(), progress.at);
                    tracing::warn!(source, at, ?error, ?pause, "following failed: trying again");
                    shutdown.sleep(pause).await;
                    pause = (pause * 2).min(patience.longest);
                }
            }
        }
        Ok(())
    }

    /// Reads what is new and does it, in order.
    async fn look(&self, progress: &mut Progress, tries: u32) -> Result<Next> {
        let everybody = self.context(TenantId(Uuid::nil()));
        let part = self.producer.read(&self.store, &everybody, progress.at).instrument(looking()).await?;
        if part.events.is_empty() {
            progress.at = progress.at.max(i64::try_from(part.position).map_err(Error::internal)?);
            return Ok(Next::Wait);
        }
        for event in part.events {
            let event = Received::of(event, self.producer.source())?;
            let ctx = self.context(event.tenant);
            match self.handler.handle(&ctx, &event).await {
                Ok(Handled::Done) => progress.at = event.position,
                Ok(Handled::Later) => return Ok(Next::Turn),
                Err(error) => {
                    if !progress.given_up(event.position, &error, tries) {
                        return Err(error);
                    }
                    self.set_aside(&ctx, &event, &error).await?;
                    progress.at = event.position;
                }
            }
        }
        Ok(Next::Look)
    }

    fn context(&self, tenant: TenantId) -> OpContext {
        let view = Arc::new(compile_service(self.service, 0));
        OpContext::new(Actor::service(self.service, tenant, None), view, self.clock.clone(), self.rng.clone())
    }

    /// Moves on without an event that fails by itself, and says so where auditors look.
    async fn set_aside(&self, ctx: &OpContext, event: &Received, error: &Error) -> Result<()> {
        let permit = ctx.permit::<H::Row>(&Target::tenant())?;
        let (source, position, kind) = (event.source, event.position, event.kind.as_str());
        tracing::error!(source, position, kind, ?error, "an event was set aside");
        let aside = async |work| {
            let audit = Audit::new("suite.event.set_aside", "event", &event.id).note("source", source);
            Ok((work, audit.note("position", position).note("kind", kind).note("reason", error.reason())))
        };
        event.once(&self.store, ctx, &permit, aside).await
    }
}

impl Progress {
    /// Counts a failure of the event at `position`; says whether it failed by itself and often enough.
    fn given_up(&mut self, position: i64, error: &Error, tries: u32) -> bool {
        // A damaged store is put back, and then the event is done.
        if !fails_by_itself(error.kind()) || error.reason() == STORE_DAMAGED {
            return false;
        }
        let before = if self.failed.0 == position { self.failed.1 } else { 0 };
        self.failed = (position, before + 1);
        self.failed.1 >= tries
    }
}

/// Whether another time would not help: what is away, busy or refuses the service is not the event's fault.
fn fails_by_itself(kind: Kind) -> bool {
    match kind {
        Kind::InvalidArgument | Kind::NotFound | Kind::AlreadyExists | Kind::FailedPrecondition | Kind::Internal => {
            true
        }
        Kind::Aborted
        | Kind::PermissionDenied
        | Kind::Unauthenticated
        | Kind::ResourceExhausted
        | Kind::Unavailable
        | Kind::DeadlineExceeded
        | Kind::Cancelled
        | Kind::Unimplemented => false,
    }
}
