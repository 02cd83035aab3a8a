//! What the service holds about people: told on request, erased when identity says so, removed when it is over.

use tally_access::Permission::{
    CardRead, CreditRead, CycleRead, ObservationRead, RecordRead, SchemeRead, TransferRead,
};
use tally_privacy::{DataTable, ErasureRule, Exported};

use crate::credit::store::{credit, finding, total};
use crate::kept::RESULTS;
use crate::run::store::counted;
use crate::run::store::results::{account, frozen, sums};
use crate::scheme::store::{head, version, withdrawal};
use crate::transfer::store::{cell, transfer};
use crate::{card, claim, cycle, measure, observation, policy, record, reply, run, schedule};

impl Exported for record::store::Entity {}
impl Exported for record::store::version::Entity {}
impl Exported for record::store::change::Entity {}
impl Exported for reply::store::Entity {}
impl Exported for claim::store::Entity {}
impl Exported for observation::store::Entity {}
impl Exported for total::Entity {}
impl Exported for card::store::Entity {}
impl Exported for account::Entity {}
impl Exported for counted::Entity {}
impl Exported for sums::Entity {}
impl Exported for cycle::store::Entity {}
impl Exported for cycle::store::people::Entity {}
impl Exported for run::store::Entity {}
impl Exported for measure::store::Entity {}
impl Exported for schedule::store::schedule::Entity {}
impl Exported for schedule::store::run::Entity {}
impl Exported for head::Entity {}
impl Exported for version::Entity {}
impl Exported for withdrawal::Entity {}
impl Exported for transfer::Entity {}
impl Exported for cell::Entity {}

const RECORDS: &str = record::domain::KEPT_AS;
/// Of tables whose rows tell of nobody in particular; the room `erasure` takes names and numbers out of them.
const REDACTED: ErasureRule = ErasureRule::Kept("tells of nobody once names and numbers are out");

/// Of messages: whose a device was is known elsewhere, and erased there.
const SIDES: ErasureRule = ErasureRule::Kept("names nobody: instants, sides and devices");

/// The service's tables that tell of people, and those whose rows are kept for a time.
pub const DATA_TABLES: &[DataTable] = &[
    DataTable::of::<card::store::Entity>(CardRead, ErasureRule::Deleted, Some((RESULTS, "recorded_at"))),
    DataTable::of::<cycle::store::people::Entity>(CycleRead, ErasureRule::Deleted, Some((RESULTS, "recorded_at"))),
    DataTable::of::<total::Entity>(CreditRead, ErasureRule::Deleted, Some((RESULTS, "recorded_at"))),
    DataTable::of::<sums::Entity>(CreditRead, ErasureRule::Deleted, Some((RESULTS, "recorded_at"))),
    DataTable::of::<finding::Entity>(CreditRead, ErasureRule::Deleted, Some((RESULTS, "recorded_at"))),
    DataTable::of::<credit::Entity>(CreditRead, REDACTED, Some((RESULTS, "started_ms"))),
    DataTable::of::<frozen::Entity>(CreditRead, REDACTED, Some((RESULTS, "recorded_at"))),
    DataTable::of::<counted::Entity>(CreditRead, REDACTED, Some((RESULTS, "recorded_at"))),
    DataTable::of::<account::Entity>(CreditRead, REDACTED, Some((RESULTS, "recorded_at"))),
    DataTable::of::<observation::store::Entity>(ObservationRead, ErasureRule::Deleted, Some((RECORDS, "ended_ms"))),
    DataTable::of::<record::store::Entity>(RecordRead, REDACTED, Some((RECORDS, "started_ms"))),
    DataTable::of::<record::store::version::Entity>(RecordRead, REDACTED, Some((RECORDS, "started_ms"))),
    DataTable::of::<reply::store::Entity>(RecordRead, SIDES, Some((RECORDS, "started_ms"))),
    DataTable::of::<claim::store::Entity>(RecordRead, ErasureRule::Deleted, Some((RECORDS, "at_ms"))),
    DataTable::of::<record::store::change::Entity>(RecordRead, REDACTED, Some((RECORDS, "to_ms"))),
];

/// The tables of the group beside them. Who is counted in a cell is nobody's to read: the class rule needs it.
pub const GROUP: &[DataTable] = &[
    DataTable::of_the_group::<measure::store::Entity>(SchemeRead),
    DataTable::of_the_group::<head::Entity>(SchemeRead),
    DataTable::of_the_group::<version::Entity>(SchemeRead),
    DataTable::of_the_group::<withdrawal::Entity>(SchemeRead),
    DataTable::of_the_group::<cycle::store::Entity>(CycleRead),
    DataTable::of_the_group::<run::store::Entity>(CycleRead),
    DataTable::of_the_group::<schedule::store::schedule::Entity>(CycleRead),
    DataTable::of_the_group::<schedule::store::run::Entity>(CycleRead),
    DataTable::of_the_group::<transfer::Entity>(TransferRead),
    DataTable::of_the_group::<cell::Entity>(TransferRead),
];

tally_privacy::room!(tally_api::performance::v1, policy, DATA_TABLES, GROUP);
