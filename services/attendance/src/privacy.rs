//! What the service holds about people: told on request, erased when identity says so, removed when it is over.

use tally_access::Permission::{AccountRead, AliasRead, HandoverRead, PunchRead, RosterRead, SiteRead};
use tally_store::{Fate, Holding, Told};

use crate::account::store::phase;
use crate::{account, alias, handover, policy, punch, roster, site};

impl Told for roster::store::Entity {}
impl Told for punch::store::Entity {}
impl Told for handover::store::Entity {}
impl Told for alias::store::Entity {}
impl Told for account::store::Entity {}
impl Told for phase::Entity {}
impl Told for site::store::Entity {}

const DUTY: &str = "attendance.duty";

/// The service's tables that tell of people.
pub const HOLDINGS: &[Holding] = &[
    Holding::of::<roster::store::Entity>(RosterRead, Fate::Deleted, Some((DUTY, "end_at"))),
    Holding::of::<punch::store::Entity>(PunchRead, Fate::Deleted, Some((DUTY, "at"))),
    Holding::of::<handover::store::Entity>(HandoverRead, Fate::Deleted, Some((DUTY, "at"))),
    Holding::of::<alias::store::Entity>(AliasRead, Fate::Deleted, Some(("attendance.aliases", "to_date"))),
];

/// The tables of the group beside them.
pub const GROUP: &[Holding] = &[
    Holding::of_the_group::<site::store::Entity>(SiteRead),
    Holding::of_the_group::<account::store::Entity>(AccountRead),
    Holding::of_the_group::<phase::Entity>(AccountRead),
];

tally_privacy::room!(tally_api::attendance::v1, policy, HOLDINGS, GROUP);
