//! Callers for tests of one service without identity: tokens that its stack accepts and views that a test writes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tally_access::{
    Actor, ActorKind, Circumstances, Condition, OpContext, Permission, PolicyRow, Provisional, Reach, Regions, Source,
    View,
};
use tally_cache::Cache;
use tally_kernel::id::{OrgUnitId, PersonId, PrincipalId, SessionId, TenantId};
use tally_kernel::{Clock, Result, Rng};
use tally_rpc::{
    AUDIENCE, Claims, IDENTITY, Limits, LocalKeys, ReadLog, Reading, Signer, SigningKey, Stack, StackConfig, TokenKind,
    Views,
};

/// Signs tokens as identity does and remembers who may do what. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Callers {
    /// The clock of every stack and context made here.
    pub clock: Clock,
    /// The randomness of every stack and context made here.
    pub rng: Rng,
    /// The keys that verify the tokens made here.
    pub keys: Arc<LocalKeys>,
    /// Where the stacks made here count calls.
    pub cache: Cache,
    key: SigningKey,
    views: Arc<Known>,
    readings: Arc<Readings>,
}

/// Readings, kept where a test finds them.
#[derive(Debug, Default)]
pub struct Readings(Mutex<Vec<Reading>>);

impl Readings {
    /// All of them, oldest first.
    pub fn all(&self) -> Vec<Reading> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[tonic::async_trait]
impl ReadLog for Readings {
    async fn note(&self, _ctx: &OpContext, reading: Reading) -> Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(reading);
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Known(Mutex<HashMap<PrincipalId, Arc<View>>>);

#[tonic::async_trait]
impl Views for Known {
    async fn view(&self, claims: &Claims, _fresh: bool) -> Result<Arc<View>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(known.get(&claims.sub).cloned().unwrap_or_else(|| Arc::new(View::nothing(0, claims.pid))))
    }
}

/// Somebody who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who it is.
    pub actor: Actor,
    /// The token it sends, good for ten minutes of the clock.
    pub token: String,
    /// What it may do.
    pub view: Arc<View>,
}

impl Callers {
    /// Callers at the instant of `clock`, with randomness that `seed` determines.
    ///
    /// # Panics
    /// When a key cannot be made.
    pub fn new(clock: Clock, seed: u64) -> Self {
        let rng = Rng::seeded(seed);
        let key = SigningKey::generate(IDENTITY, &rng);
        let keys = Arc::new(LocalKeys::new([key.public().clone()]));
        let (views, readings) = (Arc::default(), Arc::default());
        Self { clock, rng, keys, cache: Cache::memory(), key, views, readings }
    }

    /// A stack for a service under test.
    pub fn stack(&self, service: &'static str, policy: &'static [PolicyRow], limits: Limits) -> Stack {
        Stack::new(StackConfig {
            service,
            policy,
            keys: Arc::<LocalKeys>::clone(&self.keys),
            views: Arc::<Known>::clone(&self.views),
            regions: Regions::All,
            clock: self.clock.clone(),
            rng: self.rng.clone(),
            limits,
            cache: self.cache.clone(),
            reads: Arc::<Readings>::clone(&self.readings),
        })
    }

    /// What the stacks made here wrote down of what was read, oldest first.
    pub fn readings(&self) -> Vec<Reading> {
        self.readings.all()
    }

    /// A signer for a service, whose key the stacks made here accept.
    ///
    /// # Panics
    /// When a key cannot be made.
    pub fn signer(&self, service: &'static str) -> Arc<Signer> {
        let key = SigningKey::generate(service, &self.rng);
        self.keys.add(key.public().clone());
        Arc::new(Signer::new(service, key, self.clock.clone(), self.rng.clone()))
    }

    /// Somebody who signed in, with these rules.
    ///
    /// # Panics
    /// When the token cannot be signed.
    pub fn person(
        &self,
        tenant: TenantId,
        person: Option<PersonId>,
        rules: impl IntoIterator<Item = (Permission, Reach)>,
    ) -> Caller {
        let now = self.clock.now();
        let principal = PrincipalId::generate(&self.rng, now);
        let view =
            Arc::new(View::new(1, person, rules.into_iter().map(|(permission, reach)| (permission, Arc::new(reach)))));
        self.views.0.lock().unwrap_or_else(PoisonError::into_inner).insert(principal, Arc::clone(&view));
        let claims = Claims {
            iss: IDENTITY.into(),
            aud: AUDIENCE.into(),
            sub: principal,
            tid: tenant,
            rgn: Vec::new(),
            typ: if person.is_some() { TokenKind::Person } else { TokenKind::User },
            pid: person,
            sid: Some(SessionId::generate(&self.rng, now)),
            mfa: false,
            obo: None,
            exp: now.as_second() + 600,
            iat: now.as_second(),
            jti: self.rng.uuid(now),
        };
        let kind = person.map_or(ActorKind::User, ActorKind::Person);
        let actor = Actor { principal, kind, tenant, on_behalf_of: None };
        Caller { actor, token: self.key.sign(&claims).expect("a token"), view }
    }

    /// Somebody who is this person and may do these things with what is about oneself.
    pub fn of_person(&self, tenant: TenantId, person: PersonId, permissions: &[Permission]) -> Caller {
        let own = Reach { persons: [person].into_iter().collect(), ..Reach::default() };
        self.person(tenant, Some(person), permissions.iter().map(|p| (*p, own.clone())))
    }

    /// Somebody who may do these things with what belongs to a unit.
    pub fn of_unit(&self, tenant: TenantId, unit: OrgUnitId, permissions: &[Permission]) -> Caller {
        let unit = Reach { units: [unit].into_iter().collect(), ..Reach::default() };
        self.person(tenant, None, permissions.iter().map(|p| (*p, unit.clone())))
    }

    /// The same account from now on, with nothing of its own and everything that `delegator` has by a delegation.
    pub fn delegate(&self, delegator: &Caller, caller: &Caller) -> Caller {
        let provisional = Provisional {
            source: Source::Delegated(delegator.actor.principal),
            from: None,
            until: None,
            condition: Condition::default(),
            rules: delegator.view.rules().map(|(permission, reach)| (permission, Arc::clone(reach))).collect(),
        };
        let view =
            Arc::new(View::nothing(1, caller.actor.person()).with(vec![provisional], caller.view.zone().clone()));
        let mut views = self.views.0.lock().unwrap_or_else(PoisonError::into_inner);
        views.insert(caller.actor.principal, Arc::clone(&view));
        Caller { view, ..caller.clone() }
    }

    /// The context that a handler would get for `caller`: for tests of an app without its transport.
    pub fn context(&self, caller: &Caller) -> OpContext {
        let view = caller.view.at(&Circumstances { now: self.clock.now(), second_factor: false });
        let mut ctx = OpContext::new(caller.actor.clone(), view, self.clock.clone(), self.rng.clone());
        ctx.token = Some(caller.token.clone());
        ctx
    }
}

/// Who may want to approve what a caller, who may do everything, has prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approver {
    /// The preparer.
    Same,
    /// Somebody with a right that the preparer delegated.
    DelegatedByPreparer,
    /// The preparer, with a right that a third delegated.
    DelegatedToPreparer,
    /// Another account of the preparer's person.
    OtherAccount,
    /// Really somebody else.
    SomebodyElse,
}

impl Approver {
    /// Every one; only the last may.
    pub const ALL: [Self; 5] =
        [Self::Same, Self::DelegatedByPreparer, Self::DelegatedToPreparer, Self::OtherAccount, Self::SomebodyElse];

    /// The caller, once the preparer has prepared.
    pub fn caller(self, callers: &Callers, preparer: &Caller) -> Caller {
        let new = |person| callers.person(preparer.actor.tenant, person, everything());
        let other = || new(Some(PersonId::generate(&callers.rng, callers.clock.now())));
        match self {
            Self::Same => preparer.clone(),
            Self::DelegatedByPreparer => callers.delegate(preparer, &other()),
            Self::DelegatedToPreparer => callers.delegate(&other(), preparer),
            Self::OtherAccount => new(preparer.actor.person()),
            Self::SomebodyElse => other(),
        }
    }
}

/// Every permission on everything.
pub fn everything() -> impl Iterator<Item = (Permission, Reach)> {
    Permission::ALL.iter().map(|permission| (*permission, Reach::everything()))
}

impl Caller {
    /// A request with the caller's token.
    pub fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        tally_rpc::bearer(&mut request, &self.token);
        request
    }
}
