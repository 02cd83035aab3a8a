//! Weights become integers of a millionth of a record.

use std::cell::LazyCell;

use rayon::prelude::*;

use super::canon::Canon;
use super::ladder::{AccountVerdicts, Verdict};
use super::why::{self, Said, Why};
use super::{Credit, Share, WHOLE, split};

/// Shares below this many millionths are noise and go to the record's largest share.
const NOISE_PPM: u32 = 1_000;

/// What comes out of an account: credits, shares, and by the index of the record why.
type Part = (Vec<Credit>, Vec<Share>, Vec<(u32, Why)>);

/// The credits and shares of all records, and why of those where something can be said, by the index of the record.
pub(super) fn apportion(canon: &Canon<'_>, accounts: &[AccountVerdicts]) -> Part {
    let lots: Vec<u64> = canon.people.iter().map(|&person| number(&canon.input.people[person as usize].key)).collect();
    let parts: Vec<Part> = accounts.par_iter().map(|account| apportion_account(canon, &lots, account)).collect();
    let mut credits = Vec::with_capacity(parts.iter().map(|(credits, ..)| credits.len()).sum());
    let mut shares = Vec::with_capacity(parts.iter().map(|(_, shares, _)| shares.len()).sum());
    let mut whys = Vec::with_capacity(parts.iter().map(|(.., whys)| whys.len()).sum());
    for (part, of_part, whys_of_part) in parts {
        let base = shares.len() as u32;
        credits.extend(part.into_iter().map(|credit| Credit { first_share: base + credit.first_share, ..credit }));
        shares.extend(of_part);
        whys.extend(whys_of_part);
    }
    whys.sort_unstable_by_key(|(record, _)| *record);
    (credits, shares, whys)
}

fn apportion_account(canon: &Canon<'_>, lots: &[u64], account: &AccountVerdicts) -> Part {
    let mut credits = Vec::with_capacity(account.verdicts.len());
    let mut shares = Vec::with_capacity(account.candidates.len());
    let mut said: Vec<&Said> = account.said.iter().collect();
    said.sort_unstable_by_key(|said| said.place);
    let (mut said, mut whys) = (said.into_iter().peekable(), Vec::with_capacity(account.said.len()));
    let mut ppm = Vec::new();
    for (place, verdict) in account.verdicts.iter().enumerate() {
        let position = account.base + place;
        let first_share = shares.len() as u32;
        divide(canon, lots, account, verdict, position, &mut ppm);
        let places = verdict.first as usize..(verdict.first + verdict.len) as usize;
        let candidates = &account.candidates[places];
        while let Some(said) = said.next_if(|said| said.place as usize == place) {
            let why = why::settled(said.why, candidates, &ppm);
            let people = why.people.map(|people| people.map(|rank| canon.people[rank as usize]));
            whys.push((canon.order[position], Why { people, ..why }));
        }
        shares.extend(candidates.iter().zip(&ppm).filter(|(_, ppm)| **ppm > 0).map(|(candidate, &ppm)| Share {
            person: canon.people[candidate.person as usize],
            ppm,
            evidence: candidate.evidence,
        }));
        credits.push(Credit {
            record: canon.order[position],
            first_share,
            shares: shares.len() as u32 - first_share,
            rung: verdict.rung,
            reason: verdict.reason,
        });
    }
    (credits, shares, whys)
}

/// Splits one record among its candidates.
fn divide(
    canon: &Canon<'_>,
    lots: &[u64],
    account: &AccountVerdicts,
    verdict: &Verdict,
    position: usize,
    ppm: &mut Vec<u32>,
) {
    let places = verdict.first as usize..(verdict.first + verdict.len) as usize;
    if verdict.len < 2 {
        ppm.clear();
        ppm.resize(places.len(), WHOLE);
        return;
    }
    let record = LazyCell::new(|| number(&canon.record(position).key));
    let lot = |place: usize| lot(*record, lots[account.candidates[places.start + place].person as usize]);
    if let Some(parts) = account.parts.get(&verdict.first).filter(|_| verdict.rung == super::Rung::Split) {
        // What the policy says is no noise, however little it is.
        return split::exactly(parts, lot, ppm);
    }
    if verdict.weighed {
        millionths(&account.weights[places.clone()], lot, ppm);
    } else {
        equally(places.len(), lot, ppm);
    }
    absorb_noise(ppm);
}

/// A number for a stable key.
fn number(key: &str) -> u64 {
    let hash = blake3::hash(key.as_bytes());
    hash.as_bytes().iter().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// The draw that decides who receives an odd millionth: a hash of record and person, so that it favours nobody.
fn lot(record: u64, person: u64) -> u64 {
    let mut mixed = record ^ person.rotate_left(32);
    for _ in 0..2 {
        mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    }
    mixed ^ (mixed >> 32)
}

/// Largest remainder over a million; equal remainders by the smallest `lot`.
fn millionths(weights: &[f64], lot: impl Fn(usize) -> u64, ppm: &mut Vec<u32>) {
    let total: f64 = weights.iter().sum();
    let exact = |place: usize| weights[place] / total * f64::from(WHOLE);
    ppm.clear();
    ppm.extend((0..weights.len()).map(|place| exact(place) as u32));
    let odd = WHOLE.saturating_sub(ppm.iter().sum()) as usize;
    if odd == 0 {
        return;
    }
    let mut remainders: Vec<(f64, usize)> =
        (0..weights.len()).map(|place| (exact(place) - f64::from(ppm[place]), place)).collect();
    remainders.sort_by(|left, right| right.0.total_cmp(&left.0).then_with(|| lot(left.1).cmp(&lot(right.1))));
    for &(_, place) in remainders.iter().cycle().take(odd) {
        ppm[place] += 1;
    }
}

/// Equal shares of a million; what is left over goes by the smallest `lot`.
fn equally(count: usize, lot: impl Fn(usize) -> u64, ppm: &mut Vec<u32>) {
    let (each, odd) = (WHOLE / count as u32, WHOLE as usize % count);
    ppm.clear();
    ppm.resize(count, each);
    if odd == 0 {
        return;
    }
    let mut lots: Vec<(u64, usize)> = (0..count).map(|place| (lot(place), place)).collect();
    lots.sort_unstable();
    for &(_, place) in &lots[..odd] {
        ppm[place] += 1;
    }
}

/// Gives shares that are mere noise to the largest share (of equal ones the first).
fn absorb_noise(ppm: &mut [u32]) {
    let mut largest = 0;
    for place in 1..ppm.len() {
        if ppm[place] > ppm[largest] {
            largest = place;
        }
    }
    for place in 0..ppm.len() {
        if place != largest && ppm[place] < NOISE_PPM {
            ppm[largest] += std::mem::take(&mut ppm[place]);
        }
    }
}
