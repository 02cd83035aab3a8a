//! Claims: somebody said with a click that a dialogue is theirs. Which record each of them is about.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::canon::Canon;
use super::findings::{FindingKind, Sight};
use super::watch::Watch;
use super::{Claim, Occupancy};

/// A record may have begun so long before it is claimed without its id, in milliseconds.
const BEFORE_MS: i64 = 2 * 60_000;
/// A claim is of a record that begins so long after it, or whose customer was served so long before it.
const AROUND_MS: i64 = 10 * 60_000;

/// The click by which a record was claimed first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Click {
    /// Rank of the person.
    pub person: u32,
    pub at_ms: i64,
    pub day: i32,
    /// Whether somebody else claimed it as well.
    several: bool,
}

/// Whose each claimed record is.
#[derive(Default)]
pub(super) struct Claims {
    /// By position of the record.
    of: BTreeMap<usize, Click>,
    /// What was noticed, by rank of the account.
    noticed: Vec<Vec<Sight>>,
}

impl Claims {
    /// Finds the record of every claim; none where the policy does not know claims.
    pub fn of_input(canon: &Canon<'_>, duty: &[Vec<Occupancy>]) -> Self {
        let mut claims: Vec<Vec<&Claim>> = vec![Vec::new(); canon.accounts.len()];
        if canon.input.policy.rules >= 3 {
            for claim in &canon.input.claims {
                claims[canon.account_rank[claim.account as usize] as usize].push(claim);
            }
        }
        let bound: Vec<Bound> =
            claims.into_par_iter().enumerate().map(|(rank, claims)| bind(canon, rank, &duty[rank], claims)).collect();
        let mut all = Self::default();
        for Bound { of, noticed } in bound {
            all.of.extend(of);
            all.noticed.push(noticed);
        }
        all
    }

    /// How the record at a position was claimed; nothing where several claimed it.
    pub fn of(&self, position: usize) -> Option<Click> {
        self.of.get(&position).copied().filter(|click| !click.several)
    }

    /// What was noticed of the claims on an account.
    pub fn noticed(&self, rank: usize) -> &[Sight] {
        self.noticed.get(rank).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Click {
    /// What somebody should look at of it.
    pub fn seen(self, kind: FindingKind, position: usize) -> Sight {
        let Self { person, at_ms, day, .. } = self;
        Sight { kind, person: Some(person), day, at_ms, position, other: None, device: None }
    }
}

/// The claims on one account.
#[derive(Default)]
struct Bound {
    of: BTreeMap<usize, Click>,
    noticed: Vec<Sight>,
}

fn bind(canon: &Canon<'_>, rank: usize, rows: &[Occupancy], mut claims: Vec<&Claim>) -> Bound {
    let mut bound = Bound::default();
    let span = canon.spans[rank].clone();
    if span.is_empty() {
        return bound;
    }
    let person = |claim: &Claim| canon.person_rank[claim.person as usize];
    let key = |claim: &Claim| claim.record.map_or("", |record| canon.input.records[record as usize].key.as_str());
    claims.sort_by(|a, b| {
        let order = |claim: &Claim| (claim.at_ms, person(claim), claim.customer);
        order(a).cmp(&order(b)).then_with(|| key(a).cmp(key(b)))
    });
    let places = Places::of(canon, rank);
    let mut watch = Watch::new(rows.to_vec(), Vec::new());
    for claim in claims {
        watch.advance(claim.at_ms);
        // A finding is told with a record: the last that had begun, or the first.
        let begun = places.begun(claim.at_ms);
        let near = span.start + begun.saturating_sub(1);
        let click = Click { person: person(claim), at_ms: claim.at_ms, day: claim.day, several: false };
        if !rows.is_empty() && watch.holder(click.person).is_none() {
            bound.noticed.push(click.seen(FindingKind::ClaimOffDuty, near));
            continue;
        }
        let Some(position) = places.meant(claim, |position| bound.of.contains_key(&position)) else {
            bound.noticed.push(click.seen(FindingKind::ClaimWithoutRecord, near));
            continue;
        };
        let first = bound.of.entry(position).or_insert(click);
        if first.person != click.person {
            first.several = true;
            let other = Some((first.person, Some(first.at_ms)));
            bound.noticed.push(Sight { other, ..click.seen(FindingKind::ClaimsDiffer, position) });
        }
    }
    bound
}

/// The records of an account, to be found by a claim.
struct Places<'a> {
    canon: &'a Canon<'a>,
    span: std::ops::Range<usize>,
    /// Positions of the records of each customer.
    of_customer: BTreeMap<u32, Vec<usize>>,
}

impl<'a> Places<'a> {
    fn of(canon: &'a Canon<'a>, rank: usize) -> Self {
        let span = canon.spans[rank].clone();
        let mut of_customer: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for position in span.clone() {
            if let Some(customer) = canon.record(position).customer {
                of_customer.entry(customer).or_default().push(position);
            }
        }
        Self { canon, span, of_customer }
    }

    /// How many records have begun by then.
    fn begun(&self, at: i64) -> usize {
        let (mut low, mut high) = (self.span.start, self.span.end);
        while low < high {
            let middle = low.midpoint(high);
            if self.canon.record(middle).start_ms <= at { low = middle + 1 } else { high = middle }
        }
        low - self.span.start
    }

    /// The record that a claim is about: the one that it names; of the customer that it names the one under way, or else the next; else
    /// the first that has just begun, or is about to, and that nobody has claimed.
    fn meant(&self, claim: &Claim, claimed: impl Fn(usize) -> bool) -> Option<usize> {
        if let Some(record) = claim.record {
            return Some(self.canon.positions[record as usize] as usize)
                .filter(|position| self.span.contains(position));
        }
        let start = |position: usize| self.canon.record(position).start_ms;
        if let Some(customer) = claim.customer {
            let theirs = self.of_customer.get(&customer)?;
            let begun = theirs.partition_point(|position| start(*position) <= claim.at_ms);
            let under_way =
                |position: &usize| self.canon.record(*position).end_ms.saturating_add(AROUND_MS) >= claim.at_ms;
            let next =
                || theirs.get(begun).filter(|position| start(**position) <= claim.at_ms.saturating_add(AROUND_MS));
            return theirs[..begun].last().filter(|position| under_way(position)).or_else(next).copied();
        }
        let first = self.span.start + self.begun(claim.at_ms.saturating_sub(BEFORE_MS + 1));
        let near = |position: &usize| start(*position) <= claim.at_ms.saturating_add(AROUND_MS);
        (first..self.span.end).take_while(near).find(|position| !claimed(*position))
    }
}
