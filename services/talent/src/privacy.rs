//! What the service holds about people: told on request, erased when identity says so, removed when it is over.

use tally_access::Permission::EvidenceRead;
use tally_store::{Fate, Holding, Told};

use crate::policy;
use crate::profile::store as evidence;

impl Told for evidence::Entity {}

/// The service's tables that tell of people.
pub const HOLDINGS: &[Holding] =
    &[Holding::of::<evidence::Entity>(EvidenceRead, Fate::Deleted, Some(("talent.evidence", "recorded_at")))];

/// The tables of the group beside them.
pub const GROUP: &[Holding] = &[];

tally_privacy::room!(tally_api::talent::v1, policy, HOLDINGS, GROUP);
