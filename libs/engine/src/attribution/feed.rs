//! When the messages of records were written, as the accounts' feeds tell it: sorted, each once.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use tally_kernel::limits::REPLY_GRACE_SECONDS;

use super::Side;
use super::canon::Canon;

/// A message may come so long before its record begins or after it ends, as reading a bundle takes it.
const GRACE_MS: i64 = REPLY_GRACE_SECONDS * 1_000;
/// A message of an account's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Message {
    pub day: i32,
    /// Milliseconds since the epoch.
    pub at: i64,
    pub by: Side,
    /// The place of the first record of its dialogue within the account: of its customer's first, or its own.
    pub dialogue: u32,
    /// Place of its record within the account.
    pub place: u32,
    /// Number of the device, from 1; 0 where none is known.
    pub device: u32,
}

/// The messages of the accounts with a feed of them.
#[derive(Default)]
pub(super) struct Feed {
    /// By rank of the account, in order.
    pub messages: BTreeMap<usize, Vec<Message>>,
    /// Positions of the records with a reply.
    pub answered: BTreeSet<usize>,
    /// By position of a record, messages that are not of its time.
    pub outside: BTreeMap<usize, u32>,
}

impl Feed {
    /// Sorts the messages of the input; none where the policy does not read them.
    pub fn of(canon: &Canon<'_>) -> Self {
        let mut feed = Self::default();
        if !canon.input.policy.inference || canon.input.policy.rules < 3 {
            return feed;
        }
        for reply in &canon.input.replies {
            let record = &canon.input.records[reply.record as usize];
            let position = canon.positions[reply.record as usize] as usize;
            let end_ms = record.end_ms.max(record.start_ms);
            if reply.at_ms < record.start_ms.saturating_sub(GRACE_MS) || end_ms.saturating_add(GRACE_MS) < reply.at_ms {
                *feed.outside.entry(position).or_default() += 1;
                continue;
            }
            if reply.by == Side::Agent {
                feed.answered.insert(position);
            }
            let rank = canon.account_rank[record.account as usize] as usize;
            let place = (position - canon.spans[rank].start) as u32;
            let message = Message { day: reply.day, at: reply.at_ms, by: reply.by, dialogue: place, place, device: 0 };
            // Numbers of the caller say nothing in themselves: they are compared alone.
            let message = Message { device: reply.device.map_or(0, |device| device.saturating_add(1)), ..message };
            feed.messages.entry(rank).or_default().push(message);
        }
        feed.messages.par_iter_mut().for_each(|(&rank, messages)| sort(canon, rank, messages));
        feed
    }

    /// Whether a reply to the record at a position is known.
    pub fn has(&self, position: usize) -> bool {
        self.answered.contains(&position)
    }
}

/// Joins the dialogues of one customer, and puts an account's messages in order, each once.
fn sort(canon: &Canon<'_>, rank: usize, messages: &mut Vec<Message>) {
    let span = canon.spans[rank].clone();
    let mut first: BTreeMap<u32, u32> = BTreeMap::new();
    for (place, position) in (0..).zip(span.clone()) {
        if let Some(customer) = canon.record(position).customer {
            first.entry(customer).or_insert(place);
        }
    }
    for message in messages.iter_mut() {
        let customer = canon.record(span.start + message.place as usize).customer;
        message.dialogue = customer.and_then(|customer| first.get(&customer).copied()).unwrap_or(message.place);
    }
    messages.sort_unstable();
    messages.dedup();
}
