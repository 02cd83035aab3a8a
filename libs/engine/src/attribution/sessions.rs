//! Records of one customer on one account, close together, are one session.
//!
//! A session is one conversation that the platform cut into pieces. Its records stay records, each credited in full; what
//! they share is evidence: an agent named on one of them speaks for those that name nobody (as long as that agent was on
//! duty for them and no other agent is named), and pieces that stay open between the same people are weighed as one.

use std::collections::HashMap;

use rayon::prelude::*;

use super::canon::Canon;

/// The session of every record.
pub(super) struct Sessions {
    /// Position of the session's first record, by position.
    first: Vec<u32>,
    /// The one person the session's tags name (rank), or nobody, by position of its first record; only sessions with tags.
    tags: HashMap<u32, Option<u32>>,
}

impl Sessions {
    /// Finds the sessions of all accounts.
    pub fn of(canon: &Canon<'_>) -> Self {
        let window = canon.input.policy.session_window_ms;
        let accounts: Vec<Vec<u32>> = canon
            .spans
            .par_iter()
            .map(|account| {
                let mut open: HashMap<u32, (u32, i64)> = HashMap::new();
                account
                    .clone()
                    .map(|position| {
                        let record = canon.record(position);
                        let Some(customer) = record.customer else { return position as u32 };
                        let last = open.entry(customer).or_insert((position as u32, i64::MIN));
                        if last.1 == i64::MIN || record.start_ms.saturating_sub(last.1) > window {
                            *last = (position as u32, record.end_ms);
                        }
                        last.1 = last.1.max(record.end_ms);
                        last.0
                    })
                    .collect()
            })
            .collect();
        let first = accounts.concat();
        let mut tags: HashMap<u32, Option<u32>> = HashMap::new();
        for (position, &session) in first.iter().enumerate() {
            let record = canon.record(position);
            if let (Some(tag), Some(_)) = (record.tag, record.customer) {
                let tag = Some(canon.person_rank[tag as usize]);
                tags.entry(session).and_modify(|known| *known = if *known == tag { tag } else { None }).or_insert(tag);
            }
        }
        Self { first, tags }
    }

    /// The session of the record at a position, named by its first record's position.
    pub fn session(&self, position: usize) -> u32 {
        self.first[position]
    }

    /// The one person (rank) the tags of the record's session name.
    pub fn tag(&self, position: usize) -> Option<u32> {
        if self.tags.is_empty() {
            return None;
        }
        self.tags.get(&self.first[position]).copied().flatten()
    }
}
