//! What changed on accounts, cut to the days of a cycle. Pure.

pub mod differs;
pub mod reckons;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tally_kernel::id::{AccountId, CycleId};
use tally_kernel::time::{Period, TimeError};

use self::differs::Otherwise;
use crate::record::domain::RecordChange;

/// A correction of duty, or of whom a nickname means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DutyChange {
    pub id: String,
    /// Local days of an account; none where only the stretch below is known.
    pub accounts: Vec<(AccountId, Vec<Date>)>,
    /// First day; nothing from the beginning on.
    pub from: Option<Date>,
    /// Last day; nothing for an open end.
    pub to: Option<Date>,
    pub at: Timestamp,
}

/// What changed on one account within the days of a cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub records: u32,
    pub corrections: BTreeSet<String>,
    pub from: Date,
    pub to: Date,
    /// Of the last change that is known by its time.
    pub at: Option<Timestamp>,
    pub otherwise: Otherwise,
}

/// What is otherwise about somebody than a result rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PersonChange {
    /// Belongs elsewhere on the last day, or is employed on other days.
    Employment,
    /// Is in the population, and was not.
    CameIn,
    /// Was in the population, and is not.
    WentOut,
    /// Had something else before than the trends of the card were held against.
    Past,
    /// In this cycle.
    PastOf(CycleId),
}

/// Whether two stretches of days meet.
pub fn meet(period: Period, from: Option<Date>, to: Option<Date>) -> bool {
    from.is_none_or(|from| from <= period.to()) && to.is_none_or(|to| to >= period.from())
}

/// The days whose records count for a cycle over a period, on accounts in these zones: from so many times 24 hours before it. Where a clock was put
/// forward since, that is late on the day before.
///
/// # Errors
/// [`TimeError`] at the end of time.
pub fn reads<'a>(
    period: Period,
    days_before: i64,
    zones: impl IntoIterator<Item = &'a TimeZone>,
) -> Result<Period, TimeError> {
    let mut from = period.from();
    for zone in zones {
        let begins = period.instants(zone)?.start.checked_sub(SignedDuration::from_hours(24 * days_before));
        from = from.min(zone.to_datetime(begins.map_err(|_| TimeError::OutOfRange)?).date());
    }
    Period::new(from, period.to())
}

/// What changed, by account; of accounts in these zones alone. Records count on the days of the second period, which begins earlier where
/// something looks back, and duty on those of the cycle. `otherwise` is what the facts say otherwise, however that came.
pub fn changes(
    (period, read): (Period, Period),
    zones: &BTreeMap<AccountId, TimeZone>,
    (records, duty): (&[RecordChange], &[DutyChange]),
    otherwise: BTreeMap<AccountId, Otherwise>,
) -> BTreeMap<AccountId, Change> {
    let mut changes = Changes(BTreeMap::new());
    for change in records {
        let Some(zone) = zones.get(&change.account) else { continue };
        let (from, to) = (zone.to_datetime(change.from).date(), zone.to_datetime(change.to).date());
        if let Some(there) = changes.on(read, change.account, (from, to), Some(change.at)) {
            there.records = there.records.saturating_add(change.records);
        }
    }
    for change in duty {
        for (account, days) in change.accounts.iter().filter(|(account, _)| zones.contains_key(account)) {
            let within = days.iter().copied().filter(|day| period.contains(*day));
            let (first, last) = match (within.clone().min(), within.max()) {
                (Some(first), Some(last)) => (first, last),
                (None, _) | (_, None) if days.is_empty() => {
                    (change.from.unwrap_or(period.from()), change.to.unwrap_or(period.to()))
                }
                (None, _) | (_, None) => continue,
            };
            if let Some(there) = changes.on(period, *account, (first, last), Some(change.at)) {
                there.corrections.insert(change.id.clone());
            }
        }
    }
    for (account, otherwise) in otherwise.into_iter().filter(|(account, _)| zones.contains_key(account)) {
        let days = otherwise.duty.first_key_value().zip(otherwise.duty.last_key_value());
        // A name, a device or the account itself is otherwise on whatever days there are records.
        let (first, last) = match days {
            Some(((first, _), (last, _))) if otherwise.is_of_days() => (*first, *last),
            Some(_) | None => (period.from(), period.to()),
        };
        if let Some(there) = changes.on(period, account, (first, last), None) {
            there.otherwise = otherwise;
        }
    }
    changes.0
}

struct Changes(BTreeMap<AccountId, Change>);

impl Changes {
    /// What is known of an account, with these days taken in; nothing where they lie outside of those that count.
    fn on(
        &mut self,
        counting: Period,
        account: AccountId,
        (from, to): (Date, Date),
        at: Option<Timestamp>,
    ) -> Option<&mut Change> {
        if !meet(counting, Some(from), Some(to)) {
            return None;
        }
        let (from, to) = (from.max(counting.from()), to.min(counting.to()));
        let fresh = || {
            let (corrections, otherwise) = (BTreeSet::new(), Otherwise::default());
            Change { records: 0, corrections, from, to, at, otherwise }
        };
        let there = self.0.entry(account).or_insert_with(fresh);
        (there.from, there.to, there.at) = (there.from.min(from), there.to.max(to), there.at.max(at));
        Some(there)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use uuid::Uuid;

    use super::*;

    fn account(n: u128) -> AccountId {
        AccountId(Uuid::from_u128(n))
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn zones() -> BTreeMap<AccountId, TimeZone> {
        let zone = |name| TimeZone::get(name).unwrap();
        [(account(1), zone("Asia/Shanghai")), (account(2), zone("America/New_York"))].into()
    }

    fn record(n: u128, from: &str, to: &str, on: &str) -> RecordChange {
        RecordChange { account: account(n), records: 2, from: at(from), to: at(to), at: at(on) }
    }

    fn march() -> Period {
        Period::month_of(date(2026, 3, 1))
    }

    #[test]
    fn what_looks_back_reads_so_many_times_24_hours_by_the_clock_of_the_account() {
        let (april, zones) = (Period::month_of(date(2026, 4, 1)), zones());
        let from = |n, days| reads(april, days, [&zones[&account(n)]]).unwrap().from();
        assert_eq!([from(1, 30), from(2, 7), from(2, 30)], [date(2026, 3, 2), date(2026, 3, 25), date(2026, 3, 1)]);
        assert_eq!(reads(april, 30, zones.values()).unwrap().from(), date(2026, 3, 1), "the earliest of all");
        assert_eq!(reads(april, 0, zones.values()), Ok(april));
    }

    #[test]
    fn records_count_by_the_local_days_of_their_account_and_within_the_cycle_alone() {
        let night = |n| record(n, "2026-03-31T17:00:00Z", "2026-03-31T17:00:00Z", "2026-04-02T00:00:00Z");
        let early = record(2, "2026-02-27T12:00:00Z", "2026-03-02T12:00:00Z", "2026-04-03T00:00:00Z");
        let found =
            changes((march(), march()), &zones(), (&[night(1), night(2), night(3), early], &[]), BTreeMap::new());
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), [account(2)], "in Shanghai it was April");
        let change = &found[&account(2)];
        assert_eq!((change.records, change.from, change.to), (4, date(2026, 3, 1), date(2026, 3, 31)));
        assert_eq!(change.at, Some(at("2026-04-03T00:00:00Z")), "the last");
        let back = Period::new(date(2026, 2, 22), date(2026, 3, 31)).unwrap();
        let before = record(2, "2026-02-20T12:00:00Z", "2026-02-25T12:00:00Z", "2026-04-03T00:00:00Z");
        assert!(
            changes((march(), march()), &zones(), (std::slice::from_ref(&before), &[]), BTreeMap::new()).is_empty()
        );
        let found = changes((march(), back), &zones(), (&[before], &[]), BTreeMap::new());
        let days = (found[&account(2)].from, found[&account(2)].to);
        assert_eq!(days, (date(2026, 2, 22), date(2026, 2, 25)), "days that something looks back on");
    }

    #[test]
    fn duty_counts_by_its_days_or_by_its_stretch_where_no_days_are_known() {
        let correction = |id: &str, days: Vec<Date>, from, to| DutyChange {
            id: id.to_owned(),
            accounts: vec![(account(1), days)],
            from,
            to,
            at: at("2026-04-02T00:00:00Z"),
        };
        let days = vec![date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 4), date(2026, 4, 1)];
        let punch = correction("punch", days, Some(date(2026, 2, 28)), Some(date(2026, 4, 1)));
        let april = correction("april", vec![date(2026, 4, 1)], Some(date(2026, 3, 31)), Some(date(2026, 4, 1)));
        let found = changes((march(), march()), &zones(), (&[], &[punch.clone(), april]), BTreeMap::new());
        let change = &found[&account(1)];
        assert_eq!((change.from, change.to, change.records), (date(2026, 3, 1), date(2026, 3, 4), 0));
        assert_eq!(change.corrections, BTreeSet::from(["punch".to_owned()]));
        let alias = correction("alias", Vec::new(), Some(date(2026, 3, 10)), None);
        let found = changes((march(), march()), &zones(), (&[], &[punch, alias]), BTreeMap::new());
        assert_eq!((found[&account(1)].from, found[&account(1)].to), (date(2026, 3, 1), date(2026, 3, 31)));
        assert_eq!(found[&account(1)].corrections.len(), 2);
        let over = correction("over", Vec::new(), None, Some(date(2026, 2, 1)));
        assert!(changes((march(), march()), &zones(), (&[], &[over]), BTreeMap::new()).is_empty());
    }
}
