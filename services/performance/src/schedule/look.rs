//! Looking at a month before it is closed: who is in, what is there, and what closing would be refused for. Nothing is written.

use std::collections::{BTreeMap, BTreeSet};

use tally_access::{OpContext, Owner};
use tally_app::units::Units;
use tally_engine::closing::snapshot::{AgentCount, Days, FrozenAccount, Plan, snapshot};
use tally_engine::scoring::Scheme;
use tally_kernel::id::OrgUnitId;
use tally_kernel::time::{Period, zone};
use tally_kernel::{Error, Kind, Message, Result, msg};

use super::above;
use super::domain::{Above, Looked, Run, Schedule};
use crate::cycle::domain::CycleError;
use crate::cycle::{self, population};
use crate::record::domain::Spans;
use crate::record::domain::money::{KeptRates, MoneyProblem};
use crate::run::domain::{Scope, Whose, parts};
use crate::run::facts as runs;
use crate::{App, card, record, scheme};

/// Who is in, and what is there of the month.
///
/// # Errors
/// What is wrong with the schedule itself, by name. What the month lacks, and may still come, is told with what was found.
pub(super) async fn look_at(app: &App, maker: &OpContext, schedule: &Schedule, run: &Run) -> Result<Looked> {
    let (said, period) = (&schedule.said, run.period);
    let new = said.cycle(&run.name, period);
    let (owner, units) = population::settle(app, maker, &new, "schedule").await?;
    let (scheme, standards) = {
        let tx = app.store.read(maker).await?;
        let version = cycle::app::scheme_version(&tx, &new, (&owner, &units)).await?;
        let out = scheme::facts::standards_out(&tx, said.scheme, version, period.to()).await?;
        (scheme::facts::load(&tx, said.scheme, version).await?, out.len())
    };
    let people = population::included(app, maker, &owner, said.population.as_ref(), period).await?;
    if people.as_ref().is_some_and(Vec::is_empty) {
        return Err(CycleError::Empty.into());
    }
    let facts = app.peers.facts(maker, &app.directory, period, &said.policy).await?;
    let days = Days::of(&said.policy);
    let spans = Spans::of(&facts.accounts, period, days)?;
    let counts = { record::facts::counts(&*app.store.read(maker).await?, &spans).await? };
    let mut plan = snapshot(&facts, period, (&said.policy, days), &counts)?;
    let scope = Scope { units: owner.unit().into_iter().collect(), ..Scope::default() };
    let units = Units::of(&app.peers.identity, maker, Some(period.to())).await?;
    let everybody = app.directory.everybody(maker).await?;
    let trees = app.directory.trees(maker, &everybody).await?;
    let (holds, counted) = (|above, below| units.holds(above, below), runs::counted_in(&trees, period.to()));
    let whose = Whose { holds: &holds, unit_of: &counted };
    plan.components.retain(|component| scope.touches(component, whose));
    let records = records_of(&plan, &counts);
    let above = match said.run_from_above {
        true => Some(above::find(app, maker, schedule, run).await?),
        false => None,
    };
    let parts = parts(&plan.components, &scope, &runs::teamless(&facts), whose);
    let own = owner.unit().filter(|_| above.is_none());
    let removed = app.kept.removed(maker, period, Some(&scheme), None).await?;
    let lacks = match (removed, runs::belongs_above(&parts, own, (&units, whose))) {
        (Some(gone), _) => Some(Error::from(CycleError::ClosesPurged(gone.day, gone.kind)).message().clone()),
        (None, Some(above)) => Some(above.message()),
        (None, None) if records == 0 && card::facts::needs_records(&scheme) => {
            let (from, to) = (period.from(), period.to());
            Some(match owner.unit() {
                Some(_) => msg!("PERIOD_WITHOUT_RECORDS.part", from, to),
                None => msg!("PERIOD_WITHOUT_RECORDS", from, to),
            })
        }
        (None, None) => None,
    };
    let missing = if lacks.is_none() && records > 0 {
        let mine =
            |unit: Option<OrgUnitId>| owner.unit().is_none_or(|own| unit.is_some_and(|unit| units.holds(own, unit)));
        let accounts = plan.components.iter().flat_map(|component| &component.accounts);
        let accounts: Vec<_> = accounts.filter(|account| mine(account.unit)).collect();
        let kept = kept_rates(app, maker, above.as_ref()).await?;
        rate_missing(app, maker, (&accounts, kept), &scheme, period).await?
    } else {
        None
    };
    // Of a unit only what is credited to its people counts, which is not known yet.
    let (lacks, may_lack) = if owner.unit().is_none() { (lacks.or(missing), None) } else { (lacks, missing) };
    let accounts = plan.components.iter().map(|component| component.accounts.len()).sum();
    let people = people.map(|people| people.len());
    let mut findings = findings_of(&plan, &owner);
    if standards > 0 {
        findings.insert(card::facts::STANDARD_WITHDRAWN.to_owned(), standards as u64);
    }
    Ok(Looked { people, accounts, records, findings, lacks, may_lack, above })
}

/// The rates that the run keeps that is scored from; nothing where there is none yet.
async fn kept_rates(app: &App, maker: &OpContext, above: Option<&Above>) -> Result<Option<KeptRates>> {
    let Some(Above::There(run)) = above else { return Ok(None) };
    Ok(runs::load(&*app.store.read(maker).await?, *run).await?.money)
}

impl Looked {
    /// What was found, where closing would not be refused for what is missing.
    ///
    /// # Errors
    /// What is missing, by its name.
    pub(super) fn complete(self) -> Result<Self> {
        match self.lacks {
            Some(lacks) => Err(Error::of(Kind::FailedPrecondition, lacks)),
            None => Ok(self),
        }
    }
}

/// The first sale of an account in a currency for which no rate of its day is known, where the scheme computes with sales.
async fn rate_missing(
    app: &App,
    maker: &OpContext,
    (accounts, kept): (&[&FrozenAccount], Option<KeptRates>),
    scheme: &Scheme,
    period: Period,
) -> Result<Option<Message>> {
    if !card::facts::reads_amounts(scheme) {
        return Ok(None);
    }
    let mut first = Vec::new();
    {
        let tx = app.store.read(maker).await?;
        for account in accounts {
            for sale in record::facts::first_sales(&tx, account.id, (account.from_ms, account.to_ms)).await? {
                first.push((*account, sale));
            }
        }
    }
    if scheme.currency.is_none() && first.iter().all(|(_, sale)| sale.currency.is_none()) {
        return Ok(None);
    }
    let money = match kept {
        Some(kept) => kept,
        None => app.peers.money(maker, period, maker.now()).await?,
    };
    for (account, sale) in first {
        let reckoning = money.reckoning(scheme.currency, zone(&account.zone)?);
        let amount = (sale.currency.unwrap_or(money.group), 0);
        if let Err(MoneyProblem::RateMissing { from, to, day }) = reckoning.reckon(sale.started_ms, [amount]) {
            return Ok(Some(msg!("RECORD_RATE_MISSING.look", from, to, day, account = account.key)));
        }
    }
    Ok(None)
}

/// Records of the period of the accounts that a plan is about.
fn records_of(plan: &Plan, counts: &[AgentCount]) -> u64 {
    let accounts: BTreeSet<_> =
        plan.components.iter().flat_map(|component| &component.accounts).map(|a| a.id).collect();
    counts.iter().filter(|count| accounts.contains(&count.account)).map(|count| count.records).sum()
}

/// What is odd already, by kind; of a unit what is about its accounts and people.
fn findings_of(plan: &Plan, owner: &Owner) -> BTreeMap<String, u64> {
    let mut subjects = BTreeSet::new();
    for component in &plan.components {
        subjects.extend(component.accounts.iter().map(|account| account.key.as_str()));
        subjects.extend(component.people.iter().map(|person| person.no.as_str()));
    }
    let mut kinds = BTreeMap::new();
    let told = |subject: &str| owner.unit().is_none() || subjects.contains(subject);
    for finding in plan.findings.iter().filter(|finding| told(&finding.subject)) {
        *kinds.entry(finding.kind.clone()).or_default() += 1;
    }
    kinds
}
