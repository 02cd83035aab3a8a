//! At which rates an account's people work, and how likely somebody of such a rate has nothing of what came in a while: who does little is not absent.
//!
//! A rate is that of the records somebody has by their weights, against those of whoever was on duty with them: of each record everybody on duty
//! then has a chance in proportion. In a few rounds that is the most likely of all rates (Bradley and Terry, by Hunter's rounds).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::super::totals::OPEN;
use super::super::{Credit, Rung};
use super::Account;

/// Rounds that rates are learnt in.
const ROUNDS: u32 = 8;

/// How many open records take over what one certain record tells, for each record of the account.
const TAKEN_OVER: f64 = 25.0;

/// A piece of work.
struct Piece {
    from: i64,
    to: i64,
    /// Place of its record.
    of: u32,
    /// Its part of the record.
    part: f64,
    /// Whether a model weighed the record, or nobody did.
    open: bool,
    /// What of its record those on duty at it have.
    theirs: f64,
    /// The rates of those on duty at it.
    rates: f64,
}

/// Somebody with work.
struct Person {
    number: u32,
    /// Pieces at which they were on duty, of each stretch.
    on: Vec<Range<usize>>,
    /// What they have of records, by their places.
    has: Vec<(u32, f64)>,
    /// How many records they have of those that came while they were on duty.
    done: f64,
    /// The same, of which open ones count in the part that they tell something by themselves.
    told: f64,
    rate: f64,
}

impl Person {
    /// Fills in what they have of each record.
    fn show(&self, has: &mut [f64], part: impl Fn(f64) -> f64) {
        self.has.iter().for_each(|(of, one)| has[*of as usize] = part(*one));
    }

    /// The pieces at which they were on duty.
    fn served<'p>(&self, pieces: &'p [Piece]) -> impl Iterator<Item = &'p Piece> {
        self.on.iter().flat_map(|on| &pieces[on.clone()])
    }
}

/// The rates of an account.
pub(super) struct Rates {
    pieces: Vec<Piece>,
    /// By number: the rate, and how many records tell of it.
    people: BTreeMap<u32, (f64, f64)>,
    /// In which part an open record tells something by itself.
    by_itself: f64,
}

impl Rates {
    /// Learns them from the credits, within the stretches of duty.
    pub fn of(account: &Account<'_>, stretches: &BTreeMap<u32, Vec<(i64, i64)>>) -> Self {
        let (mut pieces, mut people) = work(account, stretches);
        let by_itself = by_itself(account);
        let mut has = vec![0.0; account.credits.len()];
        for person in &mut people {
            person.show(&mut has, |part| part);
            person.done = person.served(&pieces).map(|piece| piece.part * has[piece.of as usize]).sum();
            let told = |piece: &Piece| piece.part * has[piece.of as usize] * if piece.open { by_itself } else { 1.0 };
            person.told = person.served(&pieces).map(told).sum();
            for on in &person.on {
                pieces[on.clone()].iter_mut().for_each(|piece| piece.theirs += has[piece.of as usize]);
            }
            person.show(&mut has, |_| 0.0);
        }
        for round in 0..=ROUNDS {
            pieces.iter_mut().for_each(|piece| piece.rates = 0.0);
            for person in &people {
                for on in &person.on {
                    pieces[on.clone()].iter_mut().for_each(|piece| piece.rates += person.rate);
                }
            }
            for person in people.iter_mut().filter(|_| round < ROUNDS) {
                let served = person.served(&pieces).filter(|piece| piece.rates > 0.0);
                let could: f64 = served.map(|piece| piece.part * piece.theirs / piece.rates).sum();
                person.rate = if could > 0.0 { person.done / could } else { 0.0 };
            }
        }
        let people = people.into_iter().map(|one| (one.number, (one.rate, one.told))).collect();
        Self { pieces, people, by_itself }
    }

    /// How many records tell of somebody's rate.
    pub fn told(&self, person: u32) -> f64 {
        self.people.get(&person).map_or(0.0, |(_, told)| *told)
    }

    /// How likely somebody of such a rate has none of the records with work in a while on duty, of open ones as far as they tell something.
    pub fn none_of(&self, person: u32, (from, to): (i64, i64)) -> f64 {
        let rate = self.people.get(&person).map_or(0.0, |(rate, _)| *rate);
        let begin = self.pieces.partition_point(|piece| piece.from <= from);
        let mut counted = BTreeSet::new();
        let mut none = 1.0;
        for piece in self.pieces[begin..].iter().take_while(|piece| piece.from < to) {
            if piece.to > from && piece.rates > 0.0 && counted.insert(piece.of) {
                let other = 1.0 - (piece.theirs * rate / piece.rates).clamp(0.0, 1.0);
                none *= if piece.open { libm::pow(other, self.by_itself) } else { other };
            }
        }
        none
    }
}

/// Whether nothing but weights says whose a record is: neither its rung nor the device of a reply.
fn open(account: &Account<'_>, credit: &Credit) -> bool {
    OPEN.contains(&credit.rung) && !account.replies.of_record(credit.record).iter().any(|(.., known)| *known)
}

/// In which part an open record tells something by itself: a model takes over from the records around it that are certain whose they are, and the
/// more of them there are the more.
fn by_itself(account: &Account<'_>) -> f64 {
    let credited = || account.credits.iter().filter(|credit| credit.rung != Rung::Unattributed);
    let certain = credited().filter(|credit| !open(account, credit)).count();
    (1.0 - TAKEN_OVER * certain as f64 / credited().count().max(1) as f64).max(0.0)
}

/// The work of an account in order, and its people by their keys.
fn work(account: &Account<'_>, stretches: &BTreeMap<u32, Vec<(i64, i64)>>) -> (Vec<Piece>, Vec<Person>) {
    let mut pieces = Vec::new();
    let mut has: BTreeMap<u32, Vec<(u32, f64)>> = BTreeMap::new();
    for (of, credit) in (0..).zip(account.credits).filter(|(_, credit)| credit.rung != Rung::Unattributed) {
        account.shares(credit).for_each(|(person, part)| has.entry(person).or_default().push((of, part)));
        let (part, open) = (1.0 / account.times(credit).count() as f64, open(account, credit));
        let piece = |(from, to, _)| Piece { from, to, of, part, open, theirs: 0.0, rates: 0.0 };
        pieces.extend(account.times(credit).map(piece));
    }
    pieces.sort_by_key(|piece| (piece.from, piece.to, piece.of));
    let begun = |at: i64| pieces.partition_point(|piece| piece.from < at);
    let of = |(number, has): (u32, Vec<(u32, f64)>)| {
        let mine = stretches.get(&number).map(Vec::as_slice).unwrap_or_default();
        let on = mine.iter().map(|(from, to)| begun(*from)..begun(*to)).collect();
        Person { number, on, has, done: 0.0, told: 0.0, rate: 1.0 }
    };
    let mut people: Vec<Person> = has.into_iter().map(of).collect();
    let keys = &account.input.people;
    people.sort_by(|one, other| keys[one.number as usize].key.cmp(&keys[other.number as usize].key));
    (pieces, people)
}
