//! Where a person belongs: one rule for every service.
//!
//! Somebody belongs to the home employment of a day. Concurrent posts and secondments move nothing: a punch, a card, a
//! statement and a piece of evidence stay with the home. `docs/decisions/0014-where-a-person-belongs.md`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use serde::{Deserialize, Serialize};

use crate::Region;
use crate::id::{OrgUnitId, PersonId};
use crate::time::Period;

/// The home of a day among somebody's home employments: the one that had begun last, so the one that holds on that day, and
/// in a gap or after the last the one before it; before the first the first.
pub fn home_on<T>(homes: impl IntoIterator<Item = T>, day: Date, begins: impl Fn(&T) -> Date) -> Option<T> {
    let mut home: Option<T> = None;
    for next in homes {
        let nearer = home.as_ref().is_none_or(|best| {
            let (best, next) = (begins(best), begins(&next));
            if next <= day { best > day || best < next } else { best > next }
        });
        if nearer {
            home = Some(next);
        }
    }
    home
}

/// What an employment is beside the others of the same person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Post {
    /// The one that the person belongs to.
    Home,
    /// A concurrent post or a secondment.
    Beside,
}

/// As what somebody works for the group: under which contract, and whose. See `docs/decisions/0026-kinds-of-employment.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmploymentKind {
    /// Employed by the group, full hours, without an end that was agreed on.
    FullTime,
    /// Employed by the group for some of the hours.
    PartTime,
    /// Employed by the group until a day that was agreed on, as for a season.
    FixedTerm,
    /// Learns on the job; an intern or an apprentice.
    Intern,
    /// Employed by an agency and lent to the group, which leads the work (labour dispatch).
    Agency,
    /// Works for a contractor of the group, who leads the work.
    Outsourced,
    /// Works on the own account, with a contract for services.
    Freelance,
}

impl EmploymentKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::FullTime,
        Self::PartTime,
        Self::FixedTerm,
        Self::Intern,
        Self::Agency,
        Self::Outsourced,
        Self::Freelance,
    ];

    /// Its word in files, tables and requests.
    pub fn word(self) -> &'static str {
        match self {
            Self::FullTime => "full_time",
            Self::PartTime => "part_time",
            Self::FixedTerm => "fixed_term",
            Self::Intern => "intern",
            Self::Agency => "agency",
            Self::Outsourced => "outsourced",
            Self::Freelance => "freelance",
        }
    }
}

/// A word that is no kind of employment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no kind of employment")]
pub struct NoEmploymentKind;

impl FromStr for EmploymentKind {
    type Err = NoEmploymentKind;
    fn from_str(word: &str) -> Result<Self, NoEmploymentKind> {
        Self::ALL.into_iter().find(|kind| kind.word() == word).ok_or(NoEmploymentKind)
    }
}

impl fmt::Display for EmploymentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A stretch of an employment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Employment {
    /// What it is beside the others.
    pub post: Post,
    /// First day.
    pub from: Date,
    /// Last day, or open.
    pub to: Option<Date>,
    /// The unit.
    pub unit: OrgUnitId,
    /// Its path; the people of a unit share the text.
    pub unit_path: Arc<str>,
    /// Its region.
    pub region: Region,
    /// Position, such as `agent`; texts that many have are shared.
    pub position: Arc<str>,
    /// Grade, such as `P3`.
    pub grade: Arc<str>,
    /// As what the person is employed, where it was said.
    pub kind: Option<EmploymentKind>,
}

impl Employment {
    /// Whether it holds on some day of the period.
    pub fn touches(&self, period: Period) -> bool {
        self.from <= period.to() && self.to.is_none_or(|to| period.from() <= to)
    }

    /// The day as of which it is asked where the unit hung of somebody whose home of a day this is: that day, or the last of whoever left
    /// before it.
    pub fn until(&self, day: Date) -> Date {
        self.to.map_or(day, |last| last.min(day))
    }
}

/// A person of the group.
#[derive(Clone, Debug, PartialEq)]
pub struct DirectoryPerson {
    /// The person.
    pub id: PersonId,
    /// The group's own number.
    pub employee_no: String,
    /// Zone of the person's days.
    pub zone: TimeZone,
    /// All of them, by their first day.
    pub employments: Vec<Employment>,
}

impl DirectoryPerson {
    /// Where the person belongs on a local day; nothing for somebody who was never employed. See [`home_on`].
    pub fn home(&self, day: Date) -> Option<&Employment> {
        home_on(self.homes(), day, |e| e.from)
    }

    /// The home employments. Posts beside them last no longer.
    pub fn homes(&self) -> impl Iterator<Item = &Employment> {
        self.employments.iter().filter(|e| e.post == Post::Home)
    }

    /// Where a fact of this instant belongs: the home of its local day.
    pub fn home_at(&self, at: Timestamp) -> Option<&Employment> {
        self.home(self.zone.to_datetime(at).date())
    }

    /// Whether employed on some day of the period.
    pub fn employed_in(&self, period: Period) -> bool {
        self.homes().any(|home| home.touches(period))
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use uuid::Uuid;

    use super::*;
    use crate::time::zone;

    fn employment(post: Post, from: Date, to: Option<Date>, unit: u128) -> Employment {
        let unit_path = format!("north/{unit}").into();
        Employment {
            post,
            from,
            to,
            unit: OrgUnitId(Uuid::from_u128(unit)),
            unit_path,
            region: "cn-north".parse().unwrap(),
            position: "agent".into(),
            grade: "P1".into(),
            kind: None,
        }
    }

    fn somebody(employments: Vec<Employment>) -> DirectoryPerson {
        let zone = zone("Asia/Shanghai").unwrap();
        DirectoryPerson { id: PersonId(Uuid::from_u128(9)), employee_no: "E9".into(), zone, employments }
    }

    /// The number of the unit.
    fn home(person: &DirectoryPerson, day: Date) -> Option<u128> {
        person.home(day).map(|home| home.unit.0.as_u128())
    }

    #[test]
    fn a_kind_of_employment_is_stored_by_its_word() {
        for kind in EmploymentKind::ALL {
            assert_eq!(kind.word().parse(), Ok(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
        assert_eq!("Full_Time".parse::<EmploymentKind>(), Err(NoEmploymentKind));
    }

    #[test]
    fn somebody_belongs_to_the_home_of_the_day_and_in_a_gap_to_the_one_before() {
        let person = somebody(vec![
            employment(Post::Home, date(2026, 1, 1), Some(date(2026, 1, 31)), 1),
            employment(Post::Home, date(2026, 2, 10), Some(date(2026, 2, 28)), 2),
        ]);
        for (day, unit) in [
            (date(2025, 6, 1), 1),
            (date(2026, 1, 1), 1),
            (date(2026, 1, 31), 1),
            (date(2026, 2, 1), 1),
            (date(2026, 2, 9), 1),
            (date(2026, 2, 10), 2),
            (date(2027, 6, 1), 2),
        ] {
            assert_eq!(home(&person, day), Some(unit), "{day}");
            let other_order =
                DirectoryPerson { employments: person.employments.iter().rev().cloned().collect(), ..person.clone() };
            assert_eq!(home(&other_order, day), Some(unit), "{day}, whatever the order");
        }
        assert_eq!(home(&somebody(vec![]), date(2026, 1, 1)), None);
    }

    #[test]
    fn a_second_post_or_a_secondment_moves_nobody() {
        let person = somebody(vec![
            employment(Post::Home, date(2026, 1, 1), None, 1),
            employment(Post::Beside, date(2026, 3, 1), None, 2),
            employment(Post::Beside, date(2026, 3, 1), Some(date(2026, 3, 31)), 3),
        ]);
        for day in [date(2025, 1, 1), date(2026, 2, 28), date(2026, 3, 1), date(2026, 4, 1)] {
            assert_eq!(home(&person, day), Some(1), "{day}");
        }
        let month = Period::month_of(date(2025, 12, 1));
        assert!(!person.employed_in(month) && person.employed_in(Period::month_of(date(2026, 1, 1))));
    }
}
