//! Where a record is. Pure.

use jiff::Timestamp;
use tally_access::{Region, Target};
use tally_kernel::id::{AccountId, OrgUnitId};
use tally_kernel::{Error, Result};
use uuid::Uuid;

use super::Source;

/// Where a record is, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The record's id, whatever account it is on.
    pub record: Uuid,
    /// The account, and the platform's own id.
    pub key: (AccountId, String),
    pub region: Region,
    pub unit: Option<OrgUnitId>,
    pub started_ms: i64,
}

impl Place {
    /// The account with its place.
    pub fn source(&self) -> Source {
        Source { account: self.key.0, region: self.region.clone(), unit: self.unit }
    }

    /// What a permit is asked for: whom the account was under when the record began.
    ///
    /// # Errors
    /// A start at the end of time.
    pub fn target(&self) -> Result<Target> {
        let began = Timestamp::from_millisecond(self.started_ms).map_err(Error::internal)?;
        let target = Target { region: Some(self.region.clone()), unit: self.unit, ..Target::default() };
        Ok(target.at(began))
    }
}
