//! Deriving occupancy: collect all evidence about the accounts, then apply the rules on the compute pool.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use jiff::civil::Date;
use tally_access::{OpContext, Plan};
use tally_kernel::id::{AccountId, PersonId};
use tally_kernel::time::{Period, TimeError};
use tally_kernel::{Error, Result};
use tally_store::Audit;

use super::domain::{self, Duty, Occupied, Policy, Row};
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
    let (order, evidence) = {
        let tx = app.store.read(ctx).await?;
        let during = ctx.plan::<ListOccupancy>()?.during(period.from(), period.to());
        let accounts = account::facts::reached(&tx, &during, &asked).await?;
        let order: Vec<AccountId> = accounts.iter().map(|a| a.id).collect();
        if let Some(missing) = asked.iter().find(|asked| !order.contains(asked)) {
            return Err(Error::not_found("account", missing));
        }
        let mut evidence = Vec::new();
        for (period, accounts) in by_days(&plan, period, accounts)? {
            let asked = facts::Asked { period, policy: policy.clone(), known };
            evidence.push(facts::evidence(&tx, accounts, (&people, &trees), &asked).await?);
        }
        (order, evidence)
    };
    let derive = move || evidence.iter().map(domain::derive).collect::<Result<Vec<_>, TimeError>>();
    let duty = joined(&order, app.compute.run("occupancy", derive).await??);
    note_read(app, ctx, &plan, &duty).await?;
    Ok(duty)
}

/// Accounts by the days on which they are within reach: all of the period, but for teams that were moved in it.
fn by_days(
    plan: &Plan<ListOccupancy>,
    period: Period,
    accounts: Vec<StoredAccount>,
) -> Result<Vec<(Period, Vec<StoredAccount>)>> {
    let mut by_days: BTreeMap<(Date, Date), Vec<StoredAccount>> = BTreeMap::new();
    for account in accounts {
        for days in plan.days(&account.account.target(), period.from(), period.to()) {
            by_days.entry(days).or_default().push(account.clone());
        }
    }
    by_days.into_iter().map(|((from, to), accounts)| Ok((Period::new(from, to)?, accounts))).collect()
}

/// The answers of several stretches of days as one.
fn joined(order: &[AccountId], told: Vec<Duty>) -> Duty {
    let mut rows: HashMap<AccountId, Vec<Row>> = HashMap::new();
    let mut findings = Vec::new();
    for duty in told {
        findings.extend(duty.findings);
        duty.accounts.into_iter().for_each(|a| rows.entry(a.account).or_default().extend(a.rows));
    }
    findings.sort();
    findings.dedup();
    let occupied = |id: &AccountId| Occupied { account: *id, rows: rows.remove(id).unwrap_or_default() };
    Duty { accounts: order.iter().map(occupied).collect(), findings }
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
