//! Who is in a cycle, who is not, and why. Pure.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tally_kernel::id::{OrgUnitId, PersonId};
use tally_kernel::person::{DirectoryPerson, Employment, EmploymentKind};
use tally_kernel::time::Period;

/// Who is in a cycle: people of its unit who are employed in the period, and of these whoever fits everything that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Population {
    /// Of these units with all below them; all where none is named.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub units: BTreeSet<OrgUnitId>,
    /// In one of these positions; in any where none is named.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub positions: BTreeSet<String>,
    /// In one of these grades.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub grades: BTreeSet<String>,
    /// Employed as one of these; somebody of whom nobody said as what is in none.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub kinds: BTreeSet<EmploymentKind>,
    /// In whatever position, grade and unit below the cycle's they are.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub include: BTreeSet<PersonId>,
    /// Out, whatever else is said.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub exclude: BTreeSet<PersonId>,
    /// The day whose employments count; the last of the period where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Date>,
}

/// Why somebody is in a population, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Because {
    /// In: fits all that is said.
    Fits,
    /// In: named.
    NamedIn,
    /// Out: named.
    NamedOut,
    /// Out: not employed in the period.
    NotEmployed,
    /// Out: of another unit on the day.
    OtherUnit,
    /// Out: in another position on the day.
    OtherPosition,
    /// Out: in another grade on the day.
    OtherGrade,
    /// Out: employed as something else on the day.
    OtherKind,
    /// Out: kinds are named, and of the person nobody said one for the day.
    KindNotSaid,
}

impl Because {
    /// Whether in.
    pub fn is_in(self) -> bool {
        matches!(self, Self::Fits | Self::NamedIn)
    }
}

impl Population {
    /// The day whose employments count.
    pub fn day(&self, period: Period) -> Date {
        self.as_of.unwrap_or(period.to())
    }

    /// Whether somebody is in, and why. `within` says whether the person counts in a unit, or below it, on the day.
    pub fn judge(&self, person: &DirectoryPerson, period: Period, within: impl Fn(OrgUnitId) -> bool) -> Because {
        let fits = |home: &Employment| {
            let within = self.units.is_empty() || self.units.iter().any(|unit| within(*unit));
            let one_of = |texts: &BTreeSet<String>, text: &str| texts.is_empty() || texts.contains(text);
            match (within, one_of(&self.positions, &home.position), one_of(&self.grades, &home.grade)) {
                (true, true, true) => self.judge_kind(home.kind),
                (false, ..) => Because::OtherUnit,
                (true, false, _) => Because::OtherPosition,
                (true, true, false) => Because::OtherGrade,
            }
        };
        match person.home(self.day(period)).filter(|_| person.employed_in(period)) {
            _ if self.exclude.contains(&person.id) => Because::NamedOut,
            None => Because::NotEmployed,
            Some(_) if self.include.contains(&person.id) => Because::NamedIn,
            Some(home) => fits(home),
        }
    }

    fn judge_kind(&self, kind: Option<EmploymentKind>) -> Because {
        match kind {
            _ if self.kinds.is_empty() => Because::Fits,
            None => Because::KindNotSaid,
            Some(kind) if self.kinds.contains(&kind) => Because::Fits,
            Some(_) => Because::OtherKind,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::civil::date;
    use tally_kernel::Region;
    use tally_kernel::person::Post;
    use tally_kernel::time::zone;
    use uuid::Uuid;

    use super::*;

    fn unit(n: u128) -> OrgUnitId {
        OrgUnitId(Uuid::from_u128(n))
    }

    fn employment(of: u128, from: Date, to: Option<Date>, position: &str) -> Employment {
        let (unit_path, position, grade): (Arc<str>, Arc<str>, Arc<str>) = ("u".into(), position.into(), "P3".into());
        let region: Region = "cn-north".parse().unwrap();
        Employment { post: Post::Home, from, to, unit: unit(of), unit_path, region, position, grade, kind: None }
    }

    fn somebody(employments: Vec<Employment>) -> DirectoryPerson {
        let zone = zone("Asia/Shanghai").unwrap();
        DirectoryPerson { id: PersonId(Uuid::from_u128(9)), employee_no: "E9".into(), zone, employments }
    }

    fn march() -> Period {
        Period::month_of(date(2026, 3, 1))
    }

    /// Unit 10 holds 11 and 12.
    fn holds(above: OrgUnitId, below: OrgUnitId) -> bool {
        above == below || above == unit(10) && [unit(11), unit(12)].contains(&below)
    }

    fn judge(population: &Population, person: &DirectoryPerson) -> Because {
        let home = person.home(population.day(march())).unwrap();
        population.judge(person, march(), |above| holds(above, home.unit))
    }

    #[test]
    fn somebody_is_in_who_fits_all_that_is_said_on_the_day() {
        let moved = somebody(vec![
            employment(11, date(2026, 1, 1), Some(date(2026, 3, 15)), "agent"),
            employment(12, date(2026, 3, 16), None, "lead"),
        ]);
        let of = |n: u128| Population { units: [unit(n)].into(), ..Population::default() };
        assert_eq!(judge(&Population::default(), &moved), Because::Fits);
        assert_eq!([judge(&of(10), &moved), judge(&of(12), &moved)], [Because::Fits; 2]);
        assert_eq!(judge(&of(11), &moved), Because::OtherUnit);
        let early = Population { as_of: Some(date(2026, 3, 10)), ..of(11) };
        assert_eq!(judge(&early, &moved), Because::Fits);
        let agents = Population { positions: ["agent".into()].into(), ..Population::default() };
        assert_eq!(judge(&agents, &moved), Because::OtherPosition);
        let graded = Population { grades: ["P4".into()].into(), ..Population::default() };
        assert_eq!(judge(&graded, &moved), Because::OtherGrade);
    }

    #[test]
    fn kinds_of_employment_are_of_the_day_and_nobody_is_guessed_to_have_one() {
        let mut stretches = [
            (None, 1, Some(9)),
            (Some(EmploymentKind::Intern), 10, Some(20)),
            (Some(EmploymentKind::FullTime), 21, None),
        ]
        .map(|(kind, from, to)| {
            let to = to.map(|day| date(2026, 3, day));
            Employment { kind, ..employment(11, date(2026, 3, from), to, "agent") }
        })
        .to_vec();
        let person = somebody(stretches.clone());
        let of =
            |kind, day| Population { kinds: [kind].into(), as_of: Some(date(2026, 3, day)), ..Population::default() };
        for (day, intern, full_time) in [
            (5, Because::KindNotSaid, Because::KindNotSaid),
            (15, Because::Fits, Because::OtherKind),
            (31, Because::OtherKind, Because::Fits),
        ] {
            assert_eq!(judge(&of(EmploymentKind::Intern, day), &person), intern, "{day}");
            assert_eq!(judge(&of(EmploymentKind::FullTime, day), &person), full_time, "{day}");
        }
        stretches.truncate(1);
        assert_eq!(judge(&Population::default(), &somebody(stretches)), Because::Fits, "none is named");
        let stored = serde_json::to_string(&Population::default()).unwrap();
        assert_eq!(stored, "{}", "populations of before are the same bytes");
        let stored =
            serde_json::to_string(&Population { kinds: EmploymentKind::ALL.into(), ..Population::default() }).unwrap();
        let words = r#"["full_time","part_time","fixed_term","intern","agency","outsourced","freelance"]"#;
        assert_eq!(stored, format!(r#"{{"kinds":{words}}}"#));
    }

    #[test]
    fn being_named_counts_more_than_anything_but_being_employed() {
        let person = somebody(vec![employment(11, date(2026, 1, 1), None, "agent")]);
        let named = Population { include: [person.id].into(), units: [unit(12)].into(), ..Population::default() };
        assert_eq!(judge(&named, &person), Because::NamedIn);
        let both = Population { exclude: [person.id].into(), ..named.clone() };
        assert_eq!(judge(&both, &person), Because::NamedOut);
        let gone = somebody(vec![employment(11, date(2026, 1, 1), Some(date(2026, 2, 28)), "agent")]);
        assert_eq!(judge(&named, &gone), Because::NotEmployed);
        assert!(judge(&named, &person).is_in() && !judge(&both, &person).is_in());
    }

    #[test]
    fn who_left_within_the_period_counts_by_the_last_home() {
        let left = somebody(vec![employment(11, date(2026, 1, 1), Some(date(2026, 3, 5)), "agent")]);
        assert_eq!(judge(&Population { units: [unit(11)].into(), ..Population::default() }, &left), Because::Fits);
    }
}
