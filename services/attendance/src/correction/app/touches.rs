//! What a correction touches: occupancy of the accounts that it may concern, month by month, with it and without it.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tally_app::directory::People;
use tally_kernel::Result;
use tally_kernel::id::{AccountId, CorrectionId, PersonId};
use tally_kernel::time::Period;
use tally_store::ScopedTx;

use super::super::domain::{Draft, Fact, TouchedAccount, Touches};
use super::{Known, draft};
use crate::account::domain::StoredAccount;
use crate::alias::domain::Alias;
use crate::app::App;
use crate::device::domain::Device;
use crate::occupancy::domain::{self as duty, DutyFact, Edit, Policy, Touched};
use crate::occupancy::facts::{self, Asked, Teams};
use crate::placed::{Placed, counting};
use crate::roster::domain::Shift;
use crate::roster::facts::Whose;
use crate::superseded::facts::{EARLIEST, LATEST};
use crate::{account, handover, roster};

/// How far beyond its instants a punch, a shift or a hand-over can be felt, its own log of hand-overs aside: the longest
/// stretch, the working day, and zones.
const FELT: SignedDuration = SignedDuration::from_hours(72);

/// What the draft touches; its new facts are brought by the correction `id`.
pub(super) async fn of(app: &App, tx: &ScopedTx, known: &Known, draft: &Draft, id: CorrectionId) -> Result<Touches> {
    let Some(stretch) = draft.stretch() else {
        let of_devices = draft.facts().any(|placed| matches!(placed.fact, Fact::Device(_)));
        return if of_devices { of_device(tx, known, draft).await } else { of_alias(tx, draft).await };
    };
    let edit = edit(draft, id);
    let log = log(tx, draft).await?;
    let felt = felt(&log, stretch);
    let handed = draft.facts().all(|placed| matches!(placed.fact, Fact::Handover(_)));
    let whose = if handed { BTreeSet::new() } else { draft.people() };
    let accounts = candidates(tx, known, (draft.accounts(), whose), felt).await?;
    let mut touched = Touched::default();
    for period in months(felt) {
        let asked = Asked { period, policy: Policy::default(), known: None };
        let mut evidence = facts::evidence(tx, accounts.clone(), (&known.people, &known.trees), &asked).await?;
        let more = log.iter().filter(|row| !evidence.handovers.contains(row)).copied().collect::<Vec<_>>();
        evidence.handovers.extend(more);
        let edit = edit.clone();
        touched.join(app.compute.run("touched", move || duty::touched(&evidence, &edit)).await??);
    }
    Ok(told(touched, draft, own_days(&known.people, draft)))
}

fn edit(draft: &Draft, id: CorrectionId) -> Edit {
    let fact = |fact: &Fact, by| match fact {
        Fact::Punch(punch) => Some(DutyFact::Punch(facts::punch((*punch, by)))),
        Fact::Handover(handover) => Some(DutyFact::Handover(facts::handover((*handover, by)))),
        Fact::Shift(shift) => Some(DutyFact::Shift(facts::shift((shift.clone(), by)))),
        Fact::Alias(_) | Fact::Device(_) => None,
    };
    let brought = draft.gone.and_then(|(_, by)| by);
    Edit {
        gone: draft.before.iter().filter_map(|placed| fact(&placed.fact, brought)).collect(),
        new: draft.after.iter().filter_map(|placed| fact(&placed.fact, Some(id))).collect(),
    }
}

/// What the people of a hand-over ever did with its accounts: a hold may be as long as its release is late.
async fn log(tx: &ScopedTx, draft: &Draft) -> Result<Vec<duty::Handover>> {
    let of_handovers = draft.facts().all(|placed| matches!(placed.fact, Fact::Handover(_)));
    if !of_handovers {
        return Ok(Vec::new());
    }
    let found = handover::facts::of_people(tx, draft.people(), draft.accounts()).await?;
    Ok(counting(found).map(facts::handover).collect())
}

/// From when to when anything can be different: from the hand-over before to the one after, and the reach of the rules.
fn felt(log: &[duty::Handover], (from, to): (Timestamp, Timestamp)) -> (Timestamp, Timestamp) {
    let before = log.iter().map(|row| row.at).filter(|at| *at < from).max().unwrap_or(from);
    let after = log.iter().map(|row| row.at).filter(|at| *at > to).min().unwrap_or(to);
    let (from, to) = (before.saturating_sub(FELT), after.saturating_add(FELT));
    (from.unwrap_or(Timestamp::MIN), to.unwrap_or(Timestamp::MAX))
}

/// The calendar months of a stretch, wherever it is looked at. A month is what most periods are, and in a period without any
/// other evidence a single punch decides about every day of it.
fn months((from, to): (Timestamp, Timestamp)) -> impl Iterator<Item = Period> {
    let day = |at: Timestamp| TimeZone::UTC.to_datetime(at).date();
    let (first, last) = (day(from), day(to));
    let month = Period::month_of(first);
    let next = |period: &Period| period.to().tomorrow().ok().map(Period::month_of);
    std::iter::successors(Some(month), next).take_while(move |period| period.from() <= last)
}

/// The accounts that are named, and those on which these people may turn up.
async fn candidates(
    tx: &ScopedTx,
    known: &Known,
    (mut named, whose): (BTreeSet<AccountId>, BTreeSet<PersonId>),
    felt: (Timestamp, Timestamp),
) -> Result<Vec<StoredAccount>> {
    let mut all = account::facts::all(tx).await?;
    let [first, last] = [felt.0, felt.1].map(|at| TimeZone::UTC.to_datetime(at).date());
    let mut teams = Teams::new(&known.trees, (facts::first_read(first), last));
    named.extend(draft::accounts_of(tx, &whose, felt).await?);
    let served: Vec<_> = whose.iter().filter_map(|id| known.people.get(*id)).map(|p| teams.person(p)).collect();
    let may = |stored: &StoredAccount| {
        let (team, _) = teams.of(&stored.account);
        served.iter().any(|person| duty::serves(team.as_deref(), &person.employments))
    };
    all.retain(|stored| named.contains(&stored.id) || may(stored));
    Ok(all)
}

/// The days on which the facts themselves are, by the clocks of their people.
fn own_days(people: &People, draft: &Draft) -> BTreeSet<Date> {
    let days = draft.facts().filter_map(|placed| {
        let person = placed.fact.person().and_then(|person| people.get(person));
        let zone = person.map_or(TimeZone::UTC, |person| person.zone.clone());
        let (from, to) = placed.fact.stretch()?;
        Some([from, to].map(|at| zone.to_datetime(at).date()))
    });
    days.flatten().collect()
}

fn told(touched: Touched, draft: &Draft, own: BTreeSet<Date>) -> Touches {
    let mut people: BTreeSet<PersonId> = draft.people();
    let mut by_account = touched.0;
    // Whose the device of a seat is, is told by its shifts also where nobody's duty differs.
    let seated = |placed: &&Placed<Fact>| matches!(&placed.fact, Fact::Shift(Shift { seat: Some(_), .. }));
    for account in draft.facts().filter(seated).filter_map(|placed| placed.fact.account()) {
        let days = by_account.entry(account).or_default();
        own.iter().for_each(|day| _ = days.entry(*day).or_default());
    }
    let mut all_days = own;
    let mut accounts = Vec::with_capacity(by_account.len());
    for (account, days) in by_account {
        let concerned: BTreeSet<PersonId> = days.values().flatten().copied().collect();
        people.extend(&concerned);
        all_days.extend(days.keys());
        let days = days.into_keys().collect();
        accounts.push(TouchedAccount { account, days, people: concerned.into_iter().collect() });
    }
    Touches { accounts, people, from: all_days.first().copied(), to: all_days.last().copied() }
}

/// An alias moves nobody's duty: what is touched is whom the records of its platform name.
async fn of_alias(tx: &ScopedTx, draft: &Draft) -> Result<Touches> {
    let aliases = draft.facts().filter_map(|placed| match &placed.fact {
        Fact::Alias(alias) => Some(alias),
        Fact::Punch(_) | Fact::Handover(_) | Fact::Shift(_) | Fact::Device(_) => None,
    });
    let aliases: Vec<&Alias> = aliases.collect();
    let old = aliases.first().copied();
    let platform = old.map(|alias| alias.platform.as_str()).unwrap_or_default();
    let all = account::facts::all(tx).await?;
    let of_platform: Vec<AccountId> =
        all.into_iter().filter(|stored| stored.account.platform == platform).map(|stored| stored.id).collect();
    let people = draft.people();
    let kept = aliases.iter().skip(1).find(|new| old.is_some_and(|old| new.person == old.person));
    let from = first_other(kept.and_then(|kept| kept.to), old.and_then(|old| old.from));
    Ok(of_days(of_platform, people, (from, old.and_then(|old| old.to))))
}

/// The first day on which it means somebody else or nobody: behind the last one that it keeps, or its first.
fn first_other(kept_to: Option<Date>, first: Option<Date>) -> Option<Date> {
    kept_to.and_then(|last| last.tomorrow().ok()).or(first)
}

/// Accounts of which no days are known, but the stretch in which they are.
fn of_days(accounts: Vec<AccountId>, people: BTreeSet<PersonId>, (from, to): (Option<Date>, Option<Date>)) -> Touches {
    let each = people.iter().copied().collect::<Vec<_>>();
    let touched = |account| TouchedAccount { account, days: Vec::new(), people: each.clone() };
    Touches { accounts: accounts.into_iter().map(touched).collect(), people, from, to }
}

/// A device moves nobody's duty either: what is touched is whose the records are that name it. Which do, this service does not know:
/// they are on accounts that its people may serve, those of a seat being whoever is rostered on it.
async fn of_device(tx: &ScopedTx, known: &Known, draft: &Draft) -> Result<Touches> {
    let devices = draft.facts().filter_map(|placed| match &placed.fact {
        Fact::Device(device) => Some(device),
        Fact::Punch(_) | Fact::Handover(_) | Fact::Shift(_) | Fact::Alias(_) => None,
    });
    let devices: Vec<&Device> = devices.collect();
    let old = devices.first().copied();
    let kept = devices.iter().skip(1).find(|new| old.is_some_and(|old| new.owner == old.owner));
    let from = first_other(kept.and_then(|kept| kept.to), old.and_then(|old| old.from));
    let to = old.and_then(|old| old.to);
    // By any clock.
    let midnight = |day: Date| day.to_zoned(TimeZone::UTC).ok().map(|day| day.timestamp());
    let first = from.and_then(|day| midnight(day)?.checked_sub(FELT).ok()).unwrap_or(EARLIEST);
    let last = to.and_then(|day| midnight(day)?.checked_add(FELT).ok()).unwrap_or(LATEST);
    let seats: BTreeSet<&str> = devices.iter().filter_map(|device| device.owner.seat()).collect();
    let shifts = roster::facts::touching(tx, Whose::Seated, (first, last), None).await?;
    let at_seats = counting(shifts).map(|(shift, _)| shift);
    let at_seats = at_seats.filter(|shift| shift.seat.as_deref().is_some_and(|seat| seats.contains(seat)));
    let mut people = draft.people();
    people.extend(at_seats.map(|shift| shift.person));
    let accounts = candidates(tx, known, (BTreeSet::new(), people.clone()), (first, last)).await?;
    Ok(of_days(accounts.into_iter().map(|account| account.id).collect(), people, (from, to)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_months_of_a_stretch_are_whole_and_each_once() {
        let at = |text: &str| text.parse().unwrap();
        assert_eq!(months((at("2026-03-02T01:00:00Z"), at("2026-03-08T01:00:00Z"))).count(), 1);
        let several: Vec<_> = months((at("2025-12-31T01:00:00Z"), at("2026-02-01T00:00:00Z"))).collect();
        assert_eq!(
            several.iter().map(|m| m.from().to_string()).collect::<Vec<_>>(),
            ["2025-12-01", "2026-01-01", "2026-02-01"]
        );
        assert_eq!(several[1].to().to_string(), "2026-01-31");
    }
}
