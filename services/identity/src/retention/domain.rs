//! The schedule as it holds for a group: the suite's defaults, and what the group set within their bounds.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tally_kernel::Result;
use tally_privacy::{Kind, Raised, SCHEDULE, kind, months_before};

/// How long a group keeps one kind of data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    pub kind: String,
    /// Months that it is kept.
    pub months: u32,
    /// Why the group set other months than the default.
    pub set_reason: String,
    /// What was over when it was last kept longer.
    pub raised: Option<Raised>,
}

/// Why months are not set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetentionError {
    /// No kind of this name.
    KindUnknown(String),
    /// Outside of what the kind allows, from and to.
    OutOfBounds(u32, u32),
}

/// Whether a group may keep this kind for so long.
///
/// # Errors
/// See [`RetentionError`].
pub fn judge(name: &str, months: u32) -> std::result::Result<&'static Kind, RetentionError> {
    let kind = kind(name).ok_or_else(|| RetentionError::KindUnknown(name.to_owned()))?;
    if (kind.least..=kind.most).contains(&months) {
        Ok(kind)
    } else {
        Err(RetentionError::OutOfBounds(kind.least, kind.most))
    }
}

/// The whole schedule, by name. What was set and is out of bounds by now counts as its nearest bound.
pub fn schedule(set: &[Retention]) -> Vec<(&'static Kind, Retention)> {
    let set: BTreeMap<&str, &Retention> = set.iter().map(|one| (one.kind.as_str(), one)).collect();
    let as_it_holds = |kind: &'static Kind| {
        let default =
            || Retention { kind: kind.name.to_owned(), months: kind.months, set_reason: String::new(), raised: None };
        let one = set.get(kind.name).map_or_else(default, |one| (*one).clone());
        (kind, Retention { months: one.months.clamp(kind.least, kind.most), ..one })
    };
    SCHEDULE.iter().map(as_it_holds).collect()
}

/// How a kind is kept.
pub fn of_kind(set: &[Retention], name: &str) -> Option<Retention> {
    schedule(set).into_iter().find(|(kind, _)| kind.name == name).map(|(_, one)| one)
}

impl Retention {
    /// Kept for other months from now on. What was over until then stays over for what was worked out before: a longer time brings nothing back.
    ///
    /// # Errors
    /// Beyond the calendar.
    pub fn set(self, months: u32, set_reason: String, now: Timestamp) -> Result<Self> {
        let raised = if months > self.months {
            let over = months_before(now, self.months)?;
            let removed_before = self.raised.map_or(over, |raised| raised.removed_before.max(over));
            Some(Raised { removed_before, at: now })
        } else {
            self.raised
        };
        Ok(Self { months, set_reason, raised, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn months(set: &[Retention], name: &str) -> Option<u32> {
        of_kind(set, name).map(|one| one.months)
    }

    fn set(kind: &str, months: u32) -> Retention {
        Retention { kind: kind.to_owned(), months, set_reason: "longer".to_owned(), raised: None }
    }

    #[test]
    fn a_group_chooses_within_the_bounds_of_the_kind_alone() {
        for &Kind { name, least, most, .. } in &SCHEDULE {
            assert_eq!(judge(name, least).map(|kind| kind.name), Ok(name));
            assert_eq!(judge(name, most).map(|kind| kind.name), Ok(name));
            assert_eq!(judge(name, most + 1), Err(RetentionError::OutOfBounds(least, most)));
            if least > 0 {
                assert_eq!(judge(name, least - 1), Err(RetentionError::OutOfBounds(least, most)));
            }
        }
        assert_eq!(judge("nobody.knows", 24), Err(RetentionError::KindUnknown("nobody.knows".to_owned())));
    }

    #[test]
    fn a_longer_time_keeps_what_was_over_until_then() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let step = |one: Retention, months, now: &str| one.set(months, "longer".to_owned(), at(now)).unwrap();
        let over =
            |one: &Retention| one.raised.map(|raised| (raised.removed_before.to_string(), raised.at.to_string()));
        let told = |before: &str, raised: &str| Some((before.to_owned(), raised.to_owned()));
        let first = of_kind(&[], "attendance.duty").unwrap();
        let longer = step(first, 120, "2026-03-31T10:00:00Z");
        assert_eq!(over(&longer), told("2024-03-31T10:00:00Z", "2026-03-31T10:00:00Z"));
        let same = step(longer, 120, "2026-04-30T10:00:00Z");
        assert_eq!(over(&same), told("2024-03-31T10:00:00Z", "2026-03-31T10:00:00Z"), "the reason alone");
        let shorter = step(same, 60, "2026-05-31T10:00:00Z");
        assert_eq!(over(&shorter), told("2024-03-31T10:00:00Z", "2026-03-31T10:00:00Z"));
        let again = step(shorter, 120, "2026-06-30T10:00:00Z");
        assert_eq!(over(&again), told("2024-03-31T10:00:00Z", "2026-06-30T10:00:00Z"), "the later edge stays");
    }

    #[test]
    fn what_the_group_set_stands_before_the_default_and_never_below_the_law() {
        assert_eq!(months(&[], "attendance.duty"), Some(24));
        assert_eq!(months(&[set("attendance.duty", 60)], "attendance.duty"), Some(60));
        assert_eq!(months(&[set("attendance.duty", 60)], "talent.evidence"), Some(36));
        assert_eq!(months(&[set("attendance.duty", 3)], "attendance.duty"), Some(24), "a bound that was raised since");
        assert_eq!(schedule(&[]).len(), SCHEDULE.len());
    }
}
