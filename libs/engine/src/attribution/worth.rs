//! What more evidence would bring to an account: how many of its records are expected to be credited to somebody else, now and with breaks
//! punched, with devices, with claims.
//!
//! Expected is half of what the people's totals are off by. A total whose standard deviation is s is off by s x sqrt(2/pi) on average, and
//! the deviation of a total comes from the doubts q(1 - q) of its shares q as in [`totals`](super::totals): of what a model weighed the
//! root of their sum over the certain part of the account, times a factor; of splits that nobody weighed their plain sum, times [`EQUAL`].
//! Further evidence takes doubts away and adds to the certain part. Nothing is drawn: of a part of the records everything counts in part.
//! Nothing here changes a credit, and nothing is promised: it is what the account's own weights say.

mod breaks;
mod rates;

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::feed::Days;
use super::totals::{OPEN, certainty};
use super::{Attribution, Credit, DeviceUse, DutyRule, Input, Occupancy, Policy, Rung, Side, WHOLE};
use breaks::Breaks;

/// The mean of |x| of a normal distribution with a standard deviation of 1.
const MEAN: f64 = std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2;
/// What splits that nobody weighed are off by, in standard deviations of a total per unit of doubt. Chosen on the forum (`docs/attribution.md`):
/// a bound of an interval is wider, since it must hold where one person does nearly everything.
const EQUAL: f64 = 0.8;
/// By which power the part that is left with breaks is better than what the weights show of them: they spread a busy person's work over the
/// absence of others, so that as much again as shows in them does not. Chosen on the forum.
const UNSEEN: f64 = 2.0;
/// The factor, in thousandths, on the doubts of what names near in time weighed: the root of two, which with names that count twice in the certain part is
/// what n names of N records leave open, N/n ([`totals`](super::totals)).
const BY_NAMES: u32 = 1_414;
/// The part of the replies (of records without any, the records) with a device.
const DEVICES: f64 = 0.3;
/// The part of the records that is claimed.
const CLAIMS: f64 = 0.5;
/// What a record with a known writer, or a reply of one, counts for in the certain part, as a tag does.
const NAMED: f64 = 2.0;

/// What is expected of an account's credits, in millionths of its credited records; never a promise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worth {
    /// Credited to somebody else than who did it, as things are.
    pub now_ppm: u32,
    /// The same if breaks of two hours and more were punched.
    pub breaks_ppm: u32,
    /// If 30 % of the replies came with a device of a known owner; of the records, where there are no replies.
    pub devices_ppm: u32,
    /// If half of the records were claimed.
    pub claims_ppm: u32,
    /// Days of people with hours of unbroken duty in which they wrote next to nothing while others did, and more than chance leaves to people of their
    /// rates.
    #[serde(default)]
    pub idle_days: u32,
    /// How many people these are.
    #[serde(default)]
    pub idle_people: u32,
}

/// What more evidence would bring, by index of the account: nothing for accounts without doubt, and by the rules before 3. `outcome` is
/// what came of `input`.
pub fn worth(input: &Input, outcome: &Attribution, pool: &rayon::ThreadPool) -> Vec<Option<Worth>> {
    if input.policy.rules < 3 {
        return vec![None; input.accounts.len()];
    }
    pool.install(|| {
        let replies = Replies::of(input, outcome);
        let mut spans = vec![0..0; input.accounts.len()];
        let account = |credit: &Credit| input.records[credit.record as usize].account;
        let mut from = 0;
        for credits in outcome.credits.chunk_by(|one, next| account(one) == account(next)) {
            spans[account(&credits[0]) as usize] = from..from + credits.len();
            from += credits.len();
        }
        let mut duty: Vec<Vec<&Occupancy>> = vec![Vec::new(); input.accounts.len()];
        for row in input.occupancy.iter().filter(|row| matches!(row.rule, DutyRule::Rostered | DutyRule::Punched)) {
            duty[row.account as usize].push(row);
        }
        let of = |(span, duty): (std::ops::Range<usize>, Vec<&Occupancy>)| {
            let credits = &outcome.credits[span];
            let doubtful = |credit: &Credit| OPEN.contains(&credit.rung) && credit.shares > 1;
            credits.iter().any(doubtful).then(|| Account { input, outcome, credits, replies: &replies }.worth(duty))
        };
        spans.into_par_iter().zip(duty).map(of).collect()
    })
}

/// When the replies of records were written.
struct Replies {
    /// Where those of every record begin; one more than there are records.
    first: Vec<u32>,
    /// Instant, working day, and whether it came with a device of a known owner.
    all: Vec<(i64, i32, bool)>,
}

impl Replies {
    /// By the clock of the records, as they were read.
    fn of(input: &Input, outcome: &Attribution) -> Self {
        let agents = || input.replies.iter().filter(|reply| reply.by == Side::Agent);
        let days = days(input, outcome);
        let mut first = vec![0_u32; input.records.len() + 1];
        agents().for_each(|reply| first[reply.record as usize + 1] += 1);
        for record in 1..first.len() {
            first[record] += first[record - 1];
        }
        let mut owners: BTreeMap<u32, Vec<&DeviceUse>> = BTreeMap::new();
        let ours = input.devices.iter().filter(|one| one.person.is_some());
        ours.for_each(|one| owners.entry(one.device).or_default().push(one));
        let known = |device: u32, at: i64| {
            owners.get(&device).is_some_and(|uses| uses.iter().any(|one| (one.from_ms..one.to_ms).contains(&at)))
        };
        let (mut next, mut all) = (first.clone(), vec![(0, 0, false); agents().count()]);
        for reply in agents() {
            let place = &mut next[reply.record as usize];
            let ahead = outcome.ahead_ms.get(&reply.record).copied().unwrap_or_default();
            let at = reply.at_ms.saturating_sub(ahead);
            let day = days.get(&input.records[reply.record as usize].account).map_or(reply.day, |days| days.at(at));
            let known = reply.device.is_some_and(|device| known(device, at));
            all[*place as usize] = (at, day, known);
            *place += 1;
        }
        Self { first, all }
    }

    fn of_record(&self, record: u32) -> &[(i64, i32, bool)] {
        &self.all[self.first[record as usize] as usize..self.first[record as usize + 1] as usize]
    }
}

/// The working days of the accounts with messages by a clock of their own.
fn days(input: &Input, outcome: &Attribution) -> BTreeMap<u32, Days> {
    let account = |record: u32| input.records[record as usize].account;
    let mut seen: BTreeMap<u32, Vec<(i32, i64)>> =
        outcome.ahead_ms.keys().map(|record| (account(*record), Vec::new())).collect();
    if seen.is_empty() {
        return BTreeMap::new();
    }
    let records = input.records.iter().map(|record| (record.account, (record.day, record.start_ms)));
    let messages = input.replies.iter().map(|reply| (account(reply.record), (reply.day, reply.at_ms)));
    for (account, one) in records.chain(messages) {
        if let Some(seen) = seen.get_mut(&account) {
            seen.push(one);
        }
    }
    seen.into_iter().map(|(account, seen)| (account, Days::of(seen.into_iter()))).collect()
}

/// An account with what came of it.
struct Account<'a> {
    input: &'a Input,
    outcome: &'a Attribution,
    credits: &'a [Credit],
    replies: &'a Replies,
}

impl Account<'_> {
    /// Who has which part of a credit.
    fn shares(&self, credit: &Credit) -> impl Iterator<Item = (u32, f64)> {
        self.outcome.shares_of(credit).iter().map(|share| (share.person, f64::from(share.ppm) / f64::from(WHOLE)))
    }

    /// When somebody was at work on a record: from, to, and the working day; of each reply, or of the whole record where there is none.
    fn times(&self, credit: &Credit) -> impl Iterator<Item = (i64, i64, i32)> {
        let (record, replies) = (&self.input.records[credit.record as usize], self.replies.of_record(credit.record));
        let whole = replies.is_empty().then_some((record.start_ms, record.end_ms, record.day));
        replies.iter().map(|&(at, day, _)| (at, at, day)).chain(whole)
    }

    fn worth(&self, duty: Vec<&Occupancy>) -> Worth {
        let breaks = Breaks::of(self, duty);
        let (devices, claims) = self.more();
        let mut cases: [Case; 4] = Default::default();
        for credit in self.credits.iter().filter(|credit| credit.rung != Rung::Unattributed) {
            if !OPEN.contains(&credit.rung) {
                // A device tells in the middle of a shift, as a tag does, and not at its edge.
                let by = if credit.rung == Rung::Device { NAMED } else { f64::from(certainty(credit.rung)) };
                cases.iter_mut().for_each(|case| case.certain(by));
                continue;
            }
            let replies = self.replies.of_record(credit.record);
            let seen = replies.iter().any(|(.., known)| *known);
            let named = if seen { NAMED } else { 0.0 };
            // What a further device on some of the replies of this record, or on itself, makes of it.
            let newly = match replies.len() {
                0 => NAMED * devices,
                _ if seen => 0.0,
                replies => NAMED * (1.0 - libm::pow(1.0 - devices, replies as f64)),
            };
            let mut here: Vec<(u32, f64)> = self.shares(credit).collect();
            let [now, rest, on_devices, claimed] = &mut cases;
            now.open(&self.input.policy, credit.rung, &here, (1.0, named));
            on_devices.open(&self.input.policy, credit.rung, &here, (1.0 - devices, named + newly));
            claimed.open(&self.input.policy, credit.rung, &here, (1.0 - claims, named.max(NAMED * claims)));
            breaks.keep(self, credit, &mut here);
            let alone = if here.len() == 1 && !seen { 1.0 } else { named };
            rest.open(&self.input.policy, credit.rung, &here, (1.0, alone));
        }
        let [now, rest, devices, claims] = cases.map(|case| case.error());
        let rest = if now > 0.0 { now * libm::pow((rest / now).min(1.0), UNSEEN) } else { 0.0 };
        let ppm = |error: f64| (error.clamp(0.0, 1.0) * f64::from(WHOLE) + 0.5) as u32;
        let (idle_days, idle_people) = breaks.idle();
        let (now_ppm, breaks_ppm) = (ppm(now), ppm(rest));
        let (devices_ppm, claims_ppm) = (ppm(devices.min(now)), ppm(claims.min(now)));
        Worth { now_ppm, breaks_ppm, devices_ppm, claims_ppm, idle_days, idle_people }
    }

    /// Which part of what has no device yet would get one, and which part of the records that nobody claims would be claimed.
    fn more(&self) -> (f64, f64) {
        let (mut all, mut known, mut claimed, mut records) = (0_usize, 0_usize, 0_usize, 0_usize);
        for credit in self.credits.iter().filter(|credit| credit.rung != Rung::Unattributed) {
            let replies = self.replies.of_record(credit.record);
            records += 1;
            claimed += usize::from(credit.rung == Rung::Claimed);
            all += replies.len().max(1);
            known += replies.iter().filter(|(.., known)| *known).count();
            known += usize::from(replies.is_empty() && credit.rung == Rung::Device);
        }
        let further = |part: f64, of: usize, all: usize| {
            let there = of as f64 / all.max(1) as f64;
            if there < part { (part - there) / (1.0 - there) } else { 0.0 }
        };
        (further(DEVICES, known, all), further(CLAIMS, claimed, records))
    }
}

/// The doubts of an account in one case.
#[derive(Default)]
struct Case {
    records: u32,
    certain: f64,
    /// By person: doubts of what a model weighed, times its factor squared and as they are, and of what nobody weighed.
    doubts: BTreeMap<u32, [f64; 3]>,
}

impl Case {
    fn certain(&mut self, by: f64) {
        self.records += 1;
        self.certain += by;
    }

    /// Adds an open record, of which a part is still open.
    fn open(&mut self, policy: &Policy, rung: Rung, shares: &[(u32, f64)], (open, certain): (f64, f64)) {
        self.certain(certain);
        let factor = match rung {
            Rung::Replies => Some(policy.replies_permille),
            Rung::Inferred => Some(policy.spread_permille),
            Rung::TagShare => Some(BY_NAMES),
            _ => None,
        };
        for (person, share) in shares {
            let doubt = open * share * (1.0 - share);
            let [weighed, plain, split] = self.doubts.entry(*person).or_default();
            match factor.map(|factor| f64::from(factor) / 1_000.0) {
                Some(factor) => {
                    *weighed += factor * factor * doubt;
                    *plain += doubt;
                }
                None => *split += doubt,
            }
        }
    }

    /// The part of the records that is expected to be somebody else's.
    fn error(self) -> f64 {
        let taught = (1.0 + self.certain) / (1.0 + f64::from(self.records));
        let square = |part: f64| part * part;
        // No more than if all doubts went in one direction: the mean is then their sum.
        let deviation = |[weighed, plain, split]: [f64; 3]| {
            ((weighed / taught).min(square(plain / MEAN)) + square(EQUAL * split)).sqrt()
        };
        let mut off: Vec<f64> = self.doubts.into_values().map(deviation).collect();
        // By size: the caller's numbers of people say nothing.
        off.sort_by(f64::total_cmp);
        // Half, since what one person has too much another has too little.
        off.iter().sum::<f64>() * MEAN / 2.0 / f64::from(self.records.max(1))
    }
}
