//! Where a right holds: what a grant, or an emergency, names beside the role.

use std::str::FromStr;

use strum_macros::{Display, EnumString, IntoStaticStr};
use tally_kernel::id::OrgUnitId;
use tally_kernel::{Error, Kind, msg};

use crate::Region;

/// The kinds of scope, from the narrowest to the widest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Display, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ScopeKind {
    /// The person itself.
    #[strum(serialize = "self")]
    Own,
    /// The people who report to the person.
    Reports,
    /// One unit.
    Unit,
    /// A unit and all below it.
    Subtree,
    /// A legal entity: the unit of that kind and all below it.
    LegalEntity,
    /// A region.
    Region,
    /// The whole group.
    Tenant,
}

/// How far a grant reaches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The person itself.
    Own,
    /// The people who report to the person.
    Reports,
    /// One unit.
    Unit(OrgUnitId),
    /// A unit and all below it.
    Subtree(OrgUnitId),
    /// A legal entity and all below it.
    LegalEntity(OrgUnitId),
    /// A region.
    Region(Region),
    /// The whole group.
    Tenant,
}

impl Scope {
    /// Its kind.
    pub fn kind(&self) -> ScopeKind {
        match self {
            Self::Own => ScopeKind::Own,
            Self::Reports => ScopeKind::Reports,
            Self::Unit(_) => ScopeKind::Unit,
            Self::Subtree(_) => ScopeKind::Subtree,
            Self::LegalEntity(_) => ScopeKind::LegalEntity,
            Self::Region(_) => ScopeKind::Region,
            Self::Tenant => ScopeKind::Tenant,
        }
    }

    /// What it names: a unit's id or a region; empty for self, reports and the group.
    pub fn reference(&self) -> String {
        match self {
            Self::Own | Self::Reports | Self::Tenant => String::new(),
            Self::Unit(unit) | Self::Subtree(unit) | Self::LegalEntity(unit) => unit.to_string(),
            Self::Region(region) => region.to_string(),
        }
    }

    /// Reads a stored or sent scope.
    ///
    /// # Errors
    /// `SCOPE_MALFORMED` for a kind or reference that is none.
    pub fn read(kind: &str, reference: &str) -> Result<Self, Error> {
        let unit = || OrgUnitId::from_str(reference);
        match (kind, reference) {
            ("self", "") => Ok(Self::Own),
            ("reports", "") => Ok(Self::Reports),
            ("tenant", "") => Ok(Self::Tenant),
            ("unit", _) => unit().map(Self::Unit),
            ("subtree", _) => unit().map(Self::Subtree),
            ("legal_entity", _) => unit().map(Self::LegalEntity),
            ("region", _) => reference.parse().map(Self::Region),
            _ => Err(Error::of(Kind::InvalidArgument, msg!("SCOPE_MALFORMED"))),
        }
    }
}
