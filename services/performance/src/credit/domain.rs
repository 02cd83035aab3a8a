//! What a finding tells to whom, and which credits are asked for. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tally_engine::closing::codec::Share;
use tally_engine::closing::credit::on_duty;
use tally_engine::closing::snapshot::{FrozenAccount, FrozenDuty};
use tally_kernel::Message;
use tally_kernel::id::{AccountId, PersonId};
use tally_kernel::message::Arg;

pub mod fixes;

/// The arguments of findings that are employee numbers, or an agent whom records name by one. Every other may hold the same
/// signs and mean something else: hours, a count, a part of a time or of an account's key.
pub const NUMBERS: [&str; 5] = ["number", "first", "second", "person", "agent"];

/// What stands for somebody whom the reader may not know of.
const SOMEBODY: &str = "***";

/// Which credits are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Which {
    /// With the shares of this person alone.
    pub person: Option<PersonId>,
    pub account: Option<AccountId>,
    /// Of records that began at this instant or later.
    pub from: Option<Timestamp>,
    /// Of records that began before this.
    pub to: Option<Timestamp>,
}

impl Which {
    /// In milliseconds, the first included: a record begins at a whole one.
    pub fn within(&self) -> (Option<i64>, Option<i64>) {
        let whole = |at: Timestamp| {
            let down = at.as_nanosecond().div_euclid(1_000_000);
            i64::try_from(down).unwrap_or_default() + i64::from(at.as_nanosecond().rem_euclid(1_000_000) > 0)
        };
        (self.from.map(whole), self.to.map(whole))
    }
}

/// The message with the numbers of everybody but one left out. A sentence of the time before messages were data is left out whole:
/// nobody can tell who is in it.
pub fn without_others(message: &Message, own: &str) -> Message {
    if message.as_told().is_some() {
        return Message::told(SOMEBODY);
    }
    message.args().iter().fold(Message::new(message.id()), |told, (name, arg)| match arg {
        Arg::Text(text) if NUMBERS.contains(name) && text != own => told.with(name, SOMEBODY),
        Arg::Text(text) => told.with(name, text),
        // Findings hold texts only: they come over the wire.
        Arg::Message(_) | Arg::List(_) => told.with(name, arg),
    })
}

/// Who may have done a record: whoever has a share, and who may have answered it or, where no reply decides, by the strongest rule was on duty
/// when it began. People by their places, each with millionths, the most first.
pub fn candidates(
    account: &FrozenAccount,
    (started_ms, shares): (i64, &[Share]),
    answered: &[&FrozenDuty],
) -> Vec<(u32, u32)> {
    let mut found: BTreeMap<u32, u32> = shares.iter().map(|share| (share.person, share.ppm)).collect();
    let mut on_duty = if answered.is_empty() { on_duty(account, started_ms) } else { answered.to_vec() };
    if answered.is_empty() {
        let strongest = on_duty.iter().map(|duty| duty.rule).min();
        on_duty.retain(|duty| Some(duty.rule) == strongest);
    }
    for duty in on_duty {
        found.entry(duty.person).or_default();
    }
    let mut found: Vec<(u32, u32)> = found.into_iter().collect();
    found.sort_by_key(|(_, ppm)| std::cmp::Reverse(*ppm));
    found
}

#[cfg(test)]
mod tests {
    use tally_kernel::msg;

    use super::*;

    #[test]
    fn a_finding_names_nobody_but_its_reader() {
        let held = |first: &str, second: &str| msg!("DUTY_HELD_BY_TWO", first, second, account = "JD/E2/a", why = "E2");
        assert_eq!(without_others(&held("E1", "E2"), "E1"), held("E1", "***"));
        assert_eq!(without_others(&held("E1", "E2"), "E2"), held("***", "E2"));
        assert_eq!(without_others(&held("E1", "E2"), ""), held("***", "***"));
        assert_eq!(without_others(&Message::told("E1 and E2"), "E1"), Message::told("***"));
    }
}
