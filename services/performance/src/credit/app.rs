//! Crediting the records of a component, and reading credits, totals and findings.

use std::collections::VecDeque;

use futures::{Stream, StreamExt as _};
use jiff::Timestamp;
use tally_access::{OpContext, Plan, Target};
use tally_kernel::id::{AccountId, CycleId, OrgUnitId, PersonId};
use tally_kernel::page::Page;
use tally_kernel::time::zone;
use tally_kernel::{Error, Message, Result};
use tally_store::{Audit, UnitOfWork};
use uuid::Uuid;

use super::store::{self, Place, StoredCredit, Total};
use crate::card::app::customs;
use crate::cycle::domain::{Cycle, Step};
use crate::cycle::facts as cycles;
use crate::cycle::step::{At, Task};
use crate::policy::{ExplainRecord, ExportCredits, ListFindings, ListTotals};
use crate::record::facts::Reading;
use crate::{App, record, scheme};
use tally_engine::attribution::{Credit, Rung};
use tally_engine::closing::codec::Share;
use tally_engine::closing::collect::{Collector, Records, Row, meaning, phase_on};
use tally_engine::closing::compute::{AccountPart, Computed, compute, stored};
use tally_engine::closing::credit::evidence;
use tally_engine::closing::facts::Finding;
use tally_engine::closing::ladder::{Question, lines};
use tally_engine::closing::snapshot::{Frozen, FrozenAccount};
use tally_engine::scoring::Measure;

/// Records read at once.
const READ: u64 = 20_000;
/// Credits written in one unit: small enough that nobody else waits long for the store.
const WRITE: usize = 25_000;
/// Credits in one part of an export, and shares of them: far below the limit of a message.
const PART: u64 = 2_000;
const SHARES: usize = 20_000;

/// Credits the records of one component of a run.
///
/// # Errors
/// What reading, computing or writing says.
pub async fn attribute(at: &At<'_>, cycle: &Cycle, component: i32) -> Result<()> {
    let (frozen, columns, amounts) = {
        let tx = at.app.store.read(at.ctx).await?;
        let scheme = scheme::facts::load(&tx, cycle.scheme, cycle.scheme_version).await?;
        let amounts = scheme.kpis.iter().any(|kpi| matches!(kpi.measure, Measure::Amount));
        (cycles::component(&tx, at.job.run, component).await?, customs(&scheme), amounts)
    };
    let records = read_records(at, &frozen, &columns, amounts).await?;
    let pool = at.app.compute.clone();
    let computed = at.app.compute.run("attribution", move || compute(frozen, records, columns.len(), pool.pool()));
    let computed = computed.await?;
    for (place, part) in computed.accounts.iter().enumerate() {
        write_credits(at, &computed, place, part).await?;
    }
    at.write(async |work| write_rest(at, work, &computed, component).await).await?;
    at.app.wake.notify_waiters();
    Ok(())
}

async fn read_records(at: &At<'_>, frozen: &Frozen, columns: &[String], amounts: bool) -> Result<Records> {
    let tx = at.app.store.read(at.ctx).await?;
    let mut records = Records::new(columns.len());
    for (place, account) in frozen.accounts.iter().enumerate() {
        let span = (account.from_ms, account.to_ms);
        let mut collector = Collector::new(frozen, place, &mut records)?;
        let of = (account.id, account.key.as_str());
        let reading = Reading { account: of, span, columns, amounts, known_at: None };
        let (mut last, mut more) = (None, true);
        while more {
            let take = |row: &Row<'_>| collector.push(row);
            last = record::facts::collect(&tx, &reading, last.as_ref(), READ, take).await?;
            more = last.is_some();
        }
        collector.finish();
    }
    Ok(records)
}

/// Writes an account's credits in pieces; the first piece removes what an attempt that died left behind.
async fn write_credits(at: &At<'_>, computed: &Computed, place: usize, part: &AccountPart) -> Result<()> {
    let account = &computed.frozen.accounts[place];
    for (n, piece) in computed.outcome.credits[part.credits.clone()].chunks(WRITE).enumerate() {
        at.write(async |work| {
            if n == 0 {
                store::clear_credits(&work, at.job.run, account.id).await?;
            }
            store::put_credits(&work, rows(at.job.run, computed, account, piece)).await?;
            let audit = at.audit("performance.cycle.attribute").region(&account.region).note("account", account.id);
            Ok((work, audit.note("rows", piece.len())))
        })
        .await?;
    }
    Ok(())
}

fn rows(run: Uuid, computed: &Computed, account: &FrozenAccount, piece: &[Credit]) -> Vec<store::credit::ActiveModel> {
    let mut rows = Vec::with_capacity(piece.len());
    for credit in piece {
        let shares: Vec<Share> = computed.outcome.shares_of(credit).iter().map(stored).collect();
        rows.push(store::credit_row(run, account, &computed.records[credit.record as usize], credit, &shares));
    }
    rows
}

/// Writes everything but the credits, and ends the item; the last one puts down the scoring.
async fn write_rest(at: &At<'_>, work: UnitOfWork, computed: &Computed, component: i32) -> Result<(UnitOfWork, Audit)> {
    let (run, frozen) = (at.job.run, &computed.frozen);
    store::clear_component(&work, run, component).await?;
    cycles::clear_component(&work, run, component).await?;
    let parts = frozen.accounts.iter().zip(&computed.accounts);
    let outcome = |p: &AccountPart| cycles::RunOutcome { figures: p.figures.clone(), digest: p.digest };
    let outcomes: Vec<_> = parts.map(|(account, part)| (account, outcome(part))).collect();
    cycles::put_outcomes(&work, at.ctx, run, component, &outcomes).await?;
    cycles::put_sums(&work, at.ctx, run, component, &computed.sums).await?;
    store::put_totals(&work, at.ctx, run, component, &totals(computed)).await?;
    store::put_findings(&work, at.ctx, run, component, &findings(computed)).await?;
    let left = work.finish_work(at.item).await?;
    if left == 0 {
        work.enqueue_work([at.job.then(Task::Score)]).await?;
    }
    at.advance(&work, Step::Attributing).await?;
    let audit = at.audit("performance.cycle.attribute").note("component", component);
    Ok((work, audit.note("people", computed.sums.len())))
}

fn totals(computed: &Computed) -> Vec<(Place, Total)> {
    let frozen = &computed.frozen;
    let all = computed.outcome.by_account.iter().chain(&computed.outcome.by_person);
    let total = |t: &tally_engine::attribution::Total| {
        let person = frozen.people.get(t.person as usize)?;
        let account = t.account.and_then(|a| frozen.accounts.get(a as usize));
        let place = Place { region: person.region.clone(), unit: Some(person.unit), person: Some(person.id) };
        let rungs = [t.tagged, t.handover, t.sole, t.inferred, t.equal, t.team];
        let account = account.map(|a| a.id);
        Some((place, Total { person: person.id, account, rungs, total: t.total, low: t.low, high: t.high }))
    };
    all.filter_map(total).collect()
}

fn findings(computed: &Computed) -> Vec<(Place, Finding)> {
    let frozen = &computed.frozen;
    let place = |(account, person, finding): &(Option<u32>, Option<u32>, Finding)| {
        let account = account.and_then(|a| frozen.accounts.get(a as usize));
        let person = person.and_then(|p| frozen.people.get(p as usize));
        let global = tally_access::Region::global();
        let place = Place {
            region: account.map_or(global, |a| a.region.clone()),
            unit: account.and_then(|a| a.unit),
            person: person.map(|p| p.id),
        };
        (place, finding.clone())
    };
    computed.findings.iter().map(place).collect()
}

/// A credit as it is told.
#[derive(Clone, Debug)]
pub struct ExportedCredit {
    pub account: AccountId,
    /// The platform's own id.
    pub external_id: String,
    /// Start, milliseconds since 1970.
    pub started_ms: i64,
    /// How sure we are.
    pub rung: Rung,
    /// Why to nobody.
    pub reason: String,
    /// To whom: person and millionths.
    pub shares: Vec<(PersonId, u32)>,
    /// What it rests on.
    pub evidence: String,
    pub policy_version: String,
}

fn told(frozen: &Frozen, place: usize, credit: StoredCredit) -> Result<ExportedCredit> {
    let account =
        frozen.accounts.get(place).ok_or_else(|| Error::internal("credits of an account that is not frozen"))?;
    let who = |share: &Share| {
        let person = frozen.people.get(share.person as usize).ok_or_else(|| Error::internal("a share of nobody"))?;
        Ok((person.id, share.ppm))
    };
    Ok(ExportedCredit {
        account: account.id,
        evidence: evidence(account, credit.rung, &credit.shares),
        shares: credit.shares.iter().map(who).collect::<Result<_>>()?,
        external_id: credit.external_id,
        started_ms: credit.started_ms,
        rung: credit.rung,
        reason: credit.reason,
        policy_version: frozen.policy.version.clone(),
    })
}

/// The credits of a cycle, by account, start and external id, in parts. Who reaches an account's region or unit sees all
/// of its credits; who reaches people sees their shares and no others.
pub async fn export_credits(
    app: &App,
    ctx: &OpContext,
    cycle: CycleId,
    only: Option<PersonId>,
) -> Result<impl Stream<Item = Result<Vec<ExportedCredit>>> + Send + use<>> {
    let plan = ctx.plan::<ExportCredits>()?;
    let (run, accounts, people) = {
        let tx = app.store.read(ctx).await?;
        let run = cycles::result_of(&tx, cycle).await?;
        (run, cycles::accounts(&tx, run).await?, store::credited(&tx, &plan, run, only).await?)
    };
    let audit = Audit::new("performance.credit.export", "cycle", cycle).note("accounts", accounts.len());
    let audit = audit.about_all(people);
    app.store.audit_read(ctx, plan.method(), audit).await?;
    let export = Export { plan, only, run, accounts: accounts.into(), frozen: None, last: None };
    let (app, ctx) = (app.clone(), ctx.clone());
    let parts = futures::stream::unfold(export, move |mut export| {
        let (app, ctx) = (app.clone(), ctx.clone());
        async move {
            match export.next(&app, &ctx).await {
                Ok(part) => part.map(|part| (Ok(part), export)),
                Err(error) => {
                    export.accounts.clear();
                    Some((Err(error), export))
                }
            }
        }
    });
    Ok(parts.filter(|part| futures::future::ready(!matches!(part, Ok(part) if part.is_empty()))))
}

/// An export under way.
struct Export {
    plan: Plan<ExportCredits>,
    only: Option<PersonId>,
    run: Uuid,
    /// Accounts that are left; the first is being read.
    accounts: VecDeque<cycles::AccountResult>,
    frozen: Option<(i32, Frozen)>,
    last: Option<(i64, String)>,
}

impl Export {
    /// The next part, perhaps empty; nothing at the end.
    async fn next(&mut self, app: &App, ctx: &OpContext) -> Result<Option<Vec<ExportedCredit>>> {
        let Some(account) = self.accounts.front() else { return Ok(None) };
        let (id, component) = (AccountId(account.account_id), account.component);
        let target =
            Target { region: Some(account.region.parse()?), unit: account.unit_id.map(OrgUnitId), person: None };
        let whole = self.plan.covers(&target);
        let tx = app.store.read(ctx).await?;
        if self.frozen.as_ref().is_none_or(|(held, _)| *held != component) {
            self.frozen = Some((component, cycles::component(&tx, self.run, component).await?));
        }
        let Some((_, frozen)) = &self.frozen else { return Ok(None) };
        let place = frozen.accounts.iter().position(|a| a.id == id);
        let place = place.ok_or_else(|| Error::internal("credits of an account that is not frozen"))?;
        let after = self.last.as_ref().map(|(ms, id)| (*ms, id.as_str()));
        let mut credits = store::credits(&tx, self.run, id, after, PART).await?;
        let read = credits.len();
        let mut shares = 0;
        credits.retain(|credit| {
            shares += credit.shares.len();
            shares <= SHARES || shares == credit.shares.len()
        });
        // What did not fit is read again.
        self.last = credits.last().map(|c| (c.started_ms, c.external_id.clone()));
        if read == credits.len() && read < PART as usize {
            self.accounts.pop_front();
            self.last = None;
        }
        let mut part = Vec::with_capacity(credits.len());
        for credit in credits {
            part.extend(self.cut(whole, told(frozen, place, credit)?));
        }
        Ok(Some(part))
    }

    /// Cuts a credit to what the caller may see and asked for; nothing when nothing is left of it.
    fn cut(&self, whole: bool, mut credit: ExportedCredit) -> Option<ExportedCredit> {
        if whole && self.only.is_none() {
            return Some(credit);
        }
        let reached = &self.plan.reach().persons;
        let asked = |person: &PersonId| self.only.is_none_or(|only| only == *person);
        credit.shares.retain(|(person, _)| asked(person) && (whole || reached.contains(person)));
        (!credit.shares.is_empty()).then_some(credit)
    }
}

/// A page of totals, by person and account.
pub async fn list_totals(app: &App, ctx: &OpContext, cycle: CycleId, page: &Page) -> Result<(Vec<Total>, String)> {
    let plan = ctx.plan::<ListTotals>()?;
    let tx = app.store.read(ctx).await?;
    let run = cycles::result_of(&tx, cycle).await?;
    store::totals(&tx, &plan, run, page).await
}

/// A page of findings, by kind, subject and instant; also those of a cycle that could not be closed.
pub async fn list_findings(app: &App, ctx: &OpContext, cycle: CycleId, page: &Page) -> Result<(Vec<Finding>, String)> {
    let plan = ctx.plan::<ListFindings>()?;
    let tx = app.store.read(ctx).await?;
    let run = cycles::findings_of(&tx, cycle).await?;
    store::findings(&tx, &plan, run, page).await
}

/// Why a record was credited as it was, rung by rung.
pub async fn explain_record(
    app: &App,
    ctx: &OpContext,
    cycle: CycleId,
    account: AccountId,
    external_id: &str,
) -> Result<(ExportedCredit, Vec<Message>)> {
    let plan = ctx.plan::<ExplainRecord>()?;
    let missing = || Error::not_found("record", external_id);
    let tx = app.store.read(ctx).await?;
    let run = cycles::result_of(&tx, cycle).await?;
    let held = cycles::accounts(&tx, run).await?.into_iter().find(|a| a.account_id == account.0).ok_or_else(missing)?;
    let (started_ms, agent) = record::facts::started(&tx, account, external_id).await?.ok_or_else(missing)?;
    let credit = store::find_credit(&tx, run, account, started_ms, external_id).await?.ok_or_else(missing)?;
    let frozen = cycles::component(&tx, run, held.component).await?;
    let place = frozen.accounts.iter().position(|a| a.id == account).ok_or_else(missing)?;
    let target = Target { region: Some(held.region.parse()?), unit: held.unit_id.map(OrgUnitId), person: None };
    let own =
        |share: &Share| frozen.people.get(share.person as usize).is_some_and(|p| plan.reach().persons.contains(&p.id));
    if !plan.covers(&target) && !credit.shares.iter().any(own) {
        return Err(missing());
    }
    let of = &frozen.accounts[place];
    let zone = zone(&of.zone)?;
    let date = zone.to_datetime(Timestamp::from_millisecond(started_ms).map_err(Error::internal)?).date();
    let question = Question {
        frozen: &frozen,
        account: of,
        zone,
        phase: phase_on(&of.phases, date).kind,
        started_ms,
        agent: &agent,
        tag: meaning(of, &frozen.people, &agent, date),
        rung: credit.rung,
        shares: &credit.shares,
    };
    let lines = lines(&question);
    Ok((told(&frozen, place, credit)?, lines))
}
