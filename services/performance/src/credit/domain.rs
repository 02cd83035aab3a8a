//! What a finding tells to whom. Pure.

use tally_kernel::Message;
use tally_kernel::message::Arg;

pub mod fixes;

/// The arguments of findings that are employee numbers, or an agent whom records name by one. Every other may hold the same
/// signs and mean something else: hours, a count, a part of a time or of an account's key.
pub const NUMBERS: [&str; 5] = ["number", "first", "second", "person", "agent"];

/// What stands for somebody whom the reader may not know of.
const SOMEBODY: &str = "***";

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
