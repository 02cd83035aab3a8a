//! Deriving occupancy: collect all evidence about the accounts, then apply the rules on the compute pool.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Time;
use jiff::{Span, Timestamp};
use tally_access::{OpContext, Plan};
use tally_app::directory::People;
use tally_kernel::id::{AccountId, PersonId};
use tally_kernel::person::{self, DirectoryPerson};
use tally_kernel::time::{CUT_OVER, Period, TimeError, zone};
use tally_kernel::{Error, Result};
use tally_store::{Audit, ScopedTx};

use super::domain::{self, Duty, DutyAccount, DutyPerson, Evidence, Handover, Policy, Punch, Shift};
use crate::app::App;
use crate::policy::ListOccupancy;
use crate::roster::facts::Whose;
use crate::site::domain::Site;
use crate::{account, handover, punch, roster, site};

/// Days of evidence beyond the period: its margin of a day, the longest hold, the working day before, and zones.
const REACH_DAYS: i64 = 5;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Local dates, in each account's zone.
    pub period: Period,
    /// Only these accounts; empty means all that the caller may see.
    pub accounts: BTreeSet<AccountId>,
    /// The numbers of the rules.
    pub policy: Policy,
}

/// The occupancy of the accounts that the caller may see. What the rules look at is the whole group's evidence about
/// them, whoever asks: an answer must not depend on who may see a punch.
pub async fn list_occupancy(app: &App, ctx: &OpContext, question: Question) -> Result<Duty> {
    let plan = ctx.plan::<ListOccupancy>()?;
    let people = app.directory.everybody(ctx).await?;
    let evidence = {
        let tx = app.store.read(ctx).await?;
        let accounts = account::facts::reached(&tx, &plan, &question.accounts).await?;
        let found: BTreeSet<AccountId> = accounts.iter().map(|a| a.id).collect();
        if let Some(missing) = question.accounts.difference(&found).next() {
            return Err(Error::not_found("account", missing));
        }
        let sites = site::facts::all(&tx).await?;
        let accounts = accounts.into_iter().map(|a| with_cut_over(a, &sites)).collect::<Result<Vec<_>>>()?;
        collect_evidence(&tx, question, accounts, &people).await?
    };
    let duty = app.compute.run("occupancy", move || domain::derive(&evidence)).await??;
    note_read(app, ctx, &plan, &duty).await?;
    Ok(duty)
}

/// Writes down what a stream is about to show of others; a finding names its subject by a number that may be anybody's.
async fn note_read(app: &App, ctx: &OpContext, plan: &Plan<ListOccupancy>, duty: &Duty) -> Result<()> {
    let shown: BTreeSet<PersonId> = duty.accounts.iter().flat_map(|a| &a.rows).map(|row| row.person).collect();
    if !ctx.shows_others(shown.iter().copied()) && (ctx.is_service() || duty.findings.is_empty()) {
        return Ok(());
    }
    let audit = Audit::new("attendance.occupancy.read", "row", "page").about_all(shown);
    let audit = audit.note("accounts", duty.accounts.len()).note("findings", duty.findings.len());
    app.store.audit_read(ctx, plan.method(), audit).await
}

async fn collect_evidence(
    tx: &ScopedTx,
    question: Question,
    accounts: Vec<DutyAccount>,
    people: &People,
) -> Result<Evidence> {
    let (from, to) = reach(question.period)?;
    let ids: Vec<AccountId> = accounts.iter().map(|a| a.id).collect();
    let on_accounts = roster::facts::touching(tx, Whose::Accounts(ids.clone()), from, to).await?;
    let mut log = handover::facts::last_before(tx, &ids, from).await?;
    log.extend(handover::facts::between(tx, ids, from, to).await?.into_iter().map(|row| row.fact));

    let concerned = concerned(&accounts, people, &on_accounts, &log);
    // A list of nearly everybody costs more than reading everybody.
    let only = (concerned.len() * 2 < people.len()).then(|| concerned.iter().copied().collect::<Vec<_>>());
    let punches = punch::facts::between(tx, only.clone(), from, to).await?;
    let last_punch = punch::facts::last(tx, from, to).await?;
    // Shifts on other accounts as well: a hold without a release ends with the person's roster.
    let whose = only.map_or(Whose::Everybodys, Whose::People);
    let mut shifts = roster::facts::touching(tx, whose, from, to).await?;
    // Those of people whom nobody knows any more still say that a roster names the account.
    shifts.extend(on_accounts.into_iter().filter(|s| people.get(s.person).is_none()));
    Ok(Evidence {
        period: question.period,
        policy: question.policy,
        people: people.iter().filter(|p| concerned.contains(&p.id)).map(|p| person(p)).collect(),
        accounts,
        shifts: shifts.into_iter().map(shift).collect(),
        punches: punches
            .into_iter()
            .map(|row| row.fact)
            .map(|p| Punch { person: p.person, at: p.at, kind: p.kind })
            .collect(),
        last_punch,
        handovers: log
            .into_iter()
            .map(|h| Handover { account: h.account, person: h.person, at: h.at, kind: h.kind })
            .collect(),
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
fn concerned(
    accounts: &[DutyAccount],
    people: &People,
    shifts: &[roster::domain::Shift],
    log: &[handover::domain::Handover],
) -> BTreeSet<PersonId> {
    let teams: BTreeSet<Option<&str>> = accounts.iter().map(|a| a.team.as_deref()).collect();
    let of_some_team = |path: &str| teams.iter().any(|team| team.is_none_or(|team| domain::is_within(path, team)));
    let members = people.iter().filter(|p| p.employments.iter().any(|e| of_some_team(&e.unit_path))).map(|p| p.id);
    members.chain(shifts.iter().map(|s| s.person)).chain(log.iter().map(|h| h.person)).collect()
}

/// On duty is who works in the team, beside the home as well: any of the employments counts.
fn person(person: &DirectoryPerson) -> DutyPerson {
    let employment =
        |e: &person::Employment| domain::Employment { from: e.from, to: e.to, unit_path: e.unit_path.to_string() };
    DutyPerson {
        id: person.id,
        employee_no: person.employee_no.clone(),
        zone: person.zone.clone(),
        employments: person.employments.iter().map(employment).collect(),
    }
}

fn shift(shift: roster::domain::Shift) -> Shift {
    Shift { person: shift.person, account: shift.account, start: shift.start, end: shift.end }
}

/// The account as the rules see it. Its working day ends as that of the sites in its zone and region, where these agree.
fn with_cut_over(stored: account::domain::StoredAccount, sites: &[Site]) -> Result<DutyAccount> {
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
