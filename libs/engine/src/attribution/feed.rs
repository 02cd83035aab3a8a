//! When the messages of records were written, as the accounts' feeds tell it: sorted, each once, by the clock of the records.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use tally_kernel::limits::REPLY_GRACE_SECONDS;

use super::Side;
use super::canon::Canon;
use super::clocks::{Clock, Clocks, Dated};

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
    /// Whether its own clock showed a full minute.
    pub full_minute: bool,
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
    /// By rank of the account, clocks of its messages that are apart from that of the records.
    pub clocks: BTreeMap<usize, Vec<Clock>>,
    /// By the index of the record, how far the clock of its messages is ahead, where one is apart.
    pub ahead_ms: BTreeMap<u32, i64>,
}

impl Feed {
    /// Sorts the messages of the input; none where the policy does not read them.
    pub fn of(canon: &Canon<'_>) -> Self {
        if !canon.input.policy.inference || canon.input.policy.rules < 3 {
            return Self::default();
        }
        let mut sent: Vec<Vec<Message>> = vec![Vec::new(); canon.accounts.len()];
        for reply in &canon.input.replies {
            let record = &canon.input.records[reply.record as usize];
            let rank = canon.account_rank[record.account as usize] as usize;
            let place = canon.positions[reply.record as usize] - canon.spans[rank].start as u32;
            sent[rank].push(Message {
                day: reply.day,
                at: reply.at_ms,
                by: reply.by,
                dialogue: place,
                place,
                // Numbers of the caller say nothing in themselves: they are compared alone.
                device: reply.device.map_or(0, |device| device.saturating_add(1)),
                full_minute: reply.at_ms.rem_euclid(60_000) < 1_000,
            });
        }
        let sent = sent.into_par_iter().enumerate().filter(|(_, messages)| !messages.is_empty());
        let accounts: Vec<(usize, Heard)> = sent.map(|(rank, messages)| (rank, hear(canon, rank, messages))).collect();
        let mut feed = Self::default();
        let mut answered = Vec::new();
        for (rank, heard) in accounts {
            answered.extend(heard.answered);
            feed.outside.extend(heard.outside);
            feed.ahead_ms.extend(heard.ahead_ms);
            if !heard.clocks.is_empty() {
                feed.clocks.insert(rank, heard.clocks);
            }
            if !heard.messages.is_empty() {
                feed.messages.insert(rank, heard.messages);
            }
        }
        feed.answered = answered.into_iter().collect();
        feed
    }

    /// Whether a reply to the record at a position is known.
    pub fn has(&self, position: usize) -> bool {
        self.answered.contains(&position)
    }
}

/// The messages of one account.
struct Heard {
    messages: Vec<Message>,
    answered: BTreeSet<usize>,
    outside: BTreeMap<usize, u32>,
    clocks: Vec<Clock>,
    ahead_ms: Vec<(u32, i64)>,
}

/// Puts right the clocks of an account's messages, joins the dialogues of one customer, and puts the messages in order, each once.
fn hear(canon: &Canon<'_>, rank: usize, mut messages: Vec<Message>) -> Heard {
    let base = canon.spans[rank].start;
    let times = |position: usize| {
        let record = canon.record(position);
        (record.start_ms, record.end_ms.max(record.start_ms))
    };
    let records: Vec<(i64, i64)> = canon.spans[rank].clone().map(times).collect();
    let dated = messages.iter().map(|message| Dated { place: message.place, at: message.at, device: message.device });
    let clocks = Clocks::of(&records, dated);
    if !clocks.apart.is_empty() {
        set(canon, rank, &clocks, &mut messages);
    }
    join(canon, rank, &mut messages);
    messages.sort_unstable();
    messages.dedup();
    let (mut answered, mut outside) = (Vec::new(), BTreeMap::new());
    messages.retain(|message| {
        let (start, end) = records[message.place as usize];
        let position = base + message.place as usize;
        let is_in = start.saturating_sub(GRACE_MS) <= message.at && message.at <= end.saturating_add(GRACE_MS);
        if !is_in {
            *outside.entry(position).or_default() += 1;
        } else if message.by == Side::Agent {
            answered.push(position);
        }
        is_in
    });
    messages.shrink_to_fit();
    let ahead =
        canon.spans[rank].clone().zip(0..).map(|(position, place)| (canon.order[position], clocks.ahead(place)));
    let ahead_ms = ahead.filter(|(_, ahead)| *ahead != 0).collect();
    Heard { messages, answered: answered.into_iter().collect(), outside, clocks: clocks.apart, ahead_ms }
}

/// Dates messages by the clock of their records, and gives each the working day that it then is of.
fn set(canon: &Canon<'_>, rank: usize, clocks: &Clocks, messages: &mut [Message]) {
    let records = canon.spans[rank].clone().map(|position| canon.record(position));
    let seen = records.map(|record| (record.day, record.start_ms));
    let days = Days::of(seen.chain(messages.iter().map(|message| (message.day, message.at))));
    for message in messages {
        message.at = message.at.saturating_sub(clocks.ahead(message.place));
        message.day = days.at(message.at);
    }
}

/// When something was first seen of each working day of an account.
pub(super) struct Days(Vec<(i32, i64)>);

impl Days {
    /// Of working days and instants, at least one.
    pub fn of(seen: impl Iterator<Item = (i32, i64)>) -> Self {
        let mut begins: BTreeMap<i32, i64> = BTreeMap::new();
        for (day, at) in seen {
            let begin = begins.entry(day).or_insert(at);
            *begin = at.min(*begin);
        }
        Self(begins.into_iter().collect())
    }

    /// The working day of an instant: the last of which something was seen by then.
    pub fn at(&self, at: i64) -> i32 {
        let begun = self.0.partition_point(|(_, begin)| *begin <= at);
        self.0[begun.saturating_sub(1)].0
    }
}

/// Joins the dialogues of one customer.
fn join(canon: &Canon<'_>, rank: usize, messages: &mut [Message]) {
    let span = canon.spans[rank].clone();
    let mut first: BTreeMap<u32, u32> = BTreeMap::new();
    for (place, position) in (0..).zip(span.clone()) {
        if let Some(customer) = canon.record(position).customer {
            first.entry(customer).or_insert(place);
        }
    }
    for message in messages {
        let customer = canon.record(span.start + message.place as usize).customer;
        message.dialogue = customer.and_then(|customer| first.get(&customer).copied()).unwrap_or(message.place);
    }
}
