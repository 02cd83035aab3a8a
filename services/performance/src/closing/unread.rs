//! What there is of a month that the version of a run's policy does not read.

use std::collections::BTreeSet;

use tally_engine::closing::facts::{AccountFacts, Finding};
use tally_engine::closing::snapshot::Days;
use tally_kernel::{Result, msg};
use tally_store::ScopedTx;

use crate::record::domain::Spans;
use crate::run::domain::AttributionRun;
use crate::{claim, record, reply};

/// The kind of a finding about evidence that the version of the policy does not read.
const EVIDENCE_NOT_READ: &str = "EVIDENCE_NOT_READ";

/// Of each account that has claims, times of messages or devices in the days of a run, how many; nothing where the policy reads them. Months from
/// before there was any such evidence have none, and read as they always did.
pub async fn findings(tx: &ScopedTx, run: &AttributionRun, accounts: &[AccountFacts]) -> Result<Vec<Finding>> {
    if run.policy.rules() >= 3 {
        return Ok(Vec::new());
    }
    let spans = Spans::of(accounts, run.period, Days::Own)?;
    let claimed = claim::facts::claimants(tx, &spans).await?;
    let answered = reply::facts::counts(tx, &spans).await?;
    let mut named = record::facts::devices(tx, &spans, None).await?;
    for (account, devices) in reply::facts::devices(tx, &spans, None).await? {
        named.entry(account).or_default().extend(devices);
    }
    let mut found = Vec::new();
    for account in accounts {
        let claims: u64 = claimed.get(&account.id).into_iter().flatten().map(|(_, clicks)| clicks.claims).sum();
        let replies = answered.get(&account.id).copied().unwrap_or_default();
        let devices = named.get(&account.id).map_or(0, BTreeSet::len);
        if claims > 0 || replies > 0 || devices > 0 {
            let detail = msg!("EVIDENCE_NOT_READ", version = run.policy.version, claims, replies, devices);
            found.push(Finding::new(EVIDENCE_NOT_READ, account.key.as_str(), "", detail));
        }
    }
    Ok(found)
}
