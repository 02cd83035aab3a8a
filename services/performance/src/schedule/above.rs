//! The run of a unit, or of one above it, that a month is scored from.

use tally_access::{OpContext, Owner};
use tally_app::units::Units;
use tally_kernel::time::zone;
use tally_kernel::{Result, msg};

use super::domain::{Above, Run, Schedule};
use crate::App;
use crate::cycle::domain::about;
use crate::run::facts as runs;

/// The newest run that would do: over exactly these days, by the same policy, about all that the cycle is about, and begun once the days were
/// over by the clock of the schedule, since one of before cannot tell of all of them.
///
/// # Errors
/// What identity or the store says; [`TimeError`](tally_kernel::time::TimeError) for a zone that is not known any more.
pub(super) async fn find(app: &App, maker: &OpContext, schedule: &Schedule, run: &Run) -> Result<Above> {
    let (period, own) = (run.period, schedule.owner.unit());
    let units = Units::of(&app.peers.identity, maker, Some(period.to())).await?;
    let over = period.instants(&zone(&schedule.said.timing.zone)?)?.end;
    let above = |owner: &Owner| match (owner.unit(), own) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(above), Some(own)) => units.holds(above, own),
    };
    let runs = { runs::done_over(&*app.store.read(maker).await?, period).await? };
    let about = about(own, schedule.said.population.as_ref());
    let (from, to) = (period.from(), period.to());
    let mut awaited = msg!("SCHEDULE_AWAITS_RUN", from, to);
    for (place, there) in runs.iter().filter(|there| above(&there.owner)).enumerate() {
        let wrong = if there.started_at < over {
            Some(msg!("SCHEDULE_AWAITS_RUN.early", from, to, run = there.id))
        } else if there.policy != schedule.said.policy {
            Some(msg!("SCHEDULE_AWAITS_RUN.differs", from, to, run = there.id))
        } else if !there.scope.covers(&about, |above, below| units.holds(above, below)) {
            Some(msg!("SCHEDULE_AWAITS_RUN.part", from, to, run = there.id))
        } else {
            None
        };
        match wrong {
            None => return Ok(Above::There(there.id)),
            // Told of the newest: whoever started it may have meant it for this.
            Some(wrong) if place == 0 => awaited = wrong,
            Some(_) => {}
        }
    }
    Ok(Above::Awaited(awaited))
}
