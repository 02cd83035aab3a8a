//! What the service holds about people: told on request, erased when identity says so, removed when it is over.

use tally_access::Permission::{AccountRead, AliasRead, HandoverRead, PunchRead, RosterRead, SiteRead};
use tally_privacy::{DataTable, ErasureRule, Exported};

use crate::account::store::phase;
use crate::{account, alias, handover, policy, punch, roster, site};

impl Exported for roster::store::Entity {}
impl Exported for punch::store::Entity {}
impl Exported for handover::store::Entity {}
impl Exported for alias::store::Entity {}
impl Exported for account::store::Entity {}
impl Exported for phase::Entity {}
impl Exported for site::store::Entity {}

const DUTY: &str = "attendance.duty";

/// The service's tables that tell of people.
pub const DATA_TABLES: &[DataTable] = &[
    DataTable::of::<roster::store::Entity>(RosterRead, ErasureRule::Deleted, Some((DUTY, "end_at"))),
    DataTable::of::<punch::store::Entity>(PunchRead, ErasureRule::Deleted, Some((DUTY, "at"))),
    DataTable::of::<handover::store::Entity>(HandoverRead, ErasureRule::Deleted, Some((DUTY, "at"))),
    DataTable::of::<alias::store::Entity>(AliasRead, ErasureRule::Deleted, Some(("attendance.aliases", "to_date"))),
];

/// The tables of the group beside them.
pub const GROUP: &[DataTable] = &[
    DataTable::of_the_group::<site::store::Entity>(SiteRead),
    DataTable::of_the_group::<account::store::Entity>(AccountRead),
    DataTable::of_the_group::<phase::Entity>(AccountRead),
];

tally_privacy::room!(tally_api::attendance::v1, policy, DATA_TABLES, GROUP);
