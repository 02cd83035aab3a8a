//! Deriving occupancy: collect all evidence about the accounts, then apply the rules on the compute pool.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tally_access::{OpContext, Plan};
use tally_kernel::id::{AccountId, PersonId};
use tally_kernel::time::Period;
use tally_kernel::{Error, Result};
use tally_store::Audit;

use super::domain::{self, Duty, Policy};
use super::facts;
use crate::account;
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
/// them, whoever asks: an answer must not depend on who may see a punch.
pub async fn list_occupancy(app: &App, ctx: &OpContext, question: Question) -> Result<Duty> {
    let plan = ctx.plan::<ListOccupancy>()?.during(question.period.from(), question.period.to());
    let people = app.directory.everybody(ctx).await?;
    let trees = app.directory.trees(ctx, &people).await?;
    let evidence = {
        let tx = app.store.read(ctx).await?;
        let accounts = account::facts::reached(&tx, &plan, &question.accounts).await?;
        let found: BTreeSet<AccountId> = accounts.iter().map(|a| a.id).collect();
        if let Some(missing) = question.accounts.difference(&found).next() {
            return Err(Error::not_found("account", missing));
        }
        let Question { period, policy, known, .. } = question;
        facts::evidence(&tx, accounts, (&people, &trees), &facts::Asked { period, policy, known }).await?
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
