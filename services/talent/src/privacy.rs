//! What the service holds about people: told on request, erased when identity says so, removed when it is over.

use tally_access::Permission::EvidenceRead;
use tally_privacy::{DataTable, ErasureRule, Exported};

use crate::policy;
use crate::profile::store as evidence;

impl Exported for evidence::Entity {}

/// The service's tables that tell of people.
pub const DATA_TABLES: &[DataTable] =
    &[DataTable::of::<evidence::Entity>(EvidenceRead, ErasureRule::Deleted, Some(("talent.evidence", "recorded_at")))];

/// The tables of the group beside them.
pub const GROUP: &[DataTable] = &[];

tally_privacy::room!(tally_api::talent::v1, policy, DATA_TABLES, GROUP);
