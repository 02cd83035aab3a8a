//! Crediting a month of several dialogues at once by the times of its messages. No rpc, no database, no file.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tally_engine::attribution::{Input, Record, Reply, Rung, Side, WHOLE, attribute};

use crate::chat;
use crate::child::own_peak;
use crate::machine::{Step, Watch};

/// People of the accounts of a large group, in turn.
const TEAMS: [usize; 5] = [5, 8, 10, 12, 8];
/// Records of everybody in a month: some 45 a day.
const OF_EACH: usize = 1_000;
/// The same of a group-month of eight people with 3,000 messages.
const OF_EACH_OF_EIGHT: usize = 75;

/// Of a hundred records so many name their agent.
const NAMED: usize = 12;

/// What month is credited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Chat {
    /// One account of eight people.
    Eight,
    /// Accounts of five to twelve people, as many as the records need.
    Group,
    /// The same, and one record more with a million messages.
    Endless,
}

/// What a child says.
#[derive(Debug, Serialize, Deserialize)]
pub struct Credited {
    pub records: usize,
    pub messages: usize,
    pub accounts: usize,
    /// Credited by the times of the messages.
    pub by_replies: usize,
    /// The quickest repeat.
    pub step: Step,
    /// The same month shared equally by who was on duty.
    pub equal: Step,
    /// Of the records, credited to somebody else than answered: by the messages, and equally.
    pub misallocated: [f64; 2],
    /// The most memory held, MiB, the input with it.
    pub peak_mib: f64,
}

/// Makes a month of so many records and credits it `repeats` times.
pub fn measure(chat: Chat, records: usize, repeats: usize, threads: usize) -> Result<String> {
    let (mut input, truth) = match chat {
        Chat::Eight => chat::month(8 * OF_EACH_OF_EIGHT, &[8], OF_EACH_OF_EIGHT),
        Chat::Group | Chat::Endless => chat::month(records, &TEAMS, OF_EACH),
    };
    // Without names so busy a desk is shared equally.
    for (place, (record, person)) in input.records.iter_mut().zip(&truth).enumerate() {
        record.tag = (place * 104_729 % 100 < NAMED).then_some(*person);
    }
    if chat == Chat::Endless {
        add_endless(&mut input);
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let credit = |input: &Input, repeats: usize| {
        let mut watch = Watch::default();
        let mut last = None;
        for _ in 0..repeats.max(1) {
            drop(last.take());
            last = Some(watch.time("credit", || attribute(input, &pool)));
        }
        let outcome = last.unwrap_or_default();
        let mut off = vec![0.0; input.people.len()];
        truth.iter().for_each(|person| off[*person as usize] += 1.0);
        outcome.by_person.iter().for_each(|one| off[one.person as usize] -= one.total as f64 / f64::from(WHOLE));
        let misallocated = off.iter().map(|off: &f64| off.abs()).sum::<f64>() / 2.0 / truth.len().max(1) as f64;
        let by_replies = outcome.credits.iter().filter(|credit| credit.rung == Rung::Replies).count();
        let quickest = watch.steps.into_iter().min_by(|one, other| one.wall.total_cmp(&other.wall));
        (quickest.unwrap_or(Step { name: String::new(), wall: 0.0, cpu: 0.0 }), misallocated, by_replies)
    };
    let (step, misallocated, by_replies) = credit(&input, repeats);
    let peak_mib = own_peak();
    input.policy.inference = false;
    let (equal, off, _) = credit(&input, 1);
    let (records, messages, accounts) = (input.records.len(), input.replies.len(), input.accounts.len());
    let misallocated = [misallocated, off];
    let credited = Credited { records, messages, accounts, by_replies, step, equal, misallocated, peak_mib };
    Ok(serde_json::to_string(&credited)?)
}

/// Adds a record of a whole day on the first account, with a million messages at even steps, every other one the customer's.
fn add_endless(input: &mut Input) {
    const MESSAGES: i64 = 1_000_000;
    let Some(first) = input.records.first().cloned() else { return };
    let record = input.records.len() as u32;
    let end_ms = first.start_ms + 6 * 3_600_000;
    let start_ms = first.start_ms;
    input.replies.extend((0..MESSAGES).map(|at| Reply {
        record,
        day: first.day,
        at_ms: start_ms + at * (end_ms - start_ms) / MESSAGES,
        by: if at % 2 == 0 { Side::Agent } else { Side::Customer },
        device: None,
    }));
    input.records.push(Record { key: "endless".to_owned(), end_ms, customer: None, ..first });
}
