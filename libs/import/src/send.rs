//! An import from its first question to its last row: whether the bundle fits the suite, and everything in the order in which rows need
//! each other.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tally_api::identity::v1::GetTenantRequest;
use tally_api::identity::v1::tenant_service_client::TenantServiceClient;
use tally_bundle::{Bundle, DEFAULT_REGION, Finding, FindingKind, Unusable};
use tally_kernel::message::Arg;
use tally_kernel::{Message, msg};

use crate::caller::Caller;
use crate::organisation::organisation;
use crate::said::told;
use crate::{Taken, branches, claims, observations, rates, records, regions, replies, units_there};

/// What an import is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// What is in already, before and after.
    Counting,
    /// Units, people, accounts, duty and rates: few rows, of which nobody waits for the count.
    Duty,
    /// Service records.
    Records,
    /// Their messages.
    Replies,
    /// Claims and observations.
    Claims,
}

impl Step {
    /// Its name for people.
    pub fn said(self) -> Message {
        match self {
            Self::Counting => msg!("PROGRESS_COUNTING"),
            Self::Duty => msg!("STEP_DUTY"),
            Self::Records => msg!("STEP_RECORDS"),
            Self::Replies => msg!("STEP_REPLIES"),
            Self::Claims => msg!("STEP_CLAIMS"),
        }
    }
}

/// Values that the files lost on their way, and the first file of them: whoever imports such a bundle keeps what is left of them for good,
/// since a suite overwrites nothing.
pub fn damage(bundle: &Bundle) -> Option<(&str, Message)> {
    let mut found = bundle.findings.iter().filter_map(|finding| Some((finding.file.as_str(), lost(finding)?)));
    let (file, first) = found.next()?;
    let columns = Arg::List([first].into_iter().chain(found.map(|(_, told)| told)).collect());
    Some((file, msg!("IMPORT_DAMAGED", columns)))
}

/// What a finding says of values that no file holds any more; nothing where none was lost.
fn lost(finding: &Finding) -> Option<Message> {
    let Finding { kind: FindingKind::DamagedId, subject, detail, count, .. } = finding else { return None };
    match (detail.id(), detail.args().get("example")) {
        ("SHORTENED_ID_KEPT" | "SHORTENED_CUSTOMER", Some(example)) => {
            Some(msg!("IMPORT_DAMAGED_COLUMN", column = subject, count, example = *example))
        }
        ("VALUE_LOST_EMPTY" | "VALUE_LOST_KEPT", Some(example)) => {
            Some(msg!("IMPORT_DAMAGED_COLUMN.failed", column = subject, count, example = *example))
        }
        // As an earlier reading told it, in the inputs of a result.
        ("", _) => Some(detail.clone()),
        _ => None,
    }
}

/// The bundle is one of this group: its amounts are in the same currency, and its branches lie where they lie in the suite.
/// Else amounts would mean something else, and every row would be refused for want of its unit, or be kept elsewhere.
///
/// # Errors
/// [`Unusable`], or why the suite cannot be asked.
pub async fn fits(caller: &Caller, bundle: &Bundle) -> Result<()> {
    let mut client = TenantServiceClient::new(caller.at.identity.clone());
    let reply = client.get_tenant(caller.ask(GetTenantRequest {})).await.map_err(told)?.into_inner();
    let tenant = reply.tenant.unwrap_or_default();
    let unusable = |code, problem, cure| Err(Unusable::new(code, "group.yaml", problem, cure).into());
    let said = &bundle.group.currency;
    if *said != tenant.currency && bundle.records.iter().any(|record| record.amount_minor.is_some()) {
        let is = &tenant.currency;
        let cure = msg!("IMPORT_CURRENCY_CURE", is);
        return unusable("CURRENCY_DIFFERS", msg!("IMPORT_CURRENCY", said, is), cure);
    }
    let known = tenant.regions;
    let unknown: Vec<String> = regions(bundle).into_iter().filter(|region| !known.contains(region)).collect();
    let unnamed: Vec<&str> =
        branches(bundle).into_iter().filter(|branch| !bundle.group.branches.contains_key(*branch)).collect();
    if let (Some(branch), Some(region)) = (unnamed.first(), known.first())
        && unknown.iter().any(|region| region == DEFAULT_REGION)
    {
        let (branches, known) = (unnamed.join(", "), known.join(", "));
        let cure = msg!("IMPORT_NO_REGION_CURE", branch, region, known);
        return unusable("REGION_UNKNOWN", msg!("IMPORT_NO_REGION", branches, default = DEFAULT_REGION), cure);
    }
    if !unknown.is_empty() {
        let (unknown, known) = (unknown.join(", "), known.join(", "));
        let cure = msg!("IMPORT_REGIONS_CURE", known);
        return unusable("REGION_UNKNOWN", msg!("IMPORT_REGIONS", unknown), cure);
    }
    for unit in units_there(caller).await? {
        let (branch, is, said) = (&unit.path, &unit.region, bundle.region_of(&unit.path));
        if branches(bundle).contains(branch.as_str()) && is != said {
            let problem = msg!("IMPORT_BRANCH_REGION", branch, is, said);
            return unusable("REGION_DIFFERS", problem, msg!("IMPORT_BRANCH_REGION_CURE", branch, is));
        }
    }
    Ok(())
}

/// Writes everything. `tell` hears what it is at, how many rows of that are in and how many there are; 0 where that is not counted.
///
/// # Errors
/// [`RowsRefused`](crate::said::RowsRefused) by a suite of one's own, or what stopped it; `taken` holds what came of it until then.
pub async fn send(
    caller: &Caller,
    bundle: &Bundle,
    taken: &mut Taken,
    mut tell: impl FnMut(Step, u64, u64),
) -> Result<()> {
    tell(Step::Duty, 0, 0);
    let ids = organisation(caller, bundle, taken).await?;
    rates(caller, bundle, taken).await?;
    let all = bundle.records.len() as u64;
    tell(Step::Records, 0, all);
    records(caller, bundle, &ids, taken, |done| tell(Step::Records, done, all)).await?;
    if !bundle.replies.is_empty() {
        let all = bundle.replies.len() as u64;
        tell(Step::Replies, 0, all);
        replies(caller, bundle, &ids, taken, |done| tell(Step::Replies, done, all)).await?;
    }
    tell(Step::Claims, 0, 0);
    claims(caller, bundle, &ids, taken).await?;
    observations(caller, bundle, &ids, taken).await
}
