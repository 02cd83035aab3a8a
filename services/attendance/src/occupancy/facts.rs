//! What other rooms may know of occupancy: the evidence that it is derived from.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Time;
use jiff::{Span, Timestamp};
use tally_app::directory::People;
use tally_kernel::Result;
use tally_kernel::id::{AccountId, CorrectionId, PersonId};
use tally_kernel::person::{self, DirectoryPerson};
use tally_kernel::time::{CUT_OVER, Period, TimeError, zone};
use tally_store::ScopedTx;

use super::domain::{self, DutyAccount, DutyPerson, Evidence, Handover, Policy, Punch, Shift};
use crate::account::domain::StoredAccount;
use crate::placed::counting;
use crate::roster::facts::Whose;
use crate::site::domain::Site;
use crate::{handover, punch, roster, site};

/// Days of evidence beyond the period: its margin of a day, the longest hold, the working day before, and zones.
const REACH_DAYS: i64 = 5;

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
    people: &People,
    asked: &Asked,
) -> Result<Evidence> {
    let (reach, known) = (reach(asked.period)?, asked.known);
    let sites = site::facts::all(tx, known).await?;
    let accounts = accounts.into_iter().map(|a| with_cut_over(a, &sites)).collect::<Result<Vec<_>>>()?;
    let ids: Vec<AccountId> = accounts.iter().map(|a| a.id).collect();
    let on_accounts = roster::facts::touching(tx, Whose::Accounts(ids.clone()), reach, known).await?;
    let on_accounts: Vec<Shift> = counting(on_accounts).map(shift).collect();
    let mut log = handover::facts::last_before(tx, &ids, reach.0, known).await?;
    log.extend(handover::facts::between(tx, ids, reach, known).await?);
    let log: Vec<Handover> = counting(log).map(handover).collect();

    let concerned = concerned(&accounts, people, &on_accounts, &log);
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
        people: people.iter().filter(|p| concerned.contains(&p.id)).map(|p| person(p)).collect(),
        accounts,
        shifts,
        punches: counting(punches).map(punch).collect(),
        last_punch,
        handovers: log,
    })
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
fn concerned(accounts: &[DutyAccount], people: &People, shifts: &[Shift], log: &[Handover]) -> BTreeSet<PersonId> {
    let teams: BTreeSet<Option<&str>> = accounts.iter().map(|a| a.team.as_deref()).collect();
    let of_some_team = |path: &str| teams.iter().any(|team| team.is_none_or(|team| domain::is_within(path, team)));
    let members = people.iter().filter(|p| p.employments.iter().any(|e| of_some_team(&e.unit_path))).map(|p| p.id);
    members.chain(shifts.iter().map(|s| s.person)).chain(log.iter().map(|h| h.person)).collect()
}

/// On duty is who works in the team, beside the home as well: any of the employments counts.
pub(crate) fn person(person: &DirectoryPerson) -> DutyPerson {
    let employment =
        |e: &person::Employment| domain::Employment { from: e.from, to: e.to, unit_path: e.unit_path.to_string() };
    DutyPerson {
        id: person.id,
        employee_no: person.employee_no.clone(),
        zone: person.zone.clone(),
        employments: person.employments.iter().map(employment).collect(),
    }
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
fn with_cut_over(stored: StoredAccount, sites: &[Site]) -> Result<DutyAccount> {
    let account = stored.account;
    let region = account.home().region;
    let near = |site: &&Site| site.zone == account.zone && (site.region == region || region.is_global());
    let ends: BTreeMap<Time, &Site> = sites.iter().filter(near).map(|site| (site.cut_over, site)).collect();
    let cut_over = match ends.keys().collect::<Vec<_>>().as_slice() {
        [only] => **only,
        _ => CUT_OVER,
    };
    Ok(DutyAccount {
        id: stored.id,
        key: account.key(),
        zone: zone(&account.zone)?,
        cut_over,
        team: (!account.team_path.is_empty()).then_some(account.team_path),
        exclusive: account.exclusive,
    })
}
