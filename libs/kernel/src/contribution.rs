//! Who did what of a record that several people worked on: roles and names, and how both stand in one cell.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Contributors of one record: more is a mistake, and so many divide every role exactly.
pub const MAX_CONTRIBUTORS: usize = 10;

/// What somebody did of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Answered the customer first.
    FirstAnswer,
    /// Closed the sale.
    Closer,
    /// Served the customer after it.
    AfterSales,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::FirstAnswer, Self::Closer, Self::AfterSales];

    /// Its word in files and tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::FirstAnswer => "first_answer",
            Self::Closer => "closer",
            Self::AfterSales => "after_sales",
        }
    }
}

impl FromStr for Role {
    type Err = Malformed;
    fn from_str(word: &str) -> Result<Self, Malformed> {
        Self::ALL.into_iter().find(|role| role.word() == word).ok_or_else(|| Malformed::Role(word.to_owned()))
    }
}

/// Somebody who worked on a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Contribution {
    /// What they did.
    pub role: Role,
    /// An employee number or an alias, as a record names its agent.
    pub agent: String,
}

/// Why a cell names no contributors.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A word that is no role.
    #[error("no role: {0}")]
    Role(String),
    /// A part that is not `role=name`, or a name with a `;` in it.
    #[error("no role and name: {0}")]
    Part(String),
    /// The same role and name twice.
    #[error("twice: {0}")]
    Twice(String),
    /// More than [`MAX_CONTRIBUTORS`].
    #[error("too many")]
    TooMany,
}

/// Contributors in order, each once.
///
/// # Errors
/// [`Malformed`].
pub fn sorted(mut named: Vec<Contribution>) -> Result<Vec<Contribution>, Malformed> {
    named.sort();
    let mut seen = BTreeSet::new();
    for one in &named {
        if one.agent.is_empty() || one.agent.contains(';') {
            return Err(Malformed::Part(one.agent.clone()));
        }
        if !seen.insert(one) {
            return Err(Malformed::Twice(format!("{}={}", one.role.word(), one.agent)));
        }
    }
    if named.len() > MAX_CONTRIBUTORS { Err(Malformed::TooMany) } else { Ok(named) }
}

/// Reads `first_answer=A001;closer=A007`; spaces around the parts are of no meaning.
///
/// # Errors
/// [`Malformed`].
pub fn read(cell: &str) -> Result<Vec<Contribution>, Malformed> {
    let part = |part: &str| {
        let (role, agent) = part.split_once('=').ok_or_else(|| Malformed::Part(part.to_owned()))?;
        Ok(Contribution { role: role.trim().parse()?, agent: agent.trim().to_owned() })
    };
    let parts = cell.split(';').map(str::trim).filter(|part| !part.is_empty());
    sorted(parts.map(part).collect::<Result<_, _>>()?)
}

/// Writes contributors as [`read`] reads them.
pub fn write(named: &[Contribution]) -> String {
    let parts: Vec<String> = named.iter().map(|one| format!("{}={}", one.role.word(), one.agent)).collect();
    parts.join(";")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cell_names_roles_and_people_and_everything_else_is_refused_by_name() {
        let named = read(" closer = A=7 ; first_answer=A001;").unwrap();
        assert_eq!(write(&named), "first_answer=A001;closer=A=7");
        assert_eq!(read(""), Ok(vec![]));
        assert_eq!(read("seller=A1"), Err(Malformed::Role("seller".into())));
        assert_eq!(read("closer"), Err(Malformed::Part("closer".into())));
        assert_eq!(read("closer="), Err(Malformed::Part(String::new())));
        assert_eq!(read("closer=A;closer=A"), Err(Malformed::Twice("closer=A".into())));
        let many: Vec<String> = (0..=MAX_CONTRIBUTORS).map(|n| format!("closer=A{n}")).collect();
        assert_eq!(read(&many.join(";")), Err(Malformed::TooMany));
    }

    proptest! {
        #[test]
        fn what_is_written_comes_back_in_order(agents in prop::collection::btree_set((0..3_usize, "[^;\\s]{1,8}"), 0..=MAX_CONTRIBUTORS)) {
            let named: Vec<_> = agents.into_iter().map(|(role, agent)| Contribution { role: Role::ALL[role], agent }).collect();
            let sorted = sorted(named).unwrap();
            prop_assert_eq!(read(&write(&sorted)), Ok(sorted));
        }
    }
}
