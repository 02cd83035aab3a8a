//! Where the compiled access views come from.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tally_access::{OpContext, View};
use tally_api::identity::v1::GetViewRequest;
use tally_api::identity::v1::access_service_client::AccessServiceClient;
use tally_kernel::id::{PrincipalId, SessionId, TenantId};
use tally_kernel::{Error, Kind, Result};
use tonic::{Request, async_trait};

use crate::channel::{RpcChannel, service_refused};
use crate::layers::Views;
use crate::peer::{Peer, bearer};
use crate::signing::Signer;
use crate::status::error_from;
use crate::token::{Claims, invalid};
use crate::wire::read_view;

/// The longest time a view is used without asking again, whatever the answer says.
const LEASE_MAX: Duration = Duration::from_secs(1);
/// How many views are kept; beyond that, the least asked for go.
const MAX_KEPT: usize = 50_000;

/// Whose view: a session can end, and an API key may do less than its account, so each has its own.
type Holder = (TenantId, PrincipalId, SessionId);
/// Locked while identity is asked, so that many calls of one principal ask once.
type Entry = Arc<tokio::sync::Mutex<Option<Held>>>;

#[derive(Debug)]
struct Held {
    view: Arc<View>,
    until: Instant,
}

/// What a principal may do now, whoever is signed in: for work that a service does later in somebody's name. Rights that ask for a second
/// factor or for hours are provisional in it ([`View::at`]).
///
/// # Errors
/// `NOT_FOUND` where there is no such principal; what identity says, or that it is away.
pub async fn standing_view(identity: &Peer, ctx: &OpContext, principal: PrincipalId) -> Result<View> {
    let (tenant_id, principal_id) = (ctx.tenant().to_string(), principal.to_string());
    let ask = GetViewRequest { tenant_id, principal_id, ..Default::default() };
    let reply = AccessServiceClient::new(identity.channel()).get_view(identity.as_service(ctx, ask)).await;
    read_view(reply.map_err(error_from)?.into_inner())
}

/// Views asked of identity and kept for a lease of a second.
#[derive(Debug)]
pub struct LeasedViews {
    client: AccessServiceClient<RpcChannel>,
    signer: Arc<Signer>,
    kept: Mutex<HashMap<Holder, Entry>>,
}

impl LeasedViews {
    /// Asks identity through `channel`, as the service that `signer` signs for.
    pub fn new(channel: RpcChannel, signer: Arc<Signer>) -> Self {
        Self { client: AccessServiceClient::new(channel), signer, kept: Mutex::default() }
    }

    fn entry(&self, holder: Holder) -> Entry {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.retain(|_, entry| Arc::strong_count(entry) > 1);
        }
        Arc::clone(kept.entry(holder).or_default())
    }

    async fn ask(&self, holder: Holder, known: Option<&Arc<View>>) -> Result<Held> {
        // The lease runs from before the question: what changed meanwhile is seen in time.
        let asked = Instant::now();
        let mut request = Request::new(GetViewRequest {
            tenant_id: holder.0.to_string(),
            principal_id: holder.1.to_string(),
            session_id: holder.2.to_string(),
            known_revision: known.map_or(0, |view| view.revision()),
        });
        bearer(&mut request, &self.signer.token(holder.0, None)?);
        let reply = self.client.clone().get_view(request).await.map_err(refusal)?.into_inner();
        let until = asked + Duration::from_millis(reply.lease_ms.into()).min(LEASE_MAX);
        match known {
            Some(view) if reply.unchanged => Ok(Held { view: Arc::clone(view), until }),
            _ => Ok(Held { view: Arc::new(read_view(reply)?), until }),
        }
    }
}

/// What a refusal of identity means for the caller whose view was asked for. That the session has ended, or that there is
/// no such principal, is said of the caller; any other no is said of this service, which is no fault of the caller's.
fn refusal(status: tonic::Status) -> Error {
    let error = error_from(status);
    match (error.kind(), error.reason()) {
        (Kind::Unauthenticated, "SESSION_ENDED") => error,
        (Kind::NotFound, _) => invalid(),
        (Kind::Unauthenticated | Kind::PermissionDenied, _) => service_refused(&error),
        _ => error,
    }
}

#[async_trait]
impl Views for LeasedViews {
    async fn view(&self, claims: &Claims, fresh: bool) -> Result<Arc<View>> {
        let holder = (claims.tid, claims.sub, claims.sid.ok_or_else(invalid)?);
        let entry = self.entry(holder);
        let mut held = entry.lock().await;
        if let Some(held) = held.as_ref()
            && !fresh
            && Instant::now() < held.until
        {
            return Ok(Arc::clone(&held.view));
        }
        let asked = self.ask(holder, held.as_ref().map(|held| &held.view)).await?;
        let view = Arc::clone(&asked.view);
        *held = Some(asked);
        Ok(view)
    }
}
