//! Who did the work done under a shared account: from evidence to credit, record by record.
//!
//! [`attribute`] is a pure function of its input. Every record climbs down one ladder (see [`Rung`]) until some evidence
//! decides it; what stays open between several people on duty is left to [`inference`], and what even that cannot decide
//! is split equally. Shares are integers of a millionth that add up to exactly one record.
//!
//! The result does not depend on the order of the rows (people, accounts and records are ranked by their stable keys
//! before anything is computed) nor on the number of threads: what runs in parallel is whole accounts, or connected sets
//! of people on one working day, and everything they report is combined in a fixed order. No random numbers are drawn,
//! and `exp` comes from `libm`.

mod canon;
mod claims;
mod clocks;
mod devices;
mod digest;
mod feed;
mod findings;
mod inference;
mod ladder;
mod observations;
mod rates;
mod replies;
mod sessions;
mod shares;
mod split;
mod tag_share;
mod totals;
mod watch;
mod why;
mod worth;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use strum_macros::{Display, IntoStaticStr};
use tally_kernel::contribution::Role;

use crate::policy::Split;

pub use findings::{Finding, FindingKind};
pub use totals::Total;
pub use why::{Named, Pause, ReplyKind, Sign, SignKind, Why};
pub use worth::{Worth, worth};

/// Millionths in one whole record.
pub const WHOLE: u32 = 1_000_000;

/// What a tenant decided about attribution; stored beside every result under its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Name of this set of parameters.
    pub version: String,
    /// Number of the rules it stands for: 1 and 2 (which differ in duty alone) are those of months closed long ago and compute what they
    /// did to the byte; from 3 on claims, devices, times of replies and tags nearby count, and intervals are others.
    pub rules: u32,
    /// Longest pause, in milliseconds, between records of one customer on one account that are still one session.
    pub session_window_ms: i64,
    /// Whether ambiguous records are inferred at all; otherwise they are split equally.
    pub inference: bool,
    /// Fewest ambiguous records an account needs before its model is trusted.
    pub min_ambiguous: u32,
    /// Learning rounds of the model; always all of them are run.
    pub rounds: u32,
    /// Transitions all learning rounds together may weigh: small accounts get a wider search, large ones learn from a
    /// spread of their days.
    pub effort: u64,
    /// Largest mean change of a record's weights, in millionths, in the last round of a model that has settled.
    pub settled_ppm: u32,
    /// Factor on what splits that no model weighed may be off by, in thousandths; before rules 3 also on the standard deviation of a
    /// day's doubt.
    pub interval_permille: u32,
    /// Factor on the standard deviation of what the model weighed, in thousandths (calibrated so that 90 % intervals hold), from rules 3 on.
    pub spread_permille: u32,
    /// The same of what the times of replies weighed.
    pub replies_permille: u32,
    /// What each role of a shared record is worth; nothing where contributors count for nothing.
    pub split: Option<Split>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            version: "1".to_owned(),
            rules: 3,
            session_window_ms: 600_000,
            inference: true,
            min_ambiguous: 50,
            rounds: 8,
            effort: 48_000_000,
            settled_ppm: 120_000,
            interval_permille: 1_500,
            spread_permille: 2_050,
            replies_permille: 1_760,
            split: None,
        }
    }
}

/// How much of the ladder an account may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// One sign-in for many people: the whole ladder.
    Shared,
    /// Some records name their agent: the whole ladder, and the share without a name is reported.
    Mixed,
    /// Every agent signs in by name: only tags and hand-overs count.
    Named,
}

/// The phase of an account from a working day on.
#[derive(Clone, Copy, Debug)]
pub struct PhaseFrom {
    /// First working day (same numbering as [`Record::day`]).
    pub from_day: i32,
    /// The phase.
    pub phase: Phase,
    /// Records one person can hold open at once: 1 for voice, a few for chat.
    pub capacity: u32,
}

/// A person who may receive credit.
#[derive(Clone, Debug)]
pub struct AgentInput {
    /// Stable key: the employee number.
    pub key: String,
}

/// A shared account.
#[derive(Clone, Debug)]
pub struct AccountInput {
    /// Stable key: platform, store and account.
    pub key: String,
    /// Phases in any order; before the first, and without any, an account is shared with capacity 1.
    pub phases: Vec<PhaseFrom>,
    /// People of the team that works the account, by index: the last resort where nothing tells who was on duty.
    pub team: Vec<u32>,
}

/// Why somebody counts as on duty, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DutyRule {
    /// The hand-over log shows them holding the account.
    HandoverHeld,
    /// Rostered on the account.
    Rostered,
    /// Punched in, on an account without a roster.
    Punched,
    /// In the team of an account without any duty evidence.
    Team,
}

/// One person's duty on one account, from `from_ms` up to but not including `to_ms`.
#[derive(Clone, Copy, Debug)]
pub struct Occupancy {
    /// Index of the account.
    pub account: u32,
    /// Index of the person.
    pub person: u32,
    /// First instant, milliseconds since the epoch.
    pub from_ms: i64,
    /// First instant no longer covered.
    pub to_ms: i64,
    /// The rule that applied.
    pub rule: DutyRule,
    /// The caller's number for the evidence behind the row; handed back, never interpreted.
    pub evidence: u32,
}

/// One piece of work: a call, a dialogue, a ticket.
#[derive(Clone, Debug)]
pub struct Record {
    /// Stable key: the external id.
    pub key: String,
    /// Index of the account.
    pub account: u32,
    /// Working day in the account's zone.
    pub day: i32,
    /// Start, milliseconds since the epoch.
    pub start_ms: i64,
    /// End; never before the start.
    pub end_ms: i64,
    /// Number of the kind of work.
    pub kind: u32,
    /// Number of the customer, where known.
    pub customer: Option<u32>,
    /// Index of the person the record names, where it names one.
    pub tag: Option<u32>,
}

/// Who wrote a message of a dialogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The customer.
    Customer,
    /// Whoever had the account then.
    Agent,
}

/// A message of a record: when, and by which side. Never what it says.
#[derive(Clone, Copy, Debug)]
pub struct Reply {
    /// Index of the record.
    pub record: u32,
    /// Working day in the account's zone; a record may reach over several.
    pub day: i32,
    /// When, milliseconds since the epoch.
    pub at_ms: i64,
    /// By whom.
    pub by: Side,
    /// Number of the workstation, browser or seat that it was written at, where that is known. Numbers are to be in the order of something
    /// stable, such as the names: messages that differ in nothing else are taken in it.
    pub device: Option<u32>,
}

/// A device that is somebody's, from `from_ms` up to but not including `to_ms`.
#[derive(Clone, Copy, Debug)]
pub struct DeviceUse {
    /// Number of the device.
    pub device: u32,
    /// Index of the person; nothing of somebody who is not among the people.
    pub person: Option<u32>,
    /// First instant, milliseconds since the epoch.
    pub from_ms: i64,
    /// First instant no longer covered.
    pub to_ms: i64,
}

/// Somebody's word, given with a click, that a dialogue is theirs: the record that is named, that of the customer who is, or the next one.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Index of the account.
    pub account: u32,
    /// Index of the person.
    pub person: u32,
    /// When, milliseconds since the epoch.
    pub at_ms: i64,
    /// Working day of that in the account's zone.
    pub day: i32,
    /// Index of the record, where it is named.
    pub record: Option<u32>,
    /// Number of the customer, where one is named and no record.
    pub customer: Option<u32>,
}

/// Everything an attribution is computed from; indexes point into the tables beside them.
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// The policy.
    pub policy: Policy,
    /// People.
    pub people: Vec<AgentInput>,
    /// Accounts.
    pub accounts: Vec<AccountInput>,
    /// Duty, as computed by attendance and limited to employment dates.
    pub occupancy: Vec<Occupancy>,
    /// Records.
    pub records: Vec<Record>,
    /// Messages of the records of accounts with a feed of them, in any order.
    pub replies: Vec<Reply>,
    /// Claims, in any order.
    pub claims: Vec<Claim>,
    /// Whose devices are, in any order. A device that is nobody's still says that the same hands wrote; one of somebody who is none of the
    /// people says that its owner was not on duty.
    pub devices: Vec<DeviceUse>,
    /// Devices of records by their index, where the records themselves name them.
    pub record_devices: BTreeMap<u32, u32>,
    /// Who contributed what, of records that name contributors: by the index of the record, role and person, each once, and of one role
    /// at most [`MAX_CONTRIBUTORS`](tally_kernel::contribution::MAX_CONTRIBUTORS).
    pub contributions: BTreeMap<u32, Vec<(Role, u32)>>,
}

/// The step of the ladder that decided a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Display)]
#[strum(serialize_all = "snake_case")]
pub enum Rung {
    /// The record, or another of its session, names its agent.
    #[strum(serialize = "tag")]
    Tagged,
    /// One person held the account by the hand-over log.
    Handover,
    /// One person was on duty.
    Sole,
    /// Several were on duty; the model weighed them.
    Inferred,
    /// Several were on duty and nothing tells them apart.
    Equal,
    /// Nothing tells who was on duty: the whole team.
    Team,
    /// Nobody is credited; see [`Reason`].
    Unattributed,
    /// The record names its contributors, and the policy says what each role is worth. The first step of the ladder; it stands last
    /// because results say the others by their place.
    Split,
    /// Somebody said that it is theirs, with a click. After the tag; it stands here for the same reason.
    #[strum(serialize = "claim")]
    Claimed,
    /// It was written where one known person sat. After the hand-over.
    Device,
    /// Several held several at once; the times of the replies weighed them.
    Replies,
    /// Several held several at once; the records near in time that name their agent weighed them.
    TagShare,
}

/// Why a record is credited to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Display, IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Reason {
    /// Nobody was on duty at its start.
    NobodyOnDuty,
    /// The account signs in by name, and the record names nobody.
    NamedWithoutAgent,
}

/// One person's part of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Index of the person.
    pub person: u32,
    /// Millionths of the record.
    pub ppm: u32,
    /// [`Occupancy::evidence`] of the duty row, where the share rests on one.
    pub evidence: Option<u32>,
}

/// The decision about one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credit {
    /// Index of the record.
    pub record: u32,
    /// Its place in [`Outcome::shares`].
    pub first_share: u32,
    /// How many shares it has; none when unattributed.
    pub shares: u32,
    /// The step that decided.
    pub rung: Rung,
    /// Why nobody is credited, on the last step only.
    pub reason: Option<Reason>,
}

/// The result of an attribution.
#[derive(Clone, Debug, Default)]
pub struct Attribution {
    /// One per record, by account, start and key.
    pub credits: Vec<Credit>,
    /// Shares of all records, each record's by the people's keys.
    pub shares: Vec<Share>,
    /// Sums by account and person, by their keys.
    pub by_account: Vec<Total>,
    /// Sums by person, by key.
    pub by_person: Vec<Total>,
    /// What somebody should look at.
    pub findings: Vec<Finding>,
    /// BLAKE3 over all of the above, in terms of stable keys.
    pub digest: [u8; 32],
    /// By the index of the record, what told its people apart, or why nothing did, where something can be said: it makes no credit.
    pub whys: Vec<(u32, Why)>,
    /// By the index of the record, how many milliseconds the clock of its messages is ahead of that of the records, where it was found apart: they
    /// were read by so much earlier.
    pub ahead_ms: BTreeMap<u32, i64>,
}

impl Attribution {
    /// The shares of one credit.
    pub fn shares_of(&self, credit: &Credit) -> &[Share] {
        &self.shares[credit.first_share as usize..(credit.first_share + credit.shares) as usize]
    }

    /// Why a record was credited as it was, where something can be said.
    pub fn why_of(&self, credit: &Credit) -> Option<&Why> {
        let place = self.whys.binary_search_by_key(&credit.record, |(record, _)| *record);
        place.ok().map(|place| &self.whys[place].1)
    }
}

/// Decides every record of `input` on the threads of `pool`.
///
/// Indexes in `input` must point into its tables. The result is the same for any order of its rows and any `pool`.
pub fn attribute(input: &Input, pool: &rayon::ThreadPool) -> Attribution {
    pool.install(|| {
        let canon = canon::Canon::of(input);
        let sessions = sessions::Sessions::of(&canon);
        let duty = ladder::duty(&canon);
        let feed = feed::Feed::of(&canon);
        let claims = claims::Claims::of_input(&canon, &duty);
        let devices = devices::Devices::of(&canon);
        let mut desks = ladder::climb(&canon, &sessions, &duty, (&feed, &claims, &devices));
        inference::weigh(&canon, &sessions, &mut desks);
        replies::weigh(&canon, &duty, (&feed, &devices), &mut desks);
        tag_share::weigh(&canon, &mut desks);
        ladder::tell_several(&canon, &mut desks);
        rates::tell(&canon, &mut desks);
        let (credits, shares, whys) = shares::apportion(&canon, &desks);
        let (by_account, by_person) = totals::sum(&canon, &credits, &shares);
        let findings = desks.iter().enumerate().flat_map(|(rank, desk)| desk.tally.findings(&canon, rank));
        let findings: Vec<Finding> = findings.collect();
        let digest = digest::of(input, &credits, &shares, &by_account, &by_person, &findings);
        Attribution { credits, shares, by_account, by_person, findings, digest, whys, ahead_ms: feed.ahead_ms }
    })
}
