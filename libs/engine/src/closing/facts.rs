//! What closing knows of people, accounts and duty: plain values, read from the peers before any transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use strum_macros::Display;
use tally_kernel::Message;
use tally_kernel::Region;
use tally_kernel::id::{AccountId, OrgUnitId, PersonId};
use tally_kernel::person::DirectoryPerson;

/// How an account is used from a date on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum PhaseKind {
    /// Several people under one name.
    Shared,
    /// On the way to named.
    Mixed,
    /// Every record carries its agent.
    Named,
}

/// A stretch of an account's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// First local date; nothing means from the beginning.
    pub from: Option<Date>,
    /// How it is used.
    pub kind: PhaseKind,
    /// Dialogues one person can hold at once.
    pub capacity: u32,
}

/// A platform's login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountFacts {
    /// The account.
    pub id: AccountId,
    /// Platform.
    pub platform: String,
    /// `platform/store/name`.
    pub key: String,
    /// IANA zone of its dates.
    pub zone: String,
    /// Path of its team, or empty.
    pub team_path: String,
    /// The team's unit.
    pub unit: Option<OrgUnitId>,
    /// Region.
    pub region: Region,
    /// Phases, oldest first.
    pub phases: Vec<Phase>,
}

/// What a platform's nickname means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// Platform.
    pub platform: String,
    /// Nickname.
    pub alias: String,
    /// Who.
    pub person: PersonId,
    /// First local date.
    pub from: Option<Date>,
    /// Last local date.
    pub to: Option<Date>,
}

/// By which rule somebody was on duty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DutyRule {
    /// Held the account by hand-over.
    Handover,
    /// Rostered on it.
    Roster,
    /// Of its team, with punches.
    Punch,
    /// The whole team, for want of evidence.
    Team,
}

/// A stretch during which one person was on duty for an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duty {
    /// Who.
    pub person: PersonId,
    /// From, milliseconds since 1970.
    pub start_ms: i64,
    /// To, not included.
    pub end_ms: i64,
    /// By which rule.
    pub rule: DutyRule,
    /// Ids of hand-overs, shifts and punches.
    pub evidence: String,
}

/// A stretch during which a device was one person's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceUse {
    /// Workstation, browser or seat, as desk or platform name it.
    pub device: String,
    /// Whose.
    pub person: PersonId,
    /// From, milliseconds since 1970.
    pub from_ms: i64,
    /// To, not included.
    pub to_ms: i64,
}

/// Somebody's claims on an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clicks {
    /// How many.
    pub claims: u64,
    /// When the first was, milliseconds since 1970.
    pub first_ms: i64,
}

/// From when to when a device is somebody's, or of whoever is rostered on a seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceBinding {
    /// Workstation, browser or seat, as desk or platform name it.
    pub device: String,
    /// The seat; nothing of a person's.
    pub seat: Option<String>,
    /// First local date.
    pub from: Option<Date>,
    /// Last local date.
    pub to: Option<Date>,
}

/// A call that would put something right, with everything filled in but why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fix {
    /// Full name of the rpc's service.
    pub service: String,
    /// Name of the rpc.
    pub method: String,
    /// The request, in the JSON of proto.
    pub request: String,
}

/// Something that a person should look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// Stable kind in UPPER_SNAKE.
    pub kind: String,
    /// An account's key, an employee number, a record's id.
    pub subject: String,
    /// When, RFC 3339, or empty.
    pub at: String,
    /// What was seen and what was made of it.
    pub detail: Message,
    /// Whom it is about, where that is one person.
    pub person: Option<PersonId>,
    /// What would put it right, where that is known.
    pub fix: Option<Fix>,
}

impl Finding {
    /// A finding about nobody in particular, with nothing that would put it right.
    pub fn new(kind: impl Into<String>, subject: impl Into<String>, at: impl Into<String>, detail: Message) -> Self {
        Self { kind: kind.into(), subject: subject.into(), at: at.into(), detail, person: None, fix: None }
    }
}

/// Something that a person should look at, with where it was seen.
#[derive(Clone, Debug)]
pub struct Odd {
    /// Place of the account.
    pub account: Option<u32>,
    /// Place of the person.
    pub person: Option<u32>,
    /// Place of the record, where it is about one alone.
    pub record: Option<u32>,
    /// What is told.
    pub finding: Finding,
}

/// Everything closing asks the peers for, and which devices the records name.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Decimal places of the group's currency.
    pub minor_digits: u32,
    /// Everybody employed on some day of the period.
    pub people: Vec<Arc<DirectoryPerson>>,
    /// Every account.
    pub accounts: Vec<AccountFacts>,
    /// Every alias.
    pub aliases: Vec<Alias>,
    /// Who was on duty for which account when.
    pub duty: BTreeMap<AccountId, Vec<Duty>>,
    /// Who is rostered on which account in the period.
    pub rostered: BTreeSet<(AccountId, PersonId)>,
    /// Of accounts whose team was closed within the period, the first days on which people are of it who were not before.
    pub joined: BTreeMap<AccountId, BTreeMap<PersonId, Date>>,
    /// Who claimed dialogues of an account in its days of the period; nothing where the policy knows no claims.
    pub claimed: BTreeMap<AccountId, BTreeMap<PersonId, Clicks>>,
    /// Whose devices were, in any order; none under rules that do not know devices.
    pub devices: Vec<DeviceUse>,
    /// What is said of devices, in any order and whether it holds in the period or not; nothing under rules that do not know them.
    pub bindings: Vec<DeviceBinding>,
    /// The devices that records of each account, or their messages, name: what whoever counted the records adds. Only these are frozen.
    pub named_devices: BTreeMap<AccountId, BTreeSet<String>>,
    /// What was odd about punches and hand-overs.
    pub findings: Vec<Finding>,
}
