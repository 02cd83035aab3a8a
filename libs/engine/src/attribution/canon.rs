//! The order everything is computed in: by stable keys, whatever order the rows arrived in.

use std::ops::Range;

use rayon::slice::ParallelSliceMut;

use super::{Input, Record};

/// An input seen in canonical order. People and accounts are spoken of by rank, records by position.
pub(super) struct Canon<'a> {
    /// The input itself.
    pub input: &'a Input,
    /// Index of the record at every position: by account, start, key.
    pub order: Vec<u32>,
    /// Position of every record by index.
    pub positions: Vec<u32>,
    /// Positions of every account's records, by account rank.
    pub spans: Vec<Range<usize>>,
    /// Account index by rank.
    pub accounts: Vec<u32>,
    /// Account rank by index.
    pub account_rank: Vec<u32>,
    /// Person index by rank.
    pub people: Vec<u32>,
    /// Person rank by index.
    pub person_rank: Vec<u32>,
}

impl<'a> Canon<'a> {
    /// Ranks the rows of `input`.
    pub fn of(input: &'a Input) -> Self {
        let (people, person_rank) = ranked(input.people.iter().map(|person| person.key.as_str()));
        let (accounts, account_rank) = ranked(input.accounts.iter().map(|account| account.key.as_str()));
        let mut order: Vec<u32> = (0..input.records.len() as u32).collect();
        order.par_sort_by(|&left, &right| {
            let (left, right) = (&input.records[left as usize], &input.records[right as usize]);
            account_rank[left.account as usize]
                .cmp(&account_rank[right.account as usize])
                .then_with(|| left.start_ms.cmp(&right.start_ms))
                .then_with(|| left.key.cmp(&right.key))
        });
        let mut spans = Vec::with_capacity(accounts.len());
        let mut from = 0;
        for &account in &accounts {
            let to = from
                + order[from..].partition_point(|&record| {
                    account_rank[input.records[record as usize].account as usize] <= account_rank[account as usize]
                });
            spans.push(from..to);
            from = to;
        }
        let mut positions = vec![0; order.len()];
        (0..).zip(&order).for_each(|(position, &record)| positions[record as usize] = position);
        Self { input, order, positions, spans, accounts, account_rank, people, person_rank }
    }

    pub fn record(&self, position: usize) -> &'a Record {
        &self.input.records[self.order[position] as usize]
    }
}

/// Indexes by rank and ranks by index of some keys.
fn ranked<'k>(keys: impl Iterator<Item = &'k str>) -> (Vec<u32>, Vec<u32>) {
    let keys: Vec<&str> = keys.collect();
    let mut by_rank: Vec<u32> = (0..keys.len() as u32).collect();
    by_rank.sort_by_key(|&index| keys[index as usize]);
    let mut rank = vec![0; keys.len()];
    for (position, &index) in by_rank.iter().enumerate() {
        rank[index as usize] = position as u32;
    }
    (by_rank, rank)
}
