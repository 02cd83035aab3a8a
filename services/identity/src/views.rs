//! Identity's own source of views: compiled from stored facts, kept until the facts or the day change.
//!
//! Every question reads the group's revision (one row by key), so a view is never older than the newest commit. What is
//! kept is only the work of compiling: the org tree once per revision, and a view per principal.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;
use tally_access::{Actor, OpContext, PersonFacts, UnitFact, View, compile, compile_service};
use tally_kernel::error::Kind;
use tally_kernel::id::{PersonId, PrincipalId, TenantId};
use tally_kernel::{Clock, Error, Result, Rng, time};
use tally_rpc::{Claims, Views};
use tally_store::{ScopedTx, Store};

use crate::access::domain::view_revision;
use crate::person::store::Key;
use crate::{SERVICE, access, org, person, session, tenant};

/// Views kept of one group; beyond, all are compiled anew.
const MAX_KEPT: usize = 50_000;

/// See the module's text.
pub struct OwnViews {
    store: Store,
    clock: Clock,
    rng: Rng,
    kept: Mutex<HashMap<TenantId, Kept>>,
}

/// What one revision of one group's facts was compiled to.
struct Kept {
    revision: u64,
    units: Arc<Vec<UnitFact>>,
    views: HashMap<PrincipalId, Arc<View>>,
}

impl OwnViews {
    /// Views from the facts in `store`.
    pub fn new(store: Store, clock: Clock, rng: Rng) -> Self {
        Self { store, clock, rng, kept: Mutex::default() }
    }

    /// The view of a principal as of the newest commit; nothing when there is no such principal.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn compiled(&self, tenant: TenantId, principal: PrincipalId) -> Result<Option<Arc<View>>> {
        let actor = Actor::service(SERVICE, tenant, None);
        let ctx = OpContext::new(actor, Arc::new(compile_service(SERVICE, 0)), self.clock.clone(), self.rng.clone());
        let tx = self.store.read(&ctx).await?;
        let facts = access::store::revision(&tx).await?;
        if facts == 0 {
            return Ok(None);
        }
        let today = today(&ctx, &tenant::store::get(&tx).await?.zone)?;
        let revision = view_revision(facts, today);
        if let Some(view) = self.kept(tenant, revision, principal) {
            return Ok(Some(view));
        }
        let Some(principal_row) = session::store::get(&tx, principal).await? else { return Ok(None) };
        let units = self.units(&tx, tenant, revision, today).await?;
        let grants = access::store::of(&tx, principal).await?;
        let assignments: Vec<_> = grants.into_iter().map(|grant| grant.assignment).collect();
        let person = facts_of(&tx, principal_row.person(), today).await?;
        let view = Arc::new(compile(revision, &assignments, &units, &person, today));
        self.keep(tenant, revision, principal, &view);
        Ok(Some(view))
    }

    fn kept(&self, tenant: TenantId, revision: u64, principal: PrincipalId) -> Option<Arc<View>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&tenant).filter(|kept| kept.revision == revision)?.views.get(&principal).cloned()
    }

    fn keep(&self, tenant: TenantId, revision: u64, principal: PrincipalId, view: &Arc<View>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.get_mut(&tenant).filter(|kept| kept.revision == revision) {
            if kept.views.len() >= MAX_KEPT {
                kept.views.clear();
            }
            kept.views.insert(principal, Arc::clone(view));
        }
    }

    async fn units(&self, tx: &ScopedTx, tenant: TenantId, revision: u64, today: Date) -> Result<Arc<Vec<UnitFact>>> {
        let there = |kept: &HashMap<TenantId, Kept>| {
            kept.get(&tenant).filter(|kept| kept.revision == revision).map(|kept| Arc::clone(&kept.units))
        };
        if let Some(units) = there(&self.kept.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(units);
        }
        let units = Arc::new(org::store::tree(tx).await?.facts(today));
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // A slower reader of an older revision must not push out what a newer one compiled.
        if kept.get(&tenant).is_none_or(|kept| kept.revision < revision) {
            kept.insert(tenant, Kept { revision, units: Arc::clone(&units), views: HashMap::new() });
        }
        Ok(units)
    }
}

async fn facts_of(tx: &ScopedTx, person: Option<PersonId>, today: Date) -> Result<PersonFacts> {
    let Some(id) = person else { return Ok(PersonFacts::default()) };
    let found = person::store::get(tx, &Key::Id(id)).await?;
    let employed = found.is_some_and(|person| person.employments.iter().any(|e| e.covers(today)));
    // No reporting lines are recorded yet: grants on that scope are refused when they are given.
    Ok(PersonFacts { person, reports: Vec::new(), employed })
}

#[tonic::async_trait]
impl Views for OwnViews {
    async fn view(&self, claims: &Claims, _fresh: bool) -> Result<Arc<View>> {
        let view = self.compiled(claims.tid, claims.sub).await?;
        view.ok_or_else(|| {
            Error::new(Kind::Unauthenticated, "TOKEN_INVALID", "the token is not valid here: sign in again")
        })
    }
}

/// The group's day.
pub(crate) fn today(ctx: &OpContext, zone: &str) -> Result<Date> {
    let zone = time::zone(zone).map_err(|e| Error::internal(format!("the group's zone: {e}")))?;
    Ok(zone.to_datetime(ctx.now()).date())
}
