//! The group itself.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use strum_macros::IntoStaticStr;
use tally_access::Region;
use tally_access::four_eyes::{FourEyesRequired, Hands};
use tally_kernel::id::TenantId;
use tally_kernel::{Error, time};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    pub id: TenantId,
    pub name: String,
    /// ISO 4217 code used where nothing else is said.
    pub currency: String,
    /// IANA zone used where nothing else is said.
    pub zone: String,
    /// Regions where its data may live.
    pub regions: Vec<Region>,
    pub created_at: Timestamp,
    /// Since when nobody works in it, and why; nothing while it is in use.
    pub suspended: Option<Suspension>,
    pub deleted_at: Option<Timestamp>,
}

impl Tenant {
    /// Its zone.
    ///
    /// # Errors
    /// A fault of ours: a zone that cannot be read was never written.
    pub fn time_zone(&self) -> Result<TimeZone, Error> {
        time::zone(&self.zone).map_err(|e| Error::internal(format!("the group's zone: {e}")))
    }

    /// Its day at an instant.
    ///
    /// # Errors
    /// See [`Tenant::time_zone`].
    pub fn day(&self, at: Timestamp) -> Result<Date, Error> {
        Ok(self.time_zone()?.to_datetime(at).date())
    }
}

/// Why nobody works in a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    pub at: Timestamp,
    pub reason: String,
    pub by: Hands,
}

/// How long a group must have been suspended before it is deleted: time to take the data out, and to think again.
pub const DAYS_BEFORE_DELETION: i64 = 30;

/// A change of the group.
#[derive(Clone, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case", prefix = "identity.tenant.")]
pub enum Change {
    /// Data may live in one more region.
    AddRegion(Region),
    /// Nobody works in it until it is resumed.
    Suspend(String),
    /// It is in use again.
    Resume,
    /// It is deleted for good; whoever wants that says its name.
    Delete(String),
}

/// The group after a change that these hands make.
///
/// # Errors
/// See [`TenantError`].
pub fn plan(tenant: &Tenant, change: &Change, by: Hands, now: Timestamp) -> Result<Tenant, TenantError> {
    let mut tenant = tenant.clone();
    if tenant.deleted_at.is_some() {
        return Err(TenantError::Deleted);
    }
    match change {
        Change::AddRegion(region) if tenant.regions.contains(region) => {
            return Err(TenantError::RegionThere(region.clone()));
        }
        Change::AddRegion(region) => tenant.regions.push(region.clone()),
        Change::Suspend(_) if tenant.suspended.is_some() => return Err(TenantError::SuspendedAlready),
        Change::Suspend(reason) => tenant.suspended = Some(Suspension { at: now, reason: reason.clone(), by }),
        Change::Resume if tenant.suspended.is_none() => return Err(TenantError::NotSuspended),
        Change::Resume => tenant.suspended = None,
        Change::Delete(name) => {
            judge_deletion(&tenant, name, by, now)?;
            tenant.name = format!("deleted-{}", tenant.id);
            tenant.deleted_at = Some(now);
        }
    }
    Ok(tenant)
}

fn judge_deletion(tenant: &Tenant, name: &str, by: Hands, now: Timestamp) -> Result<(), TenantError> {
    let since = tenant.suspended.as_ref().ok_or(TenantError::NotSuspended)?;
    by.differ_from([since.by])?;
    let from = since.at + jiff::SignedDuration::from_hours(24 * DAYS_BEFORE_DELETION);
    if now < from {
        return Err(TenantError::SuspendedTooShort(from));
    }
    if tenant.name == name { Ok(()) } else { Err(TenantError::NameDiffers) }
}

/// What can be wrong with making or changing a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantError {
    /// The store holds a group, and nobody was invited.
    InitialisedAlready,
    /// The group that the invitation is for is there.
    InvitationUsed,
    /// The invitation is not identity's, or not whole.
    InvitationInvalid,
    /// The invitation's life is over.
    InvitationExpired,
    /// The invitation is for another group.
    InvitedAnother,
    /// The group has the region.
    RegionThere(Region),
    /// Nobody works in the group already.
    SuspendedAlready,
    /// The group is in use.
    NotSuspended,
    /// It was not suspended for long enough; from this instant on it is.
    SuspendedTooShort(Timestamp),
    /// Who suspended it does not delete it.
    FourEyes(FourEyesRequired),
    /// Another name than the group's was said.
    NameDiffers,
    /// Somebody or everybody in it is on legal hold.
    OnHold,
    Deleted,
}

impl From<FourEyesRequired> for TenantError {
    fn from(refusal: FourEyesRequired) -> Self {
        Self::FourEyes(refusal)
    }
}

#[cfg(test)]
mod tests {
    use tally_kernel::id::PrincipalId;
    use uuid::Uuid;

    use super::*;

    fn group(suspended: Option<Suspension>) -> Tenant {
        Tenant {
            id: TenantId(Uuid::from_u128(1)),
            name: "Demo".into(),
            currency: "CNY".into(),
            zone: "Asia/Shanghai".into(),
            regions: Vec::new(),
            created_at: Timestamp::UNIX_EPOCH,
            suspended,
            deleted_at: None,
        }
    }

    #[test]
    fn a_group_is_deleted_by_another_hand_thirty_days_after_its_suspension_and_never_comes_back() {
        let [one, other] = [1, 2].map(|n| Hands::own(PrincipalId(Uuid::from_u128(n)), None));
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let delete = |name: &str| Change::Delete(name.to_owned());
        let (begin, last, due) = (at("2026-01-01T00:00:00Z"), at("2026-01-30T23:59:59Z"), at("2026-01-31T00:00:00Z"));
        assert_eq!(plan(&group(None), &delete("Demo"), other, due), Err(TenantError::NotSuspended));
        let suspended = plan(&group(None), &Change::Suspend("moves out".into()), one, begin).unwrap();
        assert_eq!(plan(&suspended, &delete("Demo"), one, due), Err(TenantError::FourEyes(FourEyesRequired)));
        assert_eq!(plan(&suspended, &delete("Demo"), other, last), Err(TenantError::SuspendedTooShort(due)));
        assert_eq!(plan(&suspended, &delete("demo"), other, due), Err(TenantError::NameDiffers));
        let deleted = plan(&suspended, &delete("Demo"), other, due).unwrap();
        assert!(deleted.deleted_at == Some(due) && deleted.suspended.is_some() && !deleted.name.contains("Demo"));
        for change in [Change::Resume, delete("Demo"), Change::AddRegion("cn-north".parse().unwrap())] {
            assert_eq!(plan(&deleted, &change, other, due), Err(TenantError::Deleted));
        }
    }
}
