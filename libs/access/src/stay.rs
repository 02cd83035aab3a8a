//! When a unit hung below another one. A unit that moves takes its people along and leaves its past behind: what was before
//! the move stays with whom it was made under.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// When a fact was: its day where it has one, else its instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// A day of the group's calendar.
    Day(Date),
    /// An instant.
    Instant(Timestamp),
    /// A stretch of days, the last of them open where there is no end: any of them will do.
    Days(Date, Option<Date>),
}

/// The first day of what comes after a move, and the instant at which it begins in the group's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Border {
    /// The day.
    pub day: Date,
    /// When it begins.
    pub at: Timestamp,
}

impl Border {
    /// The border before a day. A day that never begins (beyond the calendar) is one that no fact reaches.
    pub fn before(day: Date, zone: &TimeZone) -> Self {
        let at = day.to_zoned(zone.clone()).map_or(Timestamp::MAX, |zoned| zoned.timestamp());
        Self { day, at }
    }

    /// Whether a fact, or the first day of a stretch, comes before it.
    fn after_first(&self, moment: Moment) -> bool {
        match moment {
            Moment::Day(day) | Moment::Days(day, _) => day < self.day,
            Moment::Instant(instant) => instant < self.at,
        }
    }

    /// Whether a fact, or the last day of a stretch, comes before it.
    fn after_last(&self, moment: Moment) -> bool {
        match moment {
            Moment::Days(_, last) => last.is_some_and(|last| last < self.day),
            Moment::Day(_) | Moment::Instant(_) => self.after_first(moment),
        }
    }
}

/// A stretch of days on which a unit hung somewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stay {
    /// Before its first day; always, where there is none.
    pub from: Option<Border>,
    /// After its last day; for ever, where there is none.
    pub until: Option<Border>,
}

impl Stay {
    /// The days that are in both; nothing where none is.
    pub fn meet(&self, other: &Self) -> Option<Self> {
        let until = [self.until, other.until].into_iter().flatten().min();
        let both = Self { from: self.from.max(other.from), until };
        let some = both.from.zip(both.until).is_none_or(|(from, until)| from < until);
        some.then_some(both)
    }

    /// Whether a fact falls into it.
    pub fn holds(&self, moment: Moment) -> bool {
        self.from.is_none_or(|from| !from.after_last(moment))
            && self.until.is_none_or(|until| until.after_first(moment))
    }

    /// Whether all days of `other` are in it.
    fn spans(&self, other: &Self) -> bool {
        self.meet(other) == Some(*other)
    }
}

/// The days on which a unit hung below what a grant names, and whether it does so today.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stays {
    today: bool,
    /// In order, apart from each other.
    days: Vec<Stay>,
}

impl Stays {
    /// Of any days, in any order.
    pub fn new(today: bool, days: impl IntoIterator<Item = Stay>) -> Self {
        let mut stays = Self { today, days: days.into_iter().collect() };
        stays.settle();
        stays
    }

    /// Whether the unit hangs there today.
    pub fn today(&self) -> bool {
        self.today
    }

    /// The days, in order and apart from each other.
    pub fn days(&self) -> &[Stay] {
        &self.days
    }

    /// Whether a fact of that moment is reached; one that is as it is today by where the unit hangs today.
    pub fn hold(&self, moment: Option<Moment>) -> bool {
        moment.map_or(self.today, |moment| self.days.iter().any(|stay| stay.holds(moment)))
    }

    /// Which of the days between two these are.
    pub(crate) fn within(&self, first: Date, last: Date) -> Vec<(Date, Date)> {
        let cut = |stay: &Stay| {
            let ends = |border: Border| border.day.yesterday().ok();
            let from = stay.from.map_or(first, |border| border.day.max(first));
            let to = stay.until.map_or(Some(last), ends)?.min(last);
            (from <= to).then_some((from, to))
        };
        self.days.iter().filter_map(cut).collect()
    }

    /// Whether no day is missing.
    pub(crate) fn always(&self) -> bool {
        self.days == [Stay::default()]
    }

    /// Whether all days of a stay are in one of these.
    pub(crate) fn spans(&self, stay: &Stay) -> bool {
        self.days.iter().any(|there| there.spans(stay))
    }

    pub(crate) fn absorb(&mut self, other: &Self) {
        self.today |= other.today;
        self.days.extend(&other.days);
        self.settle();
    }

    /// Orders the days, and joins those that follow on each other.
    fn settle(&mut self) {
        self.days.sort_unstable();
        self.days.dedup_by(|next, last| {
            let joined = last.until.is_none_or(|until| next.from.is_none_or(|from| from <= until));
            if joined {
                let ends = last.until.zip(next.until).map(|(a, b)| a.max(b));
                last.until = ends;
            }
            joined
        });
    }
}
