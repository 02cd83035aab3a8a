//! What the definitions of a scheme take from records: of each record a value, by what was read of it, of which kind it is, when
//! it began and which session it belongs to; and what those add up to for each person.
//!
//! Records come account by account, each by start and external id. Customers and sessions are told apart on each account, so that
//! a part of the group gives what all of it gives.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::ToSpan as _;
use jiff::civil::Date;
use tally_kernel::Micro;
use tally_kernel::time::{Period, TimeError, resolve, zone};

use super::row::Row;
use super::snapshot::FrozenAccount;
use crate::scoring::definition::{Aggregation, Counts, Definition, Derived, Hours, Of, OfRecords, Value};
use crate::scoring::{Sample, Scheme};

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;
/// Days after the period that a reply may still come on.
const DAYS_AFTER: i64 = 48;
/// Millionths in one.
const ONE: i128 = 1_000_000;

/// The definitions of a scheme that are taken from records, and what of records they need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Takes {
    definitions: Vec<Taking>,
    columns: Vec<String>,
}

/// A definition with those that it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Taking {
    definition: Definition,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    /// Values of records.
    Records(OfRecords),
    /// Records whose customer had one of another count before: both counts, and the days.
    Repeat(Box<[Definition; 2]>, u32),
}

impl Takes {
    /// Those of a sound scheme, in its order.
    pub fn of(scheme: &Scheme) -> Self {
        let find = |name: &str| scheme.measures.iter().find(|definition| definition.name == name).cloned();
        let taking = |definition: &Definition| {
            let what = match &definition.of {
                Of::Record(records) => What::Records(records.clone()),
                Of::Derived(Derived::Repeat { of, after, within_days }) => {
                    let after = if after.is_empty() { of } else { after };
                    What::Repeat(Box::new([find(of)?, find(after)?]), *within_days)
                }
                Of::Derived(_) | Of::Observation(_) | Of::Team(_) => return None,
            };
            Some(Taking { definition: definition.clone(), what })
        };
        let definitions: Vec<Taking> = scheme.measures.iter().filter_map(taking).collect();
        let mut columns = BTreeSet::new();
        for taking in &definitions {
            columns.extend(taking.counted().into_iter().filter_map(|records| match &records.value {
                Some(Value::Column(column)) => Some(column.clone()),
                _ => None,
            }));
        }
        Self { definitions, columns: columns.into_iter().collect() }
    }

    /// Names of the measures, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.definitions.iter().map(|taking| taking.definition.name.as_str())
    }

    /// Whether there is nothing to take.
    pub fn is_empty(&self) -> bool {
        self.definitions.is_empty()
    }

    /// The columns that are read, sorted: of each record their values are expected in this order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Whether what is taken from a record depends on the sales or columns of others of its customer.
    pub fn links(&self) -> bool {
        let valued = |records: &OfRecords| matches!(records.value, Some(Value::Amount | Value::Column(_)));
        self.definitions.iter().any(|taking| {
            let repeats = matches!(taking.what, What::Repeat(..));
            taking.counted().into_iter().any(|records| valued(records) && (repeats || records.session_minutes > 0))
        })
    }

    /// Whether sales are computed with.
    pub fn amounts(&self) -> bool {
        let mut all = self.definitions.iter().flat_map(Taking::counted);
        all.any(|records| records.value == Some(Value::Amount))
    }

    /// Days before the period of which sales are computed with.
    pub fn days_of_amounts_before(&self) -> i64 {
        if self.amounts() { self.before_ms() / DAY_MS } else { 0 }
    }

    /// How long before the period records are read, in milliseconds.
    pub fn before_ms(&self) -> i64 {
        let days = self.definitions.iter().map(|taking| match taking.what {
            What::Records(_) => 0,
            What::Repeat(_, days) => i64::from(days),
        });
        days.max().unwrap_or(0) * DAY_MS
    }
}

impl Taking {
    fn counted(&self) -> Vec<&OfRecords> {
        match &self.what {
            What::Records(records) => vec![records],
            What::Repeat(both, _) => both.iter().filter_map(|definition| of_records(definition)).collect(),
        }
    }
}

fn of_records(definition: &Definition) -> Option<&OfRecords> {
    match &definition.of {
        Of::Record(records) => Some(records),
        Of::Observation(_) | Of::Derived(_) | Of::Team(_) => None,
    }
}

/// What a definition takes from a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// A value; of a yes or no and of a count, one or zero.
    Number(Micro),
    /// A customer, and whether the record counts for it.
    Customer(u64, bool),
}

/// Takes values from the records of one account.
#[derive(Debug)]
pub struct Measuring<'a> {
    takes: &'a Takes,
    readers: Vec<Reader<'a>>,
    minor_digits: u32,
}

#[derive(Debug)]
enum Reader<'a> {
    Records(Looking<'a>),
    Repeat { of: Looking<'a>, after: Option<Looking<'a>>, within_ms: i64, last: HashMap<u64, i64> },
}

/// Which records a definition looks at, and what it reads of them.
#[derive(Debug)]
struct Looking<'a> {
    of: &'a OfRecords,
    column: Option<usize>,
    /// First and last instant of which something counts, the last one not included.
    valid: (i64, i64),
    /// The stretches of time that count, by start; nothing where all does.
    hours: Option<Vec<(i64, i64)>>,
    sessions: HashMap<u64, Session>,
}

#[derive(Debug)]
struct Session {
    end_ms: i64,
    measured: bool,
}

impl<'a> Measuring<'a> {
    /// Of an account, over a period.
    ///
    /// # Errors
    /// [`TimeError`] for a zone that is not known any more, or a period at the end of time.
    pub fn new(
        takes: &'a Takes,
        account: &FrozenAccount,
        period: Period,
        minor_digits: u32,
    ) -> Result<Self, TimeError> {
        let clock = Clock { zone: zone(&account.zone)?, period, before_days: takes.before_ms() / DAY_MS };
        let looking = |definition: &'a Definition, of: &'a OfRecords| Looking::new(takes, definition, of, &clock);
        let mut readers = Vec::with_capacity(takes.definitions.len());
        for taking in &takes.definitions {
            readers.push(match &taking.what {
                What::Records(of) => Reader::Records(looking(&taking.definition, of)?),
                What::Repeat(both, days) => {
                    let [of, after] = both.as_ref();
                    let counted = |definition: &'a Definition| {
                        of_records(definition).map(|of| looking(definition, of)).transpose()
                    };
                    let Some(first) = counted(of)? else { continue };
                    let after = if of == after { None } else { counted(after)? };
                    let within_ms = i64::from(*days) * DAY_MS;
                    Reader::Repeat { of: first, after, within_ms, last: HashMap::new() }
                }
            });
        }
        Ok(Self { takes, readers, minor_digits })
    }

    /// Looks at a record from before the period: nothing is taken from it, but others may come after it.
    pub fn before(&mut self, row: &Row) {
        let customer = customer(row);
        for reader in &mut self.readers {
            if let Reader::Repeat { .. } = reader {
                reader.take(row, customer, self.minor_digits);
            }
        }
    }

    /// What each definition takes from the next record, in their order.
    pub fn take(&mut self, row: &Row) -> Vec<Option<Taken>> {
        debug_assert_eq!(self.takes.definitions.len(), self.readers.len());
        let customer = customer(row);
        self.readers.iter_mut().map(|reader| reader.take(row, customer, self.minor_digits)).collect()
    }
}

impl Reader<'_> {
    fn take(&mut self, row: &Row, customer: Option<u64>, minor_digits: u32) -> Option<Taken> {
        match self {
            Self::Records(looking) => looking.take(row, customer, minor_digits),
            Self::Repeat { of, after, within_ms, last } => {
                let counted = |taken: Option<Taken>| taken == Some(Taken::Number(Micro::ONE));
                let is_one = counted(of.take(row, customer, minor_digits));
                let is_earlier =
                    after.as_mut().map_or(is_one, |after| counted(after.take(row, customer, minor_digits)));
                let customer = customer?;
                let again = last.get(&customer).is_some_and(|before| row.started_ms - before <= *within_ms);
                if is_earlier {
                    last.insert(customer, row.started_ms);
                }
                is_one.then_some(Taken::Number(if again { Micro::ONE } else { Micro::ZERO }))
            }
        }
    }
}

impl<'a> Looking<'a> {
    fn new(takes: &Takes, definition: &Definition, of: &'a OfRecords, clock: &Clock) -> Result<Self, TimeError> {
        let column = match &of.value {
            Some(Value::Column(column)) => takes.columns.binary_search(column).ok(),
            _ => None,
        };
        let valid = (
            definition.from.map_or(Ok(i64::MIN), |day| clock.midnight(day))?,
            definition.to.map_or(Ok(i64::MAX), |day| clock.midnight(shifted(day, 1)?))?,
        );
        let hours = of.hours.map(|hours| clock.stretches(hours)).transpose()?;
        Ok(Self { of, column, valid, hours, sessions: HashMap::new() })
    }

    fn take(&mut self, row: &Row, customer: Option<u64>, minor_digits: u32) -> Option<Taken> {
        if !self.looks_at(row) {
            return None;
        }
        let value = self.value(row, minor_digits);
        let stands = self.stands_for_session(row, customer, value.is_some());
        let value = value.filter(|_| stands)?;
        let passes = self.of.test.is_none_or(|test| test.passes(value));
        Some(match self.of.aggregation {
            Aggregation::Mean | Aggregation::Sum => Taken::Number(value),
            Aggregation::Count | Aggregation::Share if self.of.value == Some(Value::Resolved) => Taken::Number(value),
            Aggregation::Count | Aggregation::Share => Taken::Number(if passes { Micro::ONE } else { Micro::ZERO }),
            Aggregation::Distinct => {
                let yes = self.of.value != Some(Value::Resolved) || value == Micro::ONE;
                Taken::Customer(customer?, passes && yes)
            }
        })
    }

    fn looks_at(&self, row: &Row) -> bool {
        let kinds = &self.of.kinds;
        let begun = || match (&self.hours, self.of.hours) {
            (Some(stretches), Some(Hours { counts: Counts::Begun, .. })) => within(stretches, row.started_ms),
            _ => true,
        };
        (kinds.is_empty() || kinds.iter().any(|kind| kind == row.kind))
            && (self.valid.0..self.valid.1).contains(&row.started_ms)
            && begun()
    }

    /// The value of a record; one where records themselves are counted.
    fn value(&self, row: &Row, minor_digits: u32) -> Option<Micro> {
        let seconds = |ms: i64| Some(Micro::from_millionths(self.counted_ms(row.started_ms, ms).checked_mul(1_000)?));
        match &self.of.value {
            None => Some(Micro::ONE),
            Some(Value::FirstReplySeconds) => seconds(row.first_reply_ms?),
            Some(Value::DurationSeconds) => seconds(row.ended_ms - row.started_ms),
            Some(Value::Column(_)) => row.custom.get(self.column?).copied().flatten(),
            Some(value) => row.value(value, minor_digits),
        }
    }

    /// So much of a stretch of time as lies within the counting hours.
    fn counted_ms(&self, from_ms: i64, ms: i64) -> i64 {
        let (Some(stretches), Some(Hours { counts: Counts::Inside, .. })) = (&self.hours, self.of.hours) else {
            return ms;
        };
        let to_ms = from_ms.saturating_add(ms);
        let first = stretches.partition_point(|(_, to)| *to <= from_ms);
        let inside = stretches[first..].iter().take_while(|(from, _)| *from < to_ms);
        inside.map(|(from, to)| (*to).min(to_ms) - (*from).max(from_ms)).sum()
    }

    /// Whether the record stands for its session: it is the first of it that was measured.
    fn stands_for_session(&mut self, row: &Row, customer: Option<u64>, is_measured: bool) -> bool {
        let pause_ms = i64::from(self.of.session_minutes) * 60_000;
        let Some(customer) = customer.filter(|_| pause_ms > 0) else { return true };
        let session = self.sessions.entry(customer).or_insert(Session { end_ms: i64::MIN, measured: false });
        if row.started_ms.saturating_sub(pause_ms) > session.end_ms {
            *session = Session { end_ms: row.ended_ms, measured: false };
        }
        session.end_ms = session.end_ms.max(row.ended_ms);
        let stands = !session.measured;
        session.measured |= is_measured;
        stands
    }
}

/// The local time of an account.
struct Clock {
    zone: jiff::tz::TimeZone,
    period: Period,
    before_days: i64,
}

impl Clock {
    fn instant(&self, at: jiff::civil::DateTime) -> Result<i64, TimeError> {
        resolve(at, &self.zone).map(|local| local.compatible().as_millisecond())
    }

    fn midnight(&self, day: Date) -> Result<i64, TimeError> {
        self.instant(day.to_datetime(jiff::civil::Time::midnight()))
    }

    /// The hours of every day around the period.
    fn stretches(&self, hours: Hours) -> Result<Vec<(i64, i64)>, TimeError> {
        let mut stretches = Vec::new();
        let last = shifted(self.period.to(), DAYS_AFTER)?;
        let mut day = shifted(self.period.from(), -1 - self.before_days)?;
        while day <= last {
            let end = if hours.to > hours.from { day } else { shifted(day, 1)? };
            let (from, to) = (self.instant(day.to_datetime(hours.from))?, self.instant(end.to_datetime(hours.to))?);
            if from < to {
                stretches.push((from, to));
            }
            day = shifted(day, 1)?;
        }
        Ok(stretches)
    }
}

fn within(stretches: &[(i64, i64)], at_ms: i64) -> bool {
    let first = stretches.partition_point(|(_, to)| *to <= at_ms);
    stretches.get(first).is_some_and(|(from, _)| *from <= at_ms)
}

fn shifted(date: Date, days: i64) -> Result<Date, TimeError> {
    date.checked_add(days.days()).map_err(|_| TimeError::OutOfRange)
}

/// Eight bytes of a digest tell the customers of an account apart.
fn customer(row: &Row) -> Option<u64> {
    let mut first = [0; 8];
    first.copy_from_slice(&blake3::hash(row.customer.as_bytes()).as_bytes()[..8]);
    (!row.customer.is_empty()).then(|| u64::from_le_bytes(first))
}

/// What was taken from a person's shares of records, added up.
#[derive(Clone, Debug, Default)]
pub struct Added {
    samples: Vec<Sample>,
    /// Of each definition the customers of the account that is being read, each with the largest share.
    customers: BTreeMap<(usize, u64), u32>,
}

impl Added {
    /// Nothing yet, of what these take.
    pub fn new(takes: &Takes) -> Self {
        Self { samples: vec![Sample::default(); takes.definitions.len()], customers: BTreeMap::new() }
    }

    /// Adds a share of a record.
    pub fn add(&mut self, ppm: u32, taken: &[Option<Taken>]) {
        for (n, (sample, taken)) in self.samples.iter_mut().zip(taken).enumerate() {
            match *taken {
                None => {}
                Some(Taken::Number(value)) => sample.add(ppm, value),
                Some(Taken::Customer(customer, counts)) => {
                    sample.ppm += u64::from(ppm);
                    if counts {
                        let largest = self.customers.entry((n, customer)).or_default();
                        *largest = (*largest).max(ppm);
                    }
                }
            }
        }
    }

    /// Ends an account.
    pub fn end_account(&mut self) {
        for ((n, _), largest) in std::mem::take(&mut self.customers) {
            self.samples[n].sum += i128::from(largest) * ONE;
        }
    }

    /// What it all comes to, in the order of the definitions.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }
}

#[cfg(test)]
mod tests;
