//! What a person should look at; nothing is lost because of it.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use strum_macros::{Display, EnumString};
use tally_kernel::Message;
use tally_kernel::id::PersonId;
use tally_kernel::time::told_at;

use super::Version;
use super::repairs::Repair;

/// What was odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Display, EnumString)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum FindingKind {
    /// No roster, punch or hand-over speaks for an account.
    NoDutyEvidence,
    /// There is evidence about an account, and still nobody was on duty in the whole period.
    UnheldAccount,
    /// Several people held an exclusive account at once, or somebody took one that another had not released.
    Overlap,
    /// A take without its release.
    MissingRelease,
    /// A release by somebody who did not hold the account.
    ReleaseWithoutTake,
    /// A second `in`.
    DoubleIn,
    /// An `in` without its `out`, or the other way round.
    MissingPunch,
    /// Somebody punched on the working day of a shift, and no pair of punches covers any of it.
    UncoveredShift,
    /// Somebody punched on the working day of a shift, and only the edge of it counts: what reaches into it is presence of
    /// another shift, or none of its planned time is covered.
    BarelyCoveredShift,
    /// By the hand-over log only others held the account in the time of a shift that would have counted.
    HeldByOthers,
    /// A shift, a punch or a hold of somebody who is not employed then.
    NotEmployed,
}

/// An instant as its reader sees it: by the clock of the person or the account it is about. Sorts by the instant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// The instant, wherever it is read.
    pub at: Timestamp,
    told: String,
}

impl Moment {
    /// The instant in a zone. Months of the first version were told by UTC, and stay so.
    pub(super) fn new(at: Timestamp, zone: &TimeZone, version: Version) -> Self {
        let told = match version {
            Version::V1 => at.to_string(),
            Version::V2 | Version::V3 => told_at(at, zone),
        };
        Self { at, told }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told)
    }
}

/// One finding; sorts by instant (those about the whole period first), kind and subject.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// When, or nothing when it is about the whole period.
    pub at: Option<Moment>,
    /// What.
    pub kind: FindingKind,
    /// An account's key or an employee number.
    pub subject: String,
    /// One sentence: what was seen and what was made of it. Its arguments are texts: other services keep them.
    pub detail: Message,
    /// Whom it is about, where that is one person.
    pub person: Option<PersonId>,
    /// What would put it right, where that follows from the evidence.
    pub repair: Option<Repair>,
}

impl Finding {
    pub(super) fn new(kind: FindingKind, subject: &str, at: Option<Moment>, detail: Message) -> Self {
        Self { at, kind, subject: subject.to_owned(), detail, person: None, repair: None }
    }

    pub(super) fn about(self, person: PersonId) -> Self {
        Self { person: Some(person), ..self }
    }

    pub(super) fn repaired_by(self, repair: Option<Repair>) -> Self {
        Self { repair, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::FindingKind;

    #[test]
    fn the_words_of_findings_are_these() {
        tally_testkit::words([
            (FindingKind::NoDutyEvidence, "NO_DUTY_EVIDENCE"),
            (FindingKind::UnheldAccount, "UNHELD_ACCOUNT"),
            (FindingKind::Overlap, "OVERLAP"),
            (FindingKind::MissingRelease, "MISSING_RELEASE"),
            (FindingKind::ReleaseWithoutTake, "RELEASE_WITHOUT_TAKE"),
            (FindingKind::DoubleIn, "DOUBLE_IN"),
            (FindingKind::MissingPunch, "MISSING_PUNCH"),
            (FindingKind::UncoveredShift, "UNCOVERED_SHIFT"),
            (FindingKind::BarelyCoveredShift, "BARELY_COVERED_SHIFT"),
            (FindingKind::HeldByOthers, "HELD_BY_OTHERS"),
            (FindingKind::NotEmployed, "NOT_EMPLOYED"),
        ]);
    }
}
