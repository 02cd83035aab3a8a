//! Typed ids: a person's id cannot be handed over where an account's is wanted. All are UUIDv7.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{Error, Kind};
use crate::msg;
use crate::rng::Rng;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id of the instant `at`.
            pub fn generate(rng: &Rng, at: Timestamp) -> Self {
                Self(rng.uuid(at))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(s: &str) -> Result<Self, Error> {
                Uuid::parse_str(s).map(Self).map_err(|_| {
                    Error::of(Kind::InvalidArgument, msg!("ID_MALFORMED"))
                })
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Uuid {
                id.0
            }
        }
    )+};
}

// Append only, sorted by service.
ids! {
    /// A group enterprise: the hardest boundary of data.
    TenantId,
    /// Whoever signs in or works in the background: a person's login or a service.
    PrincipalId,
    /// A human being in the group.
    PersonId,
    /// A node of the dated org tree.
    OrgUnitId,
    /// A dated fact: person, unit, position, grade.
    EmploymentId,
    /// Days on which somebody is employed and away.
    LeaveId,
    /// Who reports to whom, for some days.
    ReportingLineId,
    /// A position or grade of the group's catalogue.
    CatalogueEntryId,
    /// A role given to a principal on a scope.
    GrantId,
    /// Rights that one principal delegates to another for a while.
    DelegationId,
    /// An emergency: rights that somebody took.
    BreakGlassId,
    /// A legal hold.
    HoldId,
    /// The erasure of a person.
    ErasureId,
    /// A sign-in that lasts, or an API key.
    SessionId,
    /// A place of work with a zone.
    SiteId,
    /// One published stretch of planned duty.
    ShiftId,
    /// One clock-in or clock-out.
    PunchId,
    /// A platform's login that serves customers.
    AccountId,
    /// One take or release of an account.
    HandoverId,
    /// A platform nickname's dated meaning.
    AliasId,
    /// A device's dated person or seat.
    DeviceId,
    /// A fact of duty that was put right, or is asked to be.
    CorrectionId,
    /// One customer session or ticket as the platform reported it.
    RecordId,
    /// A dialogue claimed with a click.
    ClaimId,
    /// A value of a measure for a subject.
    ObservationId,
    /// A measure of the catalogue.
    MeasureId,
    /// Something odd that a run or a cycle noticed.
    FindingId,
    /// A set of KPIs; its versions share it.
    SchemeId,
    /// Something that leaves its region for another one.
    TransferId,
    /// Who is credited with what over a period, found out once.
    AttributionRunId,
    /// One run of a scheme over a period.
    CycleId,
    /// One person's result in one cycle.
    ScoreCardId,
    /// Money to be split by a rule.
    PoolId,
    /// One run that turns scores into money.
    SettlementId,
    /// What one person got and why.
    StatementId,
    /// What one person gets more or less once a settlement was put right.
    DeltaId,
    /// One piece of evidence on a person's profile.
    EvidenceId,
    /// One entry of an outbox.
    EventId,
    /// One entry of an audit log.
    AuditId,
    /// One unit of background work.
    WorkItemId,
}
