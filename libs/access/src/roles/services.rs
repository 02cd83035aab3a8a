//! What background work may do: a role for each service, given to nobody.

use super::Role;
use crate::Permission::{self, *};

/// Roles of the services of the suite.
pub const SERVICES: &[Role] = &[
    Role { name: "service_identity", permissions: SERVICE_IDENTITY, scopes: &[] },
    Role { name: "service_attendance", permissions: SERVICE_ATTENDANCE, scopes: &[] },
    Role { name: "service_performance", permissions: SERVICE_PERFORMANCE, scopes: &[] },
    Role { name: "service_compensation", permissions: SERVICE_COMPENSATION, scopes: &[] },
    Role { name: "service_talent", permissions: SERVICE_TALENT, scopes: &[] },
];

const SERVICE_IDENTITY: &[Permission] = &[TenantRead, TenantDelete, OrgRead, PersonRead, GrantRead, ViewRead];

const SERVICE_ATTENDANCE: &[Permission] = &[
    TenantRead,
    OrgRead,
    PersonRead,
    PersonReadPii,
    ViewRead,
    ErasureRead,
    ErasureReport,
    HoldRead,
    RetentionRead,
    IdentityEventRead,
    SiteRead,
    RosterRead,
    PunchRead,
    AccountRead,
    HandoverRead,
    AliasRead,
    OccupancyRead,
];

const SERVICE_PERFORMANCE: &[Permission] = &[
    TenantRead,
    OrgRead,
    PersonRead,
    PersonReadPii,
    ViewRead,
    ErasureRead,
    ErasureReport,
    HoldRead,
    RetentionRead,
    IdentityEventRead,
    RateRead,
    DirectoryPublish,
    DirectoryImport,
    SiteRead,
    RosterRead,
    PunchRead,
    AccountRead,
    HandoverRead,
    AliasRead,
    OccupancyRead,
    CorrectionRead,
    DutyEventRead,
    RecordRead,
    CreditRead,
    SchemeRead,
    CycleRead,
    CycleClose,
    CardRead,
    EventRead,
];

const SERVICE_COMPENSATION: &[Permission] = &[
    TenantRead,
    OrgRead,
    PersonRead,
    PersonReadPii,
    ViewRead,
    ErasureRead,
    ErasureReport,
    HoldRead,
    RetentionRead,
    IdentityEventRead,
    RateRead,
    CreditRead,
    SchemeRead,
    CycleRead,
    CardRead,
    EventRead,
    PoolRead,
    SettlementRead,
    SettlementPrepare,
];

const SERVICE_TALENT: &[Permission] = &[
    TenantRead,
    OrgRead,
    PersonRead,
    PersonReadPii,
    ViewRead,
    ErasureRead,
    ErasureReport,
    HoldRead,
    RetentionRead,
    IdentityEventRead,
    RosterRead,
    AccountRead,
    OccupancyRead,
    CreditRead,
    SchemeRead,
    CycleRead,
    CardRead,
    EventRead,
    ProfileRead,
    EvidenceRead,
    EvidenceRecord,
];
