//! Which of several people on duty did it.
//!
//! Everybody's day is a renewal process: a record, a pause, the next record. The model knows three things about a person
//! on an account: how long the pauses are (above all that a waiting queue hands over the next record a few seconds after
//! the last), how long the records take compared with others of their kind, and which kinds come to them. A joint state
//! says for every person on duty when their hands come free; a record can go to anybody, at the price of the pause it
//! would mean for them, and going to somebody whose hands are full is a rare kind of pause. [`filter`] sums over all
//! histories of a [`blocks::Block`] (a connected set of people on one working day) forward and backward, keeping a
//! bounded number of states, and [`model`] re-estimates the parameters from the expected counts, a fixed number of rounds.

mod blocks;
mod filter;
mod model;

use rayon::prelude::*;

use super::Rung;
use super::canon::Canon;
use super::findings::FindingKind;
use super::ladder::AccountVerdicts;
use super::sessions::Sessions;
use blocks::{Block, Field};
use filter::Reading;
use model::Model;

/// Widest and narrowest search, in joint states kept.
const BEAM: std::ops::RangeInclusive<u64> = 8..=160;
/// Where days are sampled, learning takes this part of the effort and leaves time for reading them all once.
const SAMPLE: u64 = 4;
/// Rounds in which all people of an account share one habit of pauses.
const COMMON_ROUNDS: u32 = 3;
/// Rounds that replace what the round before found; later ones are averaged with it.
const FRESH_ROUNDS: u32 = 5;

/// Weighs the open records of all accounts and marks them as inferred.
pub(super) fn weigh(canon: &Canon<'_>, sessions: &Sessions, accounts: &mut [AccountVerdicts]) {
    let policy = &canon.input.policy;
    for account in accounts.iter_mut().filter(|account| account.open > 0) {
        if policy.inference && account.open < policy.min_ambiguous {
            step_down(account, FindingKind::TooFewToInfer);
        }
    }
    if !policy.inference || policy.rounds == 0 || accounts.iter().all(|account| account.open == 0) {
        return;
    }
    let field = Field::of(canon, sessions, accounts);
    let mut blocks = blocks::cut(canon, accounts, &field);
    let unsettled = learn(canon, &field, &mut blocks);
    publish(accounts, &field, &blocks, &unsettled);
}

/// Runs all rounds and leaves every block's weights in the block; says by account whether the last round still moved them.
fn learn(canon: &Canon<'_>, field: &Field, blocks: &mut [Block]) -> Vec<bool> {
    let policy = &canon.input.policy;
    let plan = Plan::of(policy.effort, policy.rounds, field, blocks);
    let mut model = Model::new(field, blocks);
    let mut change = vec![(0.0, 0u32); field.accounts];
    for round in 0..policy.rounds {
        let pace = if round < FRESH_ROUNDS { 1.0 } else { 1.0 / f64::from(round - FRESH_ROUNDS + 2) };
        let readings = pass(blocks, &model, plan.beam, round, |block| plan.learns[block.place]);
        change.fill((0.0, 0));
        model.forget(pace);
        for (block, mut reading) in blocks.iter_mut().zip(readings) {
            if let Some(reading) = &mut reading {
                model.absorb(block, &mut reading.counts, pace);
                block.blend(&reading.weights, pace, &mut change);
            }
        }
        model.refit(round >= COMMON_ROUNDS);
    }
    let readings = pass(blocks, &model, plan.beam, policy.rounds, |block| !plan.learns[block.place]);
    for (block, reading) in blocks.iter_mut().zip(readings) {
        if let Some(reading) = reading {
            block.weights = reading.weights;
        }
    }
    let limit = f64::from(policy.settled_ppm) / f64::from(super::WHOLE);
    change.into_iter().map(|(sum, steps)| sum > limit * f64::from(steps)).collect()
}

/// Reads the chosen blocks, in parallel; the order of the results is that of the blocks.
fn pass(
    blocks: &[Block],
    model: &Model,
    beam: usize,
    round: u32,
    chosen: impl Fn(&Block) -> bool + Sync,
) -> Vec<Option<Reading>> {
    blocks.par_iter().map(|block| chosen(block).then(|| filter::read(block, model, beam, round))).collect()
}

/// How wide to search, and which days to learn from.
struct Plan {
    beam: usize,
    /// By place of the block.
    learns: Vec<bool>,
}

impl Plan {
    /// Spends the effort on a wide search where everything fits, else on a narrow one over a spread of days that gives
    /// every account its part.
    fn of(effort: u64, rounds: u32, field: &Field, blocks: &[Block]) -> Self {
        let seats: u64 = blocks.iter().map(|block| block.seats.len() as u64).sum();
        let per_state = effort / u64::from(rounds);
        let beam = (per_state / seats.max(1)).clamp(*BEAM.start(), *BEAM.end());
        let mut learns = vec![true; blocks.len()];
        if seats * beam > per_state {
            let quota = per_state / SAMPLE / beam / field.accounts.max(1) as u64;
            let mut spent = vec![0u64; field.accounts];
            for place in spread(blocks.len()) {
                let block = &blocks[place];
                learns[place] = block.accounts.iter().any(|&account| spent[account as usize] < quota);
                if learns[place] {
                    let part = block.seats.len() as u64 / block.accounts.len() as u64;
                    block.accounts.iter().for_each(|&account| spent[account as usize] += part);
                }
            }
        }
        Self { beam: beam as usize, learns }
    }
}

/// The numbers below `count`, each once, far apart: by their bits read backwards.
pub(super) fn spread(count: usize) -> impl Iterator<Item = usize> {
    let bits = count.next_power_of_two().trailing_zeros();
    (0..1usize << bits)
        .map(move |step| if bits == 0 { 0 } else { step.reverse_bits() >> (usize::BITS - bits) })
        .filter(move |&place| place < count)
}

/// Hands the weights of the blocks back to the records.
fn publish(accounts: &mut [AccountVerdicts], field: &Field, blocks: &[Block], unsettled: &[bool]) {
    for (rank, account) in accounts.iter_mut().enumerate().filter(|(_, account)| account.open > 0) {
        if unsettled[rank] {
            step_down(account, FindingKind::DidNotSettle);
        } else {
            account.weights = vec![0.0; account.candidates.len()];
        }
    }
    for block in blocks {
        for step in &block.steps {
            let account = &mut accounts[step.account as usize];
            if account.weights.is_empty() || step.len < 2 {
                continue;
            }
            let weights = &block.weights[step.first as usize..step.first as usize + step.len as usize];
            if weights.iter().sum::<f64>() < 0.5 {
                continue;
            }
            for &place in field.places(step.unit) {
                let verdict = &mut account.verdicts[place as usize];
                (verdict.rung, verdict.weighed) = (Rung::Inferred, true);
                account.weights[verdict.first as usize..(verdict.first + verdict.len) as usize]
                    .copy_from_slice(weights);
            }
        }
    }
}

/// Leaves the open records of a account equally split, and says why.
fn step_down(account: &mut AccountVerdicts, why: FindingKind) {
    account.open = 0;
    for place in 0..account.verdicts.len() {
        if std::mem::take(&mut account.verdicts[place].open) {
            account.tally.note(why, None, None, account.base + place);
        }
    }
}
