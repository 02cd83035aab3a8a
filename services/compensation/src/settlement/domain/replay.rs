//! Where what a settlement stores is not what was derived again. Pure.

use std::collections::BTreeMap;

use tally_kernel::id::{DeltaId, PersonId, SettlementId};
use tally_kernel::{Currency, Message, Money, msg};

use super::Sums;
use crate::statement::domain::PersonLine;

/// Differences that are told; of the others how many there are.
const NAMED: usize = 100;

/// What somebody gets: the line, nothing of who gets adjustments alone; and what is paid and left of each delta, in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Paid {
    pub(crate) line: Option<PersonLine>,
    pub(crate) adjustments: BTreeMap<DeltaId, (i64, i64)>,
}

/// What is stored of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    There(Box<Paid>),
    /// It does not open, or does not add up: not what was written.
    Unreadable,
}

/// Where what is stored is not what was derived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Whose statement; nothing of the sums.
    pub(crate) person: Option<PersonId>,
    pub(crate) stored: Option<Message>,
    pub(crate) derived: Option<Message>,
    /// What is different, sentence by sentence.
    pub(crate) said: Vec<Message>,
}

/// The first differences, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Differences {
    pub(crate) count: u32,
    pub(crate) first: Vec<Difference>,
}

/// What came of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replayed {
    pub(crate) settlement: SettlementId,
    /// Statements that were compared.
    pub(crate) statements: u32,
    /// Of what it was drafted from, hex: then, and now.
    pub(crate) digests: (String, String),
    pub(crate) differences: Differences,
}

impl Differences {
    fn push(&mut self, one: impl FnOnce() -> Difference) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(one());
        }
    }

    /// Nothing could be derived, or the sums cannot be read, for this reason.
    pub(crate) fn without(&mut self, reason: Message) {
        self.push(|| Difference { person: None, stored: None, derived: None, said: vec![reason] });
    }

    /// The sums with how many statements there are, as they are stored, and as they were derived.
    pub(crate) fn sums(&mut self, stored: (&Sums, u32), derived: (&Sums, u32)) {
        if stored != derived {
            let said = vec![msg!("REPLAY_SUMS_OTHER")];
            self.push(|| Difference {
                person: None,
                stored: Some(summed(stored)),
                derived: Some(summed(derived)),
                said,
            });
        }
    }

    /// Everybody's statement: those that were derived in their order, then those that are stored beside them.
    pub(crate) fn statements(
        &mut self,
        currency: Currency,
        mut stored: BTreeMap<PersonId, Stored>,
        derived: &[(PersonId, Paid)],
    ) {
        let told = |paid: &Paid| told(currency, paid);
        for (person, now) in derived {
            let (kept, said) = match stored.remove(person) {
                Some(Stored::There(kept)) if *kept == *now => continue,
                Some(Stored::There(kept)) => {
                    let said = said(&kept, now);
                    (Some(told(&kept)), said)
                }
                Some(Stored::Unreadable) => (None, msg!("REPLAY_UNREADABLE")),
                None => (None, msg!("REPLAY_NOT_STORED")),
            };
            self.push(|| Difference {
                person: Some(*person),
                stored: kept,
                derived: Some(told(now)),
                said: vec![said],
            });
        }
        for (person, kept) in stored {
            let (stored, said) = match kept {
                Stored::There(kept) => (Some(told(&kept)), msg!("REPLAY_NOT_DERIVED")),
                Stored::Unreadable => (None, msg!("REPLAY_UNREADABLE")),
            };
            self.push(|| Difference { person: Some(person), stored, derived: None, said: vec![said] });
        }
    }
}

/// What of two statements is different: the first that is.
fn said(stored: &Paid, derived: &Paid) -> Message {
    let amounts = |paid: &Paid| paid.line.as_ref().map(|line| (line.minor, line.score));
    if amounts(stored) != amounts(derived) {
        msg!("REPLAY_AMOUNT_OTHER")
    } else if stored.adjustments != derived.adjustments {
        msg!("REPLAY_ADJUSTMENTS_OTHER")
    } else {
        msg!("REPLAY_LINE_OTHER")
    }
}

fn summed((sums, people): (&Sums, u32)) -> Message {
    let money = |minor| Money::new(minor, sums.pool.currency);
    let (paid, funds) = (money(sums.paid_minor), money(sums.team_fund_minor()));
    msg!("REPLAY_SUMS", pool = sums.pool, paid, funds, adjusted = money(sums.adjusted_minor.unwrap_or(0)), people)
}

fn told(currency: Currency, paid: &Paid) -> Message {
    let line = match &paid.line {
        Some(line) => msg!("REPLAY_STATEMENT", amount = Money::new(line.minor, currency), score = line.score),
        None => msg!("REPLAY_STATEMENT.alone"),
    };
    if paid.adjustments.is_empty() {
        return line;
    }
    let adjusted = paid.adjustments.values().fold(0_i64, |sum, (minor, _)| sum.saturating_add(*minor));
    msg!("REPLAY_STATEMENT.adjusted", line, adjusted = Money::new(adjusted, currency))
}

#[cfg(test)]
mod tests {
    use tally_kernel::Micro;
    use uuid::Uuid;

    use super::*;

    fn paid(minor: i64, equal_split_minor: i64) -> Paid {
        let (person, employee_no) = (PersonId(Uuid::from_u128(1)), "E1".to_owned());
        let line = PersonLine { person, employee_no, score: Micro::ONE, minor, equal_split_minor, parts: Vec::new() };
        Paid { line: Some(line), adjustments: BTreeMap::new() }
    }

    fn there(paid: Paid) -> Stored {
        Stored::There(Box::new(paid))
    }

    #[test]
    fn each_statement_that_is_not_as_derived_is_named_with_why() {
        let person = |n| PersonId(Uuid::from_u128(n));
        let delta = |minor| BTreeMap::from([(DeltaId(Uuid::nil()), (minor, 0))]);
        let derived: Vec<_> = (1..=6).map(|n| (person(n), paid(100, 100))).collect();
        let stored = BTreeMap::from([
            (person(1), there(paid(100, 100))),
            (person(2), there(paid(101, 100))),
            (person(3), there(paid(100, 99))),
            (person(4), there(Paid { adjustments: delta(7), ..paid(100, 100) })),
            (person(5), Stored::Unreadable),
            (person(7), there(paid(1, 1))),
        ]);
        let mut differences = Differences::default();
        differences.statements(Currency::CNY, stored, &derived);
        let found: Vec<_> = differences
            .first
            .iter()
            .map(|it| (it.person.map(|it| it.0.as_u128()), it.said[0].id().to_owned()))
            .collect();
        let expected = [
            (2, "REPLAY_AMOUNT_OTHER"),
            (3, "REPLAY_LINE_OTHER"),
            (4, "REPLAY_ADJUSTMENTS_OTHER"),
            (5, "REPLAY_UNREADABLE"),
            (6, "REPLAY_NOT_STORED"),
            (7, "REPLAY_NOT_DERIVED"),
        ];
        assert_eq!(found, expected.map(|(n, why)| (Some(n), why.to_owned())));
    }

    #[test]
    fn of_many_differences_the_first_hundred_are_told_and_all_are_counted() {
        let derived: Vec<_> = (0..250).map(|n| (PersonId(Uuid::from_u128(n)), paid(1, 1))).collect();
        let mut differences = Differences::default();
        differences.statements(Currency::CNY, BTreeMap::new(), &derived);
        assert_eq!((differences.count, differences.first.len()), (250, NAMED));
    }
}
