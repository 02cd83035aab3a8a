//! What would put a finding of a run right, where it follows from the run's facts alone. Everything else takes somebody who knows, and the
//! finding says in words what to do. Pure.

use serde::{Deserialize, Serialize};
use serde_json::json;
use tally_kernel::id::{AccountId, CycleId, OrgUnitId};
use tally_kernel::message::Arg;
use tally_kernel::{Error, Region, Result};

use tally_engine::attribution::FindingKind;
use tally_engine::closing::collect::UNKNOWN_AGENT;
use tally_engine::closing::compute::{AccountPart, Computed};
use tally_engine::closing::facts::{Fix, Odd};
use tally_engine::closing::snapshot::FrozenAccount;

const RECORDS: &str = "tally.performance.v1.RecordService";
const CYCLES: &str = "tally.performance.v1.CycleService";
const ALIASES: &str = "tally.attendance.v1.AliasService";

/// A repair that this service makes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Own {
    /// A record goes to the account that it is of.
    Move(Move),
    /// A cycle is closed again.
    Close(CycleId),
}

/// Which record goes where, as `MoveRecord` is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Move {
    pub account_id: AccountId,
    pub region: Region,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_id: Option<OrgUnitId>,
    pub external_id: String,
    pub to_account_id: AccountId,
    pub to_region: Region,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_unit_id: Option<OrgUnitId>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Close {
    cycle_id: CycleId,
}

impl Own {
    /// What a fix asks of this service; nothing where it is for another one.
    ///
    /// # Errors
    /// A fault of ours where it cannot be read.
    pub fn read(fix: &Fix) -> Result<Option<Self>> {
        Ok(match (fix.service.as_str(), fix.method.as_str()) {
            (RECORDS, "MoveRecord") => Some(Self::Move(serde_json::from_str(&fix.request).map_err(Error::internal)?)),
            (CYCLES, "CloseCycle") => {
                let Close { cycle_id } = serde_json::from_str(&fix.request).map_err(Error::internal)?;
                Some(Self::Close(cycle_id))
            }
            _ => None,
        })
    }
}

/// A cycle whose population has changed is closed again.
pub fn close_again(cycle: CycleId) -> Fix {
    fix(CYCLES, "CloseCycle", &json!({ "cycleId": cycle }))
}

/// What would put a finding right. `alone` is [`served_alone`].
pub fn of(computed: &Computed, alone: &[Option<u32>], odd: &Odd) -> Option<Fix> {
    let place = odd.account? as usize;
    let account = computed.frozen.accounts.get(place)?;
    let kind = odd.finding.kind.as_str();
    if kind == UNKNOWN_AGENT {
        return name_of(computed, account, *alone.get(place)?, odd);
    }
    (kind == FindingKind::TagOffDuty.to_string()).then(|| moved(computed, account, odd)).flatten()
}

/// Of each account the only person who served it in the period: nobody else was on duty for it, is credited there or is named by
/// one of its records.
pub fn served_alone(computed: &Computed) -> Vec<Option<u32>> {
    let parts = computed.frozen.accounts.iter().zip(&computed.accounts);
    let alone = |(account, part): (&FrozenAccount, &AccountPart)| {
        let on_duty = account.duty.iter().map(|duty| duty.person);
        let of_records = computed.outcome.credits[part.credits.clone()].iter().flat_map(|credit| {
            let named = computed.records.get(credit.record as usize).and_then(|record| record.tag);
            computed.outcome.shares_of(credit).iter().map(|share| share.person).chain(named)
        });
        let mut served = on_duty.chain(of_records);
        let first = served.next()?;
        served.all(|other| other == first).then_some(first)
    };
    parts.map(alone).collect()
}

/// A name that nobody is known by belongs to the only person who served the account in the period.
fn name_of(computed: &Computed, account: &FrozenAccount, alone: Option<u32>, odd: &Odd) -> Option<Fix> {
    let Some(Arg::Text(agent)) = odd.finding.detail.args().get("agent") else { return None };
    // What cannot be seen in a name is escaped in the finding: that is no name to write down.
    if agent.contains('\\') {
        return None;
    }
    let person = computed.frozen.people.get(alone? as usize)?.id;
    let row = json!({
        "platform": platform(account), "alias": agent, "personId": person, "from": computed.frozen.period.from(),
    });
    Some(fix(ALIASES, "ImportAliases", &json!({ "rows": [row] })))
}

/// A record that names somebody who was not on duty for its account goes to the only account of the platform on which the person was.
fn moved(computed: &Computed, account: &FrozenAccount, odd: &Odd) -> Option<Fix> {
    let (record, person) = (computed.records.get(odd.record? as usize)?, odd.person?);
    let served = |other: &&FrozenAccount| {
        let at = record.start_ms;
        let on_duty = other.duty.iter().any(|d| d.person == person && d.start_ms <= at && at < d.end_ms);
        other.id != account.id && platform(other) == platform(account) && on_duty
    };
    let mut others = computed.frozen.accounts.iter().filter(served);
    let (to, None) = (others.next()?, others.next()) else { return None };
    let asked = Move {
        account_id: account.id,
        region: account.region.clone(),
        unit_id: account.unit,
        external_id: record.key.clone(),
        to_account_id: to.id,
        to_region: to.region.clone(),
        to_unit_id: to.unit,
    };
    Some(fix(RECORDS, "MoveRecord", &serde_json::to_value(asked).ok()?))
}

fn platform(account: &FrozenAccount) -> &str {
    account.key.split('/').next().unwrap_or_default()
}

fn fix(service: &str, method: &str, request: &serde_json::Value) -> Fix {
    Fix { service: service.to_owned(), method: method.to_owned(), request: request.to_string() }
}
