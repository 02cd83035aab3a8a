//! What the service holds about people: told on request, erased when identity says so, removed when it is over.

use tally_access::Permission::{
    AccountRead, AliasRead, CorrectionRead, DeviceRead, HandoverRead, PunchRead, RosterRead, SiteRead,
};
use tally_privacy::{Clear, DataTable, ErasureRule, Exported};

use crate::account::store::phase;
use crate::app::DUTY;
use crate::{account, alias, correction, device, handover, policy, punch, roster, site, superseded};

impl Exported for roster::store::Entity {}
impl Exported for punch::store::Entity {}
impl Exported for handover::store::Entity {}
impl Exported for alias::store::Entity {}
impl Exported for device::store::Entity {}
impl Exported for superseded::store::Entity {}
impl Exported for correction::store::Entity {}
impl Exported for account::store::Entity {}
impl Exported for phase::Entity {}
impl Exported for site::store::Entity {}

/// What people wrote, and what the facts were: a correction that is left says that there was one.
const WORDS: ErasureRule = ErasureRule::Cleared(&[
    ("reason", Clear::Empty),
    ("evidence", Clear::Empty),
    ("drop_reason", Clear::Null),
    ("before", Clear::Empty),
    ("after", Clear::Empty),
    ("touched", Clear::Empty),
]);

/// The service's tables that tell of people.
pub const DATA_TABLES: &[DataTable] = &[
    DataTable::of::<roster::store::Entity>(RosterRead, ErasureRule::Deleted, Some((DUTY, "end_at"))),
    DataTable::of::<punch::store::Entity>(PunchRead, ErasureRule::Deleted, Some((DUTY, "at"))),
    DataTable::of::<handover::store::Entity>(HandoverRead, ErasureRule::Deleted, Some((DUTY, "at"))),
    DataTable::of::<alias::store::Entity>(AliasRead, ErasureRule::Deleted, Some(("attendance.aliases", "to_date"))),
    DataTable::of::<device::store::Entity>(DeviceRead, ErasureRule::Deleted, Some(("attendance.aliases", "to_date"))),
    DataTable::of::<correction::store::Entity>(CorrectionRead, WORDS, Some((DUTY, "until"))),
    // Behind the facts themselves: one that is left must not count again.
    DataTable::of::<superseded::store::Entity>(CorrectionRead, ErasureRule::Deleted, Some((DUTY, "until"))),
];

/// The tables of the group beside them.
pub const GROUP: &[DataTable] = &[
    DataTable::of_the_group::<site::store::Entity>(SiteRead),
    DataTable::of_the_group::<account::store::Entity>(AccountRead),
    DataTable::of_the_group::<phase::Entity>(AccountRead),
];

tally_privacy::room!(tally_api::attendance::v1, policy, DATA_TABLES, GROUP);
