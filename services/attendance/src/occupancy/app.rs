//! Deriving occupancy: collect all evidence about the accounts, then apply the rules on the compute pool.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use tally_access::{OpContext, Plan};
use tally_kernel::id::{AccountId, PersonId};
use tally_kernel::time::{Period, TimeError};
use tally_kernel::{Error, Result};
use tally_store::Audit;

use super::domain::{self, Duty, DutyAccount, Evidence, Occupied, Policy};
use super::facts;
use crate::account;
use crate::account::domain::StoredAccount;
use crate::app::App;
use crate::policy::ListOccupancy;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Local dates, in each account's zone.
    pub period: Period,
    /// Only these accounts; empty means all that the caller may see.
    pub accounts: BTreeSet<AccountId>,
    /// The numbers of the rules.
    pub policy: Policy,
    /// As known at this instant; nothing means now.
    pub known: Option<Timestamp>,
}

/// The occupancy of the accounts that the caller may see. What the rules look at is the whole group's evidence about
/// them, whoever asks: an answer must not depend on who may see a punch. An account whose team was within reach on some of the days
/// only is told as for these days by themselves.
pub async fn list_occupancy(app: &App, ctx: &OpContext, question: Question) -> Result<Duty> {
    let Question { period, accounts: asked, policy, known } = question;
    let plan = ctx.plan::<ListOccupancy>()?;
    let people = app.directory.everybody(ctx).await?;
    let trees = app.directory.trees(ctx, &people).await?;
    let parts = {
        let tx = app.store.read(ctx).await?;
        let during = ctx.plan::<ListOccupancy>()?.during(period.from(), period.to());
        let accounts = account::facts::reached(&tx, &during, &asked).await?;
        let found: BTreeSet<AccountId> = accounts.iter().map(|a| a.id).collect();
        if let Some(missing) = asked.difference(&found).next() {
            return Err(Error::not_found("account", missing));
        }
        let mut parts = Vec::new();
        for (shown, period, accounts) in by_days(&plan, period, accounts)? {
            let asked = facts::Asked { period, policy: policy.clone(), known };
            parts.push((shown, facts::evidence(&tx, accounts, (&people, &trees), &asked).await?));
        }
        parts
    };
    let duty = app.compute.run("occupancy", move || derived(&parts)).await??;
    note_read(app, ctx, &plan, &duty).await?;
    Ok(duty)
}

/// Days of which rows are shown, days that are asked about, and the accounts that are within reach on these.
type Part = (Period, Period, Vec<StoredAccount>);

/// Accounts by the days on which they are within reach: all, but for teams that were moved.
fn by_days(plan: &Plan<ListOccupancy>, period: Period, accounts: Vec<StoredAccount>) -> Result<Vec<Part>> {
    // Rows reach a day beyond the period.
    let widest = (period.from().saturating_sub(1.day()), period.to().saturating_add(1.day()));
    let mut by_days: BTreeMap<(Date, Date), Vec<StoredAccount>> = BTreeMap::new();
    for account in accounts {
        for days in plan.days(&account.account.target(), widest.0, widest.1) {
            by_days.entry(days).or_default().push(account.clone());
        }
    }
    let asked = by_days.into_iter().filter_map(|((from, to), accounts)| {
        let asked = Period::new(from.max(period.from()), to.min(period.to())).ok()?;
        Some(Period::new(from, to).map(|shown| (shown, asked, accounts)))
    });
    Ok(asked.collect::<Result<_, _>>()?)
}

/// The answers of several stretches of days as one, each account by its own clock.
fn derived(parts: &[(Period, Evidence)]) -> Result<Duty, TimeError> {
    let (mut rows, mut findings) = (BTreeMap::new(), Vec::new());
    for (shown, evidence) in parts {
        let duty = domain::derive(evidence)?;
        findings.extend(duty.findings);
        let known: HashMap<AccountId, &DutyAccount> = evidence.accounts.iter().map(|a| (a.id, a)).collect();
        for mut occupied in duty.accounts {
            let Some(account) = known.get(&occupied.account) else { continue };
            let days = shown.instants(&account.zone)?;
            occupied.rows.retain_mut(|row| {
                (row.start, row.end) = (row.start.max(days.start), row.end.min(days.end));
                row.start < row.end
            });
            rows.entry((account.key.clone(), account.id)).or_insert_with(Vec::new).extend(occupied.rows);
        }
    }
    findings.sort();
    findings.dedup();
    let accounts = rows.into_iter().map(|((_, account), rows)| Occupied { account, rows }).collect();
    Ok(Duty { accounts, findings })
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
