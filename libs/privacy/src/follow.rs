//! A service's part of an erasure: what identity tells over its events is done here, and reported back.
//!
//! The order makes it safe to be killed anywhere: erase, report, and only then move the cursor. Each of the three may be
//! done twice and counts once.

use std::marker::PhantomData;
use std::sync::Arc;

use crate::tables::DataTable;
use futures::future::BoxFuture;
use tally_access::{OpContext, Rpc, Target};
use tally_api::identity::v1::erasure_service_client::ErasureServiceClient;
use tally_api::identity::v1::{Erasure, GetErasureRequest, PersonErased, ReportErasureRequest, TenantDeleted};
use tally_app::consumer::{Consumer, Handled, Handler, Producer, Received};
use tally_app::perform;
use tally_cache::Cache;
use tally_kernel::id::{ErasureId, PersonId};
use tally_kernel::{Clock, Error, Result, Rng};
use tally_rpc::{Peer, error_from, looking};
use tally_runtime::Task;
use tally_store::{Audit, Store, UnitOfWork};
use tracing::Instrument as _;

/// Rows of each table that one unit of a purge deletes at most.
const REMOVED_AT_ONCE: u64 = 5_000;
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
    let Follower { service, store, identity, cache, clock, rng, .. } = follower.clone();
    let handler = Erasures { follower: Arc::new(follower), row: PhantomData::<fn() -> R> };
    let producer = Producer::Identity(identity, cache);
    Consumer { service, producer, store, clock, rng, handler }.task("erasures")
}

struct Erasures<R> {
    follower: Arc<Follower>,
    row: PhantomData<fn() -> R>,
}

impl<R> Clone for Erasures<R> {
    fn clone(&self) -> Self {
        Self { follower: Arc::clone(&self.follower), row: PhantomData }
    }
}

impl<R: Rpc> Handler for Erasures<R> {
    type Row = R;

    async fn handle(&self, ctx: &OpContext, event: &Received) -> Result<Handled> {
        let follower = &*self.follower;
        if let Some(erased) = event.read::<PersonErased>()? {
            return follower.erased::<R>(ctx, event, erased.erasure_id).await;
        }
        if event.read::<TenantDeleted>()?.is_some() {
            let work = async { purge::<R>(&follower.store, &event.traced(ctx), event, &[]).await };
            work.instrument(event.span(follower.service)).await?;
        }
        Ok(Handled::Done)
    }
}

impl Follower {
    /// Does this service's part of an erasure, when its turn has come.
    async fn erased<R: Rpc>(&self, ctx: &OpContext, event: &Received, erasure_id: String) -> Result<Handled> {
        let mut client = ErasureServiceClient::new(self.identity.channel());
        let ask = client.get_erasure(self.identity.as_service(ctx, GetErasureRequest { erasure_id }));
        let answer = ask.instrument(looking()).await.map_err(error_from)?.into_inner();
        let erasure = answer.erasure.ok_or_else(|| Error::internal("an erasure without its content"))?;
        let reported = |service: &str| erasure.parts.iter().any(|p| p.service == service && p.done_at.is_some());
        if self.after.is_some_and(|other| !reported(other)) {
            return Ok(Handled::Later);
        }
        let work = async {
            let ctx = event.traced(ctx);
            if !reported(self.service) {
                self.do_part::<R>(&ctx, &erasure, answer.employee_no).await?;
            }
            advance::<R>(&self.store, &ctx, event, || Audit::new("suite.person.erase_reported", "erasure", &event.key))
                .await
        };
        work.instrument(event.span(self.service)).await?;
        Ok(Handled::Done)
    }

    async fn do_part<R: Rpc>(&self, ctx: &OpContext, erasure: &Erasure, employee_no: String) -> Result<()> {
        let (id, person) = (erasure.erasure_id.parse()?, erasure.person_id.parse()?);
        let rows = self.erase::<R>(ctx, Subject { erasure: id, person, employee_no }).await?;
        let mut client = ErasureServiceClient::new(self.identity.channel());
        let ask = ReportErasureRequest { erasure_id: erasure.erasure_id.clone(), rows };
        client.report_erasure(self.identity.as_service(ctx, ask)).await.map_err(error_from)?;
        Ok(())
    }

    /// Erases in this service: how many rows were removed or cleared.
    async fn erase<R: Rpc>(&self, ctx: &OpContext, subject: Subject) -> Result<u64> {
        let permit = ctx.permit::<R>(&Target::tenant())?;
        let (erasure, person) = (subject.erasure, subject.person);
        let beside = match &self.before {
            Some(before) => before(ctx.clone(), subject).await?,
            None => 0,
        };
        let erase = async |work: UnitOfWork| {
            work.erase_person(person).await?;
            let mut rows = 0;
            for table in self.data_tables {
                rows += table.erase(&work, person).await?;
            }
            let audit = Audit::new("suite.person.erase", "person", person).about(person);
            Ok((work, audit.note("erasure", erasure).note("rows", beside + rows), rows))
        };
        let rows = beside + perform(&self.store, ctx, &permit, erase).await?;
        self.store.wipe().await?;
        Ok(rows)
    }
}

/// Takes an event as done whose effect is in units before it.
async fn advance<R: Rpc>(
    store: &Store,
    ctx: &OpContext,
    event: &Received,
    audit: impl Fn() -> Audit + Sync,
) -> Result<()> {
    let permit = ctx.permit::<R>(&Target::tenant())?;
    event.once(store, ctx, &permit, async |work| Ok((work, audit()))).await
}

/// Removes a group that was deleted, but for the logs and the tables in `keep`, and takes the event as done.
///
/// # Errors
/// `PERMISSION_DENIED`; `STORE_UNAVAILABLE`.
pub async fn purge<R: Rpc>(store: &Store, ctx: &OpContext, event: &Received, keep: &[&str]) -> Result<()> {
    purge_tenant::<R>(store, ctx, keep).await?;
    advance::<R>(store, ctx, event, || Audit::new("suite.tenant.removed", "tenant", ctx.tenant())).await
}

/// Removes all that a service holds of the context's group but the logs and the tables in `keep`, many units one after the
/// other, and destroys its keys at the end. It may be stopped anywhere and done again.
async fn purge_tenant<R: Rpc>(store: &Store, ctx: &OpContext, keep: &[&str]) -> Result<()> {
    let permit = ctx.permit::<R>(&Target::tenant())?;
    loop {
        let remove = async |work: UnitOfWork| {
            let rows = work.purge_tenant(keep, REMOVED_AT_ONCE).await?;
            if rows == 0 {
                work.destroy_tenant_keys().await?;
            }
            Ok((work, Audit::new("suite.tenant.remove", "tenant", ctx.tenant()).note("rows", rows), rows))
        };
        if perform(store, ctx, &permit, remove).await? == 0 {
            return store.wipe().await;
        }
    }
}
