//! What a correction takes over from the run of the version before: components whose facts and records are as they were then.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::SignedDuration;
use tally_engine::closing::facts::{AccountFacts, Clicks};
use tally_engine::closing::snapshot::{Days, Frozen};
use tally_kernel::id::{AccountId, AttributionRunId, PersonId};
use tally_kernel::{Error, Result};
use tally_store::{ScopedTx, UnitOfWork};

use crate::record::domain::money::KeptRates;
use crate::record::domain::{Counted, Spans};
use crate::run::domain::AttributionRun;
use crate::run::facts::{self as runs, TakenOver};
use crate::run::step::At;
use crate::{claim, credit, record, reply};

/// Far longer than a call may take (`limits.first_answer_seconds` is half an hour at most): a change is noted with the instant at
/// which its call began, and may have come after what a run read that began a little later.
const UNDER_WAY: SignedDuration = SignedDuration::from_hours(1);

/// Accounts whose records are others than another run read.
pub type Changed = BTreeSet<AccountId>;

/// Counts the records that a run is about, of a correction those of the accounts that were changed: which ones is told where the run
/// that it corrects says what it counted.
pub async fn counted(
    tx: &ScopedTx,
    run: &AttributionRun,
    accounts: &[AccountFacts],
) -> Result<(Counted, Option<Changed>)> {
    let before = match run.source {
        Some(source) => runs::counted(tx, source.0).await?,
        None => None,
    };
    let spans = Spans::of(accounts, run.period, run.days)?;
    let (since, with_devices) = (run.started_at - UNDER_WAY, run.policy.rules() >= 3);
    let (mut counted, changed) = record::facts::counted(tx, &spans, since, before, with_devices).await?;
    if with_devices {
        for (account, devices) in reply::facts::devices(tx, &spans, changed.as_ref()).await? {
            counted.devices.entry(account).or_default().extend(devices);
        }
    }
    Ok((counted, changed))
}

/// Who claimed dialogues of which account in the days that a run is about; nothing where its policy knows no claims.
pub async fn claimed(
    tx: &ScopedTx,
    run: &AttributionRun,
    accounts: &[AccountFacts],
) -> Result<BTreeMap<AccountId, BTreeMap<PersonId, Clicks>>> {
    if run.policy.rules() < 3 {
        return Ok(BTreeMap::new());
    }
    claim::facts::claimants(tx, &Spans::of(accounts, run.period, Days::Own)?).await
}

/// Which components are as they were in another run, whose facts are the same to the byte and no record of theirs was changed since;
/// none where amounts were converted by other rates then.
pub async fn taken_over(
    tx: &ScopedTx,
    from: AttributionRunId,
    components: &[Frozen],
    (changed, money): (Option<Changed>, &KeptRates),
) -> Result<TakenOver> {
    let source = runs::load(tx, from).await?;
    if !source.reckons_as(money) {
        return Ok(TakenOver::new());
    }
    let before: HashMap<Vec<u8>, i32> = runs::bodies(tx, from.0).await?.into_iter().collect();
    let spans = components.iter().flat_map(|component| &component.accounts).map(|a| (a.from_ms, a.to_ms));
    let span = spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or_default();
    let changed = match changed {
        Some(changed) => changed,
        // Whatever came within the hour before may have been read or not.
        None => {
            let calls = record::facts::calls_since(tx, source.started_at - UNDER_WAY, span).await?;
            calls.into_keys().collect()
        }
    };
    let mut taken = TakenOver::new();
    for (ordinal, component) in (0..).zip(components) {
        if component.accounts.iter().any(|account| changed.contains(&account.id)) {
            continue;
        }
        let body = serde_json::to_vec(component).map_err(Error::internal)?;
        if let Some(same) = before.get(&body) {
            taken.insert(*same, ordinal);
        }
    }
    Ok(taken)
}

impl At<'_> {
    /// Takes over what these components came to.
    ///
    /// # Errors
    /// What the store says.
    pub(super) async fn take_over(&self, work: &UnitOfWork, from: AttributionRunId, taken: &TakenOver) -> Result<()> {
        runs::take_over(work, self.ctx, from.0, self.job.attribution.0, taken).await?;
        credit::facts::take_over(work, self.ctx, from.0, self.job.attribution.0, taken).await
    }
}
