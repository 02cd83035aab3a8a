//! The steps of closing a cycle, each one item of work: collect, attribute a component, score, and throw away.
//!
//! An item first asks whether its run still counts (a cancelled one does not), then reads, computes outside of any
//! transaction, and writes in pieces, each of which asks again. Its effect and its end are one transaction, and what it
//! wrote before is removed first, so an item may be done twice and counts once.

use std::collections::HashMap;
use std::sync::Arc;

use tally_access::{Actor, OpContext, Region, Target, compile_service};
use tally_kernel::Result;
use tally_kernel::id::AccountId;
use tally_store::{Audit, UnitOfWork, WorkItem, number_from_db};
use uuid::Uuid;

use crate::credit::facts::{self as results, Place};
use crate::cycle::domain::{Cycle, Failure, Step};
use crate::cycle::facts as cycles;
use crate::cycle::step::{At, Job, Task};
use crate::policy::CloseCycle;
use crate::{App, SERVICE, card, credit, record};
use tally_engine::closing::facts::{Facts, Finding};
use tally_engine::closing::snapshot::{AgentCount, Plan, snapshot};

/// How often an item is tried.
pub const ATTEMPTS: i32 = 5;

/// Does an item of work. `Ok` when nothing is left of it, also where its run does not count any more.
///
/// # Errors
/// What went wrong; the caller decides whether trying again may help.
pub async fn work(app: &App, item: &WorkItem) -> Result<()> {
    let ctx = context(app, item);
    let permit = ctx.permit::<CloseCycle>(&Target::tenant())?;
    let job: Job = item.payload()?;
    tracing::Span::current().record("work.kind", tracing::field::display(job.task));
    let at = At { app, ctx: &ctx, permit: &permit, item, job };
    if matches!(job.task, Task::Discard | Task::DiscardResult) {
        return at.discard().await;
    }
    let Some(cycle) = at.cycle().await? else { return at.abandon().await };
    match job.task {
        Task::Collect => at.collect(&cycle).await,
        Task::Attribute(component) => credit::app::attribute(&at, &cycle, component).await,
        Task::Score => card::app::score_cycle(&at, &cycle).await,
        Task::Discard | Task::DiscardResult => Ok(()),
    }
}

/// Ends the run of an item that cannot be done.
///
/// # Errors
/// What the store says.
pub async fn give_up(app: &App, item: &WorkItem, failure: Failure) -> Result<()> {
    let ctx = context(app, item);
    let permit = ctx.permit::<CloseCycle>(&Target::tenant())?;
    At { app, ctx: &ctx, permit: &permit, item, job: item.payload()? }.give_up(failure).await
}

fn context(app: &App, item: &WorkItem) -> OpContext {
    let actor = Actor::service(SERVICE, item.tenant, item.on_behalf_of);
    let view = Arc::new(compile_service(SERVICE, 0));
    let trace = tally_rpc::current_trace().or_else(|| item.trace.clone());
    OpContext { trace, ..OpContext::new(actor, view, app.clock.clone(), app.rng.clone()) }
}

impl At<'_> {
    async fn abandon(&self) -> Result<()> {
        let work = self.app.store.unit(self.ctx, self.permit).await?;
        work.finish_work(self.item).await?;
        work.commit(self.audit("performance.cycle.abandon"), ()).await
    }

    /// Asks who worked where and when, freezes it, and puts down one item a component.
    async fn collect(&self, cycle: &Cycle) -> Result<()> {
        self.tell(Step::Collecting).await?;
        let facts = self.app.peers.facts(self.ctx, &self.app.directory, cycle.period, &cycle.policy);
        let (facts, counts) = futures::try_join!(facts, self.counts(cycle))?;
        let plan = snapshot(&facts, cycle.period, &cycle.policy, &counts)?;
        if plan.records == 0 {
            return self.end(Failure::NoRecords { period: cycle.period }).await;
        }
        let findings = placed(&facts, cycle, &plan.findings);
        let total = u32::try_from(plan.components.len() + 1).unwrap_or(u32::MAX);
        self.write(async |work| self.put_plan(work, &plan, &findings, total).await).await?;
        self.app.wake.notify_waiters();
        Ok(())
    }

    async fn put_plan(
        &self,
        work: UnitOfWork,
        plan: &Plan,
        findings: &[(Place, Finding)],
        total: u32,
    ) -> Result<(UnitOfWork, Audit)> {
        let run = self.job.run;
        cycles::discard(&work, run).await?;
        results::discard_totals(&work, run).await?;
        results::discard_findings(&work, run).await?;
        cycles::snapshot(&work, self.ctx, run, &plan.components).await?;
        results::put_findings(&work, self.ctx, run, -1, findings).await?;
        self.reach(&work, Step::Attributing, Some(0), Some(total)).await?;
        let items: Vec<_> = (0..).zip(&plan.components).map(|(i, _)| self.job.then(Task::Attribute(i))).collect();
        work.enqueue_work(items).await?;
        work.finish_work(self.item).await?;
        let audit = self.audit("performance.cycle.collect").note("components", plan.components.len());
        Ok((work, audit.note("records", plan.records)))
    }

    /// Records around the period by account and agent: a day more on either side than any zone can need.
    async fn counts(&self, cycle: &Cycle) -> Result<Vec<AgentCount>> {
        let utc = cycle.period.instants(&jiff::tz::TimeZone::UTC)?;
        let day = 86_400_000;
        let span = (utc.start.as_millisecond() - day, utc.end.as_millisecond() + day);
        let tx = self.app.store.read(self.ctx).await?;
        let rows = record::facts::agents(&tx, span).await?;
        let count = |(account, agent, n): (Uuid, String, i64)| {
            let records = number_from_db("a count of records", n)?;
            Ok(AgentCount { account: AccountId(account), agent, records })
        };
        rows.into_iter().map(count).collect()
    }

    /// Throws away what a dead or failed run wrote, an account at a time, so that nobody waits long for the store.
    async fn discard(&self) -> Result<()> {
        let run = self.job.run;
        let accounts = {
            let tx = self.app.store.read(self.ctx).await?;
            results::accounts_with_credits(&tx, run).await?
        };
        for account in accounts {
            let work = self.app.store.unit(self.ctx, self.permit).await?;
            results::clear_credits(&work, run, account).await?;
            work.commit(self.audit("performance.cycle.discard").note("account", account), ()).await?;
        }
        let work = self.app.store.unit(self.ctx, self.permit).await?;
        results::discard_totals(&work, run).await?;
        if self.job.task == Task::Discard {
            results::discard_findings(&work, run).await?;
        }
        cycles::discard(&work, run).await?;
        card::facts::discard(&work, run).await?;
        work.finish_work(self.item).await?;
        work.commit(self.audit("performance.cycle.discard"), ()).await
    }
}

/// Findings with where their subjects stand: an account's key, an employee number, or else the group.
fn placed(facts: &Facts, cycle: &Cycle, findings: &[Finding]) -> Vec<(Place, Finding)> {
    let mut places: HashMap<&str, Place> = HashMap::new();
    for person in &facts.people {
        if let Some(home) = person.home(cycle.period.to()) {
            let place = Place { region: home.region.clone(), unit: Some(home.unit), person: Some(person.id) };
            places.insert(&person.employee_no, place);
        }
    }
    for account in &facts.accounts {
        places.insert(&account.key, Place { region: account.region.clone(), unit: account.unit, person: None });
    }
    let group = Place { region: Region::global(), unit: None, person: None };
    let place = |f: &Finding| places.get(f.subject.as_str()).unwrap_or(&group).clone();
    findings.iter().map(|f| (place(f), f.clone())).collect()
}
