//! What chat accounts tell beside their records: when which side wrote, at which workstation, and whose an agent said a dialogue is.
//!
//! A person writes one reply at a time, however many dialogues are open, and answers what has waited longest.

use super::dice::{Dice, REPLY, TYPING};
use super::group::Group;
use super::serve::Served;
use super::shifts::Month;

/// A message of a record.
pub(super) struct Written {
    /// Place of the record.
    pub record: usize,
    pub at: u32,
    pub by_agent: bool,
    /// The seat it was written at, where the desk tells its workstation.
    pub seat: Option<u8>,
}

/// An agent's click.
pub(super) struct Claimed {
    pub record: usize,
    pub at: u32,
    pub names: Names,
}

/// What a click names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    Record,
    Customer,
    /// The next dialogue that comes.
    Nothing,
}

/// A customer writes again after so many seconds, about.
const PAUSE: u32 = 80;
/// The most messages of a customer in one record.
const MOST: u32 = 12;
/// Of a thousand replies the desk tells the workstation of so many.
const WITH_DEVICE: u32 = 300;
/// A shift counts for so long beyond its end.
const GRACE: u32 = 900;

/// Messages of the records of accounts with a feed of them, by record and time.
pub(super) fn write(group: &Group, month: &Month, served: &[Served], dice: &mut Dice) -> Vec<Written> {
    let mut waiting: Vec<Vec<(u32, usize)>> = vec![Vec::new(); group.people.len()];
    let mut written = Vec::new();
    let mut customer = |record, at| written.push(Written { record, at, by_agent: false, seat: None });
    let with_feed = |r: &Served| group.accounts[usize::from(r.account)].feed;
    for (record, r) in served.iter().enumerate().filter(|(_, r)| with_feed(r)) {
        let last = r.end - r.start;
        let messages = (1 + last / PAUSE).min(MOST);
        for n in 0..messages {
            let at =
                r.start + if n == 0 { 0 } else { last * n / messages + dice.below(PAUSE / 2).min(last / messages) };
            customer(record, at);
            waiting[usize::from(r.person)].push((at, record));
        }
    }
    for (person, waiting) in waiting.iter_mut().enumerate() {
        waiting.sort_unstable();
        let mut free = 0;
        for (asked, record) in waiting.iter() {
            let (r, pace) = (&served[*record], group.people[person].slowness);
            let at = if *asked == r.start {
                r.start + r.first_reply.unwrap_or(dice.draw(&REPLY).min(r.end - r.start))
            } else {
                free.max(*asked) + dice.draw(&TYPING) * pace / 100
            };
            // Whoever is not answered in time goes.
            if at <= r.end {
                free = free.max(at);
                let seat = month.seat(person, at, GRACE).filter(|_| dice.permille(WITH_DEVICE));
                written.push(Written { record: *record, at, by_agent: true, seat });
            }
        }
    }
    written.sort_by_key(|m| (m.record, m.at, m.by_agent));
    written
}

/// Clicks on the accounts whose agents make them, on one dialogue in four.
pub(super) fn claim(group: &Group, served: &[Served], dice: &mut Dice) -> Vec<Claimed> {
    let mut claims = Vec::new();
    let with_clicks = |r: &Served| group.accounts[usize::from(r.account)].clicks;
    for (record, r) in served.iter().enumerate().filter(|(_, r)| with_clicks(r)) {
        if !dice.permille(250) {
            continue;
        }
        let names = match dice.below(10) {
            0..6 => Names::Record,
            6..9 => Names::Customer,
            _ => Names::Nothing,
        };
        let at = match names {
            Names::Nothing => r.start.saturating_sub(1 + dice.below(3)),
            Names::Record | Names::Customer => r.start + dice.below(r.end - r.start + 1),
        };
        claims.push(Claimed { record, at, names });
    }
    claims
}
