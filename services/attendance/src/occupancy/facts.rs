//! What other rooms may know of occupancy: the evidence that it is derived from.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::civil::{Date, Time};
use jiff::{Span, Timestamp};
use tally_app::directory::People;
use tally_app::trees::{Hung, Trees};
use tally_kernel::Result;
use tally_kernel::id::{AccountId, CorrectionId, OrgUnitId, PersonId};
use tally_kernel::person::{self, DirectoryPerson};
use tally_kernel::time::{CUT_OVER, Period, TimeError, zone};
use tally_store::ScopedTx;

use super::domain::{DutyAccount, DutyPerson, Employment, Evidence, Handover, Policy, Punch, Shift, paths};
use crate::account::domain::{ShopAccount, StoredAccount};
use crate::placed::counting;
use crate::roster::facts::Whose;
use crate::site::domain::Site;
use crate::{handover, punch, roster, site};

/// Days of evidence beyond the period: its margin of a day, the longest hold, the working day before, and zones.
const REACH_DAYS: i64 = 5;
/// More days before a period than the rules look at teams of.
const MOST_BEYOND: i64 = 14;

/// What is asked about accounts.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Local dates, in each account's zone.
    pub period: Period,
    pub policy: Policy,
    /// As known at this instant; nothing means now.
    pub known: Option<Timestamp>,
}

/// All that counts as evidence about the accounts in a period, whoever asks.
pub(crate) async fn evidence(
    tx: &ScopedTx,
    accounts: Vec<StoredAccount>,
    (people, trees): (&People, &Trees),
    asked: &Asked,
) -> Result<Evidence> {
    let (reach, known) = (reach(asked.period)?, asked.known);
    let sites = site::facts::all(tx, known).await?;
    let mut teams = Teams::new(trees, (first_read(asked.period.from()), asked.period.to()));
    let account = |a: StoredAccount| with_cut_over(&teams, a, &sites);
    let accounts = accounts.into_iter().map(account).collect::<Result<Vec<_>>>()?;
    let ids: Vec<AccountId> = accounts.iter().map(|a| a.id).collect();
    let on_accounts = roster::facts::touching(tx, Whose::Accounts(ids.clone()), reach, known).await?;
    let on_accounts: Vec<Shift> = counting(on_accounts).map(shift).collect();
    let mut log = handover::facts::last_before(tx, &ids, reach.0, known).await?;
    log.extend(handover::facts::between(tx, ids, reach, known).await?);
    let log: Vec<Handover> = counting(log).map(handover).collect();

    let concerned = concerned(&accounts, people, &mut teams, &on_accounts, &log);
    // A list of nearly everybody costs more than reading everybody.
    let only = (concerned.len() * 2 < people.len()).then(|| concerned.iter().copied().collect::<Vec<_>>());
    let punches = punch::facts::between(tx, only.clone(), reach, known).await?;
    let last_punch = punch::facts::last(tx, reach, known).await?;
    // Shifts on other accounts as well: a hold without a release ends with the person's roster.
    let whose = only.map_or(Whose::Everybodys, Whose::People);
    let shifts = roster::facts::touching(tx, whose, reach, known).await?;
    let mut shifts: Vec<Shift> = counting(shifts).map(shift).collect();
    // Those of people whom nobody knows any more still say that a roster names the account.
    shifts.extend(on_accounts.into_iter().filter(|s| people.get(s.person).is_none()));
    Ok(Evidence {
        period: asked.period,
        policy: asked.policy.clone(),
        people: people.iter().filter(|p| concerned.contains(&p.id)).map(|p| teams.person(p)).collect(),
        accounts,
        shifts,
        punches: counting(punches).map(punch).collect(),
        last_punch,
        handovers: log,
    })
}

/// The first day on which it matters who was of which team, where the rules are asked about days from this one on: they look a week beyond
/// these, by the clocks of the accounts.
pub(crate) fn first_read(from: Date) -> Date {
    from.saturating_sub(Span::new().days(MOST_BEYOND))
}

fn reach(period: Period) -> Result<(Timestamp, Timestamp)> {
    let days = Span::new().days(REACH_DAYS);
    let wide = || {
        let (from, to) = (period.from().checked_sub(days).ok()?, period.to().checked_add(days).ok()?);
        Period::new(from, to).ok()?.instants(&jiff::tz::TimeZone::UTC).ok()
    };
    let range = wide().ok_or(TimeError::OutOfRange)?;
    Ok((range.start, range.end))
}

/// Whoever may turn up: people of the accounts' teams (of all teams, where an account names none), and those whom a
/// roster or the hand-over log names.
fn concerned(
    accounts: &[DutyAccount],
    people: &People,
    teams: &mut Teams<'_>,
    shifts: &[Shift],
    log: &[Handover],
) -> BTreeSet<PersonId> {
    let named: BTreeSet<Option<&str>> = accounts.iter().map(|a| a.team.as_deref()).collect();
    let is_named = |e: &Employment| e.units.iter().any(|unit| named.contains(&Some(unit.as_str())));
    let mut of_some_team = |e| named.contains(&None) || teams.employments(e).iter().any(is_named);
    let members = people.iter().filter(|p| p.employments.iter().any(&mut of_some_team)).map(|p| p.id);
    let members: BTreeSet<PersonId> = members.collect();
    members.into_iter().chain(shifts.iter().map(|s| s.person)).chain(log.iter().map(|h| h.person)).collect()
}

/// Who is of which team. A unit that is moved or renamed stays the same team: it goes by the path that it has on one day, whenever
/// somebody came to it and whatever it was called when the account was brought in; and whoever is below it is so on the days on
/// which their unit hung there. One that was closed stays a team, too: of the unit that its people went to, from the day on which they did.
pub(crate) struct Teams<'t> {
    trees: &'t Trees,
    /// Until this day all is as it is then: nobody asks, and every move of years would cut every employment.
    first: Date,
    day: Date,
    known: HashMap<OrgUnitId, Vec<Stretch>>,
}

/// Days on which a unit hung below the same units, and the paths of these.
type Stretch = (Date, Option<Date>, Arc<[String]>);

impl<'t> Teams<'t> {
    /// As needed from a day on, by the paths of another one.
    pub(crate) fn new(trees: &'t Trees, (first, day): (Date, Date)) -> Self {
        Self { trees, first, day, known: HashMap::new() }
    }

    /// The team that serves an account, by its path, nothing meaning everybody; and what it is called where it is not named by that.
    pub(crate) fn of(&self, account: &ShopAccount) -> (Option<String>, Option<String>) {
        let unit = self.trees.team_unit(account.unit, &account.team_path, self.day);
        let path = self.trees.team(unit, &account.team_path, self.day);
        match unit.and_then(|unit| gone(self.trees, unit, self.day)) {
            Some(gone) => (Some(gone), path),
            None => (path, None),
        }
    }

    /// On duty is who works in the team, beside the home as well: any of the employments counts.
    pub(crate) fn person(&mut self, person: &DirectoryPerson) -> DutyPerson {
        DutyPerson {
            id: person.id,
            employee_no: person.employee_no.clone(),
            zone: person.zone.clone(),
            employments: person.employments.iter().flat_map(|e| self.employments(e)).collect(),
        }
    }

    fn employments(&mut self, e: &person::Employment) -> Vec<Employment> {
        let Self { trees, first, day, known } = self;
        let stretches = known.entry(e.unit).or_insert_with(|| stretches(trees, e.unit, (*first, *day)));
        if stretches.is_empty() {
            return vec![Employment { from: e.from, to: e.to, units: paths(&e.unit_path) }];
        }
        let ends = |one: Option<Date>, other: Option<Date>| one.into_iter().chain(other).min();
        let within = |(from, to, units): &Stretch| {
            let (from, to) = (e.from.max(*from), ends(e.to, *to));
            to.is_none_or(|to| from <= to).then(|| Employment { from, to, units: Arc::clone(units) })
        };
        stretches.iter().filter_map(within).collect()
    }
}

/// Where a unit hung from a day on, and before it as then, by the paths of another day.
fn stretches(trees: &Trees, unit: OrgUnitId, (first, day): (Date, Date)) -> Vec<Stretch> {
    let name = |unit: &OrgUnitId| gone(trees, *unit, day).or_else(|| trees.path(*unit, day));
    let of = |hung: &Hung| hung.below.iter().chain(&hung.closed).filter_map(name).collect();
    let hung = trees.hung(unit, first, None);
    let begins = |hung: &Hung| if hung.from == first { Date::MIN } else { hung.from };
    hung.iter().map(|hung| (begins(hung), hung.to, of(hung))).collect()
}

/// How a team is named that was closed and goes on in another unit: the other's people were not of it before, and a later unit may have
/// its path. No path begins so.
fn gone(trees: &Trees, unit: OrgUnitId, day: Date) -> Option<String> {
    trees.goes_on_in(unit, day).map(|_| format!("/{unit}"))
}

/// A shift as the rules see it.
pub(crate) fn shift((shift, correction): (roster::domain::Shift, Option<CorrectionId>)) -> Shift {
    Shift { person: shift.person, account: shift.account, start: shift.start, end: shift.end, correction }
}

/// A punch as the rules see it.
pub(crate) fn punch((punch, correction): (punch::domain::Punch, Option<CorrectionId>)) -> Punch {
    Punch { person: punch.person, at: punch.at, kind: punch.kind, correction }
}

/// A hand-over as the rules see it.
pub(crate) fn handover((row, correction): (handover::domain::Handover, Option<CorrectionId>)) -> Handover {
    Handover { account: row.account, person: row.person, at: row.at, kind: row.kind, correction }
}

/// The account as the rules see it. Its working day ends as that of the sites in its zone and region, where these agree.
fn with_cut_over(teams: &Teams<'_>, stored: StoredAccount, sites: &[Site]) -> Result<DutyAccount> {
    let account = stored.account;
    let region = account.home().region;
    let near = |site: &&Site| site.zone == account.zone && (site.region == region || region.is_global());
    let ends: BTreeMap<Time, &Site> = sites.iter().filter(near).map(|site| (site.cut_over, site)).collect();
    let cut_over = match ends.keys().collect::<Vec<_>>().as_slice() {
        [only] => **only,
        _ => CUT_OVER,
    };
    let (team, called) = teams.of(&account);
    Ok(DutyAccount {
        id: stored.id,
        key: account.key(),
        zone: zone(&account.zone)?,
        cut_over,
        team,
        called,
        exclusive: account.exclusive,
    })
}

#[cfg(test)]
mod tests;
