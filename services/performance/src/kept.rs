//! What is kept still: whether all is there that a period is made of, and whether something old would stay.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan as _};
use tally_access::OpContext;
use tally_engine::closing::measured::Takes;
use tally_engine::scoring::Scheme;
use tally_kernel::time::Period;
use tally_kernel::{Error, Result};
use tally_privacy::{Removed, Terms};

use crate::peers::Peers;
use crate::record::domain::KEPT_AS as RECORDS;

/// What is worked out from records: a kind of the retention schedule.
pub const RESULTS: &str = "performance.results";
/// What attendance holds of duty.
const DUTY: &str = "attendance.duty";

/// Knows what the group keeps.
#[derive(Clone)]
pub struct Kept {
    peers: Peers,
    /// Nothing is ever removed.
    all: bool,
}

impl Kept {
    pub fn new(peers: Peers, all: bool) -> Self {
        Self { peers, all }
    }

    /// How long is kept what, where the oldest of some records or observations is so old that it matters.
    pub async fn terms(&self, ctx: &OpContext, oldest: Option<Timestamp>) -> Result<Option<Terms>> {
        let oldest = oldest.filter(|_| !self.all).map(|at| (RECORDS, at));
        tally_privacy::terms_of_old(&self.peers.identity, ctx, oldest).await
    }

    /// The day before which retention may have removed something that a period, scored by this scheme, is made of; nothing where all is
    /// kept. What is removed would be missing without a word.
    pub async fn removed(&self, ctx: &OpContext, period: Period, scheme: Option<&Scheme>) -> Result<Option<Date>> {
        if self.all {
            return Ok(None);
        }
        // The widest offset there is, so that no zone's first day is cut.
        let first = period.from().checked_sub(1.day()).and_then(|day| day.to_zoned(TimeZone::UTC));
        let first = first.map_err(Error::internal)?.timestamp();
        let before = SignedDuration::from_millis(scheme.map_or(0, |scheme| Takes::of(scheme).before_ms()));
        let looked_back = first.checked_sub(before).map_err(Error::internal)?;
        // Credits go with the records that they are of.
        let made_of = [(DUTY, first), (RECORDS, looked_back), (RESULTS, first)];
        let terms = tally_privacy::terms_of_old(&self.peers.identity, ctx, made_of).await?;
        let mut days = Vec::new();
        for (kind, from) in made_of {
            // Where somebody is on hold, what tells of others is removed nevertheless.
            days.extend(Removed::of(terms.as_ref(), kind, ctx.now()).before(None, from)?);
        }
        Ok(days.into_iter().max())
    }
}
