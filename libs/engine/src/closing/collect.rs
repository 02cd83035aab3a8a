//! Records as closing needs them: what attribution reads, and beside it what was measured, in columns of a few bytes.
//! What an agent's text means is settled here, by the local date of the record.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::{Date, Time};
use jiff::{Timestamp, ToSpan as _};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde::{Deserialize, Serialize};
use tally_kernel::contribution::{Contribution, Role};
use tally_kernel::time::{TimeError, resolve, zone};
use tally_kernel::{Micro, msg};

use super::facts::{Finding, Phase, PhaseKind};
pub use super::row::Row;
use super::snapshot::{Frozen, FrozenAccount, FrozenPerson, Meaning};
use crate::attribution::{Claim, Record, Reply, Side};
use crate::scoring::definition::{Of, Test, Value, built_in};
use crate::scoring::{Measure, Sample};

mod claims;

pub use claims::Said;

/// The records of a component, account by account, each by start and external id.
#[derive(Debug, Default)]
pub struct Records {
    /// What attribution reads.
    pub rows: Vec<Record>,
    /// Place of each record's content digest: its first half.
    pub contents: Vec<[u8; 16]>,
    /// Records of mixed days without a tag, by account.
    pub mixed_untagged: Vec<u64>,
    /// What was odd.
    pub findings: Vec<Finding>,
    /// Who contributed what, by the place of the record.
    pub contributions: BTreeMap<u32, Vec<(Role, u32)>>,
    /// When the messages of records were written, by which side, and at which device.
    pub replies: Vec<Reply>,
    /// Who said that a dialogue is theirs.
    pub claims: Vec<Claim>,
    /// The devices that records name, by the place of the record.
    pub record_devices: BTreeMap<u32, u32>,
    devices: HashMap<String, u32>,
    quality: Vec<u8>,
    amount: Vec<i64>,
    custom: Vec<Vec<i64>>,
    kinds: HashMap<String, u32>,
}

impl Records {
    /// Nothing yet; `customs` is the number of custom measures that the scheme asks for.
    pub fn new(customs: usize) -> Self {
        Self { custom: vec![Vec::new(); customs], ..Self::default() }
    }

    /// The number of a device, as they come; nothing for none.
    fn device(&mut self, text: &str) -> Option<u32> {
        if text.is_empty() {
            return None;
        }
        if let Some(known) = self.devices.get(text) {
            return Some(*known);
        }
        let next = u32::try_from(self.devices.len()).unwrap_or(u32::MAX);
        self.devices.insert(text.to_owned(), next);
        Some(next)
    }

    /// Numbers the devices anew, in the order of their names, which they are handed back with: nothing may depend on which came first.
    pub(super) fn number_devices(&mut self) -> BTreeMap<String, u32> {
        let devices: BTreeMap<String, u32> = std::mem::take(&mut self.devices).into_iter().collect();
        let mut new = vec![0; devices.len()];
        (0..).zip(devices.values()).for_each(|(number, old)| new[*old as usize] = number);
        let renumber = |device: &mut u32| *device = new[*device as usize];
        self.record_devices.values_mut().for_each(renumber);
        self.replies.iter_mut().filter_map(|reply| reply.device.as_mut()).for_each(renumber);
        devices.into_keys().zip(0..).collect()
    }
}

/// The day of a date, counted from 1970.
pub fn day_number(date: Date) -> i32 {
    let epoch = jiff::civil::date(1970, 1, 1);
    epoch.until(date).map_or(0, |span| span.get_days())
}

/// Collects the records of one account into the component's.
pub struct Collector<'a> {
    account: &'a FrozenAccount,
    place: u32,
    /// Where its records begin among the component's.
    first: usize,
    people: &'a [FrozenPerson],
    records: &'a mut Records,
    /// The dates around the period.
    days: Vec<Day>,
    /// What agents may mean, by their text.
    agents: HashMap<&'a str, &'a [Meaning]>,
    customers: HashMap<u64, u32>,
    flags: Vec<(Value, Option<Test>)>,
    unknown: BTreeMap<String, (u64, i64)>,
    unknown_contributors: BTreeMap<String, (u64, i64)>,
    mixed_untagged: u64,
}

/// A local date.
struct Day {
    date: Date,
    /// Counted from 1970.
    number: i32,
    /// Its first instant.
    midnight_ms: i64,
    /// The first instant of its working day.
    cut_over_ms: i64,
    phase: PhaseKind,
}

/// What of a record is a yes or a no: the built-in shares, in the order of [`Sums::flags`].
fn flags() -> Vec<(Value, Option<Test>)> {
    let definitions = FLAGS.iter().filter_map(built_in);
    let flags = definitions.filter_map(|definition| match definition.of {
        Of::Record(records) => Some((records.value?, records.test)),
        Of::Observation(_) | Of::Derived(_) | Of::Team(_) => None,
    });
    flags.collect()
}

/// What the built-in shares say: two bits each, 0 for not measured, 1 for no, 2 for yes.
fn quality(flags: &[(Value, Option<Test>)], row: &Row) -> u8 {
    let said = |(value, test): &(Value, Option<Test>)| {
        let value = row.value(value, 0)?;
        Some(test.map_or(value == Micro::ONE, |test| test.passes(value)))
    };
    let bits = flags.iter().map(|flag| said(flag).map_or(0, |yes| 1 + u8::from(yes)));
    bits.rev().fold(0, |all, bits| all << 2 | bits)
}

/// No value: no amount and no measure is that small.
const NONE: i64 = i64::MIN;

impl<'a> Collector<'a> {
    /// For the account at this place of a component.
    ///
    /// # Errors
    /// [`TimeError`] for a zone that is not known any more.
    pub fn new(frozen: &'a Frozen, place: usize, records: &'a mut Records) -> Result<Self, TimeError> {
        let account = &frozen.accounts[place];
        let zone = zone(&account.zone)?;
        let (mut days, mut date) = (Vec::new(), shifted(frozen.period.from(), -1)?);
        let last = shifted(frozen.period.to(), 1)?;
        while date <= last {
            let starts = |time| resolve(date.to_datetime(time), &zone).map(|local| local.compatible().as_millisecond());
            days.push(Day {
                date,
                number: day_number(date),
                midnight_ms: starts(Time::midnight())?,
                cut_over_ms: starts(frozen.policy.cut_over)?,
                phase: phase_on(&account.phases, date).kind,
            });
            date = shifted(date, 1)?;
        }
        let place = u32::try_from(place).map_err(|_| TimeError::OutOfRange)?;
        let agents = account.agents.iter().map(|(agent, meanings)| (agent.as_str(), meanings.as_slice())).collect();
        let (customers, unknown, people) = (HashMap::new(), BTreeMap::new(), frozen.people.as_slice());
        let flags = flags();
        let unknown_contributors = BTreeMap::new();
        let first = records.rows.len();
        Ok(Self {
            account,
            place,
            first,
            people,
            records,
            days,
            agents,
            customers,
            flags,
            unknown,
            unknown_contributors,
            mixed_untagged: 0,
        })
    }

    /// Adds the next record.
    pub fn push(&mut self, row: &Row) {
        let &Day { date, phase, .. } = self.last_begun(row.started_ms, |day| day.midnight_ms);
        let working_day = self.last_begun(row.started_ms, |day| day.cut_over_ms).number;
        let tag = self.tag(row, date);
        if tag.is_none() && row.contributors.is_empty() && phase == PhaseKind::Mixed {
            self.mixed_untagged += 1;
        }
        let customer = self.customer(row.customer);
        let kind = self.kind(row.kind);
        let named = self.contributors(row, date);
        let records = &mut *self.records;
        if !named.is_empty() {
            let place = u32::try_from(records.rows.len()).unwrap_or(u32::MAX);
            records.contributions.insert(place, named);
        }
        if let Some(device) = records.device(row.device) {
            let place = u32::try_from(records.rows.len()).unwrap_or(u32::MAX);
            records.record_devices.insert(place, device);
        }
        records.rows.push(Record {
            key: row.external_id.to_owned(),
            account: self.place,
            day: working_day,
            start_ms: row.started_ms,
            end_ms: row.ended_ms,
            kind,
            customer,
            tag,
        });
        records.contents.push(half(row.content));
        records.quality.push(quality(&self.flags, row));
        records.amount.push(row.amount_minor.unwrap_or(NONE));
        for (n, column) in records.custom.iter_mut().enumerate() {
            let value = row.custom.get(n).copied().flatten();
            column.push(value.map_or(NONE, Micro::millionths));
        }
    }

    /// Adds a message of a record that was pushed, told by its start and external id, at a device or at none that is known (empty). One of a
    /// record that was not is left out.
    pub fn message(&mut self, (started_ms, external_id): (i64, &str), at_ms: i64, by: Side, device: &str) {
        let day = self.last_begun(at_ms, |day| day.cut_over_ms).number;
        let records = &mut *self.records;
        let key = |row: &Record| (row.start_ms, row.key.as_str()).cmp(&(started_ms, external_id));
        if let Ok(place) = records.rows[self.first..].binary_search_by(key) {
            let record = u32::try_from(self.first + place).unwrap_or(u32::MAX);
            let device = records.device(device);
            records.replies.push(Reply { record, day, at_ms, by, device });
        }
    }

    /// The day whose first instant, chosen by `start`, is the last before `at_ms`.
    fn last_begun(&self, at_ms: i64, start: impl Fn(&Day) -> i64) -> &Day {
        let begun = self.days.partition_point(|day| start(day) <= at_ms);
        &self.days[begun.saturating_sub(1)]
    }

    fn kind(&mut self, kind: &str) -> u32 {
        if let Some(known) = self.records.kinds.get(kind) {
            return *known;
        }
        let next = u32::try_from(self.records.kinds.len()).unwrap_or(u32::MAX);
        self.records.kinds.insert(kind.to_owned(), next);
        next
    }

    /// A customer is only ever compared with others of the same account within minutes: eight bytes of a digest tell them
    /// apart.
    fn customer(&mut self, text: &str) -> Option<u32> {
        if text.is_empty() {
            return None;
        }
        let mut first = [0; 8];
        first.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..8]);
        let next = u32::try_from(self.customers.len()).unwrap_or(u32::MAX);
        Some(*self.customers.entry(u64::from_le_bytes(first)).or_insert(next))
    }

    /// Whom the platform named. A name that means nobody employed that day counts as none.
    fn tag(&mut self, row: &Row, date: Date) -> Option<u32> {
        if row.agent.is_empty() {
            return None;
        }
        let found = meant(self.agents.get(row.agent).copied().unwrap_or_default(), self.people, date);
        if found.is_none() {
            let first = self.unknown.entry(row.agent.to_owned()).or_insert((0, row.started_ms));
            first.0 += 1;
        }
        found
    }

    /// Who contributed what, each once. A name that means nobody employed that day is told, and contributes nothing.
    fn contributors(&mut self, row: &Row, date: Date) -> Vec<(Role, u32)> {
        let mut named = BTreeSet::new();
        for Contribution { role, agent } in row.contributors {
            let meanings = self.agents.get(agent.as_str()).copied().unwrap_or_default();
            match meant(meanings, self.people, date) {
                Some(person) => _ = named.insert((*role, person)),
                None => {
                    self.unknown_contributors.entry(agent.clone()).or_insert((0, row.started_ms)).0 += 1;
                }
            }
        }
        named.into_iter().collect()
    }

    /// Ends the account.
    pub fn finish(self) {
        let account = &self.account.key;
        self.records.mixed_untagged.push(self.mixed_untagged);
        self.records.findings.extend(self.unknown.into_iter().map(|(agent, (records, first))| {
            let at = Timestamp::from_millisecond(first).unwrap_or_default().to_string();
            let detail = msg!("CREDIT_UNKNOWN_AGENT", records, agent = quoted(&agent));
            Finding::new(UNKNOWN_AGENT, account.as_str(), at, detail)
        }));
        self.records.findings.extend(self.unknown_contributors.into_iter().map(|(agent, (records, first))| {
            let at = Timestamp::from_millisecond(first).unwrap_or_default().to_string();
            let detail = msg!("CONTRIBUTOR_UNKNOWN", records, agent = quoted(&agent));
            Finding::new(UNKNOWN_CONTRIBUTOR, account.as_str(), at, detail)
        }));
    }
}

/// The first half of a content's digest: enough to tell a month's records apart.
pub fn half(content: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    half.iter_mut().zip(content).for_each(|(mine, byte)| *mine = *byte);
    half
}

/// The kind of finding about a name that means nobody, or several.
pub const UNKNOWN_AGENT: &str = "UNKNOWN_AGENT";
/// The kind of a finding about contributors who are nobody.
pub const UNKNOWN_CONTRIBUTOR: &str = "CONTRIBUTOR_UNKNOWN";

/// A text as it stands between quotes, what cannot be seen escaped: so sentences were written before they were data, and a
/// month that was closed then replays to the same bytes.
pub fn quoted(text: &str) -> String {
    let debug = format!("{text:?}");
    debug.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(&debug).to_owned()
}

fn shifted(date: Date, days: i64) -> Result<Date, TimeError> {
    date.checked_add(days.days()).map_err(|_| TimeError::OutOfRange)
}

/// Whom an agent's text means on a date: the place of the one person employed then that it can mean.
pub fn meaning(account: &FrozenAccount, people: &[FrozenPerson], agent: &str, date: Date) -> Option<u32> {
    meant(account.agents.get(agent).map(Vec::as_slice).unwrap_or_default(), people, date)
}

fn meant(meanings: &[Meaning], people: &[FrozenPerson], date: Date) -> Option<u32> {
    let valid = |m: &&Meaning| {
        m.from.is_none_or(|from| from <= date)
            && m.to.is_none_or(|to| date <= to)
            && people.get(m.person as usize).is_some_and(|p| p.employed_on(date))
    };
    let mut found = meanings.iter().filter(valid).map(|m| m.person);
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}

/// How an account is used on a date; shared, one dialogue at a time, where nobody said.
pub fn phase_on(phases: &[Phase], date: Date) -> Phase {
    let nobody_said = Phase { from: None, kind: PhaseKind::Shared, capacity: 1 };
    phases.iter().rfind(|p| p.from.is_none_or(|from| from <= date)).copied().unwrap_or(nobody_said)
}

/// To six places, half to even; nothing where it does not fit.
pub fn to_micro(value: Decimal) -> Option<Micro> {
    value.round_dp(6).checked_mul(Decimal::from(1_000_000))?.to_i64().map(Micro::from_millionths)
}

/// The built-in shares that are added up for everybody.
pub const FLAGS: [Measure; 3] = [Measure::FirstReplyWithin30s, Measure::Resolved, Measure::RatingAtLeast4];

/// What one person's shares add up to, by measure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Millionths of records.
    pub credited_ppm: u64,
    /// Of these on accounts that are not the person's own.
    pub outside_ppm: u64,
    /// The built-in shares, those of [`FLAGS`].
    pub flags: [Sample; 3],
    /// Sales in major units.
    pub amount: Sample,
    /// Custom measures, in the scheme's order.
    pub custom: Vec<Sample>,
}

impl Sums {
    /// Adds a share of a record.
    pub fn add(&mut self, records: &Records, i: usize, ppm: u32, outside: bool, minor_digits: u32) {
        self.credited_ppm += u64::from(ppm);
        if outside {
            self.outside_ppm += u64::from(ppm);
        }
        let quality = records.quality[i];
        for (n, sample) in self.flags.iter_mut().enumerate() {
            match quality >> (2 * n) & 3 {
                0 => {}
                said => sample.add_flag(ppm, said == 2),
            }
        }
        if records.amount[i] != NONE {
            let millionths = records.amount[i].saturating_mul(10_i64.pow(6_u32.saturating_sub(minor_digits)));
            self.amount.add(ppm, Micro::from_millionths(millionths));
        }
        for (column, sample) in records.custom.iter().zip(&mut self.custom) {
            if column[i] != NONE {
                sample.add(ppm, Micro::from_millionths(column[i]));
            }
        }
    }
}

#[cfg(test)]
mod tests;
