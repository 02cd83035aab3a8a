//! What is kept still: whether all is there that a period is made of, and whether something old would stay.

use jiff::SignedDuration;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tally_access::OpContext;
use tally_engine::closing::measured::Takes;
use tally_engine::scoring::Scheme;
use tally_kernel::time::Period;
use tally_kernel::{Error, Result};
use tally_privacy::{Removed, Terms, first_day};

use crate::peers::Peers;
use crate::record::domain::KEPT_AS as RECORDS;

/// What is worked out from records: a kind of the retention schedule.
pub const RESULTS: &str = "performance.results";
/// What attendance holds of duty.
const DUTY: &str = "attendance.duty";
/// Whom attendance knows by which nickname.
const ALIASES: &str = "attendance.aliases";
/// The widest offset ahead of UTC, so that no zone's first day is cut.
const WIDEST: SignedDuration = SignedDuration::from_hours(14);
/// Who punched in on the day before is on duty into the first one.
const DAY_BEFORE: SignedDuration = SignedDuration::from_hours(14 + 24);
/// A nickname goes by its last day, whatever the zone, and stays for all of the day in which the edge lies.
const WHOLE_DAY: SignedDuration = SignedDuration::from_nanos(1 - 24 * 60 * 60 * 1_000_000_000);

/// What retention may have removed of what a period is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gone {
    /// A period that begins on this day, or later, is made of nothing that is gone.
    pub day: Date,
    /// The kind of the retention schedule, of several the one with the latest day.
    pub kind: &'static str,
}

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

    /// What retention may have removed of what a period, scored by this scheme, is made of; nothing where all is kept. What is removed would be
    /// missing without a word. Where there is a result, it says when that was begun: what was over when the months were raised since was there
    /// then, and is gone.
    pub async fn removed(
        &self,
        ctx: &OpContext,
        period: Period,
        scheme: Option<&Scheme>,
        begun: Option<Timestamp>,
    ) -> Result<Option<Gone>> {
        if self.all {
            return Ok(None);
        }
        let first = period.from().to_zoned(TimeZone::UTC).map_err(Error::internal)?.timestamp();
        let before = SignedDuration::from_millis(scheme.map_or(0, |scheme| Takes::of(scheme).before_ms()));
        // Credits go with the records that they are of.
        let made_of =
            [(DUTY, DAY_BEFORE), (ALIASES, WHOLE_DAY), (RECORDS, WIDEST.saturating_add(before)), (RESULTS, WIDEST)];
        let oldest = made_of.map(|(kind, back)| (kind, first.saturating_sub(back).unwrap_or(Timestamp::MIN)));
        let terms = tally_privacy::terms_of_old(&self.peers.identity, ctx, oldest).await?;
        let mut gone = Vec::new();
        for (kind, back) in made_of {
            // Where somebody is on hold, what tells of others is removed nevertheless.
            if let Some(until) = Removed::of(terms.as_ref(), kind, ctx.now()).since(begun).until(None)? {
                let day = first_day(until.checked_add(back).map_err(Error::internal)?)?;
                gone.extend((period.from() < day).then_some(Gone { day, kind }));
            }
        }
        Ok(gone.into_iter().max())
    }
}
