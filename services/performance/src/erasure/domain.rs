//! Taking a person's number and nicknames out of what is kept: frozen inputs, tags of records, sentences of findings.

use std::collections::BTreeSet;

use jiff::ToSpan as _;
use jiff::civil::Date;
use tally_kernel::Message;
use tally_kernel::id::{AccountId, PersonId};
use tally_kernel::message::Arg;
use tally_kernel::time::{TimeError, zone};

use crate::credit::domain::NUMBERS;
use tally_engine::closing::collect::quoted;
use tally_engine::closing::facts::{AccountFacts, Alias};
use tally_engine::closing::snapshot::Frozen;

/// A text that meant the person in an account's records.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Worn {
    pub account: AccountId,
    /// As records name it: a nickname or the employee number.
    pub agent: String,
    /// From this instant on, milliseconds since 1970; nothing means from the beginning.
    pub from_ms: Option<i64>,
    /// Before this instant.
    pub to_ms: Option<i64>,
}

impl Worn {
    fn new(
        account: AccountId,
        in_zone: &str,
        agent: &str,
        days: (Option<Date>, Option<Date>),
    ) -> Result<Self, TimeError> {
        let zone = zone(in_zone)?;
        let midnight = |day: Date| day.to_zoned(zone.clone()).map(|at| at.timestamp().as_millisecond());
        let midnight = |day: Date| midnight(day).map_err(|_| TimeError::OutOfRange);
        let after = |day: Date| day.checked_add(1.day()).map_err(|_| TimeError::OutOfRange);
        let from_ms = days.0.map(midnight).transpose()?;
        let to_ms = days.1.map(|last| midnight(after(last)?)).transpose()?;
        Ok(Self { account, agent: agent.to_owned(), from_ms, to_ms })
    }
}

/// What a person's aliases meant on the accounts of their platforms.
///
/// # Errors
/// [`TimeError`] for an unknown zone or a date at the end of time.
pub fn worn_by_alias(
    person: PersonId,
    aliases: &[Alias],
    accounts: &[AccountFacts],
) -> Result<BTreeSet<Worn>, TimeError> {
    let mut worn = BTreeSet::new();
    for alias in aliases.iter().filter(|alias| alias.person == person) {
        for account in accounts.iter().filter(|account| account.platform == alias.platform) {
            worn.insert(Worn::new(account.id, &account.zone, &alias.alias, (alias.from, alias.to))?);
        }
    }
    Ok(worn)
}

/// What meant a person in frozen inputs.
///
/// # Errors
/// [`TimeError`] for an unknown zone or a date at the end of time.
pub fn worn_in(frozen: &Frozen, person: PersonId) -> Result<BTreeSet<Worn>, TimeError> {
    let mut worn = BTreeSet::new();
    let Some(place) = place_of(frozen, person) else { return Ok(worn) };
    for account in &frozen.accounts {
        for (agent, meanings) in &account.agents {
            for meaning in meanings.iter().filter(|meaning| meaning.person == place) {
                worn.insert(Worn::new(account.id, &account.zone, agent, (meaning.from, meaning.to))?);
            }
        }
    }
    Ok(worn)
}

/// Puts a pseudonym where frozen inputs named a person. Nobody changes place, so what was computed from them stays what it
/// was. Whether anything changed.
pub fn forget(frozen: &mut Frozen, person: PersonId, pseudonym: &str) -> bool {
    let Some(place) = place_of(frozen, person) else { return false };
    let Some(one) = frozen.people.iter_mut().find(|one| one.id == person) else { return false };
    if one.no == pseudonym {
        return false;
    }
    let number = std::mem::replace(&mut one.no, pseudonym.to_owned());
    for account in &mut frozen.accounts {
        for duty in &mut account.duty {
            duty.evidence = redact(&duty.evidence, &number, pseudonym);
        }
        let mut mine = Vec::new();
        account.agents.retain(|_, meanings| {
            let before = meanings.len();
            mine.extend(meanings.iter().filter(|meaning| meaning.person == place).copied());
            meanings.retain(|meaning| meaning.person != place);
            // A text that meant nobody before stays as it is.
            before == 0 || !meanings.is_empty()
        });
        if !mine.is_empty() {
            mine.sort();
            mine.dedup();
            account.agents.insert(pseudonym.to_owned(), mine);
        }
    }
    true
}

fn place_of(frozen: &Frozen, person: PersonId) -> Option<u32> {
    (0..).zip(&frozen.people).find(|(_, one)| one.id == person).map(|(place, _)| place)
}

/// The text with a word replaced wherever it stands for itself: `E1` is not in `E12`.
pub fn redact(text: &str, word: &str, by: &str) -> String {
    if word.is_empty() {
        return text.to_owned();
    }
    let (mut out, mut rest, mut before) = (String::with_capacity(text.len()), text, None);
    while let Some(at) = rest.find(word) {
        let (head, tail) = (&rest[..at], &rest[at + word.len()..]);
        let left = head.chars().next_back().or(before);
        let whole = !left.is_some_and(char::is_alphanumeric) && !tail.starts_with(char::is_alphanumeric);
        out.push_str(head);
        if whole {
            out.push_str(by);
            (rest, before) = (tail, word.chars().next_back());
        } else {
            // Only the first letter is behind us: the word may begin again within itself.
            let first = word.chars().next().map_or(0, char::len_utf8);
            out.push_str(&word[..first]);
            (rest, before) = (&rest[at + first..], word.chars().next());
        }
    }
    out.push_str(rest);
    out
}

/// The message with a number replaced in the arguments that are one, or in its sentence where it is one already.
pub fn redact_message(message: &Message, number: &str, by: &str) -> Message {
    if let Some(told) = message.as_told() {
        return Message::told(redact(told, number, by));
    }
    changed(message, |name, text| {
        let named = text == number || name == "agent" && text == quoted(number);
        if named && NUMBERS.contains(&name) { by.to_owned() } else { text.to_owned() }
    })
}

/// The subject of a finding: a number, or the key or id of an account, which no number is.
pub fn redact_subject(subject: &str, number: &str, by: &str) -> String {
    if subject == number { by.to_owned() } else { subject.to_owned() }
}

/// The message of an agent whom nobody is known by, with a pseudonym in the place of this one.
pub fn forget_agent(message: &Message, agent: &str, pseudonym: &str) -> Message {
    match message.as_told() {
        // Sentences had it in quotes.
        Some(told) => Message::told(told.replace(&format!("{agent:?}"), &format!("{pseudonym:?}"))),
        None => changed(message, |name, text| {
            if name == "agent" && text == quoted(agent) { pseudonym.to_owned() } else { text.to_owned() }
        }),
    }
}

fn changed(message: &Message, new: impl Fn(&str, &str) -> String) -> Message {
    message.args().iter().fold(Message::new(message.id()), |changed, (name, arg)| match arg {
        Arg::Text(text) => changed.with(name, &new(name, text)),
        // Findings hold texts only: they come over the wire.
        Arg::Message(_) | Arg::List(_) => changed.with(name, arg),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::civil::date;
    use proptest::prelude::*;
    use tally_access::Region;
    use tally_kernel::id::OrgUnitId;
    use tally_kernel::msg;
    use tally_kernel::time::Period;
    use uuid::Uuid;

    use super::*;
    use tally_engine::closing::facts::DutyRule;
    use tally_engine::closing::snapshot::{FrozenAccount, FrozenDuty, FrozenPerson, Meaning};
    use tally_engine::policy::Policy;

    const ME: PersonId = PersonId(Uuid::from_u128(2));

    fn person(n: u128) -> FrozenPerson {
        FrozenPerson {
            id: PersonId(Uuid::from_u128(n)),
            no: format!("E{n}"),
            unit: OrgUnitId(Uuid::nil()),
            unit_path: String::new(),
            region: Region::global(),
            employed: Vec::new(),
        }
    }

    fn frozen() -> Frozen {
        let means = |person, from, to| Meaning { person, from, to };
        let duty = |person: u32, evidence: &str| FrozenDuty {
            start_ms: 0,
            person,
            rule: DutyRule::Roster,
            end_ms: 1,
            evidence: evidence.to_owned(),
        };
        let agents = BTreeMap::from([
            ("E2".to_owned(), vec![means(1, None, None)]),
            ("nobody".to_owned(), Vec::new()),
            ("plum".to_owned(), vec![means(0, None, Some(date(2022, 3, 9))), means(1, Some(date(2022, 3, 10)), None)]),
        ]);
        let account = FrozenAccount {
            id: AccountId(Uuid::from_u128(9)),
            key: "JD/shop/a".to_owned(),
            zone: "Asia/Shanghai".to_owned(),
            region: Region::global(),
            unit: None,
            from_ms: 0,
            to_ms: 1,
            phases: Vec::new(),
            duty: vec![duty(0, "shift:E12@x/y"), duty(1, "shift:E2@x/y, punch:E2@z")],
            own: Vec::new(),
            own_from: BTreeMap::new(),
            agents,
            devices: BTreeMap::new(),
        };
        Frozen {
            period: Period::new(date(2022, 3, 1), date(2022, 3, 31)).unwrap(),
            policy: Policy::default(),
            minor_digits: 2,
            rosters_known: true,
            effort: 0,
            people: vec![person(12), person(2)],
            accounts: vec![account],
        }
    }

    #[test]
    fn frozen_inputs_forget_one_person_and_keep_everybodys_place() {
        let (mut inputs, before) = (frozen(), frozen());
        assert!(forget(&mut inputs, ME, "erased-2"));
        let text = serde_json::to_string(&inputs).unwrap();
        assert!(!text.contains("E2\"") && !text.contains("E2@"), "{text}");
        assert!(text.contains("E12"), "somebody else's number stays");
        let ids = |frozen: &Frozen| frozen.people.iter().map(|one| one.id).collect::<Vec<_>>();
        assert_eq!(ids(&inputs), ids(&before));
        let agents = &inputs.accounts[0].agents;
        assert_eq!(agents.keys().collect::<Vec<_>>(), ["erased-2", "nobody", "plum"]);
        assert!(agents["plum"].iter().all(|meaning| meaning.person == 0), "another's nickname of other days");
        assert_eq!(agents["erased-2"].len(), 2);
        assert!(!forget(&mut inputs, ME, "erased-2"), "once is enough");
        assert!(!forget(&mut inputs, PersonId(Uuid::nil()), "x"), "nobody who is not in it");
    }

    #[test]
    fn what_somebody_was_called_has_the_days_of_its_zone() {
        let worn = worn_in(&frozen(), ME).unwrap();
        let told: Vec<_> = worn.iter().map(|one| (one.agent.as_str(), one.from_ms, one.to_ms)).collect();
        // Midnight in Shanghai, at +8.
        assert_eq!(told, [("E2", None, None), ("plum", Some(1_646_841_600_000), None)]);
        let alias = |to| Alias { platform: "JD".to_owned(), alias: "pear".to_owned(), person: ME, from: None, to };
        let account = AccountFacts {
            id: AccountId(Uuid::from_u128(9)),
            platform: "JD".to_owned(),
            key: "JD/shop/a".to_owned(),
            zone: "Asia/Shanghai".to_owned(),
            team_path: String::new(),
            unit: None,
            region: Region::global(),
            phases: Vec::new(),
        };
        let elsewhere = AccountFacts { platform: "Tmall".to_owned(), ..account.clone() };
        let worn = worn_by_alias(ME, &[alias(Some(date(2022, 3, 9)))], &[account, elsewhere]).unwrap();
        let told: Vec<_> = worn.iter().map(|one| (one.agent.as_str(), one.from_ms, one.to_ms)).collect();
        assert_eq!(
            told,
            [("pear", None, Some(1_646_841_600_000))],
            "to the end of the last day, on its platform alone"
        );
    }

    #[test]
    fn a_word_is_replaced_where_it_stands_for_itself() {
        assert_eq!(redact("E1, E12, xE1, E1", "E1", "-"), "-, E12, xE1, -");
        assert_eq!(redact("aab aa", "aa", "-"), "aab -");
        assert_eq!(redact("nothing", "", "-"), "nothing");
    }

    #[test]
    fn findings_lose_numbers_and_nicknames_whether_they_are_data_or_sentences() {
        let held = msg!("DUTY_HELD_BY_TWO", first = "E1", second = "E12", from = "2026-03-02T08:00:00Z");
        let redacted = msg!("DUTY_HELD_BY_TWO", first = "-", second = "E12", from = "2026-03-02T08:00:00Z");
        assert_eq!(redact_message(&held, "E1", "-"), redacted);
        assert_eq!(redact_message(&Message::told("E1 and E12"), "E1", "-"), Message::told("- and E12"));
        let named = |agent: &str| msg!("CREDIT_UNKNOWN_AGENT", records = 2, agent);
        assert_eq!(forget_agent(&named("Mimi"), "Mimi", "-"), named("-"));
        assert_eq!(forget_agent(&named(&quoted("a\"b")), "a\"b", "-"), named("-"));
        assert_eq!(forget_agent(&named("Mimi 2"), "Mimi", "-"), named("Mimi 2"));
        assert_eq!(
            forget_agent(&Message::told("2 records name the agent \"Mimi\""), "Mimi", "-"),
            Message::told("2 records name the agent \"-\"")
        );
    }

    #[test]
    fn a_number_is_taken_out_where_it_means_the_person_and_nowhere_else() {
        let odd = |number: &str| {
            msg!("DUTY_LONE_IN", number, at = "2026-03-16T08:00:00+08:00", hours = "16", account = "JD/16/cs 16")
        };
        assert_eq!(redact_message(&odd("16"), "16", "erased-1"), odd("erased-1"));
        assert_eq!(redact_message(&odd("08"), "08", "erased-1"), odd("erased-1"));
        assert_eq!(redact_message(&odd("17"), "16", "erased-1"), odd("17"), "a finding about somebody else");
        let shift = |person: &str| msg!("CREDIT_TAG_OFF_DUTY", records = "16", person);
        assert_eq!(redact_message(&shift("16"), "16", "erased-1"), shift("erased-1"));
        let unknown = |agent: &str| msg!("CREDIT_UNKNOWN_AGENT", records = "16", agent);
        assert_eq!(redact_message(&unknown("16"), "16", "erased-1"), unknown("erased-1"));
        let subjects = ["16", "JD/16/cs", "JD/shop/16"].map(|subject| redact_subject(subject, "16", "erased-1"));
        assert_eq!(subjects, ["erased-1", "JD/16/cs", "JD/shop/16"]);
    }

    proptest! {
        #[test]
        fn nothing_of_the_word_is_left_between_other_signs(
            parts in prop::collection::vec("[E0-9]{0,3}", 0..8), word in "[E0-9]{1,3}"
        ) {
            let redacted = redact(&parts.join(" "), &word, "?");
            let expected: Vec<&str> = parts.iter().map(|p| if *p == word { "?" } else { p.as_str() }).collect();
            prop_assert_eq!(redacted, expected.join(" "));
        }
    }
}
