//! The policy table: which permission every rpc asks for, and the proofs that it was asked.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use tally_kernel::id::{PrincipalId, TenantId};

use crate::{Permission, Reach, Source, Target};

/// What an rpc does, as audit and caching need to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Changes something: audited in its transaction.
    Change,
    /// Reads.
    Read,
    /// Reads what is sensitive: every read is audited, and the view is never older than the group's newest revision.
    SensitiveRead,
}

impl Effect {
    /// The word of the policy table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Read => "read",
            Self::SensitiveRead => "sensitive read",
        }
    }
}

/// One rpc, or one piece of background work that changes something; made by [`rpcs!`](crate::rpcs).
pub trait Rpc: 'static {
    /// Full name, `package.Service/Method`.
    const METHOD: &'static str;
    /// What it asks for; nothing means that it is public.
    const PERMISSION: Option<Permission>;
    /// What it does.
    const EFFECT: Effect;
}

/// One row of a service's policy table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyRow {
    /// Full name, `package.Service/Method`.
    pub method: &'static str,
    /// What it asks for; nothing means that it is public.
    pub permission: Option<Permission>,
    /// What it does.
    pub effect: Effect,
}

impl PolicyRow {
    /// The row of `R`.
    pub const fn of<R: Rpc>() -> Self {
        Self { method: R::METHOD, permission: R::PERMISSION, effect: R::EFFECT }
    }
}

/// Declares the rpcs of a service: a type each, and the table `POLICY`.
///
/// ```
/// mod policy {
///     tally_access::rpcs! {
///         RecordPunch = "tally.attendance.v1.PunchService/RecordPunch", PunchRecord, Change;
///         SignIn = "tally.identity.v1.SessionService/SignIn", public, Change;
///     }
/// }
/// use tally_access::Rpc as _;
/// assert_eq!(policy::RecordPunch::METHOD, policy::POLICY[0].method);
/// assert_eq!(policy::POLICY[1].permission, None);
/// ```
#[macro_export]
macro_rules! rpcs {
    ($($(#[$doc:meta])* $name:ident = $method:literal, $permission:ident, $effect:ident;)+) => {
        $(
            #[doc = concat!("The rpc `", $method, "`.")]
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl $crate::Rpc for $name {
                const METHOD: &'static str = $method;
                const PERMISSION: Option<$crate::Permission> = $crate::rpcs!(@permission $permission);
                const EFFECT: $crate::Effect = $crate::Effect::$effect;
            }
        )+
        /// What every rpc of this service asks for.
        pub const POLICY: &[$crate::PolicyRow] = &[$($crate::PolicyRow::of::<$name>()),+];
    };
    (@permission public) => { None };
    (@permission $permission:ident) => { Some($crate::Permission::$permission) };
}

/// Whom a permit or plan was given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) tenant: TenantId,
    pub(crate) principal: PrincipalId,
}

/// Proof that the caller of `R` was allowed to. Only [`OpContext`](crate::OpContext) makes one, and it holds for the
/// group and the principal it was made for.
pub struct Permit<R: Rpc> {
    pub(crate) grant: Holder,
    pub(crate) source: Source,
    pub(crate) rpc: PhantomData<fn() -> R>,
}

impl<R: Rpc> Permit<R> {
    /// Full name of the rpc.
    pub fn method(&self) -> &'static str {
        R::METHOD
    }

    /// What the rpc does.
    pub fn effect(&self) -> Effect {
        R::EFFECT
    }

    /// What was asked for; nothing for a public rpc.
    pub fn permission(&self) -> Option<Permission> {
        R::PERMISSION
    }

    /// The group it holds for.
    pub fn tenant(&self) -> TenantId {
        self.grant.tenant
    }

    /// The principal it was given to.
    pub fn principal(&self) -> PrincipalId {
        self.grant.principal
    }

    /// Where the right came from: the audit log keeps it.
    pub fn source(&self) -> Source {
        self.source
    }
}

impl<R: Rpc> fmt::Debug for Permit<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permit({} for {})", R::METHOD, self.grant.principal)
    }
}

/// Which rows the caller of `R` may see: the filter of a list. Only [`OpContext`](crate::OpContext) makes one.
pub struct Plan<R: Rpc> {
    pub(crate) grant: Holder,
    pub(crate) reach: Arc<Reach>,
    pub(crate) rpc: PhantomData<fn() -> R>,
}

impl<R: Rpc> Plan<R> {
    /// Full name of the rpc.
    pub fn method(&self) -> &'static str {
        R::METHOD
    }

    /// What the rpc does.
    pub fn effect(&self) -> Effect {
        R::EFFECT
    }

    /// Which rows.
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Whether a row is among them: for lists that are filtered in memory.
    pub fn covers(&self, target: &Target) -> bool {
        self.reach.covers(target)
    }

    /// The group it holds for.
    pub fn tenant(&self) -> TenantId {
        self.grant.tenant
    }

    /// The principal it was given to.
    pub fn principal(&self) -> PrincipalId {
        self.grant.principal
    }
}

impl<R: Rpc> fmt::Debug for Plan<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plan({} for {})", R::METHOD, self.grant.principal)
    }
}
