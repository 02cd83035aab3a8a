//! The steps of attributing a period and closing cycles, each one item of work: collect, attribute a component, total, score, and throw
//! away.
//!
//! An item first asks whether its run still counts (a cancelled one does not), then reads, computes outside of any
//! transaction, and writes in pieces, each of which asks again. Its effect and its end are one transaction, and what it
//! wrote before is removed first, so an item may be done twice and counts once.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::ToSpan as _;
use serde::Deserialize;
use tally_access::{Actor, OpContext, Owner, Region, Target, compile_service};
use tally_app::units::Units;
use tally_engine::closing::facts::{Facts, Finding};
use tally_engine::closing::measured::Takes;
use tally_engine::closing::snapshot::{Plan, snapshot};
use tally_kernel::id::AccountId;
use tally_kernel::time::Period;
use tally_kernel::{Error, Result};
use tally_store::{Audit, UnitOfWork, WorkItem};

use super::{reuse, unread};
use crate::credit::facts::{self as results, Place};
use crate::policy::CloseCycle;
use crate::record::domain::Counted;
use crate::record::domain::money::KeptRates;
use crate::run::domain::{AttributionRun, Failure, Step, Whose, parts};
use crate::run::facts::{self as runs, Task};
use crate::run::step::At;
use crate::{App, SERVICE, card, credit, cycle, schedule, scheme};

/// How often an item is tried.
pub const ATTEMPTS: i32 = 5;

/// What an item is: of a run, of a cycle that scores from one, or of a schedule.
#[derive(Deserialize)]
#[serde(untagged)]
enum Job {
    Attribution(runs::Job),
    Cycle(cycle::facts::Job),
    Schedule(schedule::facts::Job),
}

/// Does an item of work. `Ok` when nothing is left of it, also where its run does not count any more.
///
/// # Errors
/// What went wrong; the caller decides whether trying again may help.
pub async fn work(app: &App, item: &WorkItem) -> Result<()> {
    let ctx = &context(app, item);
    let permit = &ctx.permit::<CloseCycle>(&Target::tenant())?;
    match item.payload()? {
        Job::Attribution(job) => attribute(&At { app, ctx, permit, item, job }).await,
        Job::Cycle(job) => score(&cycle::step::At { app, ctx, permit, item, job }).await,
        Job::Schedule(job) => schedule::step::At { app, ctx, permit, item, job }.work().await,
    }
}

async fn attribute(at: &At<'_>) -> Result<()> {
    tracing::Span::current().record("work.kind", tracing::field::display(at.job.task));
    if matches!(at.job.task, Task::Discard | Task::DiscardResult) {
        return at.discard().await;
    }
    let Some(run) = at.run().await? else { return at.abandon().await };
    match at.job.task {
        // On the heap: it holds everything that the peers told.
        Task::Collect => Box::pin(at.collect(&run)).await,
        Task::Attribute(component) => credit::step::attribute(at, &run, component).await,
        Task::Total => credit::step::total(at, &run).await,
        Task::Discard | Task::DiscardResult => Ok(()),
    }
}

async fn score(at: &cycle::step::At<'_>) -> Result<()> {
    tracing::Span::current().record("work.kind", tracing::field::display(at.job.task));
    match (at.job.task, at.cycle().await?) {
        (cycle::facts::Task::Score, Some(cycle)) => card::app::score_cycle(at, &cycle).await,
        (cycle::facts::Task::Score, None) => {
            let work = at.app.store.unit(at.ctx, at.permit).await?;
            work.finish_work(at.item).await?;
            work.commit(at.audit("performance.cycle.abandon"), ()).await
        }
        (cycle::facts::Task::Discard, _) => {
            let work = at.app.store.unit(at.ctx, at.permit).await?;
            card::facts::discard(&work, at.job.run).await?;
            cycle::facts::discard_people(&work, at.job.run).await?;
            results::discard_findings(&work, at.job.run).await?;
            work.finish_work(at.item).await?;
            work.commit(at.audit("performance.cycle.discard"), ()).await
        }
    }
}

/// Ends the run, or the attempt at closing, of an item that cannot be done.
///
/// # Errors
/// What the store says.
pub async fn give_up(app: &App, item: &WorkItem, failure: Failure) -> Result<()> {
    let ctx = &context(app, item);
    let permit = &ctx.permit::<CloseCycle>(&Target::tenant())?;
    match item.payload()? {
        Job::Attribution(job) => At { app, ctx, permit, item, job }.give_up(failure).await,
        Job::Cycle(job) => cycle::step::At { app, ctx, permit, item, job }.give_up(failure).await,
        Job::Schedule(job) => schedule::step::At { app, ctx, permit, item, job }.give_up(failure).await,
    }
}

/// Whether an item is tried until it is done or refused by name, and what begins the months of a schedule even then: nobody waits for it, and
/// a peer that is away for a while must not cost a month.
pub fn is_kept(item: &WorkItem, refused: bool) -> bool {
    match item.payload() {
        Ok(Job::Schedule(job)) => !refused || matches!(job.step, schedule::facts::Step::Begin(_)),
        Ok(Job::Attribution(_) | Job::Cycle(_)) | Err(_) => false,
    }
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
        work.commit(self.audit("performance.run.abandon"), ()).await
    }

    /// Asks who worked where and when, freezes what the run is about, and puts down one item a component.
    async fn collect(&self, run: &AttributionRun) -> Result<()> {
        self.tell(Step::Collecting).await?;
        let facts = self.app.peers.facts(self.ctx, &self.app.directory, run.period, &run.policy);
        let days = self.days_of_amounts(run).await?;
        let money = self.app.peers.money(self.ctx, days, run.started_at);
        let (mut facts, money) = futures::try_join!(facts, money)?;
        let ((counted, changed), unread) = {
            let tx = self.app.store.read(self.ctx).await?;
            let counted = reuse::counted(&tx, run, &facts.accounts).await?;
            // After the calls were counted: what comes in between is read, and has changed for whoever asks next.
            facts.claimed = reuse::claimed(&tx, run, &facts.accounts).await?;
            (counted, unread::findings(&tx, run, &facts.accounts).await?)
        };
        facts.named_devices.clone_from(&counted.devices);
        // Cut from the whole group's facts, whatever the run is about, so that whoever asks gets the same.
        let mut plan = snapshot(&facts, run.period, (&run.policy, run.days), &counted.counts)?;
        plan.findings.extend(unread);
        let (plan, owner) = match self.cut(run, plan, &runs::teamless(&facts)).await? {
            Ok(cut) => cut,
            Err(failure) => return self.end(failure).await,
        };
        let needs_records = { card::facts::run_needs_records(&*self.app.store.read(self.ctx).await?, run).await? };
        if plan.components.is_empty() && needs_records {
            return self.end(Failure::NoRecords { period: run.period, part: !run.scope.is_all() }).await;
        }
        let findings = placed(&facts, run.period, &plan.findings);
        let taken = match run.source {
            Some(source) => {
                let tx = self.app.store.read(self.ctx).await?;
                reuse::taken_over(&tx, source, &plan.components, (changed, &money)).await?
            }
            None => runs::TakenOver::new(),
        };
        let of = (&owner, &money, &counted);
        self.write(async |work| self.put_plan(work, run, (&plan, &taken), of, &findings).await).await?;
        self.app.wake.notify_waiters();
        Ok(())
    }

    /// The days whose amounts are computed with: those of the period, and before it as many as the scheme looks back that the run was started
    /// for, with one more for the zones. One that was started for no cycle may be named by any: as many as any scheme in use looks back.
    /// A correction takes those of the run that it corrects in, so that what it came to can be taken over.
    async fn days_of_amounts(&self, run: &AttributionRun) -> Result<Period> {
        let tx = self.app.store.read(self.ctx).await?;
        let schemes = match run.cycle {
            Some(cycle) => {
                let cycle = cycle::facts::load(&tx, cycle).await?;
                vec![scheme::facts::load(&tx, cycle.scheme, cycle.scheme_version).await?]
            }
            None => scheme::facts::in_use(&tx, run.period.to()).await?,
        };
        let before = schemes.iter().map(|scheme| Takes::of(scheme).days_of_amounts_before()).max().unwrap_or(0);
        let before = if before > 0 { before + 1 } else { 0 };
        let mut from = run.period.from().checked_sub(before.days()).map_err(Error::internal)?;
        if let Some(source) = run.source {
            let kept = runs::load(&tx, source).await?.money;
            from = kept.map_or(from, |kept| kept.first_day.min(from));
        }
        Period::new(from, run.period.to()).map_err(Error::internal)
    }

    /// The part of the plan that the run is about, and whose the run is then: the lowest unit above all that it touches, which is
    /// to be the unit that it was started for, or below.
    async fn cut(
        &self,
        run: &AttributionRun,
        mut plan: Plan,
        teamless: &BTreeSet<AccountId>,
    ) -> Result<Result<(Plan, Owner), Failure>> {
        if run.scope.is_all() {
            return Ok(Ok((plan, run.owner.clone())));
        }
        let units = Units::of(&self.app.peers.identity, self.ctx, Some(run.period.to())).await?;
        let people = self.app.directory.everybody(self.ctx).await?;
        let trees = self.app.directory.trees(self.ctx, &people).await?;
        let (holds, counted) = (|above, below| units.holds(above, below), runs::counted_in(&trees, run.period.to()));
        let whose = Whose { holds: &holds, unit_of: &counted };
        plan.components.retain(|component| run.scope.touches(component, whose));
        // A correction goes wherever the facts that are right now lead.
        let parts = parts(&plan.components, &run.scope, teamless, whose);
        let above = runs::belongs_above(&parts, run.owner.unit(), (&units, whose)).filter(|_| run.source.is_none());
        if let Some(above) = above {
            return Ok(Err(above));
        }
        let touched: BTreeSet<_> = parts.iter().flat_map(|part| part.units(whose)).collect();
        let mut subjects = BTreeSet::new();
        for component in &plan.components {
            subjects.extend(component.accounts.iter().map(|account| account.key.as_str()));
            subjects.extend(component.people.iter().map(|person| person.no.as_str()));
        }
        plan.findings.retain(|finding| subjects.contains(finding.subject.as_str()));
        let owner = if touched.is_empty() { run.owner.clone() } else { units.owner_above(touched)? };
        Ok(Ok((plan, owner)))
    }

    async fn put_plan(
        &self,
        work: UnitOfWork,
        of: &AttributionRun,
        (plan, taken): (&Plan, &runs::TakenOver),
        (owner, money, counted): (&Owner, &KeptRates, &Counted),
        findings: &[(Place, Finding)],
    ) -> Result<(UnitOfWork, Audit)> {
        let run = self.job.attribution.0;
        runs::discard(&work, run).await?;
        results::discard_totals(&work, run).await?;
        results::discard_findings(&work, run).await?;
        runs::snapshot(&work, self.ctx, run, &plan.components).await?;
        runs::collected(&work, self.job.attribution, owner, money).await?;
        runs::put_counted(&work, self.ctx, run, counted).await?;
        results::put_findings(&work, self.ctx, (run, of.period.to()), -1, findings).await?;
        if let Some(source) = of.source {
            self.take_over(&work, source, taken).await?;
        }
        let there: BTreeSet<i32> = taken.values().copied().collect();
        let left = (0..).zip(&plan.components).map(|(i, _)| i).filter(|i| !there.contains(i));
        let mut items: Vec<_> = left.map(|i| self.job.then(Task::Attribute(i))).collect();
        let total = u32::try_from(items.len() + 1).unwrap_or(u32::MAX);
        self.reach(&work, Step::Attributing, Some(total)).await?;
        if items.is_empty() {
            items.push(self.job.then(Task::Total));
        }
        work.enqueue_work(items).await?;
        work.finish_work(self.item).await?;
        let audit = self.audit("performance.run.collect").region(owner.region());
        Ok((work, audit.note("components", plan.components.len()).note("taken_over", taken.len())))
    }

    /// Throws away what a dead or failed run wrote, an account at a time, so that nobody waits long for the store.
    async fn discard(&self) -> Result<()> {
        let run = self.job.attribution.0;
        let accounts = {
            let tx = self.app.store.read(self.ctx).await?;
            results::accounts_with_credits(&tx, run).await?
        };
        for account in accounts {
            let work = self.app.store.unit(self.ctx, self.permit).await?;
            results::clear_credits(&work, run, account).await?;
            work.commit(self.audit("performance.run.discard").note("account", account), ()).await?;
        }
        let work = self.app.store.unit(self.ctx, self.permit).await?;
        results::discard_totals(&work, run).await?;
        if self.job.task == Task::Discard {
            results::discard_findings(&work, run).await?;
        }
        runs::discard(&work, run).await?;
        work.finish_work(self.item).await?;
        work.commit(self.audit("performance.run.discard"), ()).await
    }
}

/// Findings with where their subjects stand: an account's key, an employee number, or else the group.
fn placed(facts: &Facts, period: Period, findings: &[Finding]) -> Vec<(Place, Finding)> {
    let mut places: HashMap<&str, Place> = HashMap::new();
    for person in &facts.people {
        if let Some(home) = person.home(period.to()) {
            places.insert(&person.employee_no, Place::of(home, person.id, period.to()));
        }
    }
    for account in &facts.accounts {
        places.insert(
            &account.key,
            Place { region: account.region.clone(), unit: account.unit, person: None, left: None },
        );
    }
    let group = Place { region: Region::global(), unit: None, person: None, left: None };
    let place = |f: &Finding| {
        let place = places.get(f.subject.as_str()).unwrap_or(&group).clone();
        Place { person: place.person.or(f.person), ..place }
    };
    findings.iter().map(|f| (place(f), f.clone())).collect()
}
