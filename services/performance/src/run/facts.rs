//! What other rooms may ask of runs, and of what a run keeps between its steps.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use strum_macros::Display;
use tally_app::trees::Trees;
use tally_app::units::Units;
use tally_engine::closing::facts::Facts;
use tally_engine::closing::snapshot::FrozenPerson;
use tally_kernel::Result;
use tally_kernel::id::{AccountId, AttributionRunId, CycleId, OrgUnitId};
use tally_store::{UnitOfWork, WorkOrder};

use super::domain::{Failure, Part, Whose, shared};
use super::store;
pub(crate) use super::store::counted::{discard_until as discard_counted, find as counted, put as put_counted};
pub(crate) use super::store::results::account::Model as AccountResult;
pub(crate) use super::store::results::{
    CameTo, RunOutcome, TakenOver, accounts, all_frozen, bodies, clear_component, component, components, discard,
    frozen_with, outcomes, put_frozen, put_outcomes, put_sums, snapshot, sums_as_kept, sums_of_people, take_over,
    with_accounts,
};
pub(crate) use super::store::{begun, collected, done_over, insert, load, load_if_there, newest_done};

/// The kind of all items of the background work of runs and cycles.
pub const WORK: &str = "closing";

/// One item of the work of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    pub attribution: AttributionRunId,
    /// What is to be done.
    pub task: Task,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Task {
    /// Ask the peers, freeze, split.
    Collect,
    /// Credit the records of one component.
    Attribute(i32),
    /// Add up what came out, and end the run.
    Total,
    /// Throw away what a dead run wrote.
    Discard,
    /// Throw away what a failed run wrote, but for its findings.
    DiscardResult,
}

impl Job {
    /// As it is put down.
    pub fn order(self) -> WorkOrder {
        WorkOrder::new(WORK, self.attribution, &self)
    }

    /// Another item of the same run.
    pub fn then(self, task: Task) -> WorkOrder {
        Self { task, ..self }.order()
    }
}

/// The accounts that name no team: whoever is at work counts as on duty for them, where nothing better is known.
pub(crate) fn teamless(facts: &Facts) -> BTreeSet<AccountId> {
    facts.accounts.iter().filter(|account| account.team_path.is_empty()).map(|account| account.id).collect()
}

/// In which unit somebody counts on the last day of a run: of whoever left before it by [`Trees::counted_in`].
pub(crate) fn counted_in(trees: &Trees, day: Date) -> impl Fn(&FrozenPerson) -> OrgUnitId + Sync {
    move |person| trees.counted_in(person.unit, person.until(day), day)
}

/// Why a run that is started for a unit would fail over these parts: people or accounts beyond it belong to them, and somebody above
/// attributes them together. Nothing where all lies within, and for the group.
pub(crate) fn belongs_above(
    parts: &[Part<'_>],
    own: Option<OrgUnitId>,
    (units, whose): (&Units, Whose<'_>),
) -> Option<Failure> {
    let own = own?;
    let inside = |unit| units.holds(own, unit);
    let touched: BTreeSet<_> = parts.iter().flat_map(|part| part.units(whose)).collect();
    if touched.iter().all(|unit| inside(*unit)) {
        return None;
    }
    let path = |id| units.goes_on_in(id).map(|unit| unit.path.as_str());
    let unit = units.lowest_above(touched.into_iter().chain([own])).and_then(path).unwrap_or_default().to_owned();
    let (accounts, beyond) = shared(parts, whose, inside, path);
    Some(Failure::BelongsAbove { unit, accounts, beyond })
}

/// Throws a run away that was started for this cycle alone: what is to be done for it. A run of somebody else, or one that another cycle scores
/// from, stays.
pub(crate) async fn release(
    work: &UnitOfWork,
    id: AttributionRunId,
    cycle: CycleId,
    shared: bool,
) -> Result<Option<WorkOrder>> {
    let discard = Job { attribution: id, task: Task::Discard }.order();
    // Before runs were kept, each attempt at closing was one.
    let Some(run) = store::lock_if_there(work, id).await? else { return Ok(Some(discard)) };
    if shared || run.cycle != Some(cycle) {
        return Ok(None);
    }
    store::save(work, &run.replaced()).await?;
    Ok(Some(discard))
}
