//! Who calls, in which language, and where the data may live.

use std::collections::BTreeSet;

use tally_kernel::id::{PersonId, PrincipalId, TenantId};
use tally_kernel::{Error, Kind, Region, msg};
use uuid::Uuid;

/// The regions whose data this stack serves. A production stack serves one; a laptop serves all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Regions {
    /// Every region: one process for the whole group.
    #[default]
    All,
    /// These, and what the group laid down for all.
    Only(BTreeSet<Region>),
}

impl Regions {
    /// Whether rows of `region` may be read and written here.
    pub fn serve(&self, region: &Region) -> bool {
        match self {
            Self::All => true,
            Self::Only(regions) => region.is_global() || regions.contains(region),
        }
    }

    /// Their names, sorted; none means every region.
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::All => Vec::new(),
            Self::Only(regions) => regions.iter().map(ToString::to_string).collect(),
        }
    }

    /// The refusal of what belongs to a region that is not served here.
    pub fn refuse(&self, region: &Region) -> Error {
        Error::of(Kind::FailedPrecondition, msg!("REGION_NOT_SERVED", region, served = self.names().join(", ")))
    }
}

/// What stands behind a principal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// Somebody the group employs.
    Person(PersonId),
    /// A login without a person, such as an integration or the first administrator.
    User,
    /// A service of the suite at its background work: its name, such as `performance`.
    Service(String),
    /// Nobody signed in: public rpcs only.
    Nobody,
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Whose token it is.
    pub principal: PrincipalId,
    /// What stands behind it.
    pub kind: ActorKind,
    /// The group it belongs to.
    pub tenant: TenantId,
    /// For whom a service works in the background; kept in the audit log, opens nothing.
    pub on_behalf_of: Option<PrincipalId>,
}

impl Actor {
    /// The caller of a public rpc who is not signed in: no group, no principal.
    pub fn nobody() -> Self {
        Self {
            principal: PrincipalId(Uuid::nil()),
            kind: ActorKind::Nobody,
            tenant: TenantId(Uuid::nil()),
            on_behalf_of: None,
        }
    }

    /// A service of the suite, working in `tenant`.
    pub fn service(name: &str, tenant: TenantId, on_behalf_of: Option<PrincipalId>) -> Self {
        Self { principal: service_principal(name), kind: ActorKind::Service(name.to_owned()), tenant, on_behalf_of }
    }

    /// The person behind the principal, if there is one.
    pub fn person(&self) -> Option<PersonId> {
        match self.kind {
            ActorKind::Person(person) => Some(person),
            ActorKind::User | ActorKind::Service(_) | ActorKind::Nobody => None,
        }
    }
}

/// The principal of a service: the same id in every group, so that a service can name itself before it has asked anybody.
pub fn service_principal(name: &str) -> PrincipalId {
    // FNV-1a over the name in the low half of an id that no generator makes: the version nibble says 8 (custom).
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    PrincipalId(
        uuid::Builder::from_custom_bytes(
            (u128::from(0x7461_6c6c_7973_7663_u64) << 64 | u128::from(hash)).to_be_bytes(),
        )
        .into_uuid(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_of_one_region_serves_that_region_and_what_the_group_laid_down() {
        let north: Region = "cn-north".parse().unwrap();
        let stack = Regions::Only([north.clone()].into());
        assert!(stack.serve(&north) && stack.serve(&Region::global()));
        assert!(!stack.serve(&"eu-west".parse().unwrap()));
        assert!("CN North".parse::<Region>().is_err());
    }

    #[test]
    fn services_have_principals_of_their_own() {
        let names = ["identity", "attendance", "performance", "compensation", "talent"];
        let ids: BTreeSet<_> = names.map(service_principal).into();
        assert_eq!(ids.len(), names.len());
        assert_eq!(service_principal("talent"), service_principal("talent"));
    }
}
