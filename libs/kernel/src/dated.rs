//! Facts that hold on some days, such as an employment. A fact is a set of stretches of days: a change closes versions of
//! stretches and writes others in their place, and nothing is rewritten (`docs/decisions/0010-dated-facts.md`). Which
//! versions were known at which instant is the store's matter.

use std::collections::HashSet;

use jiff::civil::Date;
use uuid::Uuid;

/// From a first day to a last one, or without an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    /// First day.
    pub from: Date,
    /// Last day, or no end.
    pub to: Option<Date>,
}

impl Days {
    /// Between these days, both included.
    pub const fn new(from: Date, to: Option<Date>) -> Self {
        Self { from, to }
    }

    /// Whether a day is one of them.
    pub fn covers(self, day: Date) -> bool {
        self.from <= day && self.to.is_none_or(|last| day <= last)
    }

    /// Whether a day is one of both.
    pub fn overlaps(self, other: Self) -> bool {
        other.to.is_none_or(|last| self.from <= last) && self.to.is_none_or(|last| other.from <= last)
    }

    /// Those before a day, if there are any.
    pub fn before(self, day: Date) -> Option<Self> {
        let eve = day.yesterday().ok().filter(|eve| self.from <= *eve)?;
        Some(Self { to: Some(self.to.map_or(eve, |last| last.min(eve))), ..self })
    }

    /// Those after a day, if there are any.
    pub fn after(self, day: Date) -> Option<Self> {
        let next = day.tomorrow().ok().filter(|next| self.to.is_none_or(|last| *next <= last))?;
        Some(Self { from: self.from.max(next), ..self })
    }
}

/// One version of one stretch of a fact. Written with [`dated!`](crate::dated!).
pub trait Dated: Clone {
    /// Id of this version.
    fn row(&self) -> Uuid;
    /// When it holds.
    fn days(&self) -> Days;
    /// Another version, which says the same of other days.
    #[must_use]
    fn on(&self, row: Uuid, days: Days) -> Self;

    /// Whether it holds on a day.
    fn covers(&self, day: Date) -> bool {
        self.days().covers(day)
    }

    /// Whether it holds on a day between these.
    fn overlaps(&self, from: Date, to: Option<Date>) -> bool {
        self.days().overlaps(Days::new(from, to))
    }
}

/// Says of types with the fields `row`, `from` and `to` that they are [`Dated`].
#[macro_export]
macro_rules! dated {
    ($($fact:ty),+) => {
        $(impl $crate::dated::Dated for $fact {
            fn row(&self) -> ::uuid::Uuid {
                self.row
            }
            fn days(&self) -> $crate::dated::Days {
                $crate::dated::Days::new(self.from, self.to)
            }
            fn on(&self, row: ::uuid::Uuid, days: $crate::dated::Days) -> Self {
                Self { row, from: days.from, to: days.to, ..self.clone() }
            }
        })+
    };
}

/// The last day of all stretches; nothing while one has no end, or for none.
pub fn last_day<'f, T: Dated + 'f>(stretches: impl IntoIterator<Item = &'f T>) -> Option<Date> {
    stretches.into_iter().map(|stretch| stretch.days().to).reduce(|a, b| Some(a?.max(b?)))?
}

/// What a change does to versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Succession<T> {
    /// Those that are known no longer.
    pub closes: Vec<Uuid>,
    /// Those that are known from now on.
    pub writes: Vec<T>,
}

impl<T> Default for Succession<T> {
    fn default() -> Self {
        Self { closes: Vec::new(), writes: Vec::new() }
    }
}

impl<T: Dated> Succession<T> {
    /// A stretch ends with this day; one that begins later never was.
    pub fn end(&mut self, old: &T, last_day: Date, id: &mut impl FnMut() -> Uuid) {
        self.closes.push(old.row());
        let from = old.days().from;
        self.writes.extend((from <= last_day).then(|| old.on(id(), Days::new(from, Some(last_day)))));
    }

    /// A stretch holds before and after these days only.
    pub fn give_way(&mut self, old: &T, days: Days, id: &mut impl FnMut() -> Uuid) {
        self.closes.push(old.row());
        let rest = [old.days().before(days.from), days.to.and_then(|last| old.days().after(last))];
        self.writes.extend(rest.into_iter().flatten().map(|days| old.on(id(), days)));
    }

    /// Something else follows a stretch from a day on; where that begins later, it takes its place.
    pub fn turn(&mut self, old: &T, from: Date, next: &T, id: &mut impl FnMut() -> Uuid) {
        self.give_way(old, Days::new(from, None), id);
        self.writes.push(next.on(id(), Days::new(from.max(old.days().from), next.days().to)));
    }

    /// What is known after the change.
    pub fn apply<'f>(&'f self, known: impl IntoIterator<Item = &'f T, IntoIter: 'f>) -> impl Iterator<Item = &'f T> {
        let closed: HashSet<Uuid> = self.closes.iter().copied().collect();
        known.into_iter().filter(move |version| !closed.contains(&version.row())).chain(&self.writes)
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Who holds a post, by days.
    #[derive(Clone, Debug, PartialEq, Eq)]
    struct Held {
        row: Uuid,
        by: u8,
        from: Date,
        to: Option<Date>,
    }

    dated!(Held);

    const DAYS: i32 = 24;

    fn day(n: i32) -> Date {
        Date::constant(2026, 3, 1).checked_add(n.days()).expect("a date")
    }

    fn days(from: i32, length: Option<i32>) -> Days {
        Days::new(day(from), length.map(|length| day(from + length)))
    }

    #[derive(Clone, Debug)]
    enum Step {
        Turn { from: i32, by: u8 },
        End { on: i32 },
        GiveWay { from: i32, length: Option<i32>, by: u8 },
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let some = || 0..DAYS;
        let step = prop_oneof![
            (some(), 1_u8..).prop_map(|(from, by)| Step::Turn { from, by }),
            some().prop_map(|on| Step::End { on }),
            (some(), proptest::option::of(0..8), 1_u8..).prop_map(|(from, length, by)| Step::GiveWay {
                from,
                length,
                by
            }),
        ];
        vec(step, 1..12)
    }

    proptest! {
        #[test]
        fn what_is_known_after_any_changes_is_what_a_diary_says_day_by_day(steps in steps()) {
            let mut next = 0_u128;
            let mut id = || { next += 1; Uuid::from_u128(next) };
            let mut known = vec![Held { row: id(), by: 0, from: day(0), to: None }];
            let mut diary = [Some(0_u8); DAYS as usize];
            for step in steps {
                let mut change = Succession::default();
                let at = |n| known.iter().find(|held: &&Held| held.covers(day(n)));
                match step {
                    Step::Turn { from, by } => {
                        let Some(old) = at(from) else { continue };
                        change.turn(old, day(from), &Held { by, ..old.clone() }, &mut id);
                        let until = |n: i32| old.to.is_none_or(|last| day(n) <= last);
                        (from..DAYS).filter(|n| until(*n)).for_each(|n| diary[n as usize] = Some(by));
                    }
                    Step::End { on } => {
                        let Some(old) = at(on).filter(|old| old.to != Some(day(on))) else { continue };
                        change.end(old, day(on), &mut id);
                        (on + 1..DAYS).filter(|n| old.covers(day(*n))).for_each(|n| diary[n as usize] = None);
                    }
                    Step::GiveWay { from, length, by } => {
                        let these = days(from, length);
                        for old in known.iter().filter(|held| held.days().overlaps(these)) {
                            change.give_way(old, these, &mut id);
                        }
                        change.writes.push(Held { row: id(), by, from: these.from, to: these.to });
                        (0..DAYS).filter(|n| these.covers(day(*n))).for_each(|n| diary[n as usize] = Some(by));
                    }
                }
                let after: Vec<Held> = change.apply(&known).cloned().collect();
                known = after;
                for (n, by) in (0..DAYS).zip(diary) {
                    let holding: Vec<u8> = known.iter().filter(|held| held.covers(day(n))).map(|held| held.by).collect();
                    prop_assert_eq!(holding, Vec::from_iter(by), "day {}", n);
                }
            }
        }

        #[test]
        fn days_overlap_when_a_day_is_one_of_both(
            a in (0..9, proptest::option::of(0..5)), b in (0..9, proptest::option::of(0..5)), at in 0..9_i32,
        ) {
            let (a, b) = (days(a.0, a.1), days(b.0, b.1));
            prop_assert_eq!(a.overlaps(b), (0..20).any(|n| a.covers(day(n)) && b.covers(day(n))));
            prop_assert_eq!(a.overlaps(b), b.overlaps(a));
            for n in 0..20 {
                let [before, after] = [a.before(day(at)), a.after(day(at))].map(|part| part.is_some_and(|p| p.covers(day(n))));
                prop_assert_eq!((before, after), (a.covers(day(n)) && n < at, a.covers(day(n)) && n > at));
            }
        }
    }

    #[test]
    fn the_last_day_is_known_when_every_stretch_has_one() {
        let held = |from, length: Option<i32>| {
            let Days { from, to } = days(from, length);
            Held { row: Uuid::nil(), by: 0, from, to }
        };
        assert_eq!(last_day::<Held>([]), None);
        assert_eq!(last_day(&[held(0, Some(3)), held(5, Some(1))]), Some(day(6)));
        assert_eq!(last_day(&[held(0, Some(3)), held(5, None)]), None);
    }
}
