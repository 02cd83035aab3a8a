//! What the service holds about people: told on request, erased when identity says so, removed when it is over.

use tally_access::Permission::{CardRead, CreditRead, CycleRead, RecordRead, SchemeRead, TransferRead};
use tally_store::{Fate, Holding, Told};

use crate::attribution::store::{credit, finding, total};
use crate::closing::store::{account, frozen, sums};
use crate::scheme::store::{head, version};
use crate::transfer::store::{cell, transfer};
use crate::{card, cycle, policy, record};

impl Told for record::store::Entity {}
impl Told for total::Entity {}
impl Told for finding::Entity {}
impl Told for card::store::Entity {}
impl Told for account::Entity {}
impl Told for sums::Entity {}
impl Told for cycle::store::Entity {}
impl Told for head::Entity {}
impl Told for version::Entity {}
impl Told for transfer::Entity {}
impl Told for cell::Entity {}

const RECORDS: &str = "performance.records";
const RESULTS: &str = "performance.results";
/// Of tables whose rows tell of nobody in particular; the room `erasure` takes names and numbers out of them.
const REDACTED: Fate = Fate::Kept("tells of nobody once names and numbers are out");

/// The service's tables that tell of people, and those whose rows are kept for a time.
pub const HOLDINGS: &[Holding] = &[
    Holding::of::<card::store::Entity>(CardRead, Fate::Deleted, Some((RESULTS, "recorded_at"))),
    Holding::of::<total::Entity>(CreditRead, Fate::Deleted, Some((RESULTS, "recorded_at"))),
    Holding::of::<sums::Entity>(CreditRead, Fate::Deleted, Some((RESULTS, "recorded_at"))),
    Holding::of::<finding::Entity>(CreditRead, Fate::Deleted, Some((RESULTS, "recorded_at"))),
    Holding::of::<credit::Entity>(CreditRead, REDACTED, Some((RESULTS, "started_ms"))),
    Holding::of::<frozen::Entity>(CreditRead, REDACTED, Some((RESULTS, "recorded_at"))),
    Holding::of::<account::Entity>(CreditRead, REDACTED, Some((RESULTS, "recorded_at"))),
    Holding::of::<record::store::Entity>(RecordRead, REDACTED, Some((RECORDS, "started_ms"))),
];

/// The tables of the group beside them. Who is counted in a cell is nobody's to read: the class rule needs it.
pub const GROUP: &[Holding] = &[
    Holding::of_the_group::<head::Entity>(SchemeRead),
    Holding::of_the_group::<version::Entity>(SchemeRead),
    Holding::of_the_group::<cycle::store::Entity>(CycleRead),
    Holding::of_the_group::<transfer::Entity>(TransferRead),
    Holding::of_the_group::<cell::Entity>(TransferRead),
];

tally_privacy::room!(tally_api::performance::v1, policy, HOLDINGS, GROUP);
