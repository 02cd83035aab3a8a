//! Reading credits, totals and findings.

use std::collections::{BTreeMap, VecDeque};

use futures::{Stream, StreamExt as _};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tally_access::{OpContext, Plan, Rpc, Target};
use tally_kernel::contribution::Contribution;
use tally_kernel::id::{AccountId, AttributionRunId, CycleId, OrgUnitId, PersonId};
use tally_kernel::limits::REPLY_GRACE_SECONDS;
use tally_kernel::page::Page;
use tally_kernel::time::zone;
use tally_kernel::{Error, Message, Result, msg};
use tally_store::{Audit, ScopedTx};
use uuid::Uuid;

use super::domain::{self, Which};
use super::store::{self, Found, StoredCredit, Total, Totals};
use crate::cycle::domain::Asked;
use crate::cycle::facts as cycles;
use crate::policy::{ExplainRecord, ExportCredits, ListFindings, ListTotals};
use crate::record::facts::Said;
use crate::reply::domain::Messages;
use crate::run::domain::{RunError, State};
use crate::run::facts as runs;
use crate::{App, card, claim, record};
use tally_engine::attribution::{Rung, Side, Why, Worth};
use tally_engine::closing::codec::Share;
use tally_engine::closing::collect::{meaning, phase_on};
use tally_engine::closing::credit::{evidence, on_duty_at};
use tally_engine::closing::ladder::{Question, lines};
use tally_engine::closing::snapshot::{Frozen, FrozenPerson};
use tally_engine::closing::worth;

/// Credits in one part of an export, and shares of them: far below the limit of a message.
const PART: u64 = 2_000;
const SHARES: usize = 20_000;
/// A reply may come so long before its record begins or after it ends.
const GRACE_MS: i64 = REPLY_GRACE_SECONDS * 1_000;

/// Of what credits are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// A version of the result of a cycle.
    Cycle(CycleId, Asked),
    Run(AttributionRunId),
}

impl Of {
    /// Under what the credits are kept. Whoever reads a cycle by its owner reads the credits of everybody who has, or once had, a card in it, also
    /// of somebody who is elsewhere by now; of a run, which may be about more than one unit's work, only those in reach.
    async fn run<R: Rpc>(self, tx: &ScopedTx, mut plan: Plan<R>) -> Result<(Plan<R>, Kept)> {
        match self {
            Self::Cycle(cycle, asked) => {
                let shown = cycles::shown(tx, cycle, asked).await?;
                if !plan.reach().tenant && plan.covers(&shown.cycle.target()) {
                    let versions = cycles::versions(tx, cycles::load(tx, cycle).await?).await?;
                    let results = versions.iter().filter_map(|version| version.run).chain([shown.run]);
                    plan = plan.with_people(card::facts::people_of(tx, results.collect()).await?);
                }
                Ok((plan, Kept { run: shown.attribution().0, day: shown.cycle.period.to() }))
            }
            Self::Run(run) => match runs::load(tx, run).await? {
                run if run.state == State::Done => Ok((plan, Kept { run: run.id.0, day: run.period.to() })),
                _ => Err(RunError::NotDone.into()),
            },
        }
    }

    /// Under what the findings are kept: also of what could not be done, since they say why.
    async fn findings(self, tx: &ScopedTx) -> Result<Vec<Uuid>> {
        match self {
            Self::Cycle(cycle, _) => cycles::findings_of(tx, cycle).await,
            Self::Run(run) => match runs::load(tx, run).await?.state {
                State::Done | State::Failed => Ok(vec![run.0]),
                State::Running | State::Cancelled => Err(RunError::NotDone.into()),
            },
        }
    }

    /// What it is in the audit log.
    fn audit(self, action: &'static str) -> Audit {
        match self {
            Self::Cycle(cycle, _) => Audit::new(action, "cycle", cycle),
            Self::Run(run) => Audit::new(action, "attribution_run", run),
        }
    }
}

/// Under what credits are kept.
struct Kept {
    run: Uuid,
    /// The last day of the run.
    day: Date,
}

/// A credit as it is told.
#[derive(Clone, Debug)]
pub struct ExportedCredit {
    pub account: AccountId,
    /// `platform/store/name`.
    pub account_key: String,
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
    /// Millionths of people whom the caller does not see.
    pub others: u32,
    /// What it rests on.
    pub evidence: String,
    pub policy_version: String,
}

/// A credit as it is told: the shares that `tells` says yes to, of the others how many millionths they are. What it rests on does not
/// depend on who looks.
fn told(
    frozen: &Frozen,
    place: usize,
    credit: StoredCredit,
    tells: impl Fn(&FrozenPerson) -> bool,
) -> Result<ExportedCredit> {
    let account =
        frozen.accounts.get(place).ok_or_else(|| Error::internal("credits of an account that is not frozen"))?;
    let (mut shares, mut others) = (Vec::with_capacity(credit.shares.len()), 0);
    for share in &credit.shares {
        let person = frozen.people.get(share.person as usize).ok_or_else(|| Error::internal("a share of nobody"))?;
        if tells(person) {
            shares.push((person.id, share.ppm));
        } else {
            others += share.ppm;
        }
    }
    Ok(ExportedCredit {
        account: account.id,
        account_key: account.key.clone(),
        evidence: evidence(account, credit.rung, &credit.shares),
        shares,
        others,
        external_id: credit.external_id,
        started_ms: credit.started_ms,
        rung: credit.rung,
        reason: credit.reason,
        policy_version: frozen.policy.version.clone(),
    })
}

/// Credits of a cycle or a run, by account, start and external id, in parts. Everybody sees the shares of people within reach; who
/// reaches the account sees of the other records and shares how many there are.
pub async fn export_credits(
    app: &App,
    ctx: &OpContext,
    of: Of,
    which: Which,
) -> Result<impl Stream<Item = Result<Vec<ExportedCredit>>> + Send + use<>> {
    let plan = ctx.plan::<ExportCredits>()?;
    let (plan, Kept { run, day }, accounts, people) = {
        let tx = app.store.read(ctx).await?;
        let (plan, kept) = of.run(&tx, plan).await?;
        let asked = Totals { person: which.person, account: which.account, sums_only: false };
        let people = store::credited(&tx, &plan, kept.run, asked).await?;
        let mut accounts = runs::accounts(&tx, kept.run).await?;
        accounts.retain(|account| which.account.is_none_or(|only| only.0 == account.account_id));
        if let Some(person) = which.person {
            let own = store::accounts_of(&tx, kept.run, person).await?;
            accounts.retain(|account| own.contains(&AccountId(account.account_id)));
        }
        (plan, kept, accounts, people)
    };
    let audit = of.audit("performance.credit.export").note("accounts", accounts.len());
    let audit = audit.about_all(people);
    app.store.audit_read(ctx, plan.method(), audit).await?;
    let export = Export { plan, which, run, day, accounts: accounts.into(), frozen: None, last: None };
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
    which: Which,
    run: Uuid,
    /// The last of the run.
    day: Date,
    /// Accounts that are left; the first is being read.
    accounts: VecDeque<runs::AccountResult>,
    frozen: Option<(i32, Frozen)>,
    last: Option<(i64, String)>,
}

impl Export {
    /// The next part, perhaps empty; nothing at the end.
    async fn next(&mut self, app: &App, ctx: &OpContext) -> Result<Option<Vec<ExportedCredit>>> {
        let Some(account) = self.accounts.front() else { return Ok(None) };
        let (id, component, kept) = (AccountId(account.account_id), account.component, account.credits_run());
        let whole = self.plan.covers(&place_of(account)?.on(self.day));
        let tx = app.store.read(ctx).await?;
        if self.frozen.as_ref().is_none_or(|(held, _)| *held != component) {
            self.frozen = Some((component, runs::component(&tx, self.run, component).await?));
        }
        let Some((_, frozen)) = &self.frozen else { return Ok(None) };
        let place = frozen.accounts.iter().position(|a| a.id == id);
        let place = place.ok_or_else(|| Error::internal("credits of an account that is not frozen"))?;
        let after = self.last.as_ref().map(|(ms, id)| (*ms, id.as_str()));
        let mut credits = store::credits(&tx, (kept, id), self.which.within(), after, PART).await?;
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
            part.extend(self.cut(whole, told(frozen, place, credit, |person| self.tells(person))?));
        }
        Ok(Some(part))
    }

    /// Whether somebody's shares are asked for and within reach.
    fn tells(&self, person: &FrozenPerson) -> bool {
        self.which.person.is_none_or(|only| only == person.id) && sees(&self.plan, person, self.day)
    }

    /// What is told of a credit; nothing when nothing is left of it. Who asks for one person is told of no others.
    fn cut(&self, whole: bool, credit: ExportedCredit) -> Option<ExportedCredit> {
        let of_all = self.which.person.is_none();
        let others = if of_all { credit.others } else { 0 };
        let told = !credit.shares.is_empty() || whole && of_all;
        told.then_some(ExportedCredit { others, ..credit })
    }
}

/// Whether the caller sees what somebody is credited with in a month that ends with a day.
fn sees<R: Rpc>(plan: &Plan<R>, person: &FrozenPerson, day: Date) -> bool {
    plan.covers(&Target::person(person.region.clone(), Some(person.unit), person.id).on(person.until(day)))
}

/// What knowing of an account's credits is decided on.
fn place_of(account: &runs::AccountResult) -> Result<Target> {
    Ok(Target { region: Some(account.region.parse()?), unit: account.unit_id.map(OrgUnitId), ..Target::default() })
}

/// A page of totals, by person and account; with the first one what more evidence would bring to each account within reach.
pub async fn list_totals(app: &App, ctx: &OpContext, of: Of, asked: Totals, page: &Page) -> Result<TotalsPage> {
    let plan = ctx.plan::<ListTotals>()?;
    let tx = app.store.read(ctx).await?;
    let (plan, kept) = of.run(&tx, plan).await?;
    let (totals, next) = store::totals(&tx, &plan, (kept.run, asked), page).await?;
    let accounts = runs::accounts(&tx, kept.run).await?;
    let (mut evidence, only) = (Vec::new(), |account: Uuid| asked.account.is_none_or(|only| only.0 == account));
    for account in accounts.iter().filter(|account| page.after.is_none() && only(account.account_id)) {
        if let Some(worth) = account.worth()?
            && plan.covers(&place_of(account)?.on(kept.day))
        {
            evidence.push((AccountId(account.account_id), worth));
        }
    }
    let keys = accounts.into_iter().map(|account| (AccountId(account.account_id), account.account_key)).collect();
    Ok(TotalsPage { totals, keys, evidence, next })
}

/// A page of totals.
pub struct TotalsPage {
    pub totals: Vec<Total>,
    /// `platform/store/name` of the run's accounts.
    pub keys: BTreeMap<AccountId, String>,
    /// What more evidence would bring, by account; on the first page alone.
    pub evidence: Vec<(AccountId, Worth)>,
    pub next: String,
}

/// A page of findings, by kind, subject and instant; also those of a cycle that could not be closed.
pub async fn list_findings(
    app: &App,
    ctx: &OpContext,
    of: Of,
    person: Option<PersonId>,
    page: &Page,
) -> Result<(Vec<Found>, String)> {
    let plan = ctx.plan::<ListFindings>()?;
    let (found, next) = {
        let tx = app.store.read(ctx).await?;
        let kept = of.findings(&tx).await?;
        store::findings(&tx, &plan, kept, person, page).await?
    };
    Ok((without_others(app, ctx, &plan, found).await?, next))
}

/// Findings as the caller may read them: who reaches one by the person alone is told the numbers of nobody else.
pub async fn without_others<R: Rpc>(
    app: &App,
    ctx: &OpContext,
    plan: &Plan<R>,
    mut found: Vec<Found>,
) -> Result<Vec<Found>> {
    let beyond = |found: &Found| plan.covers(&Target { person: None, ..found.target() });
    if found.iter().all(beyond) {
        return Ok(found);
    }
    let people = app.directory.everybody(ctx).await?;
    for found in found.iter_mut().filter(|found| !beyond(found)) {
        let own = found.place.person.and_then(|person| people.get(person));
        let own = own.map_or("", |person| person.employee_no.as_str());
        found.finding.detail = domain::without_others(&found.finding.detail, own);
    }
    Ok(found)
}

/// Why a record was credited as it was.
#[derive(Clone, Debug)]
pub struct Explained {
    pub credit: ExportedCredit,
    /// Rung by rung.
    pub lines: Vec<Message>,
    /// Those within reach of whoever was on duty when it was answered, each with millionths, the most first.
    pub candidates: Vec<(PersonId, u32)>,
    /// What told its people apart, or why nothing did.
    pub why: Option<Told>,
}

/// What told the people of a record apart.
#[derive(Clone, Debug)]
pub struct Told {
    pub why: Why,
    /// Those of [`Why::people`] who are within reach, with their employee numbers, and of both the millionths.
    pub people: [(Option<(PersonId, String)>, u32); 2],
}

/// Why a record was credited as it was, rung by rung.
pub async fn explain_record(
    app: &App,
    ctx: &OpContext,
    of: Of,
    account: AccountId,
    external_id: &str,
) -> Result<Explained> {
    let plan = ctx.plan::<ExplainRecord>()?;
    let missing = || Error::not_found("record", external_id);
    let tx = app.store.read(ctx).await?;
    let (plan, Kept { run, day }) = of.run(&tx, plan).await?;
    let held = runs::accounts(&tx, run).await?.into_iter().find(|a| a.account_id == account.0).ok_or_else(missing)?;
    let sale = record::facts::said(&tx, account, external_id, None).await?.into_iter().find_map(|said| said.refers_to);
    let asked = sale.as_deref().unwrap_or(external_id);
    let (said, credit) = credited(&tx, held.credits_run(), account, asked).await?.ok_or_else(missing)?;
    let Said { started_ms, ended_ms, agent, contributors, device, .. } = said;
    let frozen = runs::component(&tx, run, held.component).await?;
    let place = frozen.accounts.iter().position(|a| a.id == account).ok_or_else(missing)?;
    let sees = |person: &FrozenPerson| sees(&plan, person, day);
    let seen = |share: &Share| frozen.people.get(share.person as usize).is_some_and(sees);
    if !plan.covers(&place_of(&held)?.on(day)) && !credit.shares.iter().any(seen) {
        return Err(missing());
    }
    let at = &frozen.accounts[place];
    let zone = zone(&at.zone)?;
    let date = zone.to_datetime(Timestamp::from_millisecond(started_ms).map_err(Error::internal)?).date();
    let meant = |agent: &str| meaning(at, &frozen.people, agent, date);
    let named = |one: Contribution| (one.role, one.agent.clone(), meant(&one.agent));
    let contributors: Vec<_> = contributors.into_iter().map(named).collect();
    let phase = phase_on(&at.phases, date);
    let replies = answered(&tx, held.credits_run(), account, (started_ms, ended_ms, asked)).await?;
    let answered = on_duty_at(&frozen, at, phase, &replies);
    let question = Question {
        frozen: &frozen,
        account: at,
        zone: zone.clone(),
        phase: phase.kind,
        started_ms,
        answered: &answered,
        agent: &agent,
        tag: meant(&agent),
        contributors: &contributors,
        device: &device,
        rung: credit.rung,
        shares: &credit.shares,
        told: &frozen.people.iter().map(sees).collect::<Vec<_>>(),
    };
    let of_sale = sale.as_ref().map(|sale| msg!("LADDER_REFUND", refund = external_id, sale = *sale));
    let worth = held.worth()?.and_then(|worth| worth::line(credit.rung, &worth));
    let click = match (credit.rung, &credit.shares[..]) {
        (Rung::Claimed, [share]) if seen(share) => {
            let of = (account, asked, started_ms);
            click(&tx, run, of, frozen.people.get(share.person as usize), &zone).await?
        }
        _ => None,
    };
    let lines = of_sale.into_iter().chain(lines(&question)).chain(click).chain(worth).collect();
    let candidates = domain::candidates(at, (started_ms, &credit.shares), &answered).into_iter();
    let candidates = candidates.filter_map(|(person, ppm)| {
        let person = frozen.people.get(person as usize).filter(|person| sees(person))?;
        Some((person.id, ppm))
    });
    let why = credit.why()?.map(|why| {
        let people = why.people.unwrap_or_default().map(|place| {
            let person = frozen.people.get(place as usize).filter(|person| why.people.is_some() && sees(person));
            let share = credit.shares.iter().find(|share| share.person == place).map_or(0, |share| share.ppm);
            (person.map(|person| (person.id, person.no.clone())), share)
        });
        Told { why, people }
    });
    Ok(Explained { credit: told(&frozen, place, credit, sees)?, lines, candidates: candidates.collect(), why })
}

/// When a record was answered in its time, as it was known when the run began; nothing where no times of replies are known.
async fn answered(
    tx: &ScopedTx,
    run: Uuid,
    account: AccountId,
    (started_ms, ended_ms, external_id): (i64, i64, &str),
) -> Result<Vec<i64>> {
    let in_time = started_ms - GRACE_MS..=ended_ms + GRACE_MS;
    let (mut replies, of) = (Vec::new(), (account, (started_ms, started_ms + 1)));
    let (known_at, mut last, mut more) = (runs::begun(tx, run).await?, None, true);
    while more {
        let take = |_: i64, id: &str, messages: Messages<'_>| {
            for message in messages.filter(|_| id == external_id) {
                let message = message.map_err(Error::internal)?;
                let counts = message.by == Side::Agent && in_time.contains(&message.at_ms);
                replies.extend(counts.then_some(message.at_ms));
            }
            Ok(())
        };
        last = crate::reply::facts::collect(tx, of, known_at, last.as_ref(), PART, take).await?;
        more = last.is_some();
    }
    Ok(replies)
}

/// When somebody claimed a record, where there is no other click that may be meant.
async fn click(
    tx: &ScopedTx,
    run: Uuid,
    of: (AccountId, &str, i64),
    person: Option<&FrozenPerson>,
    zone: &TimeZone,
) -> Result<Option<Message>> {
    let (Some(person), Some(begun)) = (person, runs::begun(tx, run).await?) else { return Ok(None) };
    let (account, external_id, started_ms) = of;
    let customer = record::facts::customer(tx, (account, external_id), begun).await?;
    let Some(customer) = customer else { return Ok(None) };
    let record = (account, external_id, started_ms, customer.as_str());
    let clicks = claim::facts::clicks(tx, person.id, record, begun).await?;
    let [at_ms] = clicks[..] else { return Ok(None) };
    let at = Timestamp::from_millisecond(at_ms).map_err(Error::internal)?;
    let at = zone.to_datetime(at).strftime("%Y-%m-%d %H:%M:%S").to_string();
    Ok(Some(msg!("LADDER_CLICKED", person = person.no, at)))
}

/// What a record said, and its credit. What was known when the run began is looked at first.
async fn credited(
    tx: &ScopedTx,
    run: Uuid,
    account: AccountId,
    external_id: &str,
) -> Result<Option<(Said, StoredCredit)>> {
    for said in record::facts::said(tx, account, external_id, runs::begun(tx, run).await?).await? {
        if let Some(credit) = store::find_credit(tx, run, account, said.started_ms, external_id).await? {
            return Ok(Some((said, credit)));
        }
    }
    Ok(None)
}
