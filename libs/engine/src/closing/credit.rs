//! A record's credit: how sure we are, whose it is, what it rests on; and the digest of many.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::codec::Share;
use super::facts::{DutyRule, Phase, PhaseKind};
use super::snapshot::{Frozen, FrozenAccount, FrozenDuty, FrozenPerson};
use crate::attribution::{Rung, Worth};

/// The rungs of the ladder, in its order, but for those of [`LATER`].
pub const RUNGS: [Rung; 7] =
    [Rung::Tagged, Rung::Handover, Rung::Sole, Rung::Inferred, Rung::Equal, Rung::Team, Rung::Unattributed];

/// The rungs that came later and are counted apart, so that what was counted before stays the same bytes.
pub const LATER: [Rung; 5] = [Rung::Split, Rung::Claimed, Rung::Device, Rung::Replies, Rung::TagShare];

/// The stored number of a rung, from 1.
pub fn rung_number(rung: Rung) -> i32 {
    match rung {
        Rung::Tagged => 1,
        Rung::Handover => 2,
        Rung::Sole => 3,
        Rung::Inferred => 4,
        Rung::Equal => 5,
        Rung::Team => 6,
        Rung::Unattributed => 7,
        Rung::Split => 8,
        Rung::Claimed => 9,
        Rung::Device => 10,
        Rung::Replies => 11,
        Rung::TagShare => 12,
    }
}

/// The rung of a stored number.
pub fn rung_of(number: i32) -> Option<Rung> {
    RUNGS.into_iter().chain(LATER).find(|rung| rung_number(*rung) == number)
}

/// How an account's records were credited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Records of the period.
    pub records: u64,
    /// Records by rung, in the ladder's order.
    pub rungs: [u64; 7],
    /// Records of mixed days without a tag.
    pub mixed_untagged: u64,
    /// Records that were shared by contributors.
    #[serde(default, skip_serializing_if = "is_none")]
    pub split: u64,
    /// Records that somebody claimed.
    #[serde(default, skip_serializing_if = "is_none")]
    pub claimed: u64,
    /// Records by the devices that they were written on.
    #[serde(default, skip_serializing_if = "is_none")]
    pub device: u64,
    /// Records by the times of their replies.
    #[serde(default, skip_serializing_if = "is_none")]
    pub replies: u64,
    /// Records by the tags of those near in time.
    #[serde(default, skip_serializing_if = "is_none")]
    pub tag_share: u64,
    /// Records with an amount or a measure that cannot be reckoned with, which was left out of what was added up.
    #[serde(default, skip_serializing_if = "is_none")]
    pub unreckoned: u64,
    /// What more evidence would bring to the account; nothing where nothing is in doubt, and of several accounts together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worth: Option<Worth>,
}

/// What was computed before there was anything to share stays the same bytes.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_none(records: &u64) -> bool {
    *records == 0
}

impl Figures {
    /// Counts one record.
    pub fn count(&mut self, rung: Rung) {
        self.records += 1;
        if let Some(later) = self.later_mut(rung) {
            *later += 1;
        }
        if let Some(n) = RUNGS.iter().position(|r| *r == rung) {
            self.rungs[n] += 1;
        }
    }

    /// Adds another account's.
    pub fn merge(&mut self, other: &Self) {
        self.records += other.records;
        self.mixed_untagged += other.mixed_untagged;
        for rung in LATER {
            if let Some(later) = self.later_mut(rung) {
                *later += other.later(rung);
            }
        }
        self.unreckoned += other.unreckoned;
        for (mine, theirs) in self.rungs.iter_mut().zip(other.rungs) {
            *mine += theirs;
        }
    }

    /// Records of a rung of [`LATER`]; of the others none.
    pub fn later(&self, rung: Rung) -> u64 {
        match rung {
            Rung::Split => self.split,
            Rung::Claimed => self.claimed,
            Rung::Device => self.device,
            Rung::Replies => self.replies,
            Rung::TagShare => self.tag_share,
            Rung::Tagged
            | Rung::Handover
            | Rung::Sole
            | Rung::Inferred
            | Rung::Equal
            | Rung::Team
            | Rung::Unattributed => 0,
        }
    }

    fn later_mut(&mut self, rung: Rung) -> Option<&mut u64> {
        match rung {
            Rung::Split => Some(&mut self.split),
            Rung::Claimed => Some(&mut self.claimed),
            Rung::Device => Some(&mut self.device),
            Rung::Replies => Some(&mut self.replies),
            Rung::TagShare => Some(&mut self.tag_share),
            Rung::Tagged
            | Rung::Handover
            | Rung::Sole
            | Rung::Inferred
            | Rung::Equal
            | Rung::Team
            | Rung::Unattributed => None,
        }
    }

    /// Records credited to nobody.
    pub fn unattributed(&self) -> u64 {
        self.rungs[6]
    }
}

/// Bytes collected before they are hashed: BLAKE3 is several times as fast on many blocks as on one.
const CHUNK: usize = 1 << 16;

/// The digest of an account's credits, record by record in their order. Names people by employee number and records by the
/// platform's id, so that it says the same on every database.
pub struct CreditDigest<'a> {
    people: &'a [FrozenPerson],
    hash: blake3::Hasher,
    bytes: Vec<u8>,
}

impl<'a> CreditDigest<'a> {
    /// For the account with this key, in a component whose attribution has this digest.
    pub fn new(people: &'a [FrozenPerson], account_key: &str, component: &[u8; 32]) -> Self {
        let mut hash = blake3::Hasher::new();
        hash.update(&(account_key.len() as u64).to_le_bytes()).update(account_key.as_bytes()).update(component);
        Self { people, hash, bytes: Vec::new() }
    }

    /// Adds a record, by the digest of its content, with its credit.
    pub fn add(&mut self, content: &[u8; 16], rung: Rung, shares: impl ExactSizeIterator<Item = Share>) {
        self.bytes.extend_from_slice(content);
        self.bytes.extend_from_slice(&rung_number(rung).to_le_bytes());
        self.bytes.extend_from_slice(&(shares.len() as u64).to_le_bytes());
        for share in shares {
            let no = self.people.get(share.person as usize).map_or("", |p| p.no.as_str());
            self.bytes.extend_from_slice(&(no.len() as u64).to_le_bytes());
            self.bytes.extend_from_slice(no.as_bytes());
            self.bytes.extend_from_slice(&share.ppm.to_le_bytes());
        }
        if self.bytes.len() >= CHUNK {
            self.hash.update(&self.bytes);
            self.bytes.clear();
        }
    }

    /// The digest.
    pub fn finish(mut self) -> [u8; 32] {
        *self.hash.update(&self.bytes).finalize().as_bytes()
    }
}

/// What a credit rests on, in few words and without ids: `tag`; of one person the stretch of duty; of several how many
/// were on duty by which rule.
pub fn evidence(account: &FrozenAccount, rung: Rung, shares: &[Share]) -> String {
    let duty = |share: &Share| account.duty.get(share.duty? as usize);
    match (rung, shares) {
        (Rung::Tagged, _) => "tag".to_owned(),
        (Rung::Split, _) => "contributors".to_owned(),
        (Rung::Claimed, _) => "claim".to_owned(),
        (_, [only]) => duty(only).map_or_else(String::new, stretch),
        (_, several) => {
            let mut rules: BTreeMap<DutyRule, u32> = BTreeMap::new();
            for found in several.iter().filter_map(duty) {
                *rules.entry(found.rule).or_default() += 1;
            }
            rules.iter().map(|(rule, n)| format!("{rule}:{n}")).collect::<Vec<_>>().join("+")
        }
    }
}

/// Everybody on duty for an account at an instant, each with the strongest rule, by place.
pub fn on_duty(account: &FrozenAccount, at_ms: i64) -> Vec<&FrozenDuty> {
    let mut best: BTreeMap<u32, &FrozenDuty> = BTreeMap::new();
    for duty in account.duty.iter().filter(|d| d.start_ms <= at_ms && at_ms < d.end_ms) {
        let mine = best.entry(duty.person).or_insert(duty);
        if duty.rule < mine.rule {
            *mine = duty;
        }
    }
    best.into_values().collect()
}

/// Whoever may have answered a record, by person and start: those on duty by the strongest rule at one of its replies. Nobody where the replies
/// decide nothing, and who was on duty when it began does: where one person holds one dialogue at a time, where only the team stands in for who
/// was on duty, and under rules that do not read them.
pub fn on_duty_at<'a>(
    frozen: &Frozen,
    account: &'a FrozenAccount,
    phase: Phase,
    replies: &[i64],
) -> Vec<&'a FrozenDuty> {
    let policy = &frozen.policy;
    if policy.rules() < 3 || policy.inference_off || phase.capacity < 2 || phase.kind == PhaseKind::Named {
        return Vec::new();
    }
    let mut found: BTreeMap<(u32, i64, i64), &FrozenDuty> = BTreeMap::new();
    for at in replies {
        let on_duty = on_duty(account, *at);
        let strongest = on_duty.iter().map(|duty| duty.rule).min().filter(|rule| *rule != DutyRule::Team);
        let those = on_duty.into_iter().filter(|duty| Some(duty.rule) == strongest);
        found.extend(those.map(|duty| ((duty.person, duty.start_ms, duty.end_ms), duty)));
    }
    found.into_values().collect()
}

/// `roster:2026-03-02T00:45:00Z/2026-03-02T09:15:00Z`
fn stretch(duty: &FrozenDuty) -> String {
    let at = |ms| Timestamp::from_millisecond(ms).unwrap_or_default();
    format!("{}:{}/{}", duty.rule, at(duty.start_ms), at(duty.end_ms))
}
