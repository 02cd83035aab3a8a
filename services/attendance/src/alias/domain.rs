//! A nickname's meaning. At any date it means one person at most.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tally_kernel::id::PersonId;
use tally_kernel::import::{ImportOutcome, Keyed, Problem};
use tally_kernel::{Message, msg};

use crate::days;
use crate::placed::{Placed, Stored};

/// What a nickname means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    pub platform: String,
    pub alias: String,
    pub person: PersonId,
    /// First local date; nothing means from the beginning.
    pub from: Option<Date>,
    /// Last local date; nothing means open.
    pub to: Option<Date>,
}

impl Alias {
    /// Whether both mean somebody on the same day.
    pub fn overlaps(&self, other: &Self) -> bool {
        days::common((self.from, self.to), (other.from, other.to)).is_some()
    }
}

impl Keyed for Alias {
    type Key = (String, String, Option<Date>);
    type Content = (PersonId, Option<Date>);
    fn key(&self) -> Self::Key {
        (self.platform.clone(), self.alias.clone(), self.from)
    }
    fn content(&self) -> Self::Content {
        (self.person, self.to)
    }
    fn conflict(&self, (person, to): &Self::Content) -> (&'static str, Message) {
        let why = match (self.person == *person, self.to == *to) {
            (true, _) => msg!("ALIAS_DIFFERENT.end"),
            (false, true) => msg!("ALIAS_DIFFERENT.person"),
            (false, false) => msg!("ALIAS_DIFFERENT"),
        };
        ("ALREADY_DIFFERENT", why)
    }
}

/// Refuses rows whose dates overlap those of the same nickname, as there or in an earlier row.
pub fn without_overlaps(
    fresh: Vec<(u32, Placed<Alias>)>,
    there: &[Stored<Alias>],
    outcome: &mut ImportOutcome,
) -> Vec<Placed<Alias>> {
    let name = |alias: &Alias| (alias.platform.clone(), alias.alias.clone());
    let mut taken: BTreeMap<(String, String), Vec<Alias>> = BTreeMap::new();
    for Stored { placed, .. } in there.iter().filter(|row| row.counts()) {
        taken.entry(name(&placed.fact)).or_default().push(placed.fact.clone());
    }
    let mut good = Vec::with_capacity(fresh.len());
    for (index, row) in fresh {
        let others = taken.entry(name(&row.fact)).or_default();
        if others.iter().any(|other| other.overlaps(&row.fact)) {
            outcome.written -= 1;
            outcome.problems.push(Problem::new(index, "ALIAS_OVERLAP", msg!("ALIAS_OVERLAP")));
        } else {
            others.push(row.fact.clone());
            good.push(row);
        }
    }
    good
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use uuid::Uuid;

    use super::*;
    use crate::directory::Home;
    use crate::placed::Standing;

    fn row(person: u128, from: Option<Date>, to: Option<Date>) -> Placed<Alias> {
        let person = PersonId(Uuid::from_u128(person));
        let fact = Alias { platform: "JD".into(), alias: "小红".into(), person, from, to };
        Placed { home: Home { region: "cn-north".parse().unwrap(), unit: None }, fact }
    }

    #[test]
    fn a_nickname_means_one_person_on_any_date() {
        let placed = row(1, None, Some(date(2026, 2, 28)));
        let there = [Stored { id: Uuid::nil(), placed, standing: Standing::default() }];
        let after = row(2, Some(date(2026, 3, 1)), None);
        let last_day = row(2, Some(date(2026, 2, 28)), Some(date(2026, 2, 28)));
        let mut outcome = ImportOutcome { written: 3, ..ImportOutcome::default() };
        let fresh = vec![(0, last_day), (1, after.clone()), (2, row(3, Some(date(2027, 1, 1)), None))];
        assert_eq!(without_overlaps(fresh, &there, &mut outcome), [after]);
        assert_eq!(outcome.written, 1);
        assert_eq!(outcome.problems.iter().map(|p| p.index).collect::<Vec<_>>(), [0, 2]);
    }
}
