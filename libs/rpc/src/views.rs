//! Where the compiled access views come from.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tally_access::{Permission, Reach, Region, View};
use tally_api::identity::v1::access_service_client::AccessServiceClient;
use tally_api::identity::v1::{GetViewRequest, GetViewResponse, Rule};
use tally_kernel::id::{OrgUnitId, PersonId, PrincipalId, TenantId};
use tally_kernel::{Error, Result};
use tonic::{Request, async_trait};

use crate::channel::RpcChannel;
use crate::peer::bearer;
use crate::status::error_from;
use crate::token::{Claims, Signer};

/// The longest time a view is used without asking again, whatever the answer says.
const LEASE_MAX: Duration = Duration::from_secs(1);
/// How many views are kept; beyond that, the least asked for go.
const MAX_KEPT: usize = 50_000;

/// A source of views of people and logins. Identity compiles its own; every other service asks identity. (The view of
/// a service is part of the program: nobody is asked for it.)
#[async_trait]
pub trait Views: Send + Sync + 'static {
    /// The view of the principal that `claims` names. `fresh`: it must hold every change that is committed now, because
    /// the call reads what is sensitive or the caller sent a consistency token.
    ///
    /// # Errors
    /// When it cannot be known: nobody is let in on an old view.
    async fn view(&self, claims: &Claims, fresh: bool) -> Result<Arc<View>>;
}

type Principal = (TenantId, PrincipalId);
/// Locked while identity is asked, so that many calls of one principal ask once.
type Entry = Arc<tokio::sync::Mutex<Option<Held>>>;

#[derive(Debug)]
struct Held {
    view: Arc<View>,
    until: Instant,
}

/// Views asked of identity and kept for a lease of a second.
#[derive(Debug)]
pub struct LeasedViews {
    client: AccessServiceClient<RpcChannel>,
    signer: Arc<Signer>,
    kept: Mutex<HashMap<Principal, Entry>>,
}

impl LeasedViews {
    /// Asks identity through `channel`, as the service that `signer` signs for.
    pub fn new(channel: RpcChannel, signer: Arc<Signer>) -> Self {
        Self { client: AccessServiceClient::new(channel), signer, kept: Mutex::default() }
    }

    fn entry(&self, principal: Principal) -> Entry {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.retain(|_, entry| Arc::strong_count(entry) > 1);
        }
        Arc::clone(kept.entry(principal).or_default())
    }

    async fn ask(&self, principal: Principal, known: Option<&Arc<View>>) -> Result<Held> {
        // The lease runs from before the question: what changed meanwhile is seen in time.
        let asked = Instant::now();
        let mut request = Request::new(GetViewRequest {
            tenant_id: principal.0.to_string(),
            principal_id: principal.1.to_string(),
            known_revision: known.map_or(0, |view| view.revision()),
        });
        bearer(&mut request, &self.signer.token(principal.0, None)?);
        let reply = self.client.clone().get_view(request).await.map_err(error_from)?.into_inner();
        let until = asked + Duration::from_millis(reply.lease_ms.into()).min(LEASE_MAX);
        match known {
            Some(view) if reply.unchanged => Ok(Held { view: Arc::clone(view), until }),
            _ => Ok(Held { view: Arc::new(read_view(reply)?), until }),
        }
    }
}

#[async_trait]
impl Views for LeasedViews {
    async fn view(&self, claims: &Claims, fresh: bool) -> Result<Arc<View>> {
        let principal = (claims.tid, claims.sub);
        let entry = self.entry(principal);
        let mut held = entry.lock().await;
        if let Some(held) = held.as_ref()
            && !fresh
            && Instant::now() < held.until
        {
            return Ok(Arc::clone(&held.view));
        }
        let asked = self.ask(principal, held.as_ref().map(|held| &held.view)).await?;
        let view = Arc::clone(&asked.view);
        *held = Some(asked);
        Ok(view)
    }
}

/// Reads the view that identity sent. A permission this program does not know is one it never asks for.
fn read_view(reply: GetViewResponse) -> Result<View> {
    let person = Some(reply.person_id.as_str()).filter(|id| !id.is_empty()).map(str::parse::<PersonId>).transpose();
    let mut rules = Vec::with_capacity(reply.rules.len());
    for rule in reply.rules {
        if let Ok(permission) = rule.permission.parse::<Permission>() {
            rules.push((permission, Arc::new(read_reach(&rule).map_err(unreadable)?)));
        }
    }
    Ok(View::new(reply.revision, person.map_err(unreadable)?, rules))
}

fn read_reach(rule: &Rule) -> Result<Reach> {
    Ok(Reach {
        tenant: rule.tenant,
        regions: rule.regions.iter().map(|region| region.parse::<Region>()).collect::<Result<_>>()?,
        units: rule.unit_ids.iter().map(|id| id.parse::<OrgUnitId>()).collect::<Result<_>>()?,
        persons: rule.person_ids.iter().map(|id| id.parse::<PersonId>()).collect::<Result<_>>()?,
    })
}

fn unreadable(error: Error) -> Error {
    Error::internal(format!("identity sent a view that cannot be read: {error}"))
}

/// Writes a view as identity answers it: the other half of reading it, kept beside it.
pub fn write_rules(view: &View) -> Vec<Rule> {
    let rules = view.rules().map(|(permission, reach)| {
        let mut unit_ids: Vec<String> = reach.units.iter().map(ToString::to_string).collect();
        let mut person_ids: Vec<String> = reach.persons.iter().map(ToString::to_string).collect();
        unit_ids.sort_unstable();
        person_ids.sort_unstable();
        Rule {
            permission: permission.name().to_owned(),
            tenant: reach.tenant,
            regions: reach.regions.iter().map(ToString::to_string).collect(),
            unit_ids,
            person_ids,
        }
    });
    rules.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_survives_the_way_through_the_contract() {
        let reach = Reach {
            tenant: false,
            regions: ["cn-north".parse().unwrap()].into(),
            units: [OrgUnitId(uuid::Uuid::from_u128(7))].into_iter().collect(),
            persons: [PersonId(uuid::Uuid::from_u128(9))].into_iter().collect(),
        };
        let rules = [(Permission::PunchRecord, Arc::new(reach)), (Permission::OrgRead, Arc::new(Reach::everything()))];
        let view = View::new(41, Some(PersonId(uuid::Uuid::from_u128(9))), rules);
        let mut sent = write_rules(&view);
        sent.push(Rule { permission: "of.a.newer.release".into(), tenant: true, ..Default::default() });
        let reply = GetViewResponse {
            revision: 41,
            unchanged: false,
            rules: sent,
            person_id: uuid::Uuid::from_u128(9).to_string(),
            lease_ms: 1000,
        };
        let read = read_view(reply).unwrap();
        assert_eq!((read.revision(), read.person()), (view.revision(), view.person()));
        assert_eq!(read.rules().collect::<Vec<_>>(), view.rules().collect::<Vec<_>>());
    }

    #[test]
    fn a_view_with_a_broken_id_is_no_view() {
        let rule =
            Rule { permission: Permission::OrgRead.name().into(), unit_ids: vec!["7".into()], ..Default::default() };
        let reply = GetViewResponse { rules: vec![rule], ..Default::default() };
        assert_eq!(read_view(reply).unwrap_err().reason(), "INTERNAL");
    }
}
