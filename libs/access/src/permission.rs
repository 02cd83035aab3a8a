//! Every permission of the suite. A permission has a stable name `service.room.verb` and the data class it opens.

use std::fmt;
use std::str::FromStr;

use tally_kernel::{Error, Kind, msg};

/// How sensitive data are; the same classes as the `data_class` option of the contracts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DataClass {
    /// Anybody may read it.
    Public,
    /// Anybody in the group who may call the rpc.
    Internal,
    /// Tells who a person is.
    Pii,
    /// An identity document's number.
    IdNumber,
    /// What somebody is paid.
    Salary,
    /// How somebody's work was judged.
    Rating,
    /// Where somebody was.
    Location,
    /// About somebody's health.
    Medical,
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal opens $class:ident $($shared:ident)?;)+) => {
        /// See the module's text. The order is append-only per service; nothing stores the number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Permission {
            $($(#[$doc])* $name,)+
        }

        impl Permission {
            /// Every permission, in order.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The stable name, `service.room.verb`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// The module it belongs to: the first part of its name.
            pub fn module(self) -> &'static str {
                self.name().split('.').next().unwrap_or_default()
            }

            /// The data class it opens.
            pub const fn data_class(self) -> DataClass {
                match self { $(Self::$name => DataClass::$class,)+ }
            }

            /// Whether it reads configuration that the group lays down for everybody (region `*`): who may read any of
            /// it may read that part too.
            pub const fn reads_group_configuration(self) -> bool {
                match self { $(Self::$name => permissions!(@shared $($shared)?),)+ }
            }
        }
    };
    (@shared shared) => { true };
    (@shared) => { false };
}

permissions! {
    // identity
    /// Read the group's own settings.
    TenantRead = "identity.tenant.read" opens Internal shared;
    /// Change the group's own settings.
    TenantWrite = "identity.tenant.write" opens Internal;
    /// Suspend the group, and resume it.
    TenantSuspend = "identity.tenant.suspend" opens Internal;
    /// Delete the group for good.
    TenantDelete = "identity.tenant.delete" opens Internal;
    /// Take out all that identity holds of the group.
    TenantExport = "identity.tenant.export" opens Pii;
    /// Read the org tree.
    OrgRead = "identity.org.read" opens Internal shared;
    /// Write and move org units.
    OrgWrite = "identity.org.write" opens Internal;
    /// Read people and employments, names masked.
    PersonRead = "identity.person.read" opens Internal;
    /// Write people and employments.
    PersonWrite = "identity.person.write" opens Pii;
    /// Read who a person is: name and employee number.
    PersonReadPii = "identity.person.read_pii" opens Pii;
    /// Read the numbers of identity documents.
    PersonReadIdNumber = "identity.person.read_id_number" opens IdNumber;
    /// Read why somebody is on leave. Being somebody's manager does not give it.
    LeaveReadMedical = "identity.leave.read_medical" opens Medical;
    /// Make logins, reset passwords, see and end sessions of others.
    LoginWrite = "identity.login.write" opens Pii;
    /// Make accounts for programs, and their keys.
    ServiceAccountWrite = "identity.service_account.write" opens Internal;
    /// Trust providers of single sign-on.
    SsoWrite = "identity.sso.write" opens Internal;
    /// Read grants.
    GrantRead = "identity.grant.read" opens Internal;
    /// Give and take roles that one holds oneself.
    GrantWrite = "identity.grant.write" opens Internal;
    /// Give roles that one does not hold oneself; never to oneself.
    GrantAny = "identity.grant.any" opens Internal;
    /// Read what roles there are.
    RoleRead = "identity.role.read" opens Internal shared;
    /// Define roles of the group's own, and change them.
    RoleWrite = "identity.role.write" opens Internal;
    /// Delegate rights of one's own to somebody else for a while.
    DelegationWrite = "identity.delegation.write" opens Internal;
    /// End anybody's delegations, and read them.
    DelegationAdmin = "identity.delegation.admin" opens Internal;
    /// Take rights one was not given, in an emergency, for at most an hour and under everybody's eyes.
    BreakGlass = "identity.break_glass.open" opens Internal;
    /// Read and review who broke the glass.
    BreakGlassReview = "identity.break_glass.review" opens Internal;
    /// Give people the pseudonyms by which regions tell each other who is employed where, and publish them: services only.
    DirectoryPublish = "identity.directory.publish" opens Pii;
    /// Take in the pseudonyms of other regions: services only.
    DirectoryImport = "identity.directory.import" opens Internal;
    /// Say which modules of the suite the group has.
    EntitlementWrite = "identity.entitlement.write" opens Internal;
    /// Ask to erase somebody who has left.
    ErasureRequest = "identity.erasure.request" opens Pii;
    /// Approve that somebody is erased, which carries it out.
    ErasureApprove = "identity.erasure.approve" opens Pii;
    /// Read who is erased and how far it is.
    ErasureRead = "identity.erasure.read" opens Internal;
    /// Carry out and report a service's part of an erasure: services only.
    ErasureReport = "identity.erasure.report" opens Internal;
    /// Set and lift legal holds.
    HoldWrite = "identity.hold.write" opens Internal;
    /// Read legal holds.
    HoldRead = "identity.hold.read" opens Internal;
    /// Set how long data are kept.
    RetentionWrite = "identity.retention.write" opens Internal;
    /// Read how long data are kept.
    RetentionRead = "identity.retention.read" opens Internal shared;
    /// Read what identity tells other services: services only.
    IdentityEventRead = "identity.event.read" opens Internal;
    /// Read anybody's compiled view: services only.
    ViewRead = "identity.view.read" opens Internal;
    /// Write rates of exchange.
    RateWrite = "identity.rate.write" opens Internal;
    /// Read rates of exchange.
    RateRead = "identity.rate.read" opens Internal shared;

    // attendance
    /// Read sites.
    SiteRead = "attendance.site.read" opens Internal shared;
    /// Write sites.
    SiteWrite = "attendance.site.write" opens Internal;
    /// Read rosters.
    RosterRead = "attendance.roster.read" opens Internal;
    /// Publish rosters, change and cancel shifts, and say why.
    RosterWrite = "attendance.roster.write" opens Pii;
    /// Read punches.
    PunchRead = "attendance.punch.read" opens Location;
    /// Punch.
    PunchRecord = "attendance.punch.record" opens Location;
    /// Bring in punches in bulk.
    PunchImport = "attendance.punch.import" opens Location;
    /// Read platforms, stores and accounts.
    AccountRead = "attendance.account.read" opens Internal shared;
    /// Write platforms, stores and accounts.
    AccountWrite = "attendance.account.write" opens Internal;
    /// Read hand-overs.
    HandoverRead = "attendance.handover.read" opens Internal;
    /// Take over or hand over an account.
    HandoverRecord = "attendance.handover.record" opens Internal;
    /// Bring in hand-overs in bulk.
    HandoverImport = "attendance.handover.import" opens Internal;
    /// Read agent aliases.
    AliasRead = "attendance.alias.read" opens Pii;
    /// Write agent aliases.
    AliasWrite = "attendance.alias.write" opens Pii;
    /// Read who works at which device.
    DeviceRead = "attendance.device.read" opens Pii;
    /// Write who works at which device.
    DeviceWrite = "attendance.device.write" opens Pii;
    /// Read who held which account when.
    OccupancyRead = "attendance.occupancy.read" opens Location;
    /// Ask to put a punch or a hand-over right.
    CorrectionRequest = "attendance.correction.request" opens Pii;
    /// Approve or reject what somebody else asked to put right; never about oneself.
    CorrectionApprove = "attendance.correction.approve" opens Pii;
    /// Read what was put right, and why.
    CorrectionRead = "attendance.correction.read" opens Pii;
    /// Read what attendance tells other services.
    DutyEventRead = "attendance.event.read" opens Internal;

    // performance
    /// Read service records.
    RecordRead = "performance.record.read" opens Pii;
    /// Bring in service records.
    RecordImport = "performance.record.import" opens Pii;
    /// Claim dialogues, and withdraw claims.
    ClaimRecord = "performance.claim.record" opens Pii;
    /// Read observations.
    ObservationRead = "performance.observation.read" opens Pii;
    /// Bring in observations, and withdraw them.
    ObservationImport = "performance.observation.import" opens Pii;
    /// Read credits.
    CreditRead = "performance.credit.read" opens Rating;
    /// Read schemes.
    SchemeRead = "performance.scheme.read" opens Internal shared;
    /// Write schemes.
    SchemeWrite = "performance.scheme.write" opens Internal;
    /// Read cycles.
    CycleRead = "performance.cycle.read" opens Internal shared;
    /// Open cycles and change them while they are open.
    CycleWrite = "performance.cycle.write" opens Internal;
    /// Close cycles: attribute and score.
    CycleClose = "performance.cycle.close" opens Rating;
    /// Publish what a cycle showed.
    CyclePublish = "performance.cycle.publish" opens Rating;
    /// Read score cards.
    CardRead = "performance.card.read" opens Rating;
    /// Prepare what leaves the region, and release it once somebody else approved it.
    TransferPrepare = "performance.transfer.prepare" opens Rating;
    /// Approve what somebody else prepared to leave the region.
    TransferApprove = "performance.transfer.approve" opens Rating;
    /// Take in what another region released for this one.
    TransferImport = "performance.transfer.import" opens Internal;
    /// Read the register of what left the region, and the figures of other regions.
    TransferRead = "performance.transfer.read" opens Internal shared;
    /// Read what performance tells other services.
    EventRead = "performance.event.read" opens Internal;

    // compensation
    /// Read pools.
    PoolRead = "compensation.pool.read" opens Salary;
    /// Write pools.
    PoolWrite = "compensation.pool.write" opens Salary;
    /// Read settlements: states, and sums for who may also read pools; nobody's pay.
    SettlementRead = "compensation.settlement.read" opens Internal;
    /// Prepare a settlement.
    SettlementPrepare = "compensation.settlement.prepare" opens Salary;
    /// Approve a settlement that somebody else prepared.
    SettlementApprove = "compensation.settlement.approve" opens Salary;
    /// Post an approved settlement.
    SettlementPost = "compensation.settlement.post" opens Salary;
    /// See that somebody has a statement, its amounts masked.
    StatementRead = "compensation.statement.read" opens Internal;
    /// Read what somebody is paid. Being somebody's manager does not give it.
    StatementReadPay = "compensation.statement.read_pay" opens Salary;

    // talent
    /// Read profiles.
    ProfileRead = "talent.profile.read" opens Rating;
    /// Read evidence.
    EvidenceRead = "talent.evidence.read" opens Rating;
    /// Record evidence from what other services tell.
    EvidenceRecord = "talent.evidence.record" opens Rating;

    // every service
    /// Remove what the retention schedule says is over.
    RetentionRun = "suite.retention.run" opens Internal;
    /// Verify and read the audit log.
    AuditRead = "suite.audit.read" opens Internal;
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Permission {
    type Err = Error;
    fn from_str(s: &str) -> Result<Self, Error> {
        let found = Self::ALL.iter().copied().find(|p| p.name() == s);
        found.ok_or_else(|| Error::of(Kind::InvalidArgument, msg!("PERMISSION_UNKNOWN", text = s)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_have_three_parts_and_read_back() {
        let names: BTreeSet<_> = Permission::ALL.iter().map(|p| p.name()).collect();
        assert_eq!(names.len(), Permission::COUNT);
        for p in Permission::ALL {
            assert_eq!(p.name().split('.').count(), 3, "{p}");
            assert_eq!(p.name().parse::<Permission>().unwrap(), *p);
        }
        assert_eq!("a.b.c".parse::<Permission>().unwrap_err().reason(), "PERMISSION_UNKNOWN");
    }

    #[test]
    fn reading_pay_is_a_permission_of_its_own() {
        assert_eq!(Permission::StatementReadPay.data_class(), DataClass::Salary);
        assert_ne!(Permission::StatementRead.data_class(), DataClass::Salary);
    }
}
