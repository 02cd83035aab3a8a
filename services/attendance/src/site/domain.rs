//! A place of work.

use jiff::civil::Time;
use tally_access::Region;
use tally_kernel::id::SiteId;
use tally_kernel::{Message, msg};

use crate::import::Keyed;

/// What is said of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Unique in the group.
    pub name: String,
    /// IANA name.
    pub zone: String,
    /// When its working day ends.
    pub cut_over: Time,
    /// Where its data live.
    pub region: Region,
}

/// A site that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSite {
    /// Id.
    pub id: SiteId,
    /// What is said of it.
    pub site: Site,
}

impl Keyed for Site {
    type Key = String;
    fn key(&self) -> String {
        self.name.clone()
    }
    fn same(&self, other: &Self) -> bool {
        self == other
    }
    fn conflict(&self) -> Message {
        msg!("SITE_DIFFERENT", name = self.name)
    }
}
