//! The schedule as it holds for a group: the suite's defaults, and what the group set within their bounds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tally_privacy::{Kind, SCHEDULE, kind};

/// How long a group keeps one kind of data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    pub kind: String,
    /// Months that it is kept.
    pub months: u32,
    /// Why the group set other months than the default.
    pub set_reason: String,
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
pub fn judge(name: &str, months: u32) -> Result<&'static Kind, RetentionError> {
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
        let (months, set_reason) =
            set.get(kind.name).map_or((kind.months, String::new()), |one| (one.months, one.set_reason.clone()));
        let months = months.clamp(kind.least, kind.most);
        (kind, Retention { kind: kind.name.to_owned(), months, set_reason })
    };
    SCHEDULE.iter().map(as_it_holds).collect()
}

/// Months that a kind is kept.
pub fn months(set: &[Retention], name: &str) -> Option<u32> {
    schedule(set).into_iter().find(|(kind, _)| kind.name == name).map(|(_, one)| one.months)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(kind: &str, months: u32) -> Retention {
        Retention { kind: kind.to_owned(), months, set_reason: "longer".to_owned() }
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
    fn what_the_group_set_stands_before_the_default_and_never_below_the_law() {
        assert_eq!(months(&[], "attendance.duty"), Some(24));
        assert_eq!(months(&[set("attendance.duty", 60)], "attendance.duty"), Some(60));
        assert_eq!(months(&[set("attendance.duty", 60)], "talent.evidence"), Some(36));
        assert_eq!(months(&[set("attendance.duty", 3)], "attendance.duty"), Some(24), "a bound that was raised since");
        assert_eq!(schedule(&[]).len(), SCHEDULE.len());
    }
}
