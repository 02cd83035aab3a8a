//! The policy table: which permission every rpc asks for, and the proofs that it was asked.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use jiff::civil::Date;
use strum_macros::Display;
use tally_kernel::id::{OrgUnitId, PersonId, PrincipalId, TenantId};

use crate::{Moment, Permission, Reach, Source, Target};

/// What an rpc does, as audit and caching need to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display)]
#[strum(serialize_all = "snake_case")]
pub enum Effect {
    /// Changes something: audited in its transaction.
    Change,
    /// Reads.
    Read,
    /// Reads what tells of people: audited when it shows somebody else's data.
    #[strum(serialize = "personal read")]
    PersonalRead,
    /// Reads what is sensitive: every read is audited, and the view is never older than the group's newest revision.
    #[strum(serialize = "sensitive read")]
    SensitiveRead,
}

/// What an rpc asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Needs {
    /// Nothing: anybody may call it, signed in or not.
    Nothing,
    /// A session, and no permission: the call is about the caller itself, such as changing one's own password.
    SignIn,
    /// This permission.
    Permission(Permission),
}

impl Needs {
    /// The word of the policy table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "public",
            Self::SignIn => "signed in",
            Self::Permission(permission) => permission.name(),
        }
    }

    /// The permission, where it asks for one.
    pub const fn permission(self) -> Option<Permission> {
        match self {
            Self::Nothing | Self::SignIn => None,
            Self::Permission(permission) => Some(permission),
        }
    }
}

/// One rpc, or one piece of background work that changes something; made by [`rpcs!`](crate::rpcs).
pub trait Rpc: 'static {
    /// Full name, `package.Service/Method`.
    const METHOD: &'static str;
    /// What it asks for.
    const NEEDS: Needs;
    /// What it does.
    const EFFECT: Effect;
    /// Where its answers hide fields from some callers: the permissions of which each opens, on a row that it reaches, the
    /// fields of its data class. Empty: its own permission opens what it shows.
    const OPENERS: &'static [Permission] = &[];
    /// Whether it is answered longest where there are too many calls: nobody works without it.
    const VITAL: bool = false;
}

/// One row of a service's policy table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyRow {
    /// Full name, `package.Service/Method`.
    pub method: &'static str,
    /// What it asks for.
    pub needs: Needs,
    /// What it does.
    pub effect: Effect,
    /// What opens fields of its answers; see [`Rpc::OPENERS`].
    pub openers: &'static [Permission],
    /// Whether it is answered longest; see [`Rpc::VITAL`].
    pub vital: bool,
}

impl PolicyRow {
    /// The row of `R`.
    pub const fn of<R: Rpc>() -> Self {
        Self { method: R::METHOD, needs: R::NEEDS, effect: R::EFFECT, openers: R::OPENERS, vital: R::VITAL }
    }
}

/// Declares the rpcs of a service: a type each, and the table `POLICY`.
///
/// ```
/// mod policy {
///     tally_access::rpcs! {
///         RecordPunch = "tally.attendance.v1.PunchService/RecordPunch", PunchRecord, Change vital;
///         SignIn = "tally.identity.v1.SessionService/SignIn", public, Change;
///         ChangePassword = "tally.identity.v1.LoginService/ChangePassword", signed_in, Change;
///         GetStatement = "tally.compensation.v1.StatementService/GetStatement", StatementRead, SensitiveRead,
///             opened_by StatementReadPay CardRead;
///     }
/// }
/// use tally_access::Rpc as _;
/// assert_eq!(policy::RecordPunch::METHOD, policy::POLICY[0].method);
/// assert!(policy::POLICY[0].vital && !policy::POLICY[1].vital);
/// assert_eq!(policy::POLICY[1].needs, tally_access::Needs::Nothing);
/// assert_eq!(policy::POLICY[2].needs, tally_access::Needs::SignIn);
/// assert_eq!(policy::POLICY[3].openers.len(), 2);
/// ```
#[macro_export]
macro_rules! rpcs {
    ($($(#[$doc:meta])* $name:ident = $method:literal, $permission:ident, $effect:ident $($vital:ident)?
        $(, opened_by $($opener:ident)+)?;)+) => {
        $(
            #[doc = concat!("The rpc `", $method, "`.")]
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl $crate::Rpc for $name {
                const METHOD: &'static str = $method;
                const NEEDS: $crate::Needs = $crate::rpcs!(@needs $permission);
                const EFFECT: $crate::Effect = $crate::Effect::$effect;
                $(const OPENERS: &'static [$crate::Permission] = &[$($crate::Permission::$opener),+];)?
                $(const VITAL: bool = $crate::rpcs!(@$vital);)?
            }
        )+
        /// What every rpc of this service asks for.
        pub const POLICY: &[$crate::PolicyRow] = &[$($crate::PolicyRow::of::<$name>()),+];
    };
    (@vital) => { true };
    (@needs public) => { $crate::Needs::Nothing };
    (@needs signed_in) => { $crate::Needs::SignIn };
    (@needs $permission:ident) => { $crate::Needs::Permission($crate::Permission::$permission) };
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

    /// The permission that was asked for, where one was.
    pub fn permission(&self) -> Option<Permission> {
        R::NEEDS.permission()
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

    /// The same and the rows of these units: where a rule of the rows opens more than grants name, as a scheme that is read from
    /// below its owner.
    #[must_use]
    pub fn with_units(mut self, units: impl IntoIterator<Item = OrgUnitId>) -> Self {
        Arc::make_mut(&mut self.reach).extend(units);
        self
    }

    /// The same and the rows about these people: where a rule of the rows opens more than grants name, as the credits behind a card.
    #[must_use]
    pub fn with_people(mut self, people: impl IntoIterator<Item = PersonId>) -> Self {
        Arc::make_mut(&mut self.reach).persons.extend(people);
        self
    }

    /// The same for what is of several days: units that hung there on any of them.
    #[must_use]
    pub fn during(mut self, first: Date, last: Date) -> Self {
        let reach = Arc::make_mut(&mut self.reach);
        let moved = std::mem::take(&mut reach.moved).into_iter();
        let held = moved.filter(|(_, stays)| stays.hold(Some(Moment::Days(first, Some(last)))));
        reach.extend(held.map(|(unit, _)| unit));
        self
    }

    /// On which of these days what is of a place is among the rows: stretches in order, apart from each other.
    pub fn days(&self, of: &Target, first: Date, last: Date) -> Vec<(Date, Date)> {
        self.reach.days(of, first, last)
    }

    /// The plan for the parts of a whole: whoever reaches the whole (the unit whose month it is) reaches each part of it, also
    /// that of somebody who was elsewhere on its day; anybody else the parts that the grants reach.
    #[must_use]
    pub fn through(mut self, whole: &Target) -> Self {
        if self.covers(whole) {
            self.reach = Arc::new(Reach::everything());
        }
        self
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
