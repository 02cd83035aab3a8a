//! What everything that works for someone is told: who, when, how long, where, in which language.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use tally_kernel::id::{PersonId, SessionId, TenantId};
use tally_kernel::{Clock, Error, Kind, Result, Rng, msg};
use uuid::Uuid;

use crate::rpc::Holder;
use crate::{
    Actor, ActorKind, Decision, Locale, Needs, Permission, Permit, Plan, Reach, Regions, Rpc, Source, Target, View,
    decide,
};

/// The first parameter of everything that works for someone. Cheap to clone.
#[derive(Clone, Debug)]
pub struct OpContext {
    /// Who calls.
    pub actor: Actor,
    /// What the caller may do.
    pub view: Arc<View>,
    /// The regions whose data this stack serves.
    pub regions: Regions,
    /// Tells the time.
    pub clock: Clock,
    /// Gives ids and salts.
    pub rng: Rng,
    /// When the caller stops waiting.
    pub deadline: Option<Instant>,
    /// W3C `traceparent` of the call.
    pub trace: Option<String>,
    /// Language of the sentences the caller reads.
    pub locale: Locale,
    /// The bearer token as received: forwarded to peers when working for the caller.
    pub token: Option<String>,
    /// The consistency token that came along: peers see the change that gave it, too.
    pub consistency: Option<String>,
    /// Whether the session was opened with a second factor.
    pub second_factor: bool,
    /// The session of the token; nothing for services and for nobody.
    pub session: Option<SessionId>,
}

impl OpContext {
    /// A context for `actor` with nothing but a clock and randomness: no deadline, no trace, every region, English.
    pub fn new(actor: Actor, view: Arc<View>, clock: Clock, rng: Rng) -> Self {
        Self {
            actor,
            view,
            regions: Regions::All,
            clock,
            rng,
            deadline: None,
            trace: None,
            locale: Locale::En,
            token: None,
            consistency: None,
            second_factor: false,
            session: None,
        }
    }

    /// The caller's group.
    pub fn tenant(&self) -> TenantId {
        self.actor.tenant
    }

    /// The current instant, to the millisecond.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A new UUIDv7 of the current instant.
    pub fn new_id(&self) -> Uuid {
        self.rng.uuid(self.now())
    }

    /// Whether the caller may use `permission` on `target`: for masking and for rules finer than an rpc. To do
    /// something, ask for a permit.
    pub fn may(&self, permission: Permission, target: &Target) -> bool {
        decide(&self.view, permission, target) == Decision::Allow
    }

    /// Whether the caller may use `permission` on anything at all.
    pub fn may_somewhere(&self, permission: Permission) -> bool {
        self.view.reach(permission).is_some()
    }

    /// Whether what tells of these people tells the caller of somebody else. A service works for somebody, whose own call
    /// is where that counts.
    pub fn shows_others(&self, people: impl IntoIterator<Item = PersonId>) -> bool {
        let own = self.actor.person();
        !self.is_service() && people.into_iter().any(|person| own != Some(person))
    }

    /// Whether a service calls, for itself or for somebody.
    pub fn is_service(&self) -> bool {
        matches!(self.actor.kind, ActorKind::Service(_))
    }

    /// A permit to do `R` to `target`.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` for nobody, `PERMISSION_DENIED`, or `REGION_NOT_SERVED` when the data live elsewhere.
    pub fn permit<R: Rpc>(&self, target: &Target) -> Result<Permit<R>> {
        self.serve(target)?;
        match R::NEEDS {
            Needs::Nothing => Ok(self.proof(Source::Own)),
            Needs::SignIn => self.signed_in().map(|()| self.proof(Source::Own)),
            Needs::Permission(permission) => match decide(&self.view, permission, target) {
                Decision::Allow => Ok(self.proof(self.view.source(permission, target))),
                denial => {
                    let by_unit = self.view.reach(permission).is_some_and(|reach| reach.has_units());
                    Err(self.denied(permission, denial, by_unit && target.is_groups()))
                }
            },
        }
    }

    /// A permit to read one `what` with the id `id`. What is out of reach is not found, so that asking tells nothing;
    /// a caller who may read none at all is told so.
    ///
    /// # Errors
    /// `NOT_FOUND`, `PERMISSION_DENIED`, `UNAUTHENTICATED` or `REGION_NOT_SERVED`.
    pub fn permit_read<R: Rpc>(
        &self,
        target: &Target,
        what: &'static str,
        id: impl std::fmt::Display,
    ) -> Result<Permit<R>> {
        match R::NEEDS.permission().map(|p| decide(&self.view, p, target)) {
            Some(Decision::OutOfReach) => Err(Error::not_found(what, id)),
            _ => self.permit(target),
        }
    }

    /// One permit for a bulk call: every target must be allowed. No targets at all ask for the permission somewhere.
    ///
    /// # Errors
    /// As [`permit`](Self::permit), for the first target that is not allowed.
    pub fn permit_all<R: Rpc>(&self, targets: impl IntoIterator<Item = Target>) -> Result<Permit<R>> {
        // Where the targets are found out later, what is delegated may be what opens them.
        let mut source = R::NEEDS.permission().map_or(Source::Own, |permission| self.view.likely_source(permission));
        for target in targets {
            // One row through a right makes the whole call one.
            let through = self.permit::<R>(&target)?.source;
            source = if source == Source::Own { through } else { source };
        }
        self.reach::<R>().map(|_| self.proof(source))
    }

    /// One permit for those of a bulk call that the caller may do, those, and the others. Whoever may do none at all is refused.
    ///
    /// # Errors
    /// As [`permit`](Self::permit), but not for what is out of reach.
    pub fn permit_those<R: Rpc, T>(
        &self,
        all: impl IntoIterator<Item = (T, Target)>,
    ) -> Result<(Permit<R>, Vec<T>, Vec<T>)> {
        let mut source = R::NEEDS.permission().map_or(Source::Own, |permission| self.view.likely_source(permission));
        let (mut within, mut beyond) = (Vec::new(), Vec::new());
        for (one, target) in all {
            match self.permit::<R>(&target) {
                Ok(Permit { source: through, .. }) => {
                    source = if source == Source::Own { through } else { source };
                    within.push(one);
                }
                Err(no) if no.kind() == Kind::PermissionDenied => beyond.push(one),
                Err(no) => return Err(no),
            }
        }
        self.reach::<R>().map(|_| (self.proof(source), within, beyond))
    }

    /// The filter of a list. A caller who reaches nothing at all is refused instead of shown an empty list.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` or `UNAUTHENTICATED`.
    pub fn plan<R: Rpc>(&self) -> Result<Plan<R>> {
        Ok(Plan { reach: self.reach::<R>()?, grant: self.holder(), rpc: PhantomData })
    }

    /// A context in which a service works in the background for the group of `self`: its own principal and view, with
    /// the caller's kept as `on_behalf_of`, and no token or deadline of the caller.
    #[must_use]
    pub fn as_service(&self, name: &str) -> Self {
        let behalf = match self.actor.kind {
            ActorKind::Person(_) | ActorKind::User => Some(self.actor.principal),
            ActorKind::Service(_) | ActorKind::Nobody => self.actor.on_behalf_of,
        };
        Self {
            actor: Actor::service(name, self.tenant(), behalf),
            view: Arc::new(crate::compile_service(name, self.view.revision())),
            deadline: None,
            token: None,
            consistency: None,
            session: None,
            ..self.clone()
        }
    }

    fn reach<R: Rpc>(&self) -> Result<Arc<Reach>> {
        match R::NEEDS {
            // A public list shows what is public to all: rows are not somebody's.
            Needs::Nothing => Ok(Arc::new(Reach::everything())),
            Needs::SignIn => {
                self.signed_in()?;
                Ok(Arc::new(Reach { persons: self.actor.person().into_iter().collect(), ..Reach::default() }))
            }
            Needs::Permission(permission) => {
                let none = || self.denied(permission, Decision::NoPermission, false);
                self.view.reach(permission).cloned().ok_or_else(none)
            }
        }
    }

    fn signed_in(&self) -> Result<()> {
        match self.actor.kind {
            ActorKind::Person(_) | ActorKind::User => Ok(()),
            ActorKind::Nobody => Err(unauthenticated()),
            ActorKind::Service(_) => Err(Error::of(Kind::PermissionDenied, msg!("PERMISSION_DENIED.signed_in"))),
        }
    }

    fn serve(&self, target: &Target) -> Result<()> {
        match &target.region {
            Some(region) if !self.regions.serve(region) => Err(self.regions.refuse(region)),
            _ => Ok(()),
        }
    }

    fn holder(&self) -> Holder {
        Holder { tenant: self.actor.tenant, principal: self.actor.principal }
    }

    fn proof<R: Rpc>(&self, source: Source) -> Permit<R> {
        Permit { grant: self.holder(), source, rpc: PhantomData }
    }

    fn denied(&self, permission: Permission, denial: Decision, names_no_unit: bool) -> Error {
        if self.actor.kind == ActorKind::Nobody {
            return unauthenticated();
        }
        if !self.view.modules().hold(permission) {
            let message = msg!("MODULE_NOT_ENTITLED", module = permission.module(), permission);
            return Error::of(Kind::PermissionDenied, message);
        }
        if self.view.is_suspended() {
            return Error::of(Kind::FailedPrecondition, msg!("TENANT_SUSPENDED"));
        }
        let message = match denial {
            Decision::OutOfReach if names_no_unit => msg!("PERMISSION_DENIED.group", permission),
            Decision::OutOfReach => msg!("PERMISSION_DENIED.here", permission),
            Decision::Allow | Decision::NoPermission => msg!("PERMISSION_DENIED.at_all", permission),
        };
        Error::of(Kind::PermissionDenied, message)
    }
}

fn unauthenticated() -> Error {
    Error::of(Kind::Unauthenticated, msg!("UNAUTHENTICATED"))
}
