//! A service's part of an erasure: what identity tells over its events is done here, and reported back.
//!
//! The order makes it safe to be killed anywhere: erase, report, and only then move the cursor. Each of the three may be
//! done twice and counts once.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tally_access::{Actor, OpContext, Rpc, Target, compile_service};
use tally_api::common::v1::{Event, ReadEventsRequest};
use tally_api::identity::v1 as identity;
use tally_api::identity::v1::erasure_service_client::ErasureServiceClient;
use tally_api::identity::v1::event_service_client::EventServiceClient;
use tally_cache::Cache;
use tally_kernel::id::{ErasureId, PersonId, TenantId};
use tally_kernel::{Clock, Error, Result, Rng};
use tally_rpc::{Peer, current_trace, error_from, looking};
use tally_runtime::{Shutdown, Task};
use tally_store::{Audit, DataTable, Store};
use tracing::Instrument as _;

/// The producer whose events are read, and the name of the cursor.
pub const SOURCE: &str = "identity";
/// The event that tells of an erasure; its key is the erasure's id.
pub const ERASED: &str = "identity.person.erased";

/// The event that tells that a group is deleted; its key is the group's id.
pub const DELETED: &str = "identity.tenant.deleted";

/// Rows of each table that one unit of a removal deletes at most.
const REMOVED_AT_ONCE: u64 = 5_000;
/// How often a follower looks that heard no bell: one may be missed.
const LOOK: Duration = Duration::from_secs(5);
/// How long it waits when it is another service's turn.
const TURN: Duration = Duration::from_secs(1);
/// Events of one answer.
const EVENTS: u32 = 100;

/// Somebody who was erased in identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The erasure.
    pub erasure: ErasureId,
    /// The person.
    pub person: PersonId,
    /// The number that the person had.
    pub employee_no: String,
}

/// What a service does about a person beside its tables, before they are erased; gives the number of rows. It may be done
/// twice.
pub type Before = Arc<dyn Fn(OpContext, Subject) -> BoxFuture<'static, Result<u64>> + Send + Sync>;

/// A service that follows identity's erasures.
#[derive(Clone)]
pub struct Follower {
    /// The service's name.
    pub service: &'static str,
    /// Its store.
    pub store: Store,
    /// Identity.
    pub identity: Peer,
    /// Hears the bell of identity's events.
    pub cache: Cache,
    /// Tells the time.
    pub clock: Clock,
    /// Gives ids.
    pub rng: Rng,
    /// The service's tables.
    pub data_tables: &'static [DataTable],
    /// The service that must have done its part before, because it asks this one who is meant.
    pub after: Option<&'static str>,
    /// What to do beside the tables.
    pub before: Option<Before>,
}

/// The background work of following; `R` is the service's row of the policy table for it.
pub fn follower<R: Rpc>(follower: Follower) -> Task {
    Task::new("erasures", move |shutdown| follow::<R>(follower.clone(), shutdown))
}

async fn follow<R: Rpc>(follower: Follower, shutdown: Shutdown) -> Result<()> {
    let mut bell = follower.cache.bell(SOURCE);
    let mut at = follower.store.cursor(SOURCE).await?;
    while !shutdown.is_requested() {
        let events = follower.events(at).instrument(looking()).await?;
        if events.is_empty() {
            tokio::select! {
                () = bell.heard() => {}
                _ = shutdown.sleep(LOOK) => {}
            }
        }
        for event in events {
            let position = i64::try_from(event.position).unwrap_or(i64::MAX);
            let done = match event.kind.as_str() {
                ERASED => follower.done::<R>(&event, position).await?,
                DELETED => follower.deleted::<R>(&event, position).await?,
                _ => true,
            };
            if !done {
                shutdown.sleep(TURN).await;
                break;
            }
            at = position;
        }
    }
    Ok(())
}

impl Follower {
    fn context(&self, tenant: TenantId) -> OpContext {
        let view = Arc::new(compile_service(self.service, 0));
        OpContext::new(Actor::service(self.service, tenant, None), view, self.clock.clone(), self.rng.clone())
    }

    async fn events(&self, at: i64) -> Result<Vec<Event>> {
        let ctx = self.context(TenantId(uuid::Uuid::nil()));
        let ask = ReadEventsRequest { after: u64::try_from(at).unwrap_or(0), limit: EVENTS };
        let mut client = EventServiceClient::new(self.identity.channel());
        let reply = client.read_events(self.identity.as_service(&ctx, ask)).await.map_err(error_from)?;
        Ok(reply.into_inner().events)
    }

    /// Does this service's part. `false`: it is another one's turn.
    async fn done<R: Rpc>(&self, event: &Event, position: i64) -> Result<bool> {
        let ctx = self.context(event.tenant_id.parse()?);
        let mut client = ErasureServiceClient::new(self.identity.channel());
        let ask = identity::GetErasureRequest { erasure_id: event.key.clone() };
        let ask = client.get_erasure(self.identity.as_service(&ctx, ask)).instrument(looking());
        let told = ask.await.map_err(error_from)?.into_inner();
        let erasure = told.erasure.ok_or_else(|| Error::internal("an erasure without its content"))?;
        let reported = |service: &str| erasure.parts.iter().any(|p| p.service == service && p.done_at.is_some());
        if self.after.is_some_and(|other| !reported(other)) {
            return Ok(false);
        }
        let work = self.do_part::<R>(event, position, &erasure, told.employee_no, reported(self.service));
        work.instrument(work_of(self.service, event)).await?;
        Ok(true)
    }

    async fn do_part<R: Rpc>(
        &self,
        event: &Event,
        position: i64,
        erasure: &identity::Erasure,
        employee_no: String,
        reported: bool,
    ) -> Result<()> {
        let ctx = OpContext { trace: current_trace(), ..self.context(event.tenant_id.parse()?) };
        if !reported {
            let (erasure, person) = (erasure.erasure_id.parse()?, erasure.person_id.parse()?);
            let rows = self.erase::<R>(&ctx, Subject { erasure, person, employee_no }).await?;
            let mut client = ErasureServiceClient::new(self.identity.channel());
            let ask = identity::ReportErasureRequest { erasure_id: event.key.clone(), rows };
            client.report_erasure(self.identity.as_service(&ctx, ask)).await.map_err(error_from)?;
        }
        self.advance::<R>(&ctx, event, position).await
    }

    /// Removes a group that was deleted.
    async fn deleted<R: Rpc>(&self, event: &Event, position: i64) -> Result<bool> {
        let work = async {
            let ctx = OpContext { trace: current_trace(), ..self.context(event.tenant_id.parse()?) };
            remove_group::<R>(&self.store, &ctx, &[]).await?;
            self.advance::<R>(&ctx, event, position).await
        };
        work.instrument(work_of(self.service, event)).await?;
        Ok(true)
    }

    /// Erases in this service: how many rows were removed or cleared.
    async fn erase<R: Rpc>(&self, ctx: &OpContext, subject: Subject) -> Result<u64> {
        let permit = ctx.permit::<R>(&Target::tenant())?;
        let (erasure, person) = (subject.erasure, subject.person);
        let beside = match &self.before {
            Some(before) => before(ctx.clone(), subject).await?,
            None => 0,
        };
        let rows = self.store.retry(ctx, || async {
            let work = self.store.unit(ctx, &permit).await?;
            work.erase_person(person).await?;
            let mut rows = 0;
            for table in self.data_tables {
                rows += table.erase(&work, person).await?;
            }
            let audit = Audit::new("suite.person.erase", "person", person).about(person);
            work.commit(audit.note("erasure", erasure).note("rows", beside + rows), rows).await
        });
        let rows = beside + rows.await?;
        self.store.wipe().await?;
        Ok(rows)
    }

    async fn advance<R: Rpc>(&self, ctx: &OpContext, event: &Event, position: i64) -> Result<()> {
        let permit = ctx.permit::<R>(&Target::tenant())?;
        let moved = self.store.retry(ctx, || async {
            let work = self.store.unit(ctx, &permit).await?;
            if !work.advance_cursor(SOURCE, position).await? {
                return Ok(());
            }
            let (action, subject) = match event.kind.as_str() {
                DELETED => ("suite.tenant.removed", "tenant"),
                _ => ("suite.person.erase_reported", "erasure"),
            };
            work.commit(Audit::new(action, subject, &event.key), ()).await
        });
        moved.await
    }
}

/// The span of what a service does for an event, in the trace of the call that caused it.
fn work_of(service: &'static str, event: &Event) -> tracing::Span {
    tally_rpc::work(service, &event.kind, Some(event.traceparent.as_str()))
}

/// Removes all that a service holds of the context's group but the logs and the tables in `keep`, many units one after the
/// other, and destroys its keys at the end. It may be stopped anywhere and done again.
///
/// # Errors
/// `PERMISSION_DENIED`; `STORE_UNAVAILABLE`.
pub async fn remove_group<R: Rpc>(store: &Store, ctx: &OpContext, keep: &[&str]) -> Result<()> {
    let permit = ctx.permit::<R>(&Target::tenant())?;
    loop {
        let rows = store.retry(ctx, || async {
            let work = store.unit(ctx, &permit).await?;
            let rows = work.remove_group(keep, REMOVED_AT_ONCE).await?;
            if rows == 0 {
                work.destroy_group_keys().await?;
            }
            work.commit(Audit::new("suite.tenant.remove", "tenant", ctx.tenant()).note("rows", rows), rows).await
        });
        if rows.await? == 0 {
            return store.wipe().await;
        }
    }
}
