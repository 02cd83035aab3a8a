//! The service records: every working window is filled with sessions on as many lanes as one person handles at once.

use super::dice::{DURATION, Dice, GAP, REPLY, SALES};
use super::group::{Group, Phase};
use super::shifts::{Month, Window};

pub(super) struct Served {
    pub account: u16,
    pub person: u16,
    pub start: u32,
    pub end: u32,
    /// How the platform names the agent.
    pub tag: Tag,
    pub kind: u8,
    pub first_reply: Option<u32>,
    pub resolved: Option<bool>,
    pub rating: Option<u8>,
    pub amount: Option<u32>,
    pub customer: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    None,
    Number,
    Nickname,
}

/// Exactly `records` records by start, account and person.
pub(super) fn serve(group: &Group, month: &Month, records: usize, dice: &mut Dice) -> Vec<Served> {
    let mut served = Vec::with_capacity(records);
    for (window, count) in month.windows.iter().zip(counts(group, month, records)) {
        let lanes = window.accounts.iter().map(|a| group.accounts[*a].capacity).min().unwrap_or(1);
        for lane in 0..lanes {
            let share = count / lanes + u32::from(lane < count % lanes);
            fill(group, window, share, dice, &mut served);
        }
    }
    served.sort_by_key(|r| (r.start, r.account, r.person, r.end));
    served
}

/// How many records fall to each window: by its length, the person's speed and the hour, summing exactly.
fn counts(group: &Group, month: &Month, records: usize) -> Vec<u32> {
    let weight = |w: &Window| {
        let hours = if w.night { 30 } else { 100 };
        u64::from(w.end - w.start) * u64::from(group.people[w.person].speed) * hours
    };
    let weights: Vec<u64> = month.windows.iter().map(weight).collect();
    let (total, mut carried, mut given) = (weights.iter().sum::<u64>(), 0_u128, 0_u128);
    let mut count = |w: &u64| {
        carried += u128::from(*w);
        let until_here = carried * records as u128 / u128::from(total.max(1));
        let count = until_here - given;
        given = until_here;
        count as u32
    };
    weights.iter().map(&mut count).collect()
}

/// One lane: sessions one after the other, with waiting between them.
fn fill(group: &Group, window: &Window, count: u32, dice: &mut Dice, served: &mut Vec<Served>) {
    if count == 0 {
        return;
    }
    let person = &group.people[window.person];
    let span = u64::from(window.end - window.start);
    let mut lasts: Vec<u64> =
        (0..count).map(|_| u64::from(dice.draw(&DURATION)) * 100 / u64::from(person.speed)).collect();
    let busy: u64 = lasts.iter().sum();
    // A full month is served by shorter sessions.
    let most = span * 9 / 10;
    if busy > most {
        lasts.iter_mut().for_each(|last| *last = (*last * most / busy).max(1));
    }
    let gaps: Vec<u64> = (0..=count).map(|_| u64::from(dice.draw(&GAP))).collect();
    let (idle, gap_sum) = (span.saturating_sub(lasts.iter().sum()), gaps.iter().sum::<u64>().max(1));
    let mut at = u64::from(window.start);
    let mut before: Option<(u64, u16, u32)> = None;
    for (last, gap) in lasts.iter().zip(&gaps) {
        at += idle * gap / gap_sum;
        let account = window.accounts[dice.below(window.accounts.len() as u32) as usize];
        let mut record = session(group, window, account, (at as u32, *last as u32), dice);
        // Some customers come back within minutes.
        if let Some((end, account, customer)) = before
            && account == record.account
            && at < end + 540
            && dice.permille(120)
        {
            record.customer = customer;
        }
        at += last;
        before = Some((at, record.account, record.customer));
        served.push(record);
    }
}

fn session(group: &Group, window: &Window, account: usize, (start, last): (u32, u32), dice: &mut Dice) -> Served {
    let person = &group.people[window.person];
    let named_now = start >= 15 * 24 * 3_600;
    let tagged = match group.accounts[account].phase {
        Phase::Shared => 0,
        Phase::Mixed => 350,
        Phase::Named => 975,
        Phase::Changing => {
            if named_now {
                975
            } else {
                0
            }
        }
    };
    let tag = match (dice.permille(tagged), dice.permille(600)) {
        (false, _) => Tag::None,
        (true, true) if person.nickname.is_some() => Tag::Nickname,
        (true, _) => Tag::Number,
    };
    let kind = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2][dice.below(10) as usize];
    let settles = person.settles - if kind == 1 { 60 } else { 0 };
    let resolved = dice.permille(settles);
    let reply = dice.draw(&REPLY) * person.slowness / 100;
    // Who was helped is content, mostly.
    let marks: [u8; 10] = if resolved { [5, 5, 5, 5, 5, 5, 4, 4, 4, 3] } else { [1, 1, 2, 2, 3, 3, 3, 4, 4, 5] };
    let rating = marks[dice.below(10) as usize];
    let amount = dice.draw(&SALES) / 10 * 10;
    Served {
        account: account as u16,
        person: window.person as u16,
        start,
        end: start + last,
        tag,
        kind,
        first_reply: (!dice.permille(15)).then_some(reply.min(last)),
        resolved: (!dice.permille(30)).then_some(resolved),
        rating: dice.permille(350).then_some(rating),
        amount: (kind == 0 && dice.permille(380)).then_some(amount),
        customer: dice.below(9_000_000),
    }
}
