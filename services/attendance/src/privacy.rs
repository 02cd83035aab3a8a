//! What the service holds about people: told on request, erased when identity says so, removed when it is over.

use tally_access::Permission::{AliasRead, HandoverRead, PunchRead, RosterRead};
use tally_store::{Fate, Holding, Told};

use crate::{alias, handover, punch, roster};

impl Told for roster::store::Entity {}
impl Told for punch::store::Entity {}
impl Told for handover::store::Entity {}
impl Told for alias::store::Entity {}

const DUTY: &str = "attendance.duty";

/// The service's tables that tell of people.
pub const HOLDINGS: &[Holding] = &[
    Holding::of::<roster::store::Entity>(RosterRead, Fate::Deleted, Some((DUTY, "end_at"))),
    Holding::of::<punch::store::Entity>(PunchRead, Fate::Deleted, Some((DUTY, "at"))),
    Holding::of::<handover::store::Entity>(HandoverRead, Fate::Deleted, Some((DUTY, "at"))),
    Holding::of::<alias::store::Entity>(AliasRead, Fate::Deleted, Some(("attendance.aliases", "to_date"))),
];

tally_privacy::room!(
    tally_api::attendance::v1,
    crate::policy::ExportPerson,
    crate::policy::RunRetention,
    crate::privacy::HOLDINGS
);
