//! The ladder: who was on duty, and which evidence decides a record.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use tally_kernel::contribution::Role;

use super::canon::Canon;
use super::claims::Claims;
use super::devices::{Devices, Owner};
use super::feed::Feed;
use super::findings::{FindingKind, Sight, Tally};
use super::observations::Observations;
use super::sessions::Sessions;
use super::watch::{Candidate, Watch};
use super::why::{Said, Sign};
use super::{AccountInput, DutyRule, Occupancy, Phase, PhaseFrom, Reason, Record, Rung, split};

/// What the ladder says about one record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    /// The step reached; [`Rung::Equal`] where several were on duty, until the inference has weighed them.
    pub rung: Rung,
    /// Why nobody is credited.
    pub reason: Option<Reason>,
    /// Whether the inference may weigh the candidates.
    pub open: bool,
    /// Whether the account allows several dialogues at once that day, and nothing has told those on duty apart yet.
    pub several: bool,
    /// Whether [`AccountVerdicts::weights`] say how the candidates share it; else they share it equally.
    pub weighed: bool,
    /// First candidate in [`AccountVerdicts::candidates`].
    pub first: u32,
    /// Number of candidates.
    pub len: u32,
}

/// The verdicts on one account's records, on their way through the ladder.
pub(super) struct AccountVerdicts {
    /// Position of the first record.
    pub base: usize,
    /// One per record.
    pub verdicts: Vec<Verdict>,
    /// Candidates of all records, each record's by rank.
    pub candidates: Vec<Candidate>,
    /// Weights of the candidates of records that are weighed; empty where none is.
    pub weights: Vec<f64>,
    /// Exact weights of the candidates of split records, by their first one.
    pub parts: BTreeMap<u32, Vec<u64>>,
    /// Records that name somebody where else several would stand for it.
    pub observations: Observations,
    /// Records the inference may weigh.
    pub open: u32,
    /// What was noticed on the way.
    pub tally: Tally,
    /// What told people apart, or why nothing did, of some records once each.
    pub said: Vec<Said>,
}

impl AccountVerdicts {
    /// Adds the candidates of a record that was decided so: where they are.
    fn stand(&mut self, watch: &Watch, step: Step) -> (u32, u32) {
        let first = self.candidates.len() as u32;
        match step {
            Step::Tagged(person) | Step::Claimed(person) | Step::Device(person) => {
                self.candidates.push(watch.holder(person).unwrap_or(Candidate { person, evidence: None }));
            }
            Step::OnDuty(..) => self.candidates.extend_from_slice(watch.on_duty()),
            Step::Nobody(_) => {}
        }
        (first, self.candidates.len() as u32 - first)
    }
}

/// Duty by account, people and accounts by rank.
pub(super) fn duty(canon: &Canon<'_>) -> Vec<Vec<Occupancy>> {
    let mut duty: Vec<Vec<Occupancy>> = vec![Vec::new(); canon.accounts.len()];
    for row in &canon.input.occupancy {
        let row = Occupancy { person: canon.person_rank[row.person as usize], ..*row };
        duty[canon.account_rank[row.account as usize] as usize].push(row);
    }
    duty
}

/// What is known beside duty and names.
type Evidence<'a, 'd> = (&'a Feed, &'a Claims, &'a Devices<'d>);

/// Takes every record of every account down the ladder, up to the inference.
pub(super) fn climb(
    canon: &Canon<'_>,
    sessions: &Sessions,
    duty: &[Vec<Occupancy>],
    evidence: Evidence<'_, '_>,
) -> Vec<AccountVerdicts> {
    duty.par_iter().enumerate().map(|(rank, rows)| climb_account(canon, sessions, rank, rows, evidence)).collect()
}

fn climb_account(
    canon: &Canon<'_>,
    sessions: &Sessions,
    rank: usize,
    rows: &[Occupancy],
    (feed, claims, devices): Evidence<'_, '_>,
) -> AccountVerdicts {
    let input = &canon.input.accounts[canon.accounts[rank] as usize];
    let mut team: Vec<u32> = input.team.iter().map(|&person| canon.person_rank[person as usize]).collect();
    team.sort_unstable();
    team.dedup();
    let mut watch = Watch::new(rows.to_vec(), team);
    let phases = Phases::of(input);
    let positions = canon.spans[rank].clone();
    let mut account = AccountVerdicts {
        base: positions.start,
        verdicts: Vec::with_capacity(positions.len()),
        candidates: Vec::with_capacity(positions.len()),
        weights: Vec::new(),
        parts: BTreeMap::new(),
        observations: Observations::default(),
        open: 0,
        tally: Tally::default(),
        said: Vec::new(),
    };
    claims.noticed(rank).iter().for_each(|seen| account.tally.see(*seen));
    for position in positions {
        let record = canon.record(position);
        watch.advance(record.start_ms);
        let PhaseFrom { phase, capacity, .. } = phases.on(record.day);
        if let Some(verdict) = shared(canon, &watch, position, &mut account) {
            account.verdicts.push(verdict);
            continue;
        }
        let own = record.tag.map(|tag| canon.person_rank[tag as usize]);
        let claim = claims.of(position);
        let device = on_device(devices, canon, &watch, position, &mut account.tally);
        let step = decide(&watch, phase, (own, sessions.tag(position)), (claim.map(|click| click.person), device));
        note(&mut account.tally, &watch, record, position, phase, own, &step);
        if step == Step::Nobody(Reason::NobodyOnDuty) && !feed.has(position) {
            account.tally.note(FindingKind::UnheldAccount, None, Some(record.day), position);
        }
        if let (Step::Tagged(named), Some(click)) = (step, claim)
            && named != click.person
        {
            let other = Some((named, None));
            account.tally.see(Sight { other, ..click.seen(FindingKind::ClaimsDiffer, position) });
        }
        let (first, len) = account.stand(&watch, step);
        // What the record would be without a name: open between several, who may hold several dialogues each.
        let among = capacity > 1 && matches!(decide(&watch, phase, (None, None), (None, None)), Step::OnDuty(_, true));
        // Whoever clicks more does not answer more: claims say nothing of what nobody claimed.
        if let (true, Step::Tagged(person)) = (among, step) {
            let on_duty = watch.on_duty().iter().map(|candidate| candidate.person);
            account.observations.add(position - account.base, person, on_duty, own.is_some());
        }
        let several = among && matches!(step, Step::OnDuty(..));
        let (rung, open) = match step {
            Step::Tagged(_) => (Rung::Tagged, false),
            Step::Claimed(_) => (Rung::Claimed, false),
            Step::Device(_) => (Rung::Device, false),
            // Several dialogues at once tell people apart too little: the model would do worse than an equal split.
            Step::OnDuty(rung, open) => (rung, open && !several),
            Step::Nobody(_) => (Rung::Unattributed, false),
        };
        let reason = if let Step::Nobody(reason) = step { Some(reason) } else { None };
        account.open += u32::from(open);
        account.verdicts.push(Verdict { rung, reason, open, several, weighed: false, first, len });
    }
    account
}

/// Says of which records nothing told the people apart who hold several dialogues at once.
pub(super) fn tell_several(canon: &Canon<'_>, accounts: &mut [AccountVerdicts]) {
    for account in accounts.iter_mut().filter(|_| canon.input.policy.inference) {
        for (place, _) in account.verdicts.iter().enumerate().filter(|(_, verdict)| verdict.several) {
            account.tally.note(FindingKind::SeveralAtOnce, None, None, account.base + place);
            if canon.input.policy.rules >= 3 {
                account.said.push(Said::nothing(place, Sign::NoReplyTimes));
            }
        }
    }
}

/// The first step: the record names its contributors, and the policy says what their roles are worth.
fn shared(canon: &Canon<'_>, watch: &Watch, position: usize, account: &mut AccountVerdicts) -> Option<Verdict> {
    let named = canon.input.contributions.get(&canon.order[position])?;
    let ranked: Vec<(Role, u32)> =
        named.iter().map(|(role, person)| (*role, canon.person_rank[*person as usize])).collect();
    let day = canon.record(position).day;
    let Some(weights) = canon.input.policy.split.as_ref().and_then(|split| split::weights(split, &ranked)) else {
        account.tally.note(FindingKind::ContributorsNotSplit, None, None, position);
        return None;
    };
    for person in ranked.iter().map(|(_, person)| *person).collect::<BTreeSet<_>>() {
        if watch.holder(person).is_none() {
            account.tally.note(FindingKind::ContributorOffDuty, Some(person), Some(day), position);
        }
    }
    let (first, len) = (account.candidates.len() as u32, weights.len() as u32);
    let (people, weights): (Vec<u32>, Vec<u64>) = weights.into_iter().unzip();
    let candidate = |person: u32| watch.holder(person).unwrap_or(Candidate { person, evidence: None });
    account.candidates.extend(people.into_iter().map(candidate));
    account.parts.insert(first, weights);
    Some(Verdict { rung: Rung::Split, reason: None, open: false, several: false, weighed: false, first, len })
}

/// Where the ladder ends for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Credited to a person (rank) by name.
    Tagged(u32),
    /// Credited to a person (rank) who claimed it.
    Claimed(u32),
    /// Credited to a person (rank) whose device it was written on.
    Device(u32),
    /// Credited among those on duty; the flag says whether the inference may weigh them.
    OnDuty(Rung, bool),
    /// Credited to nobody.
    Nobody(Reason),
}

/// Whom the device of a record means: its owner, who was on duty. What it cannot say is noted.
fn on_device(
    devices: &Devices<'_>,
    canon: &Canon<'_>,
    watch: &Watch,
    position: usize,
    tally: &mut Tally,
) -> Option<u32> {
    let &Record { start_ms: at_ms, day, .. } = canon.record(position);
    let (device, owner) = devices.of_record(canon.order[position], at_ms)?;
    let (kind, person) = match owner {
        Owner::One(person) if watch.holder(person).is_some() => return Some(person),
        Owner::One(person) => (FindingKind::DeviceOffDuty, Some(person)),
        Owner::Elsewhere => (FindingKind::DeviceOffDuty, None),
        Owner::Several => (FindingKind::DeviceOfSeveral, None),
        Owner::Unknown => return None,
    };
    tally.see(Sight { kind, person, day, at_ms, position, other: None, device: Some(device) });
    None
}

/// The ladder itself: tag (its own, or that of its session), claim, hand-over, device, sole, several, team, nobody.
fn decide(
    watch: &Watch,
    phase: Phase,
    (own_tag, session_tag): (Option<u32>, Option<u32>),
    (claim, device): (Option<u32>, Option<u32>),
) -> Step {
    if let Some(person) = own_tag {
        return Step::Tagged(person);
    }
    if let Some(person) = session_tag.filter(|&person| watch.holder(person).is_some()) {
        return Step::Tagged(person);
    }
    if let Some(person) = claim {
        return Step::Claimed(person);
    }
    match (phase, watch.rule, watch.on_duty().len()) {
        (_, Some(DutyRule::HandoverHeld), 1) => Step::OnDuty(Rung::Handover, false),
        (Phase::Named, Some(DutyRule::HandoverHeld), _) => Step::OnDuty(Rung::Equal, false),
        (Phase::Named, ..) => Step::Nobody(Reason::NamedWithoutAgent),
        _ if let Some(person) = device => Step::Device(person),
        (_, None, _) | (_, _, 0) => Step::Nobody(Reason::NobodyOnDuty),
        (_, Some(DutyRule::Team), _) => Step::OnDuty(Rung::Team, false),
        (_, Some(_), 1) => Step::OnDuty(Rung::Sole, false),
        (_, Some(_), _) => Step::OnDuty(Rung::Equal, true),
    }
}

/// Notes what somebody should look at.
fn note(
    tally: &mut Tally,
    watch: &Watch,
    record: &Record,
    position: usize,
    phase: Phase,
    own_tag: Option<u32>,
    step: &Step,
) {
    if let Some(person) = own_tag.filter(|&person| watch.holder(person).is_none()) {
        tally.note(FindingKind::TagOffDuty, Some(person), Some(record.day), position);
    }
    if own_tag.is_none() && phase == Phase::Mixed {
        tally.note(FindingKind::MixedWithoutTag, None, None, position);
    }
    match step {
        Step::Nobody(Reason::NamedWithoutAgent) => {
            tally.note(FindingKind::NamedWithoutAgent, None, Some(record.day), position);
        }
        Step::OnDuty(Rung::Team, _) => tally.note(FindingKind::NoDutyEvidence, None, None, position),
        _ => {}
    }
}

/// The phases of an account, by day.
pub(super) struct Phases(BTreeMap<i32, PhaseFrom>);

impl Phases {
    /// Sorts an account's phases.
    pub fn of(account: &AccountInput) -> Self {
        Self(account.phases.iter().map(|phase| (phase.from_day, *phase)).collect())
    }

    /// The phase on a working day.
    pub fn on(&self, day: i32) -> PhaseFrom {
        let shared = PhaseFrom { from_day: i32::MIN, phase: Phase::Shared, capacity: 1 };
        self.0.range(..=day).next_back().map_or(shared, |(_, phase)| *phase)
    }
}
