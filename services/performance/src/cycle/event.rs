//! What publishing tells other services.

use tally_api::performance::v1::{CyclePublished, RungCount};
use tally_app::events::event;
use tally_kernel::Result;
use tally_store::Event;

use super::domain::{Cycle, Summary};

/// A version of a result is published: of a correction, that of the cycle that it corrects.
pub(crate) fn cycle_published(cycle: &Cycle, result_version: u32, summary: &Summary) -> Result<Event> {
    let rung_counts = summary.rungs.iter().map(|(rung, records)| RungCount { rung: rung.clone(), records: *records });
    event(&CyclePublished {
        cycle_id: cycle.corrects.as_ref().map_or(cycle.id, |corrects| corrects.cycle).to_string(),
        name: cycle.name.clone(),
        from: cycle.period.from().to_string(),
        to: cycle.period.to().to_string(),
        scheme_id: cycle.scheme.to_string(),
        scheme_version: cycle.scheme_version,
        policy_version: cycle.policy.version.clone(),
        records: summary.records,
        credited: summary.credited,
        unattributed: summary.unattributed,
        people: summary.people,
        rung_counts: rung_counts.collect(),
        digest: summary.digest.clone(),
        result_version,
        unit_id: cycle.owner.unit().map(|unit| unit.to_string()).unwrap_or_default(),
    })
}
