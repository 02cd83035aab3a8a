//! What stops the cycle of a unit and lies with another one: a record that cannot be computed with.

use tally_app::units::Units;
use tally_kernel::message::Arg;
use tally_kernel::{Error, Kind, msg};

use crate::cycle::domain::Cycle;
use crate::cycle::step::At;

/// A refusal as the people of the cycle may read it: of an account that is not of its unit it names neither the account nor the record.
pub async fn told(at: &At<'_>, cycle: &Cycle, refused: Error) -> Error {
    let Some(own) = cycle.owner.unit() else { return refused };
    let Some(Arg::Text(key)) = refused.message().args().get("account").cloned() else { return refused };
    let units = Units::of(&at.app.peers.identity, at.ctx, Some(cycle.period.to()));
    let (accounts, units) = match futures::try_join!(at.app.peers.accounts(at.ctx), units) {
        Ok(known) => known,
        Err(away) => return away,
    };
    let of = accounts.iter().find(|account| account.key == key).and_then(|account| account.unit);
    if of.is_some_and(|unit| units.holds(own, unit)) {
        return refused;
    }
    Error::of(Kind::FailedPrecondition, msg!("RECORD_ELSEWHERE", why = refused.reason()))
}
