//! Several on duty, each with several dialogues open: the records near in time that name their agent say how much comes to whom.
//!
//! Which of them took a record cannot be told; how much each of them takes can. A record that names its agent is an *observation* where
//! several were on duty on the account, that agent among them, and each may hold several dialogues. Around an open record with m
//! candidates
//!
//! ```text
//! weight(p) = (own + a / m) / (expected + a / m)
//! ```
//!
//! where `own` are the observations that name p, and `expected` what p would have of them if all on duty took alike: one part in n of
//! every observation with n people on duty, p one of them. So somebody who came later or went earlier is measured by the time in which
//! both could have taken it. `a` is how many observations "all alike" is worth, one of [`PRIORS`]; the observations are those at most
//! [`WINDOW_MS`] before or after the record, or all of the account. That makes eight ways to weigh, and an equal split is the ninth.
//!
//! How much to believe in each the account says itself: by every way each observation is foretold from the others, and the shares of
//! the nine are averaged with the likelihoods of what was foretold as weights. So much of one account comes to the long run where people
//! are what they always are, to the hour where they change, and to an equal split where they work alike; where there are few names it lies
//! between. The gate: see [`Around::opens`].
//!
//! Only a record's own name is an observation. Who is alone on duty or holds the account says nothing about who answers when there are
//! several, and a name of somebody off duty is nobody's part of what was there to take. A name that speaks for the other records of
//! its session is *lent* to them and was one observation: what is lent goes to long sessions and to whoever names much by chance. So it is taken
//! off what its bearer has of the rest, see [`Rest::left`].
//!
//! Counts are integers, so that what goes out of the window leaves nothing behind, and the work is linear in records and candidates.

use std::ops::Range;

use rayon::prelude::*;

use super::Rung;
use super::canon::Canon;
use super::ladder::AccountVerdicts;
use super::observations::{Observation, Observations};
use super::watch::Candidate;
use super::why::{Named, Said, Sign, Why, two_largest};

/// How far from a record an observation is near in time, in milliseconds.
const WINDOW_MS: i64 = 60 * 60_000;
/// Observations' worth of "all alike", shared by the candidates.
const PRIORS: [u64; 4] = [16, 32, 64, 128];
/// Ways to weigh: each prior on what is near in time, each on all of the account, and equally.
const WAYS: usize = 2 * PRIORS.len() + 1;
/// Observations near in time during which a candidate was on duty: fewer say nothing about them.
const LEAST: u32 = 2;
/// Whoever would have this many of the account's names if all took alike, and has none, does not work under a name.
const SILENT: u64 = 6;
/// Part of their share of the open records that nobody goes below for what was lent to them.
const SPARED: f64 = 4.0;
/// One observation; divisible by every number of people up to 16, and beyond that rounded down by less than a part in 40,000.
const ONE: u64 = 720_720;

/// Lets an observation in or out of everybody's counts.
fn count(of: &Observations, counts: &mut [Count], seen: &Observation, step: fn(&mut Count, u64, bool)) {
    for &person in of.beside(seen) {
        step(&mut counts[person as usize], ONE / u64::from(seen.len), person == seen.person);
    }
}

/// What some observations say about one person.
#[derive(Clone, Copy, Default)]
struct Count {
    /// Those that name the person.
    own: u32,
    /// Those for which the person was on duty.
    present: u32,
    /// What of them would be the person's if all took alike, in parts of [`ONE`].
    expected: u64,
}

impl Count {
    fn enter(&mut self, part: u64, own: bool) {
        self.own += u32::from(own);
        self.present += 1;
        self.expected += part;
    }

    fn leave(&mut self, part: u64, own: bool) {
        self.own -= u32::from(own);
        self.present -= 1;
        self.expected -= part;
    }

    /// The weight of the person among `candidates`, where "all alike" is worth `prior` observations.
    fn weight(&self, prior: u64, candidates: usize) -> f64 {
        let part = prior * ONE / candidates as u64;
        (u64::from(self.own) * ONE + part) as f64 / (self.expected + part) as f64
    }
}

/// Moves a window over things in the order of time on to those near an instant; `change` hears which of them enter, and which leave.
fn slide(
    window: &mut Range<usize>,
    now: i64,
    start: impl Fn(usize) -> Option<i64>,
    mut change: impl FnMut(usize, bool),
) {
    while start(window.end).is_some_and(|at| at <= now.saturating_add(WINDOW_MS)) {
        change(window.end, true);
        window.end += 1;
    }
    while window.start < window.end && start(window.start).is_some_and(|at| at < now.saturating_sub(WINDOW_MS)) {
        change(window.start, false);
        window.start += 1;
    }
}

/// The observations around one record after the other.
struct Around<'a> {
    observations: &'a Observations,
    /// By rank of the person, of those near in time.
    near: Vec<Count>,
    /// Of all.
    all: Vec<Count>,
    /// Those who do not work under a name, by rank.
    silent: Vec<bool>,
    /// Those near in time.
    window: Range<usize>,
}

impl<'a> Around<'a> {
    fn new(observations: &'a Observations, people: usize) -> Self {
        let mut all = vec![Count::default(); people];
        observations.seen.iter().for_each(|seen| count(observations, &mut all, seen, Count::enter));
        let silent = all.iter().map(|count| count.own == 0 && count.expected >= SILENT * ONE).collect();
        Self { observations, near: vec![Count::default(); people], all, silent, window: 0..0 }
    }

    /// The ways to weigh but the equal one: what counts, and the prior.
    fn ways(&self) -> impl Iterator<Item = (&[Count], u64)> {
        [&self.near, &self.all].into_iter().flat_map(|counts| PRIORS.map(|prior| (counts.as_slice(), prior)))
    }

    /// Moves the window on to an instant, never backwards. `start_of` says when the record at a place began.
    fn advance(&mut self, now: i64, start_of: impl Fn(u32) -> i64) {
        let Self { observations, near, window, .. } = self;
        let start = |number| observations.seen.get::<usize>(number).map(|seen| start_of(seen.place));
        slide(window, now, start, |number, enters| {
            let step = if enters { Count::enter } else { Count::leave };
            count(observations, near, &observations.seen[number], step);
        });
    }

    /// Whether enough is known about every candidate: [`LEAST`] observations near in time for which they were on duty, and none of them
    /// silent. A name nobody has because one does not sign is no sign of idleness: what names nobody is then theirs before all others.
    fn opens(&self, candidates: &[Candidate]) -> bool {
        candidates.iter().map(|candidate| candidate.person as usize).all(|person| {
            let enough = self.near[person].present >= LEAST;
            enough && !self.silent[person]
        })
    }

    /// What tells two of the candidates apart: the names near in time, else those of all the account, else all ways together.
    fn sign(&self, [first, second]: [u32; 2]) -> Sign {
        let named = |count: &Count| {
            let [own, of] = [count.own, count.present].map(|count| u16::try_from(count).unwrap_or(u16::MAX));
            Named { own, of }
        };
        for (counts, near) in [(&self.near, true), (&self.all, false)] {
            let [first, second] = [first, second].map(|person| named(&counts[person as usize]));
            if u32::from(first.own) * u32::from(second.of) > u32::from(second.own) * u32::from(first.of) {
                return Sign::Names { first, second, near };
            }
        }
        Sign::Together
    }

    /// The shares of a record's candidates, in parts of one.
    fn shares(&self, candidates: &[Candidate], beliefs: &[f64; WAYS], shares: &mut [f64]) {
        shares.fill(beliefs[WAYS - 1] / candidates.len() as f64);
        for ((counts, prior), belief) in self.ways().zip(beliefs) {
            let weight = |of: &Candidate| counts[of.person as usize].weight(prior, candidates.len());
            let sum: f64 = candidates.iter().map(weight).sum();
            shares.iter_mut().zip(candidates).for_each(|(share, of)| *share += belief * weight(of) / sum);
        }
    }

    /// By each way, the logarithm of the chance that an observation was foretold with from all others, against an equal split.
    fn foretold(&mut self, seen: &Observation) -> [f64; WAYS] {
        let observations = self.observations;
        let beside = observations.beside(seen);
        count(observations, &mut self.near, seen, Count::leave);
        count(observations, &mut self.all, seen, Count::leave);
        let mut logs = [0.0; WAYS];
        for (log, (counts, prior)) in logs.iter_mut().zip(self.ways()) {
            let weight = |person: u32| counts[person as usize].weight(prior, beside.len());
            let mean = beside.iter().map(|person| weight(*person)).sum::<f64>() / beside.len() as f64;
            *log = libm::log(weight(seen.person) / mean);
        }
        count(observations, &mut self.near, seen, Count::enter);
        count(observations, &mut self.all, seen, Count::enter);
        logs
    }
}

/// What is near in time and no observation: records with a lent name, and those that are open.
struct Rest<'a> {
    lent: &'a [(u32, u32)],
    /// Places of the open records.
    open: &'a [u32],
    /// Lent names near in time, by rank of the person.
    names: Vec<u32>,
    near_lent: Range<usize>,
    near_open: Range<usize>,
}

impl<'a> Rest<'a> {
    fn new(lent: &'a [(u32, u32)], open: &'a [u32], people: usize) -> Self {
        Self { lent, open, names: vec![0; people], near_lent: 0..0, near_open: 0..0 }
    }

    /// Moves on to an instant, never backwards.
    fn advance(&mut self, now: i64, start_of: impl Fn(u32) -> i64) {
        let Self { lent, open, names, near_lent, near_open } = self;
        slide(near_open, now, |number| open.get::<usize>(number).map(|place| start_of(*place)), |_, _| ());
        slide(
            near_lent,
            now,
            |number| lent.get::<usize>(number).map(|(place, _)| start_of(*place)),
            |number, enters| {
                let name = &mut names[lent[number].1 as usize];
                *name = if enters { *name + 1 } else { *name - 1 };
            },
        );
    }

    /// What is left of the shares of a record's candidates: of lent and open records together everybody has their share, and what was lent
    /// to them of it they have already. Nobody is left with less than a part in [`SPARED`] of what they would have without.
    fn left(&self, candidates: &[Candidate], shares: &mut [f64]) {
        let lent = |of: &Candidate| f64::from(self.names[of.person as usize]);
        let all: f64 = candidates.iter().map(lent).sum();
        let open = self.near_open.len() as f64;
        for (share, of) in shares.iter_mut().zip(candidates) {
            let without = *share * open;
            *share = (without + *share * all - lent(of)).max(without / SPARED);
        }
    }
}

/// How much to believe in each way to weigh: the likelihoods of the observations, each foretold from the others, in parts of their sum.
fn beliefs(observations: &Observations, people: usize, start_of: impl Fn(u32) -> i64) -> [f64; WAYS] {
    let mut around = Around::new(observations, people);
    let mut logs = [0.0; WAYS];
    for seen in &observations.seen {
        around.advance(start_of(seen.place), &start_of);
        logs.iter_mut().zip(around.foretold(seen)).for_each(|(log, one)| *log += one);
    }
    let best = logs.iter().copied().fold(f64::MIN, f64::max);
    let likelihoods = logs.map(|log| libm::exp(log - best));
    let sum: f64 = likelihoods.iter().sum();
    likelihoods.map(|likelihood| likelihood / sum)
}

/// Weighs what is open between several people with several dialogues each by the names near in time.
pub(super) fn weigh(canon: &Canon<'_>, accounts: &mut [AccountVerdicts]) {
    let policy = &canon.input.policy;
    if policy.inference && policy.rules >= 3 {
        accounts.par_iter_mut().for_each(|account| share(canon, account));
    }
}

fn share(canon: &Canon<'_>, account: &mut AccountVerdicts) {
    let AccountVerdicts { base, verdicts, candidates, weights, observations, said, .. } = account;
    if observations.seen.is_empty() {
        return;
    }
    let start_of = |place: u32| canon.record(*base + place as usize).start_ms;
    let people = canon.people.len();
    let beliefs = beliefs(observations, people, start_of);
    let open: Vec<u32> = (0..).zip(verdicts.iter()).filter(|(_, of)| of.several).map(|(place, _)| place).collect();
    let (mut around, mut rest) = (Around::new(observations, people), Rest::new(&observations.lent, &open, people));
    for &place in &open {
        let verdict = &mut verdicts[place as usize];
        let now = start_of(place);
        around.advance(now, start_of);
        rest.advance(now, start_of);
        let places = verdict.first as usize..(verdict.first + verdict.len) as usize;
        let among = &candidates[places.clone()];
        if !around.opens(among) {
            continue;
        }
        weights.resize(candidates.len(), 0.0);
        let shares = &mut weights[places];
        around.shares(among, &beliefs, shares);
        rest.left(among, shares);
        if let Some(pair) = two_largest(shares) {
            let pair = pair.map(|place| among[place].person);
            said.push(Said { place, why: Why { people: Some(pair), sign: around.sign(pair), against: None } });
        }
        (verdict.rung, verdict.several, verdict.weighed) = (Rung::TagShare, false, true);
    }
}
