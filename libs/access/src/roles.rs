//! The ready roles, as data. A role names permissions and the scopes it may be given on; a grant adds the scope itself.
//!
//! No role that manages people reads pay: `supervisor`, `branch_hr`, `group_hr` and `group_admin` lack
//! `compensation.statement.read_pay`. Roles of services are given to nobody; they are what background work may do.

mod book;
mod services;

use crate::Permission::{self, *};
use crate::ScopeKind;

pub use self::book::RoleBook;
pub use self::services::SERVICES;

/// A named set of permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role {
    /// The stable name.
    pub name: &'static str,
    /// What it gives.
    pub permissions: &'static [Permission],
    /// The scopes it may be given on; none for the role of a service, which is given to nobody.
    pub scopes: &'static [ScopeKind],
}

/// Roles that people and logins are given.
pub const READY: &[Role] = &[
    Role { name: "agent", permissions: AGENT, scopes: &[ScopeKind::Own] },
    Role { name: "supervisor", permissions: SUPERVISOR, scopes: TEAMS },
    Role { name: "branch_hr", permissions: BRANCH_HR, scopes: BRANCHES },
    Role { name: "group_hr", permissions: GROUP_HR, scopes: GROUP },
    Role { name: "compensation_specialist", permissions: COMPENSATION_SPECIALIST, scopes: BRANCHES_OR_GROUP },
    Role { name: "approver", permissions: APPROVER, scopes: BRANCHES_OR_GROUP },
    Role { name: "integrator", permissions: INTEGRATOR, scopes: BRANCHES_OR_GROUP },
    Role { name: "auditor", permissions: AUDITOR, scopes: GROUP },
    Role { name: "platform_operator", permissions: PLATFORM_OPERATOR, scopes: GROUP },
    Role { name: "group_admin", permissions: GROUP_ADMIN, scopes: GROUP },
];

/// The role of the first administrator.
pub const FIRST_ADMIN: &str = "group_admin";

/// A ready role, by its name.
pub fn find(name: &str) -> Option<&'static Role> {
    READY.iter().find(|role| role.name == name)
}

/// The role of a service of the suite, by the service's name (`performance`).
pub fn of_service(service: &str) -> Option<&'static Role> {
    SERVICES.iter().find(|role| role.name.strip_prefix("service_") == Some(service))
}

const TEAMS: &[ScopeKind] = &[ScopeKind::Reports, ScopeKind::Unit, ScopeKind::Subtree];
const BRANCHES: &[ScopeKind] = &[ScopeKind::Subtree, ScopeKind::LegalEntity, ScopeKind::Region];
const GROUP: &[ScopeKind] = &[ScopeKind::Tenant];
const BRANCHES_OR_GROUP: &[ScopeKind] =
    &[ScopeKind::Subtree, ScopeKind::LegalEntity, ScopeKind::Region, ScopeKind::Tenant];

/// Own work, own score, own pay.
const AGENT: &[Permission] = &[
    TenantRead,
    OrgRead,
    PersonRead,
    PersonReadPii,
    PersonReadIdNumber,
    LeaveReadMedical,
    RoleRead,
    RateRead,
    SiteRead,
    RosterRead,
    PunchRead,
    PunchRecord,
    AccountRead,
    HandoverRead,
    HandoverRecord,
    AliasRead,
    DeviceRead,
    OccupancyRead,
    CorrectionRequest,
    CorrectionRead,
    RecordRead,
    ClaimRecord,
    ObservationRead,
    CreditRead,
    SchemeRead,
    CycleRead,
    CardRead,
    StatementRead,
    StatementReadPay,
    ProfileRead,
    EvidenceRead,
];

/// The team's duty and performance; nobody's pay.
const SUPERVISOR: &[Permission] = &[
    TenantRead,
    OrgRead,
    PersonRead,
    PersonReadPii,
    RoleRead,
    RateRead,
    DelegationWrite,
    SiteRead,
    RosterRead,
    RosterWrite,
    PunchRead,
    AccountRead,
    HandoverRead,
    HandoverRecord,
    AliasRead,
    DeviceRead,
    OccupancyRead,
    CorrectionRequest,
    CorrectionApprove,
    CorrectionRead,
    RecordRead,
    ObservationRead,
    CreditRead,
    SchemeRead,
    CycleRead,
    CardRead,
    ProfileRead,
    EvidenceRead,
];

/// A branch's people, duty, cycles and settlements; nobody's pay.
const BRANCH_HR: &[Permission] = &[
    TenantRead,
    OrgRead,
    OrgWrite,
    PersonRead,
    PersonWrite,
    PersonReadPii,
    PersonReadIdNumber,
    LeaveReadMedical,
    LoginWrite,
    GrantRead,
    GrantWrite,
    RoleRead,
    RateRead,
    DelegationWrite,
    ErasureRequest,
    ErasureRead,
    SiteRead,
    SiteWrite,
    RosterRead,
    RosterWrite,
    PunchRead,
    PunchImport,
    AccountRead,
    AccountWrite,
    HandoverRead,
    HandoverRecord,
    HandoverImport,
    AliasRead,
    AliasWrite,
    DeviceRead,
    DeviceWrite,
    OccupancyRead,
    CorrectionRequest,
    CorrectionApprove,
    CorrectionRead,
    RecordRead,
    RecordImport,
    ClaimRecord,
    ObservationRead,
    ObservationImport,
    CreditRead,
    SchemeRead,
    SchemeWrite,
    CycleRead,
    CycleWrite,
    CycleClose,
    CyclePublish,
    CardRead,
    SettlementRead,
    StatementRead,
    ProfileRead,
    EvidenceRead,
];

/// The group's standards and comparisons; nobody's pay.
const GROUP_HR: &[Permission] = &[
    TenantRead,
    OrgRead,
    OrgWrite,
    PersonRead,
    PersonWrite,
    PersonReadPii,
    PersonReadIdNumber,
    LeaveReadMedical,
    LoginWrite,
    GrantRead,
    GrantWrite,
    RoleRead,
    RateWrite,
    RateRead,
    DelegationWrite,
    ErasureRequest,
    ErasureApprove,
    ErasureRead,
    HoldWrite,
    HoldRead,
    RetentionWrite,
    RetentionRead,
    RetentionRun,
    SiteRead,
    SiteWrite,
    RosterRead,
    RosterWrite,
    PunchRead,
    PunchImport,
    AccountRead,
    AccountWrite,
    HandoverRead,
    HandoverRecord,
    HandoverImport,
    AliasRead,
    AliasWrite,
    DeviceRead,
    DeviceWrite,
    OccupancyRead,
    CorrectionRequest,
    CorrectionApprove,
    CorrectionRead,
    RecordRead,
    RecordImport,
    ClaimRecord,
    ObservationRead,
    ObservationImport,
    CreditRead,
    SchemeRead,
    SchemeWrite,
    CycleRead,
    CycleWrite,
    CycleClose,
    CyclePublish,
    CardRead,
    TransferPrepare,
    TransferImport,
    TransferRead,
    SettlementRead,
    StatementRead,
    ProfileRead,
    EvidenceRead,
];

/// Prepares what somebody else approves.
const COMPENSATION_SPECIALIST: &[Permission] = &[
    TenantRead,
    OrgRead,
    PersonRead,
    PersonReadPii,
    RoleRead,
    RateWrite,
    RateRead,
    DelegationWrite,
    AccountRead,
    CreditRead,
    SchemeRead,
    CycleRead,
    CardRead,
    PoolRead,
    PoolWrite,
    SettlementRead,
    SettlementPrepare,
    SettlementPost,
    StatementRead,
    StatementReadPay,
];

/// Approves what somebody else prepared.
const APPROVER: &[Permission] = &[
    TenantRead,
    OrgRead,
    PersonRead,
    PersonReadPii,
    RoleRead,
    RateRead,
    DelegationWrite,
    CreditRead,
    SchemeRead,
    CycleRead,
    CardRead,
    TransferApprove,
    TransferRead,
    PoolRead,
    SettlementRead,
    SettlementApprove,
    StatementRead,
    StatementReadPay,
];

/// Pushes records and duty in, takes pay results out.
const INTEGRATOR: &[Permission] = &[
    TenantRead,
    OrgRead,
    OrgWrite,
    PersonRead,
    PersonWrite,
    PersonReadPii,
    RateWrite,
    RateRead,
    SiteRead,
    SiteWrite,
    RosterRead,
    RosterWrite,
    PunchRead,
    PunchImport,
    AccountRead,
    AccountWrite,
    HandoverRead,
    HandoverImport,
    AliasRead,
    AliasWrite,
    DeviceRead,
    DeviceWrite,
    RecordRead,
    RecordImport,
    ClaimRecord,
    ObservationRead,
    ObservationImport,
    CycleRead,
    SettlementRead,
    StatementRead,
    StatementReadPay,
];

/// Reads all that a replay needs, and changes nothing.
const AUDITOR: &[Permission] = &[
    TenantRead,
    OrgRead,
    PersonRead,
    PersonReadPii,
    GrantRead,
    RoleRead,
    RateRead,
    BreakGlassReview,
    ErasureRead,
    HoldRead,
    RetentionRead,
    SiteRead,
    RosterRead,
    PunchRead,
    AccountRead,
    HandoverRead,
    AliasRead,
    DeviceRead,
    OccupancyRead,
    CorrectionRead,
    RecordRead,
    ObservationRead,
    CreditRead,
    SchemeRead,
    CycleRead,
    CardRead,
    TransferRead,
    PoolRead,
    SettlementRead,
    StatementRead,
    StatementReadPay,
    ProfileRead,
    EvidenceRead,
    AuditRead,
];

/// Keeps it running; sees nobody's data.
const PLATFORM_OPERATOR: &[Permission] = &[
    TenantRead,
    TenantSuspend,
    TenantDelete,
    OrgRead,
    RoleRead,
    BreakGlass,
    EntitlementWrite,
    RetentionRead,
    RetentionRun,
    AuditRead,
];

/// Lays out the group and gives roles; sees nobody's score or pay.
const GROUP_ADMIN: &[Permission] = &[
    TenantRead,
    TenantWrite,
    TenantExport,
    OrgRead,
    OrgWrite,
    PersonRead,
    PersonWrite,
    PersonReadPii,
    LoginWrite,
    ServiceAccountWrite,
    SsoWrite,
    GrantRead,
    GrantWrite,
    GrantAny,
    RoleRead,
    RateRead,
    RoleWrite,
    DelegationAdmin,
    BreakGlass,
    BreakGlassReview,
    ErasureApprove,
    ErasureRead,
    HoldWrite,
    HoldRead,
    RetentionWrite,
    RetentionRead,
    RetentionRun,
    SiteRead,
    SiteWrite,
    AccountRead,
    AccountWrite,
    SchemeRead,
    CycleRead,
    AuditRead,
];
