//! What depends on rows that the suite did not take: it would speak of somebody or something else, so it is not sent.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tally_bundle::{AccountIx, Alias, Bundle, PersonIx, RecordIx};
use tally_kernel::{Message, msg};

use crate::Ids;

/// Rows that were refused, by what names them, and who needs them.
#[derive(Debug, Default)]
pub struct KeptBack {
    /// Paths of org units.
    pub units: BTreeSet<String>,
    /// Employee numbers, of which some row was refused: one person has all of them or none.
    pub people: BTreeSet<String>,
    /// Paths of accounts.
    pub accounts: BTreeSet<String>,
    /// Nicknames.
    pub nicknames: Vec<Nickname>,
    /// Places of records in the bundle.
    pub records: BTreeSet<usize>,
}

/// A nickname that was refused.
#[derive(Debug)]
pub struct Nickname {
    /// The row of the bundle.
    pub alias: Alias,
    /// The days on which the suite means the same person by it.
    pub agreed: Vec<Alias>,
}

impl KeptBack {
    /// Why nothing of this unit can be sent, if it cannot.
    pub fn unit(&self, path: &str) -> Option<Message> {
        self.units.contains(path).then(|| msg!("ROWS_OF_UNIT_REFUSED", unit = path))
    }

    /// Why nothing of this person can be sent, if it cannot.
    pub fn person(&self, bundle: &Bundle, ids: &Ids, person: PersonIx) -> Option<Message> {
        let number = &bundle.person(person).employee_no;
        if self.people.contains(number) {
            return Some(msg!("ROWS_OF_NUMBER_REFUSED", number));
        }
        ids.people[person.0 as usize].is_empty().then(|| msg!("PERSON_NOT_IN_SUITE", number))
    }

    /// Why nothing of this account can be sent, if it cannot.
    pub fn account(&self, bundle: &Bundle, ids: &Ids, account: AccountIx) -> Option<Message> {
        let label = || bundle.account_label(account);
        if !self.accounts.is_empty() && self.accounts.contains(&bundle.account(account).path()) {
            return Some(msg!("ROWS_OF_ACCOUNT_REFUSED", label = label()));
        }
        ids.accounts[account.0 as usize].is_empty().then(|| msg!("ACCOUNT_NOT_IN_SUITE", label = label()))
    }

    /// Why the record at this place cannot be sent, if it cannot, of an account of which records can be sent. A record does
    /// not tell any more whether it named its agent by number or by nickname.
    pub fn record(&self, bundle: &Bundle, ids: &Ids, at: usize) -> Option<Message> {
        let record = &bundle.records[at];
        let agent = record.agent?;
        if let Some(message) = self.person(bundle, ids, agent) {
            return Some(message);
        }
        let account = bundle.account(record.account);
        let of_agent = |name: &&Nickname| name.alias.person == agent && name.alias.platform == account.platform;
        let mut names = self.nicknames.iter().filter(of_agent).peekable();
        names.peek()?;
        let day = local(record.started_at, &account.zone).date();
        let name = names.find(|name| name.is_open(day))?;
        Some(msg!("NICKNAME_REFUSED", alias = name.alias.alias, number = bundle.person(agent).employee_no))
    }

    /// Why the messages of this record cannot be sent, if they cannot.
    pub fn replies(&self, bundle: &Bundle, ids: &Ids, ix: RecordIx) -> Option<Message> {
        let record = bundle.record(ix);
        let refused = self.records.contains(&(ix.0 as usize));
        let reason = || msg!("ROWS_OF_RECORD_REFUSED", record = bundle.text(record.external_id));
        self.account(bundle, ids, record.account).or_else(|| refused.then(reason))
    }
}

impl Nickname {
    /// Whether the bundle means somebody by it on a day whom the suite does not mean.
    fn is_open(&self, day: Date) -> bool {
        self.alias.covers(day) && !self.agreed.iter().any(|alias| alias.covers(day))
    }
}

fn local(at: Timestamp, zone: &str) -> jiff::civil::DateTime {
    at.to_zoned(TimeZone::get(zone).unwrap_or(TimeZone::UTC)).datetime()
}

/// An instant as the files write it, by a clock of this zone; with its offset in an hour that comes twice.
pub fn by_clock(at: Timestamp, zone: &str) -> String {
    let at = at.to_zoned(TimeZone::get(zone).unwrap_or(TimeZone::UTC));
    let seconds = if at.second() == 0 { "" } else { ":%S" };
    let offset = if at.time_zone().to_ambiguous_timestamp(at.datetime()).is_ambiguous() { "%:z" } else { "" };
    at.strftime(&format!("%Y-%m-%d %H:%M{seconds}{offset}")).to_string()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn an_instant_is_written_by_the_clock_that_its_row_was_written_by() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(by_clock(at("2026-03-01T14:00:00Z"), "Asia/Shanghai"), "2026-03-01 22:00");
        assert_eq!(by_clock(at("2026-03-01T14:00:07Z"), "Asia/Shanghai"), "2026-03-01 22:00:07");
        assert_eq!(by_clock(at("2026-10-25T00:30:00Z"), "Europe/Berlin"), "2026-10-25 02:30+02:00");
        assert_eq!(by_clock(at("2026-10-25T01:30:00Z"), "Europe/Berlin"), "2026-10-25 02:30+01:00");
    }

    #[test]
    fn a_refused_nickname_stands_in_the_way_only_on_days_on_which_the_suite_means_somebody_else() {
        let alias = |from, to| Alias { platform: "JD".into(), alias: "fang".into(), from, to, person: PersonIx(0) };
        let (first, last) = (date(2026, 3, 1), date(2026, 3, 31));
        let name =
            Nickname { alias: alias(Some(first), Some(last)), agreed: vec![alias(None, Some(date(2026, 3, 10)))] };
        let open = [date(2026, 2, 28), date(2026, 3, 10), date(2026, 3, 11), last, date(2026, 4, 1)];
        assert_eq!(open.map(|day| name.is_open(day)), [false, false, true, true, false]);
    }
}
