//! What the facts of now say otherwise than those that a result rests on. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tally_engine::closing::facts::DutyRule;
use tally_engine::closing::snapshot::{AgentCount, Frozen, FrozenAccount, FrozenPerson, FrozenUse, Meaning};
use tally_kernel::id::{AccountId, PersonId};
use tally_kernel::time::{Period, TimeError, zone};

/// What is otherwise about one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Otherwise {
    /// On which local days whose duty.
    pub duty: BTreeMap<Date, BTreeSet<PersonId>>,
    /// Names of agents that mean somebody else.
    pub agents: u32,
    /// Devices that were others'.
    pub devices: u32,
    /// Phases, zone, team, or for whom it is the own one.
    pub account: bool,
}

impl Otherwise {
    /// Whether nothing is otherwise but on the days whose duty is.
    pub fn is_of_days(&self) -> bool {
        self.agents == 0 && self.devices == 0 && !self.account
    }
}

/// The accounts and agents that frozen facts are about, so that the facts of now are frozen about the same.
pub fn named(before: &[Frozen]) -> Vec<AgentCount> {
    let of_account = |account: &FrozenAccount| {
        let names = account.agents.keys().cloned().chain([String::new()]);
        let id = account.id;
        names.map(move |agent| AgentCount { account: id, agent, records: 0 }).collect::<Vec<_>>()
    };
    before.iter().flat_map(|component| &component.accounts).flat_map(of_account).collect()
}

/// The devices that they are about.
pub fn named_devices(before: &[Frozen]) -> BTreeMap<AccountId, BTreeSet<String>> {
    let accounts = before.iter().flat_map(|component| &component.accounts);
    accounts.map(|account| (account.id, account.devices.keys().cloned().collect())).collect()
}

/// What is otherwise now, by account.
///
/// # Errors
/// [`TimeError`] for a zone that is not known any more.
pub fn otherwise(before: &[Frozen], now: &[Frozen]) -> Result<BTreeMap<AccountId, Otherwise>, TimeError> {
    let accounts = |all: &'_ [Frozen]| -> HashMap<AccountId, (usize, usize)> {
        let place = |(at, component): (usize, &Frozen)| {
            component
                .accounts
                .iter()
                .enumerate()
                .map(move |(place, account)| (account.id, (at, place)))
                .collect::<Vec<_>>()
        };
        all.iter().enumerate().flat_map(place).collect()
    };
    let there = accounts(now);
    let mut found = BTreeMap::new();
    for component in before {
        for account in &component.accounts {
            let Some((at, place)) = there.get(&account.id) else { continue };
            let (was, is) =
                (Seen { of: component, account }, Seen { of: &now[*at], account: &now[*at].accounts[*place] });
            let otherwise = was.otherwise(&is)?;
            if otherwise != Otherwise::default() {
                found.insert(account.id, otherwise);
            }
        }
    }
    Ok(found)
}

/// Who belongs elsewhere or is employed on other days of a period; `now` tells of somebody as of now, of nobody whom it does not employ. What
/// begins or ends outside of the period changes nothing in it.
pub fn employed_otherwise(
    before: &[Frozen],
    period: Period,
    now: impl Fn(PersonId) -> Option<FrozenPerson>,
) -> BTreeSet<PersonId> {
    let of = |person: &FrozenPerson| (person.unit, person.region.clone(), employed_within(&person.employed, period));
    let people = before.iter().flat_map(|component| &component.people);
    people.filter(|was| now(was.id).is_none_or(|is| of(was) != of(&is))).map(|was| was.id).collect()
}

/// The days of a period on which somebody is employed: what follows on each other is one.
fn employed_within(employed: &[(Date, Option<Date>)], period: Period) -> Vec<(Date, Date)> {
    let within = |(from, to): &(Date, Option<Date>)| {
        let (from, to) = ((*from).max(period.from()), to.unwrap_or(period.to()).min(period.to()));
        (from <= to).then_some((from, to))
    };
    let mut days: Vec<(Date, Date)> = employed.iter().filter_map(within).collect();
    days.sort_unstable();
    days.dedup_by(|next, last| {
        let joined = last.1.tomorrow().is_ok_and(|after| next.0 <= after);
        if joined {
            last.1 = last.1.max(next.1);
        }
        joined
    });
    days
}

/// An account in its component.
struct Seen<'a> {
    of: &'a Frozen,
    account: &'a FrozenAccount,
}

/// Stretches of time, sorted and apart.
type Spans = Vec<(i64, i64)>;

impl Seen<'_> {
    fn otherwise(&self, is: &Self) -> Result<Otherwise, TimeError> {
        let of = |account: &FrozenAccount| {
            (account.zone.clone(), account.region.clone(), account.unit, account.phases.clone())
        };
        let names = self.account.agents.keys();
        let agents = names.filter(|name| self.meanings(name) != is.meanings(name)).count();
        let devices = self.account.devices.keys().filter(|name| self.uses(name) != is.uses(name)).count();
        Ok(Otherwise {
            duty: self.duty(is)?,
            agents: u32::try_from(agents).unwrap_or(u32::MAX),
            devices: u32::try_from(devices).unwrap_or(u32::MAX),
            account: of(self.account) != of(is.account) || self.own() != is.own(),
        })
    }

    fn person(&self, place: u32) -> Option<PersonId> {
        self.of.people.get(place as usize).map(|person| person.id)
    }

    fn own(&self) -> BTreeSet<(PersonId, Option<i64>)> {
        let from = |place: &u32| Some((self.person(*place)?, self.account.own_from.get(place).copied()));
        self.account.own.iter().filter_map(from).collect()
    }

    fn meanings(&self, name: &str) -> BTreeSet<(PersonId, Option<Date>, Option<Date>)> {
        let meanings = self.account.agents.get(name).into_iter().flatten();
        meanings.filter_map(|Meaning { person, from, to }| Some((self.person(*person)?, *from, *to))).collect()
    }

    fn uses(&self, device: &str) -> BTreeSet<(i64, i64, Option<PersonId>)> {
        let uses = self.account.devices.get(device).into_iter().flat_map(|device| &device.uses);
        uses.map(|FrozenUse { from_ms, person, to_ms }| (*from_ms, *to_ms, person.and_then(|at| self.person(at))))
            .collect()
    }

    fn spans(&self) -> BTreeMap<(PersonId, DutyRule), Spans> {
        let mut spans: BTreeMap<_, Spans> = BTreeMap::new();
        // By start, as they are frozen.
        for duty in &self.account.duty {
            let Some(person) = self.person(duty.person) else { continue };
            let of = spans.entry((person, duty.rule)).or_default();
            match of.last_mut().filter(|last| duty.start_ms <= last.1) {
                Some(last) => last.1 = last.1.max(duty.end_ms),
                None => of.push((duty.start_ms, duty.end_ms)),
            }
        }
        spans
    }

    fn duty(&self, is: &Self) -> Result<BTreeMap<Date, BTreeSet<PersonId>>, TimeError> {
        let (was, is, zone) = (self.spans(), is.spans(), zone(&self.account.zone)?);
        let mut days: BTreeMap<Date, BTreeSet<PersonId>> = BTreeMap::new();
        for key in was.keys().chain(is.keys()).collect::<BTreeSet<_>>() {
            let none = Spans::new();
            let (before, now) = (was.get(key).unwrap_or(&none), is.get(key).unwrap_or(&none));
            for span in minus(before, now).into_iter().chain(minus(now, before)) {
                for day in days_of(span, &zone, self.of.period) {
                    days.entry(day).or_default().insert(key.0);
                }
            }
        }
        Ok(days)
    }
}

/// What of these stretches lies in none of those.
fn minus(these: &Spans, those: &Spans) -> Spans {
    let mut left = Spans::new();
    for (start, end) in these {
        let mut from = *start;
        for (cut, until) in those.iter().filter(|(cut, until)| *cut < *end && *start < *until) {
            if from < *cut {
                left.push((from, *cut));
            }
            from = from.max(*until);
        }
        if from < *end {
            left.push((from, *end));
        }
    }
    left
}

/// The local days of a period that a stretch lies on.
fn days_of((from, to): (i64, i64), zone: &TimeZone, period: Period) -> Vec<Date> {
    let day = |ms: i64| zone.to_datetime(Timestamp::from_millisecond(ms).unwrap_or_default()).date();
    let (first, last) = (day(from).max(period.from()), day(to - 1).min(period.to()));
    first.series(jiff::Span::new().days(1)).take_while(|day| *day <= last).collect()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn what_begins_or_ends_outside_of_a_period_changes_nothing_in_it() {
        let (march, day) = (Period::month_of(date(2026, 3, 1)), |month, day| date(2026, month, day));
        let whole = employed_within(&[(day(1, 1), None)], march);
        assert_eq!(whole, [(day(3, 1), day(3, 31))]);
        assert_eq!(employed_within(&[(day(1, 1), Some(day(4, 30)))], march), whole, "a leaving after it");
        assert_eq!(employed_within(&[(day(1, 1), Some(day(3, 9))), (day(3, 10), None)], march), whole, "a promotion");
        assert_eq!(employed_within(&[(day(1, 1), Some(day(3, 9)))], march), [(day(3, 1), day(3, 9))]);
        assert_eq!(employed_within(&[(day(4, 1), None)], march), []);
    }

    #[test]
    fn what_lies_in_one_alone_is_left_and_a_night_is_of_two_days() {
        assert_eq!(minus(&vec![(0, 10), (20, 30)], &vec![(2, 4), (8, 22)]), [(0, 2), (4, 8), (22, 30)]);
        assert_eq!(minus(&vec![(0, 10)], &vec![(0, 10)]), []);
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let march = Period::month_of(date(2026, 3, 1));
        let days = |from, to| days_of((at(from), at(to)), &zone, march);
        assert_eq!(days("2026-03-02T12:00:00Z", "2026-03-02T20:00:00Z"), [date(2026, 3, 2), date(2026, 3, 3)]);
        assert_eq!(days("2026-03-02T12:00:00Z", "2026-03-02T16:00:00Z"), [date(2026, 3, 2)]);
        assert_eq!(days("2026-03-31T12:00:00Z", "2026-04-02T16:00:00Z"), [date(2026, 3, 31)], "within the period");
    }
}
