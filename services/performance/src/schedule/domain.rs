//! When a schedule closes which month, and where each of its runs stands. Pure.
//!
//! ```text
//! looking -> waiting -> closing -> done
//!    |  \       |  \       |
//!    |   +------+---+------+--> failed       by a named reason; the next month is tried nevertheless
//!    +----------+--> stopped                 by somebody, or since the schedule was deleted
//! ```
//!
//! What failed or was stopped is begun again by hand, if at all: another attempt of the same run.
//!
//! A month is closed on a day of the month after it, at a time of the schedule's zone. A day that the month does not have is its last
//! one. A time that the clocks skip is as much later as they were put forward; of one that comes twice it is the first. Months that were
//! missed, since nothing ran, are begun late, each once, the oldest first, and at most [`MOST_MISSED`] of them.

use std::collections::BTreeMap;

use jiff::civil::{Date, Time};
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use strum_macros::{Display, EnumString};
use tally_access::Owner;
use tally_engine::policy::Policy;
use tally_kernel::id::{AttributionRunId, CycleId, OrgUnitId, PrincipalId, SchemeId};
use tally_kernel::time::{Period, TimeError, resolve, zone};
use tally_kernel::{Error, Message, msg};
use uuid::Uuid;

use crate::cycle::domain::NewCycle;
use crate::cycle::domain::population::Population;
use crate::run::domain::Failure;

/// Months that are begun late at most; those before stay open.
pub const MOST_MISSED: i32 = 12;
/// A run waits no longer than that between looking and closing: a week.
pub const MOST_DELAY: u32 = 7 * 24 * 60;
/// Kinds of findings that a line names.
const NAMED: usize = 6;

/// When something is done every month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// IANA name.
    pub zone: String,
    /// Of the month after the one that is closed.
    pub day: i8,
    pub time: Time,
}

impl Timing {
    /// When this month is closed.
    ///
    /// # Errors
    /// [`TimeError`] for a zone that is not known any more, or at the end of time.
    pub fn fires_at(&self, month: Period) -> Result<Timestamp, TimeError> {
        let first = shifted(month.to(), 1)?;
        let day = first.last_of_month().day().min(self.day);
        let on = first.with().day(day).build().map_err(|_| TimeError::OutOfRange)?;
        resolve(on.to_datetime(self.time), &zone(&self.zone)?).map(|local| local.compatible())
    }

    /// The first month that is closed after an instant, and when.
    ///
    /// # Errors
    /// As [`fires_at`](Self::fires_at).
    pub fn next_after(&self, now: Timestamp) -> Result<(Period, Timestamp), TimeError> {
        let today = zone(&self.zone)?.to_datetime(now).date();
        // Closed this month is the one before; two back, in case the clocks were put back over a month's end.
        let mut month = before(before(Period::month_of(today))?)?;
        loop {
            let at = self.fires_at(month)?;
            if at > now {
                return Ok((month, at));
            }
            month = after(month)?;
        }
    }

    /// Which month is begun of those that are due, from this one on: it, or a later one where too many were missed; and how many are left out.
    ///
    /// # Errors
    /// As [`fires_at`](Self::fires_at).
    pub fn due(&self, month: Period, now: Timestamp) -> Result<(Period, i32), TimeError> {
        let (next, _) = self.next_after(now)?;
        let missed = months(next) - months(month);
        let left_out = (missed - MOST_MISSED).max(0);
        let mut begun = month;
        for _ in 0..left_out {
            begun = after(begun)?;
        }
        Ok((begun, left_out))
    }
}

/// The month after.
///
/// # Errors
/// [`TimeError`] at the end of time.
pub fn after(month: Period) -> Result<Period, TimeError> {
    shifted(month.to(), 1).map(Period::month_of)
}

fn before(month: Period) -> Result<Period, TimeError> {
    shifted(month.from(), -1).map(Period::month_of)
}

fn months(month: Period) -> i32 {
    i32::from(month.from().year()) * 12 + i32::from(month.from().month())
}

fn shifted(date: Date, days: i64) -> Result<Date, TimeError> {
    date.checked_add(days.days()).map_err(|_| TimeError::OutOfRange)
}

/// What is closed every month, and by whose right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    pub id: Uuid,
    pub owner: Owner,
    pub said: Said,
    /// Whose right is asked for whenever it closes: who wrote it last.
    pub maker: PrincipalId,
    /// The month that is closed next.
    pub next: Period,
    /// When.
    pub next_at: Timestamp,
    /// Why its last run failed; nothing once one went well.
    pub failure: Option<Failure>,
    /// Nothing is closed any more.
    pub deleted: bool,
    /// Changes with every change.
    pub version: i64,
}

/// What a schedule says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Whose cycles they are; nothing for the group.
    pub unit: Option<OrgUnitId>,
    pub name: String,
    pub scheme: SchemeId,
    /// 0: the newest when a month is closed.
    pub scheme_version: u32,
    pub population: Option<Population>,
    /// The numbers of attribution.
    pub policy: Policy,
    pub timing: Timing,
    /// Whether a run looks first, and closes later.
    pub dry_first: bool,
    /// How much later.
    pub delay_minutes: u32,
    /// Whether cycles score from a run of the unit, or of one above, that somebody else starts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub run_from_above: bool,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display, EnumString)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum State {
    /// Looks who is in, and what is missing.
    Looking,
    /// Has looked, and closes later unless somebody stops it.
    Waiting,
    /// The cycle is being closed.
    Closing,
    /// The cycle can be looked at; somebody publishes it.
    Done,
    Failed,
    Stopped,
}

impl State {
    /// Whether nothing changes by itself any more.
    pub fn rests(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Stopped)
    }
}

/// What was done when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub at: Timestamp,
    pub said: Message,
}

/// One month of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub id: Uuid,
    pub schedule: Uuid,
    pub owner: Owner,
    pub name: String,
    /// The month that is closed.
    pub period: Period,
    pub state: State,
    /// How often it was begun, from 1: items of an earlier attempt do nothing.
    pub attempt: i32,
    /// When the schedule says that it is closed.
    pub due_at: Timestamp,
    /// When it goes on by itself; nothing where it does not.
    pub next_at: Option<Timestamp>,
    pub cycle: Option<CycleId>,
    pub log: Vec<Line>,
    pub failure: Option<Failure>,
    pub version: i64,
}

/// What looking found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// People who would be in; nothing where everybody of the group is.
    pub people: Option<usize>,
    pub accounts: usize,
    pub records: u64,
    /// Findings by kind.
    pub findings: BTreeMap<String, u64>,
    /// Why closing on the day of the look would be refused; nothing where it would not be.
    pub lacks: Option<Message>,
    /// What closing would be refused for, if a card of the cycle rests on it.
    pub may_lack: Option<Message>,
    /// What is scored from, where the cycle starts no run of its own.
    pub above: Option<Above>,
}

/// A run of the unit, or of one above, that a cycle scores from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Above {
    There(AttributionRunId),
    /// There is none yet that would do: what is waited for, and what is wrong with the newest.
    Awaited(Message),
}

/// What a schedule or its run forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleError {
    /// It is closing its cycle already.
    RunCloses,
    /// It has ended.
    RunEnded,
    /// The month was begun already, and did not come to nothing.
    MonthThere,
    /// The month is not over in the schedule's zone.
    MonthNotOver,
    /// It was changed meanwhile.
    Stale,
    /// Who wrote it last may not close any more.
    MakerMayNot,
    /// This one says the same.
    There(Uuid),
}

impl Said {
    /// A month of it, as a cycle that is called so.
    pub fn cycle(&self, name: &str, period: Period) -> NewCycle {
        NewCycle {
            unit: self.unit,
            name: name.to_owned(),
            population: self.population.clone(),
            period,
            scheme: self.scheme,
            scheme_version: self.scheme_version,
            policy: self.policy.clone(),
        }
    }
}

impl Schedule {
    /// The month that is begun by hand, and when the schedule itself would.
    ///
    /// # Errors
    /// [`ScheduleError::MonthNotOver`]; [`TimeError`] as an error of the caller's.
    pub fn by_hand(&self, month: Period, now: Timestamp) -> Result<(Period, Timestamp), Error> {
        let today = zone(&self.said.timing.zone)?.to_datetime(now).date();
        if today <= month.to() {
            return Err(ScheduleError::MonthNotOver.into());
        }
        Ok((month, self.said.timing.fires_at(month)?))
    }

    /// It says something else from now on, by somebody else's right. The month whose turn it is stays, also where it is due already.
    ///
    /// # Errors
    /// [`TimeError`].
    pub fn said(self, said: Said, maker: PrincipalId) -> Result<Self, TimeError> {
        let next_at = said.timing.fires_at(self.next)?;
        Ok(Self { said, maker, next_at, failure: None, version: self.version + 1, ..self })
    }

    /// Waits for the month after this one.
    ///
    /// # Errors
    /// [`TimeError`].
    pub fn advanced(self, from: Period) -> Result<Self, TimeError> {
        let next = after(from)?;
        let next_at = self.said.timing.fires_at(next)?;
        Ok(Self { next, next_at, version: self.version + 1, ..self })
    }
}

impl Run {
    /// A month of a schedule, begun now; `left_out` months before it were missed for good.
    pub fn begin(
        id: Uuid,
        of: &Schedule,
        (period, due_at): (Period, Timestamp),
        now: Timestamp,
        left_out: i32,
    ) -> Self {
        let month = format!("{:04}-{:02}", period.from().year(), period.from().month());
        let mut log = vec![Line { at: now, said: msg!("SCHEDULE_BEGAN", month, due = due_at) }];
        if left_out > 0 {
            log.push(Line { at: now, said: msg!("SCHEDULE_LEFT_OUT", months = left_out, most = MOST_MISSED) });
        }
        Self {
            id,
            schedule: of.id,
            owner: of.owner.clone(),
            name: format!("{} {month}", of.said.name),
            period,
            state: State::Looking,
            attempt: 1,
            due_at,
            next_at: Some(now),
            cycle: None,
            log,
            failure: None,
            version: 1,
        }
    }

    /// What came to nothing is begun again, with the cycle that it had.
    ///
    /// # Errors
    /// [`ScheduleError::MonthThere`].
    pub fn again(self, now: Timestamp) -> Result<Self, ScheduleError> {
        match self.state {
            State::Failed | State::Stopped => {
                let (attempt, noted) = (self.attempt + 1, self.noted(now, msg!("SCHEDULE_AGAIN")));
                let fresh = Self { state: State::Looking, attempt, next_at: Some(now), ..noted };
                Ok(Self { failure: None, ..fresh }.changed())
            }
            State::Looking | State::Waiting | State::Closing | State::Done => Err(ScheduleError::MonthThere),
        }
    }

    /// It has looked, and closes at an instant.
    #[must_use]
    pub fn looked(self, found: &Looked, closes_at: Timestamp, now: Timestamp) -> Self {
        let state = if closes_at > now { State::Waiting } else { State::Looking };
        let mut next = self.noted(now, found.message());
        if state == State::Waiting {
            next = next.noted(now, msg!("SCHEDULE_WAITS", until = closes_at));
        }
        if let Some(why) = &found.lacks {
            next = next.noted(now, msg!("SCHEDULE_WOULD_FAIL", why = *why));
        }
        if let Some(why) = &found.may_lack {
            next = next.noted(now, msg!("SCHEDULE_MAY_FAIL", why = *why));
        }
        if let Some(Above::Awaited(what)) = &found.above {
            next = next.noted(now, what.clone());
        }
        Self { state, next_at: Some(closes_at), ..next }.changed()
    }

    /// It waits for what somebody else does, and says so once.
    #[must_use]
    pub fn awaits(self, what: &Message, now: Timestamp) -> Self {
        Self { state: State::Waiting, next_at: None, ..self.noted(now, what.clone()) }.changed()
    }

    /// Whether it has said last that it waits for this.
    pub fn says(&self, what: &Message) -> bool {
        self.state == State::Waiting && self.log.last().is_some_and(|line| line.said == *what)
    }

    /// It closes, and nobody stops it any more.
    #[must_use]
    pub fn closes(self, found: &Looked, now: Timestamp) -> Self {
        let mut next = self.noted(now, found.message());
        if let Some(cycle) = next.cycle {
            next = next.noted(now, msg!("SCHEDULE_CLOSES.again", cycle));
        }
        if let Some(Above::There(run)) = found.above {
            next = next.noted(now, msg!("SCHEDULE_SCORES_FROM", run));
        }
        Self { state: State::Closing, next_at: None, ..next }.changed()
    }

    /// This is its cycle.
    #[must_use]
    pub fn of_cycle(self, cycle: CycleId, now: Timestamp) -> Self {
        Self { cycle: Some(cycle), ..self.noted(now, msg!("SCHEDULE_CLOSES", cycle)) }.changed()
    }

    /// Its cycle can be looked at.
    #[must_use]
    pub fn done(self, said: Message, now: Timestamp) -> Self {
        Self { state: State::Done, next_at: None, ..self.noted(now, said) }.changed()
    }

    /// It comes to nothing.
    #[must_use]
    pub fn failed(self, failure: Failure, now: Timestamp) -> Self {
        let noted = self.noted(now, msg!("SCHEDULE_FAILED", why = failure.message()));
        Self { state: State::Failed, next_at: None, failure: Some(failure), ..noted }.changed()
    }

    /// Somebody stops it.
    ///
    /// # Errors
    /// [`ScheduleError::RunCloses`], [`ScheduleError::RunEnded`].
    pub fn stopped(self, said: Message, now: Timestamp) -> Result<Self, ScheduleError> {
        match self.state {
            State::Looking | State::Waiting => {
                Ok(Self { state: State::Stopped, next_at: None, ..self.noted(now, said) }.changed())
            }
            State::Closing => Err(ScheduleError::RunCloses),
            State::Done | State::Failed | State::Stopped => Err(ScheduleError::RunEnded),
        }
    }

    /// Its cycle was taken out of its hands.
    #[must_use]
    pub fn left(self, now: Timestamp) -> Self {
        Self { state: State::Stopped, next_at: None, ..self.noted(now, msg!("SCHEDULE_CYCLE_CANCELLED")) }.changed()
    }

    fn noted(mut self, at: Timestamp, said: Message) -> Self {
        self.log.push(Line { at, said });
        self
    }

    fn changed(self) -> Self {
        Self { version: self.version + 1, ..self }
    }
}

impl Looked {
    fn message(&self) -> Message {
        let Self { accounts, records, .. } = self;
        let all: u64 = self.findings.values().sum();
        let kinds =
            self.findings.iter().take(NAMED).map(|(kind, n)| format!("{kind} {n}")).collect::<Vec<_>>().join(", ");
        match self.people {
            Some(people) => msg!("SCHEDULE_LOOKED", people, accounts, records, findings = all, kinds),
            None => msg!("SCHEDULE_LOOKED.everybody", accounts, records, findings = all, kinds),
        }
    }
}

#[cfg(test)]
mod tests;
